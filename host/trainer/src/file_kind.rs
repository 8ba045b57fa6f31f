//! The formats of files with weights. A file's bytes tell its kind, because the name of a file may be wrong.

use std::path::Path;

use crate::{
    archive::{Archive, ArchiveError},
    stray::{self, Magic, begins},
};

/// The first bytes of a file from PyTorch before 1.6: a magic number, and the protocol 1001.
pub const LEGACY_PTH: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";

/// The file of a PyTorch archive that has the names of the tensors.
pub const PICKLE: &str = "data.pkl";

/// Extensions of other programs' files that are neither read nor written.
const FOREIGN: [&str; 31] = [
    "h5", "hdf5", "keras", "tflite", "npy", "ckpt", "pkl", "pickle", "gguf", "joblib", "pb", "mat", "png", "jpg",
    "jpeg", "gif", "webp", "bmp", "tif", "tiff", "txt", "md", "html", "csv", "tsv", "json", "jsonl", "toml", "zip",
    "gz", "elf",
];

/// A kind of file with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Selvedge's weight file.
    Selvedge,
    /// Tensors without code.
    Safetensors,
    /// PyTorch's file of a state dict or a checkpoint: a zip archive with a pickle, or before PyTorch 1.6 several pickles and then the numbers.
    Pth,
    /// NumPy's zip archive of arrays.
    Npz,
    /// A network as a graph.
    Onnx,
}

impl FileFormat {
    /// Returns the format of a file's extension.
    pub fn of_extension(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "selvedge" => Some(Self::Selvedge),
            "safetensors" => Some(Self::Safetensors),
            "pth" | "pt" => Some(Self::Pth),
            "npz" => Some(Self::Npz),
            "onnx" => Some(Self::Onnx),
            _ => None,
        }
    }

    /// Returns true if a file's extension is that of another program's format.
    pub fn is_foreign(path: &Path) -> bool {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match Self::of_extension(path) {
            Some(format) => format != Self::Selvedge,
            None => extension.is_some_and(|extension| FOREIGN.contains(&extension.as_str())),
        }
    }
}

/// A kind of file that a user may bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A format that is read.
    Read(FileFormat),
    /// Another known kind: its name, and advice.
    Other(String),
    /// Any other kind.
    Unknown,
}

/// Kinds of files that are not read: the place of their magic, the magic, and the words about them.
const OTHERS: [Magic<&str>; 13] = [
    (0, b"\x93NUMPY", "a single NumPy array (.npy); save the weights and biases together by numpy.savez"),
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file (Keras' .h5); save model.get_weights() by numpy.savez(\"model.npz\", *model.get_weights())",
    ),
    (
        4,
        b"TFL3",
        "a TensorFlow Lite model (.tflite); save the weights of the Keras model that it was made of by numpy.savez",
    ),
    (0, b"GGUF", "a GGUF file of a language model; it is not read"),
    (
        0,
        b"SELVCKPT",
        "a checkpoint of `selvedge train`; `train --resume` goes on with it, and `train --init` starts a new run from its weights",
    ),
    (
        0,
        b"\x89PNG",
        "a picture and no file of weights; for `selvedge predict`, the network comes first, then the pictures",
    ),
    (
        0,
        b"\xff\xd8\xff",
        "a picture and no file of weights; for `selvedge predict`, the network comes first, then the pictures",
    ),
    (0, b"\x00\x00\x08\x01", "a file of labels of a data set (IDX); --data takes the folder that it is in"),
    (0, b"\x00\x00\x08\x03", "a file of images of a data set (IDX); --data takes the folder that it is in"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program (ELF); `selvedge embed` and `cargo xtask flash` put weights on a board"),
    (
        0,
        b"GIF8",
        "a picture and no file of weights; for `selvedge predict`, the network comes first, then the pictures",
    ),
    (
        0,
        b"MATLAB ",
        "a MATLAB file (.mat); load it in Python by scipy.io.loadmat, and save the weights and biases by numpy.savez",
    ),
];

/// Tells a file's kind by its bytes. For an archive, these must be all bytes of the file.
pub fn of(bytes: &[u8]) -> Kind {
    let other = |what: &str| Kind::Other(what.to_owned());
    if let Some(what) = begins(&OTHERS, bytes) {
        return other(what);
    }
    if bytes.starts_with(b"SELV") {
        return Kind::Read(FileFormat::Selvedge);
    }
    if bytes.starts_with(b"PK") {
        return archive(bytes);
    }
    if bytes.starts_with(LEGACY_PTH) {
        return Kind::Read(FileFormat::Pth);
    }
    if bytes.starts_with(b"\x80") && matches!(bytes.get(1), Some(2..=5)) && bytes.get(8) != Some(&b'{') {
        return other("a bare Python pickle (of joblib, say), which is not read; save the arrays by numpy.savez");
    }
    if let Some(length) = bytes.first_chunk::<8>().filter(|_| bytes.get(8) == Some(&b'{')) {
        return safetensors(bytes, u64::from_le_bytes(*length));
    }
    if is_onnx(bytes) {
        return Kind::Read(FileFormat::Onnx);
    }
    // Last: a safetensors file begins with a number, which may be the beginning of any other file.
    match stray::find(bytes) {
        Some((what, advice)) => Kind::Other(format!("{what}; {advice}")),
        None => Kind::Unknown,
    }
}

fn archive(bytes: &[u8]) -> Kind {
    let names = match Archive::open(bytes, "zip").and_then(|archive| archive.names()) {
        Ok(names) => names,
        Err(error @ ArchiveError::TooMany) => return Kind::Other(format!("a zip archive, but {error}")),
        Err(_) => {
            return Kind::Other(
                "a zip archive (as .pth and .npz are) without its end, so it is cut short; fetch it again".into(),
            );
        }
    };
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    if has("constants.pkl") && has("data.pkl") {
        Kind::Other("a TorchScript program; load it by torch.jit.load and torch.save its state_dict()".into())
    } else if pth_folder(&names).is_some() {
        Kind::Read(FileFormat::Pth)
    } else if has("model.weights.h5") {
        let save = "numpy.savez(\"model.npz\", *model.get_weights())";
        Kind::Other(format!("a Keras model (.keras); load it and save its weights by {save}"))
    } else if has(".npy") || names.is_empty() {
        Kind::Read(FileFormat::Npz)
    } else {
        Kind::Other("a zip archive, but neither PyTorch's nor NumPy's; unpack it first".into())
    }
}

/// Returns the kind of a file that a command does not take, and advice. `None` for Selvedge's own files and for unknown ones.
pub fn foreign(bytes: &[u8]) -> Option<String> {
    let converted =
        |what: &str| Some(format!("{what}; `selvedge convert FILE weights.selvedge` makes a weight file of it"));
    match of(bytes) {
        Kind::Read(FileFormat::Selvedge) => None,
        Kind::Read(FileFormat::Safetensors) => converted("a safetensors file"),
        Kind::Read(FileFormat::Pth) => converted("a PyTorch file"),
        Kind::Read(FileFormat::Npz) => converted("a NumPy archive (.npz)"),
        Kind::Read(FileFormat::Onnx) => converted("an ONNX file"),
        Kind::Other(what) => Some(what),
        Kind::Unknown => None,
    }
}

/// Returns the folder of a PyTorch archive that has the [`PICKLE`], or `None` if there is not exactly one such folder.
pub fn pth_folder(names: &[String]) -> Option<&str> {
    let folder = |name: &&str| !name.contains('/');
    let mut folders = names.iter().filter_map(|name| name.strip_suffix(PICKLE)?.strip_suffix('/')).filter(folder);
    folders.next().filter(|_| folders.next().is_none())
}

/// The largest number of bytes of a header. No network here needs more.
const MAX_HEADER: u64 = 1 << 20;

/// Tells a safetensors file, whose header says how long the file is.
fn safetensors(bytes: &[u8], length: u64) -> Kind {
    if length > MAX_HEADER && length < bytes.len() as u64 {
        return Kind::Other(format!(
            "a safetensors file with a header of {length} bytes; a network's has at most {MAX_HEADER}"
        ));
    }
    let start = usize::try_from(length).ok().and_then(|length| length.checked_add(8));
    let Some(header) = start.and_then(|start| bytes.get(8..start)) else {
        let there = bytes.len();
        return Kind::Other(format!(
            "a safetensors file that is cut short: it has {there} bytes, its header alone {length}; fetch it again"
        ));
    };
    let header: Option<serde_json::Value> = serde_json::from_slice(header).ok();
    let ends = header
        .as_ref()
        .and_then(|header| header.as_object())
        .into_iter()
        .flat_map(|tensors| tensors.values().filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64()));
    let whole = ends.max().and_then(|end| end.checked_add(length)?.checked_add(8));
    match whole.filter(|&whole| whole > bytes.len() as u64) {
        Some(whole) => {
            let there = bytes.len();
            Kind::Other(format!(
                "a safetensors file that is cut short: it has {there} of its {whole} bytes; fetch it again"
            ))
        }
        None => Kind::Read(FileFormat::Safetensors),
    }
}

/// Returns true if the first fields are those of ONNX: the version of the format, then the producer or the graph.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=20, 0x12 | 0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_tell_the_formats_of_others() {
        let is_foreign = |name: &str| FileFormat::is_foreign(Path::new(name));
        assert!(["a.pth", "a.H5", "a.onnx", "a.tflite"].into_iter().all(is_foreign));
        assert!(!["a.selvedge", "a.int8", "a", "a.v2"].into_iter().any(is_foreign));
    }

    #[test]
    fn files_are_known_by_their_bytes() {
        for (bytes, words) in [
            (&b""[..], "empty"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"{\"error\": 404}", "JSON"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"\x1c\0\0\0TFL3", ".tflite"),
            (b"\x89HDF\r\n\x1a\n\0", ".h5"),
            (b"\x93NUMPY\x01\0", "numpy.savez"),
            (b"PK\x03\x04 and no more", "cut short"),
            (b"\x80\x04\x95\0\0", "pickle"),
            (b"\x40\0\0\0\0\0\0\0{\"a\":", "it has 13 bytes, its header alone 64"),
            (b"SELVCKPT", "--resume"),
            (b"\x1f\x8b\x08", "gunzip -c FILE > NEW"),
            (b"MATLAB 5.0 MAT-file, Platform", "loadmat"),
            (b"\x89PNG\r\n", "the network comes first, then the pictures"),
        ] {
            let Kind::Other(what) = of(bytes) else { panic!("{words}") };
            assert!(what.contains(words), "{words}: {what}");
        }
        assert_eq!([of(b"\0\x01\x02\x03"), of(b"404: Not Found")], [Kind::Unknown, Kind::Unknown]);
        let header = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let file = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 8]].concat();
        assert_eq!(of(&file), Kind::Read(FileFormat::Safetensors));
        // Header lengths that begin as JSON, gzip and a web page do.
        for length in [0x7b_u64, 0x8b1f, 0x3c] {
            let header = format!("{:length$}", std::str::from_utf8(header).unwrap(), length = length as usize);
            let file = [&length.to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
            assert_eq!(of(&file), Kind::Read(FileFormat::Safetensors), "{length}");
        }
        let cut = Kind::Other("a safetensors file that is cut short: it has 69 of its 70 bytes; fetch it again".into());
        assert_eq!(of(&file[..file.len() - 1]), cut);
    }
}
