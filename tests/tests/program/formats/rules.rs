//! Files that are made by hand, to stand on both sides of a rule.

use super::second_reader::{assert_same, content, is_refused, second_reader};

/// A value of a file: its lowest seven bits first.
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A file of this header and these weights: what stands between the length and the padding is the header.
fn file_of(magic: &[u8; 8], version: u16, header: &[u8], weights: &[u8]) -> Vec<u8> {
    let len = varint(weights.len());
    let padding = (4 - (14 + header.len() + 1 + len.len()) % 4) % 4;
    let body = [header, &[padding as u8], &[0; 3][..padding], &len, weights].concat();
    let length = (14 + body.len() + 4) as u32;
    let mut file = [&magic[..], &version.to_le_bytes(), &length.to_le_bytes(), &body].concat();
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&file);
    file.extend(checksum.to_le_bytes());
    file
}

/// A layer's tensors: their names and shapes.
type Tensors<'a> = &'a [(&'a str, &'a [usize])];

/// A weight file of these layers, each a kind, its widths and its tensors; with this signature, and a number for all weights.
fn layered(layers: &[(u8, &[usize], Tensors<'_>)], signature: &[u8], number: f32) -> Vec<u8> {
    let text = |text: &str| [varint(text.len()), text.into()].concat();
    let sizes = |sizes: &[usize]| sizes.iter().flat_map(|&size| varint(size)).collect::<Vec<u8>>();
    let (mut header, mut tensors) = (vec![layers.len() as u8], Vec::new());
    let (mut count, mut numbers) = (0, 0);
    for (place, (kind, widths, own)) in layers.iter().enumerate() {
        header.push(*kind);
        header.extend(sizes(widths));
        for (name, shape) in *own {
            tensors.extend(text(&format!("linear_relu_stack.{place}.{name}")));
            tensors.extend([varint(shape.len()), sizes(shape)].concat());
            (count, numbers) = (count + 1, numbers + shape.iter().product::<usize>());
        }
    }
    header.extend([varint(count), tensors].concat());
    // Numbers that are 0 and texts that are empty, and 32 bytes of a checksum.
    header.extend([&[0; 2][..], &[7; 32], &[0; 5], &[0; 8], &[0]].concat());
    header.extend(signature);
    file_of(b"SELVEDGE", 3, &header, &number.to_le_bytes().repeat(numbers))
}

/// Files on both sides of a rule: both readers refuse each of them, or neither does.
#[test]
fn both_readers_draw_the_same_lines() {
    let linear = |inputs, outputs, signature: &[u8], number| {
        let (weight, bias) = ([outputs, inputs], [outputs]);
        layered(&[(0, &[inputs, outputs], &[("weight", &weight), ("bias", &bias)])], signature, number)
    };
    let after = |kinds: &[u8]| {
        let tensors: [(&str, &[usize]); 2] = [("weight", &[2, 3]), ("bias", &[2])];
        let mut layers = vec![(0, &[3, 2][..], &tensors[..])];
        layers.extend(kinds.iter().map(|&kind| (kind, &[2][..], &[][..])));
        layered(&layers, &[0], 1.0)
    };
    let normalisation: [(&str, &[usize]); 4] =
        [("weight", &[2]), ("bias", &[2]), ("running_mean", &[2]), ("running_var", &[2])];
    let f16 = |inputs: u32, byte: u8, logit_scale: f32| {
        let numbers = [logit_scale, 0.5, 0.5].map(f32::to_le_bytes).concat();
        let header = [&[8][..], &inputs.to_le_bytes(), &[1, 0, 0, 0, 32], &[7; 32], &numbers, &[0, 0]].concat();
        let mut weights = vec![0; 4 + inputs.div_ceil(2) as usize * 4];
        weights.last_mut().into_iter().for_each(|last| *last = byte);
        file_of(b"SELVFP16", 2, &header, &weights)
    };
    // A network of one input and one output: a block, whose other rows and column fill it up.
    let int8 = |place: usize, change: &[u8]| {
        let numbers = [0.5_f32; 3].map(f32::to_le_bytes).concat();
        let header = [&[8, 1, 0, 0, 0, 1, 0, 0, 0, 32][..], &[7; 32], &numbers, &[0, 0]].concat();
        let mut block = vec![0; 64 + 16];
        block[place..][..change.len()].copy_from_slice(change);
        file_of(b"SELVINT8", 2, &header, &block)
    };
    // A scale whose last bytes these are and a shift of 0, then a scale of 2 and a shift of 1.
    let regression = |scale: &[u8; 2]| {
        [&[1, 4, 17, 2, 0, 0][..], scale, &[0; 4], &2.0_f32.to_le_bytes(), &1.0_f32.to_le_bytes()].concat()
    };
    let cases = [
        (linear(3, 2, &[0], 1.0), true),
        // Any bits are a weight.
        (linear(3, 2, &[0], f32::NAN), true),
        (linear(3, 2, &[0], -0.0), true),
        // A field of names that has none, one that has fewer than there are outputs, and numbers that are not known.
        (linear(3, 2, &[1, 3, 0], 1.0), true),
        (linear(3, 2, &[1, 3, 2, 1, b'a'], 1.0), false),
        (linear(3, 2, &[1, 3, 4, 1, b'a', 1, b'b'], 1.0), true),
        (linear(3, 2, &[1, 3, 6, 2, 0xc2, 0x85, 2, 0xc2, 0xa0], 1.0), false),
        (linear(3, 2, &[1, 13, 1, 9], 1.0), true),
        (linear(3, 2, &[1, 9, 4, 1, b'a', 1, b'b'], 1.0), true),
        (linear(3, 2, &[1, 9, 2, 1, b'a'], 1.0), false),
        (linear(1, 1, &[1, 5, 2, 1, b'a'], 1.0), true),
        (linear(1, 1, &[1, 7, 4, 1, b'a', 1, b'b'], 1.0), false),
        // A scale of 1 and a shift of 2; an infinite one, one of an unknown element, and one of integers.
        (linear(3, 2, &[1, 2, 10, 0, 4, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], 1.0), true),
        (linear(3, 2, &[1, 2, 10, 0, 4, 0, 0, 0x80, 0x7f, 0, 0, 0, 0x40], 1.0), false),
        (linear(3, 2, &[1, 2, 10, 0, 5, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], 1.0), false),
        (linear(3, 2, &[1, 2, 10, 1, 1, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], 1.0), false),
        (linear(3, 2, &[1, 2, 2, 1, 1], 1.0), false),
        (linear(3, 2, &[1, 2, 1, 0], 1.0), false),
        (linear(3, 2, &[1, 6, 1, 9], 1.0), false),
        // Labels; numbers whose scales are 1 and 2, one of them infinite or 0, or one alone; tasks that are none.
        (linear(3, 2, &[1, 4, 1, 1], 1.0), true),
        (linear(3, 2, &[1, 4, 2, 1, 0], 1.0), false),
        (linear(3, 2, &regression(&[0x80, 0x3f]), 1.0), true),
        (linear(3, 2, &regression(&[0x80, 0x7f]), 1.0), false),
        (linear(3, 2, &regression(&[0, 0]), 1.0), false),
        (linear(3, 2, &regression(&[0x80, 0xbf]), 1.0), false),
        (linear(3, 2, &[1, 4, 9, 2, 0, 0, 0x80, 0x3f, 0, 0, 0, 0], 1.0), false),
        (linear(1, 1, &[1, 4, 9, 2, 0, 0, 0x80, 0x3f, 0, 0, 0, 0], 1.0), true),
        (linear(3, 2, &[1, 4, 1, 0], 1.0), false),
        (linear(3, 2, &[1, 4, 1, 3], 1.0), false),
        (linear(3, 2, &[1, 4, 0], 1.0), false),
        (linear(3, 2, &[2, 3, 0, 3, 0], 1.0), false),
        // The widest layer.
        (linear(65_536, 1, &[0], 1.0), true),
        (linear(65_537, 1, &[0], 1.0), false),
        (linear(1, 65_537, &[0], 1.0), false),
        (f16(65_536, 0, 1.0), true),
        (f16(65_537, 0, 1.0), false),
        // The first layer is linear; an activation follows a linear layer or batch normalisation, other layers any.
        (layered(&[(6, &[2], &normalisation)], &[0], 1.0), false),
        (layered(&[(5, &[2], &[])], &[0], 1.0), false),
        (after(&[1]), true),
        (after(&[1, 2]), false),
        (after(&[5, 8, 5]), true),
        (after(&[5, 1]), false),
        (after(&[8, 4]), false),
        (after(&[7]), false),
        (after(&[9]), false),
        (after(&[5; 63]), true),
        (after(&[5; 64]), false),
        // A reader checks no number of an f16 file, and no padding. It checks the logit scale, as in any file.
        (f16(3, 9, 1.0), true),
        (f16(3, 0, 2.0), true),
        (f16(3, 0, 0.0), false),
        (f16(3, 0, f32::NAN), false),
        // What fills a block must not overflow either: here the last row's bias and multiplier, and weights of rows 6 and 7.
        (int8(28, &5_i32.to_le_bytes()), true),
        (int8(28, &(1_i32 << 30).to_le_bytes()), false),
        (int8(28, &(1 - (1_i32 << 30)).to_le_bytes()), true),
        (int8(60, &7_i32.to_le_bytes()), true),
        (int8(60, &(-1_i32).to_le_bytes()), false),
        (int8(64 + 12, &[0x80, 0x7f, 0xff, 0x7f]), true),
    ];
    let files: Vec<Vec<u8>> = cases.iter().map(|(file, _)| file.clone()).collect();
    let Some(answers) = second_reader(&files) else { return };
    for (index, ((file, is_taken), answer)) in cases.iter().zip(&answers).enumerate() {
        let content = content(file);
        assert_eq!([content.is_some(), !is_refused(answer)], [*is_taken; 2], "{index}: {answer}");
        content.iter().for_each(|content| assert_same(answer, content));
    }
}
