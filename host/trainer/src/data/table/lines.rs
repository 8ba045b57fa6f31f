//! The text of a table. It is read row by row, within limits, so a file is never in memory as a whole.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    rc::Rc,
};

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;

use super::TableError;
use crate::{data::contents, files, stray};

/// The largest number of bytes of a pipe, which is read as a whole.
const LIMIT: u64 = 1 << 32;
/// The largest number of bytes that any gzipped file may unpack to. The second constant is the ratio for a larger file.
const UNPACKED: u64 = 200 << 20;
const RATIO: u64 = 40;
/// The largest number of bytes of a row. A network takes no longer rows.
const LONGEST: u64 = 16 << 20;
/// The known delimiters. The first one is used for a line without a delimiter.
const DELIMITERS: [u8; 3] = *b",;\t";

/// The rows of a table below its header.
pub struct Lines<'a> {
    reader: csv::Reader<Within<Box<dyn BufRead + 'a>>>,
    progress: Rc<Progress>,
    limit: u64,
    record: StringRecord,
    /// The cells of the first line.
    pub header: Vec<String>,
    /// The line where the last row begins.
    line: u64,
}

impl Lines<'static> {
    /// Opens a file. A pipe is read whole.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        if !path.is_file() {
            let bytes = files::read(path, LIMIT).map_err(|error| TableError::Unreadable(error.into()))?;
            let size = bytes.len() as u64;
            return Self::new(Box::new(Cursor::new(bytes)), size);
        }
        let file = File::open(path).map_err(TableError::Unreadable)?;
        let size = file.metadata().map_err(TableError::Unreadable)?.len();
        Self::new(Box::new(BufReader::new(file)), size)
    }
}

impl<'a> Lines<'a> {
    /// Returns the rows of a text in memory.
    pub fn of_bytes(bytes: &'a [u8]) -> Result<Self, TableError> {
        Self::new(Box::new(bytes), bytes.len() as u64)
    }

    fn new(source: Box<dyn BufRead + 'a>, size: u64) -> Result<Self, TableError> {
        Self::within(source, UNPACKED.max(size.saturating_mul(RATIO)))
    }

    /// Reads the header. `unpacked` is the largest number of bytes that a gzipped source may unpack to.
    fn within(mut source: Box<dyn BufRead + 'a>, unpacked: u64) -> Result<Self, TableError> {
        let mut limit = u64::MAX;
        if contents::is_gzipped(source.fill_buf().map_err(TableError::Unreadable)?) {
            limit = unpacked;
            source = Box::new(BufReader::new(MultiGzDecoder::new(source)));
        }
        // A gzip decoder may give few bytes at first.
        let mut beginning = Vec::new();
        source.by_ref().take(1 << 16).read_to_end(&mut beginning).map_err(TableError::Unreadable)?;
        check_kind(&beginning)?;
        let marked = beginning.strip_prefix(b"\xef\xbb\xbf").map_or(0, |rest| beginning.len() - rest.len());
        let beginning = beginning.split_off(marked);
        let delimiter = delimiter(&beginning);
        let source: Box<dyn BufRead + 'a> = Box::new(Cursor::new(beginning).chain(source));
        let progress = Rc::new(Progress { rest: Cell::new(limit), ..Progress::default() });
        let within = Within { source, progress: progress.clone() };
        let mut builder = csv::ReaderBuilder::new();
        let reader = builder.delimiter(delimiter).has_headers(false).flexible(true).from_reader(within);
        let mut lines = Self { reader, progress, limit, record: StringRecord::new(), header: Vec::new(), line: 0 };
        let header = lines.next()?.ok_or(TableError::Empty)?.1;
        lines.header = header.iter().map(|cell| cell.trim().to_owned()).collect();
        Ok(lines)
    }

    /// Returns the next row and the number of its first line. Blank lines are left out.
    pub fn next(&mut self) -> Result<Option<(u64, &StringRecord)>, TableError> {
        self.progress.budget.set(LONGEST);
        let result = self.reader.read_record(&mut self.record);
        let last = self.progress.line_of(self.reader.position().byte().saturating_sub(1));
        match result {
            Ok(false) => Ok(None),
            Ok(true) => {
                let within: usize = self.record.iter().map(|cell| cell.matches('\n').count()).sum();
                self.line = last.saturating_sub(within as u64);
                Ok(Some((self.line, &self.record)))
            }
            Err(error) => Err(self.failed(error.into_kind(), last)),
        }
    }

    fn failed(&self, error: csv::ErrorKind, last: u64) -> TableError {
        match error {
            csv::ErrorKind::Utf8 { .. } => TableError::Encoding { line: last },
            csv::ErrorKind::Io(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
                Some(Limit::Row) => TableError::LongLine { line: self.line + 1, most: LONGEST },
                Some(Limit::File) => TableError::TooLargeGzip { most: self.limit },
                None => TableError::Unreadable(error),
            },
            // A row of any length is taken, and nothing is decoded.
            other => TableError::Unreadable(io::Error::other(format!("{other:?}"))),
        }
    }
}

/// Returns true if these first bytes, which may be gzipped, begin a table: text, with a delimiter in the first line.
pub fn is_table(beginning: &[u8]) -> bool {
    let mut unpacked = Vec::new();
    let text = if contents::is_gzipped(beginning) {
        // A part of a gzipped file ends early.
        let _ = MultiGzDecoder::new(beginning).take(1 << 12).read_to_end(&mut unpacked);
        &unpacked
    } else {
        beginning
    };
    let is_text = text.iter().all(|&byte| byte >= b' ' || b"\t\r\n".contains(&byte));
    let first = text.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    is_text && stray::find(text).is_none() && first.iter().any(|byte| DELIMITERS.contains(byte))
}

/// Refuses a file that is not text.
fn check_kind(beginning: &[u8]) -> Result<(), TableError> {
    const OTHERS: [stray::Magic<(&str, &str)>; 5] = [
        (0, b"\xff\xfe", ("a text in UTF-16", "save it as UTF-8")),
        (0, b"\xfe\xff", ("a text in UTF-16", "save it as UTF-8")),
        (0, b"PK\x03\x04", ("a zip archive or a spreadsheet", "save the sheet as CSV, or unpack the archive")),
        (0, b"\xd0\xcf\x11\xe0", ("a spreadsheet", "save the sheet as CSV")),
        (0, b"PAR1", ("a Parquet file", "write it as CSV, such as by pandas' to_csv")),
    ];
    if beginning.iter().all(u8::is_ascii_whitespace) {
        return Err(TableError::Empty);
    }
    let other = stray::begins(&OTHERS, beginning).or_else(|| stray::find(beginning));
    let other = other.or_else(|| beginning.contains(&0).then_some(("no text", "name a CSV file")));
    other.map_or(Ok(()), |(what, advice)| Err(TableError::Foreign { what, advice }))
}

/// Returns the known delimiter that comes as often in the first line as in the second, or else the one that comes most often in the first.
/// Delimiters in quotes do not count.
fn delimiter(beginning: &[u8]) -> u8 {
    let mut counts = [[0_u32; DELIMITERS.len()]; 2];
    let (mut is_quoted, mut has_begun, mut line) = (false, false, 0);
    for &byte in beginning {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => {
                line += usize::from(has_begun);
                has_begun = false;
            }
            _ => has_begun |= !byte.is_ascii_whitespace(),
        }
        let Some(counts) = counts.get_mut(line) else { break };
        if let Some(place) = DELIMITERS.iter().position(|&delimiter| delimiter == byte && !is_quoted) {
            counts[place] += 1;
        }
    }
    let [first, second] = counts;
    let best = (0..DELIMITERS.len())
        .rev()
        .max_by_key(|&place| (first[place] > 0 && first[place] == second[place], first[place]));
    best.map_or(DELIMITERS[0], |place| DELIMITERS[place])
}

/// A source that ends with an error if a row, or the whole, is too long.
struct Within<R> {
    source: R,
    progress: Rc<Progress>,
}

/// The progress of reading a source.
#[derive(Default)]
struct Progress {
    /// The number of bytes that the row may still have.
    budget: Cell<u64>,
    /// The number of bytes that the source may still have.
    rest: Cell<u64>,
    /// The number of bytes that were read.
    len: Cell<u64>,
    /// The places of line feeds that were read, but not passed yet.
    feeds: RefCell<VecDeque<u64>>,
    /// The number of lines that were passed.
    passed: Cell<u64>,
}

impl Progress {
    /// Returns the line of a byte, from 1. The bytes must come in order. (The csv reader's own line numbers skip blank lines before a row.)
    fn line_of(&self, byte: u64) -> u64 {
        let mut feeds = self.feeds.borrow_mut();
        while feeds.pop_front_if(|place| *place < byte).is_some() {
            self.passed.set(self.passed.get() + 1);
        }
        self.passed.get() + 1
    }
}

/// The limit that was reached.
#[derive(Debug, thiserror::Error)]
enum Limit {
    #[error("a row is too long")]
    Row,
    #[error("the file is too long")]
    File,
}

impl<R: Read> Read for Within<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let progress = &self.progress;
        if progress.budget.get() == 0 {
            return Err(io::Error::other(Limit::Row));
        }
        let len = self.source.read(buffer)?;
        let rest = progress.rest.get().checked_sub(len as u64).ok_or_else(|| io::Error::other(Limit::File))?;
        progress.rest.set(rest);
        progress.budget.set(progress.budget.get().saturating_sub(len as u64));
        let places = (progress.len.get()..).zip(&buffer[..len]).filter(|(_, byte)| **byte == b'\n');
        progress.feeds.borrow_mut().extend(places.map(|(place, _)| place));
        progress.len.set(progress.len.get() + len as u64);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn rows(text: &[u8]) -> Result<Vec<Vec<String>>, String> {
        let mut lines = Lines::of_bytes(text).map_err(|error| error.to_string())?;
        let mut rows = vec![lines.header.clone()];
        while let Some((line, row)) = lines.next().map_err(|error| error.to_string())? {
            rows.push([line.to_string()].into_iter().chain(row.iter().map(String::from)).collect());
        }
        Ok(rows)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn rows_have_their_lines_in_any_dialect() {
        let expected = |second: &str| {
            let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
            Ok(vec![row(&["a", "b,c"]), row(&["2", "1", second]), row(&["5", "2", "y"])])
        };
        assert_eq!(rows(b"a,\"b,c\"\n1,\"x\n\"\"\"\n\n2,y\n"), expected("x\n\""));
        assert_eq!(rows(b"\xef\xbb\xbfa;b,c\r\n1;x\r\n\r\n\r\n2;y"), expected("x"));
        assert_eq!(rows(b"a\tb,c\n1\tx\n\n\n2\ty\n"), expected("x"));
        assert_eq!(rows(&gzip(b"a\tb,c\n1\tx\n\n\n2\ty\n")), expected("x"));
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        for (bytes, words) in [
            (&b""[..], "it is empty"),
            (b"\xef\xbb\xbf", "it is empty"),
            (b" \n\n", "it is empty"),
            (b"\xff\xfea\0", "UTF-16"),
            (b"PK\x03\x04", "a zip archive or a spreadsheet"),
            (b"<html>", "a web page"),
            (b"a,b\0", "no text"),
            (b"a,\xe4\n1,2", "line 1 is no text in UTF-8"),
            (b"a,b\n1,2\n1,\xe4\n", "line 3 is no text in UTF-8"),
            (&gzip(b"a,b\n1,2")[..20], "cannot be read"),
        ] {
            let error = rows(bytes).unwrap_err();
            assert!(error.contains(words), "{bytes:?}: {error}");
        }
        let mut long = b"a,b\n1,\"".to_vec();
        long.resize(20 << 20, b'x');
        assert!(rows(&long).unwrap_err().starts_with("line 2 goes on for more than 16 MB"));
        let bomb = gzip(&b"1,1\n".repeat(100_000));
        let mut lines = Lines::within(Box::new(&bomb[..]), 200_000).unwrap();
        let error = loop {
            match lines.next() {
                Ok(row) => assert!(row.is_some()),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.starts_with("it unpacks to more than 0 MB"), "{error}");
    }

    #[test]
    fn a_table_is_known_by_its_beginning() {
        for table in [&b"a,b\n1,2"[..], b"a;b", b"\xef\xbb\xbfgr\xc3\xb6\xc3\x9fe\tb\r\n", &gzip(b"a,b\n1,2")[..25]] {
            assert!(is_table(table), "{table:?}");
        }
        for other in [&b""[..], b"no table", b"\x89PNG\r\n\x1a\n,", b"{\"a\",", b"<a,b>", b"\0\0\x08\x03,"] {
            assert!(!is_table(other), "{other:?}");
        }
    }
}
