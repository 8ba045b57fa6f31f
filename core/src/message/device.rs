use heapless::Vec;

use super::{Candidate, Info, Logits, MessageError, OutputInfo, Prediction, Request, Response, Statistics, TOP};
use crate::{
    shape::{Names, Signature},
    task::{Task, TaskKind},
};

/// The device's side of the line: it answers every frame, and counts the evaluated samples. The firmware's program `serve` has the whole loop.
#[derive(Clone, Debug)]
pub struct Device<'a> {
    info: Info<'a>,
    names: Names<'a>,
    units: Names<'a>,
    task: Task<'a>,
    statistics: Statistics,
}

impl<'a> Device<'a> {
    /// Returns a device whose statistics are 0. `signature` is the signature of its network.
    pub fn new(info: Info<'a>, signature: &Signature<'a>) -> Self {
        let Signature { task, output_names: names, output_units: units, .. } = *signature;
        Self { info, names, units, task, statistics: Statistics::default() }
    }

    /// Returns the answer to a received frame. `predict` computes a sample's logits, and returns them with the instructions or cycles that it
    /// took. Only `predict` knows the network.
    pub fn answer<'r>(
        &mut self,
        request: Result<Request<'_>, MessageError>,
        predict: impl FnOnce(&[u8]) -> (Logits<'r>, u64),
    ) -> Response<'r>
    where
        'a: 'r,
    {
        self.reply(request, predict).unwrap_or_else(Response::Error)
    }

    fn reply<'r>(
        &mut self,
        request: Result<Request<'_>, MessageError>,
        predict: impl FnOnce(&[u8]) -> (Logits<'r>, u64),
    ) -> Result<Response<'r>, MessageError>
    where
        'a: 'r,
    {
        Ok(match request? {
            Request::Info => Response::Info(self.info),
            Request::Predict { input } => Response::Prediction(self.prediction(predict(self.sized(input)?))),
            Request::Evaluate { input, label } => {
                if !self.has_classes() {
                    return Err(MessageError::NoClasses);
                }
                self.check_output(label)?;
                let prediction = self.prediction(predict(self.sized(input)?));
                self.statistics.add(prediction.class == label, prediction.instructions);
                Response::Prediction(prediction)
            }
            Request::Statistics => Response::Statistics(self.statistics),
            Request::Reset => {
                self.statistics = Statistics::default();
                Response::Statistics(self.statistics)
            }
            Request::Output { output } => {
                self.check_output(output)?;
                let place = output.into();
                let [name, unit] = [self.names, self.units].map(|names| names.get(place).unwrap_or_default());
                let (scale, shift) = match self.task {
                    Task::Regression(scale) => scale.rows().nth(place).unwrap_or((1.0, 0.0)),
                    Task::Classification | Task::MultiLabel => (1.0, 0.0),
                };
                Response::Output(OutputInfo { name, unit, scale, shift })
            }
        })
    }

    fn sized<'i>(&self, input: &'i [u8]) -> Result<&'i [u8], MessageError> {
        let expected = self.info.input.features().saturating_mul(self.info.element.size());
        let [count, found] = [expected, input.len()].map(|len| u32::try_from(len).unwrap_or(u32::MAX));
        if input.len() == expected { Ok(input) } else { Err(MessageError::InputSize { expected: count, found }) }
    }

    fn check_output(&self, found: u16) -> Result<(), MessageError> {
        let outputs = self.info.outputs;
        if u32::from(found) < outputs { Ok(()) } else { Err(MessageError::Output { found, outputs }) }
    }

    fn has_classes(&self) -> bool {
        self.info.task == TaskKind::Classification
    }

    fn prediction<'r>(&self, (logits, instructions): (Logits<'r>, u64)) -> Prediction<'r> {
        if !self.has_classes() {
            return Prediction { class: 0, top: Vec::new(), instructions, logits };
        }
        let top = logits.top::<TOP>();
        let top = top.iter().map(|&(class, probability)| Candidate { class: class as u16, probability }).collect();
        Prediction { class: logits.class() as u16, top, instructions, logits }
    }
}
