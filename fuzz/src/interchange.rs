//! Hostile bytes for what only a host reads: weight files and other programs' files.

use std::path::Path;

use host::interchange::{Reading, StateDict};

/// The largest number of parameters of a network that is built. A small file can claim any size.
const MOST_PARAMETERS: usize = 1 << 16;

/// Reads a file of any kind, and builds its network.
pub fn state_dict(bytes: &[u8]) {
    let Ok(weights) = StateDict::parse(Path::new("file"), bytes, &Reading::default()) else { return };
    for tensor in weights.tensors() {
        assert!(!tensor.name().is_empty());
    }
    let Ok(architecture) = weights.architecture() else { return };
    if architecture.parameter_count().is_some_and(|count| count <= MOST_PARAMETERS)
        && let Ok((network, _)) = weights.network(&architecture, false)
    {
        assert!(network.parameters().iter().all(|weight| weight.is_finite()));
    }
}

/// Reads the bytes as a weight file, and as the body of one with a sound prelude and checksum.
pub fn weights(bytes: &[u8]) {
    state_dict(bytes);
    for version in [2, 3] {
        let mut file = [b"SELVEDGE", &[version, 0, 0, 0, 0, 0][..], bytes, &[0; 4]].concat();
        let length = file.len() as u32;
        file[10..14].copy_from_slice(&length.to_le_bytes());
        let end = file.len() - 4;
        let checksum = checksum(&file[..end]);
        file[end..].copy_from_slice(&checksum.to_le_bytes());
        state_dict(&file);
    }
}

/// Reads the bytes as PyTorch's file, as the pickle in an archive with a record of 64 bytes, and as the pickle of the legacy format.
pub fn pth(bytes: &[u8]) {
    state_dict(bytes);
    state_dict(&archive(&[("a/data.pkl", bytes), ("a/data/0", &[0; 64])]));
    const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    state_dict(&[LEGACY, bytes].concat());
}

/// Reads the bytes as NumPy's archive, and as an array in one, alone and beside a bias.
pub fn npz(bytes: &[u8]) {
    state_dict(bytes);
    state_dict(&archive(&[("0.weight.npy", bytes)]));
    let bias =
        [&b"\x93NUMPY\x01\x00\x3d\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }   \n"[..], &[0; 8]];
    state_dict(&archive(&[("0.weight.npy", bytes), ("0.bias.npy", &bias.concat())]));
}

/// Reads the bytes as a safetensors file, and as a header before 64 bytes of numbers.
pub fn safetensors(bytes: &[u8]) {
    state_dict(bytes);
    state_dict(&[&(bytes.len() as u64).to_le_bytes(), bytes, &[0; 64]].concat());
}

/// Reads the bytes as an ONNX file, and as the graph in one.
pub fn onnx(bytes: &[u8]) {
    state_dict(bytes);
    let mut file = b"\x08\x08\x42\x02\x10\x12\x3a".to_vec();
    let mut length = bytes.len();
    while length >= 0x80 {
        file.push(length as u8 | 0x80);
        length >>= 7;
    }
    file.push(length as u8);
    state_dict(&[&file, bytes].concat());
}

/// A zip archive of entries that are not compressed.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let at = file.len() as u32;
        // Version, flags, method, time and date, checksum, both sizes, and the name's length.
        let mut about = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        about.extend(checksum(bytes).to_le_bytes());
        about.extend([(bytes.len() as u32).to_le_bytes(); 2].concat());
        about.extend((name.len() as u16).to_le_bytes());
        file.extend([&b"PK\x03\x04"[..], &about, &[0; 2], name.as_bytes(), bytes].concat());
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &about, &[0; 12], &at.to_le_bytes(), name.as_bytes()].concat());
    }
    let (count, at, size) = (entries.len() as u16, file.len() as u32, directory.len() as u32);
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(); 2].concat());
    file.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    file.extend([0; 2]);
    file
}

fn checksum(bytes: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes)
}
