use std::{
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use selvedge::{
    Flat,
    fashion_mnist::Tiny,
    layers, mlp,
    preparation::Preparation,
    shape::{InputShape, Names, Signature},
    task::Task,
    weights::TrainingRecord,
};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::{file_kind::FileFormat, npy};

type Small = mlp!(4 => 3 Relu => 2);

const RECORD: TrainingRecord<'static> = TrainingRecord {
    seed: 1,
    dataset: "test",
    dataset_checksum: [7; 32],
    samples: 8,
    shuffled: true,
    epochs: 1,
    steps: 2,
    batch_size: 4,
    learning_rate: 0.5,
    accuracy: 0.25,
    recipe: "epochs = 1\n",
};

const SIGNATURE: Signature<'static> = Signature {
    input: Some(InputShape::Features(4)),
    preparation: Preparation::Bytes,
    task: Task::Classification,
    output_names: Names::NONE,
    output_units: Names::NONE,
    feature_names: Names::NONE,
    feature_units: Names::NONE,
    reading: &[],
};

/// Returns a state dict saved by PyTorch, with every type that can be read. Each tensor has the eighths from 0 on.
fn saved_by_torch() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/state-dict.pth");
    fs::read(path).unwrap()
}

fn small() -> Small {
    let mut model = Small::ZERO;
    layers::initialize(&mut model, 3);
    model
}

/// Returns a small valid file of each format that can be read.
fn valid(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("a.pth".to_owned(), saved_by_torch())];
    for name in ["a.selvedge", "a.safetensors", "a.npz"] {
        let path = folder.join(name);
        write(&path, &Architecture::of::<Small>(), small().as_flat(), &SIGNATURE, &RECORD, None).unwrap();
        files.push((name.into(), fs::read(path).unwrap()));
    }
    files
}

fn read(folder: &Path, name: &str, bytes: &[u8]) -> Result<StateDict, String> {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    StateDict::read(&path).map_err(|error| {
        let error = error.to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(error.lines().count() == 1 && error.len() < 600, "{error}");
        error
    })
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Returns the fixture's archive with some entries changed, or left out if `change` returns `None`.
fn rezipped(method: CompressionMethod, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(saved_by_torch())).unwrap();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        if let Some(bytes) = change(&name, bytes) {
            zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(&bytes).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

/// Returns the fixture with other bytes in its pickle.
fn with_pickle(change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    rezipped(CompressionMethod::Stored, |name, bytes| {
        Some(if name.ends_with("data.pkl") { change(bytes) } else { bytes })
    })
}

fn replaced(bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("it is there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn every_format_gives_the_same_bits_back() {
    let folder = folder();
    for name in ["a.selvedge", "a.safetensors", "a.npz"] {
        let path = folder.path().join(name);
        write(&path, &Architecture::of::<Small>(), small().as_flat(), &SIGNATURE, &RECORD, None).unwrap();
        let weights = StateDict::read(&path).unwrap();
        let (network, report) = weights.network(&Architecture::of::<Small>(), true).unwrap();
        assert_eq!(report, LoadReport::default());
        assert_eq!(bits(network.parameters()), bits(small().as_flat()), "{name}");
        let is_own = name == "a.selvedge";
        assert_eq!(weights.record().dataset, if is_own { "test" } else { "unknown" });
        assert_eq!(weights.signature().input, SIGNATURE.input.filter(|_| is_own));
    }
}

fn bits(flat: &[f32]) -> Vec<u32> {
    flat.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn what_pytorch_saves_is_read() {
    let folder = folder();
    let weights = read(folder.path(), "a.pth", &saved_by_torch()).unwrap();
    let names: Vec<_> = weights.tensors().iter().map(|tensor| tensor.name().to_owned()).collect();
    let expected = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"];
    let expected = expected.iter().chain(&["1.num_batches_tracked", "2.weight", "2.bias"]);
    assert_eq!(names, expected.map(|name| (*name).to_owned()).collect::<Vec<_>>());
    for tensor in weights.tensors() {
        let eighths: Vec<_> = (0_u8..).take(tensor.values().len()).map(|n| f32::from(n) / 8.0).collect();
        assert_eq!(tensor.values(), eighths, "{}", tensor.name());
    }
    assert_eq!(weights.tensors()[0].shape(), [3, 4]);
    let error = weights.architecture().unwrap_err().to_string();
    assert!(error.contains("--layers '4 => 3 BatchNorm1d Relu => 2'"), "{error}");
    // The format does not depend on the name alone.
    assert_eq!(read(folder.path(), "a", &saved_by_torch()).unwrap().tensors(), weights.tensors());
}

#[test]
fn a_network_is_inferred_or_named_by_the_file() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    write(&path, &Architecture::of::<Tiny>(), &[0.0; Tiny::LEN], &SIGNATURE, &RECORD, None).unwrap();
    assert_eq!(StateDict::read(&path).unwrap().architecture().unwrap(), Architecture::of::<Tiny>());
    let path = folder.path().join("a.selvedge");
    write(&path, &Architecture::of::<Small>(), small().as_flat(), &SIGNATURE, &RECORD, None).unwrap();
    let weights = StateDict::read(&path).unwrap();
    assert_eq!(weights.architecture().unwrap(), Architecture::of::<Small>());
    let error = weights.network(&"4 => 3 => 2".parse().unwrap(), false).unwrap_err().to_string();
    assert!(error.ends_with("this is a 4-3-2 network, not 4-3-2 Linear Linear"), "{error}");
}

#[test]
fn names_may_count_dropout() {
    type Trained = mlp!(4 => 3 BatchNorm1d Relu Dropout => 2);
    let architecture = Architecture::of::<Trained>();
    let flat: Vec<f32> = (0_u8..).take(Trained::LEN).map(f32::from).collect();
    let folder = folder();
    for (named, last) in [(&architecture, 4), (&architecture.for_prediction(), 3)] {
        for file in ["a.safetensors", "a.npz"] {
            let path = folder.path().join(file);
            write(&path, named, &flat, &SIGNATURE, &RECORD, None).unwrap();
            let weights = StateDict::read(&path).unwrap();
            let last = format!("linear_relu_stack.{last}.bias");
            assert!(weights.tensors().iter().any(|tensor| tensor.name() == last), "{last}");
            assert_eq!(weights.network(&architecture, true).unwrap().0.parameters(), flat);
        }
    }
    let path = folder.path().join("a.selvedge");
    write(&path, &architecture, &flat, &SIGNATURE, &RECORD, None).unwrap();
    let weights = StateDict::read(&path).unwrap();
    assert_eq!(weights.architecture().unwrap(), architecture.for_prediction());
    assert_eq!(weights.network(&architecture, true).unwrap().0.parameters(), flat);
}

#[test]
fn a_missing_tensor_leaves_the_others_names_as_they_are() {
    let architecture: Architecture =
        "4 => 3 BatchNorm1d Relu Dropout => 3 BatchNorm1d Relu Dropout => 2".parse().unwrap();
    let flat: Vec<f32> = (1_u8..).take(architecture.parameter_count().unwrap()).map(f32::from).collect();
    let folder = folder();
    for named in [&architecture, &architecture.for_prediction()] {
        for missing in named.parameters() {
            let others = named.parameters().filter(|parameter| parameter.name != missing.name);
            let others: Vec<_> = others.map(|other| (other.clone(), other.values(&flat).unwrap())).collect();
            let weights = read(folder.path(), "a.safetensors", &safetensors::write(&others).unwrap()).unwrap();
            let error = weights.network(&architecture, true).unwrap_err().to_string();
            assert!(error.contains(missing.name.as_str()), "{error}");
            let is_norms = missing.shape.len() == 1 && missing.name.ends_with("weight");
            if !is_norms && !missing.name.ends_with("bias") {
                let error = weights.network(&architecture, false).unwrap_err().to_string();
                assert!(error.contains("nothing can stand in for"), "{error}");
                continue;
            }
            let (found, report) = weights.network(&architecture, false).unwrap();
            assert_eq!((report.missing.len(), report.unexpected.len()), (1, 0), "{report}");
            let mut expected = flat.clone();
            expected[missing.offset..][..missing.len].fill(if is_norms { 1.0 } else { 0.0 });
            assert_eq!(found.parameters(), expected, "{}", missing.name);
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let folder = folder();
    for (name, bytes) in valid(folder.path()) {
        assert!(read(folder.path(), &name, &bytes).is_ok(), "{name}");
        // Every length of what is parsed by hand, and a spread of the rest.
        for end in (0..bytes.len()).filter(|end| bytes.len() < 2000 || end % 7 == 0 || end + 300 > bytes.len()) {
            assert!(read(folder.path(), &name, &bytes[..end]).is_err(), "{name} {end}");
        }
    }
}

#[test]
fn what_no_state_dict_needs_is_refused_by_name() {
    let folder = folder();
    let error = |bytes: &[u8]| read(folder.path(), "a.pth", bytes).unwrap_err();
    for (from, to, words) in [
        (&b"ccollections\nOrderedDict\n"[..], &b"cposix\nsystem\n"[..], "names `posix.system`"),
        (b"ccollections\nOrderedDict\n", b"cbuiltins\neval\n", "names `builtins.eval`"),
        (b"ccollections\nOrderedDict\n", b"ctorch\nload\n", "names `torch.load`"),
        (b"ctorch\nFloatStorage\n", b"ctorch\nQuackStorage\n", "names `torch.QuackStorage`"),
        (b"storage", b"st\nrage", "no storage"),
        (b")R", b"]R", "a tuple must be here"),
        (b")R", b")\x81", "what is no plain data"),
        (b")R", b")\x92", "an object of a class (OBJ)"),
        (b"\x80\x02", b"\x80\x06", "protocol from 2 to 5"),
        (b"\x80\x02", b"\x80\x02\xff", "unknown opcode 0xff"),
        (b"_metadata", b"_metadato", "another attribute"),
        (b"K\x00K\x03K\x04", b"K\x01K\x03K\x04", "outside its storage"),
        (b"K\x00K\x03K\x04", b"K\x00K\x03K\x05", "outside its storage"),
        (b"K\x04K\x01\x86", b"K\x01K\x04\x86", "outside its storage"),
        (b"K\x04K\x01\x86", b"K\x04\x85", "not as many strides"),
        (b"q\x00", b"q\x05", "the memo's places are not in order"),
        (b"0.weight", b"0.w\x00ight", "printable"),
        (b"0.weight", b"0.w\xffight", "no UTF-8"),
    ] {
        let error = error(&with_pickle(|pickle| replaced(pickle, from, to)));
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(error(&with_pickle(|pickle| [&pickle[..], b"."].concat())).contains("something follows its end"));
    assert!(error(&with_pickle(|_| [&b"\x80\x02"[..], &[b'('; 100]].concat())).contains("nested too deeply"));
    assert!(error(&with_pickle(|_| b"\x80\x02}(0u.".to_vec())).contains("POP"));
    assert!(error(&with_pickle(|_| b"\x80\x02}(s.".to_vec())).contains("the stack is empty"));
    assert!(error(&with_pickle(|_| vec![b'N'; 2 << 20])).contains("more than 1048576"));
    // However much a pickle nests, nothing recurses.
    let nested = |depth| [b"\x80\x02)".to_vec(), vec![0x85; depth], b".".to_vec()].concat();
    assert!(error(&with_pickle(|_| nested(200_000))).contains("it holds a tuple, where a state dict must be"));
    assert!(error(&with_pickle(|_| nested(1_000_000))).contains("more parts than any network's"));
    // A long name in many places is not copied whole to each.
    let name = [b"X\x20\xa1\x07\x00".to_vec(), vec![b'k'; 500_000]].concat();
    let entries = (0..9000).flat_map(|n| [b"X\x04\x00\x00\x00", format!("{n:04}").as_bytes(), b"}"].concat());
    let entries: Vec<u8> = entries.collect();
    let long = [&b"\x80\x02}"[..], &name, b"}(", &entries, b"us."].concat();
    assert!(read(folder.path(), "a.pth", &with_pickle(|_| long.clone())).unwrap_err().contains("no tensors"));
    // A dict that holds itself is visited a bounded number of times.
    let itself = with_pickle(|_| b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.".to_vec());
    assert!(read(folder.path(), "a.pth", &itself).unwrap_err().contains("no tensors"));
}

#[test]
fn a_pickle_that_is_no_state_dict_says_what_it_is() {
    let folder = folder();
    let of = |pickle: &[u8]| read(folder.path(), "a.pth", &with_pickle(|_| pickle.to_vec()));
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let date = b"cdatetime\ndatetime\n".to_vec();
    let start = b"\x80\x02}(".to_vec();
    for (pickle, words) in [
        (
            [start.clone(), text("epoch"), b"K\x01".to_vec(), text("date"), date.clone()].concat(),
            "its entry `date` names",
        ),
        ([start.clone(), text("rng"), b"(".to_vec(), text("MT19937"), date.clone()].concat(), "its entry `rng` names"),
        ([start.clone(), text("a"), b"(B".to_vec()].concat(), "its entry `a` holds bytes"),
        ([b"\x80\x02".to_vec(), date].concat(), "its pickle names `datetime.datetime`"),
        (
            [start.clone(), text("state"), b"}".to_vec(), text("param_groups"), b"]u.".to_vec()].concat(),
            "optimizer's state",
        ),
        ([start, text("state"), b"}u.".to_vec()].concat(), "it holds no tensors"),
        (b"\x80\x02}.".to_vec(), "it holds no tensors"),
        (b"\x80\x02].".to_vec(), "it holds a list"),
    ] {
        let error = of(&pickle).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
    // A key is the beginning of names too.
    let named = with_pickle(|pickle| replaced(pickle, b"\x08\0\0\x000.weight", b"\x0a\0\0\0a.0.weight"));
    let path = folder.path().join("a.pth");
    fs::write(&path, named).unwrap();
    let of_key = |key: &str| {
        let weights = StateDict::read_as(&path, &Reading { key: Some(key.into()), ..Reading::default() });
        weights.map(|weights| weights.tensors().len()).map_err(|error| error.to_string())
    };
    assert_eq!([of_key("a"), of_key("")], [Ok(1), Ok(8)]);
    assert!(of_key("b").unwrap_err().contains("there are a"));
}

#[test]
fn a_wrong_archive_is_one_clear_line() {
    let folder = folder();
    let error = |bytes: &[u8]| read(folder.path(), "a.pth", bytes).unwrap_err();
    assert!(read(folder.path(), "a.pt", &rezipped(CompressionMethod::Stored, |_, bytes| Some(bytes))).is_ok());
    assert!(error(b"no archive").contains("no file of weights that is known"));
    assert!(error(&rezipped(CompressionMethod::Deflated, |_, bytes| Some(bytes))).contains("compressed by"));
    let big = rezipped(CompressionMethod::Stored, |name, bytes| {
        Some(if name.ends_with("byteorder") { b"big".to_vec() } else { bytes })
    });
    assert!(error(&big).contains("big-endian"));
    let missing = rezipped(CompressionMethod::Stored, |name, bytes| (!name.ends_with("data/0")).then_some(bytes));
    assert!(error(&missing).contains("data/0"), "{}", error(&missing));
    let short = rezipped(CompressionMethod::Stored, |name, bytes| {
        Some(if name.ends_with("data/0") { bytes[1..].to_vec() } else { bytes })
    });
    assert!(error(&short).contains("has not the bytes of its 12 elements"));
    let no_pickle = rezipped(CompressionMethod::Stored, |name, bytes| (!name.ends_with("data.pkl")).then_some(bytes));
    assert!(error(&no_pickle).contains("neither PyTorch's nor NumPy's"));
    let damaged = replaced(saved_by_torch(), &0.125_f32.to_le_bytes(), &0.25_f32.to_le_bytes());
    assert!(error(&damaged).contains("hecksum"), "{}", error(&damaged));
}

/// One array of zeros, deflated: a small file that would unpack to gigabytes.
#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    let folder = folder();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("0.weight.npy", options).unwrap();
    zip.write_all(&npy::header(&[600 << 10, 1 << 8])).unwrap();
    for _ in 0..600 {
        zip.write_all(&[0; 1 << 20]).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    let error = read(folder.path(), "a.npz", &bytes).unwrap_err();
    assert!(error.contains("more than 4194304 elements"), "{error}");
    // One whose header names less than there is.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("0.weight.npy", options).unwrap();
    zip.write_all(&npy::header(&[2, 2])).unwrap();
    zip.write_all(&[0; 1 << 20]).unwrap();
    let error = read(folder.path(), "a.npz", &zip.finish().unwrap().into_inner()).unwrap_err();
    assert!(error.contains("`0.weight` of shape [2, 2] needs another number of bytes than its 1048576"), "{error}");
    // One with a size that its compressed bytes cannot have.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("0.weight.npy", options).unwrap();
    zip.write_all(&npy::header(&[2, 2])).unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    let size = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap() + 24;
    bytes[size..size + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    assert!(read(folder.path(), "a.npz", &bytes).unwrap_err().contains("compressed bytes cannot hold so many"));
    // One of very many entries.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    (0..5000).for_each(|n| zip.start_file(format!("{n}.npy"), options).unwrap());
    let bytes = zip.finish().unwrap().into_inner();
    assert!(read(folder.path(), "a.npz", &bytes).unwrap_err().contains("more than 4096 entries"));
}

#[test]
fn a_format_is_named_by_its_extension() {
    let error = |name: &str| format_to_write(&PathBuf::from(name)).unwrap_err().to_string();
    assert!(error("a.txt").starts_with("a.txt: the extension names no format"));
    assert!(error("a.pth").contains("safetensors.torch.load_file"));
    assert_eq!(format_to_write(Path::new("a.ONNX")).unwrap(), FileFormat::Onnx);
}

fn mutate(mut bytes: Vec<u8>, changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    for &(place, value) in changes {
        let place = place % bytes.len();
        bytes[place] = value;
    }
    bytes.truncate(bytes.len() - cut.min(bytes.len()));
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_file_panics(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in 0_usize..3) {
        let folder = folder();
        for (name, bytes) in valid(folder.path()) {
            let _ = read(folder.path(), &name, &mutate(bytes, &changes, cut));
        }
        // Behind the archives' checksums.
        let _ = read(folder.path(), "a.pth", &with_pickle(|pickle| mutate(pickle, &changes, cut)));
    }
}
