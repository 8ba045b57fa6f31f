//! Floating-point networks as C, by the arithmetic contract: one chain of fused multiply-adds for each output.

use std::borrow::Cow;

use selvedge::{
    activation::ActivationKind,
    architecture::{Architecture, Stage, StageKind},
    arithmetic::sqrt,
    layers::batch_norm::EPSILON,
    quantized::{F16, QuantizedFile},
    weights::WeightFile,
};

use super::{
    Field, Parts,
    array::{Array, Numbers},
    input::{Input, Stage as InputStage},
};
use crate::network::{Network, NetworkError};

/// The headers that [`fused`] needs.
pub const INCLUDES: &str = "\
#include <float.h>
#include <string.h>
#if defined(__arm__) && defined(__ARM_FEATURE_FMA) && defined(__GNUC__)
#define NAME_HAS_FMA
#define NAME_HAS_VFMA
#elif defined(__FP_FAST_FMAF) || defined(__ARM_FEATURE_FMA)
#include <math.h>
#define NAME_HAS_FMA
#endif
";

/// A function that a step calls. The variants are in the order in which the functions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Function {
    Relu,
    LeakyRelu,
    Sigmoid,
    Tanh,
    Gelu,
    BatchNorm,
    LogSoftmax,
}

impl Function {
    fn of_activation(kind: ActivationKind) -> Option<Self> {
        match kind {
            ActivationKind::Identity => None,
            ActivationKind::Relu => Some(Self::Relu),
            ActivationKind::LeakyRelu => Some(Self::LeakyRelu),
            ActivationKind::Sigmoid => Some(Self::Sigmoid),
            ActivationKind::Tanh => Some(Self::Tanh),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::BatchNorm => "batch_norm",
            Self::LogSoftmax => "log_softmax",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Relu => include_str!("c/floats/relu.c"),
            Self::LeakyRelu => include_str!("c/floats/leaky_relu.c"),
            Self::Sigmoid => include_str!("c/floats/sigmoid.c"),
            Self::Tanh => include_str!("c/floats/tanh.c"),
            Self::Gelu => include_str!("c/floats/gelu.c"),
            Self::BatchNorm => include_str!("c/floats/batch_norm.c"),
            Self::LogSoftmax => include_str!("c/floats/log_softmax.c"),
        }
    }

    /// Returns true if the function needs e^x.
    fn needs_exp(self) -> bool {
        matches!(self, Self::Sigmoid | Self::Tanh | Self::Gelu | Self::LogSoftmax)
    }
}

/// Returns the parts of a network with float32 weights.
pub fn float32<'a>(file: &WeightFile<'a>, input: Input<'a>) -> Result<Parts<'a>, NetworkError> {
    let (architecture, network) = (file.architecture(), Network::of_file(file)?);
    let flat = network.parameters();
    let mut chain = Chain::new(input);
    for stage in architecture.stages() {
        let values = &flat[stage.values()];
        let [weights, biases] = match stage.kind {
            StageKind::Linear => {
                let (weights, biases) = values.split_at(stage.inputs * stage.outputs);
                [Numbers::Floats(Cow::from(weights.to_vec())), Numbers::Floats(Cow::from(biases.to_vec()))]
            }
            StageKind::BatchNorm1d => {
                [Numbers::Floats(Cow::from(normalization(values))), Numbers::Floats(Cow::from(&[]))]
            }
            _ => [Numbers::Floats(Cow::from(&[])), Numbers::Floats(Cow::from(&[]))],
        };
        chain.push(&stage, weights, biases, is_last_linear(&architecture, &stage));
    }
    Ok(chain.parts(include_str!("c/floats/float32.c"), false))
}

/// Returns the parts of a network with f16 weights.
pub fn f16<'a>(file: &QuantizedFile<'a, F16>, input: Input<'a>) -> Parts<'a> {
    let architecture = file.architecture();
    let mut chain = Chain::new(input);
    for (stage, (widths, bytes)) in architecture.stages().zip(file.layer_bytes()) {
        let (biases, rows) = bytes.split_at(widths.outputs * size_of::<f32>());
        let biases = biases.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let rows = rows.chunks_exact(widths.inputs.next_multiple_of(2) * size_of::<u16>());
        let row = |row: &'a [u8]| row.as_chunks().0.iter().take(widths.inputs).map(|&bytes| u16::from_le_bytes(bytes));
        let weights = Numbers::F16(rows.flat_map(row).collect());
        chain.push(&stage, weights, Numbers::Floats(Cow::Owned(biases)), is_last_linear(&architecture, &stage));
    }
    chain.parts(include_str!("c/floats/f16.c"), true)
}

/// Returns true if the stage is the last linear layer. The stages after it are computed in the place of the logits.
fn is_last_linear(architecture: &Architecture, stage: &Stage) -> bool {
    architecture.stages().filter(|stage| stage.kind == StageKind::Linear).last().is_some_and(|last| last == *stage)
}

/// Returns the rules for the compiler, and the fused multiply-add. Other functions may also need `NAME_bits` and `NAME_of_bits`.
pub fn fused(needs_bits: bool, needs_of_bits: bool) -> String {
    let mut functions = String::from(include_str!("c/floats/compiler.c"));
    let bits = [(include_str!("c/floats/bits.c"), needs_bits), (include_str!("c/floats/of_bits.c"), needs_of_bits)];
    for (template, is_needed) in bits {
        // Without an instruction for it, the fused multiply-add needs both.
        functions +=
            &if is_needed { template.into() } else { format!("#if !defined(NAME_HAS_FMA)\n{template}#endif\n\n") };
    }
    functions + include_str!("c/floats/fma.c")
}

/// Returns a batch normalisation's factors, biases and means. A factor is `1 / √(variance + ε) · weight`, as a prediction computes it.
fn normalization(values: &[f32]) -> Vec<f32> {
    let width = values.len() / 4;
    let (weight, rest) = values.split_at(width);
    let (bias, rest) = rest.split_at(width);
    let (mean, variance) = rest.split_at(width);
    let factor = |(&weight, &variance): (&f32, &f32)| 1.0 / sqrt(variance + EPSILON) * weight;
    weight.iter().zip(variance).map(factor).chain(bias.iter().copied()).chain(mean.iter().copied()).collect()
}

/// Collects the steps of a prediction. A linear layer reads one of two buffers and writes the other, and the last one writes the logits.
/// Everything else is computed in place.
struct Chain<'a> {
    /// The function that makes the first layer's inputs.
    of_input: String,
    /// The place of the last step's outputs.
    place: &'static str,
    /// The numbers of floats in `front` and `back`.
    buffers: [usize; 2],
    functions: Vec<Function>,
    arrays: Vec<Array<'a>>,
    steps: Vec<String>,
}

const BUFFERS: [(&str, &str); 2] = [("front", "scratch->front"), ("back", "scratch->back")];

impl<'a> Chain<'a> {
    fn new(input: Input<'a>) -> Self {
        let InputStage { functions: of_input, arrays, step, place, .. } = input.to_floats();
        Self { of_input, place, buffers: [0; 2], functions: Vec::new(), arrays, steps: step.into_iter().collect() }
    }

    fn push(&mut self, stage: &Stage, weights: Numbers<'a>, biases: Numbers<'a>, is_last_linear: bool) {
        let (place, inputs, outputs) = (stage.place, stage.inputs, stage.outputs);
        match stage.kind {
            StageKind::Linear => {
                let from = BUFFERS.iter().position(|(_, buffer)| *buffer == self.place).unwrap_or(0);
                self.buffers[from] = self.buffers[from].max(inputs);
                let to = 1 - from;
                let to = if is_last_linear {
                    "logits"
                } else {
                    self.buffers[to] = self.buffers[to].max(outputs);
                    BUFFERS[to].1
                };
                self.steps.push(format!(
                    "NAME_linear({}, {inputs}, NAME_weights_{place}, NAME_biases_{place}, {outputs}, {to});",
                    self.place
                ));
                self.place = to;
                let layer = format!("Layer {place}, {inputs} to {outputs}");
                self.array("weights", place, format!("{layer}: a row of {inputs} for each output."), weights);
                self.array("biases", place, format!("{layer}: one for each output."), biases);
            }
            StageKind::BatchNorm1d => {
                let meaning = format!("Layer {place}: {outputs} factors, biases and means.");
                self.array("normalization", place, meaning, weights);
                self.call(Function::BatchNorm, outputs, &format!(", NAME_normalization_{place}"));
            }
            StageKind::Gelu => self.call(Function::Gelu, outputs, ""),
            StageKind::LogSoftmax => self.call(Function::LogSoftmax, outputs, ""),
            // In prediction it is no layer, and no file has it.
            StageKind::Dropout => {}
        }
        if let Some(function) = Function::of_activation(stage.activation) {
            self.call(function, outputs, "");
        }
    }

    fn array(&mut self, kind: &str, place: u32, meaning: String, numbers: Numbers<'a>) {
        self.arrays.push(Array { name: format!("NAME_{kind}_{place}"), meaning, numbers });
    }

    fn call(&mut self, function: Function, width: usize, rest: &str) {
        self.functions.push(function);
        self.steps.push(format!("NAME_{}({}, {width}{rest});", function.name(), self.place));
    }

    fn parts(mut self, weight: &str, widens: bool) -> Parts<'a> {
        self.functions.sort_unstable();
        self.functions.dedup();
        let exp = self.functions.iter().any(|function| function.needs_exp());
        let ln = self.functions.contains(&Function::LogSoftmax);
        let mut functions = fused(exp, exp || widens);
        functions += weight;
        functions += &self.of_input;
        functions += include_str!("c/floats/linear.c");
        if exp || self.functions.contains(&Function::BatchNorm) {
            functions += include_str!("c/floats/multiply.c");
        }
        if exp {
            functions += include_str!("c/floats/notice.c");
            functions += include_str!("c/floats/exp.c");
        }
        if ln {
            functions += include_str!("c/floats/ln.c");
        }
        self.functions.iter().for_each(|function| functions += function.template());
        let fields = BUFFERS.iter().zip(self.buffers).filter(|(_, len)| *len > 0);
        let scratch = fields.map(|((name, _), len)| Field { element: "float", element_bytes: 4, name, len }).collect();
        Parts {
            logit: "float",
            // One that is no number is never the largest.
            is_larger: "!(largest >= logit) && logit == logit",
            meaning: "32-bit floats",
            includes: INCLUDES.into(),
            types: "",
            scratch,
            arrays: self.arrays,
            functions,
            steps: self.steps,
        }
    }
}
