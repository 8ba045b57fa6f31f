use heapless::Vec;

use super::{Candidate, Info, Logits, MessageError, Prediction, Request, Response, Statistics, TOP};
use crate::{classification::top_k, idx::Image, models::CLASSES};

/// The device's side: it has an answer to everything, and counts.
#[derive(Clone, Debug)]
pub struct Device<'a> {
    info: Info<'a>,
    statistics: Statistics,
}

impl<'a> Device<'a> {
    /// A device that has evaluated nothing yet.
    pub fn new(info: Info<'a>) -> Self {
        Self { info, statistics: Statistics::default() }
    }

    /// The answer to what came. `predict` gives an image's logits, and what they took: the one place that knows which network it is.
    pub fn answer(
        &mut self,
        request: Result<Request<'_>, MessageError>,
        predict: impl FnOnce(&Image) -> (Logits, u64),
    ) -> Response<'a> {
        self.reply(request, predict).unwrap_or_else(Response::Error)
    }

    fn reply(
        &mut self,
        request: Result<Request<'_>, MessageError>,
        predict: impl FnOnce(&Image) -> (Logits, u64),
    ) -> Result<Response<'a>, MessageError> {
        Ok(match request? {
            Request::Info => Response::Info(self.info),
            Request::Predict { image } => Response::Prediction(prediction(predict(sized(image)?))),
            Request::Evaluate { label, .. } if usize::from(label) >= CLASSES => {
                return Err(MessageError::Label { found: label });
            }
            Request::Evaluate { image, label } => {
                let prediction = prediction(predict(sized(image)?));
                self.statistics.add(prediction.class == label, prediction.instructions);
                Response::Prediction(prediction)
            }
            Request::Statistics => Response::Statistics(self.statistics),
            Request::Reset => {
                self.statistics = Statistics::default();
                Response::Statistics(self.statistics)
            }
        })
    }
}

fn sized(image: &[u8]) -> Result<&Image, MessageError> {
    image.try_into().map_err(|_| MessageError::ImageSize { found: u32::try_from(image.len()).unwrap_or(u32::MAX) })
}

fn prediction((logits, instructions): (Logits, u64)) -> Prediction {
    let mut top = Vec::new();
    for (class, probability) in top_k::<TOP>(&logits.probabilities()) {
        // Both have the same capacity.
        let _ = top.push(Candidate { class: class as u8, probability });
    }
    Prediction { class: logits.class() as u8, top, instructions, logits }
}
