use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn table(rows: &[CodeRange]) -> Vec<u8> {
    rows.iter().flat_map(|row| row.to_bytes()).collect()
}

#[test]
fn values_of_every_element_are_read() {
    assert_eq!(Element::U8.values(&[0, 255]).collect::<Vec<_>>(), [0.0, 255.0]);
    assert_eq!(Element::I8.values(&[0x80, 127]).collect::<Vec<_>>(), [-128.0, 127.0]);
    assert_eq!(Element::I16.values(&[0, 0x80, 1, 2]).collect::<Vec<_>>(), [-32768.0, 513.0]);
    assert_eq!(Element::U16.values(&[0xff, 0xff, 7]).collect::<Vec<_>>(), [65535.0]);
    assert_eq!(Element::F32.values(&1.5_f32.to_le_bytes()).collect::<Vec<_>>(), [1.5]);
}

#[test]
fn scales_are_one_for_each_feature_or_one_for_all() {
    let rows: Vec<u8> = [2.0_f32, 1.0, -1.0, 0.5].into_iter().flat_map(f32::to_le_bytes).collect();
    let each = Preparation::Scaled(Scaled::parse(Element::I8, &rows, 2).unwrap());
    let all = Preparation::Scaled(Scaled::parse(Element::I8, &rows[..8], 2).unwrap());
    let mut input = [0.0; 2];
    each.write(&[3, 0xff], &mut input);
    assert_eq!(input, [7.0, 1.5]);
    all.write(&[3, 0xff], &mut input);
    assert_eq!(input, [7.0, -1.0]);
    for (bytes, features) in [(&rows[..], 3), (&rows[..12], 2), (&[][..], 1), (&[][..], 0)] {
        assert_eq!(Scaled::parse(Element::I8, bytes, features), None);
    }
    let infinite: Vec<u8> = [f32::INFINITY, 0.0].into_iter().flat_map(f32::to_le_bytes).collect();
    assert_eq!(Scaled::parse(Element::F32, &infinite, 1), None);
}

#[test]
fn codes_of_bytes_need_no_table() {
    let mut codes = [9; 3];
    for (element, expected) in [(Element::U8, [0, 127, 255]), (Element::I8, [128, 255, 127])] {
        Preparation::Coded(Coded::parse(element, &[], 3).unwrap()).write_codes(&[0, 127, 255], &mut codes);
        assert_eq!(codes, expected);
        assert_eq!(Coded::parse(element, &[0; 12], 1), None);
    }
    Preparation::Bytes.write_codes(&[1, 2, 3], &mut codes);
    assert_eq!(codes, [1, 2, 3]);
}

#[test]
fn a_range_has_256_codes_and_its_ends_hold_what_is_outside() {
    let integers = CodeRange::Integers { low: -1000, high: 1550, factor: (255 << 16) / 2550 };
    let floats = CodeRange::Floats { low: -1.0, high: 1.0, factor: 127.5 };
    let code = |range: CodeRange, element, bytes: &[u8]| {
        let (table, mut codes) = (table(&[range]), [0]);
        Preparation::Coded(Coded::parse(element, &table, 1).unwrap()).write_codes(bytes, &mut codes);
        codes[0]
    };
    for (value, expected) in [(-32768, 0), (-1000, 0), (-996, 0), (-994, 1), (275, 127), (1550, 255), (32767, 255)] {
        assert_eq!(code(integers, Element::I16, &i16::to_le_bytes(value)), expected, "{value}");
    }
    for (value, expected) in
        [(f32::NEG_INFINITY, 0), (-1.0, 0), (0.0, 128), (1.0, 255), (1e30, 255), (f32::NAN, 0), (-0.997, 0)]
    {
        assert_eq!(code(floats, Element::F32, &f32::to_le_bytes(value)), expected, "{value}");
    }
}

/// Values that are numbers already are what their bytes are.
#[test]
fn numbers_are_their_bytes() {
    fn check<T: Value, const SIZE: usize>(values: [T; 2], bytes: [[u8; SIZE]; 2]) {
        let row = [0.5_f32.to_le_bytes(), 3.0_f32.to_le_bytes()].concat();
        let preparation = Preparation::Scaled(Scaled::parse(T::ELEMENT, &row, 2).unwrap());
        let (mut by_values, mut by_bytes) = ([0.0; 2], [0.0; 2]);
        preparation.write_values(&values, &mut by_values).unwrap();
        preparation.write(bytes.as_flattened(), &mut by_bytes);
        assert_eq!(by_values, by_bytes);
        assert_ne!(by_values[0], by_values[1]);
        let count = ValueError::Count { expected: 2, found: 1 };
        assert_eq!(preparation.write_values(&values[..1], &mut by_values), Err(count));
        let other = Preparation::Scaled(Scaled::parse(Element::ALL[(T::ELEMENT as usize + 1) % 5], &row, 2).unwrap());
        let error = other.write_values(&values, &mut by_values).unwrap_err();
        assert!(matches!(error, ValueError::Element { found, .. } if found == T::ELEMENT), "{error}");
    }
    check([7_u8, 200], [[7], [200]]);
    check([-7_i8, 100], [[249], [100]]);
    check([-300_i16, 5], [(-300_i16).to_le_bytes(), 5_i16.to_le_bytes()]);
    check([60_000_u16, 5], [60_000_u16.to_le_bytes(), 5_u16.to_le_bytes()]);
    check([-0.25_f32, 1e9], [(-0.25_f32).to_le_bytes(), 1e9_f32.to_le_bytes()]);
}

#[test]
fn a_range_that_could_overflow_is_none() {
    let integers = |low, high, factor| CodeRange::Integers { low, high, factor };
    let floats = |low, high, factor| CodeRange::Floats { low, high, factor };
    for (element, range) in [
        (Element::I16, integers(1, 0, 0)),
        (Element::I16, integers(-32769, 0, 0)),
        (Element::U16, integers(-1, 0, 0)),
        (Element::U16, integers(0, 65535, 257)),
        (Element::U16, integers(0, 1, 256 << 16)),
        (Element::U16, integers(0, 65535, u32::MAX)),
        (Element::F32, floats(1.0, 0.0, 1.0)),
        (Element::F32, floats(0.0, 1.0, -1.0)),
        (Element::F32, floats(0.0, 1.0, 256.0)),
        (Element::F32, floats(0.0, f32::INFINITY, 0.0)),
        (Element::F32, floats(-3e38, 3e38, 0.0)),
        (Element::F32, floats(f32::NAN, 1.0, 1.0)),
    ] {
        assert_eq!(Coded::parse(element, &table(&[range]), 1), None, "{range:?}");
    }
    assert!(Coded::parse(Element::U16, &table(&[integers(0, 65535, 255)]), 1).is_some());
    assert_eq!(Coded::parse(Element::U16, &table(&[integers(0, 1, 1)]), 2), None);
}

proptest! {
    /// Whatever a table says that is taken, its formula holds in wide arithmetic.
    #[test]
    fn integers_are_coded_as_the_formula_says(low: i16, length in 0..=65_535_i32, factor: u32, value: i16) {
        let (low, high) = (i32::from(low), (i32::from(low) + length).min(32_767));
        let factor = factor % ((255 << 16) / (high - low).max(1) as u32 + 2);
        let range = CodeRange::Integers { low, high, factor };
        let bytes = table(&[range]);
        if let Some(coded) = Coded::parse(Element::I16, &bytes, 1) {
            let mut codes = [0];
            coded.write(&value.to_le_bytes(), &mut codes);
            let exact = (i64::from(i32::from(value).clamp(low, high) - low) * i64::from(factor) + (1 << 15)) >> 16;
            prop_assert_eq!(i64::from(codes[0]), exact);
        }
    }
}
