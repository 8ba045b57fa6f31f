//! The parts that the checks need beside Rust: what each is for, what is installed for it, from where and under which licence.

use anyhow::Result;

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
    /// The stages of `cargo xtask test` that leave something out without it.
    pub stages: &'static [&'static str],
    /// The checks that are left out without it, and the reason.
    pub left_out: &'static str,
    is_there: fn() -> bool,
    /// A line for each thing that is to be installed here.
    offer: fn() -> Result<Vec<String>>,
    set_up: fn() -> Result<()>,
}

/// All parts.
pub const PARTS: [Part; 7] = [
    Part {
        stages: &["targets", "firmware", "tests"],
        left_out: "the firmware and the emulated boards, as a compiler for them or QEMU is not here",
        is_there: || Facts::look(false).is_ok_and(|facts| plan(&facts) == SetupPlan::default()),
        offer: || {
            let facts = Facts::look(workspace::on_path("rustup").is_some())?;
            Ok(offered(&plan(&facts)))
        },
        set_up: || super::run(&super::SetupOptions::default()),
    },
    Part {
        stages: &["tests"],
        left_out: "what needs PyTorch, ONNX Runtime and Selenium, as there is no Python with them here",
        is_there: || python::found().is_some(),
        offer: python::offer,
        set_up: python::set_up,
    },
    Part {
        stages: &["tests"],
        left_out: "exported C on the boards, as ARM's C compiler is not here",
        is_there: || c::FOR_BOARDS.is_there(),
        offer: || Ok(offered(&c::FOR_BOARDS.plan(&Facts::look(false)?))),
        set_up: || c::FOR_BOARDS.set_up(false),
    },
    Part {
        stages: &["tests", "gpu", "sanitizers"],
        left_out: "the CUDA kernels on the CPU, as a C++ compiler with AddressSanitizer is not here",
        is_there: || c::CPP.is_there(),
        offer: || Ok(offered(&c::CPP.plan(&Facts::look(false)?))),
        set_up: || c::CPP.set_up(false),
    },
    Part {
        stages: &["targets", "tests"],
        left_out: "the page, as a compiler for it or a browser is not here",
        is_there: || page::look(false).is_ok_and(|(_, plan)| plan == SetupPlan::default()),
        offer: || Ok(offered(&page::look(workspace::on_path("rustup").is_some())?.1)),
        set_up: || page::programs(false),
    },
    Part {
        stages: &["tests"],
        left_out: "the types of the page's script, as TypeScript is not here",
        is_there: || typescript::found().is_some(),
        offer: typescript::offer,
        set_up: typescript::set_up,
    },
    Part {
        stages: &["clippy", "rustdoc", "cuda", "tests", "gpu", "sanitizers"],
        left_out: "the CUDA kernels, as NVIDIA's compiler is not here",
        is_there: || cuda::compiler().is_ok(),
        offer: cuda::offer,
        set_up: cuda::set_up,
    },
];

/// The parts that these stages need and the machine lacks.
pub fn missing(stages: &[&str]) -> Vec<&'static Part> {
    let is_needed = |part: &&Part| part.stages.iter().any(|stage| stages.contains(stage));
    PARTS.iter().filter(is_needed).filter(|part| !(part.is_there)()).collect()
}

/// Lists the tools for these stages, then installs them. If a tool cannot be installed, a line says so, and the others are installed.
pub fn install(stages: &[&str]) -> Result<()> {
    let missing = missing(stages);
    if missing.is_empty() {
        say!("Nothing is to be installed.");
        return Ok(());
    }
    say!("To be installed, with what it depends on:");
    for part in &missing {
        (part.offer)()?.iter().for_each(|line| say!("  - {line}"));
    }
    for part in missing {
        if let Err(error) = (part.set_up)() {
            say!("NOT INSTALLED: {error:#}");
        }
    }
    Ok(())
}

/// The things of a plan, a line each.
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
