//! The parts that the checks need besides Rust: their purpose, their packages, and the sources and licences of these.

use std::{env, process::Command};

use anyhow::{Context, Error, Result};

use super::{
    c, page,
    plan::{Facts, SetupPlan, plan},
};
use crate::{cuda, python, typescript, workspace};

/// Debian's packages that a set-up may install, and their licences.
const PACKAGES: [(&[&str], &str); 8] = [
    (&["rustc-web", "cargo-web", "rust-web-clippy", "rust-web-src"], "MIT or Apache-2.0"),
    (&["lld"], "Apache-2.0 with LLVM's exceptions"),
    (&["qemu-system-arm", "qemu-system-misc", "qemu-system-riscv"], "GPL-2.0"),
    (&["gcc-arm-none-eabi", "g++"], "GPL-3.0 with GCC's runtime exception"),
    (&["libnewlib-arm-none-eabi"], "BSD licences"),
    (&["chromium", "chromium-driver"], "BSD-3-Clause"),
    (&["nodejs"], "MIT"),
    (&["npm"], "Artistic-2.0"),
];

/// Something that the checks need.
pub struct Part {
    /// The stages of `cargo xtask test` that leave out something without this part.
    pub stages: &'static [&'static str],
    /// The checks that are left out without this part, and the reason.
    pub left_out: &'static str,
    is_there: fn() -> bool,
    /// Returns a line for each package that is to be installed here.
    offer: fn() -> Result<Vec<String>>,
    set_up: SetUp,
}

/// The way in which a part is installed.
enum SetUp {
    /// The part is installed first, and the stages wait for it.
    First(fn() -> Result<()>),
    /// The part is installed beside the stages by this option of `cargo xtask setup`. It takes long, and no stage before the tests needs it.
    Beside(&'static str),
}

/// All parts.
pub const PARTS: [Part; 7] = [
    Part {
        stages: &["targets", "firmware", "tests", "boards"],
        left_out: "the firmware and the emulated boards, as a compiler for them or QEMU is not here",
        is_there: || Facts::look(false).is_ok_and(|facts| plan(&facts) == SetupPlan::default()),
        offer: || {
            let facts = Facts::look(workspace::on_path("rustup").is_some())?;
            Ok(offered(&plan(&facts)))
        },
        set_up: SetUp::First(|| super::run(&super::SetupOptions::default())),
    },
    Part {
        stages: &["tests"],
        left_out: "what needs PyTorch, ONNX Runtime and Selenium, as there is no Python with them here",
        is_there: || python::found().is_some(),
        offer: python::offer,
        set_up: SetUp::Beside("--python"),
    },
    Part {
        stages: &["boards"],
        left_out: "exported C on the boards, as ARM's C compiler is not here",
        is_there: || c::FOR_BOARDS.is_there(),
        offer: || Ok(offered(&c::FOR_BOARDS.plan(&Facts::look(false)?))),
        set_up: SetUp::First(|| c::FOR_BOARDS.set_up(false)),
    },
    Part {
        stages: &["tests", "gpu"],
        left_out: "the CUDA kernels on the CPU, as a C++ compiler with AddressSanitizer is not here",
        is_there: || c::CPP.is_there(),
        offer: || Ok(offered(&c::CPP.plan(&Facts::look(false)?))),
        set_up: SetUp::First(|| c::CPP.set_up(false)),
    },
    Part {
        stages: &["targets", "tests", "boards"],
        left_out: "the page, as a compiler for it or a browser is not here",
        is_there: || page::look(false).is_ok_and(|(_, plan)| plan == SetupPlan::default()),
        offer: || Ok(offered(&page::look(workspace::on_path("rustup").is_some())?.1)),
        set_up: SetUp::First(|| page::programs(false)),
    },
    Part {
        stages: &["tests"],
        left_out: "the types of the page's script, as TypeScript is not here",
        is_there: || typescript::found().is_some(),
        offer: typescript::offer,
        set_up: SetUp::First(typescript::set_up),
    },
    Part {
        stages: &["clippy", "rustdoc", "cuda", "tests", "gpu"],
        left_out: "the CUDA kernels, as NVIDIA's compiler is not here",
        is_there: || cuda::compiler().is_ok(),
        offer: cuda::offer,
        set_up: SetUp::First(cuda::set_up),
    },
];

impl Part {
    /// Returns true if the part is installed beside the stages.
    pub fn is_beside(&self) -> bool {
        matches!(self.set_up, SetUp::Beside(_))
    }
}

/// Returns the parts that these stages need and the machine lacks.
pub fn missing(stages: &[&str]) -> Vec<&'static Part> {
    let is_needed = |part: &&Part| part.stages.iter().any(|stage| stages.contains(stage));
    PARTS.iter().filter(is_needed).filter(|part| !(part.is_there)()).collect()
}

/// Lists the tools for these stages, then installs them. If a tool cannot be installed, a line says so, and the others are installed.
///
/// The command of a part that is installed beside the stages goes to `start`.
pub fn install(stages: &[&str], mut start: impl FnMut(Command) -> Result<()>) -> Result<()> {
    let missing = missing(stages);
    if missing.is_empty() {
        say!("Nothing is to be installed.");
        return Ok(());
    }
    say!("To be installed, with what it depends on:");
    for part in &missing {
        (part.offer)()?.iter().for_each(|line| say!("  - {line}"));
    }
    for part in &missing {
        if let SetUp::Beside(option) = part.set_up {
            let mut setup = launch::command(env::current_exe().context("the system does not say where xtask is")?);
            setup.args(["setup", option]);
            start(setup)?;
        }
    }
    for part in missing {
        if let SetUp::First(set_up) = part.set_up
            && let Err(error) = set_up()
        {
            not_installed(&error);
        }
    }
    Ok(())
}

/// Says why a part is not installed.
pub fn not_installed(error: &Error) {
    say!("NOT INSTALLED: {error:#}");
}

/// Returns the packages of a plan, one in each line.
fn offered(plan: &SetupPlan) -> Vec<String> {
    let targets = plan.targets.join(", ");
    let targets = (!targets.is_empty()).then(|| {
        format!(
            "the targets {targets}: from the Rust project, by rustup, or else by Debian's compiler; MIT or Apache-2.0"
        )
    });
    let packages = plan.packages.iter().map(|package| {
        let licence = licence(package).unwrap_or("see its copyright file");
        format!("{package}: from the system's packages, by apt-get; {licence}")
    });
    let by_hand = plan.by_hand.iter().map(|line| format!("not by this command: {line}"));
    targets.into_iter().chain(packages).chain(by_hand).collect()
}

fn licence(package: &str) -> Option<&'static str> {
    PACKAGES.iter().find(|(packages, _)| packages.contains(&package)).map(|(_, licence)| *licence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::DEBIAN_PACKAGES;

    #[test]
    fn each_thing_has_its_source_and_licence() {
        let packages = [
            &DEBIAN_PACKAGES[..],
            &page::PACKAGES.map(|(package, _)| package),
            c::FOR_BOARDS.packages,
            c::CPP.packages,
            &["lld"],
        ]
        .concat();
        for package in packages {
            assert!(licence(package).is_some(), "{package}");
        }
        let plan =
            SetupPlan { targets: vec!["a".into(), "b".into()], packages: vec!["npm"], by_hand: vec!["c".into()] };
        assert_eq!(
            offered(&plan),
            [
                "the targets a, b: from the Rust project, by rustup, or else by Debian's compiler; MIT or Apache-2.0",
                "npm: from the system's packages, by apt-get; Artistic-2.0",
                "not by this command: c",
            ]
        );
    }
}
