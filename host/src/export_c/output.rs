//! A prediction's outputs in C: their names, and the functions and constants that make answers of them. A new kind of task changes only this
//! file.

use std::borrow::Cow;

use selvedge::{
    shape::{Names, Signature},
    task::Task,
};

use super::{
    Parts,
    array::{Array, Numbers},
    text::float,
};
use crate::data::NO_UNIT;

const LOGITS_IN: &str = include_str!("c/predictions/logits_in.c");
const LOGITS: &str = include_str!("c/predictions/logits.c");

/// The meaning of the outputs.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    signature: Signature<'a>,
}

impl<'a> Output<'a> {
    /// Returns the outputs of a network with this signature.
    pub fn of(signature: Signature<'a>) -> Self {
        Self { signature }
    }

    /// Returns the macro with the number of outputs.
    pub fn count(self) -> &'static str {
        match self.signature.task {
            Task::Classification => "MACRO_CLASSES",
            Task::MultiLabel | Task::Regression(_) => "MACRO_OUTPUTS",
        }
    }

    /// Returns what this number counts, in words for the header.
    pub fn counted(self) -> &'static str {
        match self.signature.task {
            Task::Classification => "the classes that it tells apart",
            Task::MultiLabel => "the labels that it finds",
            Task::Regression(_) => "those that it gives",
        }
    }

    /// Returns the name of the array with the outputs' names.
    pub fn names(self) -> &'static str {
        match self.signature.task {
            Task::Classification => "NAME_class_names",
            Task::MultiLabel | Task::Regression(_) => "NAME_output_names",
        }
    }

    /// Returns what these names belong to, in words for the header.
    pub fn named(self) -> &'static str {
        match self.signature.task {
            Task::Classification => "classes'",
            Task::MultiLabel => "labels'",
            Task::Regression(_) => "targets'",
        }
    }

    /// Returns the units of a regression's targets, if they are known. A target without a unit has an empty text.
    pub fn units(self) -> Option<impl Iterator<Item = Cow<'a, str>>> {
        let units = self.signature.output_units;
        let is_there = matches!(self.signature.task, Task::Regression(_)) && units != Names::NONE;
        is_there.then(|| units.iter().map(|unit| if unit == NO_UNIT { Cow::from("") } else { Cow::from(unit) }))
    }

    /// Returns true if an answer needs a fused multiply-add.
    pub fn needs_fma(self) -> bool {
        matches!(self.signature.task, Task::Regression(_))
    }

    /// Adds the constants of the answers.
    pub fn add_constants(self, parts: &mut Parts<'a>) {
        if let Task::Regression(scale) = self.signature.task {
            let numbers: Vec<f32> = scale.rows().flat_map(|(scale, shift)| [scale, shift]).collect();
            parts.arrays.push(Array {
                name: "NAME_target_scales".into(),
                meaning: "The scale and the shift of each target.".into(),
                numbers: Numbers::Floats(numbers.into()),
            });
        }
    }

    /// Returns the functions of the source. `logit_scale` is the logit that a sum of 1 stands for, if the logits are integers.
    pub fn functions(self, parts: &Parts<'_>, logit_scale: Option<f32>) -> String {
        let functions: &[&str] = match self.signature.task {
            Task::Classification => &[
                LOGITS_IN,
                include_str!("c/predictions/classify_in.c"),
                LOGITS,
                include_str!("c/predictions/classify.c"),
            ],
            Task::MultiLabel => &[LOGITS_IN, LOGITS],
            Task::Regression(_) => {
                &[LOGITS_IN, include_str!("c/predictions/values_in.c"), LOGITS, include_str!("c/predictions/values.c")]
            }
        };
        let output = match logit_scale {
            Some(scale) => format!("(float)scratch->logits[place] * {}", float(scale)),
            None => "scratch->logits[place]".into(),
        };
        let functions = functions.join("\n").replace("MACRO_COUNT", self.count()).replace("STANDARDIZED", &output);
        functions.replace("LOGIT", parts.logit).replace("IS_LARGER", parts.is_larger)
    }

    /// Returns the declarations of the header. `element` is the C type of the input, and `of_input` is its meaning in words.
    pub fn declarations(self, parts: &Parts<'_>, element: &str, of_input: &str) -> String {
        let taken = format!("const {element} input[MACRO_INPUTS]");
        let answered = format!("{} logits[{}]", parts.logit, self.count());
        let values = "float values[MACRO_OUTPUTS]";
        let [meaning, answer, again] = match self.signature.task {
            Task::Classification => [
                String::new(),
                format!(
                    "/* The class of a sample: the index of its largest logit, the first of equals. */\n\
                     uint16_t NAME_classify({taken});\n\n"
                ),
                format!("uint16_t NAME_classify_in(NAME_scratch *scratch, {taken});\n"),
            ],
            Task::MultiLabel => {
                [" A sample has a label where its logit is above 0.\n *".into(), String::new(), String::new()]
            }
            Task::Regression(_) => [
                " A target is a logit times a scale, plus a shift: NAME_values gives it.\n *".into(),
                format!("/* The targets of a sample, in their units. */\nvoid NAME_values({taken}, {values});\n\n"),
                format!("void NAME_values_in(NAME_scratch *scratch, {taken}, {values});\n"),
            ],
        };
        format!(
            "/* The logits of a sample: {of_logits}.\n *{meaning} `input` is {of_input}. */\n\
             void NAME_logits({taken}, {answered});\n\n\
             {answer}\
             /* The same in memory of the caller's, for predictions that may run at one time. The others share a static scratch. */\n\
             void NAME_logits_in(NAME_scratch *scratch, {taken}, {answered});\n\
             {again}\n",
            of_logits = parts.meaning,
        )
    }
}
