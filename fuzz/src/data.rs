//! Hostile bytes as files of samples and of labels, and as tables, plain and gzipped.

use std::path::Path;

use options::commands::{Missing, Source, TaskName};
use selvedge::{idx, task::TaskKind};

/// Reads the bytes twice: as a file, and as the content of a sound gzipped file.
pub fn idx_file(bytes: &[u8]) {
    for file in [bytes, &gzipped(bytes)] {
        if let Ok((shape, split)) = host::data::parse_samples(Path::new("file"), file.to_vec()) {
            assert!(split.features() == shape.features());
            assert!(split.samples().all(|sample| sample.len() == split.sample_len()));
        }
    }
    let len = bytes.len() as u64;
    let beginning = &bytes[..bytes.len().min(idx::MAX_HEADER)];
    if idx::samples(bytes).is_ok() {
        assert_eq!(idx::samples_len(beginning), Ok(len));
    }
    if idx::labels(bytes).is_ok() {
        assert_eq!(idx::labels_len(beginning), Ok(len));
    }
}

/// Reads the bytes as a table in several ways, plain and gzipped. What is read has two parts whose samples fit their labels.
pub fn table(bytes: &[u8]) {
    let ways = [
        Source::default(),
        Source { missing: Some(Missing::Mean), window: Some(2), stride: Some(1), ..Source::default() },
        Source {
            missing: Some(Missing::Drop),
            label: vec!["a".into()],
            group: Some("label".into()),
            ..Source::default()
        },
        Source { task: Some(TaskName(TaskKind::MultiLabel)), label: vec!["a".into(), "b".into()], ..Source::default() },
        Source { task: Some(TaskName(TaskKind::Regression)), window: Some(2), ..Source::default() },
    ];
    for file in [bytes, &gzipped(bytes)] {
        let _ = host::data::is_table(file);
        for way in &ways {
            let Ok(data) = host::data::parse_table(Path::new("file"), file, way) else { continue };
            for split in [&data.train, &data.test] {
                assert!(!split.is_empty() && split.features() == data.input.features());
                assert!(split.labels().iter().all(|&label| usize::from(label) < data.classes.count()));
                assert!(split.samples().all(|sample| split.element().values(sample).all(f32::is_finite)));
            }
            assert!(data.feature_names.len() == data.input.features());
        }
    }
}

/// Reads the bytes as each file of a data set of arrays: an archive, an array of samples, and one of labels.
pub fn arrays(bytes: &[u8]) {
    let files = [(bytes, None), (bytes, Some(LABELS)), (SAMPLES, Some(bytes))];
    for ((samples, labels), task) in files.into_iter().flat_map(|files| TaskKind::ALL.map(|task| (files, task))) {
        let Ok(data) = host::data::parse_arrays(Path::new("file"), samples, labels, task) else { continue };
        for split in [&data.train, &data.test] {
            assert!(!split.is_empty() && split.features() == data.input.features());
            assert!(split.samples().all(|sample| split.element().values(sample).all(f32::is_finite)));
            assert!(split.labels().iter().all(|&label| usize::from(label) < data.classes.count()));
        }
    }
}

/// Four samples of a byte, and their labels.
const SAMPLES: &[u8] =
    b"\x93NUMPY\x01\x00\x3c\x00{'descr': '|u1', 'fortran_order': False, 'shape': (4, 1), }\n\x01\x02\x03\x04";
const LABELS: &[u8] =
    b"\x93NUMPY\x01\x00\x3a\x00{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }\n\0\x01\0\x01";

/// A gzipped file of stored blocks.
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for block in bytes.chunks(usize::from(u16::MAX)) {
        let len = block.len() as u16;
        file.push(0);
        file.extend(len.to_le_bytes().into_iter().chain((!len).to_le_bytes()));
        file.extend(block);
    }
    // The last block is empty.
    file.extend([1, 0, 0, 255, 255]);
    file.extend(CHECKSUM.checksum(bytes).to_le_bytes().into_iter().chain((bytes.len() as u32).to_le_bytes()));
    file
}
