//! The task of a network: the targets that its outputs are compared with, and the loss.

mod loss;
mod targets;

use selvedge::{
    preparation::Preparation,
    task::{TargetScale, Task, TaskKind},
};

pub use loss::{TaskBatch, total_weight, value};
pub use targets::{TargetRows, Targets, TargetsPart};

/// Returns the word for one output of a network, and the word for several.
pub fn output_words(task: TaskKind) -> [&'static str; 2] {
    match task {
        TaskKind::Classification => ["class", "classes"],
        TaskKind::MultiLabel => ["label", "labels"],
        TaskKind::Regression => ["target", "targets"],
    }
}

/// The conversion of values into a network's inputs, and the meaning of its outputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meaning<'a> {
    /// The conversion of values into inputs.
    pub preparation: Preparation<'a>,
    /// The meaning of the outputs.
    pub task: Task<'a>,
}

/// A [`Task`] with memory of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TaskBuf {
    /// [`Task::Classification`].
    #[default]
    Classification,
    /// [`Task::MultiLabel`].
    MultiLabel,
    /// [`Task::Regression`], with its table.
    Regression(Vec<u8>),
}

impl TaskBuf {
    /// Returns the task of these targets. Numbers will be standardised by their means and standard deviations, in f32. A target that is always the
    /// same gets scale 1.
    pub fn fitted(targets: &Targets) -> Self {
        match targets {
            Targets::Classes(_) => Self::Classification,
            Targets::Labels(_) => Self::MultiLabel,
            Targets::Values(rows) => Self::scaled(rows.moments().into_iter().map(|moments| {
                let deviation = moments.deviation as f32;
                (if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 }, moments.mean as f32)
            })),
        }
    }

    /// Returns a regression whose targets have these scales and shifts, each finite and each scale above 0.
    pub fn scaled(rows: impl IntoIterator<Item = (f32, f32)>) -> Self {
        let numbers = rows.into_iter().flat_map(|(scale, shift)| [scale, shift]);
        Self::Regression(numbers.flat_map(f32::to_le_bytes).collect())
    }

    /// Returns the task as a file stores it.
    pub fn get(&self) -> Task<'_> {
        match self {
            Self::Classification => Task::Classification,
            Self::MultiLabel => Task::MultiLabel,
            Self::Regression(table) => Task::Regression(
                TargetScale::parse(table, table.len() / 8).expect("a table is checked where it is made"),
            ),
        }
    }
}

impl From<Task<'_>> for TaskBuf {
    fn from(task: Task<'_>) -> Self {
        match task {
            Task::Classification => Self::Classification,
            Task::MultiLabel => Self::MultiLabel,
            Task::Regression(scale) => Self::Regression(scale.as_bytes().to_vec()),
        }
    }
}

/// Returns the targets for comparison with a network's outputs. Numbers are standardised, `(target − shift) / scale`; the difference and the
/// quotient are rounded.
pub fn standardized(task: Task<'_>, targets: &Targets) -> Targets {
    match (task, targets) {
        (Task::Regression(scale), Targets::Values(rows)) => {
            let scales: Vec<_> = scale.rows().collect();
            let numbers = rows.numbers().iter().zip(scales.iter().cycle());
            Targets::Values(TargetRows::new(
                rows.width(),
                numbers.map(|(y, (scale, shift))| (y - shift) / scale).collect(),
            ))
        }
        _ => targets.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_targets_come_back() {
        let targets = Targets::Values(TargetRows::new(2, vec![1.0, 7.0, 3.0, 7.0]));
        let task = TaskBuf::fitted(&targets);
        let standardized = standardized(task.get(), &targets);
        assert_eq!(standardized, Targets::Values(TargetRows::new(2, vec![-1.0, 0.0, 1.0, 0.0])));
        let Targets::Values(rows) = &standardized else { panic!() };
        let mut outputs = rows.row(1).to_vec();
        task.get().restore(&mut outputs);
        assert_eq!(outputs, [3.0, 7.0]);
        assert_eq!(TaskBuf::from(task.get()), task);
    }
}
