//! Shared by the tests that cross Selvedge's packages.

pub mod browser;
pub mod interchange;
pub mod projects;
pub mod python;

use std::{
    env, fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::{self, Command, Output},
    sync::LazyLock,
};

use host::{
    engine::{InstructionSet, Simd},
    training::{Observer, Step, TrainingError},
};
use selvedge::{
    fashion_mnist::{CLASSES, SHAPE},
    idx,
    random::{Generator, Purpose},
    shape::InputShape,
};
use skip::skip;

/// Returns the host's engine of plain loops, on one thread.
///
/// # Panics
///
/// If the environment variable `SELVEDGE_L1_KB` is not a size.
pub fn plain_engine() -> Simd {
    Simd::new(InstructionSet::Portable, NonZero::<usize>::MIN).expect("SELVEDGE_L1_KB is a size")
}

/// The environment variable that names the folder of Fashion-MNIST's four files.
pub const FASHION_MNIST_DIR: &str = "FASHION_MNIST_DIR";

/// The folder that [`FASHION_MNIST_DIR`] names (relative to the workspace), for a test that needs the real data.
///
/// If the variable is not set, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn fashion_mnist(what: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os(FASHION_MNIST_DIR).filter(|folder| !folder.is_empty()) else {
        skip(
            what,
            "FASHION_MNIST_DIR does not name the folder of Fashion-MNIST's four files: \
             get them from https://github.com/zalandoresearch/fashion-mnist, and set it",
        );
        return None;
    };
    // Cargo runs tests in their package's folder, not where the user is.
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder))
}

/// The program `selvedge` of this build, to be run in its own folder with no data set but the built-in one and no GPU.
///
/// # Panics
///
/// If the path of the test program is unknown.
pub fn selvedge(folder: &Path) -> Command {
    // Cargo builds a package's programs for its tests, which lie in the folder below.
    let test = env::current_exe().expect("a test has a program");
    let programs = test.ancestors().nth(2).expect("the profile's folder");
    let mut command = Command::new(programs.join(format!("tested-selvedge{}", env::consts::EXE_SUFFIX)));
    command.current_dir(folder).env_remove(FASHION_MNIST_DIR).env("XDG_CACHE_HOME", folder).env("HOME", folder);
    command.env("CUDA_VISIBLE_DEVICES", "");
    command
}

/// Runs `selvedge` in a folder, with the words of a line for arguments.
///
/// # Panics
///
/// If it does not start.
pub fn run(folder: &Path, arguments: &str) -> Output {
    selvedge(folder).args(arguments.split_whitespace()).output().expect("`selvedge` starts")
}

/// Both outputs of a command that must succeed.
///
/// # Panics
///
/// If it fails.
pub fn said(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let text = text(&output);
    assert!(output.status.success(), "{arguments}: {text}");
    text
}

/// The error of a command that must fail: its last line, without `error: `.
///
/// # Panics
///
/// If it succeeds, panics, or ends otherwise.
pub fn refusal(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let text = text(&output);
    assert!(output.status.code() == Some(1) && !text.contains("panicked"), "{arguments}: {text}");
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or_else(|| panic!("{arguments}: {text}")).into()
}

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// Returns the command of `cargo xtask …`. It ends with the test, however that ends. The program is built once for all tests of a process.
///
/// # Panics
///
/// If the program cannot be built.
pub fn xtask(arguments: &[&str]) -> Command {
    static XTASK: LazyLock<PathBuf> = LazyLock::new(|| launch::XTASK.build().expect("cargo builds xtask"));
    let mut command = launch::command(&*XTASK);
    command.args(arguments).env("SELVEDGE_ENDS_WITH", process::id().to_string());
    command
}

/// Returns true if `cargo xtask setup --check` finds the boards' targets and emulators. Where not, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn has_emulator(what: &str) -> bool {
    static FOUND: LazyLock<bool> =
        LazyLock::new(|| xtask(&["setup", "--check"]).output().is_ok_and(|output| output.status.success()));
    if !*FOUND {
        skip(what, "a target of the boards or an emulator is not here: `cargo xtask setup` gets them");
    }
    *FOUND
}

/// Returns true if `cargo xtask setup --c --check` finds ARM's C compiler. Where not, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn has_arm_c_compiler(what: &str) -> bool {
    let is_found = xtask(&["setup", "--c", "--check"]).output().is_ok_and(|output| output.status.success());
    if !is_found {
        skip(what, "ARM's C compiler is not here: `cargo xtask setup --c` gets it");
    }
    is_found
}

/// Writes a small data set of so many training and test images of Fashion-MNIST's size and classes.
///
/// # Panics
///
/// If the folder cannot be written.
pub fn write_small_data(folder: &Path, counts: [u32; 2]) {
    write_data(folder, SHAPE, CLASSES as u8, counts);
}

/// Writes a data set of so many training and test samples of a shape, in plain IDX files. A class's samples have one shade, which is
/// no other class's, with some noise.
///
/// # Panics
///
/// If the folder cannot be written.
pub fn write_data(folder: &Path, shape: InputShape, classes: u8, counts: [u32; 2]) {
    fs::create_dir_all(folder).expect("a folder that can be made");
    let generator = Generator::new(1, Purpose::Drawing, 0);
    let step = 240 / u32::from(classes);
    for (name, count) in ["train", "t10k"].into_iter().zip(counts) {
        let labels: Vec<u8> = (0..count).map(|sample| (sample % u32::from(classes)) as u8).collect();
        let mut header = [0; idx::MAX_HEADER];
        let header = idx::samples_header(count, shape, &mut header);
        let value = |place: usize| {
            let class = u32::from(labels[place / shape.features()]);
            (step * class + generator.below(place as u64, step / 2 + 1)) as u8
        };
        let values: Vec<u8> = (0..labels.len() * shape.features()).map(value).collect();
        let labels = [&idx::labels_header(count)[..], &labels].concat();
        let dimensions = header.len() / 4 - 1;
        for (kind, bytes) in
            [(format!("images-idx{dimensions}"), [header, &values].concat()), ("labels-idx1".into(), labels)]
        {
            fs::write(folder.join(format!("{name}-{kind}-ubyte")), bytes).expect("a folder that can be written to");
        }
    }
}

/// Trains a model on the built-in set for a few steps (so that its logits are not those of its initialisation) and returns
/// its weight file.
///
/// # Panics
///
/// If training fails.
pub fn trained(folder: &Path, model: &str) -> String {
    let file = folder.join(model).with_extension("selvedge").to_string_lossy().into_owned();
    let output = selvedge(folder)
        .args([
            "train",
            "--data",
            "builtin",
            "--model",
            model,
            "--recipe",
            "quickstart",
            "--steps",
            "60",
            "--lr",
            "0.1",
            "--out",
            &file,
        ])
        .output();
    let output = output.expect("`selvedge` starts");
    assert!(output.status.success(), "{}", text(&output));
    file
}

/// Writes samples of 12 features in three classes, trains a 12-40-3 network on them, and returns its weight file.
///
/// # Panics
///
/// If the folder cannot be written, or if training fails.
pub fn trained_on_waves(folder: &Path) -> String {
    write_data(folder, InputShape::Features(12), 3, [300, 60]);
    fs::write(folder.join("classes.txt"), "left\nright\nstill\n").expect("a folder that can be written to");
    let file = folder.join("waves.selvedge").to_string_lossy().into_owned();
    let output = selvedge(folder)
        .args(["train", "--data", ".", "--layers", "12,40,3", "--epochs", "60", "--lr", "0.01", "--out", &file])
        .output()
        .expect("`selvedge` starts");
    assert!(output.status.success(), "{}", text(&output));
    file
}

/// Keeps every step's loss.
#[derive(Debug, Default)]
pub struct Losses(pub Vec<f32>);

impl Observer for Losses {
    type Error = TrainingError;

    fn step(&mut self, step: &Step) -> Result<(), TrainingError> {
        self.0.push(step.loss);
        Ok(())
    }
}

/// All that a program printed.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
