//! A classification's answers.

/// The largest number of classes for which a table shows every pair.
pub const MAX_CONFUSION: usize = 64;

/// Each sample's class, and the class that a network gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassAnswers {
    /// The number of the network's outputs.
    classes: usize,
    /// Each sample's label and predicted class.
    answers: Vec<[u16; 2]>,
}

/// One class's precision, recall and F1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerClass {
    /// The fraction of the samples predicted as this class that have it. `None` if no sample was predicted as this class.
    pub precision: Option<f64>,
    /// The fraction of the class's samples that were predicted as it. `None` if the class has no samples.
    pub recall: Option<f64>,
    /// `2 · found / (taken + there)`: `there` samples have the class, `taken` were predicted as it, and `found` are both. `None` if no sample
    /// has the class or was predicted as it.
    pub f1: Option<f64>,
}

impl ClassAnswers {
    /// Returns the answers from each sample's label and predicted class.
    pub fn new(classes: usize, labels: &[u16], predicted: &[u16]) -> Self {
        let answers = labels.iter().zip(predicted).map(|(&label, &class)| [label, class]).collect();
        Self { classes, answers }
    }

    /// Returns the number of samples.
    pub fn total(&self) -> usize {
        self.answers.len()
    }

    /// Returns the number of samples whose class was found.
    pub fn right(&self) -> usize {
        self.answers.iter().filter(|[label, class]| label == class).count()
    }

    /// Returns the fraction of the samples whose class was found, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.right() as f64 / self.total() as f64
    }

    /// Returns the mean recall of the classes that have samples, 0 to 1.
    pub fn balanced_accuracy(&self) -> f64 {
        mean(self.per_class().iter().filter_map(|class| class.recall)).unwrap_or(0.0)
    }

    /// Returns the mean F1 of the classes that have one, 0 to 1.
    pub fn f1(&self) -> f64 {
        mean(self.per_class().iter().filter_map(|class| class.f1)).unwrap_or(0.0)
    }

    /// Returns each class's precision, recall and F1.
    pub fn per_class(&self) -> Vec<PerClass> {
        let mut counts = vec![[0_usize; 3]; self.classes];
        for &[label, class] in &self.answers {
            counts[usize::from(class)][0] += 1;
            counts[usize::from(label)][1] += 1;
            counts[usize::from(label)][2] += usize::from(label == class);
        }
        let of_class = |[taken, there, found]: [usize; 3]| PerClass {
            precision: part(found, taken),
            recall: part(found, there),
            f1: part(2 * found, taken + there),
        };
        counts.into_iter().map(of_class).collect()
    }

    /// Returns the confusion matrix: for each pair of classes, the samples of the first class that were predicted as the second. `None` for more
    /// than 64 classes.
    pub fn confusion(&self) -> Option<Vec<Vec<u32>>> {
        (self.classes <= MAX_CONFUSION).then(|| {
            let mut counts = vec![vec![0; self.classes]; self.classes];
            self.answers.iter().for_each(|&[label, class]| counts[usize::from(label)][usize::from(class)] += 1);
            counts
        })
    }
}

/// Returns `found / all`, or `None` if `all` is 0.
pub fn part(found: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| found as f64 / all as f64)
}

/// Returns the mean of the values, or `None` if there are none.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_answers_say() {
        let (labels, classes) = ([0, 0, 0, 0, 2, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1, 1]);
        let answers = ClassAnswers::new(3, &labels, &classes);
        assert_eq!((answers.total(), answers.right(), answers.accuracy()), (8, 3, 0.375));
        let of_class = |precision, recall, f1| PerClass { precision, recall, f1 };
        let first = of_class(Some(1.0), Some(0.75), Some(6.0 / 7.0));
        let others = [of_class(Some(0.0), None, Some(0.0)), of_class(None, Some(0.0), Some(0.0))];
        assert_eq!(answers.per_class(), [first, others[0], others[1]]);
        assert_eq!((answers.balanced_accuracy(), answers.f1()), (0.375, 6.0 / 7.0 / 3.0));
        assert_eq!(answers.confusion(), Some(vec![vec![3, 1, 0], vec![0, 0, 0], vec![0, 4, 0]]));
        assert_eq!(ClassAnswers::new(MAX_CONFUSION + 1, &labels, &classes).confusion(), None);
    }
}
