//! The report of NVIDIA's compiler about each kernel's registers: `selvedge.report`, which the build script of the package `cuda` leaves.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

/// A kernel as it was compiled for one architecture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// The kernel's name.
    pub kernel: String,
    /// The architecture, such as `sm_90`.
    pub architecture: String,
    /// The number of registers of a thread.
    pub registers: u32,
    /// The number of bytes of shared memory that a block always has.
    pub shared: u32,
    /// The number of functions in it: the kernel itself, and those that are called.
    pub functions: usize,
    /// The functions that spill registers to memory, with the numbers of bytes.
    pub spills: Vec<String>,
}

/// Reads the compiler's report. Another text has no kernels.
pub fn read(report: &str) -> Vec<Compiled> {
    let (mut all, mut function) = (Vec::<Compiled>::new(), "");
    for line in report.lines() {
        if let Some((_, names)) = line.split_once("Compiling entry function ") {
            let mut names = names.split('\'').skip(1).step_by(2).map(str::to_owned);
            let (kernel, architecture) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
            all.push(Compiled { kernel, architecture, ..Compiled::default() });
        } else if let Some((_, name)) = line.split_once("Function properties for ") {
            function = name;
        } else if let (Some(last), Some((_, spill))) = (all.last_mut(), line.split_once("stack frame, ")) {
            last.functions += 1;
            if spill != "0 bytes spill stores, 0 bytes spill loads" {
                last.spills.push(format!("{function}: {spill}"));
            }
        } else if let (Some(last), Some((_, used))) = (all.last_mut(), line.split_once("Used ")) {
            last.registers = number_before(used, " registers");
            last.shared = number_before(used, " bytes smem");
        }
    }
    all
}

/// Reads the report in a build script's folder. Fails if a register is spilled to memory, and says which.
pub fn without_spills(folder: &Path) -> Result<Vec<Compiled>> {
    let report = folder.join("selvedge.report");
    let text = fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let compiled = read(&text);
    let functions: usize = compiled.iter().map(|compiled| compiled.functions).sum();
    ensure!(functions > 0, "{} tells of no function", report.display());
    let mut spilling = 0;
    for Compiled { kernel, architecture, spills, .. } in &compiled {
        spills.iter().for_each(|spill| say!("SPILL: {kernel} for {architecture}, {spill}"));
        spilling += spills.len();
    }
    ensure!(spilling == 0, "{spilling} of {functions} compiled functions spill registers to memory");
    say!("No register of {functions} compiled functions is spilled to memory");
    Ok(compiled)
}

/// Returns the number before a word: 45072 for `bytes` in `117 registers, 45072 bytes smem`. Without a number, it returns 0.
fn number_before(text: &str, word: &str) -> u32 {
    let number = text.split(", ").find_map(|part| part.strip_suffix(word));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'head' for 'sm_120'
ptxas info    : Function properties for head
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 117 registers, used 1 barriers, 45072 bytes smem
ptxas info    : Function properties for batch_loss
    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Compiling entry function 'load' for 'sm_75'
ptxas info    : Function properties for load
    8 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 12 registers, used 0 barriers, 400 bytes cmem[0]
";

    #[test]
    fn a_spill_is_told_of_its_kernel() {
        let all = read(REPORT);
        assert_eq!(all.len(), 2);
        let head = Compiled {
            kernel: "head".into(),
            architecture: "sm_120".into(),
            registers: 117,
            shared: 45072,
            functions: 2,
            spills: Vec::new(),
        };
        assert_eq!(all[0], head);
        assert_eq!((all[1].registers, all[1].shared, all[1].functions), (12, 0, 1));
        assert_eq!(all[1].spills, ["load: 8 bytes spill stores, 12 bytes spill loads"]);
    }

    #[test]
    fn another_text_tells_of_no_kernel() {
        assert!(read("nvcc warning: nothing\n    0 bytes stack frame, 0 bytes spill stores").is_empty());
    }
}
