//! Windows of a time series: a fixed number of neighbouring rows, with one class or set of labels, and one group.

use super::{TableError, rows::Rows, storage::Storage};
use crate::data::Store;

/// Samples before they are divided into training and test samples.
#[derive(Debug, Default)]
pub struct Samples {
    /// The values of each sample as f32, little-endian.
    pub values: Store,
    /// The number of each sample's class or set of labels. Empty if targets are numbers.
    pub labels: Vec<u32>,
    /// The labels or numbers of each sample; a window has those of its last row. Empty if samples have a class.
    pub targets: Vec<f32>,
    /// The number of each sample's group. Empty if there are no groups.
    pub groups: Vec<u32>,
    /// The first line of each sample.
    pub lines: Vec<u32>,
    /// The number of rows that are in no sample.
    pub unused: usize,
}

/// Returns samples of one row each.
pub fn each_row(rows: Rows) -> Samples {
    let Rows { values, labels, targets, groups, lines, .. } = rows;
    Samples { values, labels, targets, groups, lines, unused: 0 }
}

/// Cuts windows of `window` rows, within runs of the same label and group. Each window begins `stride` rows after the one before it.
///
/// # Errors
///
/// [`TableError`] if no window fits, or if the folder of temporary files has no room.
pub fn cut(rows: &Rows, window: usize, stride: usize, storage: &Storage) -> Result<Samples, TableError> {
    let count = rows.lines.len();
    let row_len = rows.values.len() / count.max(1);
    let mut breaks = rows.breaks.iter().map(|&row| row as usize).peekable();
    let (mut starts, mut longest, mut used) = (Vec::new(), 0, 0);
    let mut first = 0;
    for row in 1..=count {
        let is_gap = breaks.next_if_eq(&row).is_some();
        let is_same = |numbers: &[u32]| numbers.get(row) == numbers.get(row - 1);
        if row < count && !is_gap && is_same(&rows.labels) && is_same(&rows.groups) {
            continue;
        }
        let len = row - first;
        longest = longest.max(len);
        if let Some(room) = len.checked_sub(window) {
            starts.extend((first..=first + room).step_by(stride));
            used += if stride < window { room / stride * stride + window } else { (room / stride + 1) * window };
        }
        first = row;
    }
    if starts.is_empty() {
        return Err(TableError::NoWindow { rows: window, longest, has_groups: !rows.groups.is_empty() });
    }
    let sample_len = window * row_len;
    let (mut values, mut room) = (storage.writer_of(starts.len() as u64 * sample_len as u64)?, Vec::new());
    for start in starts.iter().map(|start| start * row_len) {
        values.write(rows.values.read(start..start + sample_len, &mut room))?;
    }
    let values = values.finish()?;
    let at = |numbers: &[u32]| match numbers {
        [] => Vec::new(),
        _ => starts.iter().map(|&start| numbers[start]).collect(),
    };
    let (labels, groups, lines) = (at(&rows.labels), at(&rows.groups), at(&rows.lines));
    let width = rows.targets.len() / count;
    let last = |start: &usize| &rows.targets[(start + window - 1) * width..][..width];
    let targets = starts.iter().flat_map(last).copied().collect();
    Ok(Samples { values, labels, targets, groups, lines, unused: count - used })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Storage {
        Storage::new(u64::MAX, "".into())
    }

    /// Returns rows of two bytes, each the number of the row.
    fn rows(labels: &[u32], groups: &[u32], breaks: &[u32]) -> Rows {
        let values = Store::Memory((0..labels.len() as u8).flat_map(|row| [row, row]).collect());
        let lines = (0..labels.len() as u32).map(|row| row + 2).collect();
        Rows {
            values,
            labels: labels.into(),
            targets: (0..labels.len()).map(|row| row as f32).collect(),
            groups: groups.into(),
            breaks: breaks.into(),
            lines,
            dropped: breaks.len(),
            rising: Vec::new(),
        }
    }

    fn starts(rows: &Rows, window: usize, stride: usize) -> (Vec<u8>, usize) {
        let samples = cut(rows, window, stride, &memory()).unwrap();
        let values = samples.values.get(0..samples.values.len());
        for ((sample, line), target) in values.chunks(2 * window).zip(&samples.lines).zip(&samples.targets) {
            assert_eq!(usize::from(sample[0]) + window - 1, *target as usize);
            assert!(
                sample.iter().enumerate().all(|(place, &byte)| usize::from(byte) == *line as usize - 2 + place / 2)
            );
        }
        (values.chunks(2 * window).map(|sample| sample[0]).collect(), samples.unused)
    }

    #[test]
    fn windows_stay_in_a_run() {
        let labels = [0, 0, 0, 0, 0, 1, 1, 1, 0, 0];
        assert_eq!(starts(&rows(&labels, &[], &[]), 2, 2), (vec![0, 2, 5, 8], 2));
        assert_eq!(starts(&rows(&labels, &[], &[]), 3, 1), (vec![0, 1, 2, 5], 2));
        assert_eq!(starts(&rows(&labels, &[], &[2]), 2, 2), (vec![0, 2, 5, 8], 2));
        assert_eq!(starts(&rows(&labels, &[], &[1, 4]), 2, 2), (vec![1, 5, 8], 4));
        assert_eq!(starts(&rows(&labels, &[7, 7, 7, 8, 8, 8, 8, 8, 8, 8], &[]), 2, 1), (vec![0, 1, 3, 5, 6, 8], 0));
        assert_eq!(starts(&rows(&labels, &[], &[]), 1, 3), (vec![0, 3, 5, 8], 6));
        let error = cut(&rows(&labels, &[], &[]), 6, 6, &memory()).unwrap_err().to_string();
        assert_eq!(
            error,
            "no 6 rows one after the other have the same label, so there is no window; the longest such run has 5"
        );
    }
}
