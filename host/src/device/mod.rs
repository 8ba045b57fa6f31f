//! A board that answers over its UART: see [`selvedge::message`].

mod connection;
mod error;
#[cfg(test)]
#[cfg(all(unix, feature = "serial"))]
mod tests;

pub use connection::{Line, connect};
pub use error::DeviceError;

use std::{
    io::{self, BufRead, BufReader, ErrorKind},
    time::{Duration, Instant},
};

use selvedge::{
    architecture::{Architecture, MAX_WIDTH},
    message::{
        Decoder, Info, MessageError, OutputInfo, Prediction, Request, Response, Statistics, WeightFormat, encode,
        request_len, response_len,
    },
    preparation::Element,
    shape::InputShape,
    task::TaskKind,
};

/// The time to wait for the first answer before the request is sent again. A board that has just started may have missed the request.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The length of the longest response of any board: more text than the longest chain of layers takes, and the largest number of outputs.
const RESPONSE_LEN: usize = response_len(4096, MAX_WIDTH as usize);

type ResponseDecoder = Decoder<Vec<u8>>;

/// A board at the other end of a line.
pub struct Board {
    line: BufReader<Box<dyn Line>>,
    decoder: ResponseDecoder,
    timeout: Duration,
    about: About,
}

/// A board's description of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The board's name.
    pub name: String,
    /// The layers of the board's model.
    pub architecture: Architecture,
    /// The shape of a sample.
    pub input: InputShape,
    /// The number type of a sample's values.
    pub element: Element,
    /// The number type of the model's weights.
    pub format: WeightFormat,
    /// The meaning of the outputs.
    pub task: TaskKind,
    /// Bytes of flash that the model takes.
    pub flash: u32,
    /// Bytes of RAM that a prediction takes, without the received sample.
    pub ram: u32,
    /// The unit that the board counts in: `instructions` or `cycles`.
    pub unit: String,
}

/// A board's description of an output: see [`OutputInfo`].
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The name of the class, label or target of the output. Empty if it has no name.
    pub name: String,
    /// The unit of a target. Empty if it has no unit.
    pub unit: String,
    /// The scale of a regression: `target = fma(output, scale, shift)`.
    pub scale: f32,
    /// See [`scale`](Self::scale).
    pub shift: f32,
}

impl About {
    fn of(info: Info<'_>) -> Result<Self, DeviceError> {
        let foreign = |what: String| DeviceError::Foreign { what };
        if [info.board, info.unit].iter().any(|text| text.chars().any(char::is_control)) {
            return Err(foreign("a name that cannot be printed".into()));
        }
        let layers = info.layers.parse().ok();
        let ends = |layers: &Architecture| {
            (layers.inputs(), layers.outputs()) == (info.input.features(), info.outputs as usize)
        };
        let architecture = layers.filter(ends).ok_or_else(|| {
            foreign(format!("the layers {:?}, {} and {} outputs", info.layers, info.input, info.outputs))
        })?;
        Ok(Self {
            name: info.board.into(),
            architecture,
            input: info.input,
            element: info.element,
            format: info.format,
            task: info.task,
            flash: info.flash,
            ram: info.ram,
            unit: info.unit.into(),
        })
    }
}

impl Board {
    /// Waits until the board at the other end of a line describes itself. `timeout` is the longest time for any answer.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] for a line on which no board of this protocol answers.
    pub fn greet(line: Box<dyn Line>, timeout: Duration) -> Result<Self, DeviceError> {
        let mut line = BufReader::new(line);
        let mut decoder = Decoder::new(vec![0; RESPONSE_LEN]);
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

    /// Returns the board's description of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Asks the board for a sample's prediction, passes it to `see`, and returns the result of `see`.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the board does not answer with a prediction.
    pub fn predict<T>(&mut self, input: &[u8], see: impl Fn(&Prediction<'_>) -> T) -> Result<T, DeviceError> {
        self.prediction(&Request::Predict { input }, see)
    }

    /// Does the same as [`predict`](Self::predict), and the board counts the sample in its statistics.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the board does not answer with a prediction.
    pub fn evaluate<T>(
        &mut self,
        input: &[u8],
        label: u16,
        see: impl Fn(&Prediction<'_>) -> T,
    ) -> Result<T, DeviceError> {
        self.prediction(&Request::Evaluate { input, label }, see)
    }

    /// Returns the board's description of an output.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the board does not answer with a description.
    pub fn output(&mut self, output: u16) -> Result<Output, DeviceError> {
        let output = self.ask(&Request::Output { output }, |response| match response {
            Response::Output(OutputInfo { name, unit, scale, shift }) => {
                Some(Output { name: name.to_owned(), unit: unit.to_owned(), scale, shift })
            }
            _ => None,
        })?;
        let texts = || [&output.name, &output.unit].into_iter().flat_map(|text| text.chars());
        if texts().any(char::is_control) {
            return Err(DeviceError::Foreign { what: "a name that cannot be printed".into() });
        }
        if !(output.scale.is_finite() && output.scale > 0.0 && output.shift.is_finite()) {
            return Err(DeviceError::Foreign {
                what: format!("a scale of {} and a shift of {}", output.scale, output.shift),
            });
        }
        Ok(output)
    }

    /// Returns the sums over the samples that the board has evaluated since the last [`Board::reset`].
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the board does not answer with its statistics.
    pub fn statistics(&mut self) -> Result<Statistics, DeviceError> {
        self.counted(&Request::Statistics)
    }

    /// Sets the board's sums to 0.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the board does not answer with its statistics.
    pub fn reset(&mut self) -> Result<(), DeviceError> {
        self.counted(&Request::Reset).map(|_| ())
    }

    fn prediction<T>(&mut self, request: &Request<'_>, see: impl Fn(&Prediction<'_>) -> T) -> Result<T, DeviceError> {
        let outputs = self.about.architecture.outputs();
        let checked = |prediction: &Prediction<'_>| {
            let mut classes = prediction.top.iter().map(|candidate| candidate.class).chain([prediction.class]);
            if let Some(class) = classes.find(|&class| usize::from(class) >= outputs) {
                return Err(DeviceError::Foreign { what: format!("class {class}") });
            }
            match prediction.logits.len() {
                len if len == outputs => Ok(see(prediction)),
                len => Err(DeviceError::Foreign { what: format!("{len} logits") }),
            }
        };
        self.ask(request, |response| match response {
            Response::Prediction(prediction) => Some(checked(&prediction)),
            _ => None,
        })?
    }

    fn counted(&mut self, request: &Request<'_>) -> Result<Statistics, DeviceError> {
        self.ask(request, |response| match response {
            Response::Statistics(statistics) => Some(statistics),
            _ => None,
        })
    }

    /// Sends a request, and waits for an answer of the right kind. A late answer to a greeting may come first.
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

/// The time by which something must be done.
struct Deadline {
    start: Instant,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { start: Instant::now(), timeout }
    }

    /// Returns the earlier of two deadlines: this one, and the one after `timeout`.
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
    let input = match request {
        Request::Predict { input } | Request::Evaluate { input, .. } => input.len(),
        _ => 0,
    };
    let mut buffer = vec![0; request_len(input)];
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

/// Reads until `take` accepts an answer.
fn receive<T>(
    line: &mut BufReader<Box<dyn Line>>,
    decoder: &mut ResponseDecoder,
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

/// Returns the result of an operation on a line, or `None` if it has to be tried again.
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
