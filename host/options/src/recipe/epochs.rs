//! Passes over the training samples.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use super::{Count, ValueError};

/// The length of a run in passes over the training samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Epochs {
    /// The given number.
    Count(Count),
    /// The run takes about as many steps as the recipe takes on 60,000 samples, in whole epochs. Fashion-MNIST, for which the built-in recipes were
    /// made, has 60,000 training samples. The value is the recipe's number of epochs. `None` stands for 5.
    Auto(Option<Count>),
}

/// The number of training samples of Fashion-MNIST, for which the built-in recipes were made.
const SAMPLES: u64 = 60_000;
/// The number of epochs of PyTorch's quickstart.
pub(super) const DEFAULT: u32 = 5;
const RULE: &str = "a whole number from 1 to 4294967295, or auto";

impl Epochs {
    /// Returns the number, or for `auto` the number of the recipe.
    pub(super) fn get(self) -> u32 {
        match self {
            Self::Count(count) | Self::Auto(Some(count)) => count.get(),
            Self::Auto(None) => DEFAULT,
        }
    }

    /// Returns the number of epochs for this number of training samples and this number of samples in a step.
    pub(super) fn of(self, samples: usize, in_step: usize) -> u32 {
        match self {
            Self::Count(count) => count.get(),
            Self::Auto(_) => {
                let in_step = in_step.max(1) as u64;
                let steps = u64::from(self.get()) * SAMPLES.div_ceil(in_step);
                let epochs = steps.div_ceil((samples as u64).div_ceil(in_step).max(1));
                u32::try_from(epochs.max(1)).unwrap_or(u32::MAX)
            }
        }
    }
}

impl FromStr for Epochs {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "auto" => Ok(Self::Auto(None)),
            _ => text.parse().map(Self::Count).map_err(|_| ValueError(format!("must be {RULE}"))),
        }
    }
}

impl fmt::Display for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Auto(_) => f.write_str("auto"),
        }
    }
}

impl Serialize for Epochs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => count.serialize(serializer),
            Self::Auto(_) => serializer.serialize_str("auto"),
        }
    }
}

impl<'de> Deserialize<'de> for Epochs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Epochs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(RULE)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Epochs, E> {
                Count::try_from(i128::from(number))
                    .map(Epochs::Count)
                    .map_err(|_| E::custom(format!("must be {RULE}, not {number}")))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Epochs, E> {
                match text {
                    "auto" => Ok(Epochs::Auto(None)),
                    _ => Err(E::custom(format!("must be {RULE}, not the text {text:?}"))),
                }
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_the_recipes_steps() {
        let auto = Epochs::Auto(Some("15".parse().unwrap()));
        assert_eq!(auto.of(60_000, 64), 15);
        // 938 steps an epoch there, 25 here.
        assert_eq!(auto.of(1_600, 64), (15_u32 * 938).div_ceil(25));
        assert_eq!(auto.of(6_000_000, 64), 1);
        assert_eq!(Epochs::Auto(None).of(60_000, 7), 5);
        assert_eq!("9".parse::<Epochs>().unwrap().of(1, 64), 9);
        assert!("0".parse::<Epochs>().is_err() && "automatic".parse::<Epochs>().is_err());
    }
}
