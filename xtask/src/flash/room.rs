//! Estimates the memory that a network needs on a board, before anything is built. If it does not fit, it finds what would fit.

use board::{Board, BoardRecipe};
use selvedge::{
    architecture::{Architecture, LayerKind},
    message::WeightFormat,
    quantized::{self, F16, Int4, Int8, QuantizationRecord},
    shape::Signature,
};

use super::{Program, SAMPLES, fit::DoesNotFit};
use crate::workspace::grouped;

/// The formats of weights, the most exact first, by their names in `--format`.
const FORMATS: [(WeightFormat, &str); 4] = [
    (WeightFormat::F32, "f32"),
    (WeightFormat::F16, "f16"),
    (WeightFormat::Int8, "int8"),
    (WeightFormat::Int4, "int4"),
];

/// The flash for a program's code and texts: the smallest and the largest number of bytes.
const CODE: [u64; 2] = [2 << 10, 64 << 10];
/// The room for the header of a file of 32-bit weights, in bytes. No header is larger.
const HEADER: usize = 512;
/// The largest amount of stack of a prediction, without its workspace.
const STACK: u64 = 1 << 10;
/// The room for the texts of a quantised file: its method, and its classes.
const TEXTS: [u8; 256] = [0; 256];

/// A network in a program.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    /// The program.
    pub program: Program,
    /// The network, with batch normalisation folded.
    pub network: &'a Architecture,
    /// The number format of the weights in the program.
    pub format: WeightFormat,
    /// True if the file is already quantised, so `--format` does not change it.
    pub is_quantised: bool,
    /// The number of samples in the program. If no number is asked for, there are up to [`SAMPLES`].
    pub samples: Option<u32>,
}

/// The number of bytes that are needed of a memory.
struct Need {
    /// The smallest possible number.
    least: u64,
    /// The largest possible number.
    most: u64,
}

impl Load<'_> {
    /// Refuses a network that cannot fit the board. The error names what would fit.
    pub fn check(&self, board: &Board) -> Result<(), DoesNotFit> {
        let (mut parts, mut numbers) = (Vec::new(), Vec::new());
        for (need, length, name) in self.memories(board) {
            if need.least > length {
                parts.push(name);
                numbers.push(format!("{name} at least {} of {} bytes", grouped(need.least), grouped(length)));
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        Err(DoesNotFit::new(self.program.name(), board, &parts, numbers.join("; ")).with_advice(self.advice(board)))
    }

    /// Adds advice to the error of a linked program that does not fit: the choices that would fit.
    pub fn explain(&self, error: anyhow::Error, board: &Board) -> anyhow::Error {
        match error.downcast::<DoesNotFit>() {
            Ok(error) => error.with_advice(self.advice(board)).into(),
            Err(error) => error,
        }
    }

    /// Returns the choices that would fit, in a few words.
    pub fn advice(&self, board: &Board) -> String {
        let of = if self.is_quantised { "the float32 file with " } else { "" };
        let formats =
            FORMATS.into_iter().filter(|(format, _)| *format != self.format && self.program != Program::Train);
        let fitting = formats.filter_map(|(format, name)| {
            let load = Self { format, ..self.clone() };
            let kilobytes = load.file()?.div_ceil(1000);
            load.fits(board).then(|| format!("{of}--format {name} ({} KB)", grouped(kilobytes)))
        });
        let mut ways: Vec<String> = fitting.collect();
        let fewer = [100, 50, 20, 10, 5, 2, 1].into_iter().filter(|&samples| samples < self.samples.unwrap_or(SAMPLES));
        let mut fewer = fewer.filter(|&samples| Self { samples: Some(samples), ..self.clone() }.fits(board));
        if self.program != Program::Train {
            ways.extend(fewer.next().map(|samples| format!("--count {samples}")));
        }
        let boards = board::names().into_iter().filter_map(|name| Board::named(&name).ok());
        let boards = boards.filter(|other| other.name != board.name && self.fits(other));
        ways.extend(boards.map(|other| format!("--board {}", other.name)));
        match ways.split_last() {
            None => "take a smaller network: --layers names one for `cargo xtask train`".to_owned(),
            Some((way, [])) => format!("{way} fits"),
            Some((last, others)) => format!("{} or {last} fits", others.join(", ")),
        }
    }

    fn fits(&self, board: &Board) -> bool {
        self.file().is_some() && self.memories(board).iter().all(|(need, length, _)| need.most <= *length)
    }

    /// Returns a memory of the board: the bytes that the program takes of it, and its size.
    fn memories(&self, board: &Board) -> [(Need, u64, &'static str); 3] {
        let [flash, statics, stack] = [self.flash(), self.statics(), self.stack()];
        [
            (flash, board.flash.length.into(), "flash"),
            (statics, (board.ram.length - board.stack).into(), "static RAM"),
            (stack, board.stack.into(), "stack"),
        ]
    }

    fn flash(&self) -> Need {
        let file = if self.program == Program::Train { 0 } else { self.file().unwrap_or_default() };
        let stored = |samples: u32| file + u64::from(samples) * self.network.inputs() as u64;
        // A file's header may be shorter than is reckoned with here, by less than the least code.
        let [least, most] = [0, SAMPLES].map(|samples| stored(self.samples.unwrap_or(samples)));
        Need { least: least + CODE[0], most: most + CODE[1] }
    }

    fn statics(&self) -> Need {
        let Ok(training) = BoardRecipe::read() else { return Need { least: 0, most: 0 } };
        let elements = match self.program {
            Program::Train => {
                let sample = self.network.inputs() + 2 * self.network.tape_len();
                self.parameters() + training.batch_size as u64 * sample as u64 + u64::from(training.samples)
            }
            _ => 0,
        };
        let bytes = elements * size_of::<f32>() as u64;
        Need { least: bytes, most: bytes + STACK }
    }

    fn stack(&self) -> Need {
        let words = match (self.program, self.format) {
            (Program::Train, _) => 0,
            (_, WeightFormat::F32) => self.network.inputs() + self.network.tape_len(),
            (_, WeightFormat::F16) => F16::required_words(&self.widths()),
            (_, WeightFormat::Int8) => Int8::required_words(&self.widths()),
            (_, WeightFormat::Int4) => Int4::required_words(&self.widths()),
        };
        let works_in = (words * size_of::<u32>()) as u64;
        // `serve` keeps a request and a response too.
        let line = if self.program == Program::Serve { 2 * self.network.inputs() as u64 + STACK } else { 0 };
        Need { least: works_in, most: works_in + line + STACK }
    }

    /// Returns the inputs, and each linear layer's outputs.
    fn widths(&self) -> Vec<usize> {
        let linear = self.network.layers().iter().filter(|layer| matches!(layer, LayerKind::Linear { .. }));
        [self.network.inputs()].into_iter().chain(linear.map(|layer| layer.widths().1 as usize)).collect()
    }

    fn parameters(&self) -> u64 {
        self.network.parameter_count().unwrap_or_default() as u64
    }

    /// Returns the number of bytes of the weights' file, or `None` if the network has none in this format.
    fn file(&self) -> Option<u64> {
        let (record, signature) = (
            QuantizationRecord {
                source: &[0; 32],
                logit_scale: 1.0,
                float_accuracy: 0.0,
                accuracy: 0.0,
                method: &TEXTS,
            },
            Signature::default(),
        );
        let len = match self.format {
            WeightFormat::F32 => {
                let weights = self.network.parameter_count()?.checked_mul(size_of::<f32>())?;
                weights.checked_add(HEADER)
            }
            WeightFormat::F16 => quantized::encoded_len::<F16>(self.network, &signature, &record),
            WeightFormat::Int8 => quantized::encoded_len::<Int8>(self.network, &signature, &record),
            WeightFormat::Int4 => quantized::encoded_len::<Int4>(self.network, &signature, &record),
        };
        len.map(|len| len as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(program: Program, board: &str, layers: &str, format: WeightFormat, samples: Option<u32>) -> String {
        let load = Load { program, network: &layers.parse().unwrap(), format, is_quantised: false, samples };
        load.check(&Board::named(board).unwrap()).map_or_else(|error| error.to_string(), |()| String::new())
    }

    const QUICKSTART: &str = "784 => 512 Relu => 512 Relu => 10";

    #[test]
    fn what_does_not_fit_names_the_formats_that_do() {
        assert_eq!(
            refused(Program::Predict, "netduinoplus2", QUICKSTART, WeightFormat::F32, None),
            "predict does not fit netduinoplus2, too large is the flash: flash at least 2,681,384 of 1,048,576 bytes; --format int8 \
             (681 KB), --format int4 (356 KB), --board mps2-an386, --board mps2-an505 or --board riscv32-virt fits"
        );
        let words = refused(Program::Predict, "microbit", QUICKSTART, WeightFormat::F16, None);
        assert!(words.ends_with("; --board mps2-an386, --board mps2-an505 or --board riscv32-virt fits"), "{words}");
        let words =
            refused(Program::Serve, "microbit", "784 => 4096 Relu => 4096 Relu => 10", WeightFormat::Int8, None);
        assert!(words.ends_with("`cargo xtask train`"), "{words}");
        // Its own model, in each way that the tests flash it.
        for (board, layers, format) in [
            ("mps2-an386", QUICKSTART, WeightFormat::F32),
            ("netduinoplus2", QUICKSTART, WeightFormat::Int8),
            ("microbit", "784 => 128 Relu => 10", WeightFormat::Int8),
        ] {
            assert_eq!(refused(Program::Predict, board, layers, format, None), "");
        }
    }

    #[test]
    fn too_many_samples_are_fewer() {
        let words = refused(Program::Predict, "microbit", "784 => 16 Relu => 10", WeightFormat::F32, Some(1000));
        assert!(words.contains("--count 100, ") && !words.contains("--format"), "{words}");
    }

    #[test]
    fn a_wide_network_needs_a_larger_stack() {
        let words = refused(Program::Predict, "netduinoplus2", "12 => 3000 Relu => 3", WeightFormat::F32, None);
        assert!(words.contains("too large is the stack: stack at least 12,060 of 8,192 bytes"), "{words}");
    }

    #[test]
    fn training_takes_static_ram() {
        let words = refused(Program::Train, "microbit", "784 => 16 Relu => 10", WeightFormat::F32, Some(200));
        assert!(
            words.contains("static RAM at least ")
                && words.ends_with(
                    "; --board mps2-an386, --board mps2-an505, --board netduinoplus2 or --board riscv32-virt fits"
                ),
            "{words}"
        );
    }
}
