//! Values that are text: `NAME,KEY=VALUE,…`.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use selvedge::augment::Augmentation;
use serde::{Deserialize, Serialize};

use super::value::{Fraction, NonNegative, Part, Positive, ValueError};
use crate::training::EpochSchedule;

/// The schedule of the learning rate, without the warm-up, which is a separate key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScheduleText(pub(super) EpochSchedule);

/// The random changes of training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AugmentText(pub(super) Augmentation);

impl FromStr for ScheduleText {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (name, rest) = text.split_once(',').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let mut words = Words::new(rest)?;
        let schedule = match name.trim() {
            "constant" => EpochSchedule::Constant,
            "step" => EpochSchedule::Step {
                epochs: words
                    .value::<Positive>("epochs")?
                    .ok_or_else(|| ValueError("step needs its epochs, such as step,epochs=10".into()))?
                    .get(),
                gamma: words.value::<NonNegative>("gamma")?.map_or(0.1, NonNegative::get),
            },
            "cosine" => EpochSchedule::Cosine {
                warm_up: 0.0,
                final_fraction: words.value::<Part>("final")?.map_or(0.0, Part::get),
            },
            "one-cycle" => EpochSchedule::OneCycle {
                pct_start: words.value::<Fraction>("pct-start")?.map_or(0.3, Fraction::get),
                div_factor: words.value::<Positive>("div")?.map_or(25.0, Positive::get),
                final_div_factor: words.value::<Positive>("final-div")?.map_or(1e4, Positive::get),
            },
            name => {
                return Err(ValueError(format!(
                    "there is no schedule '{name}'; take constant, step, cosine or one-cycle"
                )));
            }
        };
        words.end(name.trim())?;
        Ok(Self(schedule))
    }
}

impl Display for ScheduleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            EpochSchedule::Constant => f.write_str("constant"),
            EpochSchedule::Step { epochs, gamma } => write!(f, "step,epochs={epochs},gamma={gamma}"),
            EpochSchedule::Cosine { final_fraction, .. } => write!(f, "cosine,final={final_fraction}"),
            EpochSchedule::OneCycle { pct_start, div_factor, final_div_factor } => {
                write!(f, "one-cycle,pct-start={pct_start},div={div_factor},final-div={final_div_factor}")
            }
        }
    }
}

impl FromStr for AugmentText {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.trim() == "none" {
            return Ok(Self(Augmentation::default()));
        }
        let mut words = Words::new(Some(text))?;
        let augmentation =
            Augmentation { flip: words.flag("flip")?, shift: words.pixels("shift")?, erase: words.pixels("erase")? };
        let choices = "write flip, shift=PIXELS and erase=PIXELS, separated by commas, or only the word none";
        words.end("augmentation").map_err(|ValueError(error)| ValueError(format!("{error}; {choices}")))?;
        Ok(Self(augmentation))
    }
}

impl Display for AugmentText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Augmentation { flip, shift, erase } = self.0;
        let words = [
            flip.then(|| "flip".into()),
            (shift > 0).then(|| format!("shift={shift}")),
            (erase > 0).then(|| format!("erase={erase}")),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        if words.is_empty() { f.write_str("none") } else { f.write_str(&words.join(",")) }
    }
}

/// The type by which serde reads and writes them.
macro_rules! string {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

string!(ScheduleText, AugmentText);

/// `KEY` and `KEY=VALUE` between commas, each taken once.
struct Words<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Words<'a> {
    fn new(text: Option<&'a str>) -> Result<Self, ValueError> {
        let words = text.into_iter().flat_map(|text| text.split(',')).map(|word| match word.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (word.trim(), None),
        });
        let words: Vec<_> = words.collect();
        match words.iter().enumerate().find(|(place, (key, _))| words[..*place].iter().any(|(other, _)| other == key)) {
            Some((_, (key, _))) => Err(ValueError(format!("{key} is there twice"))),
            None => Ok(Self(words)),
        }
    }

    fn take(&mut self, key: &str) -> Option<Option<&'a str>> {
        let place = self.0.iter().position(|(there, _)| *there == key)?;
        Some(self.0.swap_remove(place).1)
    }

    fn value<T: FromStr<Err: Display>>(&mut self, key: &str) -> Result<Option<T>, ValueError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let value = value.ok_or_else(|| ValueError(format!("{key} needs a value: {key}=…")))?;
        value.parse().map(Some).map_err(|error| ValueError(format!("{key}={value}: {error}")))
    }

    fn flag(&mut self, key: &str) -> Result<bool, ValueError> {
        match self.take(key) {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(_)) => Err(ValueError(format!("{key} takes no value"))),
        }
    }

    fn pixels(&mut self, key: &str) -> Result<u8, ValueError> {
        let pixels = self.value::<u8>(key).map(Option::unwrap_or_default);
        pixels.map_err(|_| ValueError(format!("{key} must be {key}=0 to {key}={}", u8::MAX)))
    }

    /// Whatever is left belongs to nothing.
    fn end(self, of: &str) -> Result<(), ValueError> {
        match self.0.first() {
            Some((key, _)) => Err(ValueError(format!("{of} has no '{key}'"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_the_defaults_of_pytorch() {
        let schedule = |text: &str| text.parse::<ScheduleText>().unwrap().0;
        assert_eq!(schedule("constant"), EpochSchedule::Constant);
        assert_eq!(schedule("step,epochs=10"), EpochSchedule::Step { epochs: 10.0, gamma: 0.1 });
        assert_eq!(schedule("step, gamma = 0.5, epochs = 1.5"), EpochSchedule::Step { epochs: 1.5, gamma: 0.5 });
        assert_eq!(schedule("cosine"), EpochSchedule::Cosine { warm_up: 0.0, final_fraction: 0.0 });
        assert_eq!(schedule("cosine,final=0.1"), EpochSchedule::Cosine { warm_up: 0.0, final_fraction: 0.1 });
        let [pct_start, div_factor, final_div_factor] = [0.3, 25.0, 1e4];
        assert_eq!(schedule("one-cycle"), EpochSchedule::OneCycle { pct_start, div_factor, final_div_factor });
        assert_eq!(
            schedule("one-cycle,pct-start=0.1,div=10,final-div=100"),
            EpochSchedule::OneCycle { pct_start: 0.1, div_factor: 10.0, final_div_factor: 100.0 }
        );
    }

    #[test]
    fn augmentations_are_words() {
        let augmentation = |text: &str| text.parse::<AugmentText>().unwrap();
        assert_eq!(augmentation("none").0, Augmentation::default());
        assert_eq!(augmentation("flip,shift=1,erase=8").0, Augmentation { flip: true, shift: 1, erase: 8 });
        assert_eq!(augmentation("erase=28").0, Augmentation { erase: 28, ..Augmentation::default() });
        assert_eq!(augmentation("none").to_string(), "none");
        assert_eq!(augmentation("erase=8,flip").to_string(), "flip,erase=8");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expected) in [
            ("", "no schedule ''; take constant, step, cosine or one-cycle"),
            ("linear", "no schedule 'linear'"),
            ("constant,final=1", "constant has no 'final'"),
            ("step", "step needs its epochs"),
            ("step,epochs=0", "epochs=0: must be a number above 0"),
            ("step,epochs", "epochs needs a value"),
            ("cosine,final=2", "final=2: must be a number from 0 to 1"),
            ("cosine,final=0,final=1", "final is there twice"),
            ("one-cycle,pct-start=1", "pct-start=1: must be a number from 0 to below 1"),
            ("one-cycle,", "one-cycle has no ''"),
        ] {
            let error = text.parse::<ScheduleText>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        for (text, expected) in [
            ("", "augmentation has no ''"),
            ("flop", "augmentation has no 'flop'"),
            ("flip=1", "flip takes no value"),
            ("shift=256", "shift=0 to shift=255"),
            ("shift", "shift=0 to shift=255"),
            ("erase=-1", "erase=0 to erase=255"),
            ("none,flip", "augmentation has no 'none'"),
        ] {
            let error = text.parse::<AugmentText>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
