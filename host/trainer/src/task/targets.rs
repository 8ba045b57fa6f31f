//! The targets of samples: classes, labels or numbers.

use std::ops::Range;

use selvedge::task::TaskKind;

use crate::preparation::Moments;

/// A target for each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class.
    Classes(Vec<u16>),
    /// For each label 1 where the sample has it, else 0.
    Labels(TargetRows),
    /// A number for each output.
    Values(TargetRows),
}

/// Rows of numbers, one row for each sample, one sample after the other. All rows have the same width.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRows {
    width: usize,
    numbers: Vec<f32>,
}

/// Targets of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetsPart<'a> {
    /// Classes.
    Classes(&'a [u16]),
    /// Labels.
    Labels(&'a [f32]),
    /// Numbers.
    Values(&'a [f32]),
}

impl TargetRows {
    /// Returns rows with this number of numbers.
    ///
    /// # Panics
    ///
    /// If the numbers are no whole rows.
    pub fn new(width: usize, numbers: Vec<f32>) -> Self {
        assert!(width > 0 && numbers.len().is_multiple_of(width), "rows of {width} numbers");
        Self { width, numbers }
    }

    /// Returns the number of numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// Returns true if there is no row.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns all numbers.
    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// Returns a row's numbers.
    pub fn row(&self, index: usize) -> &[f32] {
        self.part(index..index + 1)
    }

    /// Returns the mean, standard deviation and range of each column.
    pub fn moments(&self) -> Vec<Moments> {
        Moments::of_rows(self.width, || (0..self.len()).map(|row| self.row(row).iter().copied()))
    }

    fn part(&self, rows: Range<usize>) -> &[f32] {
        &self.numbers[rows.start * self.width..rows.end * self.width]
    }

    fn chosen(&self, indices: &[u32]) -> Self {
        let rows = indices.iter().flat_map(|&index| self.row(index as usize));
        Self { width: self.width, numbers: rows.copied().collect() }
    }
}

impl From<Vec<u16>> for Targets {
    fn from(classes: Vec<u16>) -> Self {
        Self::Classes(classes)
    }
}

impl Targets {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Labels(rows) | Self::Values(rows) => rows.len(),
        }
    }

    /// Returns true if there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the task that has such targets.
    pub fn task(&self) -> TaskKind {
        match self {
            Self::Classes(_) => TaskKind::Classification,
            Self::Labels(_) => TaskKind::MultiLabel,
            Self::Values(_) => TaskKind::Regression,
        }
    }

    /// Returns the targets of neighbouring samples.
    pub fn part(&self, samples: Range<usize>) -> TargetsPart<'_> {
        match self {
            Self::Classes(classes) => TargetsPart::Classes(&classes[samples]),
            Self::Labels(rows) => TargetsPart::Labels(rows.part(samples)),
            Self::Values(rows) => TargetsPart::Values(rows.part(samples)),
        }
    }

    /// Returns the targets of the samples with these indices, in this order.
    pub fn chosen(&self, indices: &[u32]) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(indices.iter().map(|&index| classes[index as usize]).collect()),
            Self::Labels(rows) => Self::Labels(rows.chosen(indices)),
            Self::Values(rows) => Self::Values(rows.chosen(indices)),
        }
    }

    /// Returns these targets and then others. Returns `None` if the others have another kind or width.
    pub fn followed_by(&self, other: &Self) -> Option<Self> {
        let rows = |own: &TargetRows, others: &TargetRows| {
            let numbers = [&own.numbers[..], &others.numbers].concat();
            (own.width == others.width).then_some(TargetRows { width: own.width, numbers })
        };
        match (self, other) {
            (Self::Classes(own), Self::Classes(others)) => Some(Self::Classes([&own[..], others].concat())),
            (Self::Labels(own), Self::Labels(others)) => rows(own, others).map(Self::Labels),
            (Self::Values(own), Self::Values(others)) => rows(own, others).map(Self::Values),
            _ => None,
        }
    }

    /// Keeps only the targets of the first samples.
    pub fn truncate(&mut self, count: usize) {
        match self {
            Self::Classes(classes) => classes.truncate(count),
            Self::Labels(rows) | Self::Values(rows) => rows.numbers.truncate(count * rows.width),
        }
    }

    /// Returns the bytes for a checksum. A class is one byte, or two, little-endian, if any class is above 255. A label is a byte, and a number is
    /// an f32.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Classes(classes) => {
                let are_bytes = classes.iter().all(|&class| class <= u8::MAX.into());
                classes
                    .iter()
                    .flat_map(|class| class.to_le_bytes().into_iter().take(if are_bytes { 1 } else { 2 }))
                    .collect()
            }
            Self::Labels(rows) => rows.numbers.iter().map(|&label| label as u8).collect(),
            Self::Values(rows) => rows.numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        }
    }

    /// Returns a number (a stratum) for each sample. Equal classes, and equal sets of labels, have the same number. When the data is split, every
    /// part gets about the same share of each stratum. Targets that are numbers are all in one stratum.
    pub fn strata(&self) -> Vec<u32> {
        match self {
            Self::Classes(classes) => classes.iter().map(|&class| class.into()).collect(),
            Self::Values(rows) => vec![0; rows.len()],
            Self::Labels(rows) => {
                let mut known: Vec<Vec<bool>> = (0..rows.len()).map(|index| set(rows.row(index))).collect();
                known.sort_unstable();
                known.dedup();
                let place = |index| known.partition_point(|other| *other < set(rows.row(index))) as u32;
                (0..rows.len()).map(place).collect()
            }
        }
    }
}

fn set(labels: &[f32]) -> Vec<bool> {
    labels.iter().map(|&label| label > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_their_samples() {
        let rows = TargetRows::new(2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        let mut labels = Targets::Labels(rows.clone());
        assert_eq!((labels.len(), labels.task(), labels.strata()), (3, TaskKind::MultiLabel, vec![1, 0, 1]));
        assert_eq!(labels.part(1..3), TargetsPart::Labels(&[0.0, 1.0, 1.0, 0.0]));
        assert_eq!(labels.chosen(&[2, 1]), Targets::Labels(TargetRows::new(2, vec![1.0, 0.0, 0.0, 1.0])));
        labels.truncate(1);
        assert_eq!(labels, Targets::Labels(TargetRows::new(2, vec![1.0, 0.0])));
        let values = Targets::Values(rows);
        assert_eq!((values.task(), values.strata(), values.bytes().len()), (TaskKind::Regression, vec![0; 3], 24));
        assert_eq!(Targets::from(vec![3, 4]).bytes(), [3, 4]);
        assert_eq!(Targets::from(vec![3, 256]).bytes(), [3, 0, 0, 1]);
    }
}
