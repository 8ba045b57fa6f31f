//! The formats of docs/formats.md: golden bytes, files of earlier versions, and a second reader in another language.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

mod checkpoints;
mod golden;
mod rules;
mod second_reader;

use std::fs;

use host::{
    classes::{Classes, SignatureBuf},
    weights,
};
use selvedge::{architecture::Architecture, shape::InputShape, weights::TrainingRecord};

/// Returns the content of a frame, which has no zero byte at its end.
fn content(frame: &[u8]) -> Vec<u8> {
    let mut content = vec![0; frame.len()];
    let len = cobs::decode(frame, &mut content).unwrap();
    content.truncate(len);
    content
}

/// Returns the frame of a content, without the zero byte at its end.
fn framed(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; cobs::max_encoding_length(content.len())];
    let len = cobs::encode(content, &mut frame);
    frame.truncate(len);
    frame
}

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

/// The example under a heading of docs/formats.md: of each line whether it is indented, and its bytes. Two spaces end them.
fn example(heading: &str) -> Vec<(bool, Vec<u8>)> {
    let docs = fs::read_to_string(tests::workspace().join("docs/formats.md")).unwrap();
    let (_, section) = docs.split_once(heading).unwrap();
    let (_, example) = section.split_once("```text\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let line = |line: &str| (line.starts_with(' '), from_hex(line.trim_start().split("  ").next().unwrap()));
    example.lines().map(line).collect()
}

/// The weight file of docs/formats.md, of version 3.
fn documented() -> Vec<u8> {
    example("### An example\n").into_iter().flat_map(|(_, bytes)| bytes).collect()
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

/// Six requests, then twelve responses. Each is a frame in hexadecimal digits.
const FRAMES: [&str; 18] = [
    "020405fbd7b52500",
    "040401030701ff27bb9f3100",
    "040402030901ffac025573fb1a00",
    "0704034186bcbc00",
    "070404e213d82200",
    "090405ac026918514400",
    "02042e086d6963726f62697405362c322c320201010203020202ac02f0a2040c696e737472756374696f6e738124f3a800",
    "0604010101010105403fac0202080101023f010106c0c0c761ce00",
    "0604010101010108403fac02010801010105feffffff0107803ea7eb717100",
    "130402ac02ab0280808080800101026c9d609d00",
    "030403050d2265d300",
    "080403019b1262a400",
    "0804030221436b3d00",
    "090403030147954af000",
    "0b040304900603fe40d1d000",
    "0b040305ac020acf46ac5800",
    "080403063887063a00",
    "100404086772c3b6c39f657203c2b04301010240010106bffc5cd02000",
];
