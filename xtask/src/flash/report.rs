//! Compares the report of a program, line by line, with the host's results.

use anyhow::{Context, Result};
use serde::Deserialize;

/// The host's result for one sample: a line of `expected.jsonl`.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// The sample's place among the embedded ones.
    pub index: usize,
    /// The class that the host computed, if the network has classes.
    pub class: Option<u16>,
    /// The hash of the host's logits.
    pub logits: String,
}

/// Reads `expected.jsonl`.
pub fn expected(text: &str) -> Result<Vec<Expected>> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).with_context(|| format!("not an expected result: {line}"))).collect()
}

/// The device's result for one sample.
#[derive(Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The sample's place among the embedded ones.
    pub index: usize,
    /// The class that the device computed, if the network has classes.
    pub class: Option<u16>,
    /// The hash of the device's logits.
    pub logits: String,
}

/// Reads `sample 3: class 9 Ankle boot, logits 0123456789abcdef, 3364204 instructions`, or the same without a class. Returns `None` for any
/// other line.
pub fn prediction(line: &str) -> Option<Prediction> {
    let (index, line) = line.strip_prefix("sample ")?.split_once(": ")?;
    let (class, line) = match line.strip_prefix("class ") {
        Some(line) => {
            let (class, line) = line.split_once(' ')?;
            // A class may have any name, so the last one counts.
            let (_name, line) = line.rsplit_once(", logits ")?;
            (Some(class.parse().ok()?), line)
        }
        None => (None, line.strip_prefix("logits ")?),
    };
    let (logits, _) = line.split_once(',')?;
    let is_hash = is_hexadecimal(logits, 16);
    is_hash.then_some(Prediction { index: index.parse().ok()?, class, logits: logits.to_owned() })
}

/// Returns true if a line is the answer for one sample, or is an indented line that belongs to one.
pub fn is_of_sample(line: &str) -> bool {
    line.starts_with("  ") || prediction(line).is_some()
}

/// Reads `weights <64 hexadecimal digits>`. Returns `None` for any other line.
pub fn weight_hash(line: &str) -> Option<&str> {
    line.strip_prefix("weights ").filter(|hash| is_hexadecimal(hash, 64))
}

/// Returns the hash at the end of the output of `selvedge train`: `Saved <path>, SHA-256 <64 hexadecimal digits>`.
pub fn saved_hash(output: &str) -> Result<&str> {
    let hash = output.trim_end().rsplit([' ', '\n']).next().filter(|hash| is_hexadecimal(hash, 64));
    hash.context("`selvedge train` did not end with the weights' hash")
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the differences between the device's results and the host's, one for each sample.
pub fn differences(expected: &[Expected], predictions: &[Prediction]) -> Vec<String> {
    let mut differences = Vec::new();
    for Expected { index, class, logits } in expected {
        let mut seen = predictions.iter().filter(|prediction| prediction.index == *index);
        match (seen.next(), seen.next()) {
            (None, _) => differences.push(format!("sample {index}: the board reported nothing")),
            (Some(_), Some(_)) => differences.push(format!("sample {index}: the board reported it twice")),
            (Some(device), None) if (device.class, &device.logits) != (*class, logits) => differences.push(format!(
                "sample {index}: {}logits {} on the board, {}logits {logits} on the host",
                named(device.class),
                device.logits,
                named(*class)
            )),
            (Some(_), None) => {}
        }
    }
    let strange = predictions.iter().filter(|seen| !expected.iter().any(|expected| expected.index == seen.index));
    differences.extend(strange.map(|seen| format!("sample {}: the host knows no such sample", seen.index)));
    differences
}

/// Returns a class in words.
fn named(class: Option<u16>) -> String {
    class.map_or_else(String::new, |class| format!("class {class} and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "sample 7: class 0 T-shirt/top, logits 0123456789abcdef, 3364204 instructions";

    fn host(index: usize, class: u16) -> Expected {
        Expected { index, class: Some(class), logits: "0123456789abcdef".into() }
    }

    fn device(index: usize, class: u16) -> Prediction {
        Prediction { index, class: Some(class), logits: "0123456789abcdef".into() }
    }

    #[test]
    fn a_prediction_is_read() {
        assert_eq!(prediction(LINE), Some(device(7, 0)));
        for name in ["Ankle boot", "x, logits fedcba9876543210, 1 instructions", ", logits "] {
            assert_eq!(prediction(&LINE.replace("0 T-shirt/top", &format!("9 {name}"))), Some(device(7, 9)), "{name}");
        }
    }

    #[test]
    fn a_network_may_have_no_classes() {
        let line = "sample 7: logits 0123456789abcdef, 3364204 instructions";
        let seen = Prediction { class: None, ..device(7, 0) };
        assert_eq!(prediction(line), Some(Prediction { class: None, ..device(7, 0) }));
        let host = expected("{\"index\":7,\"logits\":\"fedcba9876543210\"}").unwrap();
        let text = "sample 7: logits 0123456789abcdef on the board, logits fedcba9876543210 on the host";
        assert_eq!(differences(&host, &[seen]), [text]);
    }

    #[test]
    fn other_lines_are_no_prediction() {
        let broken =
            [("sample 7", "sample x"), ("0123", "012"), ("0123", "012g"), ("class 0", "class 65536"), ("logits", "")];
        for (part, other) in broken {
            assert_eq!(prediction(&LINE.replace(part, other)), None, "{other}");
        }
        assert_eq!(prediction("784-16-10, 100 samples"), None);
        assert!(!is_of_sample("100 samples, 88 right, 51280 instructions each"));
        assert!(is_of_sample(LINE) && is_of_sample("  9 Ankle boot: about 97 %"));
        assert_eq!(prediction(""), None);
    }

    #[test]
    fn hashes_are_read_where_they_stand() {
        let hash = "0f".repeat(32);
        assert_eq!(weight_hash(&format!("weights {hash}")), Some(hash.as_str()));
        assert_eq!(weight_hash(&format!("weights {hash}0")), None);
        assert_eq!(weight_hash("epoch 1: loss 2.3"), None);
        let output = format!("Epoch 1\nSaved a b/tiny.selvedge, SHA-256 {hash}\n\n");
        assert_eq!(saved_hash(&output).unwrap(), hash);
        assert!(saved_hash(&format!("{output}Done.\n")).is_err());
        assert!(saved_hash("").is_err());
    }

    #[test]
    fn expected_results_are_read() {
        let text = "{\"index\":0,\"label\":9,\"class\":8,\"logits\":\"0123456789abcdef\"}\n\n";
        let expected = expected(text).unwrap();
        assert_eq!((expected.len(), expected[0].index, expected[0].class), (1, 0, Some(8)));
        assert!(super::expected("{}").unwrap_err().to_string().contains("{}"));
    }

    #[test]
    fn equal_results_have_no_difference() {
        assert!(differences(&[host(0, 3), host(1, 4)], &[device(1, 4), device(0, 3)]).is_empty());
    }

    #[test]
    fn every_difference_is_named() {
        let other = Prediction { logits: "fedcba9876543210".into(), ..device(2, 5) };
        let expected = [host(0, 3), host(1, 4), host(2, 5), host(3, 6)];
        let found = differences(&expected, &[device(0, 9), other, device(3, 6), device(3, 6), device(4, 1)]);
        let found: Vec<_> = found.iter().map(|line| line.split_once(": ").unwrap()).collect();
        assert_eq!(
            found.iter().map(|(sample, _)| *sample).collect::<Vec<_>>(),
            ["sample 0", "sample 1", "sample 2", "sample 3", "sample 4"]
        );
        assert!(found[0].1.contains("class 9") && found[0].1.contains("class 3"), "{found:?}");
        assert!(found[1].1.contains("nothing") && found[3].1.contains("twice"), "{found:?}");
        assert!(found[2].1.contains("fedcba9876543210 on the board"), "{found:?}");
        assert!(found[4].1.contains("no such sample"), "{found:?}");
    }
}
