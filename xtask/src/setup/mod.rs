//! `cargo xtask setup`: finds or installs the boards' targets, the linker and QEMU, the Python that interchange is tested against, or the CUDA
//! compiler.

mod c;
mod page;
pub mod parts;
mod plan;

use anyhow::{Result, bail};
use clap::Args;

use self::plan::{Facts, SetupPlan, plan};
use crate::{cuda, python, toolchain::Toolchain, workspace};

pub use self::{
    c::{C_COMPILER, FOR_BOARDS, sanitizer},
    page::{NODE, missing_browser, page},
};

/// The parts to set up.
#[derive(Args, Default)]
pub struct SetupOptions {
    /// Only say what is missing and how to get it
    #[arg(long)]
    check: bool,

    /// Make the Python environment that interchange is tested against (PyTorch, ONNX Runtime), and nothing else
    ///
    /// SELVEDGE_PYTHON names a Python that has the packages of tests/references/requirements.txt already.
    #[arg(long)]
    python: bool,

    /// Unpack NVIDIA's compiler for `--cuda` into the target folder, and nothing else
    ///
    /// CUDA_PATH names a toolkit to take instead.
    #[arg(long)]
    cuda: bool,

    /// Install ARM's C compiler, by which exported C is measured on the boards, and nothing else
    #[arg(long)]
    c: bool,

    /// Get the target that `web` compiles the page's library for, the browser that tests open it with, TypeScript for the types of its script, and
    /// nothing else
    #[arg(long)]
    page: bool,
}

/// Brings the machine to where `flash` and `test` run, or says exactly what to do.
pub fn run(options: &SetupOptions) -> Result<()> {
    if options.python {
        if options.check { python::check() } else { python::set_up() }?;
    }
    if options.cuda {
        if options.check { cuda::check() } else { cuda::set_up() }?;
    }
    if options.c {
        c::FOR_BOARDS.set_up(options.check)?;
    }
    if options.page {
        page(options.check)?;
    }
    if options.python || options.cuda || options.c || options.page {
        return Ok(());
    }
    let look = |ask_rustup| {
        let facts = Facts::look(ask_rustup)?;
        let plan = plan(&facts);
        Ok((facts, plan))
    };
    carry_out(look, options.check, "the firmware's tools are not all here")?;
    report()
}

/// Looks at what is missing and gets it, until nothing is or nothing more can be done.
fn carry_out(look: impl Fn(bool) -> Result<(Facts, SetupPlan)>, only_check: bool, missing: &str) -> Result<()> {
    let (mut ask_rustup, mut ask_apt) = (workspace::on_path("rustup").is_some(), true);
    loop {
        let (facts, plan) = look(ask_rustup)?;
        if plan == SetupPlan::default() {
            return Ok(());
        }
        if !only_check && !plan.targets.is_empty() {
            say!("The toolchain lacks targets. Running {}", workspace::shown(&plan.rustup()));
            if let Err(error) = workspace::run(&mut plan.rustup()) {
                say!("rustup gave none: {error:#}");
            }
            // The next look decides; rustup is asked once.
            ask_rustup = false;
        } else if !only_check && !plan.packages.is_empty() && facts.root.is_some() && ask_apt {
            say!("Debian packages are missing. Running {}", workspace::shown(&plan.apt_get(&facts)));
            install(&plan, &facts);
            ask_apt = false;
        } else {
            bail!("{missing}; to get them, run:{}", plan.by_hand(&facts));
        }
    }
}

fn report() -> Result<()> {
    match Toolchain::find()? {
        Toolchain::Rustup => say!("Ready: the toolchain has the boards' targets, and QEMU is installed."),
        Toolchain::Debian { linker } => {
            say!("Ready: Debian's toolchain builds for the boards with {}, and QEMU is installed.", linker.display());
        }
    }
    Ok(())
}

/// apt-get's failure is shown, and found again by the next look. Its package lists may be old or absent: then once more.
fn install(plan: &SetupPlan, facts: &Facts) {
    if let Err(error) = workspace::run(&mut plan.apt_get(facts)) {
        say!("{error:#}. Running apt-get update, then once more");
        let updated = workspace::run(facts.as_root("apt-get").arg("update"));
        if let Err(error) = updated.and_then(|()| workspace::run(&mut plan.apt_get(facts))) {
            say!("{error:#}");
        }
    }
}
