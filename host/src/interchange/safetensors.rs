use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use selvedge::{architecture::Parameter, flat::as_bytes};

use super::{
    element::Element,
    error::Problem,
    quote::quoted,
    tensors::{Tensors, sizes},
};

/// Reads every tensor of a safetensors file.
pub(super) fn read(bytes: &[u8], tensors: &mut Tensors) -> Result<(), Problem> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| Problem::format("safetensors", error))?;
    for (name, tensor) in file.iter() {
        let element = match tensor.dtype() {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            Dtype::I64 => Element::I64,
            found => return Err(Problem::Type { name: quoted(name), found: format!("{found:?}") }),
        };
        tensors.push(name, tensor.shape().to_vec(), element, tensor.data())?;
    }
    Ok(())
}

/// A safetensors file that PyTorch and its relatives load.
pub(super) fn write(parameters: &[(Parameter, &[f32])]) -> Result<Vec<u8>, Problem> {
    let mut views = Vec::new();
    for (parameter, values) in parameters {
        let view = TensorView::new(Dtype::F32, sizes(parameter), as_bytes(values));
        views.push((parameter.name.as_str(), view.map_err(|error| Problem::Encode(error.to_string()))?));
    }
    // Some readers want to be told whose names and shapes these are.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| Problem::Encode(error.to_string()))
}
