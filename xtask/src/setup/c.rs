//! The C compilers: the one for the boards, for the measurement of exported C, and this machine's, which compiles the CUDA kernels for the
//! CPU.

use std::process::Command;

use anyhow::{Result, bail};

use super::{
    install,
    plan::{Facts, SetupPlan},
};
use crate::workspace;

/// The C compiler for the boards.
pub const C_COMPILER: &str = "arm-none-eabi-gcc";

/// A compiler, and the way to get it.
pub struct Compiler {
    name: &'static str,
    is_there: fn() -> bool,
    /// Debian's packages with the compiler.
    pub packages: &'static [&'static str],
    /// The way to get it on other systems.
    elsewhere: &'static str,
}

/// The compiler for the boards.
pub const FOR_BOARDS: Compiler = Compiler {
    name: C_COMPILER,
    is_there: || workspace::on_path(C_COMPILER).is_some(),
    packages: &["gcc-arm-none-eabi", "libnewlib-arm-none-eabi"],
    elsewhere: "see https://developer.arm.com/downloads/-/arm-gnu-toolchain-downloads",
};

/// This machine's compiler for C++.
pub const CPP: Compiler = Compiler {
    name: "a C++ compiler with AddressSanitizer",
    is_there: || sanitizer().is_some() && workspace::on_path("c++").is_some(),
    packages: &["g++"],
    elsewhere: "install g++ by your package manager",
};

impl Compiler {
    /// Returns true if the compiler is there.
    pub fn is_there(&self) -> bool {
        (self.is_there)()
    }

    /// Returns the packages to install, if packages are the way to get it.
    pub fn plan(&self, facts: &Facts) -> SetupPlan {
        if facts.apt_get {
            SetupPlan { packages: self.packages.to_vec(), ..SetupPlan::default() }
        } else {
            SetupPlan { by_hand: vec![self.elsewhere.to_owned()], ..SetupPlan::default() }
        }
    }

    /// Installs the compiler, unless it is there or nothing is to be changed.
    pub fn set_up(&self, only_check: bool) -> Result<()> {
        let facts = Facts::look(false)?;
        let plan = self.plan(&facts);
        if !self.is_there() && !only_check && facts.apt_get && facts.root.is_some() {
            say!("{} is missing. Running {}", self.name, workspace::shown(&plan.apt_get(&facts)));
            install(&plan, &facts);
        }
        if !self.is_there() {
            bail!("{} is not here; to get it:{}", self.name, plan.by_hand(&facts));
        }
        say!("Ready: {} is installed.", self.name);
        Ok(())
    }
}

/// Returns the library of AddressSanitizer that this machine's C compiler has.
pub fn sanitizer() -> Option<String> {
    let name = "libasan.so";
    let library = workspace::output(Command::new("cc").arg(format!("-print-file-name={name}"))).ok()?;
    // A compiler that has no such file repeats the name.
    Some(library.trim().to_owned()).filter(|library| !library.is_empty() && library != name)
}
