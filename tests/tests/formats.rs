//! The formats of docs/formats.md: golden bytes, files of earlier versions, and a second reader in another language.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, io::Write, process::Stdio};

use host::{
    classes::{Classes, SignatureBuf},
    data::{self, Dataset},
    model_file::ModelFile,
    network::Network,
    quantization::{HalfNetwork, Integers, Quantizer, Reference},
    training::{
        Optimizer, Options, State,
        checkpoint::{self, Description},
    },
    weights,
};
use selvedge::{
    Portable,
    architecture::Architecture,
    message::{
        Candidate, Decoder, Format, Info, Logits, MessageError, Prediction, Request, Response, Statistics, encode,
        request_len, response_len,
    },
    random::{Generator, Purpose},
    shape::InputShape,
    weights::{TrainingRecord, WeightFile},
};
use serde::Serialize;
use serde_json::{Value, json};

const RECORD: TrainingRecord<'static> = TrainingRecord {
    seed: 300,
    dataset: "größer",
    dataset_checksum: [7; 32],
    samples: 60_000,
    shuffled: true,
    epochs: 2,
    steps: 1 << 40,
    batch_size: 64,
    learning_rate: 0.25,
    accuracy: 0.5,
    recipe: "epochs = 2\n",
};

fn hex(bytes: &[u8]) -> String {
    weights::hex(bytes)
}

fn from_hex(text: &str) -> Vec<u8> {
    let text: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    text.chunks(2).map(byte).collect()
}

fn signature() -> SignatureBuf {
    let shape = InputShape::Image { channels: 1, height: 2, width: 3 };
    SignatureBuf::new(shape, &Classes::named(["left", "größer"]).unwrap())
}

/// A file with every kind of layer, whose weights count up in quarters.
fn weight_file(layers: &str, signature: &SignatureBuf) -> Vec<u8> {
    let architecture: Architecture = layers.parse().unwrap();
    let flat: Vec<f32> = (0..architecture.parameter_count().unwrap()).map(|i| i as f32 / 4.0).collect();
    weights::encode(&architecture, &flat, &signature.get(), &RECORD).unwrap()
}

const EVERY_KIND: &str =
    "6 => 1 Relu => 1 Tanh => 1 Sigmoid => 1 LeakyRelu => 1 Gelu => 300 BatchNorm1d Dropout => 2 LogSoftmax";

/// Of each layer its number, and then its widths as varints.
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

/// A message without what stands around it, as a frame's content shows it.
fn encoded(message: &impl Serialize) -> Vec<u8> {
    let mut buffer = [0; 1000];
    let frame = encode(message, &mut buffer).unwrap();
    let content = unstuffed(&frame[..frame.len() - 1]);
    content[1..content.len() - 4].to_vec()
}

fn unstuffed(mut stuffed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((&code, rest)) = stuffed.split_first() {
        let (run, rest) = rest.split_at(usize::from(code) - 1);
        bytes.extend_from_slice(run);
        if code < 255 && !rest.is_empty() {
            bytes.push(0);
        }
        stuffed = rest;
    }
    bytes
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

/// Of each message, in the order of their numbers, its frame.
#[test]
fn frames_are_byte_for_byte_what_they_were() {
    let info = Info {
        board: "microbit",
        layers: "6,2,2",
        format: Format::Int4,
        input: InputShape::Image { channels: 1, height: 2, width: 3 },
        outputs: 2,
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
        frame(&Request::ClassName { class: 300 }),
        frame(&Response::Info(info)),
        frame(&prediction(Logits::float32(&[0.5, -2.0]))),
        frame(&prediction(Logits::int32(&[1, -2], 0.25))),
        frame(&Response::Statistics(statistics)),
        frame(&Response::Error(MessageError::Malformed)),
        frame(&Response::Error(MessageError::Checksum)),
        frame(&Response::Error(MessageError::TooLong)),
        frame(&Response::Error(MessageError::Version { found: 1 })),
        frame(&Response::Error(MessageError::InputSize { expected: 784, found: 3 })),
        frame(&Response::Error(MessageError::Class { found: 300, outputs: 10 })),
        frame(&Response::ClassName("größer")),
    ];
    assert_eq!(found.map(|frame| hex(&frame)), FRAMES);
}

fn frame(message: &impl Serialize) -> Vec<u8> {
    encode(message, &mut [0; response_len(100, 100)]).unwrap().to_vec()
}

/// The weight file of docs/formats.md, of version 3: in each line of the example what stands before two spaces.
fn documented() -> Vec<u8> {
    let docs = fs::read_to_string(tests::workspace().join("docs/formats.md")).unwrap();
    let (_, example) = docs.split_once("```text\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    from_hex(&example.lines().map(|line| line.split("  ").next().unwrap()).collect::<String>())
}

/// The same network as a file of version 2.
const WEIGHT_FILE_VERSION_2: &str = "\
    53454c564544474502002c010000030006020102000202041a6c696e6561725f72656c755f737461636b2e302e776569676874020206186c696e6561 \
    725f72656c755f737461636b2e302e6269617301021a6c696e6561725f72656c755f737461636b2e322e776569676874020202186c696e6561725f72 \
    656c755f737461636b2e322e626961730102ac02086772c3b6c39f657207070707070707070707070707070707070707070707070707070707070707 \
    07e0d4030102808080808020400000803e0000003f0b65706f636873203d20320a010050000000000000803e0000003f0000403f0000803f0000a03f \
    0000c03f0000e03f00000040000010400000204000003040000040400000504000006040000070400000804000008840000090400000984051dc3ffd";
/// Files of version 1.
const QUANTIZED_VERSION_1: [(&str, &str); 3] = [
    (
        "f16",
        "\
    53454c56465031360100880000000c060000000200000002000000200101010101010101010101010101010101010101010101010101010101010101 \
    0000003f0000003f0000803e0762792068616e64020000300000003f0000803f00380138023803380438053806380738083809380a380b3800000040 \
    000080bf00380138023803381f80fdc0",
    ),
    (
        "int8",
        "\
    53454c56494e54380100180100000c060000000200000002000000200101010101010101010101010101010101010101010101010101010101010101 \
    0000003f0000003f0000803e0762792068616e640100c00105000000faffffff00000000000000000000000000000000000000000000000000001000 \
    00002000000000000000000000000000000000000000000000000000e20be912000000000000000000000000f019f720000000000000000000000000 \
    fe27052f00000000000000000000000007000000f8ffffff000000000000000000000000000000000000000000000000000040000000800000000000 \
    0000000000000000000000000000000000000000e2efe9f6000000000000000000000000a2dc3f0e",
    ),
    (
        "int4",
        "\
    53454c56494e54340100080100000c060000000200000002000000200101010101010101010101010101010101010101010101010101010101010101 \
    0000003f0000003f0000803e0762792068616e640100b00105000000faffffff00000000000000000000000000000000000000000000000000001000 \
    0000200000000000000000000000000000000000000000000000000064c800000000000071088208880888089308a40888088808b508c60888088808 \
    07000000f8ffffff00000000000000000000000000000000000000000000000000004000000080000000000000000000000000000000000000000000 \
    0000000003ff0000000000003108420888088808509580a7",
    ),
];

/// Six requests, then eleven responses.
const FRAMES: [&str; 17] = [
    "0202057d70ef7300",
    "040201030701ff3a58c6e700",
    "040202030901ffac02d27a94dc00",
    "070203c721e6ea00",
    "07020464b4827400",
    "090205ac02b5473a6100",
    "02022c086d6963726f62697405362c322c32020101020302ac02f0a2040c696e737472756374696f6e73da770b3100",
    "0602010101010105403fac0202080101023f010106c006c25c3800",
    "0602010101010108403fac02010801010105feffffff0107803e0187aa1a00",
    "130202ac02ab028080808080010102dad6a26500",
    "03020305bf5ee8d700",
    "08020301296eefa000",
    "08020302933fe63900",
    "09020303019bca21d500",
    "0b020304900603e3a3880600",
    "0b020305ac020ad2a5f58e00",
    "100204086772c3b6c39f657296c2cc1c00",
];

/// What the second reader makes of each of these, a line of JSON each. It takes Python 3 alone.
fn second_reader(everything: &[Vec<u8>]) -> Option<Vec<Value>> {
    let mut program = tests::plain_python("formats.py", "the second reader of the formats")?;
    let lines: String = everything.iter().map(|bytes| hex(bytes) + "\n").collect();
    let mut child = program.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), everything.len());
    Some(answers)
}

/// Tells whether the second reader refused the bytes: an error is a text there.
fn is_refused(answer: &Value) -> bool {
    answer["error"].is_string()
}

/// The content of a file as the second reader is to show it, or none where it is refused.
fn content(bytes: &[u8]) -> Option<Value> {
    let file = ModelFile::parse(bytes).ok()?;
    let (architecture, signature) = (file.architecture(), file.signature());
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    let input = signature.input.map(|shape| shape.sizes().collect::<Vec<_>>());
    let classes: Vec<_> = signature.class_names.iter().collect();
    let common = json!({ "format": file.format_name(), "version": version, "input": input, "classes": classes });
    let ModelFile::Float32(weights) = &file else {
        let record = file.quantization().unwrap();
        let widths: Vec<_> =
            std::iter::once(architecture.inputs()).chain(architecture.stages().map(|stage| stage.outputs)).collect();
        let record = json!({
            "source": hex(record.source),
            "logit_scale": f64::from(record.logit_scale),
            "float_accuracy": f64::from(record.float_accuracy),
            "accuracy": f64::from(record.accuracy),
            "method": String::from_utf8_lossy(record.method),
        });
        return Some(merged(common, json!({ "widths": widths, "record": record })));
    };
    let layers: Vec<_> = architecture
        .layers()
        .iter()
        .map(|layer| {
            let (inputs, outputs) = layer.widths();
            json!([layer.word().unwrap_or("Linear"), inputs, outputs])
        })
        .collect();
    let record = weights.record();
    let record = json!({
        "seed": record.seed,
        "dataset": record.dataset,
        "dataset_checksum": hex(&record.dataset_checksum),
        "samples": record.samples,
        "shuffled": record.shuffled,
        "epochs": record.epochs,
        "steps": record.steps,
        "batch_size": record.batch_size,
        "learning_rate": f64::from(record.learning_rate),
        "accuracy": f64::from(record.accuracy),
        "recipe": record.recipe,
    });
    let flat: Vec<f32> = weights.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Some(merged(common, json!({ "layers": layers, "record": record, "weights_sha256": weights::hash(&flat) })))
}

fn merged(mut a: Value, b: Value) -> Value {
    a.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
    a
}

/// What Rust reads, the other reader reads too. Numbers that are no whole ones have 32 bits.
fn assert_same(found: &Value, expected: &Value) {
    match expected {
        Value::Object(fields) => fields.iter().for_each(|(key, expected)| assert_same(&found[key], expected)),
        Value::Number(number) if number.is_f64() => {
            let [found, expected] = [found, expected].map(|number| number.as_f64().map(|number| number as f32));
            assert_eq!(found, expected);
        }
        _ => assert_eq!(found, expected),
    }
}

/// Noise of two classes.
fn noise() -> Dataset {
    let generator = Generator::new(3, Purpose::Drawing, 0);
    let values: Vec<u8> = (0..6 * 40).map(|index| generator.bits(index) as u8).collect();
    let split = data::Split::new(6, values, (0..40).map(|index| index % 2).collect());
    Dataset::new("noise", InputShape::Features(6), Classes::numbered(2), [split.clone(), split])
}

/// Small files of every format and version.
fn files() -> Vec<Vec<u8>> {
    let mut files = vec![documented(), from_hex(WEIGHT_FILE_VERSION_2)];
    files.extend(QUANTIZED_VERSION_1.map(|(_, text)| from_hex(text)));
    for signature in [signature(), SignatureBuf::new(InputShape::Features(6), &Classes::numbered(2))] {
        files.push(weight_file(EVERY_KIND, &signature));
        files.extend(["6 => 9 Relu => 2", "6 => 70 Relu => 3 Relu => 2"].iter().flat_map(|layers| {
            let architecture: Architecture = layers.parse().unwrap();
            let network = Network::initialized(&architecture, 5).unwrap();
            let reference = Reference::new(&architecture, network.parameters()).unwrap();
            let integers = [Integers::Int8, Integers::Int4].map(|integers| {
                let quantizer = Quantizer::new(&Portable, &reference, integers, noise()).unwrap();
                let quantized = quantizer.search(|_, _| {}).unwrap();
                quantized.encode(&signature.get(), [3; 32], [0.5, 0.25]).unwrap()
            });
            let half = HalfNetwork::new(&reference).unwrap();
            integers.into_iter().chain([half.encode(&signature.get(), [3; 32], [0.5, 0.25]).unwrap()])
        }));
    }
    files
}

#[test]
fn the_second_reader_reads_the_same() {
    let files = files();
    let Some(answers) = second_reader(&files) else { return };
    for (file, answer) in files.iter().zip(&answers) {
        assert_same(answer, &content(file).unwrap());
    }
}

/// Bytes that were changed behind a checksum that fits: both readers take the same ones, and read the same in them.
#[test]
fn both_readers_refuse_the_same_files() {
    const MUTATIONS: u64 = 400;
    let mut mutated = Vec::new();
    for (number, file) in files().iter().enumerate() {
        // The weights' own bytes say little: most changes are to the header.
        let header = ModelFile::parse(file).map(|_| file.len().min(500)).unwrap();
        for mutation in 0..MUTATIONS {
            let generator = Generator::new(number as u64, Purpose::Drawing, mutation);
            let mut bytes = file.clone();
            for change in 0..=generator.below(0, 2).into() {
                let end = if generator.below(10 * change + 1, 4) > 0 { header } else { file.len() - 4 };
                let place = 8 + generator.below(10 * change + 2, end as u32 - 8) as usize;
                bytes[place] = match generator.below(10 * change + 3, 3) {
                    0 => bytes[place] ^ 1 << generator.below(10 * change + 4, 8),
                    1 => bytes[place].wrapping_add(1),
                    _ => [0, 1, 0x7f, 0x80, 0xff][generator.below(10 * change + 5, 5) as usize],
                };
            }
            let end = bytes.len() - 4;
            let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..end]);
            bytes[end..].copy_from_slice(&checksum.to_le_bytes());
            mutated.push(bytes);
        }
        // Cut short, and too long.
        mutated.extend([file[..file.len() - 1].to_vec(), file[..20].to_vec(), [&file[..], &[0]].concat()]);
    }
    let Some(answers) = second_reader(&mutated) else { return };
    let mut taken = 0;
    for (file, answer) in mutated.iter().zip(&answers) {
        match content(file) {
            Some(content) => assert_same(answer, &content),
            None => assert!(is_refused(answer), "only Rust refuses {}: {answer}", hex(file)),
        }
        taken += usize::from(!is_refused(answer));
    }
    // Neither everything nor nothing.
    assert!((mutated.len() / 5..mutated.len() * 4 / 5).contains(&taken), "{taken} of {}", mutated.len());
}

#[test]
fn the_second_reader_reads_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.checkpoint");
    let optimizer = Optimizer::Adam { betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.0, decoupled: true };
    let options = Options { optimizer, ema: Some(0.9), early_stop: Some(3), ..Options::QUICKSTART };
    let mut state = State::initialized(&"6,9,2".parse().unwrap(), &options).unwrap();
    for best_loss in [None, Some(0.75)] {
        state.progress.best_loss = best_loss;
        state.progress.steps = 1 << 33;
        let data = noise();
        let description = Description::new("lr = 0.5\n".into(), "6,9,2".into(), &data);
        checkpoint::save(&path, &state, &description).unwrap();
        let bytes = fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        damaged[40] ^= 1;
        let Some(answers) = second_reader(&[bytes, damaged]) else { return };
        let parts: Vec<f32> = state.parts().flatten().copied().collect();
        assert_same(
            &answers[0],
            &json!({
                "format": "checkpoint",
                "version": 1,
                "recipe": "lr = 0.5\n",
                "layers": "6,9,2",
                "dataset": "noise",
                "samples": 40,
                "dataset_checksum": hex(&data.checksum),
                "progress": {
                    "epochs": 0, "seen": 0, "steps": 1_u64 << 33, "batches": 0, "best_loss": best_loss, "epochs_since_best": 0,
                },
                "numbers": 5 * (6 * 9 + 9 + 9 * 2 + 2),
                "numbers_sha256": weights::hash(&parts),
            }),
        );
        assert!(is_refused(&answers[1]));
    }
}

/// Frames, and what is near them with a checksum that fits: both readers understand the same.
#[test]
fn both_readers_understand_the_same_frames() {
    const MUTATIONS: u64 = 100;
    let mut frames = Vec::new();
    for (number, text) in FRAMES.iter().enumerate() {
        let frame = from_hex(text);
        let content = unstuffed(&frame[..frame.len() - 1]);
        let message = &content[..content.len() - 4];
        for mutation in 0..MUTATIONS {
            let generator = Generator::new(number as u64, Purpose::Drawing, mutation);
            let mut message = message.to_vec();
            if mutation > 0 {
                let place = generator.below(0, message.len() as u32) as usize;
                match generator.below(1, 4) {
                    0 => message[place] ^= 1 << generator.below(2, 8),
                    1 => message[place] = [0, 1, 5, 0x80, 0xff][generator.below(2, 5) as usize],
                    2 => drop(message.remove(place)),
                    _ => message.insert(place, generator.below(2, 256) as u8),
                }
            }
            let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&message);
            frames.push(stuffed(&[&message[..], &checksum.to_le_bytes()].concat()));
        }
    }
    let Some(answers) = second_reader(&frames) else { return };
    let mut understood = 0;
    for (frame, answer) in frames.iter().zip(&answers) {
        let (mut device, mut host) = (Decoder::new([0; request_len(1000)]), Decoder::new([0; response_len(500, 500)]));
        frame.iter().for_each(|&byte| {
            assert!(device.push::<Request<'_>>(byte).is_none() && host.push::<Response<'_>>(byte).is_none())
        });
        let request = device.push::<Request<'_>>(0).unwrap().ok().map(|request| shown(&request));
        let response = host.push::<Response<'_>>(0).unwrap().ok().map(|response| shown_response(&response));
        for (name, expected) in [("request", request), ("response", response)] {
            match expected {
                Some(expected) => assert_eq!(answer[name], expected, "{name} {}", hex(frame)),
                None => assert!(is_refused(&answer[name]), "only Rust refuses the {name} {}: {answer}", hex(frame)),
            }
        }
        understood += usize::from(!is_refused(&answer["response"]));
    }
    assert!((frames.len() / 20..frames.len() / 2).contains(&understood), "{understood} of {}", frames.len());
}

fn stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::new();
    for run in bytes.split(|&byte| byte == 0) {
        let (full, rest) = run.as_chunks::<254>();
        for run in full {
            stuffed.push(255);
            stuffed.extend(run);
        }
        stuffed.push(rest.len() as u8 + 1);
        stuffed.extend(rest);
    }
    stuffed
}

/// A request as the second reader is to show it.
fn shown(request: &Request<'_>) -> Value {
    match request {
        Request::Info => json!({ "info": {} }),
        Request::Predict { input } => json!({ "predict": { "input": hex(input) } }),
        Request::Evaluate { input, label } => json!({ "evaluate": { "input": hex(input), "label": label } }),
        Request::Statistics => json!({ "statistics": {} }),
        Request::Reset => json!({ "reset": {} }),
        Request::ClassName { class } => json!({ "class_name": { "class": class } }),
    }
}

/// A response as the second reader is to show it.
fn shown_response(response: &Response<'_>) -> Value {
    match response {
        Response::Info(Info { board, layers, format, input, outputs, flash, ram, unit }) => json!({ "info": {
            "board": board, "layers": layers, "format": format_name(*format), "input": input.sizes().collect::<Vec<_>>(),
            "outputs": outputs, "flash": flash, "ram": ram, "unit": unit,
        } }),
        Response::Prediction(Prediction { class, top, instructions, logits }) => {
            let candidate = |candidate: &Candidate| json!({ "class": candidate.class, "probability": hex(&candidate.probability.to_le_bytes()) });
            let logits = match logits {
                Logits::Float32(words) => {
                    json!({ "float32": hex(&words.iter().flatten().collect::<Vec<_>>()) })
                }
                Logits::Int32 { sums, scale } => json!({
                    "int32": sums.iter().map(i32::from_le_bytes).collect::<Vec<_>>(),
                    "scale": hex(&scale.to_le_bytes()),
                }),
            };
            json!({ "prediction": {
                "class": class, "top": top.iter().map(candidate).collect::<Vec<_>>(), "instructions": instructions, "logits": logits,
            } })
        }
        Response::Statistics(Statistics { samples, right, total, min, max }) => {
            json!({ "statistics": { "samples": samples, "right": right, "total": total, "min": min, "max": max } })
        }
        Response::Error(error) => json!({ "error": match error {
            MessageError::Malformed => json!({ "malformed": {} }),
            MessageError::Checksum => json!({ "checksum": {} }),
            MessageError::TooLong => json!({ "too_long": {} }),
            MessageError::Version { found } => json!({ "version": { "found": found } }),
            MessageError::InputSize { expected, found } => json!({ "input_size": { "expected": expected, "found": found } }),
            MessageError::Class { found, outputs } => json!({ "class": { "found": found, "outputs": outputs } }),
        } }),
        Response::ClassName(name) => json!({ "class_name": name }),
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Float32 => "f32",
        Format::Int8 => "int8",
        Format::Int4 => "int4",
        Format::Float16 => "f16",
    }
}
