//! Writes a network as a graph.
//!
//! The input `input` is `[batch, inputs]` float32. The output is `[batch, outputs]`, and [`Ends`] gives its name. The model's `doc_string`
//! says what both are.

use std::ops::RangeInclusive;

use prost::Message;
use selvedge::{
    activation::LeakyRelu,
    architecture::{Architecture, LayerKind, Parameter, STACK_NAME},
    flat::as_bytes,
    layers::EPSILON,
};

use super::{
    super::{ends::Ends, error::Problem},
    messages::{
        Attribute, Dimension, DimensionValue, FLOAT, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type,
        ValueInfo,
    },
};

/// The operator sets that a graph can have. All operators except GELU's are written in the same way for each of these sets.
const OPSETS: RangeInclusive<u8> = 13..=23;
/// The first operator set with an operator for GELU.
const GELU_OPSET: u8 = 20;
const INPUT: &str = "input";

/// Returns the operator set of a network's graph: the requested one, or the lowest one that the layers need.
pub(in crate::interchange) fn opset(architecture: &Architecture, asked: Option<u8>) -> Result<u8, Problem> {
    let has_gelu = architecture.layers().iter().any(|layer| matches!(layer, LayerKind::Gelu { .. }));
    let lowest = if has_gelu { GELU_OPSET } else { *OPSETS.start() };
    let opset = asked.unwrap_or(lowest);
    if (lowest..=*OPSETS.end()).contains(&opset) {
        Ok(opset)
    } else {
        Err(Problem::Opset { opset, lowest, highest: *OPSETS.end() })
    }
}

/// Returns the version of the ONNX format that came with an operator set.
fn ir_version(opset: u8) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        _ => 11,
    }
}

/// Returns the graph of a network, with its weights, for an [operator set](opset).
pub(in crate::interchange) fn write(
    architecture: &Architecture,
    parameters: &[(Parameter, &[f32])],
    ends: &Ends<'_>,
    opset: u8,
) -> Result<Vec<u8>, Problem> {
    let last = architecture.layers().len().saturating_sub(1);
    let end = ends.output();
    let mut previous = INPUT.to_owned();
    let mut nodes = Vec::new();
    for (index, &layer) in architecture.layers().iter().enumerate() {
        let name = format!("{STACK_NAME}.{index}");
        let output = if index == last { end.to_owned() } else { format!("{name}.output") };
        let own = parameters.iter().map(|(parameter, _)| parameter.name.as_str());
        let own = own.filter(|parameter| parameter.rsplit_once('.').is_some_and(|(layer, _)| layer == name));
        let input = std::iter::once(previous.as_str()).chain(own).map(str::to_owned).collect();
        let (op_type, attribute) = operator(layer);
        nodes.push(Node {
            input,
            output: vec![output.clone()],
            name,
            op_type: op_type.into(),
            attribute,
            domain: String::new(),
        });
        previous = output;
    }
    let graph = Graph {
        node: nodes,
        name: architecture.to_string(),
        initializer: parameters.iter().map(|(parameter, values)| tensor(parameter, values)).collect(),
        input: vec![batch_of(INPUT, architecture.inputs())],
        output: vec![batch_of(end, architecture.outputs())],
    };
    let model = Model {
        ir_version: ir_version(opset),
        producer_name: "selvedge".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: format!("{INPUT}: {}; {end}: {}", ends.input_text(), ends.output_text()),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: opset.into() }],
    };
    Ok(model.encode_to_vec())
}

/// Returns a layer's operator, which takes the layer's input and then its parameters in flat order.
///
/// <https://onnx.ai/onnx/operators>
fn operator(layer: LayerKind) -> (&'static str, Vec<Attribute>) {
    match layer {
        LayerKind::Linear { .. } => ("Gemm", vec![Attribute::int("transB", 1)]),
        LayerKind::Relu { .. } => ("Relu", Vec::new()),
        LayerKind::Tanh { .. } => ("Tanh", Vec::new()),
        LayerKind::Sigmoid { .. } => ("Sigmoid", Vec::new()),
        LayerKind::LeakyRelu { .. } => ("LeakyRelu", vec![Attribute::float("alpha", LeakyRelu::SLOPE)]),
        LayerKind::Gelu { .. } => ("Gelu", vec![Attribute::string("approximate", "tanh")]),
        LayerKind::BatchNorm1d { .. } => ("BatchNormalization", vec![Attribute::float("epsilon", EPSILON)]),
        LayerKind::Dropout { .. } => ("Identity", Vec::new()),
        LayerKind::LogSoftmax { .. } => ("LogSoftmax", vec![Attribute::int("axis", -1)]),
    }
}

fn tensor(parameter: &Parameter, values: &[f32]) -> Tensor {
    Tensor {
        dims: parameter.shape.iter().map(|&size| size.into()).collect(),
        data_type: FLOAT,
        name: parameter.name.to_string(),
        raw_data: as_bytes(values).to_vec(),
        ..Tensor::default()
    }
}

/// Returns a value of shape `[batch, features]`.
fn batch_of(name: &str, features: usize) -> ValueInfo {
    let dimensions = vec![
        Dimension { value: Some(DimensionValue::Param("batch".into())) },
        Dimension { value: Some(DimensionValue::Value(features as i64)) },
    ];
    let tensor_type = TensorType { elem_type: FLOAT, shape: Some(Shape { dim: dimensions }) };
    ValueInfo { name: name.into(), r#type: Some(Type { tensor_type: Some(tensor_type) }) }
}

#[cfg(test)]
mod tests {
    use selvedge::shape::Signature;

    use super::*;
    use crate::network::Network;

    #[test]
    fn the_graph_goes_from_input_to_logits() {
        let architecture: Architecture = "3 => 2 Relu => 4".parse().unwrap();
        let mut network = Network::zeroed(&architecture).unwrap();
        network.parameters_mut()[16..].copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        let ends = Ends::of(&Signature::default());
        let parameters = crate::interchange::named(&architecture, network.parameters());
        let bytes = write(&architecture, &parameters, &ends, 13).unwrap();
        let model = Model::decode(&bytes[..]).unwrap();
        assert_eq!((model.ir_version, model.opset_import[0].version), (7, 13));
        assert_eq!(
            model.doc_string,
            "input: a sample in each row, its bytes divided by 255; logits: a number for each class"
        );
        let graph = model.graph.unwrap();
        let operators: Vec<_> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(operators, ["Gemm", "Relu", "Gemm"]);
        assert_eq!(graph.node[0].input, ["input", "linear_relu_stack.0.weight", "linear_relu_stack.0.bias"]);
        assert_eq!(graph.node[1].input, graph.node[0].output);
        assert_eq!(graph.node[2].output, ["logits"]);
        let bias = graph.initializer.last().unwrap();
        assert_eq!((bias.name.as_str(), &bias.dims[..]), ("linear_relu_stack.2.bias", &[4][..]));
        assert_eq!(bias.raw_data, as_bytes(&[1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn the_operator_set_is_the_lowest_that_the_layers_need() {
        let found = |layers: &str, asked| opset(&layers.parse().unwrap(), asked).map_err(|problem| problem.to_string());
        let all = "4 => 3 BatchNorm1d LeakyRelu => 3 Tanh => 3 Sigmoid => 2 LogSoftmax";
        assert_eq!(found(all, None), Ok(13));
        assert_eq!(found(all, Some(17)), Ok(17));
        assert_eq!(found("4 => 3 Gelu => 2", None), Ok(20));
        assert!(found("4 => 3 Gelu => 2", Some(17)).unwrap_err().contains("from 20 to 23"));
        assert!(found(all, Some(12)).unwrap_err().contains("from 13 to 23"));
    }
}
