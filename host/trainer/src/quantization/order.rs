//! The order of hidden units. A device skips pairs of inputs that are both zero, so units that are active on the same samples should share
//! a pair.

/// The samples on which each unit of a layer is not zero.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    samples: usize,
    /// For each unit, a bit for each sample.
    units: Vec<Vec<u64>>,
}

impl Activity {
    /// Returns the activity of a layer of this width. `runs` says for each sample which units are not zero.
    pub fn of<'a>(width: usize, runs: impl ExactSizeIterator<Item = &'a [bool]>) -> Self {
        let samples = runs.len();
        let mut units = vec![vec![0; samples.div_ceil(64)]; width];
        for (sample, activations) in runs.enumerate() {
            for (unit, &is_active) in units.iter_mut().zip(activations) {
                unit[sample / 64] |= u64::from(is_active) << (sample % 64);
            }
        }
        Self { samples, units }
    }

    /// Returns the fraction of all activations, over units and samples, that are not zero.
    pub fn density(&self) -> f64 {
        let fired: u64 = self.units.iter().flatten().map(|word| u64::from(word.count_ones())).sum();
        fired as f64 / (self.samples * self.units.len()) as f64
    }

    /// Returns the fraction of all pairs, over pairs and samples, in which a unit is not zero. The units are in this order.
    pub fn pair_density(&self, order: &[usize]) -> f64 {
        let fired: u64 = order.chunks(2).map(|pair| self.either(pair[0], pair[pair.len() - 1])).sum();
        fired as f64 / (self.samples * order.len().div_ceil(2)) as f64
    }

    /// Returns an order in which there are few samples for which exactly one unit of a pair is zero. First, the two units with the fewest such samples
    /// become a pair, again and again. Then two pairs exchange units as long as that lowers the number. A last unit without a partner stands at the
    /// end.
    pub fn order(&self) -> Vec<usize> {
        let waste = Waste::of(self);
        let mut pairs = waste.greedy();
        waste.exchange(&mut pairs[..self.units.len() / 2]);
        let mut order: Vec<usize> = pairs.into_iter().flatten().collect();
        order.truncate(self.units.len());
        order
    }

    fn either(&self, a: usize, b: usize) -> u64 {
        let words = self.units[a].iter().zip(&self.units[b]);
        words.map(|(a, b)| u64::from((a | b).count_ones())).sum()
    }
}

/// The number of samples on which one of two units is zero and the other is not, for every two units.
struct Waste {
    width: usize,
    counts: Vec<u32>,
}

impl Waste {
    fn of(activity: &Activity) -> Self {
        let units = &activity.units;
        let count = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        let counts = units.iter().flat_map(|a| units.iter().map(|b| count(a, b))).collect();
        Self { width: units.len(), counts }
    }

    fn pair(&self, [a, b]: [usize; 2]) -> u32 {
        self.counts[a * self.width + b]
    }

    fn pairs(&self, [first, second]: [[usize; 2]; 2]) -> u32 {
        self.pair(first) + self.pair(second)
    }

    /// Returns pairs of units: again and again the cheapest pair of the units that are left. If the width is odd, the last unit is paired with
    /// itself.
    fn greedy(&self) -> Vec<[usize; 2]> {
        let mut candidates: Vec<[usize; 2]> =
            (0..self.width).flat_map(|a| (a + 1..self.width).map(move |b| [a, b])).collect();
        candidates.sort_by_key(|&pair| self.pair(pair));
        let mut is_left = vec![true; self.width];
        let mut pairs = Vec::with_capacity(self.width.div_ceil(2));
        for [a, b] in candidates {
            if is_left[a] && is_left[b] {
                (is_left[a], is_left[b]) = (false, false);
                pairs.push([a, b]);
            }
        }
        pairs.extend((0..self.width).filter(|&unit| is_left[unit]).map(|unit| [unit; 2]));
        pairs
    }

    fn exchange(&self, pairs: &mut [[usize; 2]]) {
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for i in 0..pairs.len() {
                for j in i + 1..pairs.len() {
                    let ([a, b], [c, d]) = (pairs[i], pairs[j]);
                    for exchanged in [[[a, c], [b, d]], [[a, d], [b, c]]] {
                        if self.pairs(exchanged) < self.pairs([pairs[i], pairs[j]]) {
                            [pairs[i], pairs[j]] = exchanged;
                            has_changed = true;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the activity of units in groups of two: unit u of the first half is active together with unit u of the second.
    fn activity(width: usize) -> Activity {
        let group = |unit: usize| unit % width.div_ceil(2);
        let run = |sample: usize| (0..width).map(move |unit| (sample * 7 + group(unit) * 5) % 11 < 3).collect();
        let runs: Vec<Vec<bool>> = (0..200).map(run).collect();
        Activity::of(width, runs.iter().map(Vec::as_slice))
    }

    #[test]
    fn units_that_fire_together_share_a_pair() {
        for width in [12, 13] {
            let activity = activity(width);
            let order = activity.order();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..width).collect::<Vec<_>>());
            let identity: Vec<usize> = (0..width).collect();
            assert!(activity.pair_density(&order) < activity.pair_density(&identity));
            if width % 2 == 0 {
                assert!((activity.pair_density(&order) - activity.density()).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn an_exchange_repairs_what_greed_did() {
        // 1 and 2 are the nearest, which leaves 0 with 3.
        let counts = vec![0, 2, 9, 9, 2, 0, 1, 9, 9, 1, 0, 2, 9, 9, 2, 0];
        let waste = Waste { width: 4, counts };
        let mut pairs = waste.greedy();
        assert_eq!(pairs, [[1, 2], [0, 3]]);
        waste.exchange(&mut pairs);
        assert_eq!(waste.pairs([pairs[0], pairs[1]]), 4);
    }
}
