//! A curve of any length in bounded memory.

/// The largest number of points of a curve: more than a wide terminal has dots in a row.
const MOST: usize = 1024;

/// Points, each the mean of the same number of consecutive values. If there are more than [`MOST`], each two neighbours become one point, their mean.
#[derive(Clone, Debug)]
pub struct Curve {
    points: Vec<(f64, f64)>,
    /// The number of values in a point.
    every: usize,
    /// The sums of the last point, which is not whole, and the number of values in it.
    sum: (f64, f64),
    count: usize,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::with_capacity(MOST), every: 1, sum: (0.0, 0.0), count: 0 }
    }
}

impl Curve {
    /// Adds a value at a place after the last one.
    pub fn push(&mut self, x: f64, y: f64) {
        self.sum = (self.sum.0 + x, self.sum.1 + y);
        self.count += 1;
        if self.count < self.every {
            return;
        }
        if self.points.len() == MOST {
            let mean = |pair: &[(f64, f64)]| ((pair[0].0 + pair[1].0) / 2.0, (pair[0].1 + pair[1].1) / 2.0);
            self.points = self.points.chunks_exact(2).map(mean).collect();
            self.every *= 2;
            // The point that is whole now is the first half of the next.
            return;
        }
        let count = self.count as f64;
        self.points.push((self.sum.0 / count, self.sum.1 / count));
        (self.sum, self.count) = ((0.0, 0.0), 0);
    }

    /// Returns the points of the curve, from left to right.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_the_means_of_its_parts() {
        let mut curve = Curve::default();
        for x in 0..10_000 {
            curve.push(f64::from(x), f64::from(2 * x));
        }
        let points = curve.points();
        assert_eq!(points.len(), 10_000 / 16);
        assert_eq!(points[0], (7.5, 15.0));
        assert!(points.windows(2).all(|pair| pair[1].0 - pair[0].0 == 16.0));
        assert!(points.iter().all(|point| point.1 == 2.0 * point.0));
    }

    #[test]
    fn a_short_curve_is_its_values() {
        let mut curve = Curve::default();
        (0..MOST).for_each(|x| curve.push(x as f64, 1.0));
        assert_eq!(curve.points().len(), MOST);
        curve.push(MOST as f64, 1.0);
        assert_eq!(curve.points().len(), MOST / 2);
    }
}
