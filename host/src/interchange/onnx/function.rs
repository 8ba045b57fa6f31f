//! Functions of single numbers. They are recognised by their values at some places, because exporters write one activation as several
//! operators, and its values are the same for all of these.

use std::sync::LazyLock;

use selvedge::activation::LeakyRelu;

/// A function, given by its values at the [`PLACES`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Function(Vec<f64>);

/// An activation, or a scaling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named {
    Identity,
    /// Multiplies by this factor.
    Scale(f64),
    Relu,
    Tanh,
    Sigmoid,
    LeakyRelu,
    /// GELU by the hyperbolic tangent.
    Gelu,
    /// GELU by the error function.
    ExactGelu,
}

/// The places: 0, and numbers from tiny to huge on both sides. Most lie where activations bend.
static PLACES: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let near = (-80..=80).map(|n| f64::from(n) / 8.0);
    let far = (-12..=24).flat_map(|n| [2_f64.powi(n) * 1.1, -(2_f64.powi(n)) * 1.1]);
    near.chain(far).collect()
});

/// The tolerance. An error function is computed to 1.5e-7, and constants are float32.
const TOLERANCE: f64 = 2e-6;

impl Function {
    pub(super) fn identity() -> Self {
        Self(PLACES.clone())
    }

    pub(super) fn is_identity(&self) -> bool {
        self.0 == *PLACES
    }

    /// Returns this function followed by another.
    pub(super) fn then(&self, after: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().map(|&value| after(value)).collect())
    }

    /// Returns a function that combines two functions of the same number.
    pub(super) fn with(&self, other: &Self, together: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(&a, &b)| together(a, b)).collect())
    }

    /// Returns the activation with these values.
    pub(super) fn named(&self) -> Option<Named> {
        if self.is_identity() {
            return Some(Named::Identity);
        }
        let all = [Named::Relu, Named::Tanh, Named::Sigmoid, Named::LeakyRelu, Named::Gelu, Named::ExactGelu];
        let one = PLACES.iter().position(|&place| place == 1.0).and_then(|one| self.0.get(one));
        let scale = one.filter(|scale| scale.is_finite()).map(|&scale| Named::Scale(scale));
        all.into_iter().chain(scale).find(|named| {
            self.0.iter().zip(&*PLACES).all(|(&value, &place)| {
                let expected = named.at(place);
                (value - expected).abs() <= TOLERANCE * (1.0 + expected.abs())
            })
        })
    }
}

impl Named {
    pub(super) fn at(self, x: f64) -> f64 {
        match self {
            Self::Identity => x,
            Self::Scale(scale) => scale * x,
            Self::Relu => x.max(0.0),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::LeakyRelu => x.max(f64::from(LeakyRelu::SLOPE) * x),
            Self::Gelu => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            Self::ExactGelu => 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        }
    }
}

/// Returns the error function, to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
pub(super) fn erf(x: f64) -> f64 {
    const TERMS: [f64; 5] = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let sum = TERMS.iter().fold(0.0, |sum, term| (sum + term) * t);
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_known_however_they_are_written() {
        let x = Function::identity();
        assert_eq!(x.named(), Some(Named::Identity));
        assert_eq!(x.then(|x| x * 0.5).named(), Some(Named::Scale(0.5)));
        assert_eq!(x.then(|x| x.clamp(0.0, f64::MAX)).named(), Some(Named::Relu));
        assert_eq!(x.then(|x| (2.0 * x).exp()).then(|e| 1.0 - 2.0 / (e + 1.0)).named(), Some(Named::Tanh));
        assert_eq!(x.then(|x| 1.0 / (1.0 + (-x).exp())).named(), Some(Named::Sigmoid));
        assert_eq!(x.then(|x| 0.5 + 0.5 * (0.5 * x).tanh()).named(), Some(Named::Sigmoid));
        assert_eq!(x.then(|x| x.max(f64::from(0.01_f32) * x)).named(), Some(Named::LeakyRelu));
        let erf = x.then(|x| erf(x / f64::from(std::f32::consts::SQRT_2)) + 1.0);
        assert_eq!(x.with(&erf, |x, y| x * y * 0.5).named(), Some(Named::ExactGelu));
        let tanh = x.then(|x| (f64::from(0.797_884_6_f32) * (x + f64::from(0.044_715_f32) * x.powf(3.0))).tanh() + 1.0);
        assert_eq!(x.with(&tanh, |x, y| x * y * 0.5).named(), Some(Named::Gelu));
    }

    #[test]
    fn what_is_only_near_an_activation_is_none() {
        let x = Function::identity();
        for other in [
            x.then(|x| x.clamp(0.0, 6.0)),
            x.then(|x| x.clamp(0.0, 1e6)),
            x.then(|x| x.max(0.011 * x)),
            x.then(|x| x.max(0.2 * x)),
            x.then(|x| x / (1.0 + (-x).exp())),
            x.then(|x| x / (1.0 + (-1.702 * x).exp())),
            x.then(|x| x + 1.0),
            x.then(|x| (x / 6.0 + 0.5).clamp(0.0, 1.0)),
            x.then(|x| if x > 0.0 { x } else { x.exp() - 1.0 }),
            x.then(|_| f64::NAN),
        ] {
            assert_eq!(other.named(), None);
        }
    }
}
