//! `cargo xtask gpu pack`: the folder for a GPU machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::{
    architecture,
    programs::{self, Programs},
    runs::{Extent, REPEATED, RUNS},
    samples,
};
use crate::{cuda, flash, workspace};

/// The script that runs on the GPU machine.
const CHECK: &str = include_str!("check.sh");
/// The description of a pack, with one `name=value` on each line. It is written last, so a folder with this file is complete.
const ABOUT: &str = "pack.txt";
/// The folder that the script writes.
const REPORT: &str = "report";
/// The largest size of a pack, in bytes, so that it can be copied quickly. The data alone has 31 MB.
const LIMIT: u64 = 60_000_000;
/// The programs of the comparison, in the folder of `--peers`.
const PEERS: [&str; 2] = ["pytorch.py", "jax.py"];

/// The options of `gpu pack`.
#[derive(Args)]
pub struct GpuPackOptions {
    /// The GPU's compute capability: 90 is an H100; the programs run only on this kind of GPU
    #[arg(long, value_name = "CAPABILITY", default_value = "90", value_parser = architecture)]
    architecture: String,
    /// The folder with Fashion-MNIST's four files [default: where `cargo xtask train` finds them]
    #[arg(long, value_name = "DIR", conflicts_with = "rehearsal")]
    data: Option<PathBuf>,
    /// The folder with pytorch.py and jax.py, which train the same model [default: cuda/gpu/benches/cuda/peers]
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// The folder to write; an existing folder is replaced at the end [default: target/gpu]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also pack an emulated GPU, and shorter runs, to try check.sh without a GPU; its times mean nothing
    #[arg(long)]
    rehearsal: bool,
}

/// Builds the programs, computes the expected hashes, and writes the folder.
pub fn run(options: &GpuPackOptions) -> Result<ExitCode> {
    // All that may be missing, before the minutes of building.
    cuda::compiler()?;
    let data = if options.rehearsal { None } else { Some(samples::find(options.data.as_deref())?) };
    let peers = peers(options.peers.as_deref())?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out).with_context(|| format!("--out {}", out.display()))?,
        None => workspace::target_dir()?.join("gpu"),
    };
    ensure!(
        !out.exists() || out.join(ABOUT).is_file(),
        "{} is there and is no pack: remove it, or name another folder by --out",
        out.display()
    );

    let programs = if options.rehearsal { Programs::for_rehearsal()? } else { Programs::build(&options.architecture)? };
    let stand_in = options.rehearsal.then(programs::stand_in).transpose()?;
    let lock = workspace::target_dir()?.join("gpu-pack.lock");
    let _lock = workspace::lock(&lock).with_context(|| format!("cannot lock {}", lock.display()))?;
    let part = Part::make(&out)?;
    let folder = &part.0;
    for (program, name) in
        [(&programs.selvedge, "selvedge"), (&programs.bench, "bench-cuda"), (&programs.test, "gpu-test")]
    {
        copy(program, &folder.join(name))?;
    }
    match &stand_in {
        Some(library) => copy(library, &folder.join("libcuda.so.1"))?,
        // It would measure nothing on the stand-in, which does not run it.
        None => programs::probe(&options.architecture, &folder.join("probe"))?,
    }
    match &data {
        Some(data) => samples::copy(data, &folder.join("data"))?,
        None => samples::make_up(&folder.join("data"))?,
    }
    fs::create_dir(folder.join("peers")).context("cannot make the folder of the peers")?;
    PEERS.into_iter().try_for_each(|peer| copy(&peers.join(peer), &folder.join("peers").join(peer)))?;
    let extent = if options.rehearsal { Extent::Quick } else { Extent::Whole };
    write(&folder.join("expected.txt"), &expected(folder, extent)?)?;
    write(&folder.join("check.sh"), CHECK)?;
    write(&folder.join(ABOUT), &about(&options.architecture, options.rehearsal))?;
    let files = files(folder)?;
    part.replace(&out)?;

    say!("");
    size_lines(&files).iter().for_each(|line| say!("{line}"));
    let (what, hint) = match options.rehearsal {
        false => ("Packed", "copy it to the GPU machine, run `bash check.sh` in it, and copy its folder `report` back"),
        true => {
            ("Packed a rehearsal on an emulated GPU", "run `bash check.sh` in it here; what it measures means nothing")
        }
    };
    say!("{what}: {}: {hint}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// Packs an emulated GPU and runs the script, which must end with all its stages done.
pub fn rehearse() -> Result<()> {
    let out = workspace::target_dir()?.join("gpu-rehearsal");
    let architecture = "90".to_owned();
    run(&GpuPackOptions { architecture, data: None, peers: None, out: Some(out.clone()), rehearsal: true })?;
    workspace::run(Command::new("bash").arg(out.join("check.sh")))
}

/// Returns the folder of the programs of the comparison.
fn peers(named: Option<&Path>) -> Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => launch::root().join("cuda/gpu/benches/cuda/peers"),
    };
    if let Some(missing) = PEERS.into_iter().find(|peer| !folder.join(peer).is_file()) {
        bail!("{} has no {missing}: name a folder with {} by --peers", folder.display(), PEERS.join(" and "));
    }
    Ok(folder)
}

/// Returns a line for each run: the hash that the CPU computes, the run's name and its options, separated by tabs.
fn expected(folder: &Path, extent: Extent) -> Result<String> {
    say!("The hashes that the GPU must give, computed on the CPU:");
    let out = folder.join("cpu.selvedge");
    let mut lines = String::new();
    for run in RUNS {
        let mut train = Command::new(folder.join("selvedge"));
        train.args(["train", "--device", "cpu"]).args(run.options(extent));
        train.arg("--data").arg(folder.join("data")).arg("--out").arg(&out);
        let output = workspace::output(&mut train).with_context(|| run.name)?;
        let hash = flash::saved_hash(&output)?;
        say!("  {} {}", hash.get(..16).unwrap_or(hash), run.name);
        let options: Vec<_> = run.options(extent).collect();
        lines.push_str(&format!("{hash}\t{}\t{}\n", run.name, options.join(" ")));
    }
    fs::remove_file(&out).with_context(|| format!("cannot remove {}", out.display()))?;
    Ok(lines)
}

fn about(architecture: &str, rehearsal: bool) -> String {
    let mut git = launch::command("git");
    let commit = workspace::output(git.args(["describe", "--always", "--dirty"]));
    let date = workspace::output(Command::new("date").args(["-u", "+%F"]));
    let known = |text: Result<String>| text.map_or_else(|_| "unknown".into(), |text| text.trim().to_owned());
    let rehearsal = if rehearsal { "yes" } else { "no" };
    let (commit, date) = (known(commit), known(date));
    format!("architecture={architecture}\ncommit={commit}\npacked={date}\nrehearsal={rehearsal}\nrepeated={REPEATED}\n")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Returns every file below a folder with its size in bytes, the largest first.
fn files(folder: &Path) -> Result<Vec<(String, u64)>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    let mut list = || {
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next)? {
                let (path, about) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
                if about.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                    files.push((name, about.len()));
                }
            }
        }
        Ok::<_, io::Error>(())
    };
    list().with_context(|| format!("cannot read {}", folder.display()))?;
    files.sort_by_key(|(_, bytes)| u64::MAX - bytes);
    Ok(files)
}

/// Returns lines about the folder's size. If it is too large, one line names its largest files.
fn size_lines(files: &[(String, u64)]) -> Vec<String> {
    let all: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let mut lines = vec![format!("{} files, {}", files.len(), megabytes(all))];
    if all > LIMIT {
        let largest = files.iter().take(5).map(|(name, bytes)| format!("{name} {}", megabytes(*bytes)));
        let largest = largest.collect::<Vec<_>>().join(", ");
        lines.push(format!("TOO LARGE: a pack is to stay below {}; its largest files are {largest}", megabytes(LIMIT)));
    }
    lines
}

/// A folder that is being written under a temporary name. It is removed, unless it is moved to its final place.
struct Part(PathBuf);

impl Part {
    /// Prepares to write a folder. Leftovers of a killed run are removed, or moved back.
    fn make(out: &Path) -> Result<Self> {
        let folder = out.with_added_extension("part");
        let old = folder.with_added_extension("old");
        if old.exists() && !out.exists() {
            fs::rename(&old, out).with_context(|| format!("cannot write {}", out.display()))?;
        }
        for left in [&folder, &old].into_iter().filter(|left| left.exists()) {
            fs::remove_dir_all(left).with_context(|| format!("cannot remove {}", left.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Moves the folder to its final place. A report in the old folder is kept.
    fn replace(self, out: &Path) -> Result<()> {
        let cannot = || format!("cannot write {}", out.display());
        if out.exists() {
            let old = self.0.with_added_extension("old");
            fs::rename(out, &old).with_context(cannot)?;
            fs::rename(&self.0, out).with_context(cannot)?;
            if old.join(REPORT).exists() {
                fs::rename(old.join(REPORT), out.join(REPORT)).with_context(cannot)?;
            }
            return fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()));
        }
        fs::rename(&self.0, out).with_context(cannot)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is gone where it got its place.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_that_is_too_large_names_its_largest_files() {
        let files =
            |bytes| vec![("data/train-images-idx3-ubyte.gz".to_owned(), bytes), ("selvedge".to_owned(), 5_000_000)];
        assert_eq!(size_lines(&files(26_000_000)), ["2 files, 31.0 MB"]);
        let lines = size_lines(&files(56_000_000));
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("below 60.0 MB") && lines[1].contains("gz 56.0 MB, selvedge 5.0 MB"), "{}", lines[1]);
    }

    #[test]
    fn a_pack_is_replaced_whole_and_keeps_its_report() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("gpu");
        fs::create_dir_all(out.join(REPORT)).unwrap();
        fs::write(out.join("old"), "").unwrap();
        // One that fails leaves the old one.
        drop(Part::make(&out).unwrap());
        assert!(out.join("old").exists() && !folder.path().join("gpu.part").exists());
        // And so does one that was killed while it replaced it.
        fs::create_dir(folder.path().join("gpu.part")).unwrap();
        fs::rename(&out, folder.path().join("gpu.part.old")).unwrap();
        let part = Part::make(&out).unwrap();
        assert!(out.join("old").exists());
        fs::write(part.0.join("new"), "12").unwrap();
        assert_eq!(files(&part.0).unwrap(), [("new".to_owned(), 2)]);
        part.replace(&out).unwrap();
        assert!(out.join("new").exists() && out.join(REPORT).exists() && !out.join("old").exists());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn the_projects_own_peers_are_there() {
        assert!(peers(None).is_ok());
        let error = peers(Some(Path::new("none"))).unwrap_err().to_string();
        assert_eq!(error, "none has no pytorch.py: name a folder with pytorch.py and jax.py by --peers");
    }
}
