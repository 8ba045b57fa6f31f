//! A network as an ONNX graph: <https://github.com/onnx/onnx/blob/main/docs/IR.md>.
//!
//! - `messages`: the parts of a file, by their numbers. `write`: writes a network as a graph.
//! - `read`: reads a network from a graph. `node` takes the operators one by one into a `chain` of layers. `array` is a constant, and `shape`
//!   is for sizes. `function` recognises an activation, however many operators it consists of.

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
