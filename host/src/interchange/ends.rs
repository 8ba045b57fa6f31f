//! Describes a network's inputs and outputs, for a program that has only the network.

use std::path::Path;

use selvedge::{
    preparation::Preparation,
    shape::{Names, Signature},
    task::Task,
};

use crate::data::NO_UNIT;

/// The largest number of features or targets that a text names.
const MOST_NAMES: usize = 32;

/// A scale and a shift for each input or output, or one pair for all. It is empty if they change nothing.
pub(super) type Scales = Vec<(f64, f64)>;

/// The scaling of raw values into inputs, and of outputs into targets. A weight file stores it, and other formats do not.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a>(Signature<'a>);

impl<'a> Ends<'a> {
    /// Returns the scaling of a network with this signature.
    pub fn of(signature: &Signature<'a>) -> Self {
        Self(*signature)
    }

    /// Returns the scales of the inputs: `input = scale · value + shift`. If values are bytes that are divided by 255, there are none, because
    /// other programs do the same.
    pub(super) fn of_inputs(&self) -> Scales {
        match self.0.preparation {
            Preparation::Scaled(scaled) => scales(scaled.rows()),
            Preparation::Bytes | Preparation::Coded(_) => Scales::new(),
        }
    }

    /// Returns the scales of the targets: `target = scale · output + shift`.
    pub(super) fn of_outputs(&self) -> Scales {
        match self.0.task {
            Task::Regression(scale) => scales(scale.rows()),
            Task::Classification | Task::MultiLabel => Scales::new(),
        }
    }

    /// Returns a note for the user that the new file `to` does not have these scales and shifts, or `None` if there are none. `from` is the file
    /// that has them.
    pub fn note(&self, from: &Path, to: &Path) -> Option<String> {
        let inputs = "its inputs are scale · value + shift";
        let outputs = "its outputs are standardised, target = scale · output + shift";
        let (has, advice) = match (self.of_inputs().is_empty(), self.of_outputs().is_empty()) {
            (true, true) => return None,
            (false, true) => (inputs.to_owned(), "puts that into it, so that it takes values as they are"),
            (true, false) => (outputs.to_owned(), "puts that into it, so that it gives targets in their units"),
            (false, false) => (
                format!("{inputs}; {outputs}"),
                "puts both into it, so that it takes values as they are and gives targets in their units",
            ),
        };
        let (from, to) = (from.display(), to.display());
        Some(format!("{to} has the network alone: {has}, and only {from} has these scales and shifts; --fold {advice}"))
    }

    /// Returns the name that the outputs have in a graph.
    pub(super) fn output(&self) -> &'static str {
        match self.0.task {
            Task::Classification | Task::MultiLabel => "logits",
            Task::Regression(_) if self.of_outputs().is_empty() => "values",
            Task::Regression(_) => "standardized",
        }
    }

    /// Returns the meaning of a graph's input, in words.
    pub(super) fn input_text(&self) -> String {
        if self.0.preparation == Preparation::Bytes {
            return "a sample in each row, its bytes divided by 255".into();
        }
        let steps = if self.of_inputs().is_empty() {
            "as they are"
        } else {
            "each times a scale, plus a shift, which the weight file has"
        };
        format!("a sample in each row, its values {steps}{}", listed(self.0.feature_names, self.0.feature_units))
    }

    /// Returns the meaning of the outputs, in words.
    pub(super) fn output_text(&self) -> String {
        let targets = || listed(self.0.output_names, self.0.output_units);
        match self.0.task {
            Task::Classification => "a number for each class".into(),
            Task::MultiLabel => "a number for each label, which is there where its number is above 0".into(),
            Task::Regression(_) if self.of_outputs().is_empty() => format!("the targets in their units{}", targets()),
            Task::Regression(_) => format!(
                "a number for each target, which is that number times a scale, plus a shift, which the weight file has{}",
                targets()
            ),
        }
    }
}

fn scales(rows: impl Iterator<Item = (f32, f32)>) -> Scales {
    let scales: Scales = rows.map(|(scale, shift)| (scale.into(), shift.into())).collect();
    if scales.iter().all(|&row| row == (1.0, 0.0)) { Scales::new() } else { scales }
}

/// Returns names with their units, such as `: temperature in °C, load`.
fn listed(names: Names<'_>, units: Names<'_>) -> String {
    let count = names.iter().count();
    if count == 0 || count > MOST_NAMES {
        return String::new();
    }
    let units = units.iter().map(Some).chain(std::iter::repeat(None));
    let named = names.iter().zip(units).map(|(name, unit)| match unit.filter(|unit| *unit != NO_UNIT) {
        Some(unit) => format!("{name} in {unit}"),
        None => name.to_owned(),
    });
    format!(": {}", named.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use selvedge::{preparation::Element, shape::InputShape};

    use super::*;
    use crate::{
        classes::{Classes, SignatureBuf},
        preparation::{Moments, PreparationBuf},
        task::TaskBuf,
    };

    fn standardized() -> PreparationBuf {
        let moments = Moments { mean: 3.0, deviation: 2.0, least: 0.0, greatest: 6.0 };
        PreparationBuf::standardized(Element::F32, &[moments; 2])
    }

    fn signature(preparation: PreparationBuf, task: TaskBuf) -> SignatureBuf {
        let texts = |texts: [&str; 2]| texts.map(String::from);
        SignatureBuf::new(InputShape::Features(2), &Classes::named(["hot", "loud"]).unwrap())
            .with_preparation(preparation)
            .with_features(&texts(["a", "b"]), &texts(["mg", "-"]))
            .with_task(task, &texts(["°C", "-"]))
    }

    #[test]
    fn a_note_names_the_steps_that_there_are() {
        let note = |preparation, task| {
            Ends::of(&signature(preparation, task).get()).note(Path::new("a.selvedge"), Path::new("b.npz"))
        };
        let regression = || TaskBuf::scaled([(2.0, 20.0), (1.0, 0.0)]);
        let unscaled = || PreparationBuf::unscaled(Element::I16);
        assert_eq!(note(PreparationBuf::Bytes, TaskBuf::Classification), None);
        assert_eq!(note(unscaled(), TaskBuf::scaled([(1.0, 0.0); 2])), None);
        for (preparation, task, has_inputs, has_outputs) in [
            (standardized(), TaskBuf::MultiLabel, true, false),
            (standardized(), regression(), true, true),
            (unscaled(), regression(), false, true),
            (PreparationBuf::Bytes, regression(), false, true),
        ] {
            let note = note(preparation, task).unwrap();
            assert!(note.starts_with("b.npz has the network alone: ") && note.contains("a.selvedge"), "{note}");
            assert_eq!(note.contains("scale · value + shift"), has_inputs, "{note}");
            assert_eq!(note.contains("target = scale · output + shift"), has_outputs, "{note}");
            assert_eq!(note.contains("puts both"), has_inputs && has_outputs, "{note}");
        }
    }

    #[test]
    fn texts_say_what_goes_in_and_out() {
        let texts = |preparation, task| {
            let signature = signature(preparation, task);
            let signature = signature.get();
            let ends = Ends::of(&signature);
            [ends.input_text(), ends.output().to_owned(), ends.output_text()]
        };
        let [input, name, output] = texts(PreparationBuf::Bytes, TaskBuf::Classification);
        assert_eq!(input, "a sample in each row, its bytes divided by 255");
        assert_eq!([name, output], ["logits", "a number for each class"]);
        let [input, name, output] = texts(standardized(), TaskBuf::scaled([(2.0, 20.0), (1.0, 0.0)]));
        assert!(input.contains("times a scale") && input.ends_with(": a in mg, b"), "{input}");
        assert!(name == "standardized" && output.contains("times a scale"), "{name}: {output}");
        let [input, name, output] = texts(PreparationBuf::unscaled(Element::F32), TaskBuf::scaled([(1.0, 0.0); 2]));
        assert_eq!(input, "a sample in each row, its values as they are: a in mg, b");
        assert_eq!([name, output], ["values", "the targets in their units: hot in °C, loud"]);
        let [_, name, output] = texts(PreparationBuf::Bytes, TaskBuf::MultiLabel);
        assert!(name == "logits" && output.contains("each label"), "{output}");
    }
}
