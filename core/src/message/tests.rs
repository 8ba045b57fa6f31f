//! Frames as a line brings them: whole, in pieces, damaged, cut short, too long, among noise.

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{
    preparation::Element,
    shape::{InputShape, Names, Signature},
    task::{TargetScale, Task, TaskKind},
};

/// Inputs and outputs of the devices here.
const INPUTS: usize = 784;
const OUTPUTS: usize = 10;
const REQUEST_LEN: usize = request_len(INPUTS);

type RequestDecoder = Decoder<[u8; REQUEST_LEN]>;

fn decoder() -> RequestDecoder {
    Decoder::new([0; REQUEST_LEN])
}

/// Returns a request's frame.
fn frame(request: &Request<'_>) -> Vec<u8> {
    encode(request, &mut [0; REQUEST_LEN]).unwrap().to_vec()
}

/// Returns a frame with a checksum that fits, whatever the content is.
fn frame_of(content: &[u8]) -> Vec<u8> {
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(content);
    let content = [content, &checksum.to_le_bytes()].concat();
    let mut frame = vec![0; content.len() + content.len() / 254 + 2];
    let len = cobs::encode(&content, &mut frame);
    frame.truncate(len + 1);
    frame
}

/// Decodes bytes. Returns the request of each frame, or its error.
fn decoded(decoder: &mut RequestDecoder, bytes: &[u8]) -> Vec<Result<Owned, MessageError>> {
    bytes.iter().filter_map(|&byte| Some(decoder.push::<Request<'_>>(byte)?.map(Owned::from))).collect()
}

/// A request that outlives the decoder's buffer.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Info,
    Predict(Vec<u8>),
    Evaluate(Vec<u8>, u16),
    Statistics,
    Reset,
    OutputName(u16),
}

impl Owned {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Info => Request::Info,
            Self::Predict(input) => Request::Predict { input },
            Self::Evaluate(input, label) => Request::Evaluate { input, label: *label },
            Self::Statistics => Request::Statistics,
            Self::Reset => Request::Reset,
            Self::OutputName(class) => Request::Output { output: *class },
        }
    }
}

impl From<Request<'_>> for Owned {
    fn from(request: Request<'_>) -> Self {
        match request {
            Request::Info => Self::Info,
            Request::Predict { input } => Self::Predict(input.to_vec()),
            Request::Evaluate { input, label } => Self::Evaluate(input.to_vec(), label),
            Request::Statistics => Self::Statistics,
            Request::Reset => Self::Reset,
            Request::Output { output } => Self::OutputName(output),
        }
    }
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    // Zeros as images have them, or hardly any: runs of more than 254 bytes without one are stuffed in another way.
    prop_oneof![
        prop::collection::vec(any::<u8>(), INPUTS),
        prop::collection::vec(prop_oneof![9 => Just(0_u8), 1 => any::<u8>()], INPUTS),
        prop::collection::vec(1_u8.., INPUTS),
    ]
}

fn request() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::Info),
        Just(Owned::Statistics),
        Just(Owned::Reset),
        input().prop_map(Owned::Predict),
        (input(), any::<u16>()).prop_map(|(input, label)| Owned::Evaluate(input, label)),
        any::<u16>().prop_map(Owned::OutputName),
    ]
}

proptest! {
    #[test]
    fn frames_in_a_row_are_the_requests(requests in prop::collection::vec(request(), 1..4)) {
        let line: Vec<u8> = requests.iter().flat_map(|request| frame(&request.request())).collect();
        let expected: Vec<_> = requests.into_iter().map(Ok).collect();
        prop_assert_eq!(decoded(&mut decoder(), &line), expected);
    }

    #[test]
    fn a_frame_has_one_zero_and_fits(request in request()) {
        let frame = frame(&request.request());
        prop_assert!(frame.len() <= REQUEST_LEN);
        prop_assert_eq!(frame.iter().position(|&byte| byte == 0), Some(frame.len() - 1));
    }

    #[test]
    fn noise_is_errors_and_ends_at_a_zero(noise in prop::collection::vec(any::<u8>(), 0..3000), request in request()) {
        let mut decoder = self::decoder();
        let found = decoded(&mut decoder, &noise);
        prop_assert!(found.iter().all(Result::is_err), "{:?}", found);
        prop_assert!(found.len() <= noise.iter().filter(|&&byte| byte == 0).count());
        prop_assert!(decoded(&mut decoder, &[0]).iter().all(Result::is_err));
        prop_assert_eq!(decoded(&mut decoder, &frame(&request.request())), vec![Ok(request)]);
    }

    #[test]
    fn flipped_bits_are_errors(request in request(), flips in prop::collection::vec(any::<prop::sample::Index>(), 1..4)) {
        let sent = frame(&request.request());
        let mut line = sent.clone();
        for flip in flips {
            let bit = flip.index(8 * (line.len() - 1));
            line[bit / 8] ^= 1 << (bit % 8);
        }
        let mut decoder = self::decoder();
        let found = decoded(&mut decoder, &line);
        if line != sent {
            prop_assert!(!found.is_empty() && found.iter().all(Result::is_err), "{:?}", found);
        }
        prop_assert_eq!(decoded(&mut decoder, &sent), vec![Ok(request)]);
    }

    #[test]
    fn truncations_are_errors(request in request(), end in any::<prop::sample::Index>()) {
        let sent = frame(&request.request());
        let end = end.index(sent.len() - 1);
        let mut decoder = self::decoder();
        prop_assert!(decoded(&mut decoder, &sent[..end]).is_empty());
        let found = decoded(&mut decoder, &[0]);
        prop_assert!(found.len() == usize::from(end > 0) && found.iter().all(Result::is_err), "{:?}", found);
        prop_assert_eq!(decoded(&mut decoder, &sent), vec![Ok(request)]);
    }

    #[test]
    fn floods_are_too_long(length in REQUEST_LEN + 1..5000, byte in 1_u8.., request in request()) {
        let mut decoder = self::decoder();
        prop_assert!(decoded(&mut decoder, &vec![byte; length]).is_empty());
        prop_assert_eq!(decoded(&mut decoder, &[0, 0]), vec![Err(MessageError::TooLong)]);
        prop_assert_eq!(decoded(&mut decoder, &frame(&request.request())), vec![Ok(request)]);
    }

    /// Tests errors that a checksum cannot find: a frame that was written wrong.
    #[test]
    fn hostile_contents_are_errors_or_requests(content in prop::collection::vec(any::<u8>(), 0..40), request in request()) {
        let mut decoder = self::decoder();
        let version = [&[VERSION][..], &content].concat();
        for content in [&content, &version] {
            prop_assert_eq!(decoded(&mut decoder, &frame_of(content)).len(), 1);
        }
        prop_assert_eq!(decoded(&mut decoder, &frame(&request.request())), vec![Ok(request)]);
    }
}

#[test]
fn each_way_to_be_no_message_has_its_error() {
    let errors = |bytes: &[u8]| decoded(&mut decoder(), bytes);
    assert_eq!(errors(&[5, 1, 0]), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&[3, 1, 1, 0]), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&frame_of(&[])), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&frame_of(&[VERSION, 9])), [Err(MessageError::Malformed)]);
    // A byte after the message.
    assert_eq!(errors(&frame_of(&[VERSION, 0, 0])), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&frame_of(&[1, 0])), [Err(MessageError::Version { found: 1 })]);
    assert_eq!(errors(&frame_of(&[VERSION, 0])), [Ok(Owned::Info)]);
    let mut damaged = frame_of(&[VERSION, 0]);
    damaged[1] ^= 8;
    assert_eq!(errors(&damaged), [Err(MessageError::Checksum)]);
    assert_eq!(errors(&[0, 0, 0]), []);
}

const INFO: Info<'static> = Info {
    board: "board",
    layers: "784,16,10",
    format: WeightFormat::F32,
    input: InputShape::Image { channels: 1, height: 28, width: 28 },
    element: Element::U8,
    task: TaskKind::Classification,
    outputs: OUTPUTS as u32,
    flash: u32::MAX,
    ram: u32::MAX,
    unit: "instructions",
};

/// Logits whose largest is `class`'s.
static LOGITS: [[f32; OUTPUTS]; 2] =
    [[8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0]];

/// Returns a prediction of class 7 if the first byte is not 0, else of class 0. The second byte times 10 is its number of instructions.
fn predict(input: &[u8]) -> (Logits<'static>, u64) {
    (Logits::float32(&LOGITS[usize::from(input[0] > 0)]), 10 * u64::from(input[1]))
}

fn input_of(class: u8, count: u8) -> [u8; INPUTS] {
    let mut input = [0; INPUTS];
    (input[0], input[1]) = (class, count);
    input
}

fn device() -> Device<'static> {
    let names = Names::parse(b"\x01a\x01b\x01c\x01d\x01e\x01f\x01g\x03hat\x01i\x01j", OUTPUTS).unwrap();
    Device::new(INFO, &Signature { output_names: names, ..Signature::default() })
}

fn named(name: &str) -> Response<'_> {
    Response::Output(OutputInfo { name, unit: "", scale: 1.0, shift: 0.0 })
}

#[test]
fn a_device_says_what_it_is_and_what_it_sees() {
    let mut device = self::device();
    assert_eq!(device.answer(Ok(Request::Info), predict), Response::Info(INFO));
    let input = input_of(7, 3);
    let Response::Prediction(prediction) = device.answer(Ok(Request::Predict { input: &input }), predict) else {
        panic!("no prediction");
    };
    assert_eq!((prediction.class, prediction.instructions), (7, 30));
    assert_eq!(prediction.top.iter().map(|candidate| candidate.class).collect::<Vec<_>>(), [7, 0, 1]);
    assert!(prediction.top[0].probability > 0.9, "{prediction:?}");
    assert!(prediction.logits.has_bits_of(&predict(&input).0));
    // What is predicted without a label is not counted.
    assert_eq!(device.answer(Ok(Request::Statistics), predict), Response::Statistics(Statistics::default()));
    assert_eq!(device.answer(Ok(Request::Output { output: 7 }), predict), named("hat"));
    let mut nameless = Device::new(INFO, &Signature::default());
    assert_eq!(nameless.answer(Ok(Request::Output { output: 7 }), predict), named(""));
}

#[test]
fn a_device_counts_what_it_evaluates() {
    let mut device = self::device();
    for (class, label, count) in [(7, 7, 3), (7, 2, 9), (0, 0, 6)] {
        let request = Request::Evaluate { input: &input_of(class, count), label };
        assert!(matches!(device.answer(Ok(request), predict), Response::Prediction(_)));
    }
    let statistics = Statistics { samples: 3, right: 2, total: 180, min: 30, max: 90 };
    assert_eq!(device.answer(Ok(Request::Statistics), predict), Response::Statistics(statistics));
    assert_eq!((statistics.mean(), Statistics::default().mean()), (60, 0));
    assert_eq!(device.answer(Ok(Request::Reset), predict), Response::Statistics(Statistics::default()));
}

#[test]
fn a_device_refuses_what_it_cannot_do_and_counts_it_not() {
    let mut device = self::device();
    let input = [1; INPUTS + 1];
    let size = |found| MessageError::InputSize { expected: 784, found };
    let class = |found| MessageError::Output { found, outputs: 10 };
    for (request, error) in [
        (Err(MessageError::Checksum), MessageError::Checksum),
        (Ok(Request::Predict { input: &input }), size(785)),
        (Ok(Request::Predict { input: &[] }), size(0)),
        (Ok(Request::Evaluate { input: &input[..783], label: 1 }), size(783)),
        (Ok(Request::Evaluate { input: &input[1..], label: 10 }), class(10)),
        (Ok(Request::Output { output: 10 }), class(10)),
    ] {
        assert_eq!(device.answer(request, predict), Response::Error(error));
    }
    assert_eq!(device.answer(Ok(Request::Statistics), predict), Response::Statistics(Statistics::default()));
}

#[test]
fn a_device_whose_outputs_are_no_classes_names_none() {
    for task in [TaskKind::MultiLabel, TaskKind::Regression] {
        let mut device = Device::new(Info { task, ..INFO }, &Signature::default());
        let input = input_of(7, 3);
        let answer = device.answer(Ok(Request::Evaluate { input: &input, label: 7 }), predict);
        assert_eq!(answer, Response::Error(MessageError::NoClasses));
        let Response::Prediction(prediction) = device.answer(Ok(Request::Predict { input: &input }), predict) else {
            panic!("no prediction");
        };
        assert_eq!((prediction.class, prediction.top.len()), (0, 0));
        assert!(prediction.logits.has_bits_of(&predict(&input).0));
    }
}

#[test]
fn a_device_says_the_scale_and_unit_of_a_target() {
    // 2 and 20, 0.5 and -1.
    const TABLE: &[u8] = &[0, 0, 0, 0x40, 0, 0, 0xa0, 0x41, 0, 0, 0, 0x3f, 0, 0, 0x80, 0xbf];
    let names = |bytes| Names::parse(bytes, 2).unwrap();
    let signature = Signature {
        task: Task::Regression(TargetScale::parse(TABLE, 2).unwrap()),
        output_names: names(b"\x04room\x04load"),
        output_units: names(b"\x01K\x01W"),
        ..Signature::default()
    };
    let mut device = Device::new(Info { task: TaskKind::Regression, outputs: 2, ..INFO }, &signature);
    let output = OutputInfo { name: "load", unit: "W", scale: 0.5, shift: -1.0 };
    assert_eq!(device.answer(Ok(Request::Output { output: 1 }), predict), Response::Output(output));
}

/// Every response, with the longest numbers and texts.
#[test]
fn every_response_fits_its_buffer_and_comes_back() {
    const TEXT: usize = 1500;
    const LEN: usize = response_len(TEXT, OUTPUTS);
    let text: std::string::String = "x".repeat(TEXT - 20);
    let top = (0..3).map(|class| Candidate { class: u16::MAX - class, probability: 0.1 }).collect();
    let longest = Statistics { samples: u32::MAX, right: u32::MAX, total: u64::MAX, min: u64::MAX, max: u64::MAX };
    let integers = Logits::int32(&[i32::MIN; OUTPUTS], 0.5);
    let input = InputShape::Image { channels: u32::MAX, height: u32::MAX, width: u32::MAX };
    let name = "n".repeat(100);
    let longest_output = OutputInfo { name: &name, unit: &name, scale: 0.1, shift: 0.1 };
    for response in [
        Response::Info(Info {
            layers: &text,
            board: "twenty",
            unit: "bytes in all..",
            input,
            outputs: u32::MAX,
            ..INFO
        }),
        Response::Prediction(Prediction { class: u16::MAX, top, instructions: u64::MAX, logits: integers }),
        Response::Statistics(longest),
        Response::Error(MessageError::InputSize { expected: u32::MAX, found: u32::MAX }),
        Response::Output(longest_output),
    ] {
        let mut buffer = [0; LEN];
        let frame = encode(&response, &mut buffer).unwrap();
        let mut decoder = Decoder::new([0; LEN]);
        let (end, rest) = frame.split_last().unwrap();
        assert!(rest.iter().all(|&byte| decoder.push::<Response<'_>>(byte).is_none()));
        assert_eq!(decoder.push(*end), Some(Ok(response.clone())));
        assert_eq!(encode(&response, &mut [0; 4]), Err(MessageError::TooLong));
        assert_eq!(encode(&response, &mut []), Err(MessageError::TooLong));
    }
    // Without a long text or many outputs, a class's name is the longest.
    assert!(encode(&Response::Output(longest_output), &mut [0; response_len(0, 0)]).is_ok());
}

/// Logits of a length that is no whole number of words, and an input shape of another number, are no messages.
#[test]
fn hostile_fields_are_malformed() {
    let content = |words: u8| [&[VERSION, 1, 7, 0, 5, 0, words][..], &vec![1; words.into()]].concat();
    for (words, is_message) in [(0, true), (4, true), (3, false), (6, false)] {
        let mut decoder = Decoder::new([0; 64]);
        let frame = frame_of(&content(words));
        let found = frame.iter().find_map(|&byte| Some(decoder.push::<Response<'_>>(byte)?.is_ok()));
        assert_eq!(found, Some(is_message), "{words}");
    }
}
