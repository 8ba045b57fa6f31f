//! The layers and their activations as flat slices of `f32`.

#![allow(unsafe_code)]

use super::{BatchNorm1d, Chain, Dropout, Gelu, Linear, LogSoftmax};
use crate::Flat;

// SAFETY: `repr(C)`, two arrays of `f32` and a marker, which takes no room.
unsafe impl<const INPUTS: usize, const OUTPUTS: usize, A> Flat for Linear<INPUTS, OUTPUTS, A> {}
// SAFETY: `repr(C)`, four arrays of `f32` and a marker, which takes no room.
unsafe impl<const WIDTH: usize, A> Flat for BatchNorm1d<WIDTH, A> {}
// SAFETY: `repr(C)`, and both fields are `Flat`.
unsafe impl<Head: Flat, Tail: Flat> Flat for Chain<Head, Tail> {}

macro_rules! without_fields {
    ($($name:ident)*) => {
        // SAFETY: it has no fields.
        $(unsafe impl<const WIDTH: usize> Flat for $name<WIDTH> {})*
    };
}
without_fields!(Gelu Dropout LogSoftmax);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp;

    type Model = mlp!(2 => 3 Relu => 1);

    #[test]
    fn flat_order_is_pytorchs() {
        let mut model = Model::ZERO;
        for (i, p) in (0u8..).zip(model.as_flat_mut()) {
            *p = f32::from(i);
        }
        assert_eq!(Model::LEN, 2 * 3 + 3 + 3 + 1);
        assert_eq!(model.head.weight, [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
        assert_eq!(model.head.bias, [6.0, 7.0, 8.0]);
        assert_eq!(model.tail.weight, [[9.0, 10.0, 11.0]]);
        assert_eq!(model.tail.bias, [12.0]);
    }

    #[test]
    fn a_layer_without_parameters_is_an_empty_slice() {
        let mut dropout = Dropout::<3>;
        assert!(dropout.as_flat().is_empty() && dropout.as_flat_mut().is_empty());
        assert!(Dropout::<3>::from_flat(&[]).is_ok());
    }
}
