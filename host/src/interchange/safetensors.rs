use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use selvedge::{architecture::Parameter, flat::as_bytes};

use super::{
    element::Element,
    error::Problem,
    tensors::{Tensors, sizes},
};

/// Reads every tensor of a safetensors file.
pub(super) fn read(bytes: &[u8], tensors: &mut Tensors) -> Result<(), Problem> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| Problem::format("safetensors", error))?;
    let mut names = file.names();
    // The library's order differs from run to run.
    names.sort_unstable();
    for name in names {
        let tensor = file.tensor(name).map_err(|error| Problem::format("safetensors", error))?;
        let shape = tensor.shape().to_vec();
        let element = match tensor.dtype() {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            found => {
                tensors.push_unread(name, shape, &format!("{found:?}"))?;
                continue;
            }
        };
        tensors.push(name, shape, element, tensor.data())?;
    }
    Ok(())
}

/// Returns a safetensors file for PyTorch and similar programs.
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
