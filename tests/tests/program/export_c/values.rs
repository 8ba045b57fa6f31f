//! Networks that take raw values, of every element.

use host::{
    classes::SignatureBuf,
    data,
    model_file::ModelFile,
    preparation::{Moments, PreparationBuf, coded},
};
use selvedge::preparation::{CodeRange, Element};

use super::{
    SANITIZED, check_samples, exported, floats, in_turn,
    networks::{Draws, f16, float32, int4, int8},
};

const SAMPLES: usize = 400;
/// Floats at their limits, and what is no number.
const EXTREME: [f32; 12] = [
    0.0,
    -0.0,
    f32::NAN,
    -f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    f32::from_bits(1),
    -f32::from_bits(1),
    1.0,
];

/// The ranges that features were measured in. The first ones are as long as can be, a single value, and of 256 values.
fn ranges(element: Element, features: usize, draws: &mut Draws) -> Vec<[f32; 2]> {
    let range = |feature| match (element.range(), feature) {
        (Some((least, most)), 0) => [least as f32, most as f32],
        (Some(_), 1) => [7.0; 2],
        (Some(_), 2) => [-128.0_f32, 127.0].map(|x| if element == Element::U16 { x + 128.0 } else { x }),
        (Some((least, most)), _) => {
            let mut draw = || (least + draws.below((most - least) as u32 + 1) as i32) as f32;
            let (a, b) = (draw(), draw());
            [a.min(b), a.max(b)]
        }
        (None, 0) => [-3e38, 3e38],
        (None, 1) => [0.1; 2],
        (None, 2) => [0.0, f32::from_bits(900)],
        (None, _) => {
            let size = 10.0_f32.powi(draws.below(12) as i32 - 6);
            let (a, b) = (size * draws.symmetric(), size * draws.symmetric());
            // From 0 all floats are values, and some are where two roundings and three make different codes.
            if feature % 2 == 0 { [a.min(b), a.max(b)] } else { [0.0, a.abs()] }
        }
    };
    (0..features).map(range).collect()
}

/// Returns a value of a feature. Most are within three floats of the middle between two codes. Half of the codes are powers of two, where the
/// code needs one more bit.
fn value([least, most]: [f32; 2], draws: &mut Draws) -> f32 {
    let code = if draws.below(2) == 0 { draws.below(256) } else { 1 << draws.below(8) };
    let middle = (code as f32 - 0.5) * ((most - least) / 255.0) + least;
    match draws.below(4) {
        0 => least + (most - least) * 1.5 * draws.symmetric(),
        // Up to three floats from it.
        _ => {
            let least = middle.next_down().next_down().next_down();
            (0..draws.below(7)).fold(least, |x, _| x.next_up())
        }
    }
}

/// Samples of these ranges' values, and of what is outside them.
fn samples(element: Element, ranges: &[[f32; 2]], draws: &mut Draws) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sample in 0..SAMPLES {
        // One value of each fourth sample is extreme, so that what it does to the logits hides no other.
        let wild = if sample % 4 == 0 { draws.below(ranges.len() as u32) as usize } else { ranges.len() };
        for (feature, &range) in ranges.iter().enumerate() {
            let is_wild = feature == wild || sample < EXTREME.len();
            let extreme = EXTREME[if sample < EXTREME.len() { sample } else { draws.below(12) as usize }];
            let drawn = value(range, draws);
            let value = match element.range() {
                None if is_wild => extreme,
                None => drawn,
                Some((least, most)) if is_wild => [least, most][sample % 2] as f32,
                Some((least, most)) => drawn.round().clamp(least as f32, most as f32),
            };
            data::encode(value, element, &mut bytes).unwrap();
        }
    }
    bytes
}

fn moments(ranges: &[[f32; 2]], draws: &mut Draws) -> Vec<Moments> {
    let moments = |&[least, greatest]: &[f32; 2]| {
        let mean = f64::from(least) / 2.0 + f64::from(greatest) / 2.0;
        let deviation = (f64::from(greatest) - f64::from(least)) * f64::from(draws.symmetric().abs() + 0.1);
        Moments { mean, deviation, least, greatest }
    };
    ranges.iter().map(moments).collect()
}

fn signature(preparation: PreparationBuf) -> SignatureBuf {
    SignatureBuf::default().with_preparation(preparation)
}

/// Returns the ways to compile an integer network. If its inputs are floats, these are all ways for float networks.
fn integers(element: Element) -> Vec<&'static [&'static str]> {
    if element == Element::F32 { floats() } else { vec![&[], SANITIZED] }
}

#[test]
fn integers_of_raw_values_are_the_hosts() {
    for (seed, element) in Element::ALL.into_iter().enumerate() {
        let draws = &mut Draws::new(seed as u64 + 40);
        // Also of one layer, which needs room for its codes alone.
        for widths in [&[13, 9, 3][..], &[70, 5]] {
            let ranges = ranges(element, widths[0] as usize, draws);
            let preparation = match element {
                Element::U8 => PreparationBuf::Coded(element, Vec::new()),
                _ => coded(element, &moments(&ranges, draws)).0,
            };
            let signature = signature(preparation);
            let samples = samples(element, &ranges, draws);
            for (format, bytes) in
                [("int8", int8(widths, draws, &signature)), ("int4", int4(widths, draws, &signature))]
            {
                check_samples(&format!("{format} {widths:?} of {element}"), &bytes, &integers(element), &samples);
            }
        }
    }
}

/// Factors as large as a file may have them, for the shortest and the longest range.
#[test]
fn codes_at_their_limits_are_the_hosts() {
    let draws = &mut Draws::new(5);
    for (element, ends) in [(Element::I16, [-32_768, 32_767]), (Element::U16, [0, 65_535])] {
        let [low, high] = ends;
        let rows = [
            CodeRange::Integers { low, high, factor: ((256 << 16) - (1 << 15) - 1) / 65_535 },
            CodeRange::Integers { low: high - 1, high, factor: (256 << 16) - (1 << 15) - 1 },
            CodeRange::Integers { low, high: low, factor: u32::MAX },
            CodeRange::Integers { low: 5, high: 9, factor: 0 },
        ];
        let table = rows.iter().flat_map(|row| row.to_bytes()).collect();
        let bytes = int8(&[4, 6, 3], draws, &signature(PreparationBuf::Coded(element, table)));
        let samples = samples(element, &ranges(element, 4, draws), draws);
        check_samples(&format!("{element} at its limits"), &bytes, &[SANITIZED], &samples);
    }
}

#[test]
fn floats_of_raw_values_are_the_hosts() {
    for (seed, element) in Element::ALL.into_iter().enumerate() {
        let draws = &mut Draws::new(seed as u64 + 60);
        let ranges = ranges(element, 13, draws);
        let samples = samples(element, &ranges, draws);
        // A pair for each feature, and one for all.
        let each = signature(PreparationBuf::standardized(element, &moments(&ranges, draws)));
        let all = signature(PreparationBuf::unscaled(element));
        for (place, (what, bytes)) in [
            ("f32", float32("13 => 9 Relu => 3", draws, 1.0, &each)),
            ("f32 unscaled", float32("13 => 9 Relu => 3", draws, 1.0, &all)),
            ("f16", f16(&[13, 9, 3], draws, &each)),
        ]
        .into_iter()
        .enumerate()
        {
            check_samples(&format!("{what} of {element}"), &bytes, &in_turn(floats(), seed + place), &samples);
        }
    }
}

/// The header says what the numbers are, whatever their names.
#[test]
fn the_header_names_the_features() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let names = ["acceleration x", "NAME_*/ #error", "größe ??/"].map(String::from);
    let units = ["mg", "\\", "/*"].map(String::from);
    let header = |element: Element, names: &[String], units: &[String]| {
        let ranges = ranges(element, 3, &mut Draws::new(1));
        let preparation = coded(element, &moments(&ranges, &mut Draws::new(2))).0;
        let signature = signature(preparation).with_features(names, units);
        let bytes = int8(&[3, 2], &mut Draws::new(1), &signature);
        assert_eq!(ModelFile::parse(&bytes).unwrap().signature(), signature.get());
        exported(folder, &bytes);
        std::fs::read_to_string(folder.join("net.h")).unwrap()
    };
    let text = header(Element::I16, &names, &units);
    for words in [
        "uint16_t net_classify(const int16_t input[NET_INPUTS]);",
        "the sample's raw values, integers from -32768 to 32767, one for each input",
        "\n *     0: \"acceleration x\", in \"mg\"\n",
        "\n *     1: \"NAME_*\\/ #error\", in \"\\\\\"\n",
        "\n *     2: \"gr\\303\\266\\303\\237e \\?\\?/\", in \"/\\*\"\n",
        "extern const char *const net_feature_names[NET_INPUTS];",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.is_ascii());
    let text = header(Element::F32, &[], &units);
    for words in ["const float input[NET_INPUTS]", "raw values, numbers of 32 bits, one", "\n *     0: in \"mg\"\n"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let text = header(Element::I8, &names, &[]);
    assert!(text.contains("const int8_t input") && text.contains("\n *     0: \"acceleration x\"\n"), "{text}");
    let text = header(Element::U16, &[], &[]);
    assert!(text.contains("const uint16_t input") && !text.contains("feature_names") && !text.contains("places"));
}
