//! A run's numbers as TensorBoard reads them: files of events in a folder.
//!
//! A file is a sequence of TensorFlow's records (`TFRecord`): `length: u64 | crc of the length: u32 | data | crc of the data: u32`, in little endian.
//! Each crc is TensorFlow's masked CRC-32C.
//! Each record is an [`Event`]. The first one names the version. In a resumed run, the second one marks its first step. Each other one has the run's
//! numbers, with a tag (a name) for each number.

mod messages;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail};
use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

use crate::{
    evaluation::{Answers, Evaluation},
    training::{Epoch, Progress, Step},
};
use messages::{Event, START, SessionLog, Summary, Value, What};

/// TensorBoard finds an event file by this part of its name.
const MARK: &str = "tfevents";
/// The version of the files, which TensorBoard's reader asks for.
const VERSION: &str = "brain.Event:2";
/// The longest time that events wait before they are written to the file.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// CRC-32C, the checksum by Castagnoli.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// A file of events.
pub struct TensorBoard {
    path: PathBuf,
    file: BufWriter<File>,
    flushed: Instant,
}

impl TensorBoard {
    /// Begins a file in a run's folder. A resumed run repeats some steps. It marks its first step, so that TensorBoard ignores these steps in
    /// the older files.
    ///
    /// # Errors
    ///
    /// For a new run, a folder that has events already; and a file that cannot be written.
    pub fn open(folder: &Path, progress: &Progress) -> Result<Self> {
        let shown = folder.display();
        let made = fs::create_dir_all(folder).map_err(|error| match folder.ancestors().find(|path| path.is_file()) {
            Some(file) => anyhow!("{} is no folder", file.display()),
            None => error.into(),
        });
        made.with_context(|| format!("--tensorboard: cannot make the folder {shown}"))?;
        let is_resumed = progress.steps > 0;
        if !is_resumed
            && has_events(folder).with_context(|| format!("--tensorboard: cannot read the folder {shown}"))?
        {
            bail!(
                "--tensorboard {shown}: the folder has events of another run, and TensorBoard would show both as one; name another folder, such as \
                 a new one beside it, or remove this one"
            );
        }
        let (path, file) = create(folder).with_context(|| format!("cannot write {shown}"))?;
        let mut events = Self { path, file: BufWriter::new(file), flushed: Instant::now() };
        events.write(0, What::FileVersion(VERSION.into()))?;
        if is_resumed {
            events.write(progress.steps + 1, What::SessionLog(SessionLog { status: START }))?;
        }
        events.flush()?;
        Ok(events)
    }

    /// Writes a step's loss, its learning rate and, if gradients are clipped, the norm of its gradient.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn step(&mut self, step: &Step) -> Result<()> {
        let mut values = vec![value("loss/train", step.loss.into()), value("learning_rate", step.learning_rate)];
        values.extend(step.grad_norm.map(|norm| value("grad_norm", norm.into())));
        self.write(step.number, What::Summary(Summary { value: values }))?;
        if self.flushed.elapsed() >= FLUSH_INTERVAL { self.flush() } else { Ok(()) }
    }

    /// Writes the tests after an epoch, and its speed.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn epoch(&mut self, epoch: &Epoch) -> Result<()> {
        let speed = epoch.samples as f64 / epoch.training.as_secs_f64();
        let mut values = vec![value("samples_per_second", speed)];
        push(&mut values, "test", &epoch.test);
        if let Some(validation) = &epoch.validation {
            push(&mut values, "validation", validation);
        }
        self.write(epoch.steps, What::Summary(Summary { value: values }))?;
        self.flush()
    }

    fn write(&mut self, step: u64, what: What) -> Result<()> {
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let event = Event { wall_time, step: step.try_into().unwrap_or(i64::MAX), what: Some(what) };
        self.file.write_all(&record(&event.encode_to_vec())).with_context(|| self.cannot_write())
    }

    fn flush(&mut self) -> Result<()> {
        self.flushed = Instant::now();
        self.file.flush().with_context(|| self.cannot_write())
    }

    fn cannot_write(&self) -> String {
        format!("cannot write {}", self.path.display())
    }
}

fn value(tag: &str, number: f64) -> Value {
    Value { tag: tag.into(), simple_value: number as f32 }
}

/// Adds an evaluation's loss and its task's metrics.
fn push(values: &mut Vec<Value>, part: &str, evaluation: &Evaluation) {
    let mut put = |name: &str, number: f64| values.push(value(&format!("{name}/{part}"), number));
    put("loss", evaluation.loss);
    match &evaluation.answers {
        Answers::Classes(answers) => put("accuracy", answers.accuracy()),
        Answers::Labels(answers) => {
            put("accuracy", answers.accuracy());
            put("f1", answers.f1());
        }
        Answers::Values(answers) => put("r2", answers.r2()),
    }
}

/// Returns a record: its data between its length and its checksums.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

/// Returns TensorFlow's masked checksum: the CRC-32C is rotated right by 15 bits, and a constant is added. A plain CRC of data that contains its
/// own CRC would be useless.
fn masked(data: &[u8]) -> u32 {
    CRC.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Returns true if a folder has a file of events.
fn has_events(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if entry?.file_name().to_string_lossy().contains(MARK) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Creates a new file. TensorBoard reads a folder's files in the order of their names, so a name begins with the time.
fn create(folder: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("events.out.{MARK}.{:010}.{:09}.selvedge", now.as_secs(), now.subsec_nanos());
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return Ok((path, file?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_tensorflows() {
        // The bytes of TensorBoard's own writer.
        let event = Event {
            wall_time: 1.5,
            step: 3,
            what: Some(What::Summary(Summary { value: vec![value("loss/train", 0.25)] })),
        };
        let data = event.encode_to_vec();
        assert_eq!(data, b"\x09\0\0\0\0\0\0\xf8\x3f\x10\x03\x2a\x13\x0a\x11\x0a\x0aloss/train\x15\0\0\x80\x3e");
        let bytes = record(&data);
        assert_eq!(bytes[..12], *b"\x20\0\0\0\0\0\0\0\x29\xed\xa9\x50");
        assert_eq!(bytes[12..44], data);
        assert_eq!(bytes[44..], *b"\x4a\x2d\x86\x35");
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4: 32 bytes of 0.
        assert_eq!(CRC.checksum(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_new_run_takes_a_folder_without_events() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/b");
        drop(TensorBoard::open(&folder, &Progress::default()).unwrap());
        let error = TensorBoard::open(&folder, &Progress::default()).err().unwrap().to_string();
        assert!(error.contains("the folder has events of another run"), "{error}");
        let resumed = Progress { steps: 7, ..Progress::default() };
        drop(TensorBoard::open(&folder, &resumed).unwrap());
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 2);
        let lengths = names.iter().map(|name| fs::metadata(folder.join(name)).unwrap().len());
        let version =
            record(&Event { wall_time: 1.0, step: 0, what: Some(What::FileVersion(VERSION.into())) }.encode_to_vec());
        assert_eq!(lengths.collect::<Vec<_>>(), [version.len() as u64, version.len() as u64 + 16 + 9 + 2 + 4]);
        let file = folder.join(&names[0]);
        let error = TensorBoard::open(&file, &Progress::default()).err().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains("cannot make the folder") && error.ends_with(" is no folder"), "{error}");
    }
}
