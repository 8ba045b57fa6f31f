//! A row's weights as integers, and the numbers that they stand for.

use std::ops::RangeInclusive;

use selvedge::quantized::{Int4, Int8};

use super::scales::MAX_ACTIVATION;

/// The largest scale of columns.
const MAX_SCALE: f64 = 255.0;

/// The integer format of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// Integers of 8 bits, with a scale for each row.
    Int8,
    /// Integers of 4 bits, with a scale for each group of 64 columns of each row.
    Int4,
}

impl Integers {
    /// Returns the integers.
    pub(super) const fn range(self) -> RangeInclusive<f64> {
        match self {
            Self::Int8 => -127.0..=127.0,
            Self::Int4 => -8.0..=7.0,
        }
    }

    /// Returns the number of neighbouring columns that share a scale, for a layer with this number of columns.
    pub(super) const fn columns(self, inputs: usize) -> usize {
        match self {
            Self::Int8 => inputs,
            Self::Int4 => Int4::COLUMNS,
        }
    }

    /// Rounds a row's weights to the numbers that its integers will stand for with these scales.
    pub(super) fn round_in_place(self, weights: &mut [f32], scales: &[f64]) {
        let row = Row::fit(self, weights, scales, 0.0, f32::MIN_POSITIVE.into());
        for (weight, value) in weights.iter_mut().zip(row.values(self)) {
            *weight = value as f32;
        }
    }

    /// Returns the limit of the sum of a row's positive products, which is also that of its negative products.
    const fn sum_limit(self) -> u32 {
        match self {
            Self::Int8 => Int8::SUM_LIMIT,
            Self::Int4 => Int4::SUM_LIMIT,
        }
    }
}

/// A row's integers. A weight is `unit · scale · integer`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub weights: Vec<i8>,
    /// A scale for each group of columns. In int8, it is 1.
    pub scales: Vec<u8>,
    pub unit: f64,
}

impl Row {
    /// Returns the integers with these scales of the groups (0 if all weights are 0). If a sum could overflow, or if the unit would be below
    /// `least_unit`, it uses the next larger scales that avoid this. A row of zeros has the unit `unit_alone`.
    pub fn fit(integers: Integers, weights: &[f32], scales: &[f64], least_unit: f64, unit_alone: f64) -> Self {
        let columns = integers.columns(weights.len());
        let largest = scales.iter().fold(0.0_f64, |largest, &scale| largest.max(scale));
        let steps = if integers == Integers::Int8 { 1.0 } else { MAX_SCALE };
        let mut unit = if largest > 0.0 { (largest / steps).max(least_unit) } else { unit_alone };
        let mut factor = 1.0;
        loop {
            let scale = |&scale: &f64| match integers {
                Integers::Int8 => 1,
                Integers::Int4 if scale > 0.0 => (scale * factor / unit).round().clamp(1.0, MAX_SCALE) as u8,
                Integers::Int4 => 0,
            };
            let scales: Vec<u8> = scales.iter().map(scale).collect();
            let row = Self::round(integers, weights, columns, scales, unit);
            let limit = f64::from(integers.sum_limit());
            let worst = MAX_ACTIVATION * row.worst(columns) as f64;
            if worst < limit {
                return row;
            }
            factor *= (worst / limit).max(1.0 + 1e-4);
            unit = unit.max(largest * factor / steps);
        }
    }

    fn round(integers: Integers, weights: &[f32], columns: usize, scales: Vec<u8>, unit: f64) -> Self {
        let (least, most) = integers.range().into_inner();
        let group = |(weights, &scale): (&[f32], &u8)| {
            let step = unit * f64::from(scale);
            let integer = move |&weight: &f32| {
                if scale == 0 { 0 } else { (f64::from(weight) / step).round().clamp(least, most) as i8 }
            };
            weights.iter().map(integer).collect::<Vec<_>>()
        };
        let weights = weights.chunks(columns).zip(&scales).flat_map(group).collect();
        Self { weights, scales, unit }
    }

    /// Returns the larger one of two sums, in units: of the positive weights, and of the negative ones.
    fn worst(&self, columns: usize) -> i64 {
        let sum = |sign: i32| -> i64 {
            let groups = self.weights.chunks(columns).zip(&self.scales);
            let sum = |weights: &[i8]| weights.iter().map(|&w| i64::from((sign * i32::from(w)).max(0))).sum::<i64>();
            groups.map(|(weights, &scale)| i64::from(scale) * sum(weights)).sum()
        };
        sum(1).max(sum(-1))
    }

    /// Returns the number that each integer weight stands for.
    pub fn values(&self, integers: Integers) -> impl Iterator<Item = f64> + '_ {
        let groups = self.weights.chunks(integers.columns(self.weights.len())).zip(&self.scales);
        groups.flat_map(move |(weights, &scale)| {
            let step = self.unit * f64::from(scale);
            weights.iter().map(move |&weight| step * f64::from(weight))
        })
    }
}
