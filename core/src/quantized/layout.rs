//! A chain of linear layers with ReLU between them, described by its widths.

use heapless::Vec;

use crate::{
    architecture::{Architecture, LayerKind, MAX_LAYERS, MAX_WIDTH},
    weights::{WeightFileError, envelope::Ends},
};

/// The largest number of widths of a chain: the inputs, and each linear layer's outputs.
pub const MAX_WIDTHS: usize = MAX_LAYERS.div_ceil(2) + 1;

/// A layer's widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub inputs: usize,
    pub outputs: usize,
}

/// A chain's widths, little-endian: the inputs, and each layer's outputs.
pub type Widths = [[u8; 4]];

/// Returns the widths of a chain of linear layers with ReLU between them, or `None` for any other chain.
pub fn widths(architecture: &Architecture) -> Option<Vec<[u8; 4], { MAX_LAYERS + 1 }>> {
    let layers = architecture.layers();
    let first = layers.first().filter(|_| architecture.is_plain())?;
    let mut widths = Vec::new();
    widths.push(first.widths().0.to_le_bytes()).ok()?;
    for linear in layers.iter().step_by(2) {
        widths.push(linear.widths().1.to_le_bytes()).ok()?;
    }
    Some(widths)
}

/// Returns the chain with these widths.
pub fn architecture(widths: &Widths) -> Architecture {
    let layers = shapes(widths).enumerate().flat_map(|(place, shape)| {
        let (inputs, outputs) = (shape.inputs as u32, shape.outputs as u32);
        let relu = (place > 0).then_some(LayerKind::Relu { width: inputs });
        relu.into_iter().chain([LayerKind::Linear { inputs, outputs }])
    });
    // There is room: `bytes` has been asked.
    Architecture::from_layers(layers).unwrap_or(Architecture::EMPTY)
}

/// Returns the network's inputs and outputs, and whether it computes in integers.
pub fn ends(widths: &Widths, is_integers: bool) -> Ends {
    let width = |width: Option<&[u8; 4]>| width.map_or(0, |width| u32::from_le_bytes(*width) as usize);
    Ends { inputs: width(widths.first()), outputs: width(widths.last()), is_integers }
}

/// Returns the linear layers.
pub fn shapes(widths: &Widths) -> impl Iterator<Item = Shape> {
    let widths = widths.iter().map(|width| u32::from_le_bytes(*width) as usize);
    widths.clone().zip(widths.skip(1)).map(|(inputs, outputs)| Shape { inputs, outputs })
}

/// Returns the number of bytes of all layers. `layer_bytes` gives the number for one layer. Returns `None` if no network has these widths, or
/// if this machine cannot count the bytes.
pub fn bytes(widths: &Widths, layer_bytes: impl Fn(Shape) -> Option<usize>) -> Option<usize> {
    let is_width = |width: &[u8; 4]| (1..=MAX_WIDTH).contains(&u32::from_le_bytes(*width));
    if !(2..=MAX_WIDTHS).contains(&widths.len()) || !widths.iter().all(is_width) {
        return None;
    }
    shapes(widths).try_fold(0_usize, |sum, shape| sum.checked_add(layer_bytes(shape)?))
}

/// Checks that an exporter's layer has as many numbers as its widths say.
pub fn check_len(expected: usize, found: usize) -> Result<(), WeightFileError> {
    if expected == found { Ok(()) } else { Err(WeightFileError::WeightBytes { expected, found }) }
}
