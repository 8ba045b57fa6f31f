//! Copies tensors into a network's parameters with the same names, as PyTorch's
//! [`load_state_dict`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict) does. If the
//! names differ, it uses order and shape.

use selvedge::architecture::{Architecture, LayerKind, Parameter};

use super::{
    error::Problem,
    keys::LoadReport,
    matching::{self, Match, Settings},
    names::{self, Kind},
    networks::{self, Own},
    other_layers,
    tensors::{NamedTensor, is_counter, sizes},
};
use crate::weights::check_tensor;

/// Copies every tensor into its parameter. `flat` is as long as the architecture's flat model. It is unchanged if an error is returned.
///
/// With `strict`, each parameter must have a tensor, and each tensor a parameter. Without `strict`, tensors that the network does not have are
/// ignored, and a missing parameter gets its neutral value: 0 for a bias, 1 for a batch normalisation's scale. Other parameters have no neutral
/// value. [Counters](is_counter) are always ignored.
pub(super) fn load(
    architecture: &Architecture,
    flat: &mut [f32],
    tensors: &[NamedTensor],
    strict: bool,
    settings: Settings,
) -> Result<LoadReport, Problem> {
    let deployed = architecture.for_prediction();
    let own = if settings.transpose == Some(true) { None } else { networks::own(architecture, &deployed, tensors)? };
    let is_better = |found: &[Match], own: &Own<'_>| {
        found.len() > own.found.len() || found.len() == own.found.len() && !own.has_shapes()
    };
    let under = own.as_ref().filter(|own| own.is_whole()).map(|own| own.prefix.to_owned());
    let (found, named, is_matched) = match own {
        Some(own) if own.is_whole() => (own.found, own.named, false),
        Some(own) => match matching::matches(architecture, tensors, settings) {
            Ok(found) if is_better(&found, &own) => (found, architecture, true),
            _ => (own.found, own.named, false),
        },
        None => (networks::matched(architecture, tensors, settings)?, architecture, true),
    };
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
    let is_other = |tensor: &NamedTensor, under: &str| {
        tensor.is_read() && !is_counter(tensor.name()) && names::prefix(tensor.name()) != under
    };
    report.under = under.filter(|under| tensors.iter().any(|tensor| is_other(tensor, under)));
    let is_used = |place: &usize| found.iter().any(|found| found.tensor == *place);
    let unused = (0..tensors.len()).filter(|place| !is_used(place));
    report.unexpected = unused.map(|place| tensors[place].name().to_owned()).filter(|name| !is_counter(name)).collect();
    if strict && (!report.missing.is_empty() || !report.unexpected.is_empty()) {
        other_layers::check(tensors)?;
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

/// Returns the neutral value of a missing parameter: 0 for a bias, 1 for a scale. Other parameters have none.
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

#[cfg(test)]
mod tests;
