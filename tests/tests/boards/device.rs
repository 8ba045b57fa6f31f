//! Host against the emulated boards: the same classes, the same logits, the same trained weights, bit for bit.
//!
//! `cargo xtask flash` compares what the board prints with what the host computes, and fails on any difference; these tests run it
//! as a user does, and read its verdict.

use std::{fs, path::Path};

use selvedge::fingerprint;
use tests::{fashion_mnist, has_arm_c_compiler, has_emulator, text, trained, trained_on_waves, workspace, xtask};

/// The samples that each board classifies.
const SAMPLES: u32 = 100;

/// Runs `cargo xtask flash`, which must succeed, and returns what it prints.
fn flash(arguments: &[&str]) -> String {
    let output = xtask(&["flash"]).args(arguments).output().expect("cargo starts");
    let text = text(&output);
    assert!(output.status.success(), "flash {arguments:?}:\n{text}");
    text
}

/// Runs `cargo xtask flash`, which must fail, and returns what it prints.
fn refused(arguments: &[&str]) -> String {
    let output = xtask(&["flash"]).args(arguments).output().expect("cargo starts");
    assert!(!output.status.success(), "flash {arguments:?}:\n{}", text(&output));
    text(&output)
}

fn predicts_the_hosts_bits(board: &str, model: &str) {
    if !has_emulator(&format!("{board}'s logits")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = trained(folder.path(), model);
    let count = SAMPLES.to_string();
    let text = flash(&["--board", board, "--weights", &weights, "--data", "builtin", "--count", &count]);
    assert!(
        text.contains(&format!("{SAMPLES} of {SAMPLES} samples: class and logits equal the host's bits")),
        "{text}"
    );
    // The answers for the single samples are for -v.
    assert!(text.contains(&format!("{SAMPLES} samples, ")) && !text.contains("sample 0: "), "{text}");
}

/// The same note as `eval`'s, for a network and for one that is quantised on the way.
#[test]
fn a_board_that_is_tested_on_other_data_is_said_to_be() {
    if !has_emulator("a network on a board, with other samples than its own") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = trained(folder.path(), "tiny");
    let other = folder.path().join("other");
    tests::write_small_data(&other, [100, 20]);
    let other = other.to_string_lossy();
    for format in ["f32", "int8"] {
        let text = flash(&["--board", "microbit", "--weights", &weights, "--format", format, "--data", &other]);
        assert_eq!(text.matches("note: the weights were trained on builtin").count(), 1, "{text}");
    }
    let text = flash(&["--board", "microbit", "--weights", &weights, "--data", "builtin", "--count", "2"]);
    assert!(!text.contains("the weights were trained on"), "{text}");
}

#[test]
fn mps2_an386_predicts_the_hosts_bits_with_the_quickstarts_model() {
    predicts_the_hosts_bits("mps2-an386", "quickstart");
}

#[test]
fn netduinoplus2_predicts_the_hosts_bits_with_the_small_model() {
    predicts_the_hosts_bits("netduinoplus2", "small");
}

#[test]
fn mps2_an505_predicts_the_hosts_bits_with_the_small_model() {
    predicts_the_hosts_bits("mps2-an505", "small");
}

#[test]
fn riscv32_virt_predicts_the_hosts_bits_with_the_tiny_model() {
    predicts_the_hosts_bits("riscv32-virt", "tiny");
}

/// Data of another shape, and a network for it.
#[test]
fn boards_predict_and_train_the_hosts_bits_with_a_network_for_other_data() {
    if !has_emulator("a 12-40-3 network on the boards") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = trained_on_waves(folder.path());
    let data = folder.path().to_string_lossy().into_owned();
    for (board, format) in [
        ("mps2-an386", "f32"),
        ("mps2-an386", "int4"),
        ("microbit", "f32"),
        ("microbit", "int8"),
        ("mps2-an505", "int8"),
        ("riscv32-virt", "f32"),
    ] {
        let arguments = ["--board", board, "--weights", &weights, "--format", format, "--data", &data, "--count", "30"];
        let text = flash(&[&arguments[..], &["-v"]].concat());
        assert!(text.contains("30 of 30 samples: class and logits equal the host's bits"), "{text}");
        assert!(text.contains("sample 2: class 2 still, "), "{text}");
    }
    let text = flash(&["--board", "mps2-an386", "--program", "train", "--layers", "12,40,3", "--data", &data]);
    assert!(text.contains("train 12-40-3"), "{text}");
    assert!(text.contains("The board's trained weights equal the host's bits"), "{text}");
}

#[test]
fn microbit_predicts_the_hosts_bits_with_the_tiny_model() {
    predicts_the_hosts_bits("microbit", "tiny");
}

fn predicts_the_hosts_quantised_bits(board: &str, model: &str, format: &str) {
    if !has_emulator(&format!("{board}'s logits in {format}")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = trained(folder.path(), model);
    let text = flash(&["--board", board, "--weights", &weights, "--format", format, "--data", "builtin"]);
    assert!(text.contains("100 of 100 samples: class and logits equal the host's bits"), "{text}");
}

#[test]
fn mps2_an386_predicts_the_hosts_integers() {
    predicts_the_hosts_quantised_bits("mps2-an386", "tiny", "int8");
}

#[test]
fn netduinoplus2_holds_the_quickstart_in_int8() {
    predicts_the_hosts_quantised_bits("netduinoplus2", "quickstart", "int8");
}

#[test]
fn microbit_holds_the_small_model_in_int8() {
    predicts_the_hosts_quantised_bits("microbit", "small", "int8");
}

#[test]
fn netduinoplus2_predicts_the_hosts_integers_of_4_bits() {
    predicts_the_hosts_quantised_bits("netduinoplus2", "small", "int4");
}

#[test]
fn microbit_predicts_the_hosts_integers_of_4_bits() {
    predicts_the_hosts_quantised_bits("microbit", "tiny", "int4");
}

#[test]
fn mps2_an386_predicts_the_hosts_bits_with_weights_of_16() {
    predicts_the_hosts_quantised_bits("mps2-an386", "tiny", "f16");
}

#[test]
fn microbit_predicts_the_hosts_bits_with_weights_of_16() {
    predicts_the_hosts_quantised_bits("microbit", "tiny", "f16");
}

#[test]
fn mps2_an505_predicts_the_hosts_integers_and_bits_with_weights_of_16() {
    for format in ["int8", "int4", "f16"] {
        predicts_the_hosts_quantised_bits("mps2-an505", "tiny", format);
    }
}

#[test]
fn riscv32_virt_predicts_the_hosts_integers_and_bits_with_weights_of_16() {
    for format in ["int8", "int4", "f16"] {
        predicts_the_hosts_quantised_bits("riscv32-virt", "tiny", format);
    }
}

/// Checks the figures of docs/bench-device.json to 1 %: instructions, and bytes of code, RAM and stack.
#[test]
fn a_prediction_takes_no_more_than_the_docs_say() {
    const WHAT: &str = "the boards' instructions against docs/bench-device.json";
    if fashion_mnist(WHAT).is_none() || !has_emulator(WHAT) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rows.json");
    let read = |path: &Path| -> Vec<serde_json::Value> {
        serde_json::from_str(&fs::read_to_string(path).expect("the rows are there")).expect("rows")
    };
    let docs = read(&workspace().join("docs/bench-device.json"));
    for (board, model, format) in [
        ("mps2-an386", "quickstart", "int8"),
        ("mps2-an386", "quickstart", "f32"),
        ("mps2-an386", "small", "int4"),
        ("mps2-an386", "small", "f16"),
        ("microbit", "small", "int8"),
        ("mps2-an505", "small", "int8"),
        ("mps2-an505", "small", "f32"),
        ("riscv32-virt", "small", "int8"),
        ("riscv32-virt", "tiny", "f32"),
    ] {
        let chosen = ["--board", board, "--model", model, "--format", format];
        let output = xtask(&["bench", "device"]).args(chosen).arg("--json").arg(&file).output().expect("cargo starts");
        assert!(output.status.success(), "{}", text(&output));
        let now = read(&file);
        let of = |row: &&serde_json::Value| row["board"] == board && row["model"] == model && row["format"] == format;
        let before = docs.iter().find(of).expect("docs/bench-device.json has the row");
        for figure in ["instructions", "code_bytes", "static_ram_bytes", "stack_bytes"] {
            let [now, before] = [&now[0], before].map(|row| row[figure].as_f64().expect("a number"));
            assert!(now <= 1.01 * before, "{board}, {model}, {format}: {figure} were {before}, and are {now}");
        }
    }
}

/// Exported C, by ARM's instructions and without them.
#[test]
fn boards_compute_the_hosts_bits_in_c() {
    const WHAT: &str = "exported C on the boards";
    if !has_emulator(WHAT) || !has_arm_c_compiler(WHAT) {
        return;
    }
    // The benchmark follows each instruction, and the microbit has no floating-point unit: `small` in f16 would take minutes.
    for (board, model, format) in [
        ("mps2-an386", "small", "int8"),
        ("mps2-an386", "small", "int4"),
        ("mps2-an386", "small", "f16"),
        ("microbit", "small", "int8"),
        ("microbit", "tiny", "f16"),
    ] {
        let chosen = ["--board", board, "--model", model, "--format", format, "--data", "builtin", "--count", "20"];
        let output = xtask(&["bench", "device", "--c"]).args(chosen).output().expect("cargo starts");
        let text = text(&output);
        assert!(output.status.success(), "{board} in {format}: {text}");
        let equal = "20 of 20 samples: class and logits equal the host's bits";
        assert!(text.contains(equal), "{board} in {format}: {text}");
    }
}

/// Compilers differ by some instructions. None makes so many of them.
#[test]
fn exported_c_takes_less_than_half_of_cmsis_nns_instructions() {
    const WHAT: &str = "exported C's instructions";
    const CMSIS_NN: f64 = 1_305_310.0;
    if fashion_mnist(WHAT).is_none() || !has_emulator(WHAT) || !has_arm_c_compiler(WHAT) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rows.json");
    let chosen = ["--board", "mps2-an386", "--model", "quickstart", "--format", "int8", "--json"];
    let output = xtask(&["bench", "device", "--c"]).args(chosen).arg(&file).output().expect("cargo starts");
    assert!(output.status.success(), "{}", text(&output));
    let rows: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("the rows are there")).expect("rows");
    let instructions = rows[0]["instructions"].as_f64().expect("a number");
    assert!(instructions > 0.0 && instructions < CMSIS_NN / 2.0, "{rows}");
}

#[test]
fn netduinoplus2_trains_the_hosts_weights() {
    if has_emulator("training on the board") {
        let text = flash(&["--board", "netduinoplus2", "--program", "train", "--data", "builtin"]);
        assert!(text.contains("The board's trained weights equal the host's bits"), "{text}");
    }
}

/// Chains of every length, fused multiply-adds among subnormals, `exp` and `ln`: more than a network's widths reach.
#[test]
fn every_boards_arithmetic_has_the_hosts_fingerprint() {
    if has_emulator("the boards' arithmetic") {
        for board in &board::names() {
            let text = flash(&["--board", board, "--program", "fingerprint"]);
            for (name, hash) in fingerprint::of_arithmetic() {
                assert!(text.contains(&format!("{name} {hash:016x}")), "{board}, {name} {hash:016x}:\n{text}");
            }
        }
    }
}

#[test]
fn every_boards_loader_refuses_broken_weight_files() {
    if has_emulator("the weight loader on the boards") {
        for board in &board::names() {
            let text = flash(&["--board", board, "--program", "loader"]);
            assert!(text.contains("bit flips refused"), "{text}");
        }
    }
}

#[test]
fn what_does_not_fit_a_board_does_not_build() {
    if !has_emulator("models that do not fit") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "quickstart");
    let too_large = ["--board", "netduinoplus2", "--weights", &weights, "--data", "builtin"];
    let train = ["--board", "microbit", "--program", "train", "--data", "builtin"];
    for (arguments, start, numbers) in [
        (&train, "train does not fit microbit, too large is the static RAM: ", " of 8,192 bytes; --board mps2-an386, "),
        (
            &too_large,
            "predict does not fit netduinoplus2, too large is the flash: ",
            " of 1,048,576 bytes; --format int8 (",
        ),
    ] {
        let text = refused(arguments);
        let error = last_line(&text);
        assert!(error.starts_with(&format!("error: {start}")) && error.contains(numbers), "{error}");
        assert!(!text.contains("Compiling firmware"), "{text}");
    }
    for (board, length) in [
        ("microbit", "8,192"),
        ("netduinoplus2", "8,192"),
        ("mps2-an386", "65,536"),
        ("mps2-an505", "65,536"),
        ("riscv32-virt", "65,536"),
    ] {
        let output = xtask(&["flash", "--board", board, "--program", "crash"]).env("SELVEDGE_CRASH", "deep").output();
        let output = output.expect("cargo starts");
        let error = last_line(&text(&output));
        assert!(!output.status.success(), "{error}");
        let start = format!("error: crash does not fit {board}, too large is the stack: flash ");
        assert!(error.starts_with(&start) && error.contains("; stack at most 1,048,"), "{error}");
        assert!(error.contains(&format!(" of {length}, the report of a panic aside")), "{error}");
    }
}

fn last_line(text: &str) -> String {
    text.lines().next_back().unwrap_or_default().to_owned()
}

/// The bound of the stack holds what a prediction was seen to take, and is near it.
#[test]
fn the_stacks_bound_is_above_what_is_measured_and_near_it() {
    if !has_emulator("the stack's bound") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    for (board, format) in [
        ("mps2-an386", "f32"),
        ("mps2-an386", "f16"),
        ("netduinoplus2", "int4"),
        ("microbit", "int8"),
        ("mps2-an505", "int8"),
        ("riscv32-virt", "int4"),
        ("riscv32-virt", "f32"),
    ] {
        let arguments = ["--board", board, "--program", "measure", "--weights", &weights, "--format", format];
        let text = flash(&[&arguments[..], &["--data", "builtin", "--count", "1"]].concat());
        let number = |before: &str| -> u64 {
            let (_, rest) =
                text.split_once(before).unwrap_or_else(|| panic!("{board}, {format}: no {before:?}:\n{text}"));
            rest.split(' ').next().unwrap_or_default().replace(',', "").parse().expect("a number")
        };
        let (bound, measured) = (number("stack at most "), number("stack: "));
        assert!((measured..2 * measured).contains(&bound), "{board}, {format}: {bound} for {measured}");
    }
}

#[test]
fn what_flash_cannot_do_is_said() {
    let boards = board::names().join(", ");
    assert!(boards.contains("microbit") && refused(&["--board", "none"]).contains(&boards));
    if has_emulator("flash's errors") {
        let folder = tempfile::tempdir().unwrap();
        let weights = trained(folder.path(), "tiny");
        // A file states its layers.
        for other in [["--model", "small"], ["--layers", "784,16,10"]] {
            let text = refused(&[&other[..], &["--weights", &weights, "--data", "builtin"]].concat());
            assert!(text.contains("cannot be used with '--weights <FILE>'"), "{text}");
        }
        let text = refused(&["--layers", "784 => 16 ReLU => 10", "--data", "builtin"]);
        assert!(text.contains("ReLU") && text.contains("Relu"), "{text}");
        assert!(refused(&["--weights", "none.selvedge", "--data", "builtin"]).contains("none.selvedge"));
        assert!(refused(&["--program", "train", "--weights", &weights]).contains("leave out --weights"));
    }
}
