//! Layers that Selvedge does not have, recognised by their tensors.

use super::{
    error::Problem,
    names::{self, Kind, Stem},
    tensors::NamedTensor,
};

/// Checks that all tensors belong to layers that Selvedge has.
///
/// # Errors
///
/// [`Problem::ForeignLayer`] for a vector of weights without statistics, as `LayerNorm` and `PReLU` have, and [`Problem::Lone`] for a bias
/// without its weights.
pub(super) fn check(tensors: &[NamedTensor]) -> Result<(), Problem> {
    let read: Vec<_> = tensors.iter().map(|tensor| (tensor, names::read(tensor.name()))).collect();
    let has = |stem: &Stem, kind| read.iter().any(|(_, (other, of))| other == stem && *of == Some(kind));
    let is_norm = |stem: &Stem| has(stem, Kind::Mean) || has(stem, Kind::Variance);
    let vectors = read.iter().filter(|(tensor, _)| tensor.shape().len() == 1);
    for (tensor, (stem, kind)) in vectors.filter(|(tensor, _)| !tensor.is_mapped()) {
        match kind {
            Some(Kind::Weight) if !is_norm(stem) => {
                let own = read.iter().filter(|(_, (other, _))| other == stem);
                return Err(Problem::ForeignLayer { names: own.map(|(own, _)| own.name().to_owned()).collect() });
            }
            Some(Kind::Bias) if !has(stem, Kind::Weight) && !is_norm(stem) => {
                let weight = names::weight_of(tensor.name());
                return Err(Problem::Lone { name: tensor.name().to_owned(), weight });
            }
            _ => {}
        }
    }
    Ok(())
}
