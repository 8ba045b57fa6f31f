use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    export_c::{BEGINNING, Export},
    files,
    task::output_words,
    weights,
};
use anyhow::{Context, Result};
use options::{c_name::CName, commands::ExportC};
use selvedge::task::TaskKind;

use super::{check_replaced, check_weights, classes, note, parse};

pub fn run(options: &ExportC) -> Result<()> {
    let Places { name, header, source } = Places::new(options)?;
    for path in [&header, &source] {
        files::check_writable(path)?;
        check_replaced(path, &[BEGINNING.as_bytes()], "a file that export-c wrote")?;
    }
    let path = &options.file.path;
    let bytes = weights::read(path)?;
    let file = parse(path, &bytes)?;
    check_weights(path, &file)?;
    let classes = classes(&options.file, &file);
    let export = Export { name: &name, path: path.as_os_str(), bytes: &bytes, file: &file, classes: &classes };
    let files = export.files().with_context(|| path.display().to_string())?;
    files::write_with(&source, |out| files.write_source(out))?;
    files::write_whole(&header, files.header().as_bytes())?;
    if !classes.are_named() {
        let task = file.signature().task.kind();
        let array = if task == TaskKind::Classification { "class_names" } else { "output_names" };
        let [_, outputs] = output_words(task);
        note(format_args!("{} names no {outputs}, so there is no {name}_{array}", path.display()));
    }
    writeln!(
        terminal::stdout(),
        "Wrote {} and {}: {} in {}, {} bytes of constants, {} bytes to work in",
        header.display(),
        source.display(),
        file.architecture(),
        file.format_name(),
        files.flash_bytes(),
        files.scratch_bytes()
    )?;
    Ok(())
}

/// The network's name, and its two files.
struct Places {
    name: CName,
    header: PathBuf,
    source: PathBuf,
}

impl Places {
    fn new(options: &ExportC) -> Result<Self> {
        let out = options.out.clone().unwrap_or_else(|| PathBuf::from("."));
        let is_file = out.extension().is_some_and(|extension| extension == "c" || extension == "h");
        let given = || options.name.clone();
        let (folder, name) = if is_file {
            let stem = out.file_stem().unwrap_or_default().to_string_lossy();
            let own = || stem.parse::<CName>().with_context(|| format!("--out {}: {stem}", out.display()));
            let name = own()?;
            anyhow::ensure!(
                given().is_none_or(|given| given == name),
                "--out {} and --name {} are two names; name a folder by --out, or leave out --name",
                out.display(),
                given().map(|name| name.to_string()).unwrap_or_default()
            );
            (out.parent().unwrap_or(Path::new("")).to_path_buf(), name)
        } else {
            (out, given().unwrap_or_else(|| CName::of_file(&options.file.path)))
        };
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        Ok(Self { header: file("h"), source: file("c"), name })
    }
}
