//! From a file's or an option's architecture to this build's type for it.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use selvedge::{
    Layer,
    architecture::Architecture,
    mlp,
    models::{CLASSES, PIXELS, Quickstart, Small, Tiny},
};

use crate::aligned::Aligned;

// The topology of `SELVEDGE_LAYERS`, and with dropout; where it is not set, the quickstart's.
include!(concat!(env!("OUT_DIR"), "/custom.rs"));

type QuickstartWithDropout = mlp!(784 => 512 Relu Dropout => 512 Relu Dropout => 10);
type SmallWithDropout = mlp!(784 => 128 Relu Dropout => 10);
type TinyWithDropout = mlp!(784 => 16 Relu Dropout => 10);

/// A network from an image's pixels to the classes' logits.
pub trait Model: Layer<Input = [f32; PIXELS], Output = [f32; CLASSES]> + Send + Sync {}

impl<M: Layer<Input = [f32; PIXELS], Output = [f32; CLASSES]> + Send + Sync> Model for M {}

/// Work to be done with a model's type.
pub trait WithModel {
    /// What it gives.
    type Output;

    /// Does the work.
    fn run<M: Model>(self) -> Self::Output;
}

/// Does the work with the type of this architecture.
///
/// # Errors
///
/// [`UnknownModel`] where this build has no such type.
pub fn with_model<W: WithModel>(architecture: &Architecture, work: W) -> Result<W::Output, UnknownModel> {
    if *architecture == Architecture::of::<Quickstart>() {
        Ok(work.run::<Quickstart>())
    } else if *architecture == Architecture::of::<Small>() {
        Ok(work.run::<Small>())
    } else if *architecture == Architecture::of::<Tiny>() {
        Ok(work.run::<Tiny>())
    } else if *architecture == Architecture::of::<Custom>() {
        Ok(work.run::<Custom>())
    } else {
        Err(UnknownModel::of(architecture))
    }
}

/// Does the work with the type that trains these layers, [`Dropout`](selvedge::layers::Dropout) among them; the flat model is the same
/// without.
///
/// # Errors
///
/// [`UnknownModel`] where this build has no such type.
pub fn with_training_model<W: WithModel>(architecture: &Architecture, work: W) -> Result<W::Output, UnknownModel> {
    if *architecture == Architecture::of::<QuickstartWithDropout>() {
        Ok(work.run::<QuickstartWithDropout>())
    } else if *architecture == Architecture::of::<SmallWithDropout>() {
        Ok(work.run::<SmallWithDropout>())
    } else if *architecture == Architecture::of::<TinyWithDropout>() {
        Ok(work.run::<TinyWithDropout>())
    } else if *architecture == Architecture::of::<CustomWithDropout>() {
        Ok(work.run::<CustomWithDropout>())
    } else {
        with_model(architecture, work)
    }
}

/// This build has no type for an architecture.
#[derive(Debug, thiserror::Error)]
#[error("this build has no {layers} network; `cargo xtask … --layers '{layers}'` builds the program for it")]
pub struct UnknownModel {
    layers: String,
}

impl UnknownModel {
    /// That is, for these layers.
    pub fn of(architecture: &Architecture) -> Self {
        Self { layers: format!("{:#}", architecture.expression()) }
    }
}

/// A model on the heap.
#[derive(Debug)]
pub struct Boxed<M> {
    flat: Aligned,
    model: PhantomData<M>,
}

impl<M: Layer> Boxed<M> {
    /// A model of zeros.
    pub fn zeroed() -> Self {
        Self { flat: Aligned::zeroed(M::LEN), model: PhantomData }
    }
}

impl<M: Layer> Deref for Boxed<M> {
    type Target = M;

    fn deref(&self) -> &M {
        M::from_flat(&self.flat).expect("the memory has the model's length")
    }
}

impl<M: Layer> DerefMut for Boxed<M> {
    fn deref_mut(&mut self) -> &mut M {
        M::from_flat_mut(&mut self.flat).expect("the memory has the model's length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Name;

    impl WithModel for Name {
        type Output = String;

        fn run<M: Model>(self) -> String {
            Architecture::of::<M>().to_string()
        }
    }

    #[test]
    fn finds_the_type_or_says_how_to_build_it() {
        assert_eq!(with_model(&Architecture::of::<Tiny>(), Name).unwrap(), "784-16-10");
        let error = with_model(&Architecture::of::<mlp!(784 => 11 Relu => 10)>(), Name).unwrap_err();
        assert!(error.to_string().contains("--layers '784,11,10'"), "{error}");
    }

    #[test]
    fn dropout_stands_where_it_was_asked_for() {
        let named = |layers: &str| with_training_model(&layers.parse().unwrap(), Name);
        assert_eq!(named("784 => 16 Relu Dropout => 10").unwrap(), "784-16-10 Linear Relu Dropout Linear");
        assert_eq!(named("784,16,10").unwrap(), "784-16-10");
        let elsewhere = "784 => 512 Relu => 512 Relu Dropout => 10";
        assert!(named(elsewhere).unwrap_err().to_string().contains(&format!("--layers '{elsewhere}'")));
    }
}
