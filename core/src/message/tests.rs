//! Frames as a line brings them: whole, in pieces, damaged, cut short, too long, among noise.

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{idx::Image, models::CLASSES};

/// A request's frame.
fn frame(request: &Request<'_>) -> Vec<u8> {
    encode(request, &mut [0; REQUEST_LEN]).unwrap().to_vec()
}

/// A frame with a checksum that fits, whatever it says.
fn frame_of(content: &[u8]) -> Vec<u8> {
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(content);
    let content = [content, &checksum.to_le_bytes()].concat();
    let mut frame = vec![0; content.len() + content.len() / 254 + 2];
    let len = cobs::encode(&content, &mut frame);
    frame.truncate(len + 1);
    frame
}

/// What a decoder makes of bytes; of a request, its kind and image.
fn decoded(decoder: &mut Decoder<REQUEST_LEN>, bytes: &[u8]) -> Vec<Result<Owned, MessageError>> {
    bytes.iter().filter_map(|&byte| Some(decoder.push::<Request<'_>>(byte)?.map(Owned::from))).collect()
}

/// A request that outlives the decoder's buffer.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Info,
    Predict(Vec<u8>),
    Evaluate(Vec<u8>, u8),
    Statistics,
    Reset,
}

impl Owned {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Info => Request::Info,
            Self::Predict(image) => Request::Predict { image },
            Self::Evaluate(image, label) => Request::Evaluate { image, label: *label },
            Self::Statistics => Request::Statistics,
            Self::Reset => Request::Reset,
        }
    }
}

impl From<Request<'_>> for Owned {
    fn from(request: Request<'_>) -> Self {
        match request {
            Request::Info => Self::Info,
            Request::Predict { image } => Self::Predict(image.to_vec()),
            Request::Evaluate { image, label } => Self::Evaluate(image.to_vec(), label),
            Request::Statistics => Self::Statistics,
            Request::Reset => Self::Reset,
        }
    }
}

fn image() -> impl Strategy<Value = Vec<u8>> {
    // Zeros as images have them, or hardly any: runs of more than 254 bytes without one are stuffed in another way.
    prop_oneof![
        prop::collection::vec(any::<u8>(), PIXELS),
        prop::collection::vec(prop_oneof![9 => Just(0_u8), 1 => any::<u8>()], PIXELS),
        prop::collection::vec(1_u8.., PIXELS),
    ]
}

fn request() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::Info),
        Just(Owned::Statistics),
        Just(Owned::Reset),
        image().prop_map(Owned::Predict),
        (image(), any::<u8>()).prop_map(|(image, label)| Owned::Evaluate(image, label)),
    ]
}

proptest! {
    #[test]
    fn frames_in_a_row_are_the_requests(requests in prop::collection::vec(request(), 1..4)) {
        let line: Vec<u8> = requests.iter().flat_map(|request| frame(&request.request())).collect();
        let expected: Vec<_> = requests.into_iter().map(Ok).collect();
        prop_assert_eq!(decoded(&mut Decoder::new(), &line), expected);
    }

    #[test]
    fn a_frame_has_one_zero_and_fits(request in request()) {
        let frame = frame(&request.request());
        prop_assert!(frame.len() <= REQUEST_LEN);
        prop_assert_eq!(frame.iter().position(|&byte| byte == 0), Some(frame.len() - 1));
    }

    #[test]
    fn noise_is_errors_and_ends_at_a_zero(noise in prop::collection::vec(any::<u8>(), 0..3000), request in request()) {
        let mut decoder = Decoder::new();
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
        let mut decoder = Decoder::new();
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
        let mut decoder = Decoder::new();
        prop_assert!(decoded(&mut decoder, &sent[..end]).is_empty());
        let found = decoded(&mut decoder, &[0]);
        prop_assert!(found.len() == usize::from(end > 0) && found.iter().all(Result::is_err), "{:?}", found);
        prop_assert_eq!(decoded(&mut decoder, &sent), vec![Ok(request)]);
    }

    #[test]
    fn floods_are_too_long(length in REQUEST_LEN + 1..5000, byte in 1_u8.., request in request()) {
        let mut decoder = Decoder::new();
        prop_assert!(decoded(&mut decoder, &vec![byte; length]).is_empty());
        prop_assert_eq!(decoded(&mut decoder, &[0, 0]), vec![Err(MessageError::TooLong)]);
        prop_assert_eq!(decoded(&mut decoder, &frame(&request.request())), vec![Ok(request)]);
    }

    /// What a checksum cannot catch: a frame that was written wrong.
    #[test]
    fn hostile_contents_are_errors_or_requests(content in prop::collection::vec(any::<u8>(), 0..40), request in request()) {
        let mut decoder = Decoder::new();
        let version = [&[VERSION][..], &content].concat();
        for content in [&content, &version] {
            prop_assert_eq!(decoded(&mut decoder, &frame_of(content)).len(), 1);
        }
        prop_assert_eq!(decoded(&mut decoder, &frame(&request.request())), vec![Ok(request)]);
    }
}

#[test]
fn each_way_to_be_no_message_has_its_error() {
    let errors = |bytes: &[u8]| decoded(&mut Decoder::new(), bytes);
    assert_eq!(errors(&[5, 1, 0]), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&[3, 1, 1, 0]), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&frame_of(&[])), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&frame_of(&[VERSION, 9])), [Err(MessageError::Malformed)]);
    // A byte after the message.
    assert_eq!(errors(&frame_of(&[VERSION, 0, 0])), [Err(MessageError::Malformed)]);
    assert_eq!(errors(&frame_of(&[2, 0])), [Err(MessageError::Version { found: 2 })]);
    assert_eq!(errors(&frame_of(&[VERSION, 0])), [Ok(Owned::Info)]);
    let mut damaged = frame_of(&[VERSION, 0]);
    damaged[1] ^= 2;
    assert_eq!(errors(&damaged), [Err(MessageError::Checksum)]);
    assert_eq!(errors(&[0, 0, 0]), []);
}

const INFO: Info<'static> = Info {
    board: "board",
    layers: "784,16,10",
    format: Format::Float32,
    pixels: PIXELS as u32,
    classes: CLASSES as u32,
    flash: u32::MAX,
    ram: u32::MAX,
    unit: "instructions",
};

/// A prediction whose class is the first pixel, and that takes ten times as many instructions as the second says.
fn predict(image: &Image) -> (Logits, u64) {
    let mut logits = [0.0; CLASSES];
    logits[usize::from(image[0])] = 8.0;
    (Logits::Float32(logits), 10 * u64::from(image[1]))
}

fn image_of(class: u8, count: u8) -> Image {
    let mut image = [0; PIXELS];
    (image[0], image[1]) = (class, count);
    image
}

#[test]
fn a_device_says_what_it_is_and_what_it_sees() {
    let mut device = Device::new(INFO);
    assert_eq!(device.answer(Ok(Request::Info), predict), Response::Info(INFO));
    let image = image_of(7, 3);
    let Response::Prediction(prediction) = device.answer(Ok(Request::Predict { image: &image }), predict) else {
        panic!("no prediction");
    };
    assert_eq!((prediction.class, prediction.instructions), (7, 30));
    assert_eq!(prediction.top.iter().map(|candidate| candidate.class).collect::<Vec<_>>(), [7, 0, 1]);
    assert!(prediction.top[0].probability > 0.9, "{prediction:?}");
    assert!(prediction.logits.has_bits_of(&predict(&image).0));
    // What is predicted without a label is not counted.
    assert_eq!(device.answer(Ok(Request::Statistics), predict), Response::Statistics(Statistics::default()));
}

#[test]
fn a_device_counts_what_it_evaluates() {
    let mut device = Device::new(INFO);
    for (class, label, count) in [(7, 7, 3), (7, 2, 9), (0, 0, 6)] {
        let request = Request::Evaluate { image: &image_of(class, count), label };
        assert!(matches!(device.answer(Ok(request), predict), Response::Prediction(_)));
    }
    let statistics = Statistics { images: 3, right: 2, total: 180, min: 30, max: 90 };
    assert_eq!(device.answer(Ok(Request::Statistics), predict), Response::Statistics(statistics));
    assert_eq!((statistics.mean(), Statistics::default().mean()), (60, 0));
    assert_eq!(device.answer(Ok(Request::Reset), predict), Response::Statistics(Statistics::default()));
}

#[test]
fn a_device_refuses_what_it_cannot_do_and_counts_it_not() {
    let mut device = Device::new(INFO);
    let image = [1; PIXELS + 1];
    for (request, error) in [
        (Err(MessageError::Checksum), MessageError::Checksum),
        (Ok(Request::Predict { image: &image }), MessageError::ImageSize { found: 785 }),
        (Ok(Request::Predict { image: &[] }), MessageError::ImageSize { found: 0 }),
        (Ok(Request::Evaluate { image: &image[..783], label: 1 }), MessageError::ImageSize { found: 783 }),
        (Ok(Request::Evaluate { image: &image[1..], label: 10 }), MessageError::Label { found: 10 }),
    ] {
        assert_eq!(device.answer(request, predict), Response::Error(error));
    }
    assert_eq!(device.answer(Ok(Request::Statistics), predict), Response::Statistics(Statistics::default()));
}

/// Every response, with the longest numbers and texts.
#[test]
fn every_response_fits_its_buffer_and_comes_back() {
    let text: std::string::String = "x".repeat(TEXT_LEN - 20);
    let top = (0..3).map(|class| Candidate { class, probability: 0.1 }).collect();
    let longest = Statistics { images: u32::MAX, right: u32::MAX, total: u64::MAX, min: u64::MAX, max: u64::MAX };
    let integers = Logits::Int32 { values: [i32::MIN; CLASSES], scale: 0.5 };
    for response in [
        Response::Info(Info { layers: &text, board: "twenty", unit: "bytes in all..", ..INFO }),
        Response::Prediction(Prediction { class: 255, top, instructions: u64::MAX, logits: integers }),
        Response::Statistics(longest),
        Response::Error(MessageError::ImageSize { found: u32::MAX }),
    ] {
        let mut buffer = [0; RESPONSE_LEN];
        let frame = encode(&response, &mut buffer).unwrap();
        let mut decoder = Decoder::<RESPONSE_LEN>::new();
        let (end, rest) = frame.split_last().unwrap();
        assert!(rest.iter().all(|&byte| decoder.push::<Response<'_>>(byte).is_none()));
        assert_eq!(decoder.push(*end), Some(Ok(response.clone())));
        assert_eq!(encode(&response, &mut [0; 4]), Err(MessageError::TooLong));
        assert_eq!(encode(&response, &mut []), Err(MessageError::TooLong));
    }
}
