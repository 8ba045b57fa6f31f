//! The project's pages: their order, their links, and the headings that a link may name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::attributes;

const SUMMARY: &str = "docs/SUMMARY.md";

/// Every page of the book, by its path in the project.
pub struct Pages {
    root: PathBuf,
    /// docs/SUMMARY.md, with links from the project's folder.
    summary: String,
    pages: BTreeMap<PathBuf, Page>,
}

struct Page {
    links: Vec<Link>,
    anchors: BTreeSet<String>,
}

struct Link {
    line: usize,
    target: String,
}

impl Pages {
    /// Reads docs/SUMMARY.md and each page that it lists.
    pub fn read(root: &Path) -> Result<Self> {
        let text = read(root, Path::new(SUMMARY))?;
        let (mut summary, mut pages) = (String::new(), BTreeMap::new());
        let mut rest = &text[..];
        while let Some((before, link)) = rest.split_once("](") {
            let (target, after) = link.split_once(')').with_context(|| format!("{SUMMARY}: a link has no end"))?;
            let path = resolved(Path::new(SUMMARY), target)
                .with_context(|| format!("{SUMMARY}: {target} leaves the project"))?;
            let page = Page::new(&read(root, &path).with_context(|| format!("{SUMMARY} lists {target}"))?);
            summary += &format!("{before}]({})", path.display());
            ensure!(pages.insert(path, page).is_none(), "{SUMMARY} lists {target} twice");
            rest = after;
        }
        summary += rest;
        Ok(Self { root: root.to_owned(), summary, pages })
    }

    /// The number of pages.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// The number of links in them.
    pub fn links(&self) -> usize {
        self.pages.values().map(|page| page.links.len()).sum()
    }

    /// The book's order, with links from the project's folder.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The pages, and the files of the project that they link to.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let linked = self.pages.iter().flat_map(|(path, page)| {
            page.links.iter().filter_map(|link| resolved(path, link.target.split('#').next()?))
        });
        self.pages.keys().cloned().chain(linked).filter(|file| self.root.join(file).is_file()).collect()
    }

    /// Each link that leads nowhere, with its page and line; and each page of docs/ that the book lacks.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (path, page) in &self.pages {
            for Link { line, target } in &page.links {
                if let Some(fault) = self.fault(path, target) {
                    faults.push(format!("{}:{line}: {target}: {fault}", path.display()));
                }
            }
        }
        let docs = fs::read_dir(self.root.join("docs")).into_iter().flatten().flatten();
        let names = docs.map(|file| Path::new("docs").join(file.file_name()));
        let pages = names.filter(|path| is_page(path) && path != Path::new(SUMMARY));
        let missing = pages.filter(|path| !self.pages.contains_key(path));
        faults.extend(missing.map(|path| format!("{}: {SUMMARY} does not list it", path.display())));
        faults.sort();
        faults
    }

    fn fault(&self, page: &Path, target: &str) -> Option<String> {
        if let Some((scheme, rest)) = target.split_once(':') {
            return external(scheme, rest);
        }
        let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let Some(path) = resolved(page, file) else { return Some("it leaves the project".into()) };
        if self.root.join(&path).is_dir() {
            return Some("it is a folder, which a book cannot show: link to a file in it".into());
        }
        if !self.root.join(&path).is_file() {
            return Some(format!("there is no file {}", path.display()));
        }
        match (self.pages.get(&path), anchor) {
            (None, _) if is_page(&path) => Some(format!("{SUMMARY} does not list it")),
            (Some(page), Some(anchor)) if !page.anchors.contains(anchor) => {
                Some(format!("no heading of {} is #{anchor}", path.display()))
            }
            _ => None,
        }
    }
}

impl Page {
    fn new(text: &str) -> Self {
        let (mut links, mut anchors) = (Vec::new(), BTreeSet::new());
        let mut heading: Option<String> = None;
        let mut add = |place: usize, target: &str| {
            links.push(Link { line: text[..place].matches('\n').count() + 1, target: target.into() });
        };
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => add(range.start, &dest_url),
                Event::Html(html) | Event::InlineHtml(html) => {
                    for (place, target) in ["href", "src"].iter().flat_map(|name| attributes::values(&html, name)) {
                        add(range.start + place, target);
                    }
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&heading.take().unwrap_or_default());
                    let again = (1..).map(|number| format!("{name}-{number}"));
                    let free = [name.clone()].into_iter().chain(again).find(|name| !anchors.contains(name));
                    anchors.extend(free);
                }
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                _ => {}
            }
        }
        Self { links, anchors }
    }
}

/// The name by which a link finds a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns the mistake in the form of a web address. It sends no request.
fn external(scheme: &str, rest: &str) -> Option<String> {
    let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '#', '?']).next());
    let is_host = |host: &str| host.contains('.') && !host.starts_with('.') && !host.contains(char::is_whitespace);
    match (scheme, host) {
        ("http" | "https", Some(host)) if is_host(host) => None,
        _ => Some("it is no address such as https://example.org/".into()),
    }
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// The file that a link of a page means, from the project's folder; the page itself where it names none.
fn resolved(page: &Path, target: &str) -> Option<PathBuf> {
    if target.is_empty() {
        return Some(page.to_owned());
    }
    let mut path = page.parent()?.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path)
}

fn read(root: &Path, path: &Path) -> Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A project with these files.
    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn each_link_that_leads_nowhere_is_named() {
        let project = project(&[
            (SUMMARY, "# Summary\n\n[Start](../README.md)\n\n- [Page](page.md)\n"),
            (
                "README.md",
                "# Start\n\n[a](docs/page.md#two-words) [b](docs/none.md)\n[c](docs/page.md#none) [d](docs)\n",
            ),
            ("docs/page.md", "## Two *words*\n\n## Two words\n[a](#two-words-1) [b](../src/x.rs) [c](https:/x)\n"),
            ("docs/other.md", "<a href=\"../../x\">"),
            ("src/x.rs", ""),
        ]);
        let pages = Pages::read(project.path()).unwrap();
        assert_eq!(
            pages.faults(),
            [
                "README.md:3: docs/none.md: there is no file docs/none.md",
                "README.md:4: docs/page.md#none: no heading of docs/page.md is #none",
                "README.md:4: docs: it is a folder, which a book cannot show: link to a file in it",
                "docs/other.md: docs/SUMMARY.md does not list it",
                "docs/page.md:4: https:/x: it is no address such as https://example.org/",
            ]
        );
        assert_eq!(pages.summary(), "# Summary\n\n[Start](README.md)\n\n- [Page](docs/page.md)\n");
        let files = ["README.md", "docs/page.md", "src/x.rs"].map(PathBuf::from);
        assert_eq!(pages.files(), BTreeSet::from(files));
        assert_eq!((pages.count(), pages.links()), (2, 7));
    }

    #[test]
    fn html_has_links_too_and_code_has_none() {
        let page = Page::new(
            "a\n\n<p>\n<a href=\"x.md\"><img src=\"y.png\"></a>\n</p>\n\n`[no](no.md)`\n\n```\n[no](no.md)\n```\n",
        );
        let links: Vec<_> = page.links.iter().map(|link| (link.line, &link.target[..])).collect();
        assert_eq!(links, [(4, "x.md"), (4, "y.png")]);
    }

    #[test]
    fn a_summary_lists_a_page_once_and_inside_the_project() {
        let error = |summary| {
            let project = project(&[(SUMMARY, summary), ("README.md", "")]);
            format!("{:#}", Pages::read(project.path()).err().unwrap())
        };
        assert_eq!(error("[a](../README.md) [b](../README.md)"), "docs/SUMMARY.md lists ../README.md twice");
        assert_eq!(error("[a](../../README.md)"), "docs/SUMMARY.md: ../../README.md leaves the project");
        assert!(error("[a](a.md)").starts_with("docs/SUMMARY.md lists a.md: cannot read docs/a.md: "));
    }

    #[test]
    fn anchors_are_a_code_hosts() {
        assert_eq!(anchor("Labels, and `--numbers`"), "labels-and---numbers");
        assert_eq!(anchor(" Größe_2 "), "größe_2");
    }
}
