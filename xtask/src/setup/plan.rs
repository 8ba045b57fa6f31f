//! The plan of a set-up, made from the facts of this machine.

use std::process::{Command, Stdio};

use anyhow::Result;
use board::Processor;

use crate::{
    toolchain::{DEBIAN_PACKAGES, Installed},
    workspace,
};

/// The facts that decide the plan.
#[derive(Clone, Debug)]
pub struct Facts {
    pub installed: Installed,
    /// True if rustup is there and has not been asked yet.
    rustup: bool,
    pub apt_get: bool,
    /// The way to install packages without a password.
    pub root: Option<Root>,
    /// The processors without an emulator.
    not_emulated: Vec<Processor>,
    /// Debian's package with the emulator for RISC-V, if that is missing.
    riscv_package: &'static str,
    macos: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    Already,
    Sudo,
}

impl Facts {
    pub fn look(rustup: bool) -> Result<Self> {
        let not_emulated = emulator_lacks();
        // apt-cache takes half a second.
        let riscv_package = if not_emulated.contains(&Processor::RiscV) { riscv_package() } else { "" };
        Ok(Self {
            installed: Installed::look()?,
            rustup,
            apt_get: workspace::on_path("apt-get").is_some(),
            root: root(),
            not_emulated,
            riscv_package,
            macos: cfg!(target_os = "macos"),
        })
    }

    /// Returns the facts for another target, which is not run in an emulator.
    pub fn without_boards(self, installed: Installed) -> Self {
        Self { installed, not_emulated: Vec::new(), ..self }
    }

    pub fn as_root(&self, program: &str) -> Command {
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

/// Returns Debian's package with the emulator for RISC-V. Newer releases have a separate package for RISC-V.
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
pub struct SetupPlan {
    /// Targets for rustup to add.
    pub targets: Vec<String>,
    /// Packages for apt-get to install.
    pub packages: Vec<&'static str>,
    /// Commands that the user has to run.
    pub by_hand: Vec<String>,
}

/// Makes the plan. The compiler comes from rustup if it can download, else from Debian. A compiler from Debian that is already there is used.
pub fn plan(facts: &Facts) -> SetupPlan {
    let mut plan = SetupPlan::default();
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

impl SetupPlan {
    pub fn rustup(&self) -> Command {
        let mut rustup = launch::command("rustup");
        // Its failure is one of the expected ends, and shows better without a backtrace.
        rustup.args(["target", "add"]).args(&self.targets).env_remove("RUST_BACKTRACE");
        rustup
    }

    pub fn apt_get(&self, facts: &Facts) -> Command {
        let mut apt_get = facts.as_root("apt-get");
        apt_get.args(["install", "--yes", "--no-install-recommends"]).args(&self.packages);
        apt_get
    }

    /// Returns the commands that the user has to run, one in each line.
    pub fn by_hand(&self, facts: &Facts) -> String {
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
        assert_eq!(plan(&facts()), SetupPlan::default());
        let mut debian = without_targets();
        debian.installed.debian = true;
        assert_eq!(plan(&debian), SetupPlan::default());
    }

    #[test]
    fn rustup_comes_first_then_debian() {
        assert_eq!(plan(&without_targets()), SetupPlan { targets: vec!["thumb".into()], ..SetupPlan::default() });
        let mut refused = Facts { rustup: false, not_emulated: Processor::ALL.to_vec(), ..without_targets() };
        let packages =
            ["rustc-web", "cargo-web", "rust-web-clippy", "rust-web-src", "qemu-system-arm", "qemu-system-misc"];
        assert_eq!(plan(&refused), SetupPlan { packages: packages.to_vec(), ..SetupPlan::default() });
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
