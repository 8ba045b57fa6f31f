//! Reads the network of a graph.

use std::path::Path;

use prost::Message;
use selvedge::architecture::Architecture;

use super::{
    array::Array,
    chain::Head,
    external::Beside,
    function::Function,
    messages::{DimensionValue, FLOAT, MODEL, Model, Node, ValueInfo},
    node::{Reader, Value},
};
use crate::{interchange::error::Problem, quote::quoted};

/// The largest number of fields of a file. Some thousand operators have this many.
const MAX_FIELDS: usize = 1 << 16;
/// The smallest limit for the number of elements of constants that a graph may copy.
const MIN_ROOM: usize = 1 << 22;
/// All types of floating-point numbers.
const FLOATS: [i32; 4] = [FLOAT, 10, 11, 16];

/// The network of a file's graph.
#[derive(Debug)]
pub(in crate::interchange) struct Graph {
    pub architecture: Architecture,
    pub flat: Vec<f32>,
    /// Notes for the user.
    pub notes: Vec<String>,
    /// The number of bytes that were read from files beside the graph.
    pub bytes_beside: usize,
}

/// Returns the network of a file's graph: a chain of layers from the only input to the only output. Numbers in other files are read from
/// `folder`.
pub(in crate::interchange) fn read(bytes: &[u8], folder: Option<&Path>) -> Result<Graph, Problem> {
    let invalid = |reason: &str| Problem::format("ONNX", reason);
    let mut left = MAX_FIELDS;
    MODEL.count(bytes, &mut left).ok_or_else(|| {
        invalid(if left == 0 { "it has more parts than any network here" } else { "it is damaged or cut short" })
    })?;
    let model = Model::decode(bytes).map_err(|error| invalid(&error.to_string()))?;
    let opset = model.opset_import.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
    let graph = model.graph.ok_or_else(|| invalid("it has no graph"))?;
    let mut reader =
        Reader { opset: opset.map_or(0, |set| set.version), room: bytes.len().max(MIN_ROOM), ..Reader::default() };
    let mut beside = Beside::new(folder);
    for mut tensor in graph.initializer {
        let name = tensor.name.clone();
        let array = beside.fill(&mut tensor).and_then(|()| Array::of(tensor));
        let array = array.map_err(|reason| Problem::Array { name: quoted(&name), reason })?;
        if reader.values.insert(name.clone(), Value::Constant(array.into())).is_some() {
            return Err(Problem::Repeated(quoted(&name)));
        }
    }
    reader.room = reader.room.max(beside.bytes);
    // In old files the weights are among the inputs too.
    let inputs: Vec<_> = graph.input.iter().filter(|input| !reader.values.contains_key(&input.name)).collect();
    let ([input], [output]) = (&inputs[..], &graph.output[..]) else {
        let (inputs, outputs) = (inputs.len(), graph.output.len());
        return Err(invalid(&format!(
            "its graph has {inputs} inputs and {outputs} outputs; a network here has one of each"
        )));
    };
    let head = Head { age: 0, dims: dims(input)?, function: Function::identity(), is_end: false };
    reader.values.insert(input.name.clone(), Value::Head(head));
    for node in &graph.node {
        reader.take(node).map_err(|reason| of_node(node, reason))?;
    }
    let head = match reader.values.get(&output.name) {
        Some(Value::Head(head)) if head.age == reader.chain.age => head.clone(),
        Some(Value::Head(_)) => return Err(invalid("its output is not what its last layer gives")),
        _ => return Err(invalid("nothing gives its output")),
    };
    let last = graph.node.last();
    let end = reader.chain.end(&head);
    let (architecture, flat, notes) = end.map_err(|reason| match last {
        Some(node) => of_node(node, reason),
        None => invalid(&reason),
    })?;
    if architecture.parameter_count() != Some(flat.len()) || architecture.layers().is_empty() {
        return Err(invalid("its graph is no network of linear layers"));
    }
    Ok(Graph { architecture, flat, notes, bytes_beside: beside.bytes })
}

fn of_node(node: &Node, reason: String) -> Problem {
    let name = [&node.name, node.output.first().unwrap_or(&node.name)].into_iter().find(|name| !name.is_empty());
    Problem::Node { name: quoted(name.map_or("", String::as_str)), operator: quoted(&node.op_type), reason }
}

/// Returns the sizes of an input of floating-point numbers.
fn dims(input: &ValueInfo) -> Result<Option<Vec<Option<usize>>>, Problem> {
    let tensor = input.r#type.as_ref().and_then(|own| own.tensor_type.as_ref());
    let Some(tensor) = tensor else { return Ok(None) };
    if !FLOATS.contains(&tensor.elem_type) {
        let reason =
            "its input is of whole numbers, where here it is of bytes / 255; export the model with a float32 input";
        return Err(Problem::format("ONNX", reason));
    }
    let known = |value: &Option<DimensionValue>| match value {
        Some(DimensionValue::Value(size)) => usize::try_from(*size).ok().filter(|&size| size > 0),
        _ => None,
    };
    let dims = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(|dim| known(&dim.value)).collect::<Vec<_>>());
    Ok(dims)
}
