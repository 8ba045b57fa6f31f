//! The input of a prediction in C, and its conversion to the inputs of the first layer. A new kind of input changes only this file.

use std::borrow::Cow;

use selvedge::preparation::{CodeRange, Coded, Element, Preparation};

use super::array::{Array, Numbers};
use crate::model_file::ModelFile;

/// The kind of numbers that the caller passes to a prediction.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    preparation: Preparation<'a>,
}

/// The beginning of a prediction.
#[derive(Debug)]
pub struct Stage<'a> {
    /// True if the functions of an integer network compute with floats.
    pub has_floats: bool,
    /// The functions that the conversion needs.
    pub functions: String,
    /// The constants that the conversion needs.
    pub arrays: Vec<Array<'a>>,
    /// The statement that makes the first layer's inputs, if one is needed.
    pub step: Option<String>,
    /// The place of the first layer's inputs after the step.
    pub place: &'static str,
}

impl<'a> Input<'a> {
    /// Returns the input of a file's network.
    pub fn of(file: &ModelFile<'a>) -> Self {
        Self { preparation: file.signature().preparation }
    }

    /// Returns the C type of one number.
    pub fn element(self) -> &'static str {
        match self.preparation.element() {
            Element::U8 => "uint8_t",
            Element::I8 => "int8_t",
            Element::I16 => "int16_t",
            Element::U16 => "uint16_t",
            Element::F32 => "float",
        }
    }

    /// Returns the meaning of the numbers, for the header.
    pub fn meaning(self) -> String {
        if self.preparation == Preparation::Bytes {
            return "the sample's bytes, 0 to 255, one for each input of the network".into();
        }
        let numbers = match self.preparation.element().range() {
            Some((least, most)) => format!("integers from {least} to {most}"),
            None => "numbers of 32 bits".into(),
        };
        format!("the sample's raw values, {numbers}, one for each input of the network. A prediction scales them")
    }

    /// Returns the conversion for an integer network, whose first layer takes bytes. The bytes are the input itself, or are written to
    /// `activations` in the scratch memory.
    pub fn to_bytes(self) -> Stage<'a> {
        let Preparation::Coded(coded) = self.preparation else { return Stage::of_bytes() };
        match self.preparation.element() {
            Element::U8 => Stage::of_bytes(),
            Element::I8 => Stage {
                functions: include_str!("c/integers/code_i8.c").into(),
                step: Some("NAME_code(input, scratch->activations);".into()),
                place: "scratch->activations",
                ..Stage::of_bytes()
            },
            Element::I16 | Element::U16 => Stage {
                functions: self.function(include_str!("c/integers/code_integers.c")),
                ..Stage::of_codes(Numbers::Words(coded.as_bytes()))
            },
            Element::F32 => Stage {
                has_floats: true,
                functions: [include_str!("c/floats/multiply.c"), include_str!("c/integers/code_floats.c")].concat(),
                ..Stage::of_codes(Numbers::Floats(floats(coded)))
            },
        }
    }

    /// Returns the conversion for a floating-point network. The numbers are written to `front` in the scratch memory.
    pub fn to_floats(self) -> Stage<'a> {
        let place = "scratch->front";
        let Preparation::Scaled(scaled) = self.preparation else {
            return Stage {
                functions: include_str!("c/floats/normalize.c").into(),
                step: Some(format!("NAME_normalize(input, {place});")),
                place,
                ..Stage::of_bytes()
            };
        };
        let scales: Vec<f32> = scaled.rows().flat_map(|(scale, shift)| [scale, shift]).collect();
        let (whose, row) = if scales.len() == 2 { ("all inputs", 0) } else { ("each input", 2) };
        Stage {
            functions: self.function(include_str!("c/floats/scale.c")),
            arrays: vec![Array {
                name: "NAME_scales".into(),
                meaning: format!("The scale and the shift of {whose}."),
                numbers: Numbers::Floats(scales.into()),
            }],
            step: Some(format!("NAME_scale(input, NAME_scales, {row}, {place});")),
            place,
            ..Stage::of_bytes()
        }
    }

    /// Returns a template whose `ELEMENT` is the C type of one number.
    fn function(self, template: &str) -> String {
        template.replace("ELEMENT", self.element())
    }
}

impl<'a> Stage<'a> {
    /// Returns the conversion that uses the input as it is.
    fn of_bytes() -> Self {
        Self { has_floats: false, functions: String::new(), arrays: Vec::new(), step: None, place: "input" }
    }

    /// Returns the conversion to codes by a range for each input. The function is not included.
    fn of_codes(ranges: Numbers<'a>) -> Self {
        Self {
            arrays: vec![Array {
                name: "NAME_ranges".into(),
                meaning: "The range of each input: the value of code 0, the greatest value, and the factor.".into(),
                numbers: ranges,
            }],
            step: Some("NAME_code(input, NAME_ranges, scratch->activations);".into()),
            place: "scratch->activations",
            ..Self::of_bytes()
        }
    }
}

/// Returns the table for a network that takes floats.
fn floats(coded: Coded<'_>) -> Cow<'static, [f32]> {
    let row = |range| match range {
        CodeRange::Floats { low, high, factor } => Some([low, high, factor]),
        CodeRange::Integers { .. } => None,
    };
    coded.ranges().filter_map(row).flatten().collect()
}
