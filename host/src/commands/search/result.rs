//! What became of a trial.

use options::space::Trial;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A trial that ended: a line of the search's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The trial's number, from 1.
    #[serde(rename = "trial")]
    pub number: u32,
    /// Its values.
    pub values: Map<String, Value>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// With figures on the validation samples.
    Score {
        /// The score's name.
        name: String,
        /// The score: the greater, the better.
        score: f64,
        /// The sample standard deviation over folds, where there are some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deviation: Option<f64>,
        /// The mean loss.
        loss: f64,
    },
    /// With an error.
    Failed {
        /// What it said.
        error: String,
    },
}

impl Finished {
    pub fn of(trial: &Trial, outcome: Outcome, seconds: f64) -> Self {
        Self { number: trial.number, values: values(trial), outcome, seconds }
    }
}

/// A trial's values as JSON.
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
