use std::fs;

use host::{classes::SignatureBuf, model_file::ModelFile, network::Network};
use selvedge::{
    architecture::Architecture,
    message::{
        Candidate, Info, Logits, MessageError, OutputInfo, Prediction, Request, Response, Statistics, WeightFormat,
        encode, response_len,
    },
    preparation::Element,
    shape::InputShape,
    task::TaskKind,
    weights::WeightFile,
};
use serde::Serialize;

use super::{
    EVERY_KIND, FRAMES, QUANTIZED_VERSION_1, WEIGHT_FILE_VERSION_2, documented, example, from_hex, hex, signature,
    weight_file,
};

/// Each layer's number and then its widths, as varints.
#[test]
fn a_weight_files_layers_have_their_numbers() {
    let file = weight_file(EVERY_KIND, &SignatureBuf::default());
    let prelude = "53454c5645444745 0300";
    let layers = "0e 000601 0101 000101 0201 000101 0301 000101 0401 000101 0501 0001ac02 06ac02 00ac0202 0802";
    let expected = from_hex(&format!("{prelude}{layers}"));
    assert_eq!(hex(&file[..10]), hex(&expected[..10]));
    assert_eq!(hex(&file[14..][..expected.len() - 10]), hex(&expected[10..]));
    // Dropout has a number too, though no file has it: seven.
    let architecture: Architecture = EVERY_KIND.parse().unwrap();
    let numbers: Vec<u8> = architecture.layers().iter().map(|layer| encoded(layer).first().copied().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 7, 0, 8]);
}

/// A message's own bytes: a frame's content without version and checksum.
fn encoded(message: &impl Serialize) -> Vec<u8> {
    let mut buffer = [0; 1000];
    let frame = encode(message, &mut buffer).unwrap();
    let content = super::content(&frame[..frame.len() - 1]);
    content[1..content.len() - 4].to_vec()
}

/// A whole file of each format and version, byte for byte.
#[test]
fn files_are_byte_for_byte_what_they_were() {
    let of_today = documented();
    assert_eq!(hex(&weight_file("6 => 2 Relu => 2", &signature())), hex(&of_today));
    let before = from_hex(WEIGHT_FILE_VERSION_2);
    let (file, old) = (WeightFile::parse(&of_today).unwrap(), WeightFile::parse(&before).unwrap());
    assert_eq!((file.architecture(), file.record(), file.weights()), (old.architecture(), old.record(), old.weights()));
    assert_eq!(SignatureBuf::from(&file.signature()), signature());
    assert_eq!(SignatureBuf::from(&old.signature()), SignatureBuf::default());
    for (name, text) in QUANTIZED_VERSION_1 {
        let bytes = from_hex(text);
        let file = ModelFile::parse(&bytes).unwrap();
        assert_eq!((file.format_name(), file.architecture().to_string().as_str()), (name, "6-2-2"));
        assert_eq!(SignatureBuf::from(&file.signature()), SignatureBuf::default());
    }
}

#[test]
fn the_projects_own_files_still_load() {
    for name in ["quickstart", "small"] {
        let bytes = fs::read(tests::workspace().join("models").join(name).with_extension("selvedge")).unwrap();
        assert_eq!(bytes[8], 2, "{name} is of version 2");
        let file = WeightFile::parse(&bytes).unwrap();
        let network = Network::of_file(&file).unwrap();
        // That it is the hash of docs/recipes.md, another test says.
        assert_eq!((network.inputs(), network.outputs()), (784, 10));
    }
}

/// Each message's frame, in the order of their numbers.
#[test]
fn frames_are_byte_for_byte_what_they_were() {
    let info = Info {
        board: "microbit",
        layers: "6,2,2",
        format: WeightFormat::Int4,
        input: InputShape::Image { channels: 1, height: 2, width: 3 },
        element: Element::I16,
        outputs: 2,
        task: TaskKind::Regression,
        flash: 300,
        ram: 70_000,
        unit: "instructions",
    };
    let prediction = |logits| {
        let top = [Candidate { class: 1, probability: 0.75 }].into_iter().collect();
        Response::Prediction(Prediction { class: 1, top, instructions: 300, logits })
    };
    let statistics = Statistics { samples: 300, right: 299, total: 1 << 35, min: 1, max: 2 };
    let found = [
        frame(&Request::Info),
        frame(&Request::Predict { input: &[0, 1, 255] }),
        frame(&Request::Evaluate { input: &[0, 1, 255], label: 300 }),
        frame(&Request::Statistics),
        frame(&Request::Reset),
        frame(&Request::Output { output: 300 }),
        frame(&Response::Info(info)),
        frame(&prediction(Logits::float32(&[0.5, -2.0]))),
        frame(&prediction(Logits::int32(&[1, -2], 0.25))),
        frame(&Response::Statistics(statistics)),
        frame(&Response::Error(MessageError::Malformed)),
        frame(&Response::Error(MessageError::Checksum)),
        frame(&Response::Error(MessageError::TooLong)),
        frame(&Response::Error(MessageError::Version { found: 1 })),
        frame(&Response::Error(MessageError::InputSize { expected: 784, found: 3 })),
        frame(&Response::Error(MessageError::Output { found: 300, outputs: 10 })),
        frame(&Response::Error(MessageError::NoClasses)),
        frame(&Response::Output(OutputInfo { name: "größer", unit: "°C", scale: 2.0, shift: -0.5 })),
    ];
    assert_eq!(found.map(|frame| hex(&frame)), FRAMES);
}

/// Each frame of docs/formats.md is one of these, and holds what stands after it.
#[test]
fn the_documented_frames_are_among_them() {
    let mut documented: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (is_indented, bytes) in example("### Examples of frames\n") {
        match documented.last_mut() {
            Some((_, content)) if is_indented => content.extend(bytes),
            _ => documented.push((bytes, Vec::new())),
        }
    }
    assert_eq!(documented.len(), 4);
    for (frame, content) in documented {
        assert!(FRAMES.contains(&hex(&frame).as_str()), "{}", hex(&frame));
        assert_eq!(super::content(&frame[..frame.len() - 1]), content);
    }
}

fn frame(message: &impl Serialize) -> Vec<u8> {
    encode(message, &mut [0; response_len(100, 100)]).unwrap().to_vec()
}
