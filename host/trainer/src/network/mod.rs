//! A network whose shape is known at run time: an architecture, and its parameters as one flat buffer.
//!
//! It computes what core's typed layers compute, by the same functions, so both have the same bits.
//!
//! ```
//! use trainer::network::Network;
//! use selvedge::{Portable, architecture::Architecture};
//!
//! let architecture: Architecture = "4 => 8 Relu => 3".parse()?;
//! let network = Network::initialized(&architecture, 42)?;
//! let mut logits = [0.0; 3];
//! network.predict(&Portable, &[0.1, 0.2, 0.3, 0.4], &mut logits)?;
//! assert!(logits.iter().all(|logit| logit.is_finite()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pass;
mod predictor;
#[cfg(test)]
mod tests;

use std::ops::Range;

use selvedge::{
    Engine,
    architecture::{Architecture, Stage},
    layers,
    optimizer::Optimizer,
    weights::{MAX_NUMBERS, WeightFile},
};

use crate::aligned::{Aligned, MemoryError};

pub use pass::{Batch, Workspace};
pub use predictor::Predictor;

/// An architecture, and its *flat model*: all its numbers in one slice, layer after layer. The numbers are the parameters, which the optimizer
/// changes, and the buffers, which it does not change: the running means and variances of batch normalisation. In the names of the methods,
/// *parameters* stands for both.
#[derive(Debug)]
pub struct Network {
    layers: Layers,
    parameters: Aligned,
}

/// A network's layers with its own parameters, or with others of the same architecture: an average, or those of the best epoch.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    layers: &'a Layers,
    parameters: &'a [f32],
}

/// An architecture, with the data that a pass derives from it.
#[derive(Clone, Debug)]
struct Layers {
    architecture: Architecture,
    /// The stages, at least one.
    stages: Vec<Stage>,
    len: usize,
    tape_len: usize,
    /// The parts of the flat model that the optimizer changes.
    updated: Vec<Range<usize>>,
}

/// The error of a network that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The layers do not form a network.
    #[error("these layers make no network: {0}")]
    Layers(String),
    /// The network has more numbers than a weight file can have.
    #[error("the network has {found} numbers, and a weight file holds at most {most}")]
    TooLarge {
        /// The number of numbers in the network.
        found: usize,
        /// The largest number that is allowed.
        most: usize,
    },
    /// There is not enough memory for the network.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl Layers {
    fn new(architecture: &Architecture) -> Result<Self, NetworkError> {
        let layers = || NetworkError::Layers(architecture.to_string());
        let len = architecture.parameter_count().ok_or_else(layers)?;
        if len > MAX_NUMBERS {
            return Err(NetworkError::TooLarge { found: len, most: MAX_NUMBERS });
        }
        let stages: Vec<Stage> = architecture.stages().collect();
        let mut updated: Vec<Range<usize>> = Vec::new();
        for stage in stages.iter().filter(|stage| stage.parameters > 0) {
            let own = stage.updated();
            match updated.last_mut() {
                Some(before) if before.end == own.start => before.end = own.end,
                _ => updated.push(own),
            }
        }
        Ok(Self { architecture: architecture.clone(), stages, len, tape_len: architecture.tape_len(), updated })
    }
}

impl Network {
    /// Returns a network whose parameters are all 0.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] for layers that do not form a network, and for a network that does not fit into memory.
    pub fn zeroed(architecture: &Architecture) -> Result<Self, NetworkError> {
        let layers = Layers::new(architecture)?;
        let parameters = Aligned::zeroed(layers.len)?;
        Ok(Self { layers, parameters })
    }

    /// Returns a network with the random initial parameters of the seed, as [`layers::initialize`] draws them.
    ///
    /// # Errors
    ///
    /// The errors of [`zeroed`](Self::zeroed).
    pub fn initialized(architecture: &Architecture, seed: u64) -> Result<Self, NetworkError> {
        let mut network = Self::zeroed(architecture)?;
        layers::initialize_flat(architecture, &mut network.parameters, seed);
        Ok(network)
    }

    /// Returns a network with these parameters. If there are more or fewer than the architecture has, only the common part is copied.
    ///
    /// # Errors
    ///
    /// The errors of [`zeroed`](Self::zeroed).
    pub fn with_parameters(architecture: &Architecture, parameters: &[f32]) -> Result<Self, NetworkError> {
        let mut network = Self::zeroed(architecture)?;
        network.parameters.iter_mut().zip(parameters).for_each(|(own, &other)| *own = other);
        Ok(network)
    }

    /// Returns the network of a weight file.
    ///
    /// # Errors
    ///
    /// The errors of [`zeroed`](Self::zeroed).
    pub fn of_file(file: &WeightFile<'_>) -> Result<Self, NetworkError> {
        let mut network = Self::zeroed(&file.architecture())?;
        file.copy_to_flat(&mut network.parameters);
        Ok(network)
    }

    /// Returns a network of the same layers whose parameters are all 0.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn zeroed_copy(&self) -> Result<Self, MemoryError> {
        Ok(Self { layers: self.layers.clone(), parameters: Aligned::zeroed(self.layers.len)? })
    }

    /// Returns the layers.
    pub fn architecture(&self) -> &Architecture {
        &self.layers.architecture
    }

    /// Returns the parts that are computed together.
    pub fn stages(&self) -> &[Stage] {
        &self.layers.stages
    }

    /// Returns the number of inputs of a sample.
    pub fn inputs(&self) -> usize {
        self.layers.architecture.inputs()
    }

    /// Returns the number of outputs of a sample.
    pub fn outputs(&self) -> usize {
        self.layers.architecture.outputs()
    }

    /// Returns the flat model: parameters and buffers.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Returns the flat model, mutable.
    pub fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    /// Returns a view of the network with its own parameters.
    pub fn view(&self) -> View<'_> {
        View { layers: &self.layers, parameters: &self.parameters }
    }

    /// Returns a view of the network with other parameters.
    ///
    /// # Panics
    ///
    /// If the number of parameters differs from the network's.
    pub fn view_with<'a>(&'a self, parameters: &'a [f32]) -> View<'a> {
        assert_eq!(parameters.len(), self.layers.len, "the parameters are those of the architecture");
        View { layers: &self.layers, parameters }
    }

    /// Computes the outputs of a batch. The input is `[batch][inputs]`, the result `[batch][outputs]`.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn predict<E: Engine>(&self, engine: &E, input: &[f32], output: &mut [f32]) -> Result<(), MemoryError> {
        let batch = input.len() / self.inputs();
        let mut workspace = Workspace::for_prediction(self.view(), batch)?;
        let outputs = workspace.predict(engine, self.view(), &input[..batch * self.inputs()]);
        output.iter_mut().zip(outputs).for_each(|(output, &x)| *output = x);
        Ok(())
    }

    /// Hands each parameter and its gradient to the optimizer. `grads` has the gradients that [`Workspace::backward`] has stored with the
    /// optimizer `Gradient` or `Accumulate`. Buffers stay as they are. All slices are as long as the flat model.
    pub fn update<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        grads: &[f32],
        mut state: [&mut [f32]; STATE],
    ) {
        for part in &self.layers.updated {
            let state = state.each_mut().map(|state| &mut state[part.clone()]);
            engine.update(optimizer, &mut self.parameters[part.clone()], &grads[part.clone()], state);
        }
    }
}

impl View<'_> {
    /// Returns the layers.
    pub fn architecture(&self) -> &Architecture {
        &self.layers.architecture
    }

    /// Returns the number of inputs of a sample.
    pub fn inputs(&self) -> usize {
        self.layers.architecture.inputs()
    }

    /// Returns the number of outputs of a sample.
    pub fn outputs(&self) -> usize {
        self.layers.architecture.outputs()
    }

    /// Returns the flat model.
    pub fn parameters(&self) -> &[f32] {
        self.parameters
    }

    /// Returns the last part of the chain. There is always one.
    fn last(&self) -> &Stage {
        &self.layers.stages[self.layers.stages.len() - 1]
    }
}
