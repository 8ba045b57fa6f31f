//! The program `measure` of firmware/c, which measures a prediction in the C that `selvedge export-c` writes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Error, Result, bail, ensure};
use board::Board;
use options::commands::FormatOption;
use selvedge::message::Logits;

use crate::{
    flash::{
        Device, DoesNotFit, TIMEOUT,
        model::Weights,
        report::{self, Prediction},
    },
    program,
    setup::C_COMPILER,
    workspace,
};

const OPTIMISATION: &str = "-O2";

/// The program, built.
pub struct Exported {
    /// The linked program.
    pub elf: PathBuf,
    /// The number of bytes of the exported functions, without constants.
    pub code_bytes: u64,
    /// The number of bytes of constants.
    pub weight_bytes: u64,
    /// The number of bytes of the exported file's variables, in which a prediction works.
    pub ram_bytes: u64,
    is_float: bool,
}

impl Exported {
    /// Exports these weights, and builds the program with the samples that are embedded in this folder.
    pub fn build(weights: &Weights, format: FormatOption, board: &Board, folder: &Path) -> Result<Self> {
        let mut export = Command::new(program::program(false)?);
        workspace::output_shown(
            export.arg("export-c").arg(&weights.file).args(["--name", "net", "--out"]).arg(folder),
        )?;
        let inputs = weights.architecture.inputs() as u64;
        let samples = fs::metadata(folder.join("samples.idx")).context("cannot read samples.idx")?.len();
        // An IDX file's header is as long as its dimensions need; the samples end the file.
        let count = report::expected(&read(&folder.join("expected.jsonl"))?)?.len() as u64;
        let start = samples.checked_sub(count * inputs).context("samples.idx is too short")?;
        let is_float = matches!(format, FormatOption::F32 | FormatOption::F16);

        let sources = launch::root().join("firmware/c");
        let compile = |source: &Path, object: &str| {
            let mut compiler = gcc(board)?;
            compiler.current_dir(folder).arg("-c").arg(source).args(["-o", object, "-I."]).arg("-I").arg(&sources);
            compiler.arg(format!("-DCOUNT={count}u")).arg(format!("-DCLOCK_HZ={}u", board.clock_hz));
            compiler.arg(format!("-DSAMPLES_START=\"{start}\""));
            compiler.arg(format!("-DLOGIT={}", if is_float { "float" } else { "int32_t" }));
            workspace::output(&mut compiler)
        };
        compile(Path::new("net.c"), "net.o")?;
        compile(&sources.join("board.c"), "board.o")?;
        compile(&sources.join("measure.c"), "measure.o")?;
        let mut link = gcc(board)?;
        link.current_dir(folder).args(["net.o", "board.o", "measure.o", "-o", "measure-c", "-nostartfiles"]);
        link.args(["-Wl,--gc-sections", "-T"]).arg(sources.join("link.ld"));
        for (symbol, value) in [
            ("FLASH_ORIGIN", board.flash.origin),
            ("FLASH_LENGTH", board.flash.length),
            ("RAM_ORIGIN", board.ram.origin),
            ("RAM_LENGTH", board.ram.length),
            ("STACK_LENGTH", board.stack),
        ] {
            link.arg(format!("-Wl,--defsym={symbol}={value:#x}"));
        }
        workspace::output(&mut link).map_err(|error| too_large(error, board))?;
        let sizes = workspace::output(Command::new("arm-none-eabi-size").arg("-A").arg(folder.join("net.o")))?;
        Ok(Self {
            elf: folder.join("measure-c"),
            code_bytes: section_bytes(&sizes, ".text"),
            weight_bytes: section_bytes(&sizes, ".rodata.net_"),
            ram_bytes: section_bytes(&sizes, ".bss"),
            is_float,
        })
    }

    /// Runs the program, shows every line and passes it on, and compares its logits with the host's logits in this folder.
    pub fn run(&self, board: &Board, folder: &Path, mut each_line: impl FnMut(&str)) -> Result<()> {
        let mut predictions = Vec::new();
        let status =
            Device::Emulator.run_plain(board, &self.elf, Duration::from_secs(TIMEOUT), |line| {
                match prediction(line, self.is_float) {
                    Some(prediction) => predictions.push(prediction),
                    None => {
                        say!("{line}");
                        each_line(line);
                    }
                }
            })?;
        ensure!(status.success(), "the program on the board failed ({status})");
        let expected = report::expected(&read(&folder.join("expected.jsonl"))?)?;
        match &report::differences(&expected, &predictions)[..] {
            [] => say!("{0} of {0} samples: class and logits equal the host's bits", expected.len()),
            [first, ..] => bail!("{first}"),
        }
        Ok(())
    }
}

/// Returns the linker's error. If the program is larger than a memory of the board, the error says this instead.
fn too_large(error: Error, board: &Board) -> Error {
    let text = error.to_string();
    let memory = |name: &str| text.contains(&format!("region `{name}' overflowed"));
    let parts: Vec<_> = [("flash", "flash"), ("ram", "static RAM")]
        .into_iter()
        .filter_map(|(region, name)| memory(region).then_some(name))
        .collect();
    if parts.is_empty() {
        return error;
    }
    let by = text.lines().filter_map(|line| Some(format!("it is over by {}", line.split_once("overflowed by ")?.1)));
    DoesNotFit::new("measure in C", board, &parts, by.collect::<Vec<_>>().join(", ")).into()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Returns the compiler's options for a board's processor. It is an error if the compiler has none for it.
pub fn processor_options(board: &Board) -> Result<&'static [&'static str]> {
    Ok(match board.target.as_str() {
        "thumbv6m-none-eabi" => &["-mcpu=cortex-m0"],
        "thumbv7m-none-eabi" => &["-mcpu=cortex-m3"],
        "thumbv7em-none-eabihf" => &["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        "thumbv8m.main-none-eabihf" => &["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
        target => bail!("{}: there are no options of {C_COMPILER} for {target}", board.name),
    })
}

/// Returns the compiler with the options for a board's processor.
fn gcc(board: &Board) -> Result<Command> {
    let mut compiler = Command::new(C_COMPILER);
    compiler.args(processor_options(board)?).args(["-mthumb", "-std=c99", OPTIMISATION, "-Wall", "-Wextra", "-Werror"]);
    compiler.args(["-ffunction-sections", "-fdata-sections"]);
    Ok(compiler)
}

/// Returns the number of bytes of all sections whose names begin like this, from the output of `size -A`.
fn section_bytes(sizes: &str, beginning: &str) -> u64 {
    let section = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        name.starts_with(beginning).then(|| words.next()?.parse::<u64>().ok())?
    };
    sizes.lines().filter_map(section).sum()
}

/// Reads `logits of sample 3, class 9: 0000001f ffffff80`. Returns `None` for any other line.
fn prediction(line: &str, is_float: bool) -> Option<Prediction> {
    let (index, line) = line.strip_prefix("logits of sample ")?.split_once(", class ")?;
    let (class, words) = line.split_once(':')?;
    let words: Option<Vec<u32>> = words.split_whitespace().map(|word| u32::from_str_radix(word, 16).ok()).collect();
    let words = words?;
    let hash = if is_float {
        let floats: Vec<f32> = words.into_iter().map(f32::from_bits).collect();
        Logits::float32(&floats).hash()
    } else {
        let integers: Vec<i32> = words.into_iter().map(u32::cast_signed).collect();
        Logits::int32(&integers, 1.0).hash()
    };
    let logits = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(Prediction { index: index.parse().ok()?, class: Some(class.parse().ok()?), logits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_are_hashed_as_the_hosts() {
        let line = "logits of sample 7, class 1: 00000002 ffffffff";
        let read = prediction(line, false).unwrap();
        let hash: String = Logits::int32(&[2, -1], 1.0).hash()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((read.index, read.class, read.logits), (7, Some(1), hash));
        for other in ["stack: 3 bytes", "logits of sample 7, class 1: x", "logits of sample x, class 1: 00000002"] {
            assert_eq!(prediction(other, false), None);
        }
    }

    #[test]
    fn sections_are_summed() {
        let sizes = "net.o  :\nsection size addr\n.text 0 0\n.text.net_rows 200 0\n.text.net_list 50 0\n.bss.net_memory 3696 0\nTotal 9 \n";
        assert_eq!([".text", ".bss", ".rodata.net_"].map(|name| section_bytes(sizes, name)), [250, 3696, 0]);
    }
}
