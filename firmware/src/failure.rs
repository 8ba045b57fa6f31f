use selvedge::{
    idx::IdxError, message::MessageError, quantized::WorkspaceError, training::StepError, weights::WeightFileError,
};

/// The reason why a program ended with [`FAILED`](crate::FAILED).
///
/// defmt reports it, not `core::fmt`: calls through pointers in `core::fmt` would leave the stack without a bound.
pub enum Failure {
    /// The weight file was refused, or could not be written.
    Weights(WeightFileError),
    /// A sample or the network has another size than the constants in [`board`](crate::board) say.
    Workspace(WorkspaceError),
    /// The embedded samples or labels were refused.
    Data(IdxError),
    /// A training step was refused.
    Step(StepError),
    /// An answer does not fit into the buffer for its frame.
    Answer(MessageError),
    /// There is another number of embedded samples than `training.toml` says.
    Samples {
        /// The number in the recipe.
        expected: usize,
        /// The number of embedded samples.
        found: usize,
    },
    /// The loader accepted a damaged file.
    Accepted {
        /// The damage that was done to the file.
        damage: &'static str,
        /// The length of the truncated file, or the place of the flipped bit.
        place: usize,
    },
    /// The loader returned other weights than were written.
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

impl defmt::Format for Failure {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Weights(error) => defmt::write!(f, "the weight file: {}", error),
            Self::Workspace(error) => defmt::write!(f, "the network's workspace: {}", error),
            Self::Data(error) => defmt::write!(f, "the embedded samples or labels: {}", error),
            Self::Step(error) => defmt::write!(f, "a training step: {}", error),
            Self::Answer(error) => defmt::write!(f, "an answer could not be sent: {}", error),
            Self::Samples { expected, found } => {
                defmt::write!(f, "training.toml says {=usize} samples, but {=usize} are embedded", expected, found);
            }
            Self::Accepted { damage, place } => {
                defmt::write!(f, "the loader took a file with a {=str} at {=usize}", damage, place);
            }
            Self::OtherWeights => defmt::write!(f, "the loader gave other weights than were written"),
            Self::SecondRun => defmt::write!(f, "the program was started twice"),
        }
    }
}
