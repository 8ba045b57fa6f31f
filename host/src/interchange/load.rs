//! Tensors into a network's parameters of the same names, as PyTorch's
//! [`load_state_dict`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict) takes them, or
//! of other names, by order and shape.

use selvedge::architecture::{Architecture, LayerKind, Parameter};

use super::{
    error::Problem,
    keys::LoadReport,
    matching::{self, Match, Settings},
    names::{self, Kind},
    tensors::{NamedTensor, is_counter, sizes},
};
use crate::weights::check_tensor;

/// Copies every tensor into its parameter. `flat` is as long as the architecture's flat model, and stays untouched where an error is returned.
///
/// With `strict`, each parameter must have a tensor and each tensor a parameter. Without, tensors that the network does not have are passed
/// over, and what is missing gets the value that changes nothing: a bias 0, a batch normalisation's scale 1. For other parameters there is
/// none. [Counters](is_counter) are always passed over.
pub(super) fn load(
    architecture: &Architecture,
    flat: &mut [f32],
    tensors: &[NamedTensor],
    strict: bool,
    settings: Settings,
) -> Result<LoadReport, Problem> {
    let deployed = architecture.for_prediction();
    let counts_dropout = count(architecture, tensors) > count(&deployed, tensors);
    let named = if counts_dropout { architecture } else { &deployed };
    let own = by_name(named, tensors).filter(|_| settings.transpose != Some(true));
    let is_better = |found: &[Match], own: &[Match]| {
        if has_shapes(own, tensors) { found.len() > own.len() } else { found.len() >= own.len() }
    };
    let (found, is_matched) = match own {
        Some(own) if own.len() == named.parameters().count() && has_shapes(&own, tensors) => (own, false),
        Some(own) => match matching::matches(architecture, tensors, settings) {
            Ok(found) if is_better(&found, &own) => (found, true),
            _ => (own, false),
        },
        None => (matching::matches(architecture, tensors, settings)?, true),
    };
    let named = if is_matched { architecture } else { named };
    let mut report = LoadReport::default();
    for found in &found {
        let (tensor, expected) = (&tensors[found.tensor], sizes(&found.parameter));
        let reversed: Vec<_> = expected.iter().rev().copied().collect();
        if tensor.shape() != if found.is_transposed { &reversed } else { &expected } {
            let (name, found) = (tensor.name().into(), tensor.shape().into());
            return Err(Problem::Shape { name, expected, found });
        }
        check_tensor(tensor.name(), &found.parameter, tensor.shape(), tensor.numbers()?)?;
    }
    let there = |parameter: &Parameter| found.iter().any(|found| found.parameter.offset == parameter.offset);
    let missing: Vec<_> = named.parameters().filter(|parameter| !there(parameter)).collect();
    report.missing = missing.iter().map(|parameter| parameter.name.as_str().into()).collect();
    let is_used = |place: &usize| found.iter().any(|found| found.tensor == *place);
    let unused = (0..tensors.len()).filter(|place| !is_used(place));
    report.unexpected = unused.map(|place| tensors[place].name().to_owned()).filter(|name| !is_counter(name)).collect();
    if strict && (!report.missing.is_empty() || !report.unexpected.is_empty()) {
        let needs_layers = missing.iter().any(|parameter| stand_in(named, parameter).is_none());
        return Err(Problem::Keys { report, needs_layers });
    }
    if let Some(parameter) = missing.iter().find(|parameter| stand_in(named, parameter).is_none()) {
        return Err(Problem::Missing { name: parameter.name.as_str().into(), report });
    }
    for parameter in &missing {
        let value = stand_in(named, parameter).unwrap_or_default();
        flat[parameter.offset..][..parameter.len].fill(value);
    }
    for found in &found {
        let (parameter, tensor) = (&found.parameter, &tensors[found.tensor]);
        let target = &mut flat[parameter.offset..][..parameter.len];
        match tensor.shape() {
            &[_, columns] if found.is_transposed => {
                let rows = tensor.values().chunks_exact(columns);
                for (row, values) in rows.enumerate() {
                    let inputs = parameter.len / columns;
                    values.iter().enumerate().for_each(|(column, &value)| target[column * inputs + row] = value);
                }
            }
            _ => target.copy_from_slice(tensor.values()),
        }
        if is_matched && (found.is_transposed || !tensor.is_mapped()) {
            let transposed = if found.is_transposed { ", transposed" } else { "" };
            let name = matching::short(parameter);
            report.matched.push(format!("{} is {name}{transposed}", tensor.name()));
        }
    }
    Ok(report)
}

/// The value that changes nothing in a parameter's place.
fn stand_in(architecture: &Architecture, parameter: &Parameter) -> Option<f32> {
    let is_norms = names::split(&parameter.name).is_some_and(|(_, layer, _)| {
        let layer = layer.parse::<usize>().ok().and_then(|layer| architecture.layers().get(layer));
        matches!(layer, Some(LayerKind::BatchNorm1d { .. }))
    });
    match names::read(&parameter.name).1 {
        Some(Kind::Bias) => Some(0.0),
        Some(Kind::Weight) if is_norms => Some(1.0),
        _ => None,
    }
}

/// The tensors with the network's own names, under any prefix, where all that have a layer's number are its.
fn by_name(named: &Architecture, tensors: &[NamedTensor]) -> Option<Vec<Match>> {
    if tensors.iter().any(NamedTensor::is_mapped) {
        return None;
    }
    let prefix = prefix(tensors)?;
    let found: Vec<_> = named
        .parameters()
        .filter_map(|parameter| {
            let place = tensors.iter().position(|tensor| is_called(tensor, &prefix, &parameter))?;
            Some(Match::new(parameter, place))
        })
        .collect();
    let numbered = tensors.iter().filter(|tensor| tensor.is_read() && !is_counter(tensor.name()));
    let own = numbered.filter(|tensor| names::split(tensor.name()).is_some_and(|(own, ..)| own == prefix));
    (!found.is_empty() && found.len() >= own.count()).then_some(found)
}

/// Counts the tensors that have a network's own names.
fn count(named: &Architecture, tensors: &[NamedTensor]) -> usize {
    let Some(prefix) = prefix(tensors) else { return 0 };
    named.parameters().filter(|parameter| tensors.iter().any(|tensor| is_called(tensor, &prefix, parameter))).count()
}

/// The beginning that most names have before a layer's number.
fn prefix(tensors: &[NamedTensor]) -> Option<String> {
    let prefixes = tensors.iter().filter_map(|tensor| names::split(tensor.name()).map(|(prefix, ..)| prefix));
    let mut prefixes: Vec<_> = prefixes.collect();
    prefixes.sort_unstable();
    let most = prefixes.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len())?;
    Some((*most.first()?).to_owned())
}

fn is_called(tensor: &NamedTensor, prefix: &str, parameter: &Parameter) -> bool {
    let own = names::split(&parameter.name).map(|(_, layer, kind)| (prefix, layer, kind));
    own.is_some() && names::split(tensor.name()) == own
}

fn has_shapes(found: &[Match], tensors: &[NamedTensor]) -> bool {
    found.iter().all(|found| tensors[found.tensor].shape() == sizes(&found.parameter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::{element::Element, tensors::Tensors};

    type Shapes<'a> = &'a [(&'a str, &'a [usize])];

    const SETTINGS: Settings = Settings { keeps_order: true, is_mapped: false, transpose: None };
    const OWN: [(&str, &[usize]); 4] = [
        ("linear_relu_stack.2.bias", &[1]),
        ("linear_relu_stack.0.weight", &[3, 2]),
        ("linear_relu_stack.0.bias", &[3]),
        ("linear_relu_stack.2.weight", &[1, 3]),
    ];

    /// Each tensor counts on from ten times its place, from 1.
    fn tensors(shapes: Shapes<'_>) -> Vec<NamedTensor> {
        let mut tensors = Tensors::of_file(0);
        for ((name, shape), place) in shapes.iter().zip(1..) {
            let numbers = 10 * place..10 * place + shape.iter().product::<usize>();
            let bytes: Vec<u8> = numbers.flat_map(|n| (n as f32).to_le_bytes()).collect();
            tensors.push(name, shape.to_vec(), Element::F32, &bytes).unwrap();
        }
        tensors.all
    }

    fn loaded(
        layers: &str,
        shapes: Shapes<'_>,
        settings: Settings,
        strict: bool,
    ) -> Result<(Vec<f32>, LoadReport), String> {
        let architecture: Architecture = layers.parse().unwrap();
        let mut flat = vec![7.0; architecture.parameter_count().unwrap()];
        let report = load(&architecture, &mut flat, &tensors(shapes), strict, settings);
        if report.is_err() {
            assert!(flat.iter().all(|&value| value == 7.0));
        }
        report.map(|report| (flat, report)).map_err(|problem| problem.to_string())
    }

    fn counted(from: usize, len: usize) -> Vec<f32> {
        (from..from + len).map(|n| n as f32).collect()
    }

    #[test]
    fn loads_by_name_in_any_order_and_under_any_prefix() {
        let whole = [counted(20, 6), counted(30, 3), counted(40, 3), counted(10, 1)].concat();
        for prefix in ["", "net.", "module.linear_relu_stack."] {
            let names = OWN.map(|(name, _)| name.replace("linear_relu_stack.", prefix));
            let mut shapes: Vec<(&str, &[usize])> =
                names.iter().zip(OWN).map(|(name, own)| (name.as_str(), own.1)).collect();
            shapes.push(("1.num_batches_tracked", &[]));
            let (flat, report) = loaded("2 => 3 Relu => 1", &shapes, SETTINGS, true).unwrap();
            assert_eq!((flat, report), (whole.clone(), LoadReport::default()), "{prefix}");
        }
    }

    #[test]
    fn other_names_are_matched_by_order_and_shape() {
        let whole = [counted(10, 6), counted(20, 3), counted(30, 3), counted(40, 1)].concat();
        for names in [
            ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
            ["1.weight", "1.bias", "3.weight", "3.bias"],
            ["in.weight", "in.bias", "out.weight", "out.bias"],
            ["arr_0", "arr_1", "arr_2", "arr_3"],
        ] {
            let shapes: [&[usize]; 4] = [&[3, 2], &[3], &[1, 3], &[1]];
            let shapes: Vec<(&str, &[usize])> = names.into_iter().zip(shapes).collect();
            let (flat, report) = loaded("2 => 3 Relu => 1", &shapes, SETTINGS, true).unwrap();
            assert_eq!(flat, whole, "{names:?}");
            let expected = format!("{} is 0.weight", names[0]);
            assert!(report.notes().len() == 1 && report.matched[0] == expected, "{report:?}");
        }
    }

    #[test]
    fn kernels_are_transposed_where_only_that_fits() {
        let kernels: Shapes<'_> = &[("a/kernel", &[2, 3]), ("a/bias", &[3]), ("b/kernel", &[3, 1]), ("b/bias", &[1])];
        let (flat, report) = loaded("2 => 3 Relu => 1", kernels, SETTINGS, true).unwrap();
        assert_eq!(flat[..6], [10.0, 13.0, 11.0, 14.0, 12.0, 15.0]);
        assert_eq!(report.matched[0], "a/kernel is 0.weight, transposed");
        let square: Shapes<'_> = &[("kernel", &[2, 2]), ("bias", &[2])];
        let error = loaded("2 => 2", square, SETTINGS, true).unwrap_err();
        assert!(error.contains("--transpose=no or --transpose"), "{error}");
        for (transpose, values) in [(false, [10.0, 11.0, 12.0, 13.0]), (true, [10.0, 12.0, 11.0, 13.0])] {
            let settings = Settings { transpose: Some(transpose), ..SETTINGS };
            assert_eq!(loaded("2 => 2", square, settings, true).unwrap().0[..4], values);
        }
        // PyTorch's own name leaves no doubt.
        let lone: Shapes<'_> = &[("weight", &[2, 2]), ("bias", &[2])];
        assert_eq!(loaded("2 => 2", lone, SETTINGS, true).unwrap().0[..4], [10.0, 11.0, 12.0, 13.0]);
    }

    #[test]
    fn a_square_weight_lies_as_the_others_do() {
        let layers = "3 => 2 Relu => 2 Relu => 1";
        let mapped = |names: [&str; 3], shapes: [[usize; 2]; 3], map: &[(&str, &str)], transpose| {
            let shapes: Vec<(&str, &[usize])> =
                names.iter().zip(&shapes).map(|(&name, shape)| (name, &shape[..])).collect();
            let mut tensors = tensors(&shapes);
            let map: Vec<_> = map.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())).collect();
            super::super::map::apply(&mut tensors, &map).unwrap();
            let architecture: Architecture = layers.parse().unwrap();
            let mut flat = vec![7.0; architecture.parameter_count().unwrap()];
            let settings = Settings { is_mapped: true, transpose, ..SETTINGS };
            let loaded = load(&architecture, &mut flat, &tensors, false, settings);
            loaded.map(|_| flat[8..12].to_vec()).map_err(|problem| problem.to_string())
        };
        let (rows, columns) = ([[2, 3], [2, 2], [1, 2]], [[3, 2], [2, 2], [2, 1]]);
        let (kernels, weights) = (["a.kernel", "b.kernel", "c.kernel"], ["a.weight", "b.weight", "c.weight"]);
        let (as_it_is, turned) = (vec![20.0, 21.0, 22.0, 23.0], vec![20.0, 22.0, 21.0, 23.0]);
        let all = [("a", "0"), ("b", "2"), ("c", "4")];
        for map in [&all[..], &all[1..2], &[all[0], all[2]], &[]] {
            for names in [kernels, weights] {
                if map.len() != 2 || names == weights {
                    assert_eq!(mapped(names, columns, map, None).unwrap(), turned, "{map:?} {names:?}");
                    assert_eq!(mapped(names, rows, map, None).unwrap(), as_it_is, "{map:?} {names:?}");
                }
                assert_eq!(mapped(names, columns, map, Some(true)).unwrap(), turned, "{map:?} {names:?}");
            }
        }
        // The others contradict each other: PyTorch's name, or nothing, says how it lies.
        let mixed = [[3, 2], [2, 2], [1, 2]];
        assert_eq!(mapped(weights, mixed, &all, None).unwrap(), as_it_is);
        assert!(mapped(kernels, mixed, &all, None).unwrap_err().contains("the weights b.kernel [2, 2] fit as"));
    }

    #[test]
    fn equal_layers_need_an_order() {
        let layers = "2 => 2 Relu => 2";
        let unordered = Settings { keeps_order: false, ..SETTINGS };
        let named: Shapes<'_> = &[("x.weight", &[2, 2]), ("x.bias", &[2]), ("y.weight", &[2, 2]), ("y.bias", &[2])];
        assert!(loaded(layers, named, SETTINGS, true).is_ok());
        assert!(loaded(layers, named, unordered, true).unwrap_err().contains("--map x.weight=0.weight"));
        let numbered: Shapes<'_> =
            &[("x10.weight", &[2, 2]), ("x10.bias", &[2]), ("x9.weight", &[2, 2]), ("x9.bias", &[2])];
        assert_eq!(loaded(layers, numbered, unordered, true).unwrap().0[..2], [30.0, 31.0]);
        assert!(loaded(layers, numbered, SETTINGS, true).unwrap_err().contains("nothing says which is"));
    }

    #[test]
    fn what_is_missing_changes_nothing_or_is_an_error() {
        let layers = "2 => 2 BatchNorm1d Relu => 1";
        let shapes: Shapes<'_> = &[
            ("0.weight", &[2, 2]),
            ("0.bias", &[2]),
            ("1.running_mean", &[2]),
            ("1.running_var", &[2]),
            ("3.weight", &[1, 2]),
            ("temperature", &[]),
        ];
        let error = loaded(layers, shapes, SETTINGS, true).unwrap_err();
        assert!(
            error.contains("1.weight") && error.contains("no temperature") && error.contains("--no-strict"),
            "{error}"
        );
        let (flat, report) = loaded(layers, shapes, SETTINGS, false).unwrap();
        assert_eq!(flat[6..10], [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(flat.last(), Some(&0.0));
        assert_eq!((report.missing.len(), report.unexpected), (3, vec!["temperature".to_owned()]));
        let error = loaded(layers, &shapes[..4], SETTINGS, false).unwrap_err();
        assert!(error.contains("nothing can stand in for linear_relu_stack.3.weight"), "{error}");
    }

    #[test]
    fn an_extra_name_and_a_wrong_shape_are_errors() {
        let extra = [OWN.as_slice(), &[("extra", &[1])]].concat();
        let error = loaded("2 => 3 Relu => 1", &extra, SETTINGS, true).unwrap_err();
        assert_eq!(
            error,
            "the tensors are not the model's: the model has no extra; --no-strict passes over what is too much"
        );
        let mut wrong = OWN;
        wrong[1].1 = &[4, 2];
        let error = "the tensor linear_relu_stack.0.weight has the shape [4, 2], the model's is [3, 2]";
        assert_eq!(loaded("2 => 3 Relu => 1", &wrong, SETTINGS, false).unwrap_err(), error);
    }
}
