//! The folds of cross-validation: each sample is tested once, by a model that was not trained on it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::partition::{members, shuffled};

/// The number of folds, and the seed that divides the samples: `5` or `5,seed=7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folds {
    /// The number of folds, at least 2.
    pub count: u32,
    /// The seed of the division. It is independent of a run's seed, so every recipe is tested on the same folds.
    pub seed: u64,
}

/// The samples cannot be divided into this number of folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldsError {
    /// There are fewer samples than folds.
    #[error("there are {samples} samples for {folds} folds; take {samples} folds at most")]
    Samples {
        /// The number of samples.
        samples: usize,
        /// The number of folds.
        folds: u32,
    },
    /// There are fewer groups than folds.
    #[error(
        "the samples are in {groups} groups, and a group is in one of the {folds} folds; take {groups} folds at most"
    )]
    Groups {
        /// The number of groups.
        groups: usize,
        /// The number of folds.
        folds: u32,
    },
    /// Every class has fewer samples than there are folds.
    #[error(
        "each class has fewer samples than the {folds} folds, the largest has {largest}; take {largest} folds at most"
    )]
    Classes {
        /// The samples of the most frequent class.
        largest: usize,
        /// The number of folds.
        folds: u32,
    },
}

impl FromStr for Folds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, seed) = text.split_once(",seed=").unwrap_or((text, "0"));
        let count = count.trim().parse().ok().filter(|&count| count >= 2);
        let count = count.ok_or("must be a whole number from 2, such as 5 or 5,seed=7")?;
        let seed = seed.trim().parse().map_err(|_| "the seed must be a whole number from 0, such as in 5,seed=7")?;
        Ok(Self { count, seed })
    }
}

impl fmt::Display for Folds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            0 => write!(f, "{}", self.count),
            seed => write!(f, "{},seed={seed}", self.count),
        }
    }
}

impl Folds {
    /// Divides samples into folds. Returns the fold of each sample, counted from 0.
    ///
    /// `strata` has a number for each sample, such as its class. Without `groups`, the numbers of samples of a class differ by one at most
    /// between two folds, and so do the numbers of all samples.
    ///
    /// `groups`, if given, has a number for each sample too. Then the samples of a group are in one fold. The largest group is placed
    /// first. Each group goes to the fold that so far has the smallest shares of the group's classes. So the shares are only as equal as whole groups
    /// allow.
    ///
    /// # Errors
    ///
    /// [`FoldsError`] if a fold would have no samples, or if every class has fewer samples than there are folds.
    pub fn of(self, strata: &[u32], groups: Option<&[u32]>) -> Result<Vec<u32>, FoldsError> {
        let Self { count: folds, .. } = self;
        let samples = strata.len();
        if samples < folds as usize {
            return Err(FoldsError::Samples { samples, folds });
        }
        let largest = members(strata).values().map(Vec::len).max().unwrap_or(0);
        if largest < folds as usize {
            return Err(FoldsError::Classes { largest, folds });
        }
        match groups.map(members) {
            None => Ok(self.of_strata(strata)),
            Some(groups) if groups.len() < folds as usize => Err(FoldsError::Groups { groups: groups.len(), folds }),
            Some(groups) => Ok(self.of_groups(strata, &groups)),
        }
    }

    /// Deals each class's samples in turn, and goes on with the next class where the one before ended.
    fn of_strata(self, strata: &[u32]) -> Vec<u32> {
        let mut fold_of = vec![0; strata.len()];
        let mut next = (0..self.count).cycle();
        for members in members(strata).values() {
            for (index, fold) in shuffled(self.seed, 3, members).into_iter().zip(&mut next) {
                fold_of[index as usize] = fold;
            }
        }
        fold_of
    }

    fn of_groups(self, strata: &[u32], groups: &BTreeMap<u32, Vec<u32>>) -> Vec<u32> {
        let totals: BTreeMap<u32, usize> =
            members(strata).into_iter().map(|(stratum, members)| (stratum, members.len())).collect();
        let names: Vec<u32> = groups.keys().copied().collect();
        let mut order = shuffled(self.seed, 4, &names);
        // The sort is stable: groups of one size stay in the seed's order.
        order.sort_by_key(|group| std::cmp::Reverse(groups[group].len()));
        let mut fold_of = vec![0; strata.len()];
        let mut folds = vec![(BTreeMap::<u32, usize>::new(), 0); self.count as usize];
        for group in order {
            let mut own = BTreeMap::<u32, usize>::new();
            groups[&group].iter().for_each(|&index| *own.entry(strata[index as usize]).or_default() += 1);
            // The growth of the sum of squares of the classes' shares. The sum is least when all folds have equal shares.
            let growth = |there: &BTreeMap<u32, usize>| -> f64 {
                let share = |(stratum, &count): (&u32, &usize)| {
                    let total = totals[stratum] as f64;
                    there.get(stratum).copied().unwrap_or(0) as f64 / total * (count as f64 / total)
                };
                own.iter().map(share).sum()
            };
            let place = |fold: &usize| (growth(&folds[*fold].0), folds[*fold].1);
            let least = (0..folds.len()).min_by(|one, other| {
                let ((one, samples), (other, others)) = (place(one), place(other));
                one.total_cmp(&other).then(samples.cmp(&others))
            });
            let fold = least.unwrap_or(0);
            for (stratum, count) in own {
                *folds[fold].0.entry(stratum).or_default() += count;
                folds[fold].1 += count;
            }
            groups[&group].iter().for_each(|&index| fold_of[index as usize] = fold as u32);
        }
        fold_of
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_says_count_and_seed() {
        assert_eq!("5".parse(), Ok(Folds { count: 5, seed: 0 }));
        let with_seed: Folds = "3,seed=7".parse().unwrap();
        assert_eq!((with_seed, with_seed.to_string().as_str()), (Folds { count: 3, seed: 7 }, "3,seed=7"));
        for text in ["0", "1", "-2", "2.5", "", "5,seed=x", "5,seeds=3"] {
            assert!(text.parse::<Folds>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let folds = Folds { count: 4, seed: 0 };
        assert_eq!(folds.of(&[0; 3], None), Err(FoldsError::Samples { samples: 3, folds: 4 }));
        assert_eq!(folds.of(&[0, 0, 0, 1, 1, 1], None), Err(FoldsError::Classes { largest: 3, folds: 4 }));
        assert_eq!(
            folds.of(&[0; 9], Some(&[0, 0, 0, 1, 1, 1, 2, 2, 2])),
            Err(FoldsError::Groups { groups: 3, folds: 4 })
        );
        assert!(folds.of(&[0, 0, 0, 0, 1], None).is_ok());
    }

    #[test]
    fn a_seed_decides_the_folds() {
        let of = |seed| Folds { count: 3, seed }.of(&[0; 60], None);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let groups: Vec<u32> = (0..60).map(|sample| sample / 5).collect();
        let of = |seed| Folds { count: 3, seed }.of(&[0; 60], Some(&groups));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn groups_are_shared_out_by_their_classes() {
        // Six people with ten samples each: three of them do one thing only, three another.
        let groups: Vec<u32> = (0..60).map(|sample| sample / 10).collect();
        let strata: Vec<u32> = groups.iter().map(|group| group % 2).collect();
        let folds = Folds { count: 3, seed: 0 }.of(&strata, Some(&groups)).unwrap();
        for fold in 0..3 {
            let count =
                |class| strata.iter().zip(&folds).filter(|&(&of, &in_fold)| (of, in_fold) == (class, fold)).count();
            assert_eq!([count(0), count(1)], [10, 10]);
        }
    }

    proptest! {
        #[test]
        fn folds_have_the_same_of_each_class(
            strata in proptest::collection::vec(0..4_u32, 2..80), count in 2..7_u32, seed: u64,
        ) {
            let Ok(folds) = Folds { count, seed }.of(&strata, None) else { return Ok(()) };
            prop_assert_eq!(folds.len(), strata.len());
            let spread = |counts: &[usize]| counts.iter().max().unwrap() - counts.iter().min().unwrap();
            let all: Vec<usize> = (0..count).map(|fold| folds.iter().filter(|&&own| own == fold).count()).collect();
            prop_assert!(spread(&all) <= 1 && !all.contains(&0), "{:?}", all);
            for members in members(&strata).values() {
                let of = |fold| members.iter().filter(|&&index| folds[index as usize] == fold).count();
                prop_assert!(spread(&(0..count).map(of).collect::<Vec<_>>()) <= 1);
            }
        }

        #[test]
        fn no_group_is_in_two_folds(groups in proptest::collection::vec(0..9_u32, 7..80), count in 2..7_u32, seed: u64) {
            let strata: Vec<u32> = (0..groups.len() as u32).map(|sample| sample % 2).collect();
            let Ok(folds) = Folds { count, seed }.of(&strata, Some(&groups)) else { return Ok(()) };
            for members in members(&groups).values() {
                prop_assert!(members.iter().all(|&index| folds[index as usize] == folds[members[0] as usize]));
            }
            prop_assert!((0..count).all(|fold| folds.contains(&fold)));
        }
    }
}
