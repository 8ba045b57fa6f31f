//! `selvedge export-c`: the C that it writes is compiled here, with every warning an error, and computes the host's bits.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

mod networks;
mod tasks;
mod values;

use std::{
    collections::HashSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use host::{
    classes::{Classes, SignatureBuf},
    model_file::ModelFile,
};
use selvedge::{
    message::{Logits, WeightFormat},
    preparation::Element,
    shape::InputShape,
    task::{Task, TaskKind},
};

use networks::{Draws, f16, float32, int4, int8, limits};

/// The compiler options of a careful user.
const STRICT: [&str; 7] = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-O2"];

/// Reads samples, and writes of each the logits, and the class or the values. `net_logits_in` begins in memory that is not zero.
const MAIN: &str = r#"
#include <stdio.h>
#include <string.h>
#include "net.h"

#ifdef NET_CLASSES
#define OUTPUTS NET_CLASSES
#else
#define OUTPUTS NET_OUTPUTS
#endif

static ELEMENT input[NET_INPUTS];
static LOGIT logits[OUTPUTS], again[OUTPUTS];
static net_scratch scratch;
typedef char scratch_has_the_bytes_that_are_said[sizeof scratch == SCRATCH ? 1 : -1];

int main(void)
{
    while (fread(input, sizeof input[0], NET_INPUTS, stdin) == NET_INPUTS) {
        net_logits(input, logits);
        memset(&scratch, 0xa5, sizeof scratch);
        net_logits_in(&scratch, input, again);
        if (memcmp(logits, again, sizeof logits) != 0) {
            return 1;
        }
        fwrite(logits, sizeof logits[0], OUTPUTS, stdout);
        memset(&scratch, 0x5a, sizeof scratch);
#ifdef NET_CLASSES
        {
            const uint16_t best = net_classify(input);
            if (net_classify_in(&scratch, input) != best) {
                return 1;
            }
            fwrite(&best, sizeof best, 1, stdout);
        }
#endif
#ifdef VALUES
        {
            static float values[OUTPUTS], others[OUTPUTS];
            net_values(input, values);
            net_values_in(&scratch, input, others);
            if (memcmp(values, others, sizeof values) != 0) {
                return 1;
            }
            fwrite(values, sizeof values[0], OUTPUTS, stdout);
        }
#endif
    }
    return 0;
}
"#;

/// ARM's instructions as ARM's manual describes them, so that the code for them runs here.
const ARM_ACLE: &str = r#"
#include <stdint.h>
typedef int32_t int16x2_t;
typedef int32_t int8x4_t;
static inline int32_t __smlad(int16x2_t a, int16x2_t b, int32_t sum)
{
    const int32_t low = (int16_t)(a & 0xffff) * (int16_t)(b & 0xffff), high = (a >> 16) * (b >> 16);
    return (int32_t)((uint32_t)sum + (uint32_t)low + (uint32_t)high);
}
static inline int16x2_t __sxtb16(int8x4_t a)
{
    return (int32_t)(((uint32_t)(int32_t)(int8_t)(a & 0xff) & 0xffff) | (uint32_t)(int32_t)(int8_t)(a >> 16 & 0xff) << 16);
}
"#;

/// Runs a program with an input, and returns what it says.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program that ends early reads no more.
    let _ = writer.join().unwrap();
    output
}

fn export(folder: &Path, arguments: &[&str]) -> Output {
    tests::selvedge(folder).arg("export-c").args(arguments).output().unwrap()
}

/// Exports a file as `net`, and returns the bytes that it says a prediction works in.
fn exported(folder: &Path, bytes: &[u8]) -> String {
    fs::write(folder.join("file"), bytes).unwrap();
    let output = export(folder, &["file", "--name", "net"]);
    let text = tests::text(&output);
    assert!(output.status.success(), "{text}");
    let (_, said) = text.split_once("constants, ").unwrap();
    fs::write(folder.join("main.c"), MAIN).unwrap();
    fs::write(folder.join("all.c"), "#include \"net.c\"\n#include \"main.c\"\n").unwrap();
    said.split(' ').next().unwrap().to_owned()
}

fn cc() -> Command {
    Command::new("cc")
}

/// Compiles the exported file and the program. With further flags than [`STRICT`], they are one source: this takes half the time.
fn compile(folder: &Path, way: &[&str], defined: &[String]) -> PathBuf {
    let program = folder.join("program");
    let sources: &[&str] = if way.is_empty() { &["net.c", "main.c"] } else { &["all.c"] };
    let flags = [&STRICT, way].concat();
    let output = cc().current_dir(folder).args(sources).args(&flags).args(defined).args(["-o", "program"]).output();
    let output = output.expect("a C compiler, which the project needs");
    assert!(output.status.success(), "{flags:?}: {}", tests::text(&output));
    program
}

/// The C type of an input.
fn element(element: Element) -> &'static str {
    match element {
        Element::U8 => "uint8_t",
        Element::I8 => "int8_t",
        Element::I16 => "int16_t",
        Element::U16 => "uint16_t",
        Element::F32 => "float",
    }
}

/// Zeros, 255s, then samples with more and more zeros.
fn samples(inputs: usize, count: usize, draws: &mut Draws) -> Vec<u8> {
    let mut samples = [vec![0; inputs], vec![255; inputs]].concat();
    for sample in 2..count {
        let zeros = sample % 11;
        samples.extend((0..inputs).map(|_| if draws.below(10) < zeros as u32 { 0 } else { draws.bits() as u8 }));
    }
    samples
}

/// A sample's logits as their bits, and its class or a regression's values as theirs.
type Answer = (Vec<u32>, Option<u16>, Vec<u32>);

/// Returns the bits of a number, the same ones for every NaN: the NaN that an operation gives is not defined.
fn bits(word: [u8; 4], is_float: bool) -> u32 {
    if is_float && f32::from_ne_bytes(word).is_nan() { f32::NAN.to_bits() } else { u32::from_ne_bytes(word) }
}

fn expected(logits: &Logits<'_>, task: Task<'_>) -> Answer {
    let words: Vec<[u8; 4]> = match logits {
        Logits::Float32(words) => words.iter().collect(),
        Logits::Int32 { sums, .. } => sums.iter().collect(),
    };
    let is_float = matches!(logits, Logits::Float32(_));
    let word = |word: [u8; 4]| bits(u32::from_le_bytes(word).to_ne_bytes(), is_float);
    let class = (task.kind() == TaskKind::Classification).then_some(logits.class() as u16);
    let mut values: Vec<f32> = match task {
        Task::Regression(_) => logits.values().collect(),
        Task::Classification | Task::MultiLabel => Vec::new(),
    };
    task.restore(&mut values);
    let values = values.into_iter().map(|value| bits(value.to_ne_bytes(), true));
    (words.into_iter().map(word).collect(), class, values.collect())
}

/// Reads what the program wrote for a sample of this number of outputs.
fn written(bytes: &[u8], outputs: usize, is_float: bool, task: TaskKind) -> Answer {
    let (logits, rest) = bytes.split_at(4 * outputs);
    let words = |bytes: &[u8], is_float| bytes.as_chunks().0.iter().map(|&word| bits(word, is_float)).collect();
    let (class, values) = match task {
        TaskKind::Classification => (Some(u16::from_ne_bytes([rest[0], rest[1]])), Vec::new()),
        TaskKind::MultiLabel | TaskKind::Regression => (None, words(rest, true)),
    };
    (words(logits, is_float), class, values)
}

/// Compiles a network of bytes in each of these ways, and compares its logits with the host's.
fn check(what: &str, bytes: &[u8], ways: &[&[&str]]) {
    let inputs = ModelFile::parse(bytes).unwrap().architecture().inputs();
    let count = if inputs > 500 { 60 } else { 300 };
    check_samples(what, bytes, ways, &samples(inputs, count, &mut Draws::new(9)));
}

/// The same with these samples.
fn check_samples(what: &str, bytes: &[u8], ways: &[&[&str]], samples: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = ModelFile::parse(bytes).unwrap();
    let is_float = matches!(file.format(), WeightFormat::F32 | WeightFormat::F16);
    let scratch = exported(folder, bytes);
    let logit = if is_float { "float" } else { "int32_t" };
    let element = element(file.signature().preparation.element());
    let task = file.signature().task;
    let mut defined = vec![format!("-DSCRATCH={scratch}"), format!("-DLOGIT={logit}"), format!("-DELEMENT={element}")];
    if task.kind() == TaskKind::Regression {
        defined.push("-DVALUES".into());
    }
    fs::write(folder.join("arm_acle.h"), ARM_ACLE).unwrap();
    let all = file.logits(&tests::plain_engine(), samples).unwrap();
    let expected: Vec<Answer> = all.iter().map(|logits| expected(&logits, task)).collect();
    let distinct = expected.iter().collect::<HashSet<_>>().len();
    assert!(distinct >= if is_float { 2 } else { 10 }, "{what}: {distinct} answers tell little");
    for way in ways {
        let program = compile(folder, way, &defined);
        let output = run(&mut Command::new(program), samples);
        assert!(output.status.success() && output.stderr.is_empty(), "{what} {way:?}: {}", tests::text(&output));
        let (logits, class, values) = &expected[0];
        let len = 4 * (logits.len() + values.len()) + 2 * usize::from(class.is_some());
        let of_sample = output.stdout.chunks_exact(len);
        let found: Vec<Answer> = of_sample.map(|bytes| written(bytes, logits.len(), is_float, task.kind())).collect();
        assert_eq!(found.len(), expected.len(), "{what} {way:?}");
        let different = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        assert_eq!(different, None, "{what} {way:?}: this sample is different");
    }
}

const SANITIZED: &[&str] = &["-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"];
/// The code for ARM's instructions, in the same two ways.
const DSP: &[&str] = &["-D__ARM_FEATURE_DSP=1", "-I."];
const DSP_SANITIZED: &[&str] = &["-D__ARM_FEATURE_DSP=1", "-I.", "-fsanitize=undefined", "-fno-sanitize-recover=all"];

/// Odd widths, blocks and groups that are filled up, one layer, several.
const WIDTHS: [&[u32]; 8] = [
    &[1, 1],
    &[13, 7, 3],
    &[2, 8, 8, 8, 1],
    &[64, 9, 2],
    &[65, 64, 9],
    &[131, 130, 129, 17],
    &[3, 70, 1],
    &[784, 16, 10],
];

#[test]
fn integers_of_8_bits_are_the_hosts() {
    for (seed, widths) in WIDTHS.into_iter().enumerate() {
        let bytes = int8(widths, &mut Draws::new(seed as u64 + 20), &SignatureBuf::default());
        check(&format!("int8 {widths:?}"), &bytes, &[&[], SANITIZED, DSP, DSP_SANITIZED]);
    }
}

#[test]
fn integers_of_4_bits_are_the_hosts() {
    for (seed, widths) in WIDTHS.into_iter().enumerate() {
        let bytes = int4(widths, &mut Draws::new(seed as u64 + 20), &SignatureBuf::default());
        check(&format!("int4 {widths:?}"), &bytes, &[&[], SANITIZED, DSP, DSP_SANITIZED]);
    }
}

/// The largest sums, biases and multipliers that a file may have.
#[test]
fn integers_at_their_limits_are_the_hosts() {
    for (what, bytes) in limits() {
        check(what, &bytes, &[SANITIZED, DSP_SANITIZED]);
    }
}

/// The ways in which floats are computed. Where the processor has a fused multiply-add, also by it, with a compiler that would contract.
fn floats() -> Vec<&'static [&'static str]> {
    let mut ways: Vec<&[&str]> = vec![&[], SANITIZED, &["-O0"]];
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") {
        ways.push(&["-mfma", "-lm"]);
        ways.push(&["-mfma", "-ffp-contract=fast", "-O3", "-lm"]);
    }
    #[cfg(target_arch = "aarch64")]
    ways.push(&["-ffp-contract=fast", "-O3", "-lm"]);
    ways
}

/// Returns the first way, and each second one of the others: those of odd and of even places in turn.
fn in_turn(ways: Vec<&'static [&'static str]>, turn: usize) -> Vec<&'static [&'static str]> {
    let ways = ways.into_iter().enumerate();
    ways.filter(|(place, _)| *place == 0 || place % 2 == turn % 2).map(|(_, way)| way).collect()
}

#[test]
fn floats_of_32_bits_are_the_hosts() {
    for (seed, layers) in [
        "1,1",
        "13,7,3",
        "784,16,10",
        "5 => 4 => 3 Relu",
        "9 => 21 LeakyRelu => 6 Tanh => 5 Sigmoid => 2",
        "9 => 21 Gelu => 6 BatchNorm1d Tanh => 5 BatchNorm1d => 4 LogSoftmax",
        "3 => 2 LogSoftmax => 2 Gelu",
        "6 => 300 BatchNorm1d Relu => 7 Tanh => 2",
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = float32(layers, &mut Draws::new(seed as u64), 1.0, &SignatureBuf::default());
        check(layers, &bytes, &in_turn(floats(), seed));
    }
    // Activations at their ends: sums of some hundreds, and of almost nothing.
    for (place, (layers, scale)) in [
        ("4 => 9 Tanh => 9 Sigmoid => 5 Gelu", 300.0),
        ("4 => 9 => 7 LogSoftmax", 300.0),
        ("4 => 9 Sigmoid", 300.0),
        ("4 => 9 Tanh", 1e-5),
        ("4 => 9 Gelu", 1e-5),
        ("4 => 9 LogSoftmax", 1e-5),
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = float32(layers, &mut Draws::new(7), scale, &SignatureBuf::default());
        check(&format!("{layers} times {scale}"), &bytes, &in_turn(floats(), place));
    }
}

/// Sums that are infinite or no numbers, of which none is the largest.
#[test]
fn floats_that_are_no_numbers_are_the_hosts() {
    for layers in ["4,9,3", "4 => 3 LogSoftmax", "4 => 9 Gelu => 3 Tanh"] {
        let bytes = float32(layers, &mut Draws::new(3), 3e38, &SignatureBuf::default());
        check(&format!("{layers} times 3e38"), &bytes, &floats());
    }
}

#[test]
fn floats_of_16_bits_are_the_hosts() {
    for (seed, widths) in WIDTHS.into_iter().enumerate() {
        let bytes = f16(widths, &mut Draws::new(seed as u64 + 20), &SignatureBuf::default());
        check(&format!("f16 {widths:?}"), &bytes, &in_turn(floats(), seed));
    }
}

/// Names that C would take for something else.
#[test]
fn hostile_names_stay_names() {
    const NAMES: [&str; 7] = ["??/", "a\\b\"c", "größe 1", "*/ #error", "/* %s", "\\", "??=define"];
    let folder = tempfile::tempdir().unwrap();
    let features: Vec<String> = NAMES[..3].iter().map(|&name| name.into()).collect();
    let signature = SignatureBuf::new(InputShape::Features(3), &Classes::named(NAMES).unwrap())
        .with_features(&features, &NAMES[4..].iter().map(|&unit| unit.into()).collect::<Vec<_>>());
    let bytes = int8(&[3, 7], &mut Draws::new(1), &signature);
    let path = "a*/*b ??/ 'ö\\\"\u{202e}.int8";
    fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
    fs::write(folder.path().join(path), bytes).unwrap();
    let output = export(folder.path(), &[path, "--out", "c/int_net.c"]);
    assert!(output.status.success(), "{}", tests::text(&output));
    let main = "#include <stdio.h>\n#include \"int_net.h\"\n\
                int main(void) { int i; for (i = 0; i < INT_NET_CLASSES; i++) { puts(int_net_class_names[i]); }\n\
                for (i = 0; i < INT_NET_INPUTS; i++) { puts(int_net_feature_names[i]); } return 0; }\n";
    let folder = folder.path().join("c");
    fs::write(folder.join("main.c"), main).unwrap();
    let output =
        cc().current_dir(&folder).args(STRICT).args(["int_net.c", "main.c", "-o", "program"]).output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    let said = Command::new(folder.join("program")).output().unwrap().stdout;
    assert_eq!(String::from_utf8(said).unwrap().lines().collect::<Vec<_>>(), [&NAMES[..], &NAMES[..3]].concat());
    let header = fs::read_to_string(folder.join("int_net.h")).unwrap();
    assert!(header.is_ascii() && header.contains("selvedge export-c $'a*\\/\\*b ?"), "{header}");
}

/// The files say where they are from, are the same each time, and are made in a folder that is not there yet.
#[test]
fn the_files_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let signature = SignatureBuf::new(InputShape::Image { channels: 1, height: 2, width: 3 }, &Classes::numbered(2));
    let bytes = int8(&[6, 4, 2], &mut Draws::new(1), &signature);
    fs::write(path.join("12-int.int8"), &bytes).unwrap();
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    for _ in 0..2 {
        let output = export(path, &["12-int.int8", "--out", "new/folder"]);
        let text = tests::text(&output);
        assert!(output.status.success() && text.contains("note: 12-int.int8 names no classes"), "{text}");
        assert!(
            text.contains("Wrote new/folder/network_12_int.h and new/folder/network_12_int.c: 6-4-2 in int8"),
            "{text}"
        );
    }
    let header = read("new/folder/network_12_int.h");
    let sha = host::weights::hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes));
    for words in [
        "selvedge export-c 12-int.int8 --name network_12_int\n",
        sha.as_str(),
        "#define NETWORK_12_INT_INPUTS 6\n#define NETWORK_12_INT_CLASSES 2\n",
        "#define NETWORK_12_INT_HEIGHT 2\n",
        "#define NETWORK_12_INT_LOGIT_SCALE 3.00000012e-1f\n",
    ] {
        assert!(header.contains(words), "{words}: {header}");
    }
    assert!(!header.contains("class_names"));
    let source = read("new/folder/network_12_int.c");
    assert!(export(path, &["12-int.int8", "--name", "network_12_int"]).status.success());
    assert_eq!((read("network_12_int.h"), read("network_12_int.c")), (header, source));
}

#[test]
fn what_cannot_be_exported_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let signature = SignatureBuf::default();
    let good = int8(&[3, 2], &mut Draws::new(1), &signature);
    fs::write(folder.join("good.int8"), &good).unwrap();
    fs::write(folder.join("short.int8"), &good[..good.len() - 9]).unwrap();
    fs::write(folder.join("nan.selvedge"), float32("3,2", &mut Draws::new(1), f32::NAN, &signature)).unwrap();
    fs::write(folder.join("samples"), [0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap();
    fs::write(folder.join("mine.c"), "int main(void) { return 0; }\n").unwrap();
    for (arguments, code, words) in [
        ("none.int8", 1, "none.int8"),
        ("short.int8", 1, "short.int8: "),
        ("samples", 1, "samples: this is a file of labels of a data set (IDX)"),
        ("nan.selvedge", 1, "nan.selvedge: linear_relu_stack.0.weight[0, 0] is NaN"),
        ("good.int8 --out mine.c/below", 1, "cannot write mine.c/below/good.h"),
        ("good.int8 --out mine.c", 1, "mine.c is there, and is not a file that export-c wrote"),
        ("good.int8 --name mine", 1, "mine.c is there, and is not a file that export-c wrote"),
        ("good.int8 --name int", 2, "it is a word of C or the name of one of its headers; take int_network or another"),
        ("good.int8 --name stdint", 2, "take stdint_network"),
        ("good.int8 --name 9x", 2, "a name in C begins with one of a-z and A-Z"),
        ("good.int8 --out 9x.c", 1, "--out 9x.c: 9x: a name in C begins with"),
        ("good.int8 --out x.c --name y", 1, "--out x.c and --name y are two names"),
        ("", 2, "FILE"),
    ] {
        let output = export(folder, &arguments.split_whitespace().collect::<Vec<_>>());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {error}");
        assert!(error.contains(words) && !error.contains("panicked"), "{arguments}: {error}");
        assert!(code == 2 || error.lines().count() == 1, "{arguments}: {error}");
    }
    assert_eq!(fs::read_to_string(folder.join("mine.c")).unwrap(), "int main(void) { return 0; }\n");
    assert!(!folder.join("mine.h").exists() && !folder.join("good.h").exists());
}
