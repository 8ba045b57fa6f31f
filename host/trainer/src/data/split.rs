//! A part of the data: samples, and a target for each.

use std::{borrow::Cow, ops::Range, sync::Arc};

use selvedge::preparation::Element;
use sha2::{Digest, Sha256};

use super::store::Store;
use crate::{aligned::prefetch, preparation::Moments, task::Targets};

/// Samples and their targets. A sample is bytes: its values one after the other, each little-endian.
#[derive(Clone, Debug)]
pub struct Split {
    features: usize,
    element: Element,
    store: Arc<Store>,
    rows: Rows,
    targets: Targets,
    /// The number of each sample's group. Empty if there are no groups.
    groups: Vec<u32>,
}

/// The samples of the store that belong to the part, in its order.
#[derive(Clone, Debug)]
enum Rows {
    /// The first samples of the store, one for each target.
    First,
    /// The samples with these indices.
    Chosen(Vec<u32>),
}

impl Split {
    /// Returns samples with this number of features. `values` has a byte for each feature, one sample after the other. `labels` has a class for
    /// each sample.
    ///
    /// # Panics
    ///
    /// If there is not one class for each sample.
    pub fn new(features: usize, values: Vec<u8>, labels: Vec<u16>) -> Self {
        Self::of(features, Element::U8, Store::Memory(values), labels)
    }

    /// Returns samples with this number of features. `values` has a number for each feature, one sample after the other. `labels` has a class for
    /// each sample.
    ///
    /// # Panics
    ///
    /// If there is not one class for each sample.
    pub fn of_floats(features: usize, values: &[f32], labels: Vec<u16>) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::of(features, Element::F32, Store::Memory(bytes), labels)
    }

    /// Returns samples whose values are elements of this type.
    ///
    /// # Panics
    ///
    /// If there is not one target for each sample.
    pub fn of(features: usize, element: Element, store: Store, targets: impl Into<Targets>) -> Self {
        let targets = targets.into();
        assert_eq!(store.len(), features * element.size() * targets.len(), "each sample has a target");
        Self { features, element, store: Arc::new(store), rows: Rows::First, targets, groups: Vec::new() }
    }

    /// Returns the same samples with a group for each, such as a person.
    /// [`Dataset::hold_out_for_validation`](super::Dataset::hold_out_for_validation) and [`Dataset::folds`](super::Dataset::folds) keep each
    /// group whole. [`Dataset::hold_out`](super::Dataset::hold_out) does not. An empty list means no groups.
    ///
    /// # Panics
    ///
    /// If there are groups, and not one for each sample.
    pub fn with_groups(self, groups: Vec<u32>) -> Self {
        assert!(groups.is_empty() || groups.len() == self.len(), "each sample has a group");
        Self { groups, ..self }
    }

    /// Returns the number of each sample's group, or `None` if there are no groups.
    pub fn groups(&self) -> Option<&[u32]> {
        (!self.groups.is_empty()).then_some(&self.groups)
    }

    /// Returns a number (a stratum) for each sample. When the data is split, every part gets about the same share of each stratum: see
    /// [`Targets::strata`].
    pub fn strata(&self) -> Vec<u32> {
        self.targets.strata()
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Returns true if there are no samples.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Returns the number of features of a sample.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Returns the number type of the values.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Returns a target for each sample.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Returns a class for each sample, or an empty slice if the targets are no classes.
    pub fn labels(&self) -> &[u16] {
        match &self.targets {
            Targets::Classes(labels) => labels,
            Targets::Labels(_) | Targets::Values(_) => &[],
        }
    }

    /// Returns the number of bytes of a sample.
    pub fn sample_len(&self) -> usize {
        self.features * self.element.size()
    }

    /// Returns one sample's bytes.
    #[inline]
    pub fn sample(&self, index: usize) -> &[u8] {
        self.store.get(self.place(index))
    }

    /// Returns one sample's bytes, for samples in a random order. They are read into `room` if the samples are in a file.
    #[inline]
    pub fn sample_in<'a>(&'a self, index: usize, room: &'a mut Vec<u8>) -> &'a [u8] {
        self.store.read(self.place(index), room)
    }

    /// Asks the processor to load a sample that will be read soon, if the sample is in memory.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        if let Store::Memory(bytes) = &*self.store {
            prefetch(&bytes[self.place(index)]);
        }
    }

    /// Returns the place of a sample in the store.
    #[inline]
    fn place(&self, index: usize) -> Range<usize> {
        let row = match &self.rows {
            Rows::First => index,
            Rows::Chosen(rows) => rows[index] as usize,
        };
        let len = self.sample_len();
        row * len..(row + 1) * len
    }

    /// Returns the moments of each feature over the samples.
    pub fn moments(&self) -> Vec<Moments> {
        Moments::of_rows(self.features, || self.samples().map(|sample| self.element.values(sample)))
    }

    /// Returns every sample's bytes.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.sample(index))
    }

    /// Returns the bytes of neighbouring samples, one after the other. They are copied if they do not already lie so.
    pub fn part(&self, samples: Range<usize>) -> Cow<'_, [u8]> {
        let len = self.sample_len();
        match &self.rows {
            Rows::First => self.store.get(samples.start * len..samples.end * len).into(),
            Rows::Chosen(_) => {
                let (mut bytes, mut room) = (Vec::with_capacity(samples.len() * len), Vec::new());
                samples.for_each(|index| bytes.extend_from_slice(self.sample_in(index, &mut room)));
                bytes.into()
            }
        }
    }

    /// Returns the bytes of all samples, in parts of a few thousand samples.
    pub fn parts(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        const TOGETHER: usize = 4096;
        let end = move |start: usize| self.len().min(start + TOGETHER);
        (0..self.len()).step_by(TOGETHER).map(move |start| self.part(start..end(start)))
    }

    /// Returns the bytes of all samples.
    pub fn values(&self) -> Cow<'_, [u8]> {
        self.part(0..self.len())
    }

    /// Keeps only the first samples.
    pub fn truncate(&mut self, count: usize) {
        self.targets.truncate(count);
        self.groups.truncate(count);
        if let Rows::Chosen(rows) = &mut self.rows {
            rows.truncate(count);
        }
    }

    /// Returns the samples with these indices, in this order. They share their bytes with the whole.
    pub fn chosen(&self, indices: &[u32]) -> Self {
        let rows = match &self.rows {
            Rows::First => indices.to_vec(),
            Rows::Chosen(rows) => indices.iter().map(|&index| rows[index as usize]).collect(),
        };
        let groups = match self.groups() {
            Some(groups) => indices.iter().map(|&index| groups[index as usize]).collect(),
            None => Vec::new(),
        };
        let (features, element, store) = (self.features, self.element, self.store.clone());
        Self { features, element, store, rows: Rows::Chosen(rows), targets: self.targets.chosen(indices), groups }
    }

    /// Returns the samples of two parts of one source, in the source's order, or `None` if the parts are not of one source.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let (Rows::Chosen(own), Rows::Chosen(others)) = (&self.rows, &other.rows) else { return None };
        if !Arc::ptr_eq(&self.store, &other.store) {
            return None;
        }
        // Each sample's row, and its place among those of both parts.
        let mut places: Vec<(u32, u32)> = own.iter().chain(others).copied().zip(0..).collect();
        places.sort_unstable();
        let (rows, order): (Vec<u32>, Vec<u32>) = places.into_iter().unzip();
        let targets = self.targets.followed_by(&other.targets)?.chosen(&order);
        let groups = [&self.groups[..], &other.groups].concat();
        let groups = order.iter().filter_map(|&place| groups.get(place as usize).copied()).collect();
        let (features, element, store) = (self.features, self.element, self.store.clone());
        Some(Self { features, element, store, rows: Rows::Chosen(rows), targets, groups })
    }

    /// Replaces the classes. `map` has the new class for each old one.
    ///
    /// # Panics
    ///
    /// If `map` has no new class for one of them.
    pub fn relabelled(&self, map: &[u16]) -> Self {
        let labels: Vec<u16> = self.labels().iter().map(|&label| map[usize::from(label)]).collect();
        Self { targets: labels.into(), ..self.clone() }
    }

    /// Replaces the samples' bytes: `write` makes the new bytes of each sample from the old ones.
    pub fn rewritten(&self, element: Element, write: impl Fn(&[u8], &mut [u8])) -> Self {
        let len = self.features * element.size();
        let mut bytes = vec![0; self.len() * len];
        self.samples().zip(bytes.chunks_exact_mut(len.max(1))).for_each(|(sample, place)| write(sample, place));
        Self::of(self.features, element, Store::Memory(bytes), self.targets.clone()).with_groups(self.groups.clone())
    }

    /// Converts the values to another number type ([`Element`]). The error is the sample, the feature and the first value that this element cannot
    /// hold.
    pub fn converted(&self, element: Element) -> Result<Self, (usize, usize, f32)> {
        if element == self.element {
            return Ok(self.clone());
        }
        let mut bytes = Vec::with_capacity(self.len() * self.features * element.size());
        for (index, sample) in self.samples().enumerate() {
            for (feature, value) in self.element.values(sample).enumerate() {
                encode(value, element, &mut bytes).ok_or((index, feature, value))?;
            }
        }
        let split = Self::of(self.features, element, Store::Memory(bytes), self.targets.clone());
        Ok(split.with_groups(self.groups.clone()))
    }

    /// Returns SHA-256 of the values and then the targets: see [`Targets::bytes`].
    pub fn checksum(&self) -> [u8; 32] {
        let mut sum = Sha256::new();
        self.parts().for_each(|part| sum.update(part));
        sum.chain_update(self.targets.bytes()).finalize().into()
    }
}

/// Appends a value as an element's bytes. Returns `None` if the element cannot hold it.
pub fn encode(value: f32, element: Element, bytes: &mut Vec<u8>) -> Option<()> {
    let Some((least, most)) = element.range() else {
        bytes.extend(value.to_le_bytes());
        return Some(());
    };
    let is_there = value.fract() == 0.0 && (least as f32..=most as f32).contains(&value);
    bytes.extend_from_slice(&(value as i32).to_le_bytes()[..element.size()]);
    is_there.then_some(())
}

impl PartialEq for Split {
    /// Compares samples and targets, wherever they are stored.
    fn eq(&self, other: &Self) -> bool {
        (self.features, self.element, &self.targets) == (other.features, other.element, &other.targets)
            && self.samples().eq(other.samples())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_covers_values_and_labels() {
        let split = Split::new(2, vec![0; 4], vec![3, 4]);
        let values = Split::new(2, vec![0, 0, 0, 1], vec![3, 4]);
        let labels = Split::new(2, vec![0; 4], vec![4, 3]);
        let large = Split::new(2, vec![0; 4], vec![3, 256 + 4]);
        for other in [values, labels, large] {
            assert_ne!(split.checksum(), other.checksum());
        }
        assert_eq!(split.checksum()[..], Sha256::digest([0, 0, 0, 0, 3, 4])[..]);
    }

    #[test]
    fn chosen_samples_are_the_wholes() {
        let bytes: Vec<u8> = (0..24).collect();
        let all = Split::of(2, Element::I16, Store::Memory(bytes), vec![0, 1, 2, 3, 4, 5]);
        let chosen = all.chosen(&[5, 0, 2]);
        assert_eq!((chosen.len(), chosen.labels(), chosen.sample(0)), (3, &[5, 0, 2][..], &[20, 21, 22, 23][..]));
        assert_eq!(chosen.part(1..3)[..], [0, 1, 2, 3, 8, 9, 10, 11]);
        let again = chosen.chosen(&[2, 0]);
        assert_eq!((again.labels(), again.sample(0)), (&[2, 5][..], all.sample(2)));
        let copy = Split::of(2, Element::I16, Store::Memory(chosen.values().into_owned()), chosen.labels().to_vec());
        assert_eq!(copy, chosen);
        assert_eq!(copy.checksum(), chosen.checksum());
        let mut short = chosen;
        short.truncate(1);
        assert_eq!(short.values()[..], [20, 21, 22, 23]);
    }

    #[test]
    fn parts_of_one_source_are_joined_in_its_order() {
        let all = Split::new(1, vec![5, 6, 7, 8], vec![0, 1, 0, 1]).with_groups(vec![3, 3, 4, 4]);
        let [one, other] = [all.chosen(&[3, 0]), all.chosen(&[1, 2])];
        assert_eq!((one.groups(), other.groups()), (Some(&[4, 3][..]), Some(&[3, 4][..])));
        let joined = one.joined(&other).unwrap();
        assert_eq!((&joined, joined.groups()), (&all, all.groups()));
        assert!(one.joined(&Split::new(1, vec![1], vec![0])).is_none() && all.joined(&one).is_none());
    }

    #[test]
    fn samples_are_rewritten_one_by_one() {
        let all = Split::new(2, vec![1, 2, 3, 4], vec![0, 1]);
        let wide = all.chosen(&[1]).rewritten(Element::U16, |sample, place| {
            place.as_chunks_mut().0.iter_mut().zip(sample).for_each(|(place, &x)| *place = u16::from(x).to_le_bytes());
        });
        assert_eq!((wide.element(), &wide.values()[..], wide.labels()), (Element::U16, &[3, 0, 4, 0][..], &[1][..]));
    }
}
