//! The values of a key: a list, or a range.

use std::path::Path;

use toml::{Table, Value};

use super::{LAYERS, unknown_key};
use crate::{
    layers::Layers,
    recipe::{RecipeError, RecipeOptions},
};

/// The largest number of points of a range.
const MAX_STEPS: i64 = 1000;
/// The keys whose values are whole numbers.
const WHOLE: [&str; 5] = ["epochs", "steps", "batch-size", "accumulate", "early-stop"];
/// The keys whose values are numbers.
const REAL: [&str; 10] =
    ["lr", "momentum", "weight-decay", "eps", "alpha", "clip", "warmup", "dropout", "label-smoothing", "ema"];

/// The values that a key may have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// One of these.
    List(Vec<Value>),
    /// Any number of a range.
    Range(Range),
}

/// A range of numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    low: f64,
    high: f64,
    /// True for a logarithmic scale, false for a linear scale.
    is_log: bool,
    is_whole: bool,
}

impl Values {
    /// Reads the values of a key. The error says what is wrong with them.
    pub fn of(key: &str, value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(values) if values.is_empty() => Err("the list is empty".into()),
            Value::Array(values) => {
                values.iter().try_for_each(|value| check(key, value))?;
                Ok(Self::List(values.clone()))
            }
            Value::Table(range) => Self::of_range(key, range),
            _ => Err("must be a list of values, or a range such as { log = [1e-4, 1e-1] }; one value belongs in the recipe itself".into()),
        }
    }

    fn of_range(key: &str, table: &Table) -> Result<Self, String> {
        const KEYS: [&str; 3] = ["range", "log", "steps"];
        let is_whole = WHOLE.contains(&key);
        if !is_whole && !REAL.contains(&key) {
            return Err("has no range; list its values".into());
        }
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(unknown_key(unknown, &KEYS.map(String::from)));
        }
        let (name, ends) = match (table.get("range"), table.get("log")) {
            (Some(_), Some(_)) => return Err("has a range and a log range; leave one out".into()),
            (None, None) => return Err("must have a range: range = [LOW, HIGH] or log = [LOW, HIGH]".into()),
            (Some(ends), None) => ("range", ends),
            (None, Some(ends)) => ("log", ends),
        };
        let is_log = name == "log";
        let [low, high] = ends.as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(format!("{name} must be two numbers, such as [1e-4, 1e-1]"));
        };
        for end in [low, high] {
            check(key, end)?;
        }
        let [low, high] = [low, high].map(|end| number(end).unwrap_or(f64::NAN));
        if is_log && low <= 0.0 {
            return Err(format!("a log range begins above 0, not at {low}"));
        }
        if low.partial_cmp(&high) != Some(std::cmp::Ordering::Less) {
            return Err(format!("the range must rise, and {low} is not below {high}"));
        }
        let range = Range { low, high, is_log, is_whole };
        let Some(steps) = table.get("steps") else { return Ok(Self::Range(range)) };
        let steps = steps.as_integer().filter(|steps| (2..=MAX_STEPS).contains(steps));
        let steps = steps.ok_or_else(|| format!("steps must be a whole number from 2 to {MAX_STEPS}"))?;
        let mut points: Vec<_> = (0..steps).map(|step| range.at(step as f64 / (steps - 1) as f64)).collect();
        points.dedup();
        Ok(Self::List(points))
    }

    /// Returns the values, or `None` if they are a range.
    pub fn points(&self) -> Option<&[Value]> {
        match self {
            Self::List(values) => Some(values),
            Self::Range(_) => None,
        }
    }

    /// Returns the number of values, or `None` for a range of numbers that are not integers.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::List(values) => Some(values.len() as u64),
            Self::Range(Range { low, high, is_whole, .. }) => is_whole.then_some((high - low) as u64 + 1),
        }
    }

    /// Returns the value for a random number of 64 uniform bits.
    pub fn draw(&self, bits: u64) -> Value {
        match self {
            Self::List(values) => values[((u128::from(bits) * values.len() as u128) >> 64) as usize].clone(),
            Self::Range(range) => range.at((bits >> 11) as f64 / (1_u64 << 53) as f64),
        }
    }
}

impl Range {
    /// Returns the value at a fraction of the way from the low to the high end. It is an integer, or a number rounded to four digits. Such a number is
    /// easy to read, and does not depend on the last bit of a machine's logarithm.
    fn at(&self, part: f64) -> Value {
        let Self { low, high, is_log, is_whole } = *self;
        let exact = match (is_log, is_whole) {
            // Each whole number has a share of its own length, the ends too.
            (false, true) => (low + part * (high - low + 1.0)).floor(),
            (false, false) => low + part * (high - low),
            (true, _) => (low.ln() + part * (high.ln() - low.ln())).exp(),
        };
        if is_whole {
            return Value::Integer(exact.round().clamp(low, high) as i64);
        }
        let rounded: f64 = format!("{exact:.3e}").parse().unwrap_or(exact);
        Value::Float(rounded.clamp(low, high))
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|number| number as f64))
}

/// Checks that a key may have this value, as its recipe does.
fn check(key: &str, value: &Value) -> Result<(), String> {
    if key == LAYERS {
        let Value::String(text) = value else {
            return Err(format!("must be a text such as \"…,32,…\", not {value}"));
        };
        return text.parse::<Layers>().map(drop).map_err(|error| format!("{text}: {error}"));
    }
    match RecipeOptions::parse(&format!("{key} = {value}"), Path::new("")) {
        Err(RecipeError::Parse { message, .. }) => Err(message),
        Err(other) => Err(other.to_string()),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(key: &str, text: &str) -> Values {
        let table: Table = text.parse().unwrap();
        Values::of(key, &table["x"]).unwrap()
    }

    #[test]
    fn steps_are_points_of_the_range() {
        let floats = |values: Values| values.points().unwrap().iter().filter_map(Value::as_float).collect::<Vec<_>>();
        assert_eq!(floats(values("lr", "x = { log = [1e-4, 1e-1], steps = 4 }")), [1e-4, 1e-3, 1e-2, 1e-1]);
        assert_eq!(floats(values("dropout", "x = { range = [0, 0.5], steps = 3 }")), [0.0, 0.25, 0.5]);
        let sizes = values("batch-size", "x = { log = [1, 4], steps = 9 }");
        assert_eq!(sizes.points().unwrap(), [1, 2, 3, 4].map(Value::Integer));
    }

    #[test]
    fn draws_are_all_over_the_range_and_within_it() {
        let draws =
            |values: &Values| (0..=64).map(|i| number(&values.draw(u64::MAX / 64 * i)).unwrap()).collect::<Vec<_>>();
        let rates = draws(&values("lr", "x = { log = [1e-4, 1e-1] }"));
        assert_eq!((rates[0], rates[64]), (1e-4, 1e-1));
        assert!(rates.is_sorted() && rates.iter().filter(|&&rate| rate < 1e-3).count() == 22, "{rates:?}");
        let whole = values("epochs", "x = { range = [3, 5] }");
        assert_eq!(whole.count(), Some(3));
        let counts = draws(&whole);
        for number in [3.0, 4.0, 5.0] {
            assert!((21..=22).contains(&counts.iter().filter(|&&count| count == number).count()), "{counts:?}");
        }
        assert!(counts.iter().all(|count| (3.0..=5.0).contains(count)));
        let list = values("lr", "x = [1, 2, 3]");
        assert_eq!([0, u64::MAX / 2, u64::MAX].map(|bits| list.draw(bits)), [1, 2, 3].map(Value::Integer));
    }
}
