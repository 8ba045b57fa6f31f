//! The floating-point network that is to become one of integers.

use selvedge::{
    architecture::{Architecture, LayerKind},
    arithmetic::{add_product, normalize},
    classification::argmax,
    fold::fold,
    idx::Image,
};

use super::{Outputs, QuantizationError, certificate::Values};

/// Linear layers with ReLU between them; batch normalisation is folded into them.
///
/// Its logits are those of core's contract, bit for bit, of the folded model.
#[derive(Clone, Debug)]
pub struct FloatNetwork {
    pub(super) architecture: Architecture,
    pub(super) layers: Vec<FloatLayer>,
}

/// A linear layer.
#[derive(Clone, Debug)]
pub(super) struct FloatLayer {
    pub inputs: usize,
    pub outputs: usize,
    /// Row after row, one for each output.
    pub weight: Vec<f32>,
    /// The same, column after column.
    pub columns: Vec<f32>,
    pub bias: Vec<f32>,
}

impl FloatNetwork {
    /// Folds a flat model of this architecture.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Layers`], [`QuantizationError::NotFinite`].
    ///
    /// # Panics
    ///
    /// Where the flat model is not of the architecture's length.
    pub fn new(architecture: &Architecture, flat: &[f32]) -> Result<Self, QuantizationError> {
        let folded = architecture.folded();
        let len = folded.parameter_count().filter(|_| folded.is_plain());
        let len = len.ok_or_else(|| QuantizationError::layers(architecture))?;
        let mut model = vec![0.0; len];
        fold(architecture, flat, &mut model).expect("both lengths are the architectures'");
        let mut rest = &model[..];
        let mut layers = Vec::new();
        for &layer in folded.layers() {
            let LayerKind::Linear { inputs, outputs } = layer else { continue };
            let (inputs, outputs) = (inputs as usize, outputs as usize);
            let (weight, bias);
            (weight, rest) = rest.split_at(inputs * outputs);
            (bias, rest) = rest.split_at(outputs);
            if !weight.iter().chain(bias).all(|x| x.is_finite()) {
                return Err(QuantizationError::NotFinite { layer: layers.len() });
            }
            layers.push(FloatLayer::new(inputs, weight.into(), bias.into()));
        }
        Ok(Self { architecture: folded, layers })
    }

    /// The layers of the integer network: the model's without batch normalisation.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The folded model, flat.
    pub fn flat(&self) -> Vec<f32> {
        self.layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias)).copied().collect()
    }

    /// What it makes of an image, as a network to be compared with itself.
    pub fn outputs(&self, image: &Image) -> Outputs {
        let mut layers = self.run(image);
        let logits = layers.pop().unwrap_or_default();
        let activations = layers.into_iter().map(|sums| sums.into_iter().map(|sum| sum.max(0.0).into()).collect());
        let class = argmax(&logits);
        let logits = logits.into_iter().map(f64::from).collect();
        Outputs { class, values: Values { activations: activations.collect(), logits } }
    }

    /// The RAM that a device's prediction works in, in bytes: its input and activations.
    pub fn ram_bytes(&self) -> usize {
        let widths = self.layers.first().map(|layer| layer.inputs).into_iter();
        widths.chain(self.layers.iter().map(|layer| layer.outputs)).sum::<usize>() * size_of::<f32>()
    }

    /// The network with other weights, layer by layer, and its own biases.
    pub(super) fn with_weights<W: Iterator<Item = f32>>(&self, weights: impl Iterator<Item = W>) -> Self {
        let layers = self.layers.iter().zip(weights);
        let layers = layers.map(|(layer, weight)| FloatLayer::new(layer.inputs, weight.collect(), layer.bias.clone()));
        Self { architecture: self.architecture.clone(), layers: layers.collect() }
    }

    /// The same function, but for rounding, with each hidden layer's units in the order given for it.
    pub(super) fn ordered(&self, orders: &[Vec<usize>]) -> Self {
        let mut network = self.clone();
        for (before, order) in orders.iter().enumerate() {
            network.layers[before] = network.layers[before].with_rows(order);
            network.layers[before + 1] = network.layers[before + 1].with_columns(order);
        }
        network
    }

    /// Each layer's sums for an image, before ReLU; the last layer's are the logits.
    pub fn run(&self, image: &Image) -> Vec<Vec<f32>> {
        let mut layers: Vec<Vec<f32>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let mut sums = layer.bias.clone();
            match layers.last() {
                None => add_products(&layer.columns, image.iter().map(|&pixel| normalize(pixel)), &mut sums),
                Some(before) => add_products(&layer.columns, before.iter().map(|&sum| sum.max(0.0)), &mut sums),
            }
            layers.push(sums);
        }
        layers
    }
}

impl FloatLayer {
    fn new(inputs: usize, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        Self { inputs, outputs: bias.len(), columns: by_columns(&weight, inputs), weight, bias }
    }

    fn with_rows(&self, order: &[usize]) -> Self {
        let weight = order.iter().flat_map(|&row| &self.weight[row * self.inputs..][..self.inputs]).copied();
        Self::new(self.inputs, weight.collect(), order.iter().map(|&row| self.bias[row]).collect())
    }

    fn with_columns(&self, order: &[usize]) -> Self {
        let rows = self.weight.chunks_exact(self.inputs);
        let weight = rows.flat_map(|row| order.iter().map(|&column| row[column]));
        Self::new(self.inputs, weight.collect(), self.bias.clone())
    }
}

/// A matrix of rows as one of columns.
pub(super) fn by_columns<T: Copy>(rows: &[T], inputs: usize) -> Vec<T> {
    (0..inputs).flat_map(|k| rows.iter().skip(k).step_by(inputs).copied()).collect()
}

/// `sums[o] = fma(inputs[k], columns[k][o], sums[o])`, k ascending: the contract's chain, without the terms that are zero.
pub(super) fn add_products(columns: &[f32], inputs: impl Iterator<Item = f32>, sums: &mut [f32]) {
    for (input, column) in inputs.zip(columns.chunks_exact(sums.len())) {
        if input != 0.0 {
            add_product(input, column, sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge::{Flat, Layer, Portable, mlp, models::PIXELS, random};

    use super::*;

    type Model = mlp!(784 => 20 BatchNorm1d Relu Dropout => 10);
    type Folded = mlp!(784 => 20 Relu => 10);

    #[test]
    fn computes_the_folded_models_bits() {
        let mut model = Box::new(Model::ZERO);
        random::initialize(&mut *model, 3);
        let architecture = Architecture::of::<Model>();
        let network = FloatNetwork::new(&architecture, model.as_flat()).unwrap();
        let mut folded = Box::new(Folded::ZERO);
        fold(&architecture, model.as_flat(), folded.as_flat_mut()).unwrap();
        let image: Image = std::array::from_fn(|i| if i % 3 == 0 { 0 } else { (i % 251) as u8 });
        let (input, mut logits): ([f32; PIXELS], _) = (image.map(normalize), [0.0; 10]);
        folded.predict(&Portable, &input, &mut logits);
        assert_eq!(network.run(&image)[1], logits);
    }

    #[test]
    fn other_layers_and_numbers_that_are_not_finite_are_refused() {
        for layers in ["784 => 8 Tanh => 10", "784 => 8 Relu => 10 LogSoftmax", "784 => 8 Relu BatchNorm1d => 10"] {
            let architecture: Architecture = layers.parse().unwrap();
            let flat = vec![0.0; architecture.parameter_count().unwrap()];
            let error = FloatNetwork::new(&architecture, &flat).unwrap_err().to_string();
            assert!(error.contains(layers), "{error}");
        }
        let architecture: Architecture = "784,2,10".parse().unwrap();
        let mut flat = vec![0.0; architecture.parameter_count().unwrap()];
        *flat.last_mut().unwrap() = f32::NAN;
        let error = FloatNetwork::new(&architecture, &flat).unwrap_err();
        assert!(matches!(error, QuantizationError::NotFinite { layer: 1 }), "{error}");
    }
}
