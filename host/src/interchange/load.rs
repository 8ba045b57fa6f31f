//! Tensors into a network's parameters of the same names, as PyTorch's
//! [`load_state_dict`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict) takes them.

use selvedge::architecture::Architecture;

use super::{
    error::Problem,
    keys::IncompatibleKeys,
    tensors::{NamedTensor, is_counter, sizes},
};

/// Copies every tensor into the parameter of the same name; the names count every one of the layers. `flat` is as long as the
/// architecture's flat model, and stays untouched where an error is returned.
///
/// With `strict`, the names must be exactly the network's. Without, parameters that are missing keep their values and tensors that the
/// network does not have are passed over; both are returned. The counters of PyTorch's batch normalisation (`num_batches_tracked`) are
/// always passed over.
pub(super) fn load(
    architecture: &Architecture,
    flat: &mut [f32],
    tensors: &[NamedTensor],
    strict: bool,
) -> Result<IncompatibleKeys, Problem> {
    let mut keys = IncompatibleKeys::default();
    let mut found = Vec::new();
    for parameter in architecture.parameters() {
        let Some(tensor) = tensors.iter().find(|tensor| tensor.name() == parameter.name) else {
            keys.missing.push(parameter.name.as_str().into());
            continue;
        };
        let expected = sizes(&parameter);
        if tensor.shape() != expected {
            let (name, found) = (tensor.name().into(), tensor.shape().into());
            return Err(Problem::Shape { name, expected, found });
        }
        found.push((parameter, tensor));
    }
    let is_unexpected = |tensor: &&NamedTensor| {
        !is_counter(tensor.name()) && found.iter().all(|(parameter, _)| parameter.name != tensor.name())
    };
    keys.unexpected = tensors.iter().filter(is_unexpected).map(|tensor| tensor.name().into()).collect();
    if strict && !keys.is_empty() {
        return Err(Problem::Keys(keys));
    }
    for (parameter, tensor) in found {
        flat[parameter.offset..][..parameter.len].copy_from_slice(tensor.values());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::{element::Element, tensors::Tensors};

    const NAMES: [(&str, &[usize]); 4] = [
        ("linear_relu_stack.2.bias", &[1]),
        ("linear_relu_stack.0.weight", &[3, 2]),
        ("linear_relu_stack.0.bias", &[3]),
        ("linear_relu_stack.2.weight", &[1, 3]),
    ];

    /// Each tensor is filled with its place, from 1.
    fn tensors(shapes: &[(&str, &[usize])]) -> Vec<NamedTensor> {
        let mut tensors = Tensors::of_file(0);
        for ((name, shape), place) in shapes.iter().zip(1..) {
            let bytes = vec![(place as f32).to_le_bytes(); shape.iter().product()].concat();
            tensors.push(name, shape.to_vec(), Element::F32, &bytes).unwrap();
        }
        tensors.all
    }

    /// The flat model, which was full of sevens, after a load.
    fn loaded(shapes: &[(&str, &[usize])], strict: bool) -> Result<(Vec<f32>, String), String> {
        let architecture: Architecture = "2 => 3 Relu => 1".parse().unwrap();
        let mut flat = vec![7.0; 13];
        let keys = load(&architecture, &mut flat, &tensors(shapes), strict);
        if keys.is_err() {
            assert_eq!(flat, [7.0; 13]);
        }
        keys.map(|keys| (flat, keys.to_string())).map_err(|problem| problem.to_string())
    }

    #[test]
    fn loads_by_name_in_any_order() {
        let whole = [[2.0; 6].as_slice(), &[3.0; 3], &[4.0; 3], &[1.0]].concat();
        let counted = [NAMES.as_slice(), &[("linear_relu_stack.1.num_batches_tracked", &[])]].concat();
        assert_eq!(loaded(&counted, true), Ok((whole, String::new())));
    }

    #[test]
    fn a_partial_load_keeps_the_rest_and_says_so() {
        let mut partial = NAMES;
        partial[2].0 = "head.scale";
        let flat = [[2.0; 6].as_slice(), &[7.0; 3], &[4.0; 3], &[1.0]].concat();
        let keys = "missing: linear_relu_stack.0.bias; the model has no head.scale";
        assert_eq!(loaded(&partial, false), Ok((flat, keys.into())));
        assert_eq!(loaded(&partial, true), Err(format!("the tensors' names are not the model's: {keys}")));
    }

    #[test]
    fn an_extra_name_and_a_wrong_shape_are_errors() {
        let extra = [NAMES.as_slice(), &[("extra", &[1])]].concat();
        let error = "the tensors' names are not the model's: the model has no extra";
        assert_eq!(loaded(&extra, true), Err(error.into()));
        let mut transposed = NAMES;
        transposed[1].1 = &[2, 3];
        let error = "the tensor linear_relu_stack.0.weight has the shape [2, 3], the model's is [3, 2]";
        assert_eq!(loaded(&transposed, false), Err(error.into()));
    }

    #[test]
    fn of_many_keys_the_first_are_named_and_the_rest_counted() {
        let names: Vec<String> = (0..9).map(|i| format!("x{i}")).collect();
        let shapes: Vec<(&str, &[usize])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let error = loaded(&shapes, true).unwrap_err();
        assert!(error.ends_with("linear_relu_stack.2.bias; the model has no x0, x1, x2, x3 and 5 more"), "{error}");
    }
}
