//! `cargo xtask setup`: finds or installs the boards' targets, the linker and QEMU, the Python that interchange is tested against, the CUDA
//! compiler, ARM's C compiler, or the tools of the page.

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

/// The options of `setup`.
#[derive(Args, Default)]
pub struct SetupOptions {
    /// Only list the missing tools and the commands that install them
    #[arg(long)]
    check: bool,

    /// Make only the Python environment for the tests of interchange (PyTorch, ONNX Runtime)
    ///
    /// SELVEDGE_PYTHON names a Python that already has the packages of tests/references/requirements.txt.
    #[arg(long)]
    python: bool,

    /// Unpack only NVIDIA's compiler (nvcc) into the target folder
    ///
    /// `train --cuda`, `search --cuda`, `bench cuda`, `verify bits --cuda`, `gpu pack`, `gpu code` and `check kernels` need it. CUDA_PATH names an
    /// installed toolkit to use instead.
    #[arg(long)]
    cuda: bool,

    /// Install only ARM's C compiler, which is needed to measure exported C on the boards
    #[arg(long)]
    c: bool,

    /// Install only the target for `web`, and for the tests of the page a browser, Node with npm, and TypeScript
    #[arg(long)]
    page: bool,
}

/// Installs the tools for `flash` and `test`, or prints the exact commands.
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

/// Finds the missing tools and installs them, until nothing is missing or nothing more can be done.
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

/// Installs the plan. A failure of apt-get is shown, and the next look finds it again. If its package lists may be old or missing, they are updated
/// and the installation is tried again.
fn install(plan: &SetupPlan, facts: &Facts) {
    if let Err(error) = workspace::run(&mut plan.apt_get(facts)) {
        say!("{error:#}. Running apt-get update, then once more");
        let updated = workspace::run(facts.as_root("apt-get").arg("update"));
        if let Err(error) = updated.and_then(|()| workspace::run(&mut plan.apt_get(facts))) {
            say!("{error:#}");
        }
    }
}
