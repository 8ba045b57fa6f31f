//! The operators that are read: <https://onnx.ai/onnx/operators>.

use std::{collections::HashMap, rc::Rc};

use super::{
    array::{Array, Data, transposed},
    chain::{Chain, Head},
    function::{Function, Named, erf},
    messages::{Attribute, Node},
    shape::{flattened, in_rows, reshaped, sizes},
};

/// The meaning of a name in the graph.
#[derive(Clone)]
pub(super) enum Value {
    Constant(Rc<Array>),
    /// Sizes that the graph computes from the sizes of its input. A size is `None` if it depends on the batch.
    Sizes(Vec<Option<i64>>),
    Head(Head),
}

/// The state of the reading.
#[derive(Default)]
pub(super) struct Reader {
    pub values: HashMap<String, Value>,
    pub chain: Chain,
    /// The version of the operator set.
    pub opset: i64,
    /// The number of elements that may still be copied. A few bytes can name a large constant many times.
    pub room: usize,
}

pub(super) fn constant_value(array: Array) -> Value {
    Value::Constant(Rc::new(array))
}

pub(super) type Result<T> = std::result::Result<T, String>;

impl Reader {
    /// Takes an operator. Afterwards its outputs are known.
    pub(super) fn take(&mut self, node: &Node) -> Result<()> {
        let is_own = matches!(node.domain.as_str(), "" | "ai.onnx")
            || (node.domain == "com.microsoft" && node.op_type == "Gelu");
        if !is_own {
            return Err(format!("is of the operators of {}, which are not read", crate::quote::quoted(&node.domain)));
        }
        let mut inputs = Vec::new();
        for name in &node.input {
            let value = (!name.is_empty())
                .then(|| self.values.get(name).cloned().ok_or("takes a value that nothing before it gives"));
            inputs.push(value.transpose()?);
        }
        let heads = inputs.iter().flatten().filter_map(|value| match value {
            Value::Head(head) => Some(head),
            _ => None,
        });
        for head in heads {
            if head.is_end {
                return Err("comes after softmax, which must be the last".into());
            }
            if head.age != self.chain.age {
                return Err("takes a value that another layer takes too, so the graph has branches; only a chain of layers is read".into());
            }
        }
        let value = self.value(node, &inputs)?;
        let Some(output) = node.output.first().filter(|name| !name.is_empty()) else {
            return Err("has no output".into());
        };
        if self.values.insert(output.clone(), value).is_some() {
            return Err("gives a value that there is already".into());
        }
        Ok(())
    }

    fn value(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value> {
        let first = inputs.first().and_then(Option::as_ref);
        let constant = |place: usize| match inputs.get(place) {
            Some(Some(Value::Constant(array))) => Some(&**array),
            _ => None,
        };
        if matches!(node.op_type.as_str(), "Transpose" | "Reshape" | "Gemm" | "MatMul") {
            let copied = [constant(0), constant(1)].into_iter().flatten().map(Array::len).sum();
            self.room = self.room.checked_sub(copied).ok_or("takes a constant that was taken too often")?;
        }
        match (node.op_type.as_str(), first) {
            ("Constant", None) => constant_of(node).map(constant_value),
            ("Identity" | "Dropout", Some(value)) => {
                // A third input says whether dropout is at work.
                match inputs.get(2) {
                    None | Some(None) => Ok(value.clone()),
                    Some(Some(Value::Constant(array))) if array.data == Data::Other || array.scalar() == Some(0.0) => {
                        Ok(value.clone())
                    }
                    _ => Err("may drop numbers, because its training mode is not a constant false; export the model for inference".into()),
                }
            }
            ("Cast", Some(value)) => match (value, int(node, "to", 0)) {
                (Value::Head(_), 1 | 10 | 11 | 16) | (Value::Constant(_) | Value::Sizes(_), _) => Ok(value.clone()),
                _ => Err("converts a layer's numbers to a type that is not read; float16, bfloat16, float32 and float64 are read".into()),
            },
            ("Shape", Some(Value::Head(head))) => {
                let dims = head.dims.as_ref().ok_or("asks for a shape that the file does not say")?;
                Ok(Value::Sizes(dims.iter().map(|size| size.and_then(|size| i64::try_from(size).ok())).collect()))
            }
            ("Gather" | "Slice" | "Concat" | "Squeeze" | "Unsqueeze", Some(Value::Sizes(_) | Value::Constant(_))) => {
                sizes(node, inputs)
            }
            ("Transpose", Some(Value::Constant(array))) => {
                let swaps = matches!(ints(node, "perm"), [] | [1, 0]);
                let turned = array.transposed().filter(|_| swaps);
                turned.map(constant_value).ok_or_else(|| "transposes a constant in a way that is not read".into())
            }
            ("Reshape", Some(Value::Constant(array))) => reshaped(array, constant(1)).map(constant_value),
            ("Flatten", Some(Value::Head(head))) => flattened(head, int(node, "axis", 1)).map(Value::Head),
            ("Reshape", Some(Value::Head(head))) => {
                let sizes = match inputs.get(1) {
                    Some(Some(Value::Sizes(sizes))) => sizes.clone(),
                    Some(Some(Value::Constant(array))) => array
                        .whole_numbers()
                        .ok_or("has a shape that is no vector of whole numbers")?
                        .iter()
                        .copied()
                        .map(Some)
                        .collect(),
                    _ => return Err("has no shape".into()),
                };
                in_rows(head, &sizes).map(Value::Head)
            }
            ("Gemm", Some(Value::Head(head))) => self.gemm(node, head, constant(1), inputs).map(Value::Head),
            ("MatMul", Some(Value::Head(head))) => {
                let (inputs, outputs, values) =
                    constant(1).and_then(Array::matrix).ok_or("does not multiply by a constant matrix")?;
                self.chain.linear(head, [outputs, inputs], transposed(inputs, outputs, values), None).map(Value::Head)
            }
            ("BatchNormalization", Some(Value::Head(head))) => {
                if int(node, "training_mode", 0) != 0 {
                    return Err("is in training mode; export the model for inference".into());
                }
                let own = [1, 2, 3, 4].map(|place| constant(place).and_then(Array::vector));
                let [Some(scale), Some(shift), Some(mean), Some(variance)] = own else {
                    return Err("has no constant scale, shift, mean and variance".into());
                };
                let epsilon = attribute(node, "epsilon").and_then(|own| own.f).unwrap_or(1e-5);
                self.chain.norm(head, [scale, shift, mean, variance], epsilon).map(Value::Head)
            }
            ("Softmax" | "LogSoftmax", Some(Value::Head(head))) => {
                let rank = head.dims.as_ref().map_or(2, Vec::len) as i64;
                let axis = int(node, "axis", if self.opset < 13 { 1 } else { -1 });
                if ![-1, rank - 1].contains(&axis) {
                    return Err(format!("goes over axis {axis}, which is not that of the classes"));
                }
                if node.op_type == "LogSoftmax" {
                    return self.chain.log_softmax(head).map(Value::Head);
                }
                self.chain
                    .notes
                    .push("the softmax at the end is left out: the outputs are logits, with the same classes".into());
                Ok(Value::Head(Head { is_end: true, ..head.clone() }))
            }
            ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min", Some(_)) if inputs.len() == 2 => {
                self.pair(node, inputs).map(Value::Head)
            }
            (operator, Some(Value::Head(head))) => {
                let function = single(node, operator, &head.function, [constant(1), constant(2)])?;
                Ok(Value::Head(Head { function, ..head.clone() }))
            }
            _ => Err("is an operator that is not read here".into()),
        }
    }

    fn gemm(&mut self, node: &Node, head: &Head, weight: Option<&Array>, inputs: &[Option<Value>]) -> Result<Head> {
        let [alpha, beta] = ["alpha", "beta"].map(|name| attribute(node, name).and_then(|own| own.f).unwrap_or(1.0));
        if int(node, "transA", 0) != 0 {
            return Err("transposes its input (transA), which is not read".into());
        }
        let (rows, columns, values) = weight.and_then(Array::matrix).ok_or("does not multiply by a constant matrix")?;
        let (shape, mut weight) = match int(node, "transB", 0) {
            0 => ([columns, rows], transposed(rows, columns, values)),
            _ => ([rows, columns], values.to_vec()),
        };
        let bias = match inputs.get(2) {
            None | Some(None) => None,
            Some(Some(Value::Constant(array))) => {
                let bias = array.vector().map(<[f32]>::to_vec);
                // One number is for all.
                let bias = bias.or_else(|| array.scalar().map(|value| vec![value as f32]));
                let bias = bias.ok_or("adds what is no constant vector")?;
                Some(if bias.len() == 1 { vec![bias[0]; shape[0]] } else { bias })
            }
            _ => return Err("adds what is no constant vector".into()),
        };
        let times = |factor: f32| {
            move |value: &mut f32| {
                if factor != 1.0 {
                    *value *= factor;
                }
            }
        };
        weight.iter_mut().for_each(times(alpha));
        let bias = bias.map(|mut bias| {
            bias.iter_mut().for_each(times(beta));
            bias
        });
        self.chain.linear(head, shape, weight, bias)
    }

    /// Applies an operator to two values, of which one or both come from the last layer.
    fn pair(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Head> {
        let operator = |a: f64, b: f64| match node.op_type.as_str() {
            "Add" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            "Div" => a / b,
            "Pow" => a.powf(b),
            "Max" => a.max(b),
            _ => a.min(b),
        };
        let [Some(left), Some(right)] = inputs else { return Err("lacks an input".into()) };
        let (head, array, is_left) = match (left, right) {
            (Value::Head(left), Value::Head(right)) => {
                let function = left.function.with(&right.function, operator);
                return Ok(Head { function, ..left.clone() });
            }
            (Value::Head(head), Value::Constant(array)) => (head, array, true),
            (Value::Constant(array), Value::Head(head)) => (head, array, false),
            _ => return Err("takes no layer's numbers".into()),
        };
        let vector = array.vector().map(<[f32]>::to_vec).or_else(|| array.scalar().map(|value| vec![value as f32]));
        let sum = match (node.op_type.as_str(), &vector) {
            ("Add", Some(vector)) => self.chain.add(head, vector, 1.0),
            ("Sub", Some(vector)) if is_left => self.chain.add(head, vector, -1.0),
            ("Mul", Some(vector)) if vector.len() > 1 => {
                self.chain.multiply(head, &vector.iter().map(|&x| x.into()).collect::<Vec<_>>())
            }
            ("Div", Some(vector)) if is_left && vector.len() > 1 => {
                self.chain.multiply(head, &vector.iter().map(|&x| 1.0 / f64::from(x)).collect::<Vec<_>>())
            }
            _ => None,
        };
        let change = || self.chain.change_input(head, &node.op_type, vector.as_deref()?, is_left);
        if let Some(head) = sum.or_else(change) {
            return Ok(head);
        }
        let scalar = array.scalar().ok_or("combines a constant array with numbers that are not the outputs of a linear layer; if this is the change (x − mean) / std of the inputs, leave it out of the export, and give convert --mean and --std")?;
        let function = head.function.then(|x| if is_left { operator(x, scalar) } else { operator(scalar, x) });
        Ok(Head { function, ..head.clone() })
    }
}

/// Applies an operator to single numbers.
fn single(node: &Node, operator: &str, function: &Function, [low, high]: [Option<&Array>; 2]) -> Result<Function> {
    let alpha = |default: f32| f64::from(attribute(node, "alpha").and_then(|own| own.f).unwrap_or(default));
    Ok(match operator {
        "Relu" => function.then(|x| Named::Relu.at(x)),
        "Tanh" => function.then(f64::tanh),
        "Sigmoid" => function.then(|x| Named::Sigmoid.at(x)),
        "LeakyRelu" => function.then(|x| if x < 0.0 { alpha(0.01) * x } else { x }),
        "Gelu" => {
            let kind = attribute(node, "approximate").and_then(|own| own.s.as_deref());
            let named = if kind == Some(b"tanh") { Named::Gelu } else { Named::ExactGelu };
            function.then(|x| named.at(x))
        }
        "Erf" => function.then(erf),
        "Exp" => function.then(f64::exp),
        "Neg" => function.then(|x| -x),
        "Reciprocal" => function.then(|x| 1.0 / x),
        "Clip" => {
            let bound = |array: Option<&Array>, name: &str, none: f64| {
                let own = attribute(node, name).and_then(|own| own.f).map(f64::from);
                array.and_then(Array::scalar).or(own).unwrap_or(none)
            };
            let (low, high) = (bound(low, "min", f64::NEG_INFINITY), bound(high, "max", f64::INFINITY));
            function.then(|x| x.max(low).min(high))
        }
        _ => return Err("is an operator that is not read here".into()),
    })
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn int(node: &Node, name: &str, default: i64) -> i64 {
    attribute(node, name).and_then(|own| own.i).unwrap_or(default)
}

pub(super) fn ints<'a>(node: &'a Node, name: &str) -> &'a [i64] {
    attribute(node, name).map_or(&[], |own| &own.ints)
}

fn constant_of(node: &Node) -> Result<Array> {
    let [own] = &node.attribute[..] else { return Err("has not one value".into()) };
    match (own.name.as_str(), own) {
        ("value", Attribute { t: Some(tensor), .. }) => Array::of(tensor.clone()),
        ("value_float", Attribute { f: Some(value), .. }) => Ok(Array::float(*value)),
        ("value_int", Attribute { i: Some(value), .. }) => {
            Ok(Array { dims: Vec::new(), data: Data::Ints(vec![*value]) })
        }
        ("value_floats", _) => Ok(Array { dims: vec![own.floats.len()], data: Data::Floats(own.floats.clone()) }),
        ("value_ints", _) => Ok(Array::ints(own.ints.clone())),
        _ => Err("is a constant of a kind that is not read".into()),
    }
}
