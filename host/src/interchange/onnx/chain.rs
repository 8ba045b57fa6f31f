//! The chain of layers that a graph's operators form.

use selvedge::{
    architecture::{Architecture, LayerKind, MAX_LAYERS},
    layers::EPSILON,
};

use super::function::{Function, Named};

/// The value that the next operator takes: the numbers of the last layer, and the function that was applied to each since.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The chain's age when the value was made. An older value has already been used.
    pub age: usize,
    /// The value's sizes, each known or not. `None` if not even their number is known.
    pub dims: Option<Vec<Option<usize>>>,
    pub function: Function,
    /// True after a softmax that was left out. No operator may follow.
    pub is_end: bool,
}

impl Head {
    /// Returns the number of features of a sample.
    pub(super) fn width(&self) -> Option<usize> {
        match self.dims.as_deref()? {
            [] => None,
            [width] => *width,
            [_, sizes @ ..] => sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size?)),
        }
    }
}

/// A layer with its tensors, in flat order.
struct Layer {
    kind: LayerKind,
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    /// A normalisation's mean and variance.
    statistics: Vec<f32>,
}

/// The layers so far.
#[derive(Default)]
pub(super) struct Chain {
    layers: Vec<Layer>,
    /// A factor and a summand for each input, or for all inputs, before the first layer.
    input: Option<Vec<(f64, f64)>>,
    /// The number of operators that have used up the last value.
    pub age: usize,
    pub notes: Vec<String>,
}

/// The smallest factor of an input. A standard deviation of inputs from 0 to 1 is at most 0.5. A smaller factor means that the graph divides bytes by
/// 255, which happens before the first layer anyway.
const MIN_FACTOR: f64 = 1.0 / 32.0;

/// The reason and the advice for a graph that changes its inputs in another way.
pub(super) const OF_INPUTS: &str = "comes after a change of the inputs; leave that out of the export, and where it is (x − mean) / std, give \
    convert --mean and --std";

type Step = Result<(), String>;

impl Chain {
    fn head(&mut self, width: usize) -> Head {
        self.age += 1;
        let dims = Some(vec![None, Some(width)]);
        Head { age: self.age, dims, function: Function::identity(), is_end: false }
    }

    /// Makes a layer of the function that was applied to each number: an activation, or a scaling of the linear layer before it.
    fn settle(&mut self, head: &Head) -> Step {
        if self.layers.is_empty() && !head.function.is_identity() {
            return Err(OF_INPUTS.into());
        }
        let named = head.function.named().ok_or(
            "takes numbers after a function that is no activation here; there are Relu, LeakyRelu (0.01), Tanh, Sigmoid and Gelu",
        )?;
        if let Named::Identity = named {
            return Ok(());
        }
        let Some(last) = self.layers.last_mut() else {
            return Err(OF_INPUTS.into());
        };
        let width = last.kind.widths().1;
        let kind = match named {
            Named::Identity => return Ok(()),
            Named::Scale(scale) => return self.scale(&[scale]),
            Named::Relu => LayerKind::Relu { width },
            Named::Tanh => LayerKind::Tanh { width },
            Named::Sigmoid => LayerKind::Sigmoid { width },
            Named::LeakyRelu => LayerKind::LeakyRelu { width },
            Named::Gelu => LayerKind::Gelu { width },
            Named::ExactGelu => {
                let note = "GELU by the error function is read as GELU by the hyperbolic tangent, which differs by at most 0.0005";
                if !self.notes.iter().any(|other| other == note) {
                    self.notes.push(note.into());
                }
                LayerKind::Gelu { width }
            }
        };
        self.push(kind, Vec::new(), None, Vec::new())
    }

    fn push(&mut self, kind: LayerKind, weight: Vec<f32>, bias: Option<Vec<f32>>, statistics: Vec<f32>) -> Step {
        if self.layers.len() == MAX_LAYERS {
            return Err(format!("makes more than {MAX_LAYERS} layers"));
        }
        self.layers.push(Layer { kind, weight, bias, statistics });
        Ok(())
    }

    /// Adds to the inputs or multiplies them, by one number for all or one for each. Returns `None` for any other change.
    pub(super) fn change_input(&mut self, head: &Head, operator: &str, vector: &[f32], is_left: bool) -> Option<Head> {
        let is_for_each = matches!(&head.dims, Some(dims) if dims.len() <= 2) && head.width() == Some(vector.len());
        if !self.layers.is_empty() || !head.function.is_identity() || !(vector.len() == 1 || is_for_each) {
            return None;
        }
        let before = self.input.as_deref().unwrap_or(&[(1.0, 0.0)]);
        let changed = (0..before.len().max(vector.len())).map(|place| {
            let own = f64::from(vector[place % vector.len()]);
            let (factor, summand) = match (operator, is_left) {
                ("Add", _) => (1.0, own),
                ("Sub", true) => (1.0, -own),
                ("Sub", false) => (-1.0, own),
                ("Mul", _) => (own, 0.0),
                ("Div", true) => (1.0 / own, 0.0),
                _ => return None,
            };
            let (first, second) = before[place % before.len()];
            Some((first * factor, second * factor + summand))
        });
        self.input = Some(changed.collect::<Option<_>>()?);
        self.age += 1;
        Some(Head { age: self.age, ..head.clone() })
    }

    /// Merges the change of the inputs into the first layer's numbers.
    fn take_input(&mut self, inputs: usize, weight: &mut [f32], bias: &mut Vec<f32>) -> Step {
        let input = self.input.take().unwrap_or_default();
        if ![1, inputs].contains(&input.len()) || inputs == 0 {
            return Err(OF_INPUTS.into());
        }
        if input
            .iter()
            .any(|(factor, summand)| !(factor.abs() >= MIN_FACTOR && factor.is_finite() && summand.is_finite()))
        {
            return Err("comes after a division of the inputs, which here are divided by 255 already; leave that out of the export".into());
        }
        bias.resize(weight.len() / inputs, 0.0);
        for (row, bias) in weight.chunks_exact_mut(inputs).zip(bias) {
            let mut sum = f64::from(*bias);
            for (place, weight) in row.iter_mut().enumerate() {
                let (factor, summand) = input[place % input.len()];
                sum += f64::from(*weight) * summand;
                *weight = (f64::from(*weight) * factor) as f32;
            }
            *bias = sum as f32;
        }
        if input.iter().all(|&change| change == (1.0, 0.0)) {
            return Ok(());
        }
        self.notes.push("the change of the inputs in the graph is put into the first layer".into());
        Ok(())
    }

    /// Adds a linear layer. `weight` is outputs × inputs.
    pub(super) fn linear(
        &mut self,
        head: &Head,
        [outputs, inputs]: [usize; 2],
        mut weight: Vec<f32>,
        mut bias: Option<Vec<f32>>,
    ) -> Result<Head, String> {
        self.settle(head)?;
        match &head.dims {
            Some(dims) if dims.len() > 2 => {
                return Err(format!("takes an input of {} dimensions; a batch of rows has two", dims.len()));
            }
            _ => {}
        }
        if let Some(found) = head.width().filter(|&width| width != inputs) {
            return Err(format!("takes {inputs} numbers of each sample, which has {found}"));
        }
        if bias.as_ref().is_some_and(|bias| bias.len() != outputs) {
            return Err(format!("has {outputs} outputs, but another number of biases"));
        }
        if self.input.is_some() {
            self.take_input(inputs, &mut weight, bias.get_or_insert_default())?;
        }
        let [input, output] = [inputs, outputs].map(u32::try_from);
        let (Ok(inputs), Ok(output)) = (input, output) else { return Err("is too large".into()) };
        self.push(LayerKind::Linear { inputs, outputs: output }, weight, bias, Vec::new())?;
        Ok(self.head(outputs))
    }

    /// Adds a batch normalisation with its own ε, which is added to the variance.
    pub(super) fn norm(
        &mut self,
        head: &Head,
        [scale, shift, mean, variance]: [&[f32]; 4],
        epsilon: f32,
    ) -> Result<Head, String> {
        self.settle(head)?;
        let Some(before) = self.layers.last() else {
            return Err("is a batch normalisation of the inputs; a network here begins with a linear layer".into());
        };
        let width = before.kind.widths().1;
        if [scale, shift, mean, variance].iter().any(|own| own.len() != width as usize) {
            return Err(format!("normalises {width} numbers, but has not as many of its own"));
        }
        let (ours, theirs) = (f64::from(EPSILON), f64::from(epsilon));
        let moved =
            |&variance: &f32| if epsilon == EPSILON { variance } else { (f64::from(variance) + theirs - ours) as f32 };
        let variance: Vec<f32> = variance.iter().map(moved).collect();
        if variance.iter().any(|&variance| variance < 0.0) {
            return Err(format!("has a variance that is too small for its epsilon {epsilon:?}"));
        }
        let statistics = [mean, &variance[..]].concat();
        self.push(LayerKind::BatchNorm1d { width }, scale.to_vec(), Some(shift.to_vec()), statistics)?;
        Ok(self.head(width as usize))
    }

    /// Adds a layer of logarithms of softmax.
    pub(super) fn log_softmax(&mut self, head: &Head) -> Result<Head, String> {
        self.settle(head)?;
        let width = self.layers.last().ok_or("comes before any linear layer")?.kind.widths().1;
        self.push(LayerKind::LogSoftmax { width }, Vec::new(), None, Vec::new())?;
        Ok(self.head(width as usize))
    }

    /// Returns the numbers of the linear layer before, or `None` if something was already applied to its outputs.
    fn last_linear(&mut self, head: &Head) -> Option<&mut Layer> {
        let is_linear = |layer: &&mut Layer| matches!(layer.kind, LayerKind::Linear { .. });
        self.layers.last_mut().filter(is_linear).filter(|_| head.function.is_identity())
    }

    /// Adds a number to each output of the linear layer before. Returns `None` if there is no such layer.
    pub(super) fn add(&mut self, head: &Head, vector: &[f32], sign: f32) -> Option<Head> {
        let last = self.last_linear(head)?;
        let outputs = last.kind.widths().1 as usize;
        if ![1, outputs].contains(&vector.len()) {
            return None;
        }
        let values = (0..outputs).map(|output| sign * vector[output % vector.len()]);
        last.bias = Some(match &last.bias {
            Some(bias) => bias.iter().zip(values).map(|(bias, value)| bias + value).collect(),
            None => values.collect(),
        });
        Some(self.head(outputs))
    }

    /// Multiplies each output of the linear layer before. Returns `None` if there is no such layer.
    pub(super) fn multiply(&mut self, head: &Head, factors: &[f64]) -> Option<Head> {
        let outputs = self.last_linear(head)?.kind.widths().1 as usize;
        if factors.len() != outputs || self.scale(factors).is_err() {
            return None;
        }
        Some(self.head(outputs))
    }

    fn scale(&mut self, factors: &[f64]) -> Step {
        let Some(Layer { kind: LayerKind::Linear { inputs, .. }, weight, bias, .. }) = self.layers.last_mut() else {
            return Err("comes after a scaling that follows no linear layer".into());
        };
        let times = |value: &mut f32, factor: f64| *value = (f64::from(*value) * factor) as f32;
        for (output, row) in weight.chunks_exact_mut((*inputs).max(1) as usize).enumerate() {
            row.iter_mut().for_each(|value| times(value, factors[output % factors.len()]));
        }
        for (output, bias) in bias.iter_mut().flatten().enumerate() {
            times(bias, factors[output % factors.len()]);
        }
        Ok(())
    }

    /// Returns the network with this output, and its flat model.
    pub(super) fn end(mut self, head: &Head) -> Result<(Architecture, Vec<f32>, Vec<String>), String> {
        self.settle(head)?;
        let architecture = Architecture::from_layers(self.layers.iter().map(|layer| layer.kind));
        let architecture = architecture.ok_or_else(|| format!("makes more than {MAX_LAYERS} layers"))?;
        let mut flat = Vec::new();
        for mut layer in self.layers {
            let outputs = layer.kind.widths().1 as usize;
            flat.append(&mut layer.weight);
            match layer.kind {
                LayerKind::Linear { .. } => flat.extend(layer.bias.unwrap_or_else(|| vec![0.0; outputs])),
                _ => flat.extend(layer.bias.unwrap_or_default()),
            }
            flat.append(&mut layer.statistics);
        }
        Ok((architecture, flat, self.notes))
    }
}
