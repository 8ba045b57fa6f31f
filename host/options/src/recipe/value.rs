//! Numbers in a range, with the same check on the command line and in a file.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Unexpected, Visitor},
};

use super::RecipeError;

/// A value is out of its range. The message says what the value must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(super) String);

/// A number type for a number of a file: an integer type or a floating-point type.
trait Read: Sized {
    fn of_whole(number: i128) -> Self;
    fn of_real(number: f64) -> Option<Self>;
}

impl Read for i128 {
    fn of_whole(number: i128) -> Self {
        number
    }

    fn of_real(_: f64) -> Option<Self> {
        None
    }
}

impl Read for f64 {
    fn of_whole(number: i128) -> Self {
        number as Self
    }

    fn of_real(number: f64) -> Option<Self> {
        Some(number)
    }
}

/// Reads a number of a file. The error says what the number must be.
struct NumberVisitor<R, T> {
    rule: &'static str,
    checked: fn(R) -> Result<T, ValueError>,
}

impl<R: Read, T> NumberVisitor<R, T> {
    fn whole<E: de::Error>(&self, number: i128) -> Result<T, E> {
        (self.checked)(R::of_whole(number)).map_err(|error| E::custom(format!("{error}, not {number}")))
    }
}

impl<R: Read, T> Visitor<'_> for NumberVisitor<R, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.whole(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.whole(number.into())
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<T, E> {
        self.whole(number)
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<T, E> {
        self.whole(number.try_into().unwrap_or(i128::MAX))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        let read = R::of_real(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))?;
        (self.checked)(read).map_err(|error| E::custom(format!("{error}, not {number}")))
    }
}

/// A number's type: how it is read, which values it has, and what it must be.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $read_type:ty, $rule:literal, $checked:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
        pub struct $name($inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let checked: fn($read_type) -> _ = Self::try_from;
                deserializer.deserialize_any(NumberVisitor { rule: $rule, checked })
            }
        }

        impl $name {
            /// Returns the number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<$read_type> for $name {
            type Error = ValueError;

            fn try_from(number: $read_type) -> Result<Self, ValueError> {
                let checked: fn($read_type) -> Option<$inner> = $checked;
                checked(number).map(Self).ok_or_else(|| ValueError(concat!("must be ", $rule).into()))
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let number: Result<$read_type, _> = text.parse();
                number.map_err(|_| ValueError(concat!("must be ", $rule).into()))?.try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A number of things, at least 1.
    Count(u32), i128, "a whole number from 1 to 4294967295", |n| u32::try_from(n).ok().filter(|&n| n > 0)
}
number! {
    /// A number of things, at least 0.
    Number(u32), i128, "a whole number from 0 to 4294967295", |n| n.try_into().ok()
}
number! {
    /// A number of steps.
    Steps(u64), i128, "a whole number from 1", |n| u64::try_from(n).ok().filter(|&n| n > 0)
}
number! {
    /// A seed.
    Seed(u64), i128, "a whole number from 0 to 18446744073709551615", |n| n.try_into().ok()
}
// Training computes in `f32`: a number must keep to its range there too.
number! {
    /// A rate, a factor or a length.
    NonNegative(f64), f64, "a number from 0", |x| (0.0..=f64::from(f32::MAX)).contains(&x).then_some(x)
}
number! {
    /// A divisor, above 0.
    Positive(f64), f64, "a number above 0",
    |x| (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&x).then_some(x)
}
number! {
    /// A fraction from 0 to below 1.
    Fraction(f64), f64, "a number from 0 to below 1", |x| (x >= 0.0 && (x as f32) < 1.0).then_some(x)
}
number! {
    /// A fraction from 0 to 1.
    Part(f64), f64, "a number from 0 to 1", |x| (0.0..=1.0).contains(&x).then_some(x)
}

/// Adam's β₁ and β₂: `0.9,0.999`, in a file `[0.9, 0.999]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Betas(pub(super) [Fraction; 2]);

impl Betas {
    /// Returns the numbers.
    pub fn get(self) -> [f64; 2] {
        self.0.map(Fraction::get)
    }
}

impl FromStr for Betas {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let beta = |text: &str| text.trim().parse().ok();
        let betas = text.split_once(',').and_then(|(first, second)| Some([beta(first)?, beta(second)?]));
        betas.map(Self).ok_or_else(|| ValueError("must be two numbers from 0 to below 1, such as 0.9,0.999".into()))
    }
}

const VAL_SPLIT: &str = "a part of the samples from 0 to below 1, or a whole number of them";

/// The training samples that are held out for validation: a fraction of them, or a number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValSplit {
    /// A fraction, below 1.
    Part(f64),
    /// A number of samples.
    Count(u32),
}

impl ValSplit {
    /// Returns true if samples are held out.
    pub fn is_some(self) -> bool {
        !matches!(self, Self::Part(0.0) | Self::Count(0))
    }

    /// Returns the number of validation samples for this number of training samples.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Senseless`] if no sample is left for the training or for the validation.
    pub fn count(self, samples: usize) -> Result<usize, RecipeError> {
        let count = match self {
            Self::Part(part) => (part * samples as f64).round() as usize,
            Self::Count(count) => count as usize,
        };
        let reason = match count {
            0 if self.is_some() => format!("{self} of {samples} training samples is none; take more, or 0"),
            _ if count >= samples => format!("{self} of {samples} training samples leaves none to train on; take less"),
            _ => return Ok(count),
        };
        Err(RecipeError::Senseless { option: "val-split", reason })
    }
}

impl TryFrom<f64> for ValSplit {
    type Error = ValueError;

    fn try_from(number: f64) -> Result<Self, ValueError> {
        if (0.0..1.0).contains(&number) {
            Ok(Self::Part(number))
        } else if (1.0..=f64::from(u32::MAX)).contains(&number) && number.fract() == 0.0 {
            Ok(Self::Count(number as u32))
        } else {
            Err(ValueError(format!("must be {VAL_SPLIT}")))
        }
    }
}

impl<'de> Deserialize<'de> for ValSplit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let checked: fn(f64) -> _ = Self::try_from;
        deserializer.deserialize_any(NumberVisitor { rule: VAL_SPLIT, checked })
    }
}

impl FromStr for ValSplit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().unwrap_or(f64::NAN).try_into()
    }
}

impl Serialize for ValSplit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Part(part) => part.serialize(serializer),
            Self::Count(count) => count.serialize(serializer),
        }
    }
}

impl fmt::Display for ValSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => part.fmt(f),
            Self::Count(count) => count.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted<T: FromStr>(texts: &[&str]) -> Vec<bool> {
        texts.iter().map(|text| text.parse::<T>().is_ok()).collect()
    }

    #[test]
    fn numbers_keep_to_their_ranges() {
        assert_eq!(
            accepted::<Count>(&["1", "4294967295", "0", "-1", "4294967296", "1.5", "x"]),
            [true, true, false, false, false, false, false]
        );
        assert_eq!(accepted::<Number>(&["0", "-1"]), [true, false]);
        assert_eq!(accepted::<Steps>(&["1", "0"]), [true, false]);
        assert_eq!(accepted::<Seed>(&["0", "18446744073709551615", "18446744073709551616"]), [true, true, false]);
        assert_eq!(
            accepted::<NonNegative>(&["0", "3e38", "4e38", "-1", "nan", "inf"]),
            [true, true, false, false, false, false]
        );
        assert_eq!(accepted::<Positive>(&["1e-9", "0", "1e-50", "inf"]), [true, false, false, false]);
        assert_eq!(
            accepted::<Fraction>(&["0", "0.999", "1", "0.99999999999", "nan"]),
            [true, true, false, false, false]
        );
        assert_eq!(accepted::<Part>(&["0", "1", "1.1"]), [true, true, false]);
        assert_eq!(
            accepted::<Betas>(&["0.9,0.999", "0.9, 0", "0.9", "0.9,1", "1,2,3"]),
            [true, true, false, false, false]
        );
        assert_eq!("0".parse::<Count>().unwrap_err().to_string(), "must be a whole number from 1 to 4294967295");
    }

    #[test]
    fn validation_images_are_a_part_or_a_number() {
        let count = |text: &str| text.parse::<ValSplit>().unwrap().count(100);
        for (text, expected) in [("0", 0), ("0.1", 10), ("0.999", 100), ("1", 1), ("99", 99)] {
            match count(text) {
                Ok(count) => assert_eq!(count, expected),
                Err(error) => assert!(expected == 100 && error.to_string().contains("leaves none"), "{error}"),
            }
        }
        assert!(count("100").unwrap_err().to_string().starts_with("val-split: 100 of 100"));
        assert!(count("0.001").unwrap_err().to_string().contains("is none"));
        assert_eq!(accepted::<ValSplit>(&["1.5", "-0.1", "nan", "5e9"]), [false; 4]);
    }
}
