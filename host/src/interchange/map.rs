//! The names that the user gives to tensors.

use selvedge::architecture::STACK_NAME;

use super::{
    error::Problem,
    names::{self, Kind, Stem},
    tensors::NamedTensor,
};

/// Gives tensors the names of parameters: `fc1.weight` gets the name `0.weight`, or all tensors of `fc1` those of layer `0`. If a weight is
/// renamed, the other tensors of its layer that are not named themselves are renamed with it.
pub(super) fn apply(tensors: &mut [NamedTensor], map: &[(String, String)]) -> Result<(), Problem> {
    let mut layers: Vec<(Stem, String)> = Vec::new();
    for (from, to) in map {
        let to = to.strip_prefix(STACK_NAME).map_or(to.as_str(), |rest| rest.trim_start_matches('.'));
        if let Some(tensor) = tensors.iter_mut().find(|tensor| !tensor.is_mapped() && tensor.name() == from) {
            if let Some(layer) = to.strip_suffix(".weight") {
                layers.push((names::read(tensor.name()).0, layer.into()));
            }
            tensor.map_to(format!("{STACK_NAME}.{to}"));
            continue;
        }
        let is_of = |name: &str| name.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with(['.', '/', '_']));
        if !rename(tensors, to, is_of) {
            let names = tensors.iter().map(|tensor| tensor.name().to_owned()).collect();
            return Err(Problem::MapSource { name: from.clone(), names });
        }
    }
    for (stem, layer) in layers {
        rename(tensors, &layer, |name| names::read(name).0 == stem);
    }
    let mut mapped: Vec<_> = tensors.iter().filter(|tensor| tensor.is_mapped()).map(NamedTensor::name).collect();
    mapped.sort_unstable();
    match mapped.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Problem::Repeated(pair[0].into())),
        None => Ok(()),
    }
}

/// Gives the tensors of a layer the names of another layer's tensors. Returns true if there are any.
fn rename(tensors: &mut [NamedTensor], layer: &str, is_of: impl Fn(&str) -> bool) -> bool {
    let mut is_there = false;
    for tensor in tensors.iter_mut().filter(|tensor| !tensor.is_mapped() && is_of(tensor.name())) {
        let kind = match names::read(tensor.name()).1 {
            Some(Kind::Weight) => "weight",
            Some(Kind::Bias) => "bias",
            Some(Kind::Mean) => "running_mean",
            Some(Kind::Variance) => "running_var",
            None => continue,
        };
        is_there = true;
        tensor.map_to(format!("{STACK_NAME}.{layer}.{kind}"));
    }
    is_there
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::{element::Element, tensors::Tensors};

    fn mapped(map: &[(&str, &str)]) -> Result<String, String> {
        let mut tensors = Tensors::of_file(0);
        for name in ["a.weight", "a.bias", "b.weight", "b.bias"] {
            tensors.push(name, vec![1], Element::F16, &[0; 2]).unwrap();
        }
        let map: Vec<_> = map.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())).collect();
        apply(&mut tensors.all, &map).map_err(|problem| problem.to_string())?;
        Ok(tensors.all.iter().map(NamedTensor::name).collect::<Vec<_>>().join(" ").replace("linear_relu_stack.", ""))
    }

    #[test]
    fn a_tensor_or_a_layer_gets_its_name() {
        assert_eq!(mapped(&[("a", "2"), ("b", "0")]).unwrap(), "2.weight 2.bias 0.weight 0.bias");
        assert_eq!(mapped(&[("a.weight", "2.weight")]).unwrap(), "2.weight 2.bias b.weight b.bias");
        let own = [("a.weight", "2.weight"), ("a.bias", "0.bias")];
        assert_eq!(mapped(&own).unwrap(), "2.weight 0.bias b.weight b.bias");
        assert!(mapped(&[("c", "0")]).unwrap_err().contains("there is no tensor or layer c; there are a.weight"));
        assert!(mapped(&[("a", "0"), ("b", "0")]).unwrap_err().contains("two tensors"));
    }
}
