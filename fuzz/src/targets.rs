//! What is done with hostile bytes. The fuzzer draws them; the tests take those that it kept.

use selvedge::quantized::{QuantizedFile, Workspace, entries, width};

/// The int8 loader, with the bytes as they are, and with length and checksum made to fit. What it takes predicts.
pub fn int8_file(bytes: &[u8]) {
    predict(bytes);
    predict(&framed(bytes));
}

/// A body with magic and version, and with length and checksum that fit.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let mut file = [b"SELVINT8\x01\0\0\0\0\0", body, &[0; 4]].concat();
    let length = file.len() as u32;
    file[10..14].copy_from_slice(&length.to_le_bytes());
    let end = file.len() - 4;
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&file[..end]);
    file[end..].copy_from_slice(&checksum.to_le_bytes());
    file
}

fn predict(file: &[u8]) {
    let Ok(network) = QuantizedFile::parse(file) else { return };
    let architecture = network.architecture();
    let image: Vec<u8> = (0..architecture.inputs()).map(|place| (place * 37 % 256) as u8).collect();
    let mut logits = vec![0; architecture.outputs()];
    let mut workspace = Workspace::<{ entries(1 << 12) }, { width(1 << 12) }>::EMPTY;
    // An error is that of a network larger than this workspace.
    let _ = network.predict(&image, &mut workspace, &mut logits);
    assert!(network.record().logit_scale > 0.0);
}
