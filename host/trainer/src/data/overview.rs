//! An overview of data: parts, classes, features, and test samples that are also training samples.

use std::collections::HashMap;

use selvedge::shape::InputShape;

use super::{Dataset, Split, table::columns};
use crate::{
    picture::{Chart, Panel, Spread},
    preparation::Moments,
    task::Targets,
};

/// The largest number of panels of a chart.
const PANELS: usize = 24;
/// The number of bars of a histogram.
const BARS: usize = 32;

/// Figures of a data set.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The number of training and test samples of each class, or with each label. Empty if the targets are numbers.
    pub classes: Vec<[usize; 2]>,
    /// The moments of each target over the training samples. Empty if the targets are classes or labels.
    pub targets: Vec<Moments>,
    /// The moments of each feature over the training samples.
    pub moments: Vec<Moments>,
    /// The features that are the same in all training samples.
    pub constant: Vec<usize>,
    /// The number of test samples whose values are those of a training sample, bit by bit.
    pub repeated: usize,
    /// The number of these repeated samples whose target differs from the training sample's.
    pub contradicting: usize,
}

impl Overview {
    /// Computes the figures of a data set.
    pub fn of(data: &Dataset) -> Self {
        let mut classes = vec![[0; 2]; data.classes.count()];
        let mut targets = Vec::new();
        for (part, split) in [&data.train, &data.test].into_iter().enumerate() {
            match split.targets() {
                Targets::Classes(labels) => labels.iter().for_each(|&label| classes[usize::from(label)][part] += 1),
                Targets::Labels(rows) => (0..rows.len()).for_each(|row| {
                    classes.iter_mut().zip(rows.row(row)).for_each(|(counts, &label)| counts[part] += label as usize);
                }),
                Targets::Values(_) => classes.clear(),
            }
        }
        if let Targets::Values(rows) = data.train.targets() {
            targets = rows.moments();
        }
        let moments = data.train.moments();
        let is_constant = |(feature, moments): (usize, &Moments)| (moments.deviation == 0.0).then_some(feature);
        let constant = moments.iter().enumerate().filter_map(is_constant).collect();
        let known: HashMap<&[u8], usize> = data.train.samples().zip(0..).collect();
        let (mut repeated, mut contradicting) = (0, 0);
        for (index, sample) in data.test.samples().enumerate() {
            let Some(&known) = known.get(sample) else { continue };
            let target = |split: &Split, index: usize| split.targets().chosen(&[index as u32]);
            repeated += 1;
            contradicting += usize::from(target(&data.train, known) != target(&data.test, index));
        }
        Self { classes, targets, moments, constant, repeated, contradicting }
    }

    /// Returns a chart of the training samples by class: pictures as means, windows as curves, other features as histograms. Samples without
    /// classes are drawn as one group.
    pub fn chart(&self, data: &Dataset) -> Chart {
        let classes = match data.train.targets() {
            Targets::Values(_) => vec![("samples".into(), [data.train.len(), data.test.len()])],
            Targets::Classes(_) | Targets::Labels(_) => {
                data.classes.all().map(String::from).zip(self.classes.iter().copied()).collect()
            }
        };
        let groups = Groups::of(data);
        let means = Means::of(&data.train, &groups);
        let panels = match (data.input, columns::windowed(&data.feature_names)) {
            (InputShape::Image { channels, height, width }, _) => {
                let image = |class: usize| {
                    let values =
                        means.of_class(class).iter().map(|mean| mean.clamp(0.0, 255.0).round() as u8).collect();
                    Panel::Image { title: groups.names[class].clone(), size: (width, height), channels, values }
                };
                (0..groups.names.len()).take(PANELS).map(image).collect()
            }
            (_, Some((names, rows))) if rows > 1 => {
                let curves = |(column, name): (usize, &String)| {
                    let of = |class: usize| {
                        let points = (0..rows).map(|row| row * names.len() + column);
                        points.map(|feature| means.spread(class, feature)).collect()
                    };
                    Panel::Curves {
                        title: self.titled(data, name, column),
                        classes: (0..groups.names.len()).map(of).collect(),
                    }
                };
                names.iter().enumerate().take(PANELS).map(curves).collect()
            }
            _ => (0..self.moments.len()).take(PANELS).map(|feature| self.histogram(data, &groups, feature)).collect(),
        };
        Chart { classes, panels }
    }

    fn titled(&self, data: &Dataset, name: &str, feature: usize) -> String {
        let unit = data.units.get(feature).filter(|unit| *unit != columns::NO_UNIT);
        unit.map_or_else(|| name.into(), |unit| format!("{name} ({unit})"))
    }

    fn histogram(&self, data: &Dataset, groups: &Groups, feature: usize) -> Panel {
        let Moments { least, greatest, .. } = self.moments[feature];
        let width = f64::from(greatest) - f64::from(least);
        let mut counts = vec![[0_usize; BARS]; groups.names.len()];
        for (sample, &label) in data.train.samples().zip(&groups.of_samples) {
            let value = data.train.element().values(sample).nth(feature).unwrap_or(least);
            let place = (f64::from(value) - f64::from(least)) / width * BARS as f64;
            counts[usize::from(label)][(place.max(0.0) as usize).min(BARS - 1)] += 1;
        }
        let share = |counts: &[usize; BARS]| {
            let all = counts.iter().sum::<usize>().max(1) as f64;
            counts.iter().map(|&count| count as f64 / all).collect()
        };
        let title = self.titled(data, &data.feature_name(feature), feature);
        Panel::Histogram { title, low: least, high: greatest, classes: counts.iter().map(share).collect() }
    }
}

/// The training samples that are drawn together: those of a class, or all.
struct Groups {
    names: Vec<String>,
    /// The group of each sample.
    of_samples: Vec<u16>,
}

impl Groups {
    fn of(data: &Dataset) -> Self {
        match data.train.targets() {
            Targets::Classes(labels) => {
                Self { names: data.classes.all().map(String::from).collect(), of_samples: labels.clone() }
            }
            Targets::Labels(_) | Targets::Values(_) => {
                Self { names: vec!["all samples".into()], of_samples: vec![0; data.train.len()] }
            }
        }
    }
}

/// The mean and deviation of each feature in each group.
struct Means {
    features: usize,
    counts: Vec<usize>,
    sums: Vec<[f64; 2]>,
}

impl Means {
    fn of(split: &Split, groups: &Groups) -> Self {
        let (features, classes) = (split.features(), groups.names.len());
        let mut means = Self { features, counts: vec![0; classes], sums: vec![[0.0; 2]; classes * features] };
        for (sample, &label) in split.samples().zip(&groups.of_samples) {
            let class = usize::from(label);
            means.counts[class] += 1;
            let own = &mut means.sums[class * features..][..features];
            for (sums, value) in own.iter_mut().zip(split.element().values(sample)) {
                let value = f64::from(value);
                *sums = [sums[0] + value, sums[1] + value * value];
            }
        }
        means
    }

    fn spread(&self, class: usize, feature: usize) -> Spread {
        let [sum, squares] = self.sums[class * self.features + feature];
        let count = self.counts[class].max(1) as f64;
        let mean = sum / count;
        Spread { mean, deviation: (squares / count - mean * mean).max(0.0).sqrt() }
    }

    fn of_class(&self, class: usize) -> Vec<f64> {
        (0..self.features).map(|feature| self.spread(class, feature).mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::Classes;

    #[test]
    fn parts_and_repeated_samples_are_counted() {
        let train = Split::new(2, vec![1, 5, 2, 5, 3, 5, 4, 5], vec![0, 0, 1, 1]);
        let test = Split::new(2, vec![1, 5, 2, 5, 9, 5], vec![0, 1, 1]);
        let mut data = Dataset::new("pairs", InputShape::Features(2), Classes::numbered(2), [train, test]);
        data.feature_names = vec!["a".into(), "b".into()];
        let overview = Overview::of(&data);
        assert_eq!(overview.classes, [[2, 1], [2, 2]]);
        assert_eq!((overview.repeated, overview.contradicting, &overview.constant[..]), (2, 1, &[1][..]));
        let chart = overview.chart(&data);
        let Panel::Histogram { title, low, high, classes } = &chart.panels[0] else { panic!("{chart:?}") };
        assert_eq!((title.as_str(), *low, *high), ("a", 1.0, 4.0));
        assert!(classes.iter().all(|shares| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        assert_eq!(classes[0][0], 0.5);
        data.feature_names = vec!["a[0]".into(), "a[1]".into()];
        let Panel::Curves { classes, .. } = &overview.chart(&data).panels[0] else { panic!() };
        assert_eq!(classes[1].iter().map(|spread| spread.mean).collect::<Vec<_>>(), [3.5, 5.0]);
        assert_eq!(classes[1][0].deviation, 0.5);
        data.input = InputShape::Image { channels: 1, height: 1, width: 2 };
        let Panel::Image { values, .. } = &overview.chart(&data).panels[1] else { panic!() };
        assert_eq!(values, &[4, 5]);
    }
}
