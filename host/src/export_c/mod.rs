//! A network as C99: a header and a source file, whose predictions have the bits of the host's.
//!
//! | module | |
//! |---|---|
//! | `input` | the input of a prediction, and its conversion to the first layer's inputs |
//! | `output` | the outputs of a prediction: the functions of a task, and their declarations |
//! | `integers`, `floats` | the parts that depend on the format: arrays, functions and steps |
//! | `header`, `source` | the two files, for every format |
//! | `array`, `text` | numbers, comments and strings as C |
//!
//! The functions are templates, in the folder `c`. `NAME` in them is replaced by the network's name, and `MACRO_` by the name in capitals.

mod array;
mod floats;
mod header;
mod input;
mod integers;
mod output;
mod source;
mod text;

use std::{
    ffi::OsStr,
    io::{self, Write},
};

use options::c_name::CName;
use selvedge::message::WeightFormat;
use sha2::{Digest, Sha256};

use crate::{
    classes::Classes,
    model_file::ModelFile,
    network::NetworkError,
    weights::{MAX_BYTES, hex},
};

use array::Array;

/// The beginning of both files. A file that begins otherwise is not replaced.
pub const BEGINNING: &str = "/* Selvedge export-c: ";

/// A network that is to be written as C.
#[derive(Debug)]
pub struct Export<'a> {
    /// The network's name, with which the names of functions, macros and files begin.
    pub name: &'a CName,
    /// The name of the network's file as it was given.
    pub path: &'a OsStr,
    /// The file's bytes.
    pub bytes: &'a [u8],
    /// The network of the file, after it was checked.
    pub file: &'a ModelFile<'a>,
    /// The classes.
    pub classes: &'a Classes,
}

/// A network's two files.
#[derive(Debug)]
pub struct Files<'a> {
    export: &'a Export<'a>,
    parts: Parts<'a>,
}

/// The parts of the source that depend on the format.
#[derive(Debug)]
struct Parts<'a> {
    /// The C type of a logit.
    logit: &'static str,
    /// The C expression that is true if `logit` comes before `largest`.
    is_larger: &'static str,
    /// The meaning of a logit, in words for the header.
    meaning: &'static str,
    /// Headers that the source includes.
    includes: String,
    /// Declarations that come before the scratch memory.
    types: &'static str,
    /// The memory in which a prediction works, without the logits.
    scratch: Vec<Field>,
    /// The constants.
    arrays: Vec<Array<'a>>,
    /// The functions that the steps call.
    functions: String,
    /// The statements of a prediction, from `input` to `logits`, in `scratch`.
    steps: Vec<String>,
}

/// An array of the scratch memory.
#[derive(Clone, Copy, Debug)]
struct Field {
    element: &'static str,
    element_bytes: usize,
    name: &'static str,
    len: usize,
}

impl<'a> Export<'a> {
    /// Returns the two files.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] if there is not enough memory for the network.
    pub fn files(&'a self) -> Result<Files<'a>, NetworkError> {
        let (input, output) = (input::Input::of(self.file), self.output());
        let needs_fma = output.needs_fma();
        let mut parts = match self.file {
            ModelFile::Int8(file) => integers::parts(file, integers::INT8, input, needs_fma),
            ModelFile::Int4(file) => integers::parts(file, integers::INT4, input, needs_fma),
            ModelFile::F16(file) => floats::f16(file, input),
            ModelFile::F32(file) => floats::float32(file, input)?,
        };
        output.add_constants(&mut parts);
        Ok(Files { export: self, parts })
    }

    fn output(&self) -> output::Output<'a> {
        output::Output::of(self.file.signature())
    }

    /// Returns a template's text with the network's name filled in.
    fn named(&self, template: &str) -> String {
        let capitals = format!("{}_", self.name.capitals());
        let (word, file) = (format!("{}_", self.name), format!("{}.", self.name));
        template.replace("NAME_", &word).replace("NAME.", &file).replace("MACRO_", &capitals)
    }

    /// Returns the comment at the beginning of a file. `file` is its name, and `other` is the name of the other file.
    fn comment(&self, file: &str, other: &str) -> String {
        let command = format!("selvedge export-c {} --name {}", text::shell_word(self.path), self.name);
        format!(
            "{BEGINNING}{file}, the network {} in {}, as C99.\n *\n *     {}\n *\n * wrote it and {other}. \
             The SHA-256 of the network's file is\n *\n *     {}\n *\n * The logits are those of Selvedge on every other \
             machine, bit for bit. Do not change this file: that command writes it again.\n */\n",
            self.file.architecture(),
            self.file.format_name(),
            text::in_comment(&command),
            hex(&Sha256::digest(self.bytes)),
        )
    }

    /// Returns the logit that a sum of 1 stands for, or `None` if the logits are not integers.
    fn logit_scale(&self) -> Option<f32> {
        match self.file.format() {
            WeightFormat::Int8 | WeightFormat::Int4 => self.file.quantization().map(|record| record.logit_scale),
            _ => None,
        }
    }
}

impl Files<'_> {
    /// Returns the header.
    pub fn header(&self) -> String {
        header::text(self.export, &self.parts)
    }

    /// Writes the source.
    ///
    /// # Errors
    ///
    /// The errors of the writer.
    pub fn write_source(&self, out: &mut dyn Write) -> io::Result<()> {
        source::write(self.export, &self.parts, out)
    }

    /// Returns the number of bytes of the constants in flash: weights, biases and further tables.
    pub fn flash_bytes(&self) -> usize {
        self.parts.arrays.iter().map(Array::bytes).sum()
    }

    /// Returns the number of bytes of the memory in which a prediction works, for pointers of a microcontroller's size.
    pub fn scratch_bytes(&self) -> usize {
        self.parts.scratch_bytes(self.export.file.architecture().outputs())
    }
}

impl Parts<'_> {
    /// Returns the number of bytes of the scratch memory. Each field begins at a multiple of 4, so the compiler adds padding.
    fn scratch_bytes(&self, outputs: usize) -> usize {
        let field = |field: &Field| (field.len * field.element_bytes).next_multiple_of(4);
        4 * outputs + self.scratch.iter().map(field).sum::<usize>()
    }
}

// An index, a length and an offset are 32 bits in C.
const _: () = assert!(MAX_BYTES / 4 < u32::MAX as u64);
