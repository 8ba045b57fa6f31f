//! The question that a network answers: the meaning of its outputs.
//!
//! ```
//! use selvedge::task::{TargetScale, Task, TaskKind};
//!
//! // One output, in degrees: target = output * 2 + 20.
//! let table = [2.0_f32.to_le_bytes(), 20.0_f32.to_le_bytes()].concat();
//! let task = Task::Regression(TargetScale::parse(&table, 1).unwrap());
//! assert_eq!(task.kind(), TaskKind::Regression);
//! let mut outputs = [1.5];
//! task.restore(&mut outputs);
//! assert_eq!(outputs, [23.0]);
//! ```

use core::fmt;

use crate::{
    arithmetic::fma,
    preparation::{Element, Scaled},
};

/// The meaning of a network's outputs, as a file keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Task<'a> {
    /// A sample has one class: the index of the largest output.
    #[default]
    Classification,
    /// A sample has any number of labels. It has a label if the label's output z is above 0. The label's probability is 1 / (1 + exp(−z)).
    MultiLabel,
    /// Each output is a number. This scale converts it to the target's unit.
    Regression(TargetScale<'a>),
}

/// A [`Task`] without its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TaskKind {
    /// [`Task::Classification`].
    #[default]
    Classification,
    /// [`Task::MultiLabel`].
    MultiLabel,
    /// [`Task::Regression`].
    Regression,
}

crate::wire::numbered! { TaskKind { 0 => Classification, 1 => MultiLabel, 2 => Regression } }

impl TaskKind {
    /// All variants, in their order.
    pub const ALL: [Self; 3] = [Self::Classification, Self::MultiLabel, Self::Regression];

    /// Returns the task's name: `classification`, `multi-label` or `regression`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::MultiLabel => "multi-label",
            Self::Regression => "regression",
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A scale and a shift for each output: `target = fma(output, scale, shift)`, rounded once, in the target's unit.
///
/// If the targets were standardised by mean μ and standard deviation σ, the scale is σ and the shift is μ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TargetScale<'a>(Scaled<'a>);

impl<'a> TargetScale<'a> {
    /// Parses a table: for each output a scale and a shift, each an f32, little-endian. Returns `None` for a table of another length, if a
    /// number is not finite, or if a scale is not above 0.
    pub fn parse(bytes: &'a [u8], outputs: usize) -> Option<Self> {
        Self::of_table(bytes, outputs).filter(|scale| scale.is_sound())
    }

    /// Returns a table of the right length, or `None` for another length. The numbers are not checked.
    fn of_table(bytes: &'a [u8], outputs: usize) -> Option<Self> {
        let is_whole = outputs.checked_mul(Scaled::ROW) == Some(bytes.len());
        Scaled::of_table(Element::F32, bytes, outputs).filter(|_| is_whole).map(Self)
    }

    fn is_sound(self) -> bool {
        self.0.is_sound() && self.rows().all(|(scale, _)| scale > 0.0)
    }

    /// Returns the table's bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// Returns the scale and the shift of each output.
    pub fn rows(self) -> impl Iterator<Item = (f32, f32)> + Clone + 'a {
        self.0.rows()
    }
}

/// The kinds of a [`Task`] in a file. The kind is a byte before the table. For a classification, a file has no field.
const MULTI_LABEL: u8 = 1;
const REGRESSION: u8 = 2;

impl<'a> Task<'a> {
    /// Reads a task from its field in a weight file (docs/formats.md). The field has a kind, and for a regression a table of the right length.
    /// Returns `None` for an unknown kind and for a table of another length.
    ///
    /// The table's numbers are not checked; [`is_sound`](Self::is_sound) does that. Numbers that are not sound give wrong values, but do no
    /// other harm.
    pub fn parse(field: &'a [u8], outputs: usize) -> Option<Self> {
        match field.split_first()? {
            (&MULTI_LABEL, []) => Some(Self::MultiLabel),
            (&REGRESSION, table) => TargetScale::of_table(table, outputs).map(Self::Regression),
            _ => None,
        }
    }

    /// Returns true if the table's numbers keep to the rules of [`TargetScale`]. The loaders do not check this. A host checks a file before a
    /// board gets it.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Classification | Self::MultiLabel => true,
            Self::Regression(scale) => scale.is_sound(),
        }
    }

    /// Returns the field for a file: a byte for the kind, and the table. Returns `None` if a file needs no field.
    pub const fn field(self) -> Option<(u8, &'a [u8])> {
        match self {
            Self::Classification => None,
            Self::MultiLabel => Some((MULTI_LABEL, &[])),
            Self::Regression(scale) => Some((REGRESSION, scale.as_bytes())),
        }
    }

    /// Returns the kind of the task, without its numbers.
    pub const fn kind(self) -> TaskKind {
        match self {
            Self::Classification => TaskKind::Classification,
            Self::MultiLabel => TaskKind::MultiLabel,
            Self::Regression(_) => TaskKind::Regression,
        }
    }

    /// Converts the outputs of a regression to the targets' units, in place. Outputs of other tasks are not changed.
    pub fn restore(self, outputs: &mut [f32]) {
        if let Self::Regression(scale) = self {
            outputs
                .iter_mut()
                .zip(scale.rows())
                .for_each(|(output, (scale, shift))| *output = fma(*output, scale, shift));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn table(rows: &[(f32, f32)]) -> Vec<u8> {
        rows.iter().flat_map(|&(scale, shift)| [scale, shift]).flat_map(f32::to_le_bytes).collect()
    }

    #[test]
    fn a_field_is_written_and_read() {
        let scale = table(&[(2.0, 20.0), (0.5, -1.0)]);
        for task in [Task::MultiLabel, Task::Regression(TargetScale::parse(&scale, 2).unwrap())] {
            let (kind, table) = task.field().unwrap();
            let field = [&[kind][..], table].concat();
            assert_eq!(Task::parse(&field, 2).unwrap(), task);
        }
        assert_eq!(Task::Classification.field(), None);
        let regression = |table: &[u8]| [&[REGRESSION][..], table].concat();
        for wrong in
            [Vec::new(), [0].into(), [3].into(), [MULTI_LABEL, 0].into(), regression(&[]), regression(&scale[8..])]
        {
            assert_eq!(Task::parse(&wrong, 2), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_scale_is_finite_and_above_0() {
        for (rows, is_sound) in [
            (&[(1.0, 0.0)][..], true),
            (&[(0.0, 0.0)], false),
            (&[(-1.0, 0.0)], false),
            (&[(f32::INFINITY, 0.0)], false),
            (&[(1.0, f32::NAN)], false),
        ] {
            let table = table(rows);
            assert_eq!(TargetScale::parse(&table, 1).is_some(), is_sound, "{rows:?}");
            let field = [&[REGRESSION][..], &table].concat();
            assert_eq!(Task::parse(&field, 1).unwrap().is_sound(), is_sound, "{rows:?}");
        }
    }

    #[test]
    fn outputs_come_into_their_units() {
        let table = table(&[(2.0, 20.0), (0.5, -1.0)]);
        let task = Task::Regression(TargetScale::parse(&table, 2).unwrap());
        let mut outputs = [1.0, 4.0];
        task.restore(&mut outputs);
        assert_eq!(outputs, [22.0, 1.0]);
        Task::MultiLabel.restore(&mut outputs);
        assert_eq!(outputs, [22.0, 1.0]);
    }
}
