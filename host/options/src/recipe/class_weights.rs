//! The weight of each class in the loss.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use super::{NonNegative, ValueError};

/// The weight of each class in the loss.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// In inverse proportion to the class's training samples: `n / (C · n_c)`, with n samples of C classes, n_c of this one.
    Balanced,
    /// The given weights, by label.
    List(Vec<NonNegative>),
}

const RULE: &str = "balanced, or a number from 0 for each class";

impl ClassWeights {
    /// Returns the weight of each class. `counts` has the number of training samples of each class.
    ///
    /// # Errors
    ///
    /// [`ValueError`] for a list of another length, and for a list in which all classes with samples have the weight 0.
    pub fn of(&self, counts: &[usize]) -> Result<Vec<f32>, ValueError> {
        let weights: Vec<f32> = match self {
            Self::Balanced => {
                let all: usize = counts.iter().sum();
                let weight = |&count: &usize| match count {
                    0 => 0.0,
                    count => (all as f64 / (counts.len() as f64 * count as f64)) as f32,
                };
                counts.iter().map(weight).collect()
            }
            Self::List(list) if list.len() != counts.len() => {
                let [given, classes] = [list.len(), counts.len()];
                return Err(ValueError(format!("there are {given} weights, but the data has {classes} classes")));
            }
            Self::List(list) => list.iter().map(|weight| weight.get() as f32).collect(),
        };
        match weights.iter().zip(counts).any(|(&weight, &count)| weight > 0.0 && weight.is_finite() && count > 0) {
            true => Ok(weights),
            false => Err(ValueError(
                "every class with training samples has the weight 0; at least one of them must have a weight above 0"
                    .into(),
            )),
        }
    }
}

impl FromStr for ClassWeights {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "balanced" {
            return Ok(Self::Balanced);
        }
        let list = text.split(',').map(|number| number.trim().parse()).collect::<Result<_, ValueError>>();
        list.map(Self::List).map_err(|_| ValueError(format!("must be {RULE}, such as 1,2.5")))
    }
}

impl fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balanced => f.write_str("balanced"),
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(NonNegative::to_string).collect();
                f.write_str(&list.join(","))
            }
        }
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = ClassWeights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(RULE)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClassWeights, E> {
                match text {
                    "balanced" => Ok(ClassWeights::Balanced),
                    _ => Err(E::custom(format!("must be {RULE}, not the text {text:?}"))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ClassWeights, A::Error> {
                let mut list = Vec::new();
                while let Some(weight) = seq.next_element()? {
                    list.push(weight);
                }
                Ok(ClassWeights::List(list))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_classes_count_alike() {
        let weights = ClassWeights::Balanced.of(&[10, 30, 0, 40]).unwrap();
        assert_eq!(weights, [2.0, 2.0 / 3.0, 0.0, 0.5]);
        assert_eq!(ClassWeights::Balanced.of(&[7, 7]), Ok(vec![1.0, 1.0]));
    }

    #[test]
    fn a_list_has_a_weight_for_each_class() {
        let list: ClassWeights = "1, 2.5,0".parse().unwrap();
        assert_eq!((list.of(&[1, 1, 1]), list.to_string().as_str()), (Ok(vec![1.0, 2.5, 0.0]), "1,2.5,0"));
        assert!(list.of(&[1, 1]).unwrap_err().to_string().contains("3 weights, but the data has 2 classes"));
        assert!(list.of(&[0, 0, 5]).unwrap_err().to_string().contains("must have a weight above 0"));
        for text in ["", "even", "1,-1", "1,nan"] {
            assert!(text.parse::<ClassWeights>().is_err(), "{text}");
        }
    }
}
