use prost::Message;
use selvedge::{architecture::Architecture, shape::Signature};

use super::{
    messages::{Attribute, Entry, Graph, Model, Node, OperatorSet, Tensor, ValueInfo},
    read, write,
};
use crate::{
    classes::SignatureBuf,
    interchange::{ends::Ends, named},
    task::TaskBuf,
};

/// Returns a network with these layers. Each parameter is a different number.
fn network(layers: &str) -> (Architecture, Vec<f32>) {
    let architecture = layers.parse::<Architecture>().unwrap().for_prediction();
    let flat = (1_u16..).take(architecture.parameter_count().unwrap()).map(|n| f32::from(n) / 3.0).collect();
    (architecture, flat)
}

/// Returns the graph of a network for classification.
fn written(architecture: &Architecture, flat: &[f32], opset: u8) -> Vec<u8> {
    write(architecture, &named(architecture, flat), &Ends::of(&Signature::default()), opset).unwrap()
}

fn error(bytes: &[u8]) -> String {
    read(bytes, None).unwrap_err().to_string()
}

#[test]
fn every_layer_comes_back_bit_for_bit() {
    for layers in [
        "3 => 2",
        "4 => 3 Relu => 3 Relu => 2",
        "4 => 3 BatchNorm1d LeakyRelu Dropout => 3 Tanh => 3 Sigmoid => 3 Gelu => 2 LogSoftmax",
        "2 => 2 Relu BatchNorm1d => 2 BatchNorm1d",
    ] {
        let (architecture, flat) = network(layers);
        for opset in [20, 23] {
            for (task, output) in [
                (TaskBuf::Classification, "logits"),
                (TaskBuf::scaled(vec![(1.0, 0.0); architecture.outputs()]), "values"),
                (TaskBuf::scaled(vec![(2.0, 0.0); architecture.outputs()]), "standardized"),
            ] {
                let signature = SignatureBuf::default().with_task(task, &[]);
                let ends = Ends::of(&signature.get());
                let bytes = write(&architecture, &named(&architecture, &flat), &ends, opset).unwrap();
                assert_eq!(Model::decode(&bytes[..]).unwrap().graph.unwrap().output[0].name, output);
                let graph = read(&bytes, None).unwrap();
                assert_eq!(graph.architecture, architecture);
                assert!(graph.flat.iter().map(|x| x.to_bits()).eq(flat.iter().map(|x| x.to_bits())), "{layers}");
                assert!(graph.notes.is_empty(), "{:?}", graph.notes);
            }
        }
    }
}

fn model(change: impl FnOnce(&mut Graph)) -> Vec<u8> {
    let (architecture, flat) = network("3 => 2 Relu => 2");
    let bytes = written(&architecture, &flat, 20);
    let mut model = Model::decode(&bytes[..]).unwrap();
    change(model.graph.as_mut().unwrap());
    model.encode_to_vec()
}

fn constant(name: &str, values: &[f32]) -> Tensor {
    let dims = if values.len() == 1 { Vec::new() } else { vec![values.len() as i64] };
    Tensor { name: name.into(), dims, data_type: 1, float_data: values.into(), ..Tensor::default() }
}

/// Returns a graph whose inputs are changed by these operators and constants.
fn changed(changes: &[(&str, &[f32])]) -> Vec<u8> {
    model(|graph| {
        let mut before = graph.node[0].input[0].clone();
        for (place, &(operator, values)) in changes.iter().enumerate() {
            graph.initializer.push(constant(&format!("constant{place}"), values));
            let (input, output) = (vec![before, format!("constant{place}")], vec![format!("changed{place}")]);
            before = output[0].clone();
            let own = Node { op_type: operator.into(), input, output, ..Node::default() };
            graph.node.insert(place, own);
        }
        graph.node[changes.len()].input[0] = before;
    })
}

#[test]
fn a_standardisation_goes_into_the_first_layer() {
    let (_, plain) = network("3 => 2 Relu => 2");
    for (changes, mean, std) in [
        (&[("Sub", &[0.5][..]), ("Div", &[0.25])][..], [0.5; 3], [0.25; 3]),
        (&[("Sub", &[0.5, 0.25, 1.0]), ("Div", &[0.25, 0.5, 2.0])], [0.5, 0.25, 1.0], [0.25, 0.5, 2.0]),
        (&[("Mul", &[2.0]), ("Add", &[-1.0])], [0.5; 3], [0.5; 3]),
    ] {
        let graph = read(&changed(changes), None).unwrap();
        assert!(graph.notes[0].contains("put into the first layer"), "{:?}", graph.notes);
        for output in 0..2 {
            let mut bias = f64::from(plain[6 + output]);
            for input in 0..3 {
                let weight = f64::from(plain[3 * output + input]) / std[input];
                bias -= weight * mean[input];
                assert_eq!(graph.flat[3 * output + input], weight as f32);
            }
            assert_eq!(graph.flat[6 + output], bias as f32);
        }
        assert_eq!(graph.flat[8..], plain[8..]);
    }
    let of = |changes: &[(&str, &[f32])]| error(&changed(changes));
    assert!(of(&[("Div", &[255.0])]).contains("divided by 255 already"));
    for other in
        [&[("Max", &[0.5][..])][..], &[("Pow", &[2.0])], &[("Sub", &[0.5, 0.5])], &[("Max", &[0.5]), ("Sub", &[1.0])]]
    {
        let error = of(other);
        assert!(error.contains("out of the export") && error.contains("--mean and --std"), "{error}");
    }
}

#[test]
fn numbers_beside_the_graph_are_read_from_a_plain_file() {
    let folder = tempfile::tempdir().unwrap();
    let (_, plain) = network("3 => 2 Relu => 2");
    let numbers: Vec<u8> = plain[..6].iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(folder.path().join("m.onnx.data"), [&[7; 8][..], &numbers].concat()).unwrap();
    let read = |location: &str, offset: &str, length: &str| {
        let bytes = model(|graph| {
            let own = [("location", location), ("offset", offset), ("length", length)];
            let own = own.map(|(key, value)| Entry { key: key.into(), value: value.into() });
            let tensor = &mut graph.initializer[0];
            (tensor.raw_data, tensor.float_data) = (Vec::new(), Vec::new());
            (tensor.external_data, tensor.data_location) = (own.into(), 1);
        });
        read(&bytes, Some(folder.path())).map(|graph| graph.flat).map_err(|problem| problem.to_string())
    };
    assert_eq!(read("m.onnx.data", "8", "24").unwrap(), plain);
    for (location, offset, length, words) in [
        ("m.onnx.data", "9", "24", "beyond the end"),
        ("m.onnx.data", "8", "20", "not as many numbers"),
        ("m.onnx.data", "18446744073709551615", "24", "beyond the end"),
        ("m.onnx.data", "-1", "24", "no number as the offset"),
        ("none", "8", "24", "put that file there"),
        ("../m.onnx.data", "8", "24", "no plain name"),
        ("/etc/passwd", "0", "24", "no plain name"),
        ("..", "0", "24", "no plain name"),
        ("a/b", "0", "24", "no plain name"),
        ("", "0", "24", "no plain name"),
    ] {
        let error = read(location, offset, length).unwrap_err();
        assert!(error.contains(words), "{location}: {error}");
    }
}

#[test]
fn what_is_no_chain_names_its_operator() {
    type Change = fn(&mut Graph);
    let cases: [(&str, Change); 17] = [
        ("`Swish` at `linear_relu_stack.1` is an operator that is not read", |graph| {
            graph.node[1].op_type = "Swish".into();
        }),
        ("is of the operators of `ai.onnx.ml`", |graph| graph.node[1].domain = "ai.onnx.ml".into()),
        ("takes a value that nothing before it gives", |graph| graph.node.swap(0, 1)),
        ("so the graph has branches", |graph| graph.node[2].input[0] = graph.node[0].input[0].clone()),
        ("gives a value that there is already", |graph| graph.node[1].output[0] = "input".into()),
        ("has no output", |graph| graph.node[1].output.clear()),
        ("transposes its input (transA)", |graph| graph.node[0].attribute.push(Attribute::int("transA", 1))),
        ("takes 2 numbers of each sample, which has 3", |graph| graph.node[0].attribute.clear()),
        ("does not multiply by a constant matrix", |graph| graph.node[0].input[1] = graph.node[0].input[2].clone()),
        ("adds what is no constant vector", |graph| graph.node[0].input[2] = graph.node[0].input[1].clone()),
        ("nothing gives its output", |graph| graph.output[0].name = "other".into()),
        ("not what its last layer gives", |graph| graph.output[0].name = "linear_relu_stack.0.output".into()),
        ("2 inputs and 1 outputs", |graph| graph.input.push(ValueInfo { name: "second".into(), r#type: None })),
        ("in another file", |graph| graph.initializer[0].data_location = 1),
        ("not as many numbers as its shape", |graph| graph.initializer[0].raw_data.truncate(23)),
        ("does not multiply by a constant matrix", |graph| {
            graph.initializer[0].dims = vec![1 << 40, 0];
            graph.initializer[0].raw_data.clear();
        }),
        ("a negative size", |graph| graph.initializer[0].dims[0] = -2),
    ];
    for (words, change) in cases {
        let error = error(&model(change));
        assert!(error.contains(words), "{words}: {error}");
    }
    let empty = model(|graph| {
        graph.node.clear();
        graph.output[0].name = "input".into();
    });
    assert!(error(&empty).contains("no network of linear layers"));
    assert!(error(b"\x08\x09\x12\x03abc").contains("it has no graph"));
}

#[test]
fn a_small_file_takes_no_large_memory() {
    let nodes = |count: usize| Graph { node: vec![Node::default(); count], ..Graph::default() };
    let model = |graph| Model { graph: Some(graph), ..Model::default() }.encode_to_vec();
    assert!(error(&model(nodes(1 << 20))).contains("more parts than any network"));
    // One constant, turned over and over.
    let mut graph = nodes(0);
    graph.initializer.push(Tensor {
        dims: vec![1000, 1000],
        data_type: 1,
        float_data: vec![0.5; 1_000_000],
        name: "w".into(),
        ..Tensor::default()
    });
    graph.input.push(ValueInfo { name: "x".into(), r#type: None });
    graph.output.push(ValueInfo { name: "y".into(), r#type: None });
    let turn = |n: usize| Node {
        input: vec!["w".into()],
        output: vec![format!("t{n}")],
        op_type: "Transpose".into(),
        ..Node::default()
    };
    graph.node = (0..2000).map(turn).collect();
    assert!(error(&model(graph)).contains("taken too often"));
    // A field that is longer than the file.
    assert!(error(&[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f]).contains("damaged or cut short"));
}

#[test]
fn every_truncation_and_change_is_an_error_or_a_network() {
    let bytes = model(|_| {});
    for end in 0..bytes.len() {
        let _ = read(&bytes[..end], None);
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = bytes.clone();
            changed[end] = value;
            if let Ok(graph) = read(&changed, None) {
                assert_eq!(graph.architecture.parameter_count(), Some(graph.flat.len()));
            }
        }
    }
}

#[test]
fn an_operator_set_decides_where_softmax_goes() {
    let softmax = |axis: i64, opset| {
        let (architecture, flat) = network("3 => 2");
        let bytes = written(&architecture, &flat, 20);
        let mut model = Model::decode(&bytes[..]).unwrap();
        model.opset_import = vec![OperatorSet { domain: String::new(), version: opset }];
        let graph = model.graph.as_mut().unwrap();
        let attribute = if axis == i64::MIN { Vec::new() } else { vec![Attribute::int("axis", axis)] };
        graph.node.push(Node {
            input: vec!["logits".into()],
            output: vec!["p".into()],
            op_type: "Softmax".into(),
            attribute,
            ..Node::default()
        });
        graph.output[0].name = "p".into();
        read(&model.encode_to_vec(), None).map(|graph| graph.notes.len()).map_err(|problem| problem.to_string())
    };
    for (axis, opset) in [(i64::MIN, 9), (i64::MIN, 18), (-1, 18), (1, 18)] {
        assert_eq!(softmax(axis, opset), Ok(1));
    }
    assert!(softmax(0, 18).unwrap_err().contains("axis 0"));
}
