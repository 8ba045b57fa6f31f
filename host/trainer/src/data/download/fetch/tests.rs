//! Downloads from real servers on this machine, each with the behaviour that its test needs.

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{super::PUBLISHED, *};

const NAME: &str = "file";

/// Returns more bytes than the sockets' buffers hold. No two parts are alike.
fn content() -> Vec<u8> {
    (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// The behaviour of a server for a request from byte `start` on.
type Answer = fn(&mut TcpStream, start: Option<usize>) -> io::Result<()>;

/// A server that gives its answers in turn, the last one again and again.
struct Server {
    address: String,
    starts: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    fn new(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let starts = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&starts);
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let start = read_request(&stream);
                log.lock().unwrap().push(start);
                let answer = answers[index.min(answers.len() - 1)];
                // The client may hang up first.
                let _ = answer(&mut stream, start);
            }
        });
        Self { address, starts }
    }

    /// Returns the place from which each request asked for the file.
    fn starts(&self) -> Vec<Option<usize>> {
        self.starts.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> Option<usize> {
    let lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines[0], "GET /file.gz HTTP/1.1");
    assert!(lines.iter().any(|line| line.to_lowercase().starts_with("user-agent: selvedge/")));
    let range = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    range.map(|range| range.strip_suffix('-').unwrap().parse().unwrap())
}

fn head(stream: &mut TcpStream, status: &str, length: usize) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
}

/// Sends the file, or the part that was asked for.
fn whole(stream: &mut TcpStream, start: Option<usize>) -> io::Result<()> {
    let content = content();
    match start {
        Some(start) => {
            let range = format!("206 Partial Content\r\nContent-Range: bytes {start}-299999/300000");
            head(stream, &range, content.len() - start)?;
            stream.write_all(&content[start..])
        }
        None => without_ranges(stream, start),
    }
}

fn without_ranges(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    head(stream, "200 OK", 300_000)?;
    stream.write_all(&content())
}

fn cut(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    head(stream, "200 OK", 300_000)?;
    stream.write_all(&content()[..100_000])
}

fn wrong(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    head(stream, "200 OK", 300_000)?;
    stream.write_all(&[7; 300_000])
}

fn missing(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    head(stream, "404 Not Found", 0)
}

/// Sends a little, and then nothing until the client disconnects.
fn stalled(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    head(stream, "200 OK", 300_000)?;
    stream.write_all(&content()[..1_000])?;
    stream.read(&mut [0]).map(drop)
}

fn silent(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    stream.read(&mut [0]).map(drop)
}

fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

fn fetch(mirrors: &[&str], folder: &TempDir) -> Result<(), DownloadError> {
    let sha256 = hex(&Sha256::digest(content())).leak();
    let download = Download {
        published: vec![Published { name: NAME, bytes: 300_000, sha256 }],
        mirrors: mirrors.iter().map(|&mirror| mirror.into()).collect(),
        connect_timeout: Duration::from_secs(2),
        stall_timeout: Duration::from_millis(300),
        time_limit: Duration::from_secs(3),
        progress: false,
    };
    download.fetch(NAME, folder.path(), Instant::now() + download.time_limit)
}

/// Checks that the folder has exactly the whole file, with its content.
fn assert_whole(folder: &TempDir) {
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["file.gz"]);
    assert!(fs::read(folder.path().join("file.gz")).unwrap() == content());
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn fetches_a_file() {
    let (server, folder) = (Server::new(&[whole]), folder());
    fetch(&[&server.address], &folder).unwrap();
    assert_whole(&folder);
    assert_eq!(server.starts(), [None]);
}

#[test]
fn resumes_a_cut_connection() {
    let (server, folder) = (Server::new(&[cut, whole]), folder());
    fetch(&[&server.address], &folder).unwrap();
    assert_whole(&folder);
    assert_eq!(server.starts(), [None, Some(100_000)]);
}

#[test]
fn resumes_an_earlier_run() {
    let (server, folder) = (Server::new(&[whole]), folder());
    fs::write(folder.path().join("file.gz.part"), &content()[..250_000]).unwrap();
    fetch(&[&server.address], &folder).unwrap();
    assert_whole(&folder);
    assert_eq!(server.starts(), [Some(250_000)]);
}

#[test]
fn starts_over_where_the_server_knows_no_ranges() {
    let (server, folder) = (Server::new(&[without_ranges]), folder());
    fs::write(folder.path().join("file.gz.part"), &content()[..250_000]).unwrap();
    fetch(&[&server.address], &folder).unwrap();
    assert_whole(&folder);
}

#[test]
fn starts_over_where_the_part_is_damaged() {
    for part in [vec![7; 250_000], vec![7; 300_000], vec![7; 300_001]] {
        let (server, folder) = (Server::new(&[whole]), folder());
        fs::write(folder.path().join("file.gz.part"), part).unwrap();
        fetch(&[&server.address], &folder).unwrap();
        assert_whole(&folder);
        assert_eq!(server.starts().last(), Some(&None));
    }
}

#[test]
fn goes_on_to_the_mirror_that_has_the_file() {
    let bad: [&[Answer]; 4] = [&[wrong], &[missing], &[stalled], &[silent]];
    for answers in bad {
        let (first, second, folder) = (Server::new(answers), Server::new(&[whole]), folder());
        fetch(&[&nobody(), &first.address, &second.address], &folder).unwrap();
        assert_whole(&folder);
    }
}

#[test]
fn says_what_each_mirror_did() {
    let servers = [Server::new(&[missing]), Server::new(&[wrong]), Server::new(&[stalled]), Server::new(&[cut])];
    let folder = folder();
    let error = fetch(&servers.each_ref().map(|server| server.address.as_str()), &folder).unwrap_err();
    let DownloadError::Mirrors { mirrors, .. } = error else { panic!("{error}") };
    let [(_, first), (_, second), (_, third), (_, fourth)] = &mirrors[..] else { panic!("{mirrors:?}") };
    assert!(matches!(first, MirrorError::Status(404)), "{first}");
    assert!(matches!(second, MirrorError::Checksum), "{second}");
    assert!(matches!(third, MirrorError::Interrupted(_)), "{third}");
    assert!(matches!(fourth, MirrorError::Interrupted(_)), "{fourth}");
    assert!(!folder.path().join("file.gz").exists());
}

#[test]
fn knows_when_nobody_answers() {
    let error = fetch(&[&nobody(), "http://host.invalid/"], &folder()).unwrap_err();
    assert!(matches!(error, DownloadError::Unreachable { .. }), "{error}");
}

/// Sends one byte after another, and never all.
fn dripping(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    head(stream, "200 OK", 300_000)?;
    loop {
        stream.write_all(&[7])?;
        thread::sleep(Duration::from_millis(20));
    }
}

fn endless(stream: &mut TcpStream, _: Option<usize>) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
    loop {
        stream.write_all(&[7; 4096])?;
    }
}

#[test]
fn a_slow_server_is_given_up_in_the_end() {
    let (server, folder) = (Server::new(&[dripping]), folder());
    let start = Instant::now();
    let error = fetch(&[&server.address, &server.address], &folder).unwrap_err();
    assert!(matches!(error, DownloadError::TooSlow { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert!(!folder.path().join("file.gz").exists());
}

#[test]
fn no_more_is_taken_than_the_file_has() {
    let (server, folder) = (Server::new(&[endless]), folder());
    let error = fetch(&[&server.address], &folder).unwrap_err();
    assert!(
        matches!(&error, DownloadError::Mirrors { mirrors, .. } if matches!(mirrors[..], [(_, MirrorError::Checksum)])),
        "{error}"
    );
    assert_eq!(fs::metadata(folder.path().join("file.gz.part")).unwrap().len(), 0);
}

#[test]
fn another_process_is_not_waited_for_without_end() {
    let folder = folder();
    let other = File::create(folder.path().join("file.gz.part")).unwrap();
    other.lock().unwrap();
    assert!(matches!(fetch(&[&nobody()], &folder), Err(DownloadError::TooSlow { .. })));
}

#[test]
fn a_file_that_is_there_is_kept() {
    let folder = folder();
    fs::write(folder.path().join("file.gz"), content()).unwrap();
    fetch(&[&nobody()], &folder).unwrap();
}

#[test]
fn says_where_it_cannot_write() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let error = Download::default().fetch(PUBLISHED[0].name, &file, Instant::now()).unwrap_err();
    assert!(matches!(error, DownloadError::Storage { .. }), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_error() {
    let (server, folder) = (Server::new(&[whole]), folder());
    std::os::unix::fs::symlink("/dev/full", folder.path().join("file.gz.part")).unwrap();
    let error = fetch(&[&server.address, &server.address], &folder).unwrap_err();
    assert!(
        matches!(&error, DownloadError::Storage { error, .. } if error.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );
}

#[test]
fn an_unknown_name_is_an_error() {
    assert!(matches!(
        Download::default().fetch("weights", folder().path(), Instant::now()),
        Err(DownloadError::Unknown { .. })
    ));
}
