//! Hostile bytes for the readers of a device and of its host: quantised files and frames.

use std::sync::LazyLock;

use selvedge::{
    message::{
        Decoder, Device, Info, Logits, MessageError, Prediction, Request, Response, VERSION, WeightFormat, encode,
        request_len, response_len,
    },
    preparation::Element,
    quantized::{F16, Int4, Int8, Integers, QuantizedFile, QuantizedFormat, required_words},
    shape::{InputShape, Names, Signature},
    task::TaskKind,
};
use serde::{Deserialize, Serialize};

/// The int8 loader, with the bytes as they are, and as a body of each version, with length and checksum made to fit. What it takes
/// predicts.
pub fn int8_file(bytes: &[u8]) {
    predict_in_integers::<Int8>(bytes);
    VERSIONS.iter().for_each(|&version| predict_in_integers::<Int8>(&framed(INT8_MAGIC, version, bytes)));
}

/// The same of int4.
pub fn int4_file(bytes: &[u8]) {
    predict_in_integers::<Int4>(bytes);
    VERSIONS.iter().for_each(|&version| predict_in_integers::<Int4>(&framed(INT4_MAGIC, version, bytes)));
}

/// The same of f16 weights.
pub fn f16_file(bytes: &[u8]) {
    predict_in_floats(bytes);
    VERSIONS.iter().for_each(|&version| predict_in_floats(&framed(F16_MAGIC, version, bytes)));
}

/// The versions of these files: without a signature and with one.
pub const VERSIONS: [u8; 2] = [1, 2];

/// The first bytes of an int8 file.
pub const INT8_MAGIC: &[u8; 8] = b"SELVINT8";
/// The first bytes of an int4 file.
pub const INT4_MAGIC: &[u8; 8] = b"SELVINT4";
/// The first bytes of an f16 file.
pub const F16_MAGIC: &[u8; 8] = b"SELVFP16";

/// A body with magic and version, and with length and checksum that fit.
pub fn framed(magic: &[u8; 8], version: u8, body: &[u8]) -> Vec<u8> {
    let mut file = [magic, &[version, 0, 0, 0, 0, 0][..], body, &[0; 4]].concat();
    let length = file.len() as u32;
    file[10..14].copy_from_slice(&length.to_le_bytes());
    let end = file.len() - 4;
    let checksum = checksum(&file[..end]);
    file[end..].copy_from_slice(&checksum.to_le_bytes());
    file
}

fn checksum(bytes: &[u8]) -> u32 {
    // Its table is made once: a line can be two thousand frames.
    const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CHECKSUM.checksum(bytes)
}

fn parsed<F: QuantizedFormat>(file: &[u8]) -> Option<(QuantizedFile<'_, F>, Vec<u8>, usize)> {
    let network = QuantizedFile::<F>::parse(file).ok()?;
    assert!(network.record().logit_scale > 0.0);
    let architecture = network.architecture();
    let _ = network.signature().output_names.iter().count();
    let sample = (0..architecture.inputs()).map(|place| (place * 37 % 256) as u8).collect();
    Some((network, sample, architecture.outputs()))
}

fn predict_in_integers<F: Integers>(file: &[u8]) {
    let Some((network, sample, outputs)) = parsed::<F>(file) else { return };
    let mut workspace = vec![0; network.required_words()];
    assert_eq!(workspace.len(), required_words(file));
    assert!(network.predict(&sample, &mut workspace, &mut vec![0; outputs]).is_ok());
}

fn predict_in_floats(file: &[u8]) {
    let Some((network, sample, outputs)) = parsed::<F16>(file) else { return };
    let mut workspace = vec![0; network.required_words()];
    assert!(network.predict(&sample, &mut workspace, &mut vec![0.0; outputs]).is_ok());
    assert!(Some(network.parameters().count()) == network.architecture().parameter_count());
}

/// Both ends of a line over which the bytes come as they are, and then what they describe.
///
/// Each frame says what it would say alone and with more room, and its errors are those of an independent reading of what stands around
/// the message; a message that is understood can be sent again, and says where it ends; each answer fits and is understood.
pub fn frames(bytes: &[u8]) {
    let line = [bytes, &[0], &line(bytes)].concat();
    device(&line);
    host(&line);
}

/// The line that bytes describe: after two bytes for a piece's length, a frame's content, or what comes as it is.
pub fn line(mut pieces: &[u8]) -> Vec<u8> {
    const AS_IT_IS: u16 = 1 << 15;
    let mut line = Vec::new();
    while let Some((&header, rest)) = pieces.split_first_chunk() {
        let header = u16::from_le_bytes(header);
        let (piece, rest) = rest.split_at(rest.len().min((header & !AS_IT_IS).into()));
        if header & AS_IT_IS == 0 {
            line.extend(sealed(piece));
            line.push(0);
        } else {
            line.extend(piece);
        }
        pieces = rest;
    }
    line
}

/// The frame of a content, with a checksum that fits, and without its end.
fn sealed(content: &[u8]) -> Vec<u8> {
    stuffed(&[content, &checksum(content).to_le_bytes()].concat())
}

/// Consistent overhead byte stuffing, written a second time: core's is what is tested.
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

fn unstuffed(mut stuffed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some((&code, rest)) = stuffed.split_first() {
        let (run, rest) = rest.split_at_checked(usize::from(code) - 1)?;
        bytes.extend(run);
        if code < 255 && !rest.is_empty() {
            bytes.push(0);
        }
        stuffed = rest;
    }
    Some(bytes)
}

/// The error of what stands around a message, if there is one.
fn envelope(frame: &[u8], len: usize) -> Result<(), MessageError> {
    if frame.len() > len {
        return Err(MessageError::TooLong);
    }
    let content = unstuffed(frame).ok_or(MessageError::Malformed)?;
    let (content, sum) = content.split_last_chunk().ok_or(MessageError::Malformed)?;
    if checksum(content) != u32::from_le_bytes(*sum) {
        return Err(MessageError::Checksum);
    }
    match content.first() {
        Some(&VERSION) => Ok(()),
        Some(&found) => Err(MessageError::Version { found }),
        None => Err(MessageError::Malformed),
    }
}

/// The inputs and outputs of the network behind the line.
const INPUTS: usize = 64;
const OUTPUTS: usize = 5;
pub const REQUEST_LEN: usize = request_len(INPUTS);
pub const RESPONSE_LEN: usize = response_len(TEXT.len(), OUTPUTS);

/// Room for what a decoder takes and no end sends: a sample of some features too many, and its stuffing.
const ROOM: usize = 2 * (REQUEST_LEN + RESPONSE_LEN);

/// Returns the message of a frame. The frame has no 0 and comes without its end.
fn understood<'a, M: Deserialize<'a>, const LEN: usize>(
    decoder: &'a mut Decoder<[u8; LEN]>,
    frame: &[u8],
) -> Option<Result<M, MessageError>> {
    assert!(frame.iter().all(|&byte| decoder.push::<()>(byte).is_none()), "a message before the frame's end");
    let message = decoder.push::<M>(0);
    let error = message.as_ref().map(|message| message.as_ref().err().copied());
    match envelope(frame, LEN) {
        _ if frame.is_empty() => assert_eq!(error, None),
        Ok(()) => assert!(matches!(error, Some(None | Some(MessageError::Malformed))), "{error:?}"),
        Err(expected) => assert_eq!(error, Some(Some(expected))),
    }
    message
}

/// A message's frame without its end. Equal frames are equal bits, where a NaN is not equal to itself.
fn frame<const LEN: usize>(message: &impl Serialize) -> Vec<u8> {
    let mut buffer = [0; LEN];
    let frame = encode(message, &mut buffer).expect("the message fits");
    let (end, frame) = frame.split_last().expect("a frame has an end");
    assert!(*end == 0 && !frame.contains(&0));
    frame.to_vec()
}

/// A message with a byte more and one with a byte less, which are none: a message says where it ends.
fn longer_and_shorter(frame: &[u8]) -> [Vec<u8>; 2] {
    let content = unstuffed(frame).expect("the frame was understood");
    let content = &content[..content.len() - size_of::<u32>()];
    [sealed(&[content, &[0]].concat()), sealed(&content[..content.len() - 1])]
}

fn device(line: &[u8]) {
    let names = Names::parse(b"\x04left\x05right\x02up\x04down\x05still", OUTPUTS).expect("five names");
    let mut device = Device::new(INFO, &Signature { output_names: names, ..Signature::default() });
    let mut decoder = Decoder::new([0; REQUEST_LEN]);
    for bytes in line.split(|&byte| byte == 0) {
        let Some(request) = understood::<Request<'_>, _>(&mut decoder, bytes) else { continue };
        if bytes.len() <= REQUEST_LEN {
            assert_eq!(understood(&mut Decoder::new([0; ROOM]), bytes), Some(request));
        }
        if let Ok(request) = request {
            let frame = frame::<ROOM>(&request);
            assert_eq!(understood(&mut Decoder::new([0; ROOM]), &frame), Some(Ok(request)));
            for frame in longer_and_shorter(&frame) {
                let mut decoder = Decoder::new([0; ROOM]);
                let request = understood::<Request<'_>, _>(&mut decoder, &frame);
                assert_eq!(request, Some(Err(MessageError::Malformed)));
            }
        }
        let (mut floats, mut sums) = ([0.0; OUTPUTS], [0; OUTPUTS]);
        let answer = device.answer(request, |sample| logits(sample, &mut floats, &mut sums));
        match (&request, &answer) {
            (Err(error), _) => assert_eq!(answer, Response::Error(*error)),
            (Ok(_), Response::Prediction(prediction)) => {
                let Prediction { class, top, .. } = prediction;
                assert!(usize::from(*class) < OUTPUTS, "{prediction:?}");
                // Logits that are no numbers have no probabilities.
                if prediction.logits.values().all(f32::is_finite) {
                    assert!(top.iter().all(|candidate| (0.0..=1.0).contains(&candidate.probability)), "{prediction:?}");
                    assert!(top.is_sorted_by(|a, b| a.probability >= b.probability), "{prediction:?}");
                }
            }
            _ => {}
        }
        let answer = frame::<RESPONSE_LEN>(&answer);
        assert_eq!(response(&mut Decoder::new([0; RESPONSE_LEN]), &answer), Some(Ok(answer)));
    }
    // Made once, since it is long.
    static FRAME: LazyLock<Vec<u8>> = LazyLock::new(|| frame::<REQUEST_LEN>(&LONGEST));
    assert_eq!(understood(&mut decoder, &FRAME), Some(Ok(LONGEST)));
}

fn host(line: &[u8]) {
    let mut decoder = Decoder::new([0; RESPONSE_LEN]);
    for bytes in line.split(|&byte| byte == 0) {
        let Some(heard) = response(&mut decoder, bytes) else { continue };
        if bytes.len() <= RESPONSE_LEN {
            assert_eq!(response(&mut Decoder::new([0; ROOM]), bytes).as_ref(), Some(&heard));
        }
        if let Ok(frame) = heard {
            for frame in longer_and_shorter(&frame) {
                assert_eq!(response(&mut Decoder::new([0; ROOM]), &frame), Some(Err(MessageError::Malformed)));
            }
            assert_eq!(response(&mut Decoder::new([0; ROOM]), &frame), Some(Ok(frame)));
        }
    }
    static FRAME: LazyLock<Vec<u8>> = LazyLock::new(|| frame::<RESPONSE_LEN>(&Response::Info(INFO)));
    assert_eq!(response(&mut decoder, &FRAME), Some(Ok(FRAME.clone())));
}

/// Returns the frame of a decoded response.
fn response<const LEN: usize>(decoder: &mut Decoder<[u8; LEN]>, frame: &[u8]) -> Option<Result<Vec<u8>, MessageError>> {
    Some(understood::<Response<'_>, _>(decoder, frame)?.map(|response| self::frame::<ROOM>(&response)))
}

const LONGEST: Request<'static> = Request::Evaluate { input: &[255; INPUTS], label: u16::MAX };

/// The longest texts and numbers: each text's length takes two bytes.
const INFO: Info<'static> = {
    let (board, rest) = TEXT.split_at(128);
    let (unit, layers) = rest.split_at(128);
    let (input, flash, ram) = (InputShape::Features(INPUTS as u32), u32::MAX, u32::MAX);
    Info {
        board,
        layers,
        format: WeightFormat::Int8,
        input,
        element: Element::U8,
        outputs: OUTPUTS as u32,
        task: TaskKind::Classification,
        flash,
        ram,
        unit,
    }
};
const TEXT: &str = match str::from_utf8(&[b'x'; 400]) {
    Ok(text) => text,
    Err(_) => panic!(),
};

/// A network that gives whatever its sample says.
fn logits<'a>(sample: &[u8], floats: &'a mut [f32; OUTPUTS], sums: &'a mut [i32; OUTPUTS]) -> (Logits<'a>, u64) {
    let (words, _) = sample.as_chunks();
    let word = |place: usize| u32::from_le_bytes(words[place]);
    *floats = std::array::from_fn(|place| f32::from_bits(word(place)));
    *sums = std::array::from_fn(|place| word(place).cast_signed());
    let [scale, is_integer, high, low] = std::array::from_fn(|place| word(OUTPUTS + place));
    let logits = match is_integer % 2 {
        0 => Logits::float32(floats),
        // A file's logit scale is above 0 and at most 2⁹⁶.
        _ => match f32::from_bits(scale) {
            scale if scale > 0.0 && scale <= 2f32.powi(96) => Logits::int32(sums, scale),
            _ => Logits::int32(sums, 1.0),
        },
    };
    (logits, u64::from(high) << 32 | u64::from(low))
}
