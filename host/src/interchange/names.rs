//! The meaning of tensors' names: the kind of tensor, and the layer that it belongs to.

/// The kind of a tensor in its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Weight,
    Bias,
    Mean,
    Variance,
}

/// A layer's name in words and numbers: `module.net.0` is `module`, `net` and `0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stem {
    pub words: Vec<String>,
    pub numbers: Vec<usize>,
    /// The words and numbers in order, so that `a.0` differs from `0.a`.
    text: String,
}

/// Returns the kind for a word: first PyTorch's words, then those of Keras, Flax and scikit-learn.
fn kind_of(word: &str) -> Option<Kind> {
    match word {
        "weight" | "weights" | "kernel" | "kernels" | "coef" | "coefs" | "w" | "gamma" | "scale" => Some(Kind::Weight),
        "bias" | "biases" | "intercept" | "intercepts" | "b" | "beta" => Some(Kind::Bias),
        "mean" => Some(Kind::Mean),
        "var" | "variance" => Some(Kind::Variance),
        _ => None,
    }
}

/// The last words of tensors from which weight normalisation, spectral normalisation and pruning compute a weight. None of them is the weight.
const PARTS_OF_A_WEIGHT: [&str; 6] = ["g", "v", "u", "orig", "mask", "original"];

/// Reads a name such as `module.fc1.weight`, `params/Dense_0/kernel`, `coefs_0`, `W1` or `dense/kernel:0`.
pub(super) fn read(name: &str) -> (Stem, Option<Kind>) {
    let mut words = words(name);
    let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let in_parts = words.windows(2).any(is_part);
    let (first, last) = (words.iter().position(|w| !is_number(w)), words.iter().rposition(|w| !is_number(w)));
    let place = [last, first].into_iter().flatten().find(|&place| kind_of(&words[place]).is_some());
    let mut kind = None;
    if let Some(place) = place.filter(|_| !in_parts) {
        kind = kind_of(&words.remove(place));
        let statistic = matches!(kind, Some(Kind::Mean | Kind::Variance));
        if statistic && place > 0 && matches!(words[place - 1].as_str(), "running" | "moving") {
            words.remove(place - 1);
        }
    }
    // Flax keeps parameters and statistics in two collections.
    for collection in [&["params"][..], &["batch", "stats"]] {
        if let Some(at) = words.windows(collection.len()).position(|window| window == collection) {
            words.drain(at..at + collection.len());
        }
    }
    let text = words.join(".");
    let (numbers, words): (Vec<_>, Vec<_>) = words.into_iter().partition(is_number);
    let numbers = numbers.iter().map(|number| number.parse().unwrap_or(usize::MAX)).collect();
    (Stem { words, numbers, text }, kind)
}

/// Returns the part of a tensor's name before the layer's name: `ema.net` for `ema.net.0.weight`, or an empty text.
pub(super) fn prefix(name: &str) -> &str {
    let before = |name: &str| name.rfind(['.', '/']).unwrap_or(0);
    &name[..before(&name[..before(name)])]
}

/// Returns true if a tensor's name begins with this key as a whole. For an empty key, there must be nothing before the layer's name.
pub(super) fn is_under(name: &str, key: &str) -> bool {
    match key {
        "" => prefix(name).is_empty(),
        _ => name.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '/'])),
    }
}

/// Returns the name of the weight that belongs to a bias.
pub(super) fn weight_of(bias: &str) -> String {
    match bias.rfind("bias") {
        Some(at) => format!("{}weight{}", &bias[..at], &bias[at + "bias".len()..]),
        None => "weight".into(),
    }
}

/// Returns true if a tensor is only a part from which a weight is computed.
pub(super) fn is_part_of_weight(name: &str) -> bool {
    words(name).windows(2).any(is_part)
}

fn is_part(pair: &[String]) -> bool {
    pair[0] == "weight" && PARTS_OF_A_WEIGHT.contains(&pair[1].as_str())
}

/// Returns a name's words in lower case and its numbers: `fc`, `1` and `weight` for `fc1.weight`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    for c in name.chars() {
        let class = if c.is_ascii_digit() { Some(false) } else { c.is_alphanumeric().then_some(true) };
        match words.last_mut() {
            Some(word) if class.is_some() && class == before => word.extend(c.to_lowercase()),
            _ if class.is_some() => words.push(c.to_lowercase().collect()),
            _ => {}
        }
        before = class;
    }
    words
}

/// Splits `module.net.0.weight` into `module.net`, `0` and `weight`. The first part may be empty.
pub(super) fn split(name: &str) -> Option<(&str, &str, &str)> {
    let (rest, kind) = name.rsplit_once('.')?;
    let (prefix, layer) = rest.rsplit_once('.').unwrap_or(("", rest));
    let is_number = !layer.is_empty() && layer.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((prefix, layer, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_programs_names_are_understood() {
        for (name, stem, kind) in [
            ("fc1.weight", "fc.1", Some(Kind::Weight)),
            ("module.net.0.bias", "module.net.0", Some(Kind::Bias)),
            ("weight", "", Some(Kind::Weight)),
            ("params/Dense_0/kernel", "dense.0", Some(Kind::Weight)),
            ("batch_stats/BatchNorm_0/mean", "batchnorm.0", Some(Kind::Mean)),
            ("dense_1/kernel:0", "dense.1.0", Some(Kind::Weight)),
            ("batch_normalization/moving_variance:0", "batch.normalization.0", Some(Kind::Variance)),
            ("bn1.running_mean", "bn.1", Some(Kind::Mean)),
            ("coefs_0", "0", Some(Kind::Weight)),
            ("intercepts_0", "0", Some(Kind::Bias)),
            ("W1", "1", Some(Kind::Weight)),
            ("b_hidden", "hidden", Some(Kind::Bias)),
            ("arr_0", "arr.0", None),
            ("fc1.weight_v", "fc.1.weight.v", None),
            ("fc1.parametrizations.weight.original0", "fc.1.parametrizations.weight.original.0", None),
            ("temperature", "temperature", None),
            ("weight.of.things", "of.things", Some(Kind::Weight)),
        ] {
            let (found, of) = read(name);
            assert_eq!((found.text.as_str(), of), (stem, kind), "{name}");
        }
        assert_eq!(read("layers.10.weight").0.numbers, [10]);
        assert_eq!(split("module.net.0.weight"), Some(("module.net", "0", "weight")));
        assert_eq!(split("0.weight"), Some(("", "0", "weight")));
        assert_eq!(split("fc1.weight"), None);
        for (name, own) in
            [("ema.net.0.weight", "ema.net"), ("0.weight", ""), ("a/b/kernel", "a"), ("x", ""), ("..", "")]
        {
            assert_eq!(prefix(name), own, "{name}");
        }
        assert!(is_under("a.b.0.weight", "a.b") && is_under("0.weight", "") && !is_under("ab.0.weight", "a"));
        assert_eq!([weight_of("a.bias"), weight_of("b1")], ["a.weight", "weight"]);
    }
}
