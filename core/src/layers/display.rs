//! A model as PyTorch shows it.

use core::fmt;

use super::{BatchNorm1d, Chain, Dropout, Gelu, Layer, Linear, LogSoftmax};
use crate::architecture::show_module;

/// Shows a model's layers as PyTorch's `print(model)` does: as its [`Architecture`](crate::architecture::Architecture) with `{:#}`.
macro_rules! show_layers {
    ($([$($generics:tt)*] $layer:ty;)*) => {
        $(impl<$($generics)*> fmt::Display for $layer
        where
            Self: Layer,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show_module(f, Self::LAYERS)
            }
        })*
    };
}
show_layers! {
    [Head, Tail] Chain<Head, Tail>;
    [const INPUTS: usize, const OUTPUTS: usize, A] Linear<INPUTS, OUTPUTS, A>;
    [const WIDTH: usize, A] BatchNorm1d<WIDTH, A>;
    [const WIDTH: usize] Dropout<WIDTH>;
    [const WIDTH: usize] Gelu<WIDTH>;
    [const WIDTH: usize] LogSoftmax<WIDTH>;
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use crate::{Flat, architecture::Architecture, mlp};

    #[test]
    fn a_model_is_shown_as_its_architecture() {
        type Model = mlp!(4 => 3 Relu => 2);
        let architecture: Architecture = "4 => 3 Relu => 2".parse().unwrap();
        assert_eq!(Architecture::of::<Model>(), architecture);
        assert_eq!(Model::ZERO.to_string(), std::format!("{architecture:#}"));
    }
}
