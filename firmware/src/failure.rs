use core::fmt;

use selvedge::{
    idx::IdxError, message::MessageError, quantized::WorkspaceError, training::StepError, weights::WeightFileError,
};

/// Why a program ended with [`FAILED`](crate::FAILED).
#[derive(Debug)]
pub enum Failure {
    /// The weight file was refused, or could not be written.
    Weights(WeightFileError),
    /// The int8 network is not of the build's widths.
    Workspace(WorkspaceError),
    /// The embedded images or labels were refused.
    Data(IdxError),
    /// A training step was refused.
    Step(StepError),
    /// An answer that no frame can hold.
    Answer(MessageError),
    /// Another number of embedded images than `training.toml` says.
    Images {
        /// What the recipe says.
        expected: usize,
        /// What was embedded.
        found: usize,
    },
    /// The loader took a damaged file.
    Accepted {
        /// What was done to it.
        damage: &'static str,
        /// To which byte (truncation) or bit.
        place: usize,
    },
    /// The loader gave other weights than were written.
    OtherWeights,
    /// [`run`](crate::run) was called twice.
    SecondRun,
}

impl From<WeightFileError> for Failure {
    fn from(error: WeightFileError) -> Self {
        Self::Weights(error)
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        Self::Workspace(error)
    }
}

impl From<core::convert::Infallible> for Failure {
    fn from(error: core::convert::Infallible) -> Self {
        match error {}
    }
}

impl From<IdxError> for Failure {
    fn from(error: IdxError) -> Self {
        Self::Data(error)
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<MessageError> for Failure {
    fn from(error: MessageError) -> Self {
        Self::Answer(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(error) => error.fmt(f),
            Self::Workspace(error) => error.fmt(f),
            Self::Data(error) => write!(f, "the embedded images or labels: {error}"),
            Self::Step(error) => error.fmt(f),
            Self::Answer(error) => write!(f, "an answer could not be sent: {error}"),
            Self::Images { expected, found } => {
                write!(f, "training.toml says {expected} images, but {found} are embedded")
            }
            Self::Accepted { damage, place } => write!(f, "the loader took a file with a {damage} at {place}"),
            Self::OtherWeights => write!(f, "the loader gave other weights than were written"),
            Self::SecondRun => write!(f, "the program was started twice"),
        }
    }
}
