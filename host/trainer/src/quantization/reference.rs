//! The floating-point network that is to be quantised.

use selvedge::{
    Activation, Engine, Identity, Relu,
    architecture::Architecture,
    classification::argmax,
    engine::{Widths, rows, rows_mut},
    fold::fold,
    preparation::Preparation,
};

use super::{
    QuantizationError,
    outputs::{SampleOutputs, Values},
};
use crate::{engine::Simd, network::Network, preparation::PreparationBuf};

/// The floating-point network that is to be quantised: linear layers with ReLU between them. Batch normalisation is folded into the linear
/// layers.
#[derive(Debug)]
pub struct Reference {
    network: Network,
    /// The conversion of a sample's values into the network's inputs.
    preparation: PreparationBuf,
    /// Each layer's weights, column after column.
    columns: Vec<Vec<f32>>,
}

/// A linear layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinearLayer<'a> {
    pub inputs: usize,
    pub outputs: usize,
    /// The weights, and then the biases.
    parameters: &'a [f32],
    /// The weights row after row, one row for each output.
    pub weight: &'a [f32],
    /// The weights column after column.
    pub columns: &'a [f32],
    pub bias: &'a [f32],
}

impl Reference {
    /// Folds a flat model of this architecture.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Layers`] for layers that cannot be quantised, [`QuantizationError::NotFinite`] for a weight that is not finite, and
    /// [`QuantizationError::Network`] if there is not enough memory.
    ///
    /// # Panics
    ///
    /// If the flat model does not have the architecture's length.
    pub fn new(architecture: &Architecture, flat: &[f32]) -> Result<Self, QuantizationError> {
        let folded = architecture.folded();
        if !folded.is_plain() {
            return Err(QuantizationError::layers(architecture));
        }
        let mut network = Network::zeroed(&folded)?;
        fold(architecture, flat, network.parameters_mut()).expect("both lengths are the architectures'");
        Self::of(network)
    }

    /// Returns a network that has only linear layers with ReLU between them.
    pub(super) fn of(network: Network) -> Result<Self, QuantizationError> {
        let mut reference = Self { network, preparation: PreparationBuf::Bytes, columns: Vec::new() };
        let columns: Vec<_> = reference.layers().map(|layer| by_columns(layer.weight, layer.inputs)).collect();
        reference.columns = columns;
        let not_finite = reference.layers().position(|layer| !layer.parameters.iter().all(|x| x.is_finite()));
        match not_finite {
            Some(layer) => Err(QuantizationError::NotFinite { layer }),
            None => Ok(reference),
        }
    }

    /// Sets how raw values become inputs.
    #[must_use]
    pub fn with_preparation(self, preparation: PreparationBuf) -> Self {
        Self { preparation, ..self }
    }

    /// Returns the conversion of a sample's values into the network's inputs.
    pub fn preparation(&self) -> Preparation<'_> {
        self.preparation.get()
    }

    /// Returns the number of bytes of a sample.
    pub(super) fn sample_len(&self) -> usize {
        self.preparation().sample_len(self.network.inputs())
    }

    /// Returns the folded network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Returns the layers of the quantised network: the model's layers without batch normalisation.
    pub fn architecture(&self) -> &Architecture {
        self.network.architecture()
    }

    pub(super) fn layers(&self) -> impl ExactSizeIterator<Item = LinearLayer<'_>> {
        self.network.stages().iter().enumerate().map(|(index, stage)| {
            let parameters = &self.network.parameters()[stage.values()];
            let (weight, bias) = stage.widths().split(parameters);
            let columns = self.columns.get(index).map_or(&[][..], Vec::as_slice);
            LinearLayer { inputs: stage.inputs, outputs: stage.outputs, parameters, weight, columns, bias }
        })
    }

    /// Returns the number of bytes of RAM that a prediction on a device needs: its input and activations.
    pub fn ram_bytes(&self) -> usize {
        (self.network.inputs() + self.architecture().tape_len()) * size_of::<f32>()
    }

    /// Returns the network with each weight changed. The biases stay as they are.
    pub(super) fn with_weights(&self, change: impl Fn(f32) -> f32) -> Result<Self, QuantizationError> {
        let mut network = Network::with_parameters(self.architecture(), self.network.parameters())?;
        for stage in self.network.stages() {
            let (weight, _) = stage.widths().split_mut(&mut network.parameters_mut()[stage.values()]);
            weight.iter_mut().for_each(|weight| *weight = change(*weight));
        }
        Ok(Self::of(network)?.with_preparation(self.preparation.clone()))
    }

    /// Returns a network of the same function, except for rounding, with the units of each hidden layer in the given order.
    pub(super) fn ordered(&self, orders: &[Vec<usize>]) -> Result<Self, QuantizationError> {
        let mut flat = Vec::with_capacity(self.network.parameters().len());
        for (index, layer) in self.layers().enumerate() {
            let natural = |len: usize| (0..len).collect::<Vec<_>>();
            let rows = orders.get(index).cloned().unwrap_or_else(|| natural(layer.outputs));
            let before = index.checked_sub(1).and_then(|before| orders.get(before).cloned());
            let columns = before.unwrap_or_else(|| natural(layer.inputs));
            for &row in &rows {
                let weights = &layer.weight[row * layer.inputs..][..layer.inputs];
                flat.extend(columns.iter().map(|&column| weights[column]));
            }
            flat.extend(rows.iter().map(|&row| layer.bias[row]));
        }
        let ordered = Self::of(Network::with_parameters(self.architecture(), &flat)?)?;
        Ok(ordered.with_preparation(self.preparation.clone()))
    }

    /// Returns each layer's sums for samples, `[samples][outputs]`, before ReLU. The sums of the last layer are the logits.
    pub(super) fn sums(&self, engine: &Simd, values: &[u8]) -> Vec<Vec<f32>> {
        let inputs = self.network.inputs();
        let (preparation, sample_len) = (self.preparation(), self.sample_len());
        let samples = values.len() / sample_len;
        let mut input = vec![0.0; samples * inputs];
        engine.share_out(inputs, &mut input, |first, rows| {
            let samples = values[first * sample_len..].chunks_exact(sample_len);
            samples.zip(rows_mut(rows, inputs)).for_each(|(sample, input)| preparation.write(sample, input));
        });
        let mut layers: Vec<Vec<f32>> = Vec::new();
        for LinearLayer { inputs, outputs, parameters, .. } in self.layers() {
            let mut sums = vec![0.0; samples * outputs];
            engine.linear_forward::<Identity>(Widths { inputs, outputs }, parameters, &input, &mut sums);
            input.clone_from(&sums);
            engine.share_out(1, &mut input, |_, input| input.iter_mut().for_each(|x| *x = Relu::apply(*x)));
            layers.push(sums);
        }
        layers
    }

    /// Returns the network's outputs for samples, in the same form as a quantised network's, so that both can be compared.
    pub fn outputs(&self, engine: &Simd, values: &[u8]) -> Vec<SampleOutputs> {
        let layers = self.sums(engine, values);
        let of_sample = |sample: usize| {
            let row = |(layer, sums): (LinearLayer<'_>, &Vec<f32>)| {
                rows(sums, layer.outputs).nth(sample).map(<[f32]>::to_vec).unwrap_or_default()
            };
            let mut of_layers: Vec<Vec<f32>> = self.layers().zip(&layers).map(row).collect();
            let logits = of_layers.pop().unwrap_or_default();
            let positive = |sums: Vec<f32>| sums.into_iter().map(|sum| sum.max(0.0).into()).collect();
            let values = Values {
                activations: of_layers.into_iter().map(positive).collect(),
                logits: logits.iter().map(|&logit| logit.into()).collect(),
            };
            SampleOutputs { class: argmax(&logits), values }
        };
        (0..values.len() / self.sample_len()).map(of_sample).collect()
    }
}

/// Returns a matrix that lies row after row as one that lies column after column.
fn by_columns(rows: &[f32], inputs: usize) -> Vec<f32> {
    (0..inputs).flat_map(|k| rows.iter().skip(k).step_by(inputs).copied()).collect()
}

#[cfg(test)]
mod tests {
    use selvedge::{Flat, Layer, Portable, arithmetic::normalize, layers, mlp};

    use super::*;

    type Model = mlp!(12 => 20 BatchNorm1d Relu Dropout => 3);
    type Folded = mlp!(12 => 20 Relu => 3);

    #[test]
    fn computes_the_folded_models_bits() {
        let mut model = Model::ZERO;
        layers::initialize(&mut model, 3);
        let architecture = Architecture::of::<Model>();
        let reference = Reference::new(&architecture, model.as_flat()).unwrap();
        let mut folded = Folded::ZERO;
        fold(&architecture, model.as_flat(), folded.as_flat_mut()).unwrap();
        let sample: [u8; 12] = std::array::from_fn(|i| if i % 3 == 0 { 0 } else { 20 * i as u8 });
        let mut logits = [0.0; 3];
        folded.predict(&Portable, &sample.map(normalize), &mut logits);
        assert_eq!(reference.sums(&Simd::portable(), &[sample, sample].concat())[1], [logits, logits].concat());
    }

    #[test]
    fn other_layers_and_numbers_that_are_not_finite_are_refused() {
        for layers in ["784 => 8 Tanh => 10", "784 => 8 Relu => 10 LogSoftmax", "784 => 8 Relu BatchNorm1d => 10"] {
            let architecture: Architecture = layers.parse().unwrap();
            let flat = vec![0.0; architecture.parameter_count().unwrap()];
            let error = Reference::new(&architecture, &flat).unwrap_err().to_string();
            assert!(error.contains(layers), "{error}");
        }
        let architecture: Architecture = "784,2,10".parse().unwrap();
        let mut flat = vec![0.0; architecture.parameter_count().unwrap()];
        *flat.last_mut().unwrap() = f32::NAN;
        let error = Reference::new(&architecture, &flat).unwrap_err();
        assert!(matches!(error, QuantizationError::NotFinite { layer: 1 }), "{error}");
    }
}
