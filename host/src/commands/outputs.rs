//! The meaning of a network's outputs, and its answers in words.

use selvedge::{
    activation::{Activation, Sigmoid},
    message::Logits,
    shape::Signature,
    task::Task,
};

use crate::{classes::Classes, evaluation::with_unit, task::TaskBuf};

/// The meaning of a network's outputs.
pub struct Outputs {
    pub task: TaskBuf,
    /// The classes, or the labels or targets by their names.
    pub names: Classes,
    /// The targets' units, if they are known.
    pub units: Vec<String>,
}

/// An answer in words: what is shown beside a sample's name, and a line for each of the other answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub first: String,
    pub lines: Vec<(String, String)>,
}

impl Outputs {
    /// Returns the meaning of the outputs of a file with this signature, with these names.
    pub fn of(signature: &Signature<'_>, names: Classes) -> Self {
        let units = signature.output_units.iter().map(str::to_owned).collect();
        Self { task: signature.task.into(), names, units }
    }

    /// Returns the values of a regression in their units, and the outputs of any other task as they are.
    pub fn restored(&self, logits: &Logits<'_>) -> Vec<f32> {
        let mut values: Vec<f32> = logits.values().collect();
        self.task.get().restore(&mut values);
        values
    }

    /// Returns the likeliest classes, the labels that are there, or the values.
    pub fn answer(&self, logits: &Logits<'_>) -> Answer {
        let percent = |(output, probability): (usize, f32)| {
            (self.names.name(output).into_owned(), format!("{:.1}%", 100.0 * probability))
        };
        match self.task.get() {
            Task::Classification => Self::of_top(&self.names, &logits.top::<3>()),
            Task::MultiLabel => {
                let all: Vec<f32> = logits.values().collect();
                let there: Vec<_> =
                    (0..all.len()).filter(|&label| all[label] > 0.0).map(|label| self.names.name(label)).collect();
                let first = if there.is_empty() { "no label".into() } else { there.join(", ") };
                Answer { first, lines: all.iter().map(|&output| sigmoid(output)).enumerate().map(percent).collect() }
            }
            Task::Regression(_) => {
                let value = |(output, value): (usize, &f32)| with_unit(f64::from(*value), self.units.get(output));
                let values: Vec<String> = self.restored(logits).iter().enumerate().map(value).collect();
                match self.names.are_named() {
                    false => Answer { first: values.join(", "), lines: Vec::new() },
                    true => {
                        let named = self.names.all().zip(&values).map(|(name, value)| format!("{name} {value}"));
                        Answer { first: named.collect::<Vec<_>>().join(", "), lines: Vec::new() }
                    }
                }
            }
        }
    }

    /// Returns the answer of these classes, the likeliest first.
    pub fn of_top(names: &Classes, top: &[(usize, f32)]) -> Answer {
        let first = top.first().map_or_else(|| "no class".into(), |&(class, _)| names.name(class).into_owned());
        let line = |&(class, probability): &(usize, f32)| {
            (names.name(class).into_owned(), format!("{:.1}%", 100.0 * probability))
        };
        Answer { first, lines: top.iter().map(line).collect() }
    }
}

/// Returns a label's probability.
pub fn sigmoid(output: f32) -> f32 {
    Sigmoid::apply(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_the_task() {
        let names = || Classes::named(["hot", "loud"]).unwrap();
        let of = |task, units: &[&str]| Outputs {
            task,
            names: names(),
            units: units.iter().map(|&unit| unit.into()).collect(),
        };
        let values = [0.0, 2.0];
        let logits = Logits::float32(&values);
        let percents = |lines: &[(&str, &str)]| lines.iter().map(|&(a, b)| (a.into(), b.into())).collect::<Vec<_>>();
        let answer = of(TaskBuf::Classification, &[]).answer(&logits);
        assert_eq!(answer, Answer { first: "loud".into(), lines: percents(&[("loud", "88.1%"), ("hot", "11.9%")]) });
        let answer = of(TaskBuf::MultiLabel, &[]).answer(&logits);
        assert_eq!(answer, Answer { first: "loud".into(), lines: percents(&[("hot", "50.0%"), ("loud", "88.1%")]) });
        let scale = [2.0_f32, 20.0, 1.0, 0.5].into_iter().flat_map(f32::to_le_bytes).collect();
        let answer = of(TaskBuf::Regression(scale), &["°C", "-"]).answer(&logits);
        assert_eq!(answer, Answer { first: "hot 20.000 °C, loud 2.5000".into(), lines: Vec::new() });
    }
}
