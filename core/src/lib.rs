//! This library trains and runs multilayer perceptrons. It is a part of Selvedge, which has **one arithmetic**: every machine computes the same bits.
//! Its package is `core`, and a program imports it as `selvedge`.
//!
//! A program includes its weight file with [`embed!`], which compares the file with the model's type while the program is built:
//!
//! ```
//! use selvedge::{Embedded, Layer, classification::argmax, embed, mlp};
//!
//! type Model = mlp!(2 => 8 Tanh => 2);
//! static MODEL: Embedded<Model> = embed!("../examples/xor.selvedge", as Model);
//!
//! let model = MODEL.load()?.model;
//! assert_eq!(argmax(model.run(&[0.0, 1.0])), 1);
//! # Ok::<(), selvedge::weights::WeightFileError>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | embed a file, predict with it | [`embed!`], [`Layer::run`] |
//! | predict with a quantised network | [`quantized`] |
//! | predict from a sensor's raw values | [`LoadedModel::run_raw`](weights::LoadedModel::run_raw); for a quantised network, [`QuantizedFile::run_raw`](quantized::QuantizedFile::run_raw) |
//! | train on a device, with any optimizer | [`training::Trainer`] |
//! | write a custom training loop | [`training::Trainer`], and the example `train_loop`; with dropout, [`training::StepWorkspace`] |
//! | define a custom layer | [`flat_struct!`], [`Layer`], and the example `own_layer` |
//! | write and read files | [`weights`] |
//!
//! The library is `no_std` and needs no heap. The feature `defmt` implements `defmt::Format` for most public types, and for all errors. The feature
//! `micromath` adds `classification::display_probabilities`.
//!
//! These are its modules. A module uses only modules that stand before it in this list. One exception:
//! [`architecture`] names the trait [`Layer`].
//!
//! - [`arithmetic`]: the rules that fix the bits of every result, called the contract. Fused multiply-add, its chains, `exp`, `ln`, softmax.
//! - [`flat`]: models, gradients and activations as flat slices of `f32`, and as bytes.
//! - [`random`]: the generator of random numbers, addressed by (seed, purpose, epoch, index), and the shuffle.
//! - [`activation`]: functions such as ReLU. [`optimizer`]: SGD, Adam and the others.
//! - [`engine`]: the interface for faster implementations, and [`Portable`], the plain loops that define every other engine's bits.
//! - [`preparation`]: turns a sample's raw values into a network's inputs. [`task`]: the meaning of its outputs. [`shape`]: an input's
//!   shape, names of inputs and outputs. [`architecture`]: the description of a network as data.
//! - [`layers`]: [`Linear`], [`Chain`] and the others, with their initial parameters, forward pass and backward pass. The macro [`mlp!`] writes
//!   the type of a whole network. [`fold`]: merges batch normalisation into the layer before it.
//! - [`fashion_mnist`]: the sizes and names of the default data set, and the types of the models for it. [`models`]: the named models.
//! - [`loss`]: cross-entropy and the other losses. [`training`]: one training step, on a host's heap or in a device's statics.
//! - [`schedule`]: the learning rate of each step. [`augment`]: random changes to the images of an epoch.
//! - [`classification`]: class, probabilities, top-k. [`idx`]: the file format of samples and labels.
//! - [`weights`]: the weight file and its strict loader. [`fingerprint`]: a hash of the arithmetic, to compare two targets.
//! - [`quantized`]: networks of int8, int4 and f16 weights, and their files. [`mod@embed`]: files that are built into a program.
//! - [`message`]: the messages of a host and a device over a serial line. [`model_file`]: reads a network's file of any format.
//!
//! The examples: `xor` trains and writes a file, and `predict` embeds it. `train_loop` has a custom training loop, and `own_layer` a custom
//! layer. `autodiff` is PyTorch's example of automatic differentiation, in Rust.

#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(target_endian = "big")]
compile_error!("Selvedge reads little-endian weights in place; big-endian targets are not supported");

pub mod activation;
pub mod architecture;
pub mod arithmetic;
pub mod augment;
pub mod classification;
pub mod embed;
pub mod engine;
pub mod fashion_mnist;
pub mod fingerprint;
pub mod flat;
pub mod fold;
pub mod idx;
pub mod layers;
pub mod loss;
pub mod message;
pub mod model_file;
pub mod models;
pub mod optimizer;
pub mod preparation;
pub mod quantized;
pub mod random;
pub mod schedule;
pub mod shape;
pub mod task;
pub mod training;
pub mod weights;
mod wire;

pub use activation::{Activation, Identity, Relu};
pub use embed::Embedded;
pub use engine::{Engine, Portable};
pub use flat::Flat;
pub use layers::{Chain, Layer, Linear};

/// The examples of both READMEs and of the book are tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/training-on-device.md")]
struct TrainingOnDevice;
