//! Numbers on charts: the range of an axis, and how they are written.

/// Returns the smallest range that holds these numbers, and 0 if `from_zero`. If they are nearly equal, the range has room above and below them.
pub fn range(values: impl Iterator<Item = f64> + Clone, from_zero: bool) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (0.0, 1.0);
    }
    let low = if from_zero { low.min(0.0) } else { low };
    // A scale cannot tell numbers that are so near to each other.
    let least = 1e-6 * low.abs().max(high.abs()).max(1e-12);
    if high - low <= least {
        let room = low.abs().max(high.abs()).max(1e-9) / 10.0;
        return (low - room, high + room);
    }
    (low, high)
}

/// Returns the number of digits that are needed to tell numbers in such a range apart.
pub fn digits(range: f64, largest: f64) -> i32 {
    let more = (largest / range.max(f64::MIN_POSITIVE)).log10().ceil();
    2 + more.clamp(0.0, 7.0) as i32
}

/// Returns a number with this number of significant digits, without zeros at its end.
pub fn short(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { value.to_string() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..9).contains(&magnitude) {
        return format!("{value:.*e}", (digits - 1).clamp(0, 6) as usize);
    }
    let decimals = (digits - 1 - magnitude).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (0.1, "0.1"), (0.000_123_4, "0.000123"), (12_345.6, "12346"), (1e-9, "1.00e-9"), (2.5, "2.5")]
        {
            assert_eq!(short(value, 3), text);
        }
    }
}
