//! Initial weights from a safetensors file with PyTorch's parameter names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use selvedge::{Layer, architecture::Architecture};

/// A safetensors file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ImportError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    #[error("this is no valid safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    #[error("the tensor {0} is missing")]
    Missing(String),
    #[error("the model has no parameter {0}")]
    Unexpected(String),
    #[error("the tensor {name} has the shape {found:?}, the model's is {expected:?}")]
    Shape { name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("the tensor {name} is {found:?}; only F32 can be read")]
    Type { name: String, found: Dtype },
}

/// Copies every tensor of the file into the model's parameter of the same name; the two must have the same names and shapes.
///
/// # Errors
///
/// [`ImportError`]; the model's parameters are then to be discarded.
pub fn load<M: Layer>(path: &Path, model: &mut M) -> Result<(), ImportError> {
    let mut read = || -> Result<(), Problem> { copy(&fs::read(path)?, model) };
    read().map_err(|problem| ImportError { path: path.into(), problem })
}

fn copy<M: Layer>(file: &[u8], model: &mut M) -> Result<(), Problem> {
    let tensors = SafeTensors::deserialize(file)?;
    let architecture = Architecture::of::<M>();
    if let Some(name) = tensors.names().into_iter().find(|name| architecture.parameters().all(|p| p.name != **name)) {
        return Err(Problem::Unexpected(name.to_string()));
    }
    for parameter in architecture.parameters() {
        let name = parameter.name.to_string();
        let tensor = tensors.tensor(&name).map_err(|_| Problem::Missing(name.clone()))?;
        let expected: Vec<usize> = parameter.shape.iter().map(|&n| n as usize).collect();
        if tensor.dtype() != Dtype::F32 {
            return Err(Problem::Type { name, found: tensor.dtype() });
        }
        if tensor.shape() != expected {
            return Err(Problem::Shape { name, found: tensor.shape().to_vec(), expected });
        }
        let place = &mut model.as_flat_mut()[parameter.offset..][..parameter.len];
        for (element, bytes) in place.iter_mut().zip(tensor.data().as_chunks().0) {
            *element = f32::from_le_bytes(*bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{TensorView, serialize};
    use selvedge::{Flat, flat::as_bytes, mlp};

    use super::*;

    type Model = mlp!(2 => 3);

    fn try_copy(file: &[u8]) -> Result<(), Problem> {
        let mut model = Model::ZERO;
        copy(file, &mut model)
    }

    fn file(tensors: &[(&str, Dtype, &[usize])]) -> Vec<u8> {
        let data = as_bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let views = tensors.iter().map(|(name, dtype, shape)| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (*name, TensorView::new(*dtype, shape.to_vec(), &data[..bytes]).unwrap())
        });
        serialize(views, None).unwrap()
    }

    const WEIGHT: (&str, Dtype, &[usize]) = ("linear_relu_stack.0.weight", Dtype::F32, &[3, 2]);
    const BIAS: (&str, Dtype, &[usize]) = ("linear_relu_stack.0.bias", Dtype::F32, &[3]);

    #[test]
    fn copies_by_name() {
        let mut model = Model::ZERO;
        copy(&file(&[BIAS, WEIGHT]), &mut model).unwrap();
        assert_eq!(model.weight, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        assert_eq!(model.bias, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn says_what_does_not_fit() {
        let error = |tensors: &[_]| try_copy(&file(tensors)).unwrap_err().to_string();
        assert!(error(&[WEIGHT]).contains("0.bias is missing"));
        assert!(error(&[WEIGHT, BIAS, ("extra", Dtype::F32, &[1])]).contains("no parameter extra"));
        let transposed = error(&[("linear_relu_stack.0.weight", Dtype::F32, &[2, 3]), BIAS]);
        assert!(transposed.contains("shape [2, 3], the model's is [3, 2]"), "{transposed}");
        assert!(error(&[WEIGHT, ("linear_relu_stack.0.bias", Dtype::F16, &[3])]).contains("is F16"));
    }

    #[test]
    fn no_truncation_is_taken_for_a_file() {
        let file = file(&[WEIGHT, BIAS]);
        for end in 0..file.len() {
            assert!(try_copy(&file[..end]).is_err(), "{end}");
        }
    }
}
