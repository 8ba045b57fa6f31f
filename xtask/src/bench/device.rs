//! `cargo xtask bench device`: measures a prediction on each emulated board.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use board::Board;
use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use options::commands::{Data, FormatOption};
use selvedge::{
    architecture::{Architecture, StageKind},
    models::NAMES,
};
use serde::Serialize;
use thumb::{
    cycles::{Calls, Core, Estimate},
    sizes::Sizes,
};

use super::exported::{self, Exported};
use crate::{
    flash::{Device, DoesNotFit, NO_SERIAL, Program, Run, TIMEOUT, model::Model},
    setup, tied,
    workspace::{self, grouped},
};

/// Part of the symbol of the firmware's function that holds a prediction, `measure::followed`; the rest is the compiler's.
const FOLLOWED: &str = "7measure8followed";
/// The symbol of firmware/c's function that holds a prediction.
const FOLLOWED_C: &str = "measure_followed";

/// The number of instructions that the firmware's counter may count in addition: one tick of at least 16 MHz, and its own reading.
const TICK: u64 = 63;
const READING: u64 = 64;

/// The number of seconds in which `measure` may print nothing. It predicts every sample first, on some boards without a floating-point unit.
const SILENCE: u64 = 1800;

/// The rows to measure, and the files for the figures.
#[derive(Args)]
pub struct DeviceBenchOptions {
    /// A board of firmware/boards [default: every emulated board; with --c every Cortex-M]
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    /// A model [default: quickstart, small and tiny]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(NAMES))]
    model: Option<String>,
    /// A format [default: every format]
    #[arg(long, value_enum)]
    format: Option<FormatOption>,
    /// Measure the C code of `selvedge export-c` in place of the Rust firmware; `cargo xtask setup --c` installs the compiler
    #[arg(long)]
    c: bool,
    /// The number of test samples to predict
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// The source of the samples.
    #[command(flatten)]
    data: Data,
    /// Write one JSON object for each row, as a list
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw the instructions as a picture
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
}

/// The results of a model on a board.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    board: String,
    model: String,
    format: String,
    /// The mean number of instructions over the samples.
    instructions: u64,
    least_instructions: u64,
    most_instructions: u64,
    /// The mean number of cycles over the samples, estimated by ARM's published timings from a trace of the first samples. `None` if the processor
    /// has no published timings.
    cycles_estimate: Option<u64>,
    /// The mean numbers of instructions for each linear layer. Empty for the exported C.
    layer_instructions: Vec<u64>,
    /// The number of multiply-adds of the linear layers.
    multiply_adds: u64,
    /// The number of bytes of the program `bare` without vectors, weights and samples. For C, the bytes of the exported functions.
    code_bytes: u64,
    weight_bytes: u64,
    static_ram_bytes: u64,
    /// The number of bytes of the largest stack depth while the program loads the weights and predicts, with the workspace.
    stack_bytes: u64,
}

/// Measures, prints the table, and writes the files of the options.
pub fn run(options: &DeviceBenchOptions) -> Result<ExitCode> {
    let outputs = [("--json", &options.json), ("--markdown", &options.markdown), ("--plot", &options.plot)];
    let outputs: Vec<_> = outputs.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?))).collect();
    outputs.iter().try_for_each(|(_, file)| files::check_writable(file))?;
    files::check_distinct(&outputs)?;
    let (boards, mut left_out) = chosen_boards(options)?;
    let mut rows = Vec::new();
    if options.c {
        setup::FOR_BOARDS.set_up(true)?;
    }
    let measure = if options.c { measure_c } else { measure };
    for board in &boards {
        for model in NAMES.iter().filter(|name| options.model.as_deref().is_none_or(|only| only == **name)) {
            for &format in FormatOption::value_variants() {
                if options.format.is_none_or(|only| only == format) {
                    match measure(options, board, model, format) {
                        Ok(row) => rows.push(row),
                        Err(error) if error.is::<DoesNotFit>() => {
                            left_out.push(format!("{model} in {} on {board}: {error:#}", format.name()));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
    left_out.iter().for_each(|line| say!("Left out: {line}"));
    ensure!(!rows.is_empty(), "nothing was measured");

    let table = markdown(&rows);
    say!("\n{table}");
    if let Some(file) = &options.json {
        files::write_whole(file, format!("{:#}\n", serde_json::to_value(&rows)?).as_bytes())?;
    }
    if let Some(file) = &options.markdown {
        files::write_whole(file, table.as_bytes())?;
    }
    if let Some(file) = &options.plot {
        let mut data = tempfile::NamedTempFile::new().context("no place for the figures")?;
        data.write_all(serde_json::to_string(&rows)?.as_bytes()).context("cannot write the figures")?;
        workspace::run(super::program(&super::HOST, "device")?.arg(data.path()).arg(file))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the names of the boards to measure, and a line for each board that is left out.
fn chosen_boards(options: &DeviceBenchOptions) -> Result<(Vec<String>, Vec<String>)> {
    let (mut boards, mut left_out) = (Vec::new(), Vec::new());
    for name in options.board.as_ref().map_or_else(board::names, |name| vec![name.clone()]) {
        let board = Board::named(&name)?;
        Device::Emulator.check(&board)?;
        match exported::processor_options(&board) {
            Err(error) if options.c && options.board.is_none() => left_out.push(error.to_string()),
            Err(error) if options.c => return Err(error),
            _ => boards.push(name),
        }
    }
    Ok((boards, left_out))
}

fn measure(options: &DeviceBenchOptions, board: &str, name: &str, format: FormatOption) -> Result<Row> {
    let model = Model::named(name, options.data.arguments())?;
    let run = Run::new(board, Program::Measure, Device::Emulator, SILENCE)?;
    let weights = model.deployed(model.reference(run.folder())?, format, run.folder())?;
    workspace::output(&mut model.embed_command(Some(&weights), "test", Some(options.count), run.folder()))?;
    say!("{name} in {} on {board}", format.name());
    let mut measured = Measured::default();
    let status = run.build_and_run(None, |line| {
        say!("{line}");
        measured.take(line);
    })?;
    ensure!(status.success(), "the program on the board failed ({status})");
    let measured = measured.whole()?;
    ensure!(!measured.layers.is_empty(), "the program `measure` named no layers");
    let estimate = estimate(&run.board, &run.folder().join(Program::Measure.name()), &measured.first)?;
    say_cycles(estimate.as_ref(), measured.mean);

    let bare = run.build(Program::Bare, None)?;
    let weight_bytes = file_len(&run.folder().join("weights.selvedge"))?;
    let sample_bytes = file_len(&run.folder().join("samples.idx"))?;
    let sizes = Sizes::of(&linked(&bare)?);
    Ok(Row {
        board: board.to_owned(),
        model: name.to_owned(),
        format: format.name().to_owned(),
        instructions: measured.mean,
        least_instructions: measured.least,
        most_instructions: measured.most,
        cycles_estimate: estimate.map(|estimate| estimate.cycles(measured.mean)),
        layer_instructions: measured.layers,
        multiply_adds: multiply_adds(&weights.architecture),
        code_bytes: sizes.flash.saturating_sub(weight_bytes + sample_bytes),
        weight_bytes,
        static_ram_bytes: sizes.ram,
        stack_bytes: measured.stack,
    })
}

/// Measures the exported C.
fn measure_c(options: &DeviceBenchOptions, board: &str, name: &str, format: FormatOption) -> Result<Row> {
    let model = Model::named(name, options.data.arguments())?;
    let run = Run::new(board, Program::Measure, Device::Emulator, TIMEOUT)?;
    let folder = run.folder();
    let weights = model.deployed(model.reference(folder)?, format, folder)?;
    workspace::output(&mut model.embed_command(Some(&weights), "test", Some(options.count), folder))?;
    say!("{name} in {}, as C, on {board}", format.name());
    let exported = Exported::build(&weights, format, &run.board, folder)?;
    let mut measured = Measured::default();
    exported.run(&run.board, folder, |line| measured.take(line))?;
    let measured = measured.whole()?;
    let estimate = estimate(&run.board, &exported.elf, &measured.first)?;
    say_cycles(estimate.as_ref(), measured.mean);
    Ok(Row {
        board: board.to_owned(),
        model: name.to_owned(),
        format: format!("{}, C", format.name()),
        instructions: measured.mean,
        least_instructions: measured.least,
        most_instructions: measured.most,
        cycles_estimate: estimate.map(|estimate| estimate.cycles(measured.mean)),
        layer_instructions: measured.layers,
        multiply_adds: multiply_adds(&weights.architecture),
        code_bytes: exported.code_bytes,
        weight_bytes: exported.weight_bytes,
        static_ram_bytes: exported.ram_bytes,
        stack_bytes: measured.stack,
    })
}

/// Prints how many cycles a prediction with this number of instructions takes.
fn say_cycles(estimate: Option<&Estimate>, instructions: u64) {
    let shown = estimate.map(|estimate| estimate.shown(instructions));
    say!("{}", shown.as_deref().unwrap_or("cycles: not estimated, the processor has no published timings"));
}

/// Returns the cycles of the first predictions of a program `measure`, which has counted this number of instructions in each. Returns `None` if
/// there are no timings.
fn estimate(board: &Board, elf: &Path, counted: &[u64]) -> Result<Option<Estimate>> {
    let Some(core) = Core::of_target(&board.target) else { return Ok(None) };
    let program = linked(elf)?;
    let emulator = Device::Emulator.command(board, elf, NO_SERIAL)?;
    say!("Tracing {}", workspace::shown(&emulator));
    let calls = Calls {
        entry: program.function(FOLLOWED).or_else(|_| program.function(FOLLOWED_C))?,
        counted,
        tolerance: TICK + READING,
    };
    Ok(Some(Estimate::of(&program, core, calls, emulator, tied::tied)?))
}

fn linked(elf: &Path) -> Result<thumb::Program> {
    let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    thumb::Program::read(&bytes).with_context(|| elf.display().to_string())
}

fn file_len(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}

/// Returns the number of multiply-adds of the linear layers.
fn multiply_adds(network: &Architecture) -> u64 {
    let linear = network.stages().filter(|stage| stage.kind == StageKind::Linear);
    linear.map(|stage| stage.inputs as u64 * stage.outputs as u64).sum()
}

/// The figures that the program `measure` prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Measured {
    stack: u64,
    layers: Vec<u64>,
    mean: u64,
    least: u64,
    most: u64,
    /// The numbers of instructions of the first samples.
    first: Vec<u64>,
}

impl Measured {
    fn take(&mut self, line: &str) {
        let numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
        let numbers: Vec<u64> = numbers.collect();
        match (line.split(['.', ' ', ':']).next(), &numbers[..]) {
            (Some("stack"), [bytes]) => self.stack = *bytes,
            (Some("first"), counts) => self.first = counts.to_vec(),
            (Some("layer"), [_, count]) => self.layers.push(*count),
            (Some("prediction"), [mean, least, most, _samples]) => {
                (self.mean, self.least, self.most) = (*mean, *least, *most);
            }
            _ => {}
        }
    }

    fn whole(self) -> Result<Self> {
        ensure!(
            self.stack > 0 && self.mean > 0 && !self.first.is_empty(),
            "the program `measure` did not say all that it should: {self:?}"
        );
        Ok(self)
    }
}

fn markdown(rows: &[Row]) -> String {
    let mut table = String::from(
        "| board | model | format | instructions | least … most | cycles, estimated | by layer | for each multiply-add | code | weights | static RAM | stack |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let layers: Vec<_> = row.layer_instructions.iter().map(|&count| grouped(count)).collect();
        let cells = [
            row.board.clone(),
            row.model.clone(),
            row.format.clone(),
            grouped(row.instructions),
            format!("{} … {}", grouped(row.least_instructions), grouped(row.most_instructions)),
            row.cycles_estimate.map_or_else(|| "–".to_owned(), grouped),
            if layers.is_empty() { "–".to_owned() } else { layers.join(" + ") },
            format!("{:.3}", row.instructions as f64 / row.multiply_adds as f64),
            grouped(row.code_bytes),
            grouped(row.weight_bytes),
            grouped(row.static_ram_bytes),
            grouped(row.stack_bytes),
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    #[test]
    fn exported_c_is_measured_on_the_boards_that_its_compiler_knows() {
        let boards = |arguments: &[&str]| {
            let command = DeviceBenchOptions::augment_args(Command::new("device").no_binary_name(true));
            let matches = command.try_get_matches_from(arguments).expect("valid options");
            chosen_boards(&DeviceBenchOptions::from_arg_matches(&matches).expect("valid options"))
        };
        let all = board::names().len();
        assert_eq!(boards(&[]).unwrap().0.len(), all);
        let (measured, left_out) = boards(&["--c"]).unwrap();
        assert_eq!((measured.len(), left_out.len()), (all - 1, 1));
        assert!(left_out[0].starts_with("riscv32-virt: "), "{left_out:?}");
        let error = boards(&["--c", "--board", "riscv32-virt"]).unwrap_err();
        assert!(error.to_string().starts_with("riscv32-virt: there are no options"), "{error}");
    }

    #[test]
    fn what_measure_says_is_read() {
        let mut measured = Measured::default();
        for line in [
            "stack: 3976 bytes",
            "layer 0: 240708 instructions",
            "layer 1: 78850 instructions",
            "something else 12",
            "prediction: mean 325433, least 195480, most 445000 instructions, of 100 samples",
            "first samples: [346800, 268840] instructions",
        ] {
            measured.take(line);
        }
        let expected = Measured {
            stack: 3976,
            layers: vec![240_708, 78_850],
            mean: 325_433,
            least: 195_480,
            most: 445_000,
            first: vec![346_800, 268_840],
        };
        assert_eq!(measured.whole().unwrap(), expected);
        assert!(Measured::default().whole().is_err());
    }

    #[test]
    fn numbers_are_grouped_and_products_summed() {
        assert_eq!([0, 999, 1000, 1_034_857].map(grouped), ["0", "999", "1,000", "1,034,857"]);
        assert_eq!(multiply_adds(&"784,512,512,10".parse().unwrap()), 668_672);
    }

    #[test]
    fn what_is_not_estimated_is_a_dash() {
        let row = Row {
            board: "mps2-an505".into(),
            model: "tiny".into(),
            format: "int8".into(),
            instructions: 12_000,
            least_instructions: 10_000,
            most_instructions: 13_000,
            cycles_estimate: None,
            layer_instructions: vec![11_000, 1000],
            multiply_adds: 12_000,
            code_bytes: 6000,
            weight_bytes: 7000,
            static_ram_bytes: 0,
            stack_bytes: 3000,
        };
        let table = markdown(&[row]);
        let line = table.lines().last().unwrap();
        let words = "| mps2-an505 | tiny | int8 | 12,000 | 10,000 … 13,000 | – | 11,000 + 1,000 | 1.000 | 6,000 | 7,000 | 0 | 3,000 |";
        assert_eq!(line, words);
    }
}
