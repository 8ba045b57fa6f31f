//! Networks of labels and of numbers.

use std::{fs, process::Command};

use host::{
    classes::{Classes, SignatureBuf},
    preparation::PreparationBuf,
    task::TaskBuf,
};
use selvedge::{preparation::Element, shape::InputShape};

use super::{
    DSP, SANITIZED, STRICT, WIDTHS, cc, check, check_samples, export, exported, floats, in_turn,
    networks::{Draws, f16, float32, int4, int8},
};

/// Scales and shifts of all sizes. Some shifts are about as large as what is added to them, so that sums cancel, and some scales make
/// what has few bits or is infinite.
fn scales(outputs: u32, draws: &mut Draws) -> TaskBuf {
    let size = |draws: &mut Draws| match draws.below(8) {
        0 => 1e-42,
        1 => 1e37,
        _ => 10.0_f32.powi(draws.below(9) as i32 - 4),
    };
    let row = |_| {
        let scale = size(draws) * (draws.symmetric().abs() + 0.1);
        let shift = if draws.below(2) == 0 { scale } else { size(draws) } * draws.symmetric();
        (scale, shift)
    };
    TaskBuf::scaled((0..outputs).map(row).collect::<Vec<_>>())
}

fn regression(outputs: u32, draws: &mut Draws) -> SignatureBuf {
    SignatureBuf::default().with_task(scales(outputs, draws), &[])
}

#[test]
fn values_in_units_are_the_hosts() {
    for (seed, widths) in WIDTHS.into_iter().enumerate() {
        let draws = &mut Draws::new(seed as u64 + 80);
        let signature = regression(widths[widths.len() - 1], draws);
        let integers = [&floats()[..], &[DSP]].concat();
        let layers = widths.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        for (place, (format, bytes, ways)) in [
            ("f32", float32(&layers, draws, 1.0, &signature), floats()),
            ("f16", f16(widths, draws, &signature), floats()),
            ("int8", int8(widths, draws, &signature), integers.clone()),
            ("int4", int4(widths, draws, &signature), integers),
        ]
        .into_iter()
        .enumerate()
        {
            check(&format!("values of {format} {widths:?}"), &bytes, &in_turn(ways, seed + place / 2));
        }
    }
}

/// Networks that compute with floats at both ends, and one whose outputs are no numbers.
#[test]
fn values_of_raw_values_are_the_hosts() {
    let draws = &mut Draws::new(90);
    let row = [-1.0_f32, 1.0, 127.0].into_iter().flat_map(f32::to_le_bytes).collect::<Vec<_>>();
    let coded = PreparationBuf::Coded(Element::F32, row.repeat(5));
    let samples: Vec<u8> = (0..5 * 300).flat_map(|_| (1.2 * draws.symmetric()).to_le_bytes()).collect();
    let signature = regression(3, draws).with_preparation(coded);
    check_samples("values of int8 of f32", &int8(&[5, 9, 3], draws, &signature), &floats(), &samples);
    check_samples("values of int4 of f32", &int4(&[5, 9, 3], draws, &signature), &floats(), &samples);
    let scaled = regression(3, draws).with_preparation(PreparationBuf::unscaled(Element::F32));
    check_samples("values of f32", &float32("5 => 9 Tanh => 3", draws, 1.0, &scaled), &floats(), &samples);
    let signature = regression(3, draws);
    check("values that are no numbers", &float32("4,9,3", draws, 3e38, &signature), &floats());
}

#[test]
fn logits_of_labels_are_the_hosts() {
    let signature = SignatureBuf::default().with_task(TaskBuf::MultiLabel, &[]);
    let draws = &mut Draws::new(95);
    for (format, bytes) in [
        ("f32", float32("13,9,3", draws, 1.0, &signature)),
        ("f16", f16(&[13, 9, 3], draws, &signature)),
        ("int8", int8(&[13, 9, 3], draws, &signature)),
        ("int4", int4(&[13, 9, 3], draws, &signature)),
    ] {
        check(&format!("labels of {format}"), &bytes, &[&[], SANITIZED]);
    }
}

/// There is no class; names and units are those of the file.
#[test]
fn the_header_says_what_the_outputs_are() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let names = ["temperature", "größe ??/"];
    let units = ["°C", "-"].map(String::from);
    let header = |task: TaskBuf, units: &[String]| {
        let signature =
            SignatureBuf::new(InputShape::Features(3), &Classes::named(names).unwrap()).with_task(task, units);
        exported(folder, &int8(&[3, 2], &mut Draws::new(1), &signature));
        fs::read_to_string(folder.join("net.h")).unwrap()
    };
    let lacks = |text: &str, words: &[&str]| words.iter().all(|word| !text.contains(word));
    let text = header(TaskBuf::MultiLabel, &[]);
    for words in [
        "#define NET_INPUTS 3\n#define NET_OUTPUTS 2\n",
        "A sample has a label where its logit is above 0.",
        "void net_logits(const uint8_t input[NET_INPUTS], int32_t logits[NET_OUTPUTS]);",
        "/* The labels' names, in UTF-8. */\nextern const char *const net_output_names[NET_OUTPUTS];",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(lacks(&text, &["classify", "CLASSES", "class_names", "values", "units"]), "{text}");

    let text = header(TaskBuf::scaled([(2.0, 20.0), (0.5, 0.0)]), &units);
    for words in [
        "#define NET_INPUTS 3\n#define NET_OUTPUTS 2\n",
        "void net_values(const uint8_t input[NET_INPUTS], float values[NET_OUTPUTS]);",
        "void net_values_in(net_scratch *scratch, const uint8_t input[NET_INPUTS], float values[NET_OUTPUTS]);",
        "/* The targets' names, in UTF-8. */\nextern const char *const net_output_names[NET_OUTPUTS];",
        "extern const char *const net_output_units[NET_OUTPUTS];",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(lacks(&text, &["classify", "CLASSES", "class_names"]), "{text}");
    let main = "#include <stdio.h>\n#include \"net.h\"\n\
                int main(void) { int i; for (i = 0; i < NET_OUTPUTS; i++) { printf(\"%s in %s\\n\", net_output_names[i], \
                net_output_units[i]); } return 0; }\n";
    fs::write(folder.join("main.c"), main).unwrap();
    let output = cc().current_dir(folder).args(STRICT).args(["net.c", "main.c", "-o", "program"]).output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    let said = Command::new(folder.join("program")).output().unwrap().stdout;
    assert_eq!(String::from_utf8(said).unwrap(), "temperature in °C\ngröße ??/ in \n");
}

#[test]
fn outputs_without_names_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (task, words) in [
        (TaskBuf::MultiLabel, "note: net.int8 names no labels, so there is no net_output_names"),
        (TaskBuf::scaled([(1.0, 0.0); 2]), "note: net.int8 names no targets, so there is no net_output_names"),
    ] {
        let signature = SignatureBuf::default().with_task(task, &[]);
        fs::write(folder.join("net.int8"), int8(&[3, 2], &mut Draws::new(1), &signature)).unwrap();
        let output = export(folder, &["net.int8"]);
        let text = tests::text(&output);
        assert!(output.status.success() && text.contains(words), "{text}");
        assert!(!fs::read_to_string(folder.join("net.h")).unwrap().contains("names"));
    }
}
