//! Parts of the training samples: those that are held out for validation, and the folds of cross-validation.

use options::folds::{Folds, FoldsError};

use super::{Dataset, TestSplit};

/// The error of samples that are all in one group, so that no validation samples can be held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("val-split: all training samples are in one group, which stays whole, so none can be held out for validation")]
pub struct OneGroup;

impl Dataset {
    /// Holds out this number of training samples for validation, as [`hold_out`](Self::hold_out) does. If the samples are in groups, it holds out
    /// whole groups, in an order that the seed gives, until at least this number of samples is held out, or only one group is left.
    ///
    /// Returns the number of samples that are held out.
    ///
    /// # Errors
    ///
    /// [`OneGroup`] if all samples are in one group.
    pub fn hold_out_for_validation(&mut self, count: usize, seed: u64) -> Result<usize, OneGroup> {
        let Some(groups) = self.train.groups() else {
            self.hold_out(count, seed);
            return Ok(count);
        };
        let split = TestSplit { part: count as f64 / self.train.len() as f64, seed };
        let (training, held_out) = split.partition(&self.train.strata(), Some(groups));
        if held_out.is_empty() {
            return Err(OneGroup);
        }
        (self.validation, self.train) = (Some(self.train.chosen(&held_out)), self.train.chosen(&training));
        Ok(held_out.len())
    }

    /// Turns held-out test samples into training samples again, if the source has no test part of its own. The source's order is kept.
    pub fn rejoin(&mut self) {
        if let (true, Some(all)) = (self.is_parted, self.train.joined(&self.test)) {
            self.checksum = all.checksum();
            (self.test, self.train, self.is_parted) = (all.chosen(&[]), all, false);
        }
    }

    /// Divides the training samples into folds. Two folds differ by one sample of a class at most. If the samples are in groups, a fold gets whole
    /// groups, and has only about the same number of samples of a class. Returns the indices of each fold's samples, ascending.
    ///
    /// # Errors
    ///
    /// [`FoldsError`].
    pub fn folds(&self, folds: Folds) -> Result<Vec<Vec<u32>>, FoldsError> {
        let fold_of = folds.of(&self.train.strata(), self.train.groups())?;
        let mut members = vec![Vec::new(); folds.count as usize];
        (0..).zip(fold_of).for_each(|(index, fold)| members[fold as usize].push(index));
        Ok(members)
    }

    /// Returns the data of one fold: a model is tested on these training samples, and trained on the others.
    pub fn fold(&self, tested: &[u32]) -> Self {
        let mut is_tested = vec![false; self.train.len()];
        tested.iter().for_each(|&index| is_tested[index as usize] = true);
        let others: Vec<u32> = (0..).zip(&is_tested).filter(|(_, is)| !**is).map(|(index, _)| index).collect();
        let (train, test) = (self.train.chosen(&others), self.train.chosen(tested));
        let checksum = train.checksum();
        let (notice, notes) = (None, Vec::new());
        Self { checksum, train, validation: None, test, is_parted: false, notice, notes, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use options::recipe::Standardize;
    use selvedge::{preparation::Element, shape::InputShape};

    use super::*;
    use crate::{
        classes::Classes,
        data::{Split, Store},
        preparation::PreparationBuf,
    };

    /// Returns samples with one feature, their place in the source. There are two classes, and groups of three samples.
    fn data(count: u32, has_groups: bool) -> Dataset {
        let values = (0..count).flat_map(|index| (index as f32).to_le_bytes()).collect();
        let labels: Vec<u16> = (0..count).map(|index| (index % 2) as u16).collect();
        let groups = if has_groups { (0..count).map(|index| index / 3).collect() } else { Vec::new() };
        let all = Split::of(1, Element::F32, Store::Memory(values), labels).with_groups(groups);
        let (train, test) = TestSplit::default().partition(&all.strata(), all.groups());
        let splits = [all.chosen(&train), all.chosen(&test)];
        let data = Dataset::new("places", InputShape::Features(1), Classes::numbered(2), splits);
        Dataset { is_parted: true, ..data }
    }

    fn places(split: &Split) -> Vec<u32> {
        split.element().values(&split.values()).map(|value| value as u32).collect()
    }

    #[test]
    fn folds_part_the_whole_source() {
        for has_groups in [false, true] {
            let mut data = data(60, has_groups);
            data.rejoin();
            assert_eq!((places(&data.train), data.test.len()), ((0..60).collect(), 0));
            let folds = data.folds(Folds { count: 4, seed: 3 }).unwrap();
            let mut tested = Vec::new();
            for members in &folds {
                let fold = data.fold(members);
                let (own, others) = (places(&fold.test), places(&fold.train));
                assert_eq!((own.len(), others.len()), (15, 45));
                assert!(others.iter().all(|place| !own.contains(place)));
                if has_groups {
                    assert!(others.iter().all(|place| !own.iter().any(|own| own / 3 == place / 3)));
                }
                tested.extend(own);
            }
            tested.sort_unstable();
            assert!(tested.into_iter().eq(0..60));
        }
    }

    #[test]
    fn a_fold_is_standardised_by_its_own_training_samples() {
        let data = data(60, false);
        let folds = data.folds(Folds { count: 3, seed: 0 }).unwrap();
        let prepared = folds.iter().map(|members| {
            let mut fold = data.fold(members);
            fold.standardize(Standardize::Auto);
            assert_eq!(fold.preparation, PreparationBuf::standardized(Element::F32, &fold.train.moments()));
            fold.preparation
        });
        let prepared: Vec<_> = prepared.collect();
        assert!(prepared[0] != prepared[1] && prepared[1] != prepared[2]);
    }

    #[test]
    fn validation_samples_are_whole_groups() {
        let mut data = data(60, true);
        data.rejoin();
        let count = data.hold_out_for_validation(15, 1).unwrap();
        let held_out = data.validation.as_ref().unwrap();
        assert_eq!((count, held_out.len(), data.train.len()), (15, 15, 45));
        let kept = places(&data.train);
        assert!(places(held_out).iter().all(|own| kept.iter().all(|place| place / 3 != own / 3)));
        let one = data.train.chosen(&[0, 1, 2]);
        let mut data = Dataset { train: one, ..data };
        assert_eq!(data.hold_out_for_validation(1, 1), Err(OneGroup));
    }
}
