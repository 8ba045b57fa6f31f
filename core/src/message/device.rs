use super::{Candidate, Info, Logits, MessageError, Prediction, Request, Response, Statistics, TOP};
use crate::shape::Names;

/// The device's side: it has an answer to everything, and counts.
#[derive(Clone, Debug)]
pub struct Device<'a> {
    info: Info<'a>,
    names: Names<'a>,
    statistics: Statistics,
}

impl<'a> Device<'a> {
    /// A device that has evaluated nothing yet.
    pub fn new(info: Info<'a>, names: Names<'a>) -> Self {
        Self { info, names, statistics: Statistics::default() }
    }

    /// The answer to what came. `predict` gives a sample's logits, and what they took: the one place that knows which network it is.
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
            Request::Predict { input } => Response::Prediction(prediction(predict(self.sized(input)?))),
            Request::Evaluate { input, label } => {
                self.check_class(label)?;
                let prediction = prediction(predict(self.sized(input)?));
                self.statistics.add(prediction.class == label, prediction.instructions);
                Response::Prediction(prediction)
            }
            Request::Statistics => Response::Statistics(self.statistics),
            Request::Reset => {
                self.statistics = Statistics::default();
                Response::Statistics(self.statistics)
            }
            Request::ClassName { class } => {
                self.check_class(class)?;
                Response::ClassName(self.names.get(class.into()).unwrap_or_default())
            }
        })
    }

    fn sized<'i>(&self, input: &'i [u8]) -> Result<&'i [u8], MessageError> {
        let expected = self.info.input.features().saturating_mul(self.info.element.size());
        let [count, found] = [expected, input.len()].map(|len| u32::try_from(len).unwrap_or(u32::MAX));
        if input.len() == expected { Ok(input) } else { Err(MessageError::InputSize { expected: count, found }) }
    }

    fn check_class(&self, class: u16) -> Result<(), MessageError> {
        let outputs = self.info.outputs;
        if u32::from(class) < outputs { Ok(()) } else { Err(MessageError::Class { found: class, outputs }) }
    }
}

fn prediction((logits, instructions): (Logits<'_>, u64)) -> Prediction<'_> {
    let top = logits.top::<TOP>();
    let top = top.iter().map(|&(class, probability)| Candidate { class: class as u16, probability }).collect();
    Prediction { class: logits.class() as u16, top, instructions, logits }
}
