//! Tests the host's side with core's own device at the other end of a socket or a pseudo terminal.

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    thread,
};

use selvedge::{
    Flat, Layer, Portable,
    augment::normalize_all,
    layers,
    message::{Device, Logits},
    mlp,
    shape::{Names, Signature},
};
use serialport::{SerialPort, TTYPort};

use super::*;

const INPUTS: usize = 12;
const OUTPUTS: usize = 3;

type Tiny = mlp!(12 => 16 Relu => 3);

const INFO: Info<'static> = Info {
    board: "fake",
    layers: "12,16,3",
    format: WeightFormat::F32,
    input: InputShape::Features(INPUTS as u32),
    element: Element::U8,
    task: TaskKind::Classification,
    outputs: OUTPUTS as u32,
    flash: 51_000,
    ram: 3_000,
    unit: "instructions",
};

const TIMEOUT: Duration = Duration::from_secs(20);

fn model() -> Tiny {
    let mut model = Tiny::ZERO;
    layers::initialize(&mut model, 3);
    model
}

fn logits(model: &Tiny, sample: &[u8]) -> [f32; OUTPUTS] {
    let (mut input, mut logits) = ([0.0; INPUTS], [0.0; OUTPUTS]);
    normalize_all(sample, &mut input);
    model.predict(&Portable, &input, &mut logits);
    logits
}

/// Answers as a board does, until the line is closed.
fn serve(mut line: impl Read + Write, info: Info<'static>) {
    let (mut decoder, model) = (Decoder::new([0; request_len(INPUTS)]), model());
    let names = Names::parse(b"\x04left\x05right\x02up", OUTPUTS).unwrap();
    let mut device = Device::new(info, &Signature { output_names: names, ..Signature::default() });
    let mut values = [0.0; OUTPUTS];
    let mut byte = [0];
    loop {
        match line.read(&mut byte) {
            Ok(1) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => continue,
            _ => return,
        }
        if let Some(asked) = decoder.push(byte[0]) {
            let answer = device.answer(asked, |sample| {
                values = logits(&model, sample);
                (Logits::float32(&values), u64::from(sample[0]))
            });
            let _ = line.write_all(&frame(&answer));
        }
    }
}

/// Returns a board at the other end of a socket.
fn line(board: impl FnOnce(UnixStream) + Send + 'static) -> Box<dyn Line> {
    let (here, there) = UnixStream::pair().unwrap();
    thread::spawn(move || board(there));
    here.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    Box::new(here)
}

/// Returns a frame of a response.
fn frame(response: &Response<'_>) -> Vec<u8> {
    encode(response, &mut [0; response_len(200, 20)]).unwrap().to_vec()
}

/// Returns the error of a greeting, in words.
fn refused(board: impl FnOnce(UnixStream) + Send + 'static, timeout: Duration) -> String {
    Board::greet(line(board), timeout).err().expect("no board is there").to_string()
}

fn talk(mut board: Board) {
    assert_eq!((board.about().name.as_str(), board.about().architecture.to_string().as_str()), ("fake", "12-16-3"));
    assert_eq!((board.output(1).unwrap().name, board.output(2).unwrap().name), ("right".into(), "up".into()));
    let samples = [[0; INPUTS], [7; INPUTS], [200; INPUTS]];
    for sample in &samples {
        let expected = logits(&model(), sample);
        let see = |prediction: &Prediction<'_>| {
            (prediction.logits.has_bits_of(&Logits::float32(&expected)), prediction.instructions)
        };
        assert_eq!(board.predict(sample, see).unwrap(), (true, u64::from(sample[0])));
    }
    board.evaluate(&samples[1], 2, |_| {}).unwrap();
    board.evaluate(&samples[2], 2, |_| {}).unwrap();
    let statistics = board.statistics().unwrap();
    assert_eq!((statistics.samples, statistics.total, statistics.min, statistics.max), (2, 207, 7, 200));
    board.reset().unwrap();
    assert_eq!(board.statistics().unwrap(), Statistics::default());
    let refused = board.evaluate(&samples[0], 3, |_| {});
    assert!(matches!(refused, Err(DeviceError::Refused(MessageError::Output { found: 3, .. }))), "{refused:?}");
    let refused = board.predict(&[0; INPUTS + 1], |_| {});
    assert!(matches!(refused, Err(DeviceError::Refused(_))), "{refused:?}");
}

#[test]
fn a_board_behind_a_socket_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uart");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0, INFO));
    let line = connect(&format!("unix:{}", path.display()), 0).unwrap();
    talk(Board::greet(line, TIMEOUT).unwrap());
}

#[test]
fn a_board_behind_a_serial_port_answers() {
    let (master, port) = TTYPort::pair().unwrap();
    let name = port.name().unwrap();
    // It has the port to itself.
    drop(port);
    let line = connect(&name, 115_200).unwrap();
    thread::spawn(move || serve(master, INFO));
    talk(Board::greet(line, TIMEOUT).unwrap());
}

#[test]
fn a_greeting_outlives_noise_and_what_others_left() {
    let board = |mut line: UnixStream| {
        let late = frame(&Response::Statistics(Statistics::default()));
        let damaged = [&frame(&Response::Info(INFO))[1..], &[9, 9, 9]].concat();
        line.write_all(&[&[7; 3000][..], &[0], &late, &damaged, &[0]].concat()).unwrap();
        serve(line, INFO);
    };
    talk(Board::greet(line(board), TIMEOUT).unwrap());
}

#[test]
fn a_board_that_starts_late_is_asked_again() {
    let board = |mut line: UnixStream| {
        // The first greeting is lost.
        let mut lost = [0; 3];
        line.read_exact(&mut lost).unwrap();
        serve(line, INFO);
    };
    talk(Board::greet(line(board), TIMEOUT).unwrap());
}

#[test]
fn whoever_is_no_board_is_said_to_be_none() {
    let short = Duration::from_millis(50);
    let silent = refused(|mut line| drop(line.read_to_end(&mut Vec::new())), short);
    assert!(silent.contains("has not answered for 0.05 s"), "{silent}");
    let start = Instant::now();
    let babble = refused(|mut line| while line.write_all(b"login: \0").is_ok() {}, short);
    assert!(babble.contains("has not answered") && start.elapsed() < TIMEOUT, "{babble} {:?}", start.elapsed());
    assert!(refused(drop, TIMEOUT).contains("the board is gone"));

    let says = |info| refused(move |line| serve(line, info), TIMEOUT);
    assert!(says(Info { outputs: 9, ..INFO }).contains("12 features and 9 outputs"));
    assert!(says(Info { input: InputShape::Features(13), ..INFO }).contains("13 features and 3 outputs"));
    assert!(says(Info { layers: "12", ..INFO }).contains("the layers \"12\""));
    assert!(says(Info { board: "\x1b[2J", ..INFO }).contains("cannot be printed"));
}

#[test]
fn what_a_board_breaks_off_or_garbles_is_an_error() {
    /// Greets, answers the next request with these bytes, and closes the line. Returns the error.
    fn after_greeting(bytes: Vec<u8>) -> DeviceError {
        let board = move |line: UnixStream| {
            let mut requests = BufReader::new(&line).split(0);
            // The 0 before the greeting, the greeting, a sample.
            for answer in [vec![], frame(&Response::Info(INFO)), bytes] {
                requests.next().unwrap().unwrap();
                (&line).write_all(&answer).unwrap();
            }
        };
        let mut board = Board::greet(line(board), Duration::from_secs(2)).unwrap();
        board.predict(&[0; INPUTS], |_| {}).unwrap_err()
    }
    let wrong = |class, logits| {
        let logits = Logits::float32(logits);
        frame(&Response::Prediction(Prediction { class, top: Default::default(), instructions: 1, logits }))
    };
    assert!(matches!(after_greeting(wrong(3, &[0.0; OUTPUTS])), DeviceError::Foreign { .. }));
    assert!(matches!(after_greeting(wrong(2, &[0.0; OUTPUTS + 1])), DeviceError::Foreign { .. }));
    assert!(matches!(after_greeting(vec![3, 3, 3, 0]), DeviceError::Answer(MessageError::Malformed)));
    assert!(matches!(after_greeting(vec![]), DeviceError::Closed));
    // A late answer to a greeting is passed over.
    assert!(matches!(after_greeting(frame(&Response::Info(INFO))), DeviceError::Closed));
}

#[test]
fn where_nothing_is_there_is_no_connection() {
    let error = |address: &str| connect(address, 115_200).err().unwrap().to_string();
    assert!(error("unix:/nowhere/uart").starts_with("cannot connect to unix:/nowhere/uart: "));
    assert!(error("/nowhere/tty").starts_with("cannot connect to /nowhere/tty: "));
}
