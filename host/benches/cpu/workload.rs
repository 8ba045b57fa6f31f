//! The work of a step.

use selvedge::architecture::{Architecture, StageKind};

/// A model's multiply-adds for one sample, as the mathematics has them: no term is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Σ inputs · outputs of all linear layers.
    forward: u64,
    /// The same without the first, whose input needs no gradient.
    input_grad: u64,
}

impl Workload {
    pub fn of(architecture: &Architecture) -> Self {
        let linear = architecture.stages().filter(|stage| stage.kind == StageKind::Linear);
        let products: Vec<u64> = linear.map(|stage| stage.inputs as u64 * stage.outputs as u64).collect();
        Self { forward: products.iter().sum(), input_grad: products.iter().skip(1).sum() }
    }

    /// Floating-point operations to predict one sample: two for each multiply-add of the forward pass.
    pub fn operations_of_prediction(&self) -> u64 {
        2 * self.forward
    }

    /// Floating-point operations to train with one sample: two for each multiply-add of the forward pass, the
    /// weights' gradients (as many again) and the inputs' gradients.
    pub fn operations(&self) -> u64 {
        2 * (2 * self.forward + self.input_grad)
    }
}

#[cfg(test)]
mod tests {
    use selvedge::fashion_mnist::{Quickstart, Tiny};

    use super::*;

    #[test]
    fn operations_are_counted_by_hand() {
        // 784 · 512 + 512 · 512 + 512 · 10 = 401,408 + 262,144 + 5,120
        let quickstart = Workload::of(&Architecture::of::<Quickstart>());
        assert_eq!(quickstart, Workload { forward: 668_672, input_grad: 267_264 });
        assert_eq!([quickstart.operations(), quickstart.operations_of_prediction()], [3_209_216, 1_337_344]);
        let tiny = Workload::of(&Architecture::of::<Tiny>());
        assert_eq!(tiny, Workload { forward: 12_704, input_grad: 160 });
    }
}
