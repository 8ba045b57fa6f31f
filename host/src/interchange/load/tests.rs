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

/// Returns tensors of these shapes. The numbers of each ascend from ten times its place, counted from 1.
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
        crate::interchange::map::apply(&mut tensors, &map).unwrap();
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
fn the_network_is_the_only_one_that_fits_or_a_doubt() {
    let layers = "2 => 3 Relu => 1";
    let under = |prefix: &str, outputs: usize| {
        let shapes =
            [("0.weight", vec![3, 2]), ("0.bias", vec![3]), ("2.weight", vec![outputs, 3]), ("2.bias", vec![outputs])];
        shapes.map(|(name, shape)| (format!("{prefix}{name}"), shape))
    };
    let load = |one: [(String, Vec<usize>); 4], other: [(String, Vec<usize>); 4]| {
        let all = [one, other].concat();
        let all: Vec<(&str, &[usize])> = all.iter().map(|(name, shape)| (name.as_str(), &shape[..])).collect();
        (loaded(layers, &all, SETTINGS, false), loaded(layers, &all, SETTINGS, true))
    };
    // Other names, too, are one network's or a doubt.
    for [actor, critic] in [["actor.", "critic."], ["z.", "ema."], ["", "ema."], ["a.fc", "b.fc"]] {
        for is_first in [true, false] {
            let (one, other) = (under(actor, 1), under(critic, 4));
            let (loose, strict) = if is_first { load(one, other) } else { load(other, one) };
            let (flat, report) = loose.unwrap();
            let from = if is_first { 10 } else { 50 };
            assert_eq!(flat[..6], counted(from, 6), "{actor}");
            assert_eq!(report.unexpected.len(), 4);
            let has_note = report.notes()[0].contains("the network is");
            assert!(has_note || actor == "a.fc", "{:?}", report.notes());
            assert!(strict.unwrap_err().contains("--no-strict"));
        }
        let (loose, strict) = load(under(critic, 1), under(actor, 1));
        let words = ["several networks", "(2-3-1)", "by --key"];
        for error in [loose.unwrap_err(), strict.unwrap_err()] {
            assert!(words.iter().all(|words| error.contains(words)), "{error}");
        }
    }
}

#[test]
fn layers_that_could_change_places_are_a_doubt() {
    let layers = "4 => 2 Relu => 4 Relu => 2";
    let shapes: Shapes<'_> = &[("mu.weight", &[2, 4]), ("logvar.weight", &[2, 4]), ("dec.weight", &[4, 2])];
    let error = loaded(layers, shapes, SETTINGS, false).unwrap_err();
    assert!(error.contains("mu.weight, logvar.weight have one shape") && error.contains("--map mu.weight="), "{error}");
    // Numbers, and the order of the chain itself, leave none.
    let shapes: Shapes<'_> = &[("dec.weight", &[4, 2]), ("enc1.weight", &[2, 4]), ("enc2.weight", &[2, 4])];
    assert!(loaded(layers, shapes, SETTINGS, false).is_ok());
    let shapes: Shapes<'_> = &[("a.weight", &[2, 4]), ("dec.weight", &[4, 2]), ("b.weight", &[2, 4])];
    assert!(loaded(layers, shapes, SETTINGS, false).is_ok());
}

#[test]
fn a_layer_that_is_not_here_is_named_without_wrong_advice() {
    let linear: [(&str, &[usize]); 4] =
        [("a.weight", &[3, 2]), ("a.bias", &[3]), ("b.weight", &[1, 3]), ("b.bias", &[1])];
    for own in [&[("ln.weight", &[3][..]), ("ln.bias", &[3])][..], &[("act.weight", &[1])]] {
        let shapes = [&linear[..], own].concat();
        let error = loaded("2 => 3 Relu => 1", &shapes, SETTINGS, true).unwrap_err();
        assert!(error.contains(own[0].0) && error.contains("a layer that Selvedge does not have"), "{error}");
        assert!(!error.contains("--no-strict"), "{error}");
    }
    for names in [["0.bias", "2.weight", "2.bias"], ["a.bias", "b.weight", "b.bias"]] {
        let shapes: Shapes<'_> = &[(names[0], &[3]), (names[1], &[1, 3]), (names[2], &[1])];
        for layers in ["2 => 3 Relu => 1", "3 => 1"] {
            let error = loaded(layers, shapes, SETTINGS, true).unwrap_err();
            let words = format!("{} has no {}", names[0], names[0].replace("bias", "weight"));
            assert!(error.contains(&words) && !error.contains("--no-strict"), "{error}");
        }
    }
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
    assert!(error.contains("1.weight") && error.contains("no temperature") && error.contains("--no-strict"), "{error}");
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
