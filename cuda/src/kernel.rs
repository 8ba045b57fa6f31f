//! The kernels of `kernels/selvedge.cu`, by their names.

use crate::task::Optimizer;

/// The size of the tiles into which a product is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// 16 × 16 results, for a product with too few large tiles. There are many blocks, each with a small tile. The time of a block is the latency of
    /// its chains of multiply-adds.
    Latency,
    /// 64 × 64 results: few blocks, whose threads are all busy.
    Throughput,
}

impl Tile {
    /// Both sizes.
    pub const ALL: [Self; 2] = [Self::Latency, Self::Throughput];

    /// Returns the number of rows of a tile, which is also the number of columns.
    pub const fn side(self) -> u32 {
        match self {
            Self::Latency => 16,
            Self::Throughput => 64,
        }
    }

    /// Returns the number of tiles for a result with this number of rows and columns.
    pub const fn count(self, rows: u32, columns: u32) -> u32 {
        rows.div_ceil(self.side()) * columns.div_ceil(self.side())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
        }
    }
}

/// A kernel. Each does tasks of one kind, or of the kinds that run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Loads samples, and does nothing else.
    LoadSamples,
    /// A linear layer's outputs.
    LinearForward(Tile),
    /// The gradients at the inputs of linear layers, the updates by this optimizer, and the batch's loss. Without an optimizer, the gradients are
    /// stored.
    LinearBackward(Tile, Option<Optimizer>),
    /// The last layer together with the loss. It also loads samples.
    LinearHead,
    /// The loss of each sample. It also loads samples.
    SampleLosses,
    /// Batch normalisation's outputs.
    BatchNormForward,
    /// The gradient at the sums of the layer before batch normalisation, and the layer's parameters and running moments.
    BatchNormBackward,
    /// GELU's outputs.
    GeluForward,
    /// The gradient at the sums of the layer before GELU.
    GeluBackward,
    /// Dropout's outputs.
    DropoutForward,
    /// The gradient at the sums of the layer before dropout.
    DropoutBackward,
    /// Logarithms of softmax.
    LogSoftmaxForward,
    /// The gradient at the sums of the layer before the logarithms of softmax.
    LogSoftmaxBackward,
    /// The sums of squares of a stored gradient, each over 4096 of its numbers.
    NormBlocks,
    /// The norm of a stored gradient, and the factor that clips the gradient.
    NormTotal,
    /// The update of parameters by a stored gradient.
    Update,
    /// The moving average of the weights.
    Average,
}

impl Kernel {
    /// Returns all kernels.
    pub fn all() -> impl Iterator<Item = Self> {
        let updates = || Optimizer::ALL.into_iter().map(Some).chain([None]);
        let backward =
            Tile::ALL.into_iter().flat_map(move |tile| updates().map(move |by| Self::LinearBackward(tile, by)));
        let others = [
            Self::LoadSamples,
            Self::LinearHead,
            Self::SampleLosses,
            Self::BatchNormForward,
            Self::BatchNormBackward,
            Self::GeluForward,
            Self::GeluBackward,
            Self::DropoutForward,
            Self::DropoutBackward,
            Self::LogSoftmaxForward,
            Self::LogSoftmaxBackward,
            Self::NormBlocks,
            Self::NormTotal,
            Self::Update,
            Self::Average,
        ];
        Tile::ALL.into_iter().map(Self::LinearForward).chain(backward).chain(others)
    }

    /// Returns the kernel's name in the machine code, such as `linear_backward_latency_sgd`.
    pub fn name(self) -> String {
        let name = match self {
            Self::LinearForward(tile) => return format!("linear_forward_{}", tile.name()),
            Self::LinearBackward(tile, optimizer) => {
                return format!("linear_backward_{}_{}", tile.name(), optimizer.map_or("kept", Optimizer::name));
            }
            Self::LoadSamples => "load_samples",
            Self::LinearHead => "linear_head",
            Self::SampleLosses => "sample_losses",
            Self::BatchNormForward => "batch_norm_forward",
            Self::BatchNormBackward => "batch_norm_backward",
            Self::GeluForward => "gelu_forward",
            Self::GeluBackward => "gelu_backward",
            Self::DropoutForward => "dropout_forward",
            Self::DropoutBackward => "dropout_backward",
            Self::LogSoftmaxForward => "log_softmax_forward",
            Self::LogSoftmaxBackward => "log_softmax_backward",
            Self::NormBlocks => "norm_blocks",
            Self::NormTotal => "norm_total",
            Self::Update => "update",
            Self::Average => "average",
        };
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kernel_has_a_name_of_its_own() {
        let names: HashSet<_> = Kernel::all().map(Kernel::name).collect();
        assert_eq!(names.len(), Kernel::all().count());
        assert!(names.contains("linear_backward_throughput_rms_prop_momentum"));
        assert!(names.contains("linear_backward_latency_kept"));
    }

    #[test]
    fn tiles_cover_the_result() {
        assert_eq!(Tile::Latency.count(64, 512), 128);
        assert_eq!(Tile::Throughput.count(65, 1), 2);
    }
}
