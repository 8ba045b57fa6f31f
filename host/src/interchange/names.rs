//! A network's layers, read from the names of its tensors.

use selvedge::architecture::{Architecture, STACK_NAME};

use super::{
    error::Problem,
    tensors::{NamedTensor, is_counter},
};

/// Gives all tensors the stack's prefix, where they have one in common.
pub(super) fn unify(tensors: &mut [NamedTensor]) {
    let prefix = tensors.first().and_then(|tensor| Some(split(tensor.name())?.0.to_owned()));
    let Some(prefix) = prefix else { return };
    let renamed: Option<Vec<_>> = tensors
        .iter()
        .map(|tensor| {
            let (found, layer, kind) = split(tensor.name())?;
            (found == prefix).then(|| format!("{STACK_NAME}.{layer}.{kind}"))
        })
        .collect();
    for (tensor, name) in tensors.iter_mut().zip(renamed.into_iter().flatten()) {
        tensor.rename(name);
    }
}

/// `module.net.0.weight` as `module.net`, `0`, `weight`; the prefix may be empty.
fn split(name: &str) -> Option<(&str, &str, &str)> {
    let (rest, kind) = name.rsplit_once('.')?;
    let (prefix, layer) = rest.rsplit_once('.').unwrap_or(("", rest));
    let is_number = !layer.is_empty() && layer.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((prefix, layer, kind))
}

/// The linear layers, with ReLU between them, that have exactly these names and shapes.
pub(super) fn infer(tensors: &[NamedTensor]) -> Result<Architecture, Problem> {
    let no_stack = |reason: String| Problem::NoStack { reason };
    let named = |name: &str| tensors.iter().find(|tensor| tensor.name() == name);
    let mut widths: Vec<usize> = Vec::new();
    let mut used = 0;
    for layer in (0..).step_by(2) {
        let Some(weight) = named(&format!("{STACK_NAME}.{layer}.weight")) else { break };
        let &[outputs, inputs] = weight.shape() else {
            return Err(no_stack(format!("{} has the shape {:?}", weight.name(), weight.shape())));
        };
        if widths.last().is_some_and(|&before| before != inputs) {
            return Err(no_stack(format!("{} does not follow from the layer before it", weight.name())));
        }
        let name = format!("{STACK_NAME}.{layer}.bias");
        if named(&name).is_none_or(|bias| bias.shape() != [outputs]) {
            return Err(no_stack(format!("{name} is missing or does not fit {}", weight.name())));
        }
        if widths.is_empty() {
            widths.push(inputs);
        }
        widths.push(outputs);
        used += 2;
    }
    let counters = tensors.iter().filter(|tensor| is_counter(tensor.name())).count();
    if used == 0 {
        return Err(no_stack("there is no 0.weight".into()));
    }
    if used + counters != tensors.len() {
        return Err(no_stack("there are other tensors too".into()));
    }
    let text = widths.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    text.parse().map_err(|error| no_stack(format!("{text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::{element::Element, tensors::Tensors};

    fn tensors(shapes: &[(&str, &[usize])]) -> Vec<NamedTensor> {
        let mut tensors = Tensors::of_file(0);
        for (name, shape) in shapes {
            let bytes = vec![0; 2 * shape.iter().product::<usize>()];
            tensors.push(name, shape.to_vec(), Element::F16, &bytes).unwrap();
        }
        tensors.all
    }

    #[test]
    fn any_uniform_prefix_becomes_the_stacks() {
        for prefix in ["", "net.", "module.linear_relu_stack.", "linear_relu_stack."] {
            let names = ["0.weight", "0.bias", "2.bias"].map(|name| format!("{prefix}{name}"));
            let mut found = tensors(&names.each_ref().map(|name| (name.as_str(), &[1][..])));
            unify(&mut found);
            let found: Vec<_> = found.iter().map(NamedTensor::name).collect();
            assert_eq!(found, ["linear_relu_stack.0.weight", "linear_relu_stack.0.bias", "linear_relu_stack.2.bias"]);
        }
        for names in [["a.0.weight", "b.0.bias"], ["0.weight", "scale"], ["scale", "0.weight"]] {
            let before = tensors(&names.map(|name| (name, &[1][..])));
            let mut after = before.clone();
            unify(&mut after);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn a_linear_stack_is_known_by_its_shapes() {
        let stack: [(&str, &[usize]); 4] = [
            ("linear_relu_stack.2.bias", &[10]),
            ("linear_relu_stack.0.weight", &[16, 784]),
            ("linear_relu_stack.0.bias", &[16]),
            ("linear_relu_stack.2.weight", &[10, 16]),
        ];
        assert_eq!(infer(&tensors(&stack)).unwrap().to_string(), "784-16-10");
        let other: [(&str, &[usize]); 2] =
            [("linear_relu_stack.0.weight", &[3, 12]), ("linear_relu_stack.0.bias", &[3])];
        assert_eq!(infer(&tensors(&other)).unwrap().to_string(), "12-3");
        let error = |place: usize, name, shape| {
            let mut stack = stack;
            stack[place] = (name, shape);
            infer(&tensors(&stack)).unwrap_err().to_string()
        };
        assert!(error(1, "linear_relu_stack.0.weight", &[16, 0]).contains("0,16,10: "));
        assert!(error(1, "linear_relu_stack.0.weight", &[16, 28, 28]).contains("the shape [16, 28, 28]"));
        assert!(error(1, "linear_relu_stack.1.weight", &[16, 784]).contains("no 0.weight"));
        assert!(error(2, "linear_relu_stack.0.bias", &[15]).contains("0.bias is missing or does not fit"));
        assert!(error(3, "linear_relu_stack.2.weight", &[10, 15]).contains("does not follow"));
        assert!(error(3, "linear_relu_stack.4.weight", &[10, 16]).contains("other tensors"));
    }
}
