//! Runs the readers of a device and its host on the fuzzers' corpus. Each input of it once reached new code.

use std::{collections::BTreeSet, fs, path::Path};

use options::recipe::RecipeOptions;
use selvedge::{
    architecture::Architecture,
    message::{Decoder, Logits, Prediction, Request, Response},
    quantized::{F16, Int4, Int8, QuantizedFile, QuantizedFormat},
    shape::InputShape,
};

#[path = "../../../fuzz/src/targets.rs"]
mod targets;
#[path = "../../../fuzz/src/text.rs"]
mod text;

#[path = "../../../fuzz/src/pictures.rs"]
mod pictures;

fn replay(target: &str, mut run: impl FnMut(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| run(&fs::read(file.expect("the folder is read").path()).expect("the file is read"))).count()
}

#[test]
fn the_loaders_take_what_the_fuzzer_kept() {
    assert!(replay("int8_file", targets::int8_file) >= 4);
    assert!(replay("int4_file", targets::int4_file) >= 3);
    assert!(replay("f16_file", targets::f16_file) >= 3);
}

#[test]
fn pictures_are_read_or_refused() {
    assert!(replay("pictures", pictures::pictures) >= 6);
}

/// The fuzzer starts from a picture of each format.
#[test]
fn the_first_pictures_are_read() {
    let shape = InputShape::Image { channels: 1, height: 28, width: 28 };
    let mut read = 0;
    replay("pictures", |bytes| {
        let prepared = host::picture::read_bytes("picture".as_ref(), bytes.to_vec(), shape);
        read += usize::from(prepared.is_ok());
    });
    assert!(read >= 6, "{read}");
}

/// The fuzzer starts from bodies that become whole files: else it would never come to a prediction.
#[test]
fn the_first_bodies_are_networks() {
    fn taken<F: QuantizedFormat>(target: &str, magic: &[u8; 8], version: u8) -> usize {
        let mut taken = 0;
        replay(target, |body| {
            taken += usize::from(QuantizedFile::<F>::parse(&targets::framed(magic, version, body)).is_ok());
        });
        taken
    }
    for version in targets::VERSIONS {
        let taken = [
            taken::<Int8>("int8_file", targets::INT8_MAGIC, version),
            taken::<Int4>("int4_file", targets::INT4_MAGIC, version),
            taken::<F16>("f16_file", targets::F16_MAGIC, version),
        ];
        assert!(taken.iter().all(|&taken| taken >= 3), "version {version}: {taken:?}");
    }
}

#[test]
fn recipes_and_layers_take_what_the_fuzzer_kept() {
    assert!(replay("recipe", text::recipe) >= 5);
    assert!(replay("layers", text::layers) >= 8);
}

/// The fuzzer starts from text that is read: else it would come to a network only by luck.
#[test]
fn the_first_texts_are_recipes_and_networks() {
    let (mut recipes, mut networks) = (0, 0);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap_or_default();
    replay("recipe", |bytes| recipes += usize::from(RecipeOptions::parse(&text(bytes), Path::new("-")).is_ok()));
    replay("layers", |bytes| networks += usize::from(text(bytes).parse::<Architecture>().is_ok()));
    assert!(recipes >= 4 && networks >= 6, "{recipes} recipes, {networks} networks");
}

#[test]
fn both_ends_of_a_line_take_what_the_fuzzer_kept() {
    assert!(replay("frames", targets::frames) >= 15);
}

/// The fuzzer starts from every kind of message, as it comes and as it is described: else it would hardly guess a checksum.
#[test]
fn the_first_frames_are_messages() {
    let mut found = [(); 2].map(|()| BTreeSet::new());
    replay("frames", |bytes| {
        for (found, line) in found.iter_mut().zip([bytes, &targets::line(bytes)]) {
            let (mut device, mut host) =
                (Decoder::new([0; targets::REQUEST_LEN]), Decoder::new([0; targets::RESPONSE_LEN]));
            for &byte in line {
                found.extend(device.push(byte).and_then(Result::ok).map(request));
                found.extend(host.push(byte).and_then(Result::ok).map(response));
            }
        }
    });
    let requests = ["to evaluate", "what an output is", "to predict", "to reset", "what it counted", "what it is"];
    let responses = ["an error", "an output", "an info", "float32 logits", "int32 logits", "statistics"];
    let kinds: BTreeSet<_> = requests.into_iter().chain(responses).collect();
    assert_eq!(found, [kinds.clone(), kinds]);
}

fn request(request: Request<'_>) -> &'static str {
    match request {
        Request::Info => "what it is",
        Request::Predict { .. } => "to predict",
        Request::Evaluate { .. } => "to evaluate",
        Request::Statistics => "what it counted",
        Request::Reset => "to reset",
        Request::Output { .. } => "what an output is",
    }
}

fn response(response: Response<'_>) -> &'static str {
    match response {
        Response::Info(_) => "an info",
        Response::Prediction(Prediction { logits: Logits::Float32(_), .. }) => "float32 logits",
        Response::Prediction(Prediction { logits: Logits::Int32 { .. }, .. }) => "int32 logits",
        Response::Statistics(_) => "statistics",
        Response::Error(_) => "an error",
        Response::Output(_) => "an output",
    }
}
