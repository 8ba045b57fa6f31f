//! `cargo xtask setup`: finds or installs the boards' targets, the linker and QEMU, the Python that interchange is tested against, or the CUDA
//! compiler.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use board::Processor;
use clap::Args;

use crate::{
    cuda, python,
    toolchain::{DEBIAN_PACKAGES, Installed, PAGE_TARGET, Toolchain},
    typescript, workspace,
};

/// The parts to set up.
#[derive(Args, Default)]
pub struct Options {
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
pub fn run(options: &Options) -> Result<()> {
    if options.python {
        if options.check { python::check() } else { python::set_up() }?;
    }
    if options.cuda {
        if options.check { cuda::check() } else { cuda::set_up() }?;
    }
    if options.c {
        c_compiler(options.check)?;
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
fn carry_out(look: impl Fn(bool) -> Result<(Facts, Plan)>, only_check: bool, missing: &str) -> Result<()> {
    let (mut ask_rustup, mut ask_apt) = (workspace::on_path("rustup").is_some(), true);
    loop {
        let (facts, plan) = look(ask_rustup)?;
        if plan == Plan::default() {
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

/// Gets the target of the page's library, and the browser and TypeScript for its tests, unless they are there or nothing is to be changed.
pub fn page(only_check: bool) -> Result<()> {
    let look = |ask_rustup| {
        let facts =
            Facts { installed: Installed::look_for_page()?, not_emulated: Vec::new(), ..Facts::look(ask_rustup)? };
        let mut plan = plan(&facts);
        let programs = [missing_browser(), missing_node()].concat();
        if facts.apt_get {
            plan.packages.extend(programs);
        } else if !programs.is_empty() {
            plan.by_hand.push("your package manager, for chromium, chromedriver, node and npm".into());
        }
        Ok((facts, plan))
    };
    carry_out(look, only_check, "the tools for the page are not all here")?;
    say!("Ready: a compiler builds for {PAGE_TARGET}, and chromium with its driver is installed.");
    if only_check { typescript::check() } else { typescript::set_up() }
}

/// Debian's packages of the browser that are not installed.
pub fn missing_browser() -> Vec<&'static str> {
    missing(&[("chromium", &["chromium", "chromium-browser"]), ("chromium-driver", &["chromedriver"])])
}

/// Debian's packages that run TypeScript and install it, of those that are not installed.
fn missing_node() -> Vec<&'static str> {
    missing(&[("nodejs", &NODE), ("npm", &["npm"])])
}

/// The packages of which no program is on the path.
fn missing(packages: &[(&'static str, &[&str])]) -> Vec<&'static str> {
    let is_missing = |programs: &[&str]| programs.iter().all(|program| workspace::on_path(program).is_none());
    packages.iter().filter(|(_, programs)| is_missing(programs)).map(|(package, _)| *package).collect()
}

/// The names of Node's program.
pub const NODE: [&str; 2] = ["node", "nodejs"];

/// The C compiler for the boards.
pub const C_COMPILER: &str = "arm-none-eabi-gcc";

/// Installs the C compiler for the boards, unless it is there or nothing is to be changed.
pub fn c_compiler(only_check: bool) -> Result<()> {
    let is_there = || workspace::on_path(C_COMPILER).is_some();
    let facts = Facts::look(false)?;
    let packages = if facts.apt_get { vec!["gcc-arm-none-eabi", "libnewlib-arm-none-eabi"] } else { Vec::new() };
    let plan = Plan { packages, ..Plan::default() };
    if !is_there() && !only_check && facts.apt_get && facts.root.is_some() {
        say!("ARM's C compiler is missing. Running {}", workspace::shown(&plan.apt_get(&facts)));
        install(&plan, &facts);
    }
    if !is_there() {
        let by_hand = if facts.apt_get {
            format!("run:{}", plan.by_hand(&facts))
        } else {
            "see https://developer.arm.com/downloads/-/arm-gnu-toolchain-downloads".into()
        };
        bail!("{C_COMPILER} is not here; to get it, {by_hand}");
    }
    say!("Ready: {C_COMPILER} is installed.");
    Ok(())
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
fn install(plan: &Plan, facts: &Facts) {
    if let Err(error) = workspace::run(&mut plan.apt_get(facts)) {
        say!("{error:#}. Running apt-get update, then once more");
        let updated = workspace::run(facts.as_root("apt-get").arg("update"));
        if let Err(error) = updated.and_then(|()| workspace::run(&mut plan.apt_get(facts))) {
            say!("{error:#}");
        }
    }
}

/// The facts that decide the plan.
#[derive(Clone, Debug)]
struct Facts {
    installed: Installed,
    /// True where rustup is there and has not been asked yet.
    rustup: bool,
    apt_get: bool,
    /// The way to install packages without a password.
    root: Option<Root>,
    /// The processors that no emulator is there for.
    not_emulated: Vec<Processor>,
    /// Debian's package with the emulator for RISC-V.
    riscv_package: &'static str,
    macos: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Already,
    Sudo,
}

impl Facts {
    fn look(rustup: bool) -> Result<Self> {
        Ok(Self {
            installed: Installed::look()?,
            rustup,
            apt_get: workspace::on_path("apt-get").is_some(),
            root: root(),
            not_emulated: emulator_lacks(),
            riscv_package: riscv_package(),
            macos: cfg!(target_os = "macos"),
        })
    }

    fn as_root(&self, program: &str) -> Command {
        match self.root {
            Some(Root::Already) => launch::command(program),
            Some(Root::Sudo) | None => {
                let mut sudo = launch::command("sudo");
                sudo.arg(program);
                sudo
            }
        }
    }
}

fn emulator_lacks() -> Vec<Processor> {
    Processor::ALL.into_iter().filter(|processor| workspace::on_path(processor.qemu()).is_none()).collect()
}

/// Newer releases of Debian have a package for RISC-V alone.
fn riscv_package() -> &'static str {
    let own = "qemu-system-riscv";
    let shown = Command::new("apt-cache").args(["show", own]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if shown.is_ok_and(|status| status.success()) { own } else { "qemu-system-misc" }
}

fn root() -> Option<Root> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(Root::Already);
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    sudo.is_ok_and(|status| status.success()).then_some(Root::Sudo)
}

/// The things to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Targets for rustup to add.
    targets: Vec<String>,
    /// Packages for apt-get to install.
    packages: Vec<&'static str>,
    /// Command lines that are the user's to run.
    by_hand: Vec<String>,
}

/// Decides. The compiler comes from rustup where it can download, else from Debian; a Debian one that is there already is taken.
fn plan(facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    let Installed { missing_targets, debian, linker } = &facts.installed;
    if !missing_targets.is_empty() {
        if !debian && facts.rustup {
            plan.targets.clone_from(missing_targets);
        } else if !debian && facts.apt_get {
            plan.packages.extend(DEBIAN_PACKAGES);
        } else if !debian {
            plan.by_hand.push(format!("rustup target add {}", missing_targets.join(" ")));
        }
        if plan.targets.is_empty() && plan.by_hand.is_empty() && linker.is_none() {
            plan.packages.push("lld");
        }
    }
    if facts.apt_get {
        plan.packages.extend(facts.not_emulated.iter().map(|processor| match processor {
            Processor::CortexM => "qemu-system-arm",
            Processor::RiscV => facts.riscv_package,
        }));
    } else if !facts.not_emulated.is_empty() {
        let programs: Vec<_> = facts.not_emulated.iter().map(|processor| processor.qemu()).collect();
        let other = || format!("your package manager, for {} (https://www.qemu.org/download)", programs.join(" and "));
        plan.by_hand.push(if facts.macos { "brew install qemu".into() } else { other() });
    }
    plan
}

impl Plan {
    fn rustup(&self) -> Command {
        let mut rustup = launch::command("rustup");
        // Its failure is one of the expected ends, and shows better without a backtrace.
        rustup.args(["target", "add"]).args(&self.targets).env_remove("RUST_BACKTRACE");
        rustup
    }

    fn apt_get(&self, facts: &Facts) -> Command {
        let mut apt_get = facts.as_root("apt-get");
        apt_get.args(["install", "--yes", "--no-install-recommends"]).args(&self.packages);
        apt_get
    }

    /// The commands that the user is to run, a line each.
    fn by_hand(&self, facts: &Facts) -> String {
        let mut lines = Vec::new();
        if !self.targets.is_empty() {
            lines.push(workspace::shown(&self.rustup()));
        }
        if !self.packages.is_empty() {
            lines.push(workspace::shown(facts.as_root("apt-get").arg("update")));
            lines.push(workspace::shown(&self.apt_get(facts)));
        }
        lines.extend(self.by_hand.iter().cloned());
        lines.iter().map(|line| format!("\n  {line}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let installed = Installed { missing_targets: Vec::new(), debian: false, linker: Some("rust-lld".into()) };
        Facts {
            installed,
            rustup: true,
            apt_get: true,
            root: Some(Root::Already),
            not_emulated: Vec::new(),
            riscv_package: "qemu-system-misc",
            macos: false,
        }
    }

    fn without_targets() -> Facts {
        let installed = Installed { missing_targets: vec!["thumb".into()], ..facts().installed };
        Facts { installed, ..facts() }
    }

    #[test]
    fn nothing_is_done_where_all_is_there() {
        assert_eq!(plan(&facts()), Plan::default());
        let mut debian = without_targets();
        debian.installed.debian = true;
        assert_eq!(plan(&debian), Plan::default());
    }

    #[test]
    fn rustup_comes_first_then_debian() {
        assert_eq!(plan(&without_targets()), Plan { targets: vec!["thumb".into()], ..Plan::default() });
        let mut refused = Facts { rustup: false, not_emulated: Processor::ALL.to_vec(), ..without_targets() };
        let packages =
            ["rustc-web", "cargo-web", "rust-web-clippy", "rust-web-src", "qemu-system-arm", "qemu-system-misc"];
        assert_eq!(plan(&refused), Plan { packages: packages.to_vec(), ..Plan::default() });
        refused.installed.linker = None;
        assert!(plan(&refused).packages.contains(&"lld"));
    }

    #[test]
    fn without_apt_get_the_user_is_told() {
        let elsewhere = Facts {
            rustup: false,
            apt_get: false,
            not_emulated: Processor::ALL.to_vec(),
            macos: true,
            ..without_targets()
        };
        assert_eq!(plan(&elsewhere).by_hand, ["rustup target add thumb", "brew install qemu"]);
        let linux = Facts { macos: false, ..elsewhere };
        assert!(plan(&linux).by_hand[1].contains("qemu-system-arm and qemu-system-riscv32"));
    }

    #[test]
    fn the_commands_are_exact() {
        let facts = Facts {
            not_emulated: vec![Processor::RiscV],
            riscv_package: "qemu-system-riscv",
            root: None,
            ..without_targets()
        };
        assert_eq!(
            plan(&facts).by_hand(&facts),
            "\n  rustup target add thumb\n  sudo apt-get update\n  sudo apt-get install --yes \
             --no-install-recommends qemu-system-riscv"
        );
        let root = Facts { root: Some(Root::Already), ..facts };
        assert!(plan(&root).by_hand(&root).contains("\n  apt-get install"));
    }
}
