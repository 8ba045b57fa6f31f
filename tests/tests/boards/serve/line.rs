use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use selvedge::{
    Layer, Portable,
    augment::normalize_all,
    fashion_mnist::{CLASSES, PIXELS, SHAPE, Tiny},
    message::{
        Decoder, Device, Info, Logits, MessageError, Request, Response, Statistics, WeightFormat, encode, request_len,
        response_len,
    },
    preparation::Element,
    random::{Generator, Purpose},
    shape::Signature,
    task::TaskKind,
    weights::WeightFile,
};
use tests::{has_emulator, said, selvedge, text, trained, trained_on_waves, xtask};

const REQUEST_LEN: usize = request_len(PIXELS);
const RESPONSE_LEN: usize = response_len(200, CLASSES);

/// One for each driver of a UART.
const BOARDS: [&str; 4] = ["mps2-an386", "netduinoplus2", "microbit", "riscv32-virt"];

fn evaluates_with_the_hosts_bits(board: &str, model: &str) {
    if !has_emulator(&format!("{board}'s answers over its UART")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), model);
    let output =
        xtask(&["device", "eval", "--count", "20", "--board", board, "--weights", &weights, "--data", "builtin"])
            .output()
            .unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("20 of 20 samples: class and logits equal the host's bits"), "{text}");
    assert!(text.contains("of 20)\nA sample takes ") && text.contains(" instructions, "), "{text}");
}

#[test]
fn mps2_an386_evaluates_with_the_hosts_bits() {
    evaluates_with_the_hosts_bits("mps2-an386", "quickstart");
}

#[test]
fn netduinoplus2_evaluates_with_the_hosts_bits() {
    evaluates_with_the_hosts_bits("netduinoplus2", "small");
}

#[test]
fn microbit_evaluates_with_the_hosts_bits() {
    evaluates_with_the_hosts_bits("microbit", "tiny");
}

#[test]
fn mps2_an505_evaluates_with_the_hosts_bits() {
    evaluates_with_the_hosts_bits("mps2-an505", "small");
}

#[test]
fn riscv32_virt_evaluates_with_the_hosts_bits() {
    evaluates_with_the_hosts_bits("riscv32-virt", "tiny");
}

/// Data of another shape, and a network for it.
#[test]
fn boards_evaluate_and_classify_other_data() {
    if !has_emulator("a 12-40-3 network behind the boards' UARTs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained_on_waves(folder.path());
    for board in ["mps2-an386", "microbit", "riscv32-virt"] {
        let ask = |arguments: &[&str]| {
            let output = xtask(&["device"]).args(arguments).args(["--board", board, "--weights", &weights]).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", text(&output));
            text(&output)
        };
        let said = ask(&["eval", "--count", "30", "--data", &folder.path().to_string_lossy()]);
        assert!(said.contains("30 of 30 samples: class and logits equal the host's bits"), "{said}");
        let said = ask(&["info"]);
        assert!(said.contains(&format!("{board}: 12-40-3 in float32, from 12 features (u8) to 3 classes")), "{said}");
        let values = ["165"; 12].join(",");
        let said = ask(&["predict", "--values", &values]);
        assert!(said.contains(&format!("{values}: still (still ")), "{said}");
    }
}

/// A table's columns are found by their names, and values come back in their units.
#[test]
fn a_board_gives_values_in_their_units() {
    if !has_emulator("values of a board") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows: String = (0..100).map(|row| format!("{row},{},{}\n", row % 7, 3 * row + row % 7)).collect();
    fs::write(folder.join("room.csv"), format!("a,b,load (W)\n{rows}")).unwrap();
    fs::write(folder.join("swapped.csv"), "b,a\n6,20\n1,80\n").unwrap();
    let source = "--data room.csv --task regression --label load --features a,b";
    said(folder, &format!("train {source} --layers 2,8,1 --epochs 20 --recipe quickstart --out room.selvedge"));
    let [weights, data, swapped] =
        ["room.selvedge", "room.csv", "swapped.csv"].map(|name| folder.join(name).display().to_string());
    let ask = |arguments: &[&str]| {
        let output = xtask(&["device"]).args(arguments).args(["--board", "mps2-an386", "--weights", &weights]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    };
    let board = ask(&["predict", &swapped]);
    let host = said(folder, &format!("predict room.selvedge {swapped}"));
    for line in host.lines() {
        assert!(line.ends_with(" W") && board.contains(line), "{board}{line}");
    }
    let evaluated = ask(&["eval", "--data", &data, "--count", "10"]);
    assert!(evaluated.contains("10 of 10 samples: outputs equal the host's bits"), "{evaluated}");
    assert!(ask(&["info"]).contains("from 2 features (i16) to 1 target\n"), "a board says its task");
}

#[test]
fn a_board_says_what_it_is_and_classifies_pictures() {
    if !has_emulator("pictures on a board") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    let picture = picture(folder.path());
    let ask = |arguments: &[&str]| {
        let output = xtask(&["device"]).args(arguments).args(["--board", "microbit", "--weights", &weights]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    };
    let info = ask(&["info"]);
    assert!(
        info.contains("microbit: 784-16-10 in float32, from an image of 28×28 pixels (u8) to 10 classes"),
        "{info}"
    );
    assert!(info.contains(&format!("Flash: {} bytes", fs::metadata(&weights).unwrap().len())), "{info}");

    let host = selvedge(folder.path()).args(["predict", &weights, &picture]).output().unwrap();
    let board = ask(&["predict", &picture]);
    assert!(host.status.success() && board.contains(&*String::from_utf8_lossy(&host.stdout)), "{board}");
    assert!(board.contains(" instructions\n"), "{board}");
}

/// A board that `cargo xtask device serve` started, and its socket.
struct Served {
    xtask: Child,
    address: String,
}

impl Served {
    fn start(board: &str, weights: &str) -> Self {
        let mut command = xtask(&["device", "serve", "--board", board, "--weights", weights]);
        // Of its own group, so that Ctrl-C can be sent to it as a terminal does.
        let mut xtask = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(xtask.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        let address = lines.filter_map(|line| {
            let (_, address) = line.split_once("It answers at ")?;
            Some(address.split_once(", as ")?.0.to_owned())
        });
        let address = { address }.next().expect("the board serves");
        Self { xtask, address }
    }

    fn connect(&self) -> UnixStream {
        let socket = UnixStream::connect(self.address.strip_prefix("unix:").unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket
    }

    fn interrupt(&mut self) -> Option<i32> {
        if self.xtask.try_wait().unwrap().is_none() {
            let group = format!("-{}", self.xtask.id());
            Command::new("kill").args(["-INT", "--", &group]).status().unwrap();
        }
        self.xtask.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.interrupt();
    }
}

/// `kill -9` of `cargo xtask` leaves no emulator behind.
#[test]
#[cfg(target_os = "linux")]
fn a_board_ends_with_a_killed_xtask() {
    if !has_emulator("an emulator whose xtask is killed") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start("microbit", &trained(folder.path(), "tiny"));
    let mut socket = served.connect();
    served.xtask.kill().unwrap();
    // The line ends, or is cut.
    if let Err(error) = socket.read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
    // One end of a process that is killed may close before another.
    let address = served.address.strip_prefix("unix:").unwrap();
    let started = Instant::now();
    while UnixStream::connect(address).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(20), "the emulator lives on");
        thread::sleep(Duration::from_millis(20));
    }
}

fn frame(request: &Request<'_>) -> Vec<u8> {
    encode(request, &mut [0; REQUEST_LEN]).unwrap().to_vec()
}

/// Reads answers up to the next statistics: the errors before, and the statistics.
fn answers(socket: &mut UnixStream) -> (Vec<MessageError>, Statistics) {
    let mut decoder = Decoder::new([0; RESPONSE_LEN]);
    let mut errors = Vec::new();
    let mut byte = [0];
    loop {
        socket.read_exact(&mut byte).expect("the board answers");
        match decoder.push(byte[0]) {
            None => {}
            Some(Ok(Response::Error(error))) => errors.push(error),
            Some(Ok(Response::Statistics(statistics))) => return (errors, statistics),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_board_outlives_whatever_comes_over_the_line() {
    if !has_emulator("noise on the boards' UARTs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    let generator = Generator::new(1, Purpose::Split, 0);
    let noise: Vec<u8> = (0..2000).map(|i| generator.bits(i) as u8).collect();
    let input = [200; PIXELS];
    let good = frame(&Request::Evaluate { input: &input, label: 3 });
    let mut damaged = good.clone();
    damaged[400] ^= 1;
    let without_zeros: Vec<u8> = noise.iter().map(|&byte| byte.max(1)).collect();
    let lines: [(&str, &[u8], Option<MessageError>, usize); 9] = [
        ("nothing", &[0; 300], None, 0),
        ("noise", &without_zeros[..500], None, 1),
        ("a flood", &[7; 20_000], Some(MessageError::TooLong), 1),
        ("half a frame", &good[..good.len() / 2], None, 1),
        ("a frame's end", &good[5..], None, 1),
        ("a flipped bit", &damaged, Some(MessageError::Checksum), 1),
        (
            "a small sample",
            &frame(&Request::Predict { input: &input[1..] }),
            Some(MessageError::InputSize { found: 783, expected: 784 }),
            1,
        ),
        (
            "no class",
            &frame(&Request::Evaluate { input: &input, label: 10 }),
            Some(MessageError::Output { found: 10, outputs: 10 }),
            1,
        ),
        ("noise with ends", &noise, None, noise.split(|&byte| byte == 0).filter(|part| !part.is_empty()).count()),
    ];
    for board in BOARDS {
        let served = Served::start(board, &weights);
        let mut socket = served.connect();
        for (name, line, error, count) in lines {
            socket.write_all(&[line, &[0], &frame(&Request::Statistics)].concat()).unwrap();
            let (errors, statistics) = answers(&mut socket);
            assert_eq!((errors.len(), statistics.samples), (count, 0), "{name} to {board}: {errors:?}");
            assert!(error.is_none_or(|error| errors == [error]), "{name} to {board}: {errors:?}");
        }
        // In pieces, it is understood.
        for piece in good.chunks(100) {
            socket.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        let mut prediction = BufReader::new(&socket).split(0);
        assert!(prediction.next().unwrap().unwrap().len() > 40, "{board}");
        socket.write_all(&frame(&Request::Statistics)).unwrap();
        assert_eq!(answers(&mut socket).1.samples, 1, "{board}");
        // The next program that connects is answered too, whatever this one left behind.
        socket.write_all(&good[..300]).unwrap();
        drop(socket);
        let output = selvedge(folder.path()).args(["device", "info", "--connect", &served.address]).output().unwrap();
        assert!(output.status.success() && text(&output).contains(board), "{}", text(&output));
    }
}

#[test]
fn a_board_that_dies_is_one_clear_error() {
    if !has_emulator("an emulator that is ended") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    let mut served = Served::start("microbit", &weights);
    let mut command = selvedge(folder.path());
    command.args(["device", "eval", &weights, "--data", "builtin", "--connect", &served.address]);
    let mut eval = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(eval.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("microbit: 784-16-10"), "{first}");
    assert_eq!(served.interrupt(), Some(130));
    let output = eval.wait_with_output().unwrap();
    let error = one_error(&output);
    assert!(error.contains("the board is gone"), "{error}");
    // Nothing is left of it.
    assert!(!Path::new(served.address.strip_prefix("unix:").unwrap()).parent().unwrap().exists());
}

/// The one line that a program which failed has said.
fn one_error(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.starts_with("error: "), "{error}");
    error
}

/// A garment's picture in the folder.
fn picture(folder: &Path) -> String {
    let output = selvedge(folder).args(["show", "--data", "builtin", "--count", "1", "--out", "one.png"]).output();
    assert!(output.unwrap().status.success());
    folder.join("one.png").to_string_lossy().into_owned()
}

/// Listens in the folder and does this with whoever comes first; the address.
fn listen(folder: &Path, board: impl FnOnce(UnixStream) + Send + 'static) -> String {
    let path = folder.join("uart");
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || board(listener.accept().unwrap().0));
    format!("unix:{}", path.display())
}

/// A board with this file's model, which sees one sample otherwise than the host does.
fn one_sees_otherwise(weights: &str, layers: &'static str) -> impl FnOnce(UnixStream) + Send + 'static {
    let bytes = fs::read(weights).unwrap();
    move |mut line| {
        let mut model = <Tiny as selvedge::Flat>::ZERO;
        WeightFile::parse(&bytes).unwrap().copy_to(&mut model).unwrap();
        let (board, unit, format) = ("fake", "instructions", WeightFormat::F32);
        let info = Info {
            board,
            layers,
            format,
            input: SHAPE,
            element: Element::U8,
            outputs: 10,
            task: TaskKind::Classification,
            flash: 1,
            ram: 1,
            unit,
        };
        let mut device = Device::new(info, &Signature::default());
        let (mut seen, mut input, mut logits) = (0, [0.0; PIXELS], [0.0; CLASSES]);
        let (mut decoder, mut byte) = (Decoder::new([0; REQUEST_LEN]), [0]);
        while line.read_exact(&mut byte).is_ok() {
            if let Some(request) = decoder.push(byte[0]) {
                let answer = device.answer(request, |sample| {
                    normalize_all(sample, &mut input);
                    model.predict(&Portable, &input, &mut logits);
                    seen += 1;
                    if seen == 4 {
                        logits[0] = logits[0].next_up();
                    }
                    (Logits::float32(&logits), 100 * seen)
                });
                line.write_all(encode(&answer, &mut [0; RESPONSE_LEN]).unwrap()).unwrap();
            }
        }
    }
}

#[test]
fn one_bit_is_a_difference_and_its_sample_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    let eval = |address: &str, rest: &[&str]| {
        let eval = ["device", "eval", &weights, "--data", "builtin", "--connect", address];
        selvedge(folder.path()).args(eval).args(rest).output().unwrap()
    };
    let address = listen(folder.path(), one_sees_otherwise(&weights, "784,16,10"));
    let output = eval(&address, &["--count", "3"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("A sample takes 200 instructions, 100 at least and 300 at most"),
        "{}",
        text(&output)
    );

    let address = listen(folder.path(), one_sees_otherwise(&weights, "784,16,10"));
    let error = one_error(&eval(&address, &["--count", "6"]));
    assert!(error.contains("5 of 6 samples") && error.contains("the first that differs is sample 3: class"), "{error}");

    let address = listen(folder.path(), one_sees_otherwise(&weights, "784,128,10"));
    let error = one_error(&eval(&address, &[]));
    assert!(
        error.contains("784-16-10 network for classification in float32 that takes u8, but fake runs 784-128-10"),
        "{error}"
    );
    let address = listen(folder.path(), one_sees_otherwise(&weights, "784,16,10"));
    let error = one_error(&eval(&address, &["--count", "99999999"]));
    assert!(error.contains("--count 99999999: builtin has only"), "{error}");
}

#[test]
fn where_no_board_answers_there_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let info = |address: &str| {
        let info = ["device", "info", "--timeout", "1", "--connect", address];
        one_error(&selvedge(folder.path()).args(info).output().unwrap())
    };
    assert!(info("unix:nowhere").contains("cannot connect to unix:nowhere: "));
    assert!(info("/dev/nowhere").contains("cannot connect to /dev/nowhere: "));
    let address = listen(folder.path(), drop);
    assert!(info(&address).contains("the board is gone"));
    let address = listen(folder.path(), |mut line| drop(line.read_to_end(&mut Vec::new())));
    assert!(info(&address).contains("the board has not answered for 1 s"));
    let address = listen(folder.path(), |mut line| while line.write_all(b"noise\0").is_ok() {});
    assert!(info(&address).contains("the board has not answered for 1 s"));
    for (arguments, words) in [
        (&["device", "eval", "none.selvedge", "--connect", "unix:nowhere"][..], "none.selvedge"),
        (&["device", "predict", "none.png", "--connect", "unix:nowhere"], "unix:nowhere"),
        (&["device", "predict", "none.png", "--connect", "unix:nowhere", "--file", "none.selvedge"], "none.selvedge"),
    ] {
        let error = one_error(&selvedge(folder.path()).args(arguments).output().unwrap());
        assert!(error.contains(words), "{error}");
    }
}
