//! A test part that is held out of the samples, for a source without one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use selvedge::random::{Generator, Purpose};

/// The fraction of the samples that is held out for the test, and the seed that chooses them: `0.2` or `0.2,seed=7`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestSplit {
    /// The fraction, above 0 and below 1.
    pub part: f64,
    /// The seed of the choice. It is independent of a run's seed, so every command chooses the same samples.
    pub seed: u64,
}

impl Default for TestSplit {
    fn default() -> Self {
        Self { part: 0.2, seed: 0 }
    }
}

impl FromStr for TestSplit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (part, seed) = text.split_once(",seed=").unwrap_or((text, "0"));
        let part = part.trim().parse().ok().filter(|part| *part > 0.0 && *part < 1.0);
        let part = part.ok_or("must be a part above 0 and below 1, such as 0.2 or 0.2,seed=7")?;
        let seed = seed.trim().parse().map_err(|_| "the seed must be a whole number from 0, such as in 0.2,seed=7")?;
        Ok(Self { part, seed })
    }
}

impl fmt::Display for TestSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            0 => write!(f, "{}", self.part),
            seed => write!(f, "{},seed={seed}", self.part),
        }
    }
}

impl TestSplit {
    /// Divides samples into two parts. Returns the indices of the training samples and of the test samples, both ascending.
    ///
    /// `strata` has a number for each sample, such as its class. Without `groups`, the same fraction of each class is held out for the test. A class
    /// with two or more samples has at least one sample in each part. A single sample stays in the training part.
    ///
    /// `groups`, if given, has a number for each sample too. Then `strata` is not used. Whole groups are held out, in an order that the seed gives,
    /// until the fraction of all samples is reached. One group always stays in the training part. No group is in both parts, but a class may be in
    /// one part only.
    pub fn partition(&self, strata: &[u32], groups: Option<&[u32]>) -> (Vec<u32>, Vec<u32>) {
        let mut is_test = vec![false; strata.len()];
        match groups {
            Some(groups) => self.hold_out_groups(groups, &mut is_test),
            None => self.hold_out_strata(strata, &mut is_test),
        }
        let of = |wanted: bool| (0..).zip(&is_test).filter(|&(_, &is)| is == wanted).map(|(index, _)| index).collect();
        (of(false), of(true))
    }

    fn count(&self, all: usize) -> usize {
        let count = (self.part * all as f64).round() as usize;
        if all < 2 { 0 } else { count.clamp(1, all - 1) }
    }

    fn hold_out_strata(&self, strata: &[u32], is_test: &mut [bool]) {
        for members in members(strata).values() {
            let order = shuffled(self.seed, 1, members);
            order.iter().take(self.count(members.len())).for_each(|&index| is_test[index as usize] = true);
        }
    }

    fn hold_out_groups(&self, groups: &[u32], is_test: &mut [bool]) {
        let members = members(groups);
        let names: Vec<u32> = members.keys().copied().collect();
        let (mut held_out, target) = (0, self.count(groups.len()));
        // One group stays for training.
        for group in shuffled(self.seed, 2, &names).iter().skip(1) {
            if held_out >= target {
                break;
            }
            members[group].iter().for_each(|&index| is_test[index as usize] = true);
            held_out += members[group].len();
        }
    }
}

/// Different numbers in a random order, which a seed and a stream of its draws decide.
pub(crate) fn shuffled(seed: u64, stream: u64, items: &[u32]) -> Vec<u32> {
    let generator = Generator::new(seed, Purpose::Split, stream);
    let mut keys: Vec<_> = items.iter().map(|&item| (generator.bits(item.into()), item)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, item)| item).collect()
}

/// Returns the indices of each number's samples.
pub(crate) fn members(numbers: &[u32]) -> BTreeMap<u32, Vec<u32>> {
    let mut members = BTreeMap::<_, Vec<_>>::new();
    (0..).zip(numbers).for_each(|(index, &number)| members.entry(number).or_default().push(index));
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_says_part_and_seed() {
        assert_eq!("0.25".parse(), Ok(TestSplit { part: 0.25, seed: 0 }));
        let with_seed: TestSplit = "0.2,seed=7".parse().unwrap();
        assert_eq!((with_seed, with_seed.to_string().as_str()), (TestSplit { part: 0.2, seed: 7 }, "0.2,seed=7"));
        for text in ["0", "1", "-0.1", "nan", "", "0.2,seed=x", "0.2,seeds=3"] {
            assert!(text.parse::<TestSplit>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_seed_decides_the_samples() {
        let strata = vec![0; 100];
        let test = |seed| TestSplit { part: 0.3, seed }.partition(&strata, None).1;
        assert_eq!((test(1).len(), test(1)), (30, test(1)));
        assert_ne!(test(1), test(2));
    }

    proptest! {
        #[test]
        fn each_sample_is_in_one_part_and_each_stratum_in_both(
            strata in proptest::collection::vec(0..4_u32, 1..80), part in 0.05..0.95_f64, seed: u64,
        ) {
            let (train, test) = TestSplit { part, seed }.partition(&strata, None);
            let mut all = [&train[..], &test[..]].concat();
            prop_assert!(train.is_sorted() && test.is_sorted());
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..strata.len() as u32));
            for (_, members) in members(&strata) {
                let held_out = members.iter().filter(|index| test.contains(index)).count();
                let expected = part * members.len() as f64;
                prop_assert!((held_out as f64 - expected).abs() <= 1.0, "{held_out} of {}", members.len());
                prop_assert!(members.len() < 2 || (1..members.len()).contains(&held_out));
            }
        }

        #[test]
        fn no_group_is_in_both_parts(groups in proptest::collection::vec(0..9_u32, 2..80), part in 0.05..0.95_f64, seed: u64) {
            let (train, test) = TestSplit { part, seed }.partition(&vec![0; groups.len()], Some(&groups));
            let of = |part: &[u32]| part.iter().map(|&index| groups[index as usize]).collect::<Vec<_>>();
            let (train, test) = (of(&train), of(&test));
            prop_assert!(train.iter().all(|group| !test.contains(group)) && !train.is_empty());
            prop_assert!(!test.is_empty() || members(&groups).len() == 1);
        }
    }
}
