use std::{io::Write, process::Stdio};

use host::{
    classes::{Classes, SignatureBuf},
    data::{self, Dataset},
    model_file::ModelFile,
    network::Network,
    preparation::PreparationBuf,
    quantization::{Coding, F16Network, Integers, Quantizer, Reference},
    task::TaskBuf,
    weights,
};
use selvedge::{
    architecture::Architecture,
    message::{
        Candidate, Decoder, Info, Logits, MessageError, OutputInfo, Prediction, Request, Response, Statistics,
        WeightFormat, request_len, response_len,
    },
    preparation::Element,
    random::{Generator, Purpose},
    shape::InputShape,
};
use serde_json::{Value, json};

use super::{
    EVERY_KIND, FRAMES, QUANTIZED_VERSION_1, WEIGHT_FILE_VERSION_2, documented, from_hex, hex, signature, weight_file,
};

/// The second reader's answer for each of these, a line of JSON each. It needs nothing but Python 3.
pub fn second_reader(everything: &[Vec<u8>]) -> Option<Vec<Value>> {
    let mut program = tests::python::plain_python("formats.py", "the second reader of the formats")?;
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

/// Returns true if the second reader refused the bytes: an error is a text there.
pub fn is_refused(answer: &Value) -> bool {
    answer["error"].is_string()
}

/// The content of a file as the second reader is to show it, or none where it is refused.
pub fn content(bytes: &[u8]) -> Option<Value> {
    let file = ModelFile::parse(bytes).ok()?;
    let (architecture, signature) = (file.architecture(), file.signature());
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    let input = signature.input.map(|shape| shape.sizes().collect::<Vec<_>>());
    let classes: Vec<_> = signature.output_names.iter().collect();
    let [features, units, output_units] = [signature.feature_names, signature.feature_units, signature.output_units]
        .map(|names| names.iter().collect::<Vec<_>>());
    let task =
        signature.task.field().map(|(_, table)| json!({ "kind": signature.task.kind().name(), "table": hex(table) }));
    let element = signature.preparation.element();
    let preparation =
        signature.preparation.field().map(|(_, table)| json!({ "element": element.name(), "table": hex(table) }));
    let common = json!({
        "format": file.format_name(), "version": version, "input": input, "preparation": preparation, "classes": classes,
        "task": task, "features": features, "units": units, "output_units": output_units,
    });
    let ModelFile::F32(weights) = &file else {
        let record = file.quantization().unwrap();
        let widths: Vec<_> =
            std::iter::once(architecture.inputs()).chain(architecture.stages().map(|stage| stage.outputs)).collect();
        let sums = sums(&file);
        let record = json!({
            "source": hex(record.source),
            "logit_scale": f64::from(record.logit_scale),
            "float_accuracy": f64::from(record.float_accuracy),
            "accuracy": f64::from(record.accuracy),
            "method": String::from_utf8_lossy(record.method),
        });
        return Some(merged(common, json!({ "widths": widths, "record": record, "sums": sums })));
    };
    let layers = shown_layers(&architecture);
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

/// The layers as the second reader is to show them.
pub fn shown_layers(architecture: &Architecture) -> Value {
    let shown = architecture.layers().iter().map(|layer| {
        let (inputs, outputs) = layer.widths();
        json!([layer.word().unwrap_or("Linear"), inputs, outputs])
    });
    shown.collect()
}

/// The integers that a network gives for the second reader's sample; none where it computes in floating point.
fn sums(file: &ModelFile<'_>) -> Option<Vec<i32>> {
    let len = file.signature().preparation.sample_len(file.architecture().inputs());
    let sample: Vec<u8> = (0..len).map(|place| (7 * place % 256) as u8).collect();
    match file.logits(&tests::plain_engine(), &sample).unwrap().get(0) {
        Logits::Float32(_) => None,
        Logits::Int32 { sums, .. } => Some(sums.iter().map(i32::from_le_bytes).collect()),
    }
}

pub fn merged(mut a: Value, b: Value) -> Value {
    a.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
    a
}

/// Checks that the second reader found all that Rust read. Numbers that are not whole are compared in 32 bits.
pub fn assert_same(found: &Value, expected: &Value) {
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
pub fn noise() -> Dataset {
    let generator = Generator::new(3, Purpose::Drawing, 0);
    let values: Vec<u8> = (0..6 * 40).map(|index| generator.bits(index) as u8).collect();
    let split = data::Split::new(6, values, (0..40).map(|index| index % 2).collect());
    Dataset::new("noise", InputShape::Features(6), Classes::numbered(2), [split.clone(), split])
}

/// Small files of every format and version.
fn files() -> Vec<Vec<u8>> {
    let mut files = vec![documented(), from_hex(WEIGHT_FILE_VERSION_2)];
    files.extend(QUANTIZED_VERSION_1.map(|(_, text)| from_hex(text)));
    let plain = || SignatureBuf::new(InputShape::Features(6), &Classes::numbered(2));
    let regression = TaskBuf::scaled([(2.0, 20.0), (0.5, -1.0)]);
    let tasks =
        [plain().with_task(TaskBuf::MultiLabel, &[]), plain().with_task(regression, &["°C".into(), "-".into()])];
    for signature in [signature(), plain()].into_iter().chain(tasks) {
        files.push(weight_file(EVERY_KIND, &signature));
        files.extend(["6 => 9 Relu => 2", "6 => 70 Relu => 3 Relu => 2"].iter().flat_map(|layers| {
            let architecture: Architecture = layers.parse().unwrap();
            let network = Network::initialized(&architecture, 5).unwrap();
            let reference = Reference::new(&architecture, network.parameters()).unwrap();
            let integers = [Integers::Int8, Integers::Int4].map(|integers| {
                let engine = tests::plain_engine();
                let quantizer = Quantizer::new(&engine, &reference, integers, noise()).unwrap();
                let quantized = quantizer.search(&mut |_, _| {}).unwrap();
                quantized.encode(&signature.get(), [3; 32], [0.5, 0.25]).unwrap()
            });
            let f16 = F16Network::new(&reference).unwrap();
            integers.into_iter().chain([f16.encode(&signature.get(), [3; 32], [0.5, 0.25]).unwrap()])
        }));
    }
    files.extend(Element::ALL.into_iter().flat_map(prepared));
    files
}

/// Files of networks that take values of an element.
fn prepared(element: Element) -> Vec<Vec<u8>> {
    let architecture: Architecture = "6 => 9 Relu => 2".parse().unwrap();
    let network = Network::initialized(&architecture, 5).unwrap();
    let split = noise().train.rewritten(element, |sample, place| {
        let mut bytes = Vec::new();
        for &value in sample {
            let value = f32::from(value) - if element == Element::I8 { 128.0 } else { 0.0 };
            data::encode(value, element, &mut bytes).unwrap();
        }
        place.copy_from_slice(&bytes);
    });
    let moments = split.moments();
    let named = |preparation| {
        let names: Vec<String> = (0..6).map(|place| format!("größe {place}")).collect();
        signature()
            .with_preparation(preparation)
            .with_features(&names, &["m/s²", "g", "-", "-", "-", "°"].map(String::from))
    };
    let scaled = named(PreparationBuf::standardized(element, &moments));
    let coding = Coding::fit(&split);
    let reference = Reference::new(&architecture, network.parameters()).unwrap();
    let coded = named(coding.preparation().clone());
    let data =
        coding.data(&Dataset::new("noise", InputShape::Features(6), Classes::numbered(2), [split.clone(), split]));
    let reference = reference.with_preparation(PreparationBuf::standardized(element, &moments));
    let folded = coding.fold(&reference).unwrap();
    let mut files: Vec<_> = [Integers::Int8, Integers::Int4]
        .map(|integers| {
            let engine = tests::plain_engine();
            let quantizer = Quantizer::new(&engine, &folded, integers, data.clone()).unwrap();
            let quantized = quantizer.search(&mut |_, _| {}).unwrap();
            quantized.encode(&coded.get(), [3; 32], [0.5, 0.25]).unwrap()
        })
        .into();
    let f16 = F16Network::new(&reference).unwrap();
    files.extend([f16.encode(&scaled.get(), [3; 32], [0.5, 0.25]).unwrap(), weight_file("6 => 9 Relu => 2", &scaled)]);
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

/// Frames, and what is near them with a checksum that fits: both readers understand the same.
#[test]
fn both_readers_understand_the_same_frames() {
    const MUTATIONS: u64 = 100;
    let mut frames = Vec::new();
    for (number, text) in FRAMES.iter().enumerate() {
        let frame = from_hex(text);
        let content = super::content(&frame[..frame.len() - 1]);
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
            frames.push(super::framed(&[&message[..], &checksum.to_le_bytes()].concat()));
        }
    }
    let Some(answers) = second_reader(&frames) else { return };
    let mut understood = 0;
    for (frame, answer) in frames.iter().zip(&answers) {
        let (mut device, mut host) = (Decoder::new([0; request_len(1000)]), Decoder::new([0; response_len(500, 500)]));
        frame.iter().for_each(|&byte| {
            assert!(device.push::<Request<'_>>(byte).is_none() && host.push::<Response<'_>>(byte).is_none());
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

/// A request as the second reader is to show it.
fn shown(request: &Request<'_>) -> Value {
    match request {
        Request::Info => json!({ "info": {} }),
        Request::Predict { input } => json!({ "predict": { "input": hex(input) } }),
        Request::Evaluate { input, label } => json!({ "evaluate": { "input": hex(input), "label": label } }),
        Request::Statistics => json!({ "statistics": {} }),
        Request::Reset => json!({ "reset": {} }),
        Request::Output { output } => json!({ "output": { "output": output } }),
    }
}

/// A response as the second reader is to show it.
fn shown_response(response: &Response<'_>) -> Value {
    match response {
        Response::Info(Info { board, layers, format, input, element, outputs, task, flash, ram, unit }) => {
            json!({ "info": {
            "board": board, "layers": layers, "format": format_name(*format), "input": input.sizes().collect::<Vec<_>>(),
            "element": element.name(), "outputs": outputs, "task": task.name(), "flash": flash, "ram": ram, "unit": unit,
        } })
        }
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
            MessageError::Output { found, outputs } => json!({ "output": { "found": found, "outputs": outputs } }),
            MessageError::NoClasses => json!({ "no_classes": {} }),
            other => panic!("docs/formats.md has no number for {other:?}"),
        } }),
        Response::Output(OutputInfo { name, unit, scale, shift }) => json!({ "output": {
            "name": name, "unit": unit, "scale": hex(&scale.to_le_bytes()), "shift": hex(&shift.to_le_bytes()),
        } }),
    }
}

fn format_name(format: WeightFormat) -> &'static str {
    match format {
        WeightFormat::F32 => "f32",
        WeightFormat::Int8 => "int8",
        WeightFormat::Int4 => "int4",
        WeightFormat::F16 => "f16",
    }
}
