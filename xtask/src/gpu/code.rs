//! `cargo xtask gpu code`: counts the instructions in the kernels' machine code, without a GPU.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::{architecture, programs, registers, sass};
use crate::{cuda, workspace};

/// The options of `gpu code`.
#[derive(Args)]
pub struct GpuCodeOptions {
    /// The GPU's compute capability: 90 is an H100
    #[arg(long, value_name = "CAPABILITY", default_value = "90", value_parser = architecture)]
    architecture: String,
}

/// Compiles the kernels, and prints a line for each.
pub fn run(options: &GpuCodeOptions) -> Result<ExitCode> {
    let disassembler = cuda::disassembler()?;
    let folder = programs::kernels(Some(&options.architecture))?;
    say!("");
    lines(&folder, &options.architecture, &disassembler)?.iter().for_each(|line| say!("{line}"));
    Ok(ExitCode::SUCCESS)
}

/// Returns a table of the kernels in a build script's folder.
pub fn lines(folder: &Path, architecture: &str, disassembler: &PathBuf) -> Result<Vec<String>> {
    let report = folder.join("selvedge.report");
    let report = fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let mut cuobjdump = launch::command(disassembler);
    cuobjdump.args(["--dump-sass", "--gpu-architecture", &format!("sm_{architecture}")]);
    let listing = workspace::output(cuobjdump.arg(folder.join("selvedge.fatbin")))?;
    let kernels = sass::kernels(&listing);
    ensure!(!kernels.is_empty(), "{} lists no kernel for sm_{architecture}", disassembler.display());
    Ok(table(&registers::read(&report), &kernels, architecture))
}

fn table(compiled: &[registers::Compiled], kernels: &[sass::Kernel], architecture: &str) -> Vec<String> {
    let width = kernels.iter().map(|kernel| kernel.name.len()).max().unwrap_or(0).max("kernel".len());
    let heading = ["registers", "spills", "shared B", "instructions", "block", "FFMA", "LDS", "sums", "slots/term"];
    let mut lines = vec![format!("{:width$}  {}", "kernel", heading.join("  "))];
    for kernel in kernels {
        let of = format!("sm_{architecture}");
        let known = compiled.iter().find(|compiled| compiled.kernel == kernel.name && compiled.architecture == of);
        let known = |get: fn(&registers::Compiled) -> String| known.map_or_else(|| "?".into(), get);
        let block = |get: fn(&sass::Block) -> String| kernel.block.as_ref().map_or_else(|| "–".into(), get);
        let cells = [
            known(|compiled| compiled.registers.to_string()),
            known(|compiled| compiled.spills.len().to_string()),
            known(|compiled| compiled.shared.to_string()),
            kernel.instructions.to_string(),
            block(|block| block.instructions.to_string()),
            block(|block| block.fma.to_string()),
            block(|block| block.shared_reads.to_string()),
            block(|block| block.chains.to_string()),
            block(|block| format!("{:.2}", block.slots_for_a_term())),
        ];
        let cells = heading.iter().zip(cells).map(|(heading, cell)| format!("{cell:>0$}", heading.len()));
        lines.push(format!("{:width$}  {}", kernel.name, cells.collect::<Vec<_>>().join("  ")));
    }
    lines.push(
        "Block: the straight stretch of code with the most FFMAs, where one thread adds to so many sums. A term of all"
            .into(),
    );
    lines.push(
        "of them takes the thread so many issue slots; one sum's FFMAs follow each other every 4 cycles at best."
            .into(),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_a_line() {
        let compiled = registers::Compiled {
            kernel: "head".into(),
            architecture: "sm_90".into(),
            registers: 40,
            shared: 1024,
            functions: 1,
            spills: Vec::new(),
        };
        let block = sass::Block { instructions: 56, fma: 32, shared_reads: 16, chains: 1 };
        let kernels = [
            sass::Kernel { name: "head".into(), instructions: 900, block: Some(block) },
            sass::Kernel { name: "load".into(), instructions: 20, block: None },
        ];
        let lines = table(&[compiled], &kernels, "90");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&lines[1]), "head 40 0 1024 900 56 32 16 1 1.75");
        assert_eq!(words(&lines[2]), "load ? ? ? 20 – – – – –");
    }
}
