//! A network as an ONNX graph: <https://github.com/onnx/onnx/blob/main/docs/IR.md>.
//!
//! - `messages`: the parts of a file, by their numbers. `write`: a network's graph.
//! - `read`: a graph's network. `node` takes the operators one by one into a `chain` of layers; `array` is a constant, `shape` is for
//!   sizes, `function` is a function of single numbers, which tells an activation however many operators it is made of.

mod array;
mod chain;
mod external;
mod function;
mod messages;
mod node;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod write;

pub(super) use read::read;
pub(super) use write::{opset, write};
