//! The result of a trial.

use options::space::Trial;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A trial that ended: a line of the search's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct Finished {
    /// The trial's number, from 1.
    pub number: u32,
    /// The trial's values.
    pub values: Map<String, Value>,
    /// The trial's result.
    pub outcome: Outcome,
    /// The trial's duration.
    pub seconds: f64,
}

/// A trial's score or its error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Fields")]
pub enum Outcome {
    /// The trial has figures on the validation samples.
    Score {
        /// The score's name.
        name: String,
        /// The score: the greater, the better.
        score: f64,
        /// The sample standard deviation over folds, where there are some.
        deviation: Option<f64>,
        /// The mean loss.
        loss: f64,
    },
    /// The trial ended with an error.
    Failed {
        /// The message.
        error: String,
    },
}

/// A line as it is written.
#[derive(Clone, Serialize, Deserialize)]
struct Line {
    trial: u32,
    values: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deviation: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    seconds: f64,
}

/// The fields of an outcome, which a trial's process prints.
#[derive(Deserialize)]
struct Fields {
    name: Option<String>,
    score: Option<f64>,
    deviation: Option<f64>,
    loss: Option<f64>,
    error: Option<String>,
}

impl TryFrom<Fields> for Outcome {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match fields {
            Fields { name: Some(name), score: Some(score), deviation, loss: Some(loss), error: None } => {
                Ok(Self::Score { name, score, deviation, loss })
            }
            Fields { name: None, score: None, deviation: None, loss: None, error: Some(error) } => {
                Ok(Self::Failed { error })
            }
            _ => Err("neither a score nor an error"),
        }
    }
}

impl TryFrom<Line> for Finished {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        let Line { trial: number, values, name, score, deviation, loss, error, seconds } = line;
        let outcome = Fields { name, score, deviation, loss, error }.try_into()?;
        Ok(Self { number, values, outcome, seconds })
    }
}

impl From<Finished> for Line {
    fn from(finished: Finished) -> Self {
        let Finished { number: trial, values, outcome, seconds } = finished;
        let line = Self { trial, values, name: None, score: None, deviation: None, loss: None, error: None, seconds };
        match outcome {
            Outcome::Score { name, score, deviation, loss } => {
                Self { name: Some(name), score: Some(score), deviation, loss: Some(loss), ..line }
            }
            Outcome::Failed { error } => Self { error: Some(error), ..line },
        }
    }
}

impl Finished {
    pub fn of(trial: &Trial, outcome: Outcome, seconds: f64) -> Self {
        Self { number: trial.number, values: values(trial), outcome, seconds }
    }
}

/// Returns a trial's values as JSON.
pub fn values(trial: &Trial) -> Map<String, Value> {
    let value = |value: &toml::Value| serde_json::to_value(value).unwrap_or_default();
    trial.values.iter().map(|(key, of)| (key.clone(), value(of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let score =
            Outcome::Score { name: "accuracy".into(), score: 0.1 + 0.2, deviation: Some(1e-300), loss: 1.0 / 3.0 };
        for outcome in [score, Outcome::Failed { error: "the loss is NaN".into() }] {
            let values = [("lr".to_owned(), Value::from(0.1))].into_iter().collect();
            let finished = Finished { number: 3, values, outcome, seconds: 0.25 };
            let line = serde_json::to_string(&finished).unwrap();
            assert_eq!(serde_json::from_str::<Finished>(&line).unwrap(), finished, "{line}");
        }
    }
}
