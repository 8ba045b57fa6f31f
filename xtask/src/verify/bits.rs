//! `cargo xtask verify bits`: compares the weight hash on every engine, with several numbers of threads, on the boards and on a GPU.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use board::{Board, BoardRecipe};
use clap::Args;
use serde_json::json;

use super::{
    page::Page,
    table::{self, Run},
};
use crate::{
    flash::{
        self, Device, EmbedFolder, Program,
        model::{Model, Weights},
    },
    gpu::{
        self,
        runs::{Extent, RUNS},
    },
    program,
    toolchain::Toolchain,
    workspace,
};

/// The largest number of threads that `selvedge train --threads` takes.
const MAX_THREADS: usize = 1024;

/// The runs, and the file for the hashes.
#[derive(Args)]
pub struct VerifyBitsOptions {
    /// Compare an NVIDIA GPU with the CPU instead: every optimizer, batches of 1 to 1024 samples, and the other options of a recipe
    #[arg(long)]
    cuda: bool,
    /// With --cuda, shorten the runs: most take a few steps, four take one or two epochs
    #[arg(long, requires = "cuda")]
    quick: bool,
    /// The number of steps of the runs of quickstart; the runs of tiny follow firmware/training.toml, as the boards do
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(conflicts_with = "cuda")]
    steps: u64,
    /// The data, as for `cargo xtask train`
    #[arg(long, value_name = "DIR|builtin")]
    data: Option<OsString>,
    /// Show all 64 digits of each hash
    #[arg(long)]
    full: bool,
    /// Write all 64 digits of each hash to this file too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Trains, prints the table, and fails if two hashes of a model differ.
pub fn run(options: &VerifyBitsOptions) -> Result<ExitCode> {
    if let Some(file) = &options.json {
        files::check_writable(file)?;
    }
    let left_out = if options.cuda { None } else { boards_left_out()? };
    let mut bits = Bits::prepare(options)?;
    let runs = if options.cuda { bits.gpu(options.quick)? } else { bits.engines_and_boards(left_out.is_none())? };

    say!("");
    table::lines(&runs, options.full).iter().for_each(|line| say!("{line}"));
    say!("");
    if let Some(reason) = &bits.page_left_out {
        say!("Left out: the library for a browser: {reason}");
    }
    if let Some(reason) = left_out {
        say!("Left out: tiny on the emulated {}: {reason}", training_boards()?.join(" and "));
    }
    let verdicts = table::verdicts(&runs, options.full);
    if let Some(file) = &options.json {
        let equal = verdicts.iter().all(Result::is_ok);
        files::write_whole(file, format!("{:#}\n", json!({ "equal": equal, "runs": runs })).as_bytes())?;
    }
    verdicts.iter().flatten().for_each(|equal| say!("{equal}"));
    let differences: Vec<_> = verdicts.into_iter().filter_map(Result::err).collect();
    ensure!(differences.is_empty(), differences.join(", and "));
    Ok(ExitCode::SUCCESS)
}

/// Returns the boards that have enough memory to train.
fn training_boards() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for name in board::names() {
        if Board::named(&name)?.trains {
            names.push(name);
        }
    }
    Ok(names)
}

/// Returns the reason why the boards cannot take part on this machine. It is an error if they must.
fn boards_left_out() -> Result<Option<String>> {
    let check = || {
        training_boards()?.iter().try_for_each(|board| Device::Emulator.check(&Board::named(board)?))?;
        Toolchain::find()
    };
    Ok(optional(check(), "the emulated boards")?.err())
}

/// Returns the part that was found, or the reason why it is left out. It is an error if the part must not be left out.
fn optional<T>(found: Result<T>, what: &str) -> Result<Result<T, String>> {
    let reason = match found {
        Ok(found) => return Ok(Ok(found)),
        Err(reason) => reason,
    };
    if std::env::var_os("SELVEDGE_REQUIRE_ALL").is_some_and(|value| !value.is_empty()) {
        return Err(reason.context(format!("SELVEDGE_REQUIRE_ALL is set, but {what} cannot take part")));
    }
    say!("Left out: {what}: {reason:#}");
    Ok(Err(format!("{reason:#}")))
}

/// The parts that all runs share.
struct Bits {
    /// The program `selvedge`.
    program: PathBuf,
    /// The engines, the fastest first.
    engines: Vec<String>,
    cores: usize,
    data: Vec<OsString>,
    steps: u64,
    full: bool,
    folder: EmbedFolder,
    /// The reason why the library for a browser takes no part.
    page_left_out: Option<String>,
}

impl Bits {
    fn prepare(options: &VerifyBitsOptions) -> Result<Self> {
        let program = program::program(options.cuda)?;
        let engines = workspace::output(Command::new(&program).arg("engines"))?;
        let folder = EmbedFolder::take("verify-bits")?;
        let mut data: Vec<OsString> = options.data.iter().flat_map(|data| ["--data".into(), data.clone()]).collect();
        // Found or downloaded here, so that without a network not every run looks for one.
        let tiny = Model::with_program(program.clone(), "tiny", data.clone());
        let mut embed = tiny.embed_command(None, "train", Some(1), &folder.path);
        if data.is_empty() && workspace::output_shown(&mut embed)?.contains(" of builtin to ") {
            data = ["--data", "builtin"].map(OsString::from).into();
        }
        Ok(Self {
            program,
            engines: engines.lines().map(str::to_owned).collect(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            data,
            steps: options.steps,
            full: options.full,
            folder,
            page_left_out: None,
        })
    }

    fn model(&self, name: &str) -> Model {
        Model::with_program(self.program.clone(), name, self.data.clone())
    }

    /// Returns both models' runs on this machine, and on the boards if they are there.
    fn engines_and_boards(&mut self, boards: bool) -> Result<Vec<Run>> {
        let mut runs = self.host("quickstart", |model, out| {
            let mut train = model.train_command(out);
            train.args(["--recipe", "quickstart", "--steps", &self.steps.to_string()]);
            train
        })?;
        let recipe = BoardRecipe::read()?;
        runs.extend(self.host("tiny", |model, out| model.board_training(&recipe, out))?);
        if boards {
            for board in training_boards()? {
                runs.push(self.board(&board, &recipe)?);
            }
        }
        match optional(Page::find(&self.folder.path), "the library for a browser")? {
            Ok(page) => runs.extend(self.page(&page, &recipe)?),
            Err(reason) => self.page_left_out = Some(reason),
        }
        Ok(runs)
    }

    /// Returns the run of `tiny` as WebAssembly, and the hashes of 100 logits there and here.
    fn page(&self, page: &Page, recipe: &BoardRecipe) -> Result<Vec<Run>> {
        let model = self.model("tiny");
        let trained = self.timed("tiny", "wasm", Some(1), || {
            workspace::output(&mut model.embed_command(None, "train", Some(recipe.samples), &self.folder.path))?;
            page.trained_hash(recipe)
        })?;
        // Of the weights that the host left.
        let weights = Weights::read(&self.trained("tiny"))?;
        workspace::output(&mut model.embed_command(Some(&weights), "test", None, &self.folder.path))?;
        let host = self.timed("logits of tiny", "host", Some(1), || page.host_logits())?;
        let wasm = self.timed("logits of tiny", "wasm", Some(1), || page.logits())?;
        Ok(vec![trained, host, wasm])
    }

    /// Returns a model's runs on this machine.
    fn host(&self, model: &str, train: impl Fn(&Model, &Path) -> Command) -> Result<Vec<Run>> {
        let named = self.model(model);
        let run =
            |(engine, threads): (&String, usize)| self.cpu(model, engine, threads, train(&named, &self.trained(model)));
        plan(model, &self.engines, self.cores).map(run).collect()
    }

    /// Returns a run on the CPU.
    fn cpu(&self, model: &str, engine: &str, threads: usize, mut train: Command) -> Result<Run> {
        train.env("SELVEDGE_ENGINE", engine).args(["--device", "cpu", "--threads", &threads.to_string()]);
        self.timed(model, engine, Some(threads), || {
            let output = workspace::output(&mut train)?;
            used(&output, &format!(", {threads} threads, {engine}, "))?;
            Ok(flash::saved_hash(&output)?.to_owned())
        })
    }

    /// Returns the results of each of [`RUNS`] on the GPU and on the CPU.
    fn gpu(&self, quick: bool) -> Result<Vec<Run>> {
        let extent = if quick { Extent::Quick } else { Extent::Whole };
        let engine = self.engines.first().context("`selvedge engines` lists none")?;
        let mut runs = Vec::new();
        for run in RUNS {
            let command = || {
                let mut train = Command::new(&self.program);
                train.arg("train").args(run.options(extent)).arg("--out").arg(self.trained("cuda"));
                train.args(&self.data);
                train
            };
            // First, so that without a GPU it is known at once.
            let mut train = command();
            runs.push(self.timed(run.name, "cuda", None, || {
                let output = workspace::output(train.arg("--cuda"))?;
                used(&output, gpu::USING)?;
                Ok(flash::saved_hash(&output)?.to_owned())
            })?);
            runs.push(self.cpu(run.name, engine, self.cores, command())?);
        }
        Ok(runs)
    }

    /// Returns the run of `tiny` on an emulated board.
    fn board(&self, board: &str, recipe: &BoardRecipe) -> Result<Run> {
        let model = self.model("tiny");
        let layers = Weights::read(&self.trained("tiny"))?.architecture;
        self.timed("tiny", board, Some(1), || {
            let run = flash::Run::new(board, Program::Train, Device::Emulator, flash::TIMEOUT)?;
            run.trained_hash(recipe, &model, &layers)
        })
    }

    fn trained(&self, model: &str) -> PathBuf {
        self.folder.path.join(model).with_extension("selvedge")
    }

    fn timed(
        &self,
        model: &str,
        engine: &str,
        threads: Option<usize>,
        train: impl FnOnce() -> Result<String>,
    ) -> Result<Run> {
        let threads_of = |threads| format!(", {threads} thread{}", if threads == 1 { "" } else { "s" });
        let name = format!("{model}, {engine}{}", threads.map_or(String::new(), threads_of));
        let start = Instant::now();
        let hash = train().with_context(|| name.clone())?;
        say!("{name}: {} in {:.1} s", table::shown(&hash, self.full), start.elapsed().as_secs_f32());
        Ok(Run { model: model.to_owned(), engine: engine.to_owned(), threads, hash })
    }
}

/// Returns engines and numbers of threads: each number up to this machine's, and twice that. If this would take minutes (`quickstart` on the engine
/// `portable`), only 1 and this machine's number.
fn plan<'a>(model: &str, engines: &'a [String], cores: usize) -> impl Iterator<Item = (&'a String, usize)> {
    let quickstart = model == "quickstart";
    engines.iter().flat_map(move |engine| {
        let slow = quickstart && engine == "portable";
        let threads = (1..=cores).chain([2 * cores]).filter(|&threads| threads <= MAX_THREADS);
        threads.filter(move |&threads| !slow || threads == 1 || threads == cores).map(move |threads| (engine, threads))
    })
}

/// Checks that a run's first line names the engine that was asked for.
fn used(output: &str, asked: &str) -> Result<()> {
    match output.lines().next() {
        Some(line) if line.contains(asked) => Ok(()),
        line => bail!("`selvedge train` was to say `{}`, but says: {}", asked.trim(), line.unwrap_or("nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(model: &str, cores: usize) -> Vec<(String, usize)> {
        let engines = ["avx2", "portable"].map(String::from);
        plan(model, &engines, cores).map(|(engine, threads)| (engine.clone(), threads)).collect()
    }

    #[test]
    fn every_number_of_threads_and_more_than_there_are() {
        let all = |engine: &str, threads: &[usize]| -> Vec<_> {
            threads.iter().map(|&threads| (engine.to_owned(), threads)).collect()
        };
        assert_eq!(planned("tiny", 3), [all("avx2", &[1, 2, 3, 6]), all("portable", &[1, 2, 3, 6])].concat());
        assert_eq!(planned("quickstart", 3), [all("avx2", &[1, 2, 3, 6]), all("portable", &[1, 3])].concat());
        assert_eq!(planned("quickstart", 1), [all("avx2", &[1, 2]), all("portable", &[1])].concat());
        assert_eq!(planned("tiny", 1000).len(), 2 * 1000);
    }

    #[test]
    fn a_run_on_another_engine_is_no_evidence() {
        let output = "Using cpu device, 12 threads, avx2, builtin\nmodel";
        assert!(used(output, ", 12 threads, avx2, ").is_ok());
        for asked in [", 12 threads, avx512, ", ", 12 threads, avx, ", ", 2 threads, avx2, ", gpu::USING] {
            let error = used(output, asked).unwrap_err().to_string();
            assert!(error.contains("12 threads, avx2") && error.contains(asked.trim()), "{error}");
        }
        assert!(used("", ", 1 threads, avx2, ").unwrap_err().to_string().ends_with("nothing"));
    }
}
