//! Chooses the compiler for the boards' targets: rustup's with the targets added, or Debian's with the standard library's source.
//!
//! Everything that builds for a board asks here, so that `flash`, `test` and the tests agree.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// Debian's compiler, package manager, linter and standard-library source, all of one version.
pub const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-clippy", "rust-web-src"];

/// The target of the library for a browser.
pub const PAGE_TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_FILES: [&str; 4] =
    ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/cargo-clippy", "/usr/lib/rustlib/src/rust/library/core"];

/// A compiler for the boards' targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain of the host's programs: it has the targets.
    Rustup,
    /// Debian's toolchain. It is called by its paths, so rustup and its toolchains do not change.
    Debian {
        /// The linker `rust-lld` or `ld.lld`. Debian's compiler has none of its own.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Returns the toolchain that this machine has for the boards.
    pub fn find() -> Result<Self> {
        Self::of(Installed::look()?, "cargo xtask setup")
    }

    /// Returns the toolchain that this machine has for a browser.
    pub fn for_page() -> Result<Self> {
        Self::of(Installed::look_for_page()?, "cargo xtask setup --page")
    }

    fn of(installed: Installed, setup: &str) -> Result<Self> {
        if installed.missing_targets.is_empty() {
            return Ok(Self::Rustup);
        }
        match installed.linker {
            Some(linker) if installed.debian => Ok(Self::Debian { linker }),
            _ => {
                bail!("no compiler here builds for {}; `{setup}` gets one", installed.missing_targets.join(", "))
            }
        }
    }

    /// Returns a cargo command (`build`, `clippy`, …) for a target of a board or a browser. `cpu` is the processor, if it is named.
    pub fn cargo(&self, subcommand: &str, target: &str, cpu: Option<&str>) -> Command {
        let mut cargo = match self {
            Self::Rustup => launch::cargo(subcommand),
            Self::Debian { .. } => {
                // Through /usr/bin/cargo, `clippy` would be searched in ~/.cargo/bin first, where rustup's stands.
                let is_clippy = subcommand == "clippy";
                let mut cargo = launch::command(if is_clippy { "/usr/bin/cargo-clippy" } else { "/usr/bin/cargo" });
                cargo.arg(subcommand);
                cargo
            }
        };
        let variable = |name| format!("CARGO_TARGET_{}_{name}", target.replace(['-', '.'], "_").to_uppercase());
        if let Some(cpu) = cpu {
            cargo.env(variable("RUSTFLAGS"), format!("-Ctarget-cpu={cpu}"));
        }
        if let Self::Debian { linker } = self {
            cargo.env("CARGO", "/usr/bin/cargo").env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            // `cargo run` puts the libraries of its own compiler there.
            cargo.env(variable("LINKER"), linker).env_remove("LD_LIBRARY_PATH").arg(match target {
                // The library for a browser has a heap.
                PAGE_TARGET => "-Zbuild-std=core,alloc",
                _ => "-Zbuild-std=core",
            });
        }
        cargo.args(["--target", target]);
        cargo
    }
}

/// The installed parts of both toolchains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The targets that the host's toolchain does not have.
    pub missing_targets: Vec<String>,
    /// True if Debian's packages are there.
    pub debian: bool,
    /// The linker that Debian's compiler would use.
    pub linker: Option<PathBuf>,
}

impl Installed {
    /// Looks in the file system for the parts that the boards need.
    pub fn look() -> Result<Self> {
        Self::look_for(targets()?, &["rust-lld", "ld.lld"])
    }

    /// Looks in the file system for the parts that a library for a browser needs.
    pub fn look_for_page() -> Result<Self> {
        Self::look_for(vec![PAGE_TARGET.to_owned()], &["rust-lld", "wasm-ld"])
    }

    fn look_for(mut missing_targets: Vec<String>, linkers: &[&str]) -> Result<Self> {
        let sysroot = workspace::output(launch::command("rustc").args(["--print", "sysroot"]))?;
        let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
        missing_targets.retain(|target| !rustlib.join(target).join("lib").is_dir());
        Ok(Self {
            missing_targets,
            debian: DEBIAN_FILES.iter().all(|file| Path::new(file).exists()),
            linker: linker(&rustlib, linkers),
        })
    }
}

/// Returns the firmware's targets, as rust-toolchain.toml lists them.
pub fn targets() -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct File {
        firmware: Firmware,
    }
    #[derive(Deserialize)]
    struct Firmware {
        targets: Vec<String>,
    }
    let path = launch::root().join("rust-toolchain.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: File = toml::from_str(&text).with_context(|| format!("{} is not as expected", path.display()))?;
    Ok(file.firmware.targets)
}

/// Returns the linker of a toolchain of rustup. It is `rust-lld`, in a folder named after the host.
fn linker(rustlib: &Path, names: &[&str]) -> Option<PathBuf> {
    let hosts = fs::read_dir(rustlib).into_iter().flatten().flatten();
    let mut bundled = hosts.map(|host| host.path().join("bin/rust-lld")).filter(|path| path.exists());
    bundled.next().or_else(|| names.iter().find_map(|name| workspace::on_path(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_listed() {
        let targets = targets().unwrap();
        assert!(targets.iter().any(|target| target == "thumbv6m-none-eabi"), "{targets:?}");
        for board in board::names() {
            let target = board::Board::named(&board).unwrap().target;
            assert!(targets.contains(&target), "{board}: {target}");
        }
    }

    #[test]
    fn debians_compiler_gets_the_source_and_a_linker() {
        let debian = Toolchain::Debian { linker: "/opt/rust-lld".into() };
        assert_eq!(
            workspace::shown(&debian.cargo("build", "thumbv8m.main-none-eabihf", Some("cortex-m33"))),
            "CARGO=/usr/bin/cargo CARGO_TARGET_THUMBV8M_MAIN_NONE_EABIHF_LINKER=/opt/rust-lld \
             CARGO_TARGET_THUMBV8M_MAIN_NONE_EABIHF_RUSTFLAGS=-Ctarget-cpu=cortex-m33 RUSTC=/usr/bin/rustc \
             RUSTC_BOOTSTRAP=1 cargo build -Zbuild-std=core --target thumbv8m.main-none-eabihf"
        );
        let page = workspace::shown(&debian.cargo("build", PAGE_TARGET, None));
        assert!(page.contains("cargo build -Zbuild-std=core,alloc --target wasm32-unknown-unknown"), "{page}");
        let clippy = debian.cargo("clippy", "thumbv6m-none-eabi", None);
        assert_eq!(clippy.get_program(), "/usr/bin/cargo-clippy");
    }
}
