//! A board that answers over its UART: see [`selvedge::message`].

mod connection;
mod error;
#[cfg(test)]
#[cfg(unix)]
mod tests;

pub use connection::{Line, connect};
pub use error::DeviceError;

use std::{
    io::{self, BufRead, BufReader, ErrorKind},
    time::{Duration, Instant},
};

use selvedge::{
    architecture::Architecture,
    idx::Image,
    message::{
        Decoder, Format, Info, MessageError, Prediction, REQUEST_LEN, RESPONSE_LEN, Request, Response, Statistics,
        encode,
    },
    models::{CLASSES, PIXELS},
};

/// How long the first answer is waited for before it is asked for again: a board that has just started may have missed it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A board that answers.
pub struct Board {
    line: BufReader<Box<dyn Line>>,
    decoder: Decoder<RESPONSE_LEN>,
    timeout: Duration,
    about: About,
}

/// What a board says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The board's name.
    pub name: String,
    /// Its model's layers.
    pub architecture: Architecture,
    /// What the model computes in.
    pub format: Format,
    /// Bytes of flash that the model takes.
    pub flash: u32,
    /// Bytes of RAM that a prediction's input and activations take.
    pub ram: u32,
    /// What the board counts: `instructions` or `cycles`.
    pub unit: String,
}

impl About {
    fn of(info: Info<'_>) -> Result<Self, DeviceError> {
        let foreign = |what: String| DeviceError::Foreign { what };
        if (info.pixels, info.classes) != (PIXELS as u32, CLASSES as u32) {
            return Err(foreign(format!("{} pixels and {} classes", info.pixels, info.classes)));
        }
        if [info.board, info.unit].iter().any(|text| text.chars().any(char::is_control)) {
            return Err(foreign("a name that cannot be printed".into()));
        }
        let architecture = info.layers.parse().map_err(|_| foreign(format!("the layers {:?}", info.layers)))?;
        Ok(Self {
            name: info.board.into(),
            architecture,
            format: info.format,
            flash: info.flash,
            ram: info.ram,
            unit: info.unit.into(),
        })
    }
}

impl Board {
    /// Waits until the board at the other end of a line says what it is. `timeout` is how long any answer may take.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] for a line on which no board of this protocol answers.
    pub fn greet(line: Box<dyn Line>, timeout: Duration) -> Result<Self, DeviceError> {
        let mut line = BufReader::new(line);
        let mut decoder = Decoder::new();
        let deadline = Deadline::after(timeout);
        loop {
            // The 0 ends what the line's noise, or another program, has begun.
            send(&mut line, &[0], &deadline)?;
            request(&mut line, &Request::Info, &deadline)?;
            let answer = receive(&mut line, &mut decoder, &deadline.or_after(ASK_AGAIN), |answer| match answer {
                Ok(Response::Info(info)) => Some(About::of(info)),
                Err(error @ MessageError::Version { .. }) => Some(Err(DeviceError::Answer(error))),
                // What is left of another program's conversation.
                _ => None,
            });
            match answer {
                Err(DeviceError::Silent { .. }) if !deadline.has_passed() => {}
                Err(DeviceError::Silent { .. }) => return Err(deadline.silent()),
                answer => return Ok(Self { about: answer??, line, decoder, timeout }),
            }
        }
    }

    /// What the board said of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What the board makes of an image.
    ///
    /// # Errors
    ///
    /// [`DeviceError`].
    pub fn predict(&mut self, image: &Image) -> Result<Prediction, DeviceError> {
        self.prediction(&Request::Predict { image })
    }

    /// The same, for its statistics.
    ///
    /// # Errors
    ///
    /// [`DeviceError`].
    pub fn evaluate(&mut self, image: &Image, label: u8) -> Result<Prediction, DeviceError> {
        self.prediction(&Request::Evaluate { image, label })
    }

    /// What it has evaluated since the last [`Board::reset`].
    ///
    /// # Errors
    ///
    /// [`DeviceError`].
    pub fn statistics(&mut self) -> Result<Statistics, DeviceError> {
        self.counted(&Request::Statistics)
    }

    /// Lets it count from 0.
    ///
    /// # Errors
    ///
    /// [`DeviceError`].
    pub fn reset(&mut self) -> Result<(), DeviceError> {
        self.counted(&Request::Reset).map(|_| ())
    }

    fn prediction(&mut self, request: &Request<'_>) -> Result<Prediction, DeviceError> {
        let prediction = self.ask(request, |response| match response {
            Response::Prediction(prediction) => Some(prediction),
            _ => None,
        })?;
        let mut classes = prediction.top.iter().map(|candidate| candidate.class).chain([prediction.class]);
        match classes.find(|&class| usize::from(class) >= CLASSES) {
            Some(class) => Err(DeviceError::Foreign { what: format!("class {class}") }),
            None => Ok(prediction),
        }
    }

    fn counted(&mut self, request: &Request<'_>) -> Result<Statistics, DeviceError> {
        self.ask(request, |response| match response {
            Response::Statistics(statistics) => Some(statistics),
            _ => None,
        })
    }

    /// Asks, and waits for the answer of the right kind: a late one to a greeting may come first.
    fn ask<T>(&mut self, asked: &Request<'_>, take: impl Fn(Response<'_>) -> Option<T>) -> Result<T, DeviceError> {
        let deadline = Deadline::after(self.timeout);
        request(&mut self.line, asked, &deadline)?;
        receive(&mut self.line, &mut self.decoder, &deadline, |answer| match answer {
            Ok(Response::Error(error)) => Some(Err(DeviceError::Refused(error))),
            Ok(response) => take(response).map(Ok),
            Err(error) => Some(Err(DeviceError::Answer(error))),
        })?
    }
}

/// Until when something may take.
struct Deadline {
    start: Instant,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { start: Instant::now(), timeout }
    }

    /// The earlier one of this and another.
    fn or_after(&self, timeout: Duration) -> Self {
        let now = Instant::now();
        Self { start: now, timeout: self.timeout.saturating_sub(now - self.start).min(timeout) }
    }

    fn has_passed(&self) -> bool {
        self.start.elapsed() >= self.timeout
    }

    fn silent(&self) -> DeviceError {
        DeviceError::Silent { seconds: self.timeout.as_secs_f32() }
    }
}

fn request(line: &mut BufReader<Box<dyn Line>>, request: &Request<'_>, deadline: &Deadline) -> Result<(), DeviceError> {
    let mut buffer = [0; REQUEST_LEN];
    let frame = encode(request, &mut buffer).map_err(DeviceError::Refused)?;
    send(line, frame, deadline)
}

fn send(line: &mut BufReader<Box<dyn Line>>, mut bytes: &[u8], deadline: &Deadline) -> Result<(), DeviceError> {
    while !bytes.is_empty() {
        if let Some(sent) = unless_waiting(line.get_mut().write(bytes), deadline)? {
            bytes = &bytes[sent..];
        }
    }
    Ok(())
}

/// Reads until an answer is taken.
fn receive<T>(
    line: &mut BufReader<Box<dyn Line>>,
    decoder: &mut Decoder<RESPONSE_LEN>,
    deadline: &Deadline,
    take: impl Fn(Result<Response<'_>, MessageError>) -> Option<T>,
) -> Result<T, DeviceError> {
    loop {
        let byte = match unless_waiting(line.fill_buf().map(|bytes| bytes.first().copied()), deadline)? {
            None => continue,
            Some(None) => return Err(DeviceError::Closed),
            Some(Some(byte)) => byte,
        };
        line.consume(1);
        if let Some(taken) = decoder.push(byte).and_then(&take) {
            return Ok(taken);
        }
    }
}

/// What a line did; nothing where it is to be tried again.
fn unless_waiting<T>(done: io::Result<T>, deadline: &Deadline) -> Result<Option<T>, DeviceError> {
    match done {
        // A board that never stops talking is as good as silent.
        _ if deadline.has_passed() => Err(deadline.silent()),
        Ok(done) => Ok(Some(done)),
        Err(error) => match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(None),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Err(DeviceError::Closed),
            _ => Err(DeviceError::Line(error)),
        },
    }
}
