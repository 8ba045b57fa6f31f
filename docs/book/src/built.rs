//! The links of a finished book.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::attributes;

/// Each link of a book's pages to a file or a heading that the book lacks, with its page.
pub fn faults(book: &Path) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    read(book, &mut pages)?;
    let ids: BTreeMap<_, BTreeSet<_>> = pages
        .iter()
        .map(|(path, html)| (path, attributes::values(html, "id").into_iter().map(|(_, id)| id).collect()))
        .collect();
    let mut faults = Vec::new();
    for (page, html) in &pages {
        let links = ["href", "src"].iter().flat_map(|name| attributes::values(html, name));
        for (_, link) in links.filter(|(_, link)| !link.contains(':')) {
            let (file, anchor) = link.split_once('#').map_or((link, ""), |(file, anchor)| (file, anchor));
            let path = if file.is_empty() { page.clone() } else { normal(page, file) };
            let has_anchor = |anchor| ids.get(&path).is_some_and(|ids| ids.contains(anchor));
            if !path.is_file() || (!anchor.is_empty() && !has_anchor(anchor)) {
                faults.push(format!("{}: {link}", page.display()));
            }
        }
    }
    Ok(faults)
}

/// Reads the pages of a folder and of those in it. The page for a missing page has a server's addresses and is left out.
fn read(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") && !path.ends_with("404.html") {
            let html = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            pages.insert(path, html);
        }
    }
    Ok(())
}

/// A link's file beside a page, without `..`.
fn normal(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(page).to_owned();
    for part in link.split('/') {
        match part {
            ".." => _ = path.pop(),
            "." => {}
            part => path.push(part),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_with_a_link_to_nowhere_is_found() {
        let book = tempfile::tempdir().unwrap();
        let write = |name: &str, html: &str| fs::write(book.path().join(name), html).unwrap();
        fs::create_dir(book.path().join("in")).unwrap();
        write("404.html", r#"<a href="/none.html">"#);
        write("a.html", r##"<p id="x"><a href="#x"><a href="in/b.html#y"><a href="https://example.org/#z">"##);
        write("in/b.html", r#"<p id="y"><a href="../a.html#x">"#);
        assert_eq!(faults(book.path()).unwrap(), [""; 0]);
        write("in/b.html", r#"<p><a href="../a.html#z"><img src="c.png">"#);
        let found: Vec<_> =
            faults(book.path()).unwrap().iter().map(|fault| fault.rsplit_once(": ").unwrap().1.to_owned()).collect();
        assert_eq!(found, ["in/b.html#y", "../a.html#z", "c.png"]);
    }
}
