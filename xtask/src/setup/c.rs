//! The C compiler that exported C is measured with on the boards.

use anyhow::{Result, bail};

use super::{
    install,
    plan::{Facts, Plan},
};
use crate::workspace;

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
