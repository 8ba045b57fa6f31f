//! Turns a board's file, a model's widths and a folder of embedded files into the sources that a firmware build needs.
//!
//! | input | what it is |
//! |---|---|
//! | `SELVEDGE_BOARD` | a file of `boards/`; `mps2-an386` where none is named |
//! | `SELVEDGE_EMBED` | a folder with `weights.selvedge`, `samples.idx`, `labels.idx`, `preparation.bin`, as far as the program needs them |
//! | `SELVEDGE_LAYERS` | without weights, the model's layers, `784,128,10`; where none are given, the board's default model for Fashion-MNIST |
//! | `SELVEDGE_ANY_SIZE` | if it is set, the linker accepts a program that does not fit the board; the caller must then check the sizes |
//! | `training.toml` | the recipe of the program `train` |
//!
//! It writes `memory.x`, `board.rs` and `uart.rs`, and checks the embedded files with the device's own loaders, so that a file that the
//! device would refuse is an error of the build.

use std::{env, fmt, fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use board::{Board, BoardRecipe};
use selvedge::{
    architecture::{Architecture, LayerKind},
    fashion_mnist, idx,
    message::WeightFormat,
    model_file::FileInfo,
    models,
    preparation::{Element, Preparation},
    shape::InputShape,
    task::TaskKind,
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(armv7m, armv8m)");
    println!("cargo::rustc-check-cfg=cfg(network, values(\"integer\", \"f16\"))");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none")
        && let Err(error) = prepare()
    {
        println!("cargo::error={error:#}");
    }
}

fn prepare() -> Result<()> {
    let name = variable("SELVEDGE_BOARD").unwrap_or_else(|| board::DEFAULT.to_owned());
    let board = Board::named(&name).context("SELVEDGE_BOARD")?;
    let target = env::var("TARGET")?;
    ensure!(target == board.target, "{name} is built for --target {}, not {target}", board.target);
    for (architecture, cfg) in [("thumbv7", "armv7m"), ("thumbv8m.main", "armv8m")] {
        if target.starts_with(architecture) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }

    let embedded = Embedded::read()?;
    let architecture = match (&embedded.model, variable("SELVEDGE_LAYERS")) {
        (Some(model), _) => model.architecture.clone(),
        (None, Some(text)) => {
            let layers: Architecture = text.parse().with_context(|| format!("SELVEDGE_LAYERS={text:?}"))?;
            layers.for_prediction()
        }
        (None, None) => models::named(&board.model, fashion_mnist::PIXELS as u32, fashion_mnist::CLASSES as u32)
            .with_context(|| format!("{name}: no model is named {:?}", board.model))?,
    };
    let input_shape = embedded.input_shape(&architecture)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut memory = board.memory();
    if variable("SELVEDGE_ANY_SIZE").is_some() {
        [memory.flash.length, memory.ram.length] = [ANY_SIZE, ANY_SIZE + board.stack];
    }
    fs::write(out.join("memory.x"), memory.to_string())?;
    let training = BoardRecipe::read()?;
    fs::write(
        out.join("board.rs"),
        Constants {
            name: &name,
            board: &board,
            architecture: &architecture,
            input_shape,
            prepared: embedded.prepared(),
            preparation: &embedded.preparation,
            task: embedded.model.as_ref().map_or(TaskKind::Classification, |model| model.task),
            integers: embedded.model.map_or(Integers::Int8, |model| model.integers),
            training,
        }
        .to_string(),
    )?;
    fs::write(out.join("uart.rs"), BoardUart(board.uart).to_string())?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // `bare` has no logger: defmt's own script would ask for one, so what defmt left in the other crates goes.
    fs::write(out.join("bare.x"), "SECTIONS { /DISCARD/ : { *(.defmt .defmt.*) } }\n")?;
    println!("cargo::rustc-link-arg-bin=bare=-Tbare.x");
    for program in ["predict", "measure", "train", "loader", "fingerprint", "crash", "serve"] {
        println!("cargo::rustc-link-arg-bin={program}=-Tdefmt.x");
    }
    Ok(())
}

/// Returns an environment variable, if it is set.
fn variable(name: &str) -> Option<String> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).ok()
}

/// The integer formats that the embedded network may have.
#[derive(Clone, Copy)]
enum Integers {
    Int8,
    Int4,
}

/// The files of the folder. If a file is not there, a program that needs it does not compile.
#[derive(Default)]
struct Embedded {
    folder: PathBuf,
    model: Option<Model>,
    /// The shape of the samples.
    samples: Option<InputShape>,
    /// The conversion of samples' values into the inputs of a network that is trained on the board, as a field of a weight file.
    preparation: Vec<u8>,
}

/// A weight file.
struct Model {
    architecture: Architecture,
    integers: Integers,
    input_shape: Option<InputShape>,
    /// The number type of a sample's values, unless they are bytes that are divided by 255.
    prepared: Option<Element>,
    task: TaskKind,
}

impl Embedded {
    /// Reads and checks the files.
    fn read() -> Result<Self> {
        let Some(folder) = variable("SELVEDGE_EMBED") else { return Ok(Self::default()) };
        let folder = fs::canonicalize(&folder).with_context(|| format!("cannot open SELVEDGE_EMBED={folder:?}"))?;
        println!("cargo::rustc-env=SELVEDGE_EMBED={}", folder.display());
        let read = |name: &str| -> Result<Option<(String, Vec<u8>)>> {
            let path = folder.join(name);
            println!("cargo::rerun-if-changed={}", path.display());
            if !path.exists() {
                return Ok(None);
            }
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Some((path.display().to_string(), bytes)))
        };
        let preparation = read("preparation.bin")?.map(|(_, bytes)| bytes).unwrap_or_default();
        let model = read("weights.selvedge")?.map(|(path, bytes)| Model::parse(path, &bytes)).transpose()?;
        let samples = match (read("samples.idx")?, read("labels.idx")?) {
            (None, None) => None,
            (Some((path, samples)), Some((labels_path, labels))) => {
                let samples = idx::samples(&samples).context(path)?;
                let labels = idx::labels(&labels).context(labels_path)?;
                let (count, labels, folder) = (samples.len(), labels.len(), folder.display());
                ensure!(count == labels, "{folder}: there are {count} samples, but {labels} labels");
                ensure!(count > 0, "{folder}: there are no samples");
                Some(samples.shape())
            }
            _ => anyhow::bail!("{}: samples.idx and labels.idx belong together, but one is missing", folder.display()),
        };
        Ok(Self { folder, model, samples, preparation })
    }

    /// Returns the number type of a sample's values, unless they are bytes as a network takes them.
    fn prepared(&self) -> Option<Element> {
        match &self.model {
            Some(model) => model.prepared,
            None => self.preparation.get(1).and_then(|&number| Element::ALL.get(usize::from(number)).copied()),
        }
    }

    /// Returns the shape of a sample for a network with these layers: the shape of the samples, or the shape in the weight file.
    fn input_shape(&self, architecture: &Architecture) -> Result<InputShape> {
        let inputs = architecture.inputs();
        ensure!(
            self.preparation.is_empty() || Preparation::parse(&self.preparation, inputs, false).is_some(),
            "{}: preparation.bin is none of a network of {inputs} inputs",
            self.folder.display()
        );
        if let Some(samples) = self.samples {
            let folder = self.folder.display();
            let size = self.prepared().map_or(1, Element::size);
            ensure!(
                samples.features() == inputs * size,
                "{folder}: a sample is {samples} of a byte, but the network takes {inputs} inputs of {size}"
            );
        }
        let of_model = self.model.as_ref().and_then(|model| model.input_shape);
        let of_samples = self.samples.filter(|samples| samples.features() == inputs);
        Ok(of_model.or(of_samples).unwrap_or(InputShape::Features(inputs as u32)))
    }
}

impl Model {
    /// Checks a weight file's bytes, and tells the compiler its kind.
    fn parse(path: String, bytes: &[u8]) -> Result<Self> {
        let FileInfo { format, architecture, signature } = FileInfo::read(bytes).context(path)?;
        let integers = if format == WeightFormat::Int4 { Integers::Int4 } else { Integers::Int8 };
        match format {
            WeightFormat::F32 => {}
            WeightFormat::F16 => println!("cargo::rustc-cfg=network=\"f16\""),
            WeightFormat::Int8 | WeightFormat::Int4 => println!("cargo::rustc-cfg=network=\"integer\""),
        }
        let input_shape = signature.input;
        let prepared = (signature.preparation != Preparation::Bytes).then(|| signature.preparation.element());
        Ok(Self { architecture, integers, input_shape, prepared, task: signature.task.kind() })
    }
}

/// 512 MB: more than any board has, and the distance of the RAM from address 0.
const ANY_SIZE: u32 = 0x2000_0000;

/// The source of the library's module `uart`.
struct BoardUart(board::Uart);

impl fmt::Display for BoardUart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let board::Uart { driver, base, clock_hz, baud, tx, rx } = self.0;
        writeln!(f, "/// The board's UART.\npub type BoardUart = {driver:?};")?;
        writeln!(f, "/// Where it is, and how it is set.\npub const BOARD_UART: Settings =")?;
        writeln!(f, "    Settings {{ base: {base:#x}, clock_hz: {clock_hz}, baud: {baud}, tx: {tx}, rx: {rx} }};")
    }
}

/// The source of the library's module `board`.
struct Constants<'a> {
    name: &'a str,
    board: &'a Board,
    architecture: &'a Architecture,
    input_shape: InputShape,
    prepared: Option<Element>,
    preparation: &'a [u8],
    task: TaskKind,
    integers: Integers,
    training: BoardRecipe,
}

impl fmt::Display for Constants<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, board, architecture, input_shape, prepared, preparation, task, integers, training } = self;
        let mut constant = |doc: &str, name: &str, kind: &str, value: &dyn fmt::Display| {
            writeln!(f, "/// {doc}\npub const {name}: {kind} = {value};")
        };
        constant("The board's name.", "NAME", "&str", &format_args!("{name:?}"))?;
        constant("The clock of the emulator's counter in Hz.", "CLOCK_HZ", "u32", &board.clock_hz)?;
        constant("The model's layers.", "LAYERS", "&str", &format_args!("\"{:#}\"", architecture.expression()))?;
        constant("Features of a sample.", "INPUTS", "usize", &architecture.inputs())?;
        constant("Logits of a sample.", "OUTPUTS", "usize", &architecture.outputs())?;
        constant(
            "The shape of a sample.",
            "INPUT_SHAPE",
            "selvedge::shape::InputShape",
            &format_args!("selvedge::shape::InputShape::{input_shape:?}"),
        )?;
        constant(
            "True if the samples have a preparation other than `Bytes`.",
            "IS_PREPARED",
            "bool",
            &prepared.is_some(),
        )?;
        let element = prepared.unwrap_or_default();
        constant(
            "The number type of a sample's values.",
            "ELEMENT",
            "selvedge::preparation::Element",
            &format_args!("selvedge::preparation::Element::{element:?}"),
        )?;
        constant(
            "The preparation for a network that is trained on the board, as the field of a weight file. Empty if there is none.",
            "PREPARATION",
            "&[u8]",
            &format_args!("&{preparation:?}"),
        )?;
        constant(
            "The meaning of the outputs.",
            "TASK",
            "selvedge::task::TaskKind",
            &format_args!("selvedge::task::TaskKind::{task:?}"),
        )?;
        constant("Bytes of a sample.", "SAMPLE_LEN", "usize", &(architecture.inputs() * element.size()))?;
        constant("Seed of a training on the device.", "SEED", "u64", &training.seed)?;
        constant("The number of epochs of a training on the device.", "EPOCHS", "u64", &training.epochs)?;
        constant(
            "The number of samples in a batch of a training on the device.",
            "BATCH",
            "usize",
            &training.batch_size,
        )?;
        constant("The number of samples of a training on the device.", "SAMPLES", "usize", &training.samples)?;
        constant(
            "The learning rate of a training on the device.",
            "LEARNING_RATE",
            "f32",
            &format_args!("{:?}", training.learning_rate),
        )?;
        let linear = architecture.layers().iter().filter(|layer| matches!(layer, LayerKind::Linear { .. }));
        let widths: Vec<_> =
            [architecture.inputs() as u32].into_iter().chain(linear.map(|layer| layer.widths().1)).collect();
        constant(
            "The inputs, and each linear layer's outputs.",
            "WIDTHS",
            &format!("[usize; {}]", widths.len()),
            &format_args!("{widths:?}"),
        )?;
        let format = match integers {
            Integers::Int8 => "Int8",
            Integers::Int4 => "Int4",
        };
        writeln!(
            f,
            "/// The format of an integer network. It is `Int8` if the network is not an integer network.\npub type IntegerFormat = selvedge::quantized::{format};"
        )?;
        writeln!(f, "/// The model.\npub type Model = selvedge::mlp!({});", architecture.expression())
    }
}
