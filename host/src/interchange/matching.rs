//! Matches tensors of any names with a network's parameters, by order and shape. If this leaves a doubt, it is an error.

use selvedge::architecture::{Architecture, LayerKind, Parameter, STACK_NAME};

use super::{
    error::Problem,
    groups::{self, Groups, Linear, Norm, order},
    names::{self, Kind, Stem},
    tensors::{NamedTensor, sizes},
};

/// The facts that are known in addition to the tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// True if the tensors in the file are in the order in which they were made.
    pub keeps_order: bool,
    /// True if the user gave some of the names.
    pub is_mapped: bool,
    /// True if weights are inputs × outputs, false if they are outputs × inputs, `None` if the user does not say.
    pub transpose: Option<bool>,
}

/// A parameter and the place of its tensor.
#[derive(Clone, Debug)]
pub(super) struct Match {
    pub parameter: Parameter,
    pub tensor: usize,
    /// True if the tensor is inputs × outputs.
    pub is_transposed: bool,
}

impl Match {
    pub(super) fn new(parameter: Parameter, tensor: usize) -> Self {
        Self { parameter, tensor, is_transposed: false }
    }
}

pub(super) fn check_parts(tensors: &[NamedTensor]) -> Result<(), Problem> {
    match tensors.iter().find(|tensor| names::is_part_of_weight(tensor.name())) {
        Some(part) => Err(Problem::PartOfWeight { name: part.name().into() }),
        None => Ok(()),
    }
}

/// Returns names and shapes, such as `fc1.weight [16, 784], fc2.weight [10, 16]`.
pub(super) fn shapes(tensors: &[NamedTensor], groups: &Groups) -> String {
    const SHOWN: usize = 8;
    let weights = groups.linear.iter().take(SHOWN).map(|linear| &tensors[linear.weight]);
    let mut shown: Vec<_> = weights.map(|weight| format!("{} {:?}", weight.name(), weight.shape())).collect();
    if groups.linear.len() > SHOWN {
        shown.push("…".into());
    }
    shown.join(", ")
}

pub(super) fn orientations(settings: Settings) -> impl Iterator<Item = bool> {
    [false, true]
        .into_iter()
        .filter(move |&is_transposed| settings.transpose.is_none_or(|asked| asked == is_transposed))
}

/// Returns a layer's inputs and outputs, or `None` if the length of its bias is not the number of outputs.
pub(super) fn ends(tensors: &[NamedTensor], linear: &Linear, is_transposed: bool) -> Option<(u32, u32)> {
    let &[rows, columns] = tensors[linear.weight].shape() else { return None };
    let (inputs, outputs) = if is_transposed { (rows, columns) } else { (columns, rows) };
    let fits = linear.bias.is_none_or(|bias| tensors[bias].shape() == [outputs]);
    fits.then_some((u32::try_from(inputs).ok()?, u32::try_from(outputs).ok()?))
}

/// Returns true if the weights have PyTorch's name, so they are outputs × inputs.
pub(super) fn is_pytorchs(tensors: &[NamedTensor], groups: &Groups) -> bool {
    groups.linear.iter().all(|linear| is_called_weight(&tensors[linear.weight]))
}

fn is_called_weight(tensor: &NamedTensor) -> bool {
    tensor.name_in_file().rsplit('.').next() == Some("weight")
}

/// Decides if a square weight is transposed: its shape does not tell. The user's choice comes first. Else it has the orientation of the weights
/// that are not square, if all of those agree. Else a tensor that the user did not map keeps the orientation that was found. A mapped tensor
/// with PyTorch's name is outputs × inputs. Any other mapped tensor is an error.
fn orient_squares(found: &mut [Match], tensors: &[NamedTensor], settings: Settings) -> Result<(), Problem> {
    let is_square = |found: &Match| matches!(found.parameter.shape[..], [outputs, inputs] if outputs == inputs);
    let is_matrix = |found: &&Match| found.parameter.shape.len() == 2;
    let mut others: Vec<_> = found.iter().filter(is_matrix).filter(|found| !is_square(found)).collect();
    others.dedup_by_key(|found| found.is_transposed);
    let lies = match (settings.transpose, &others[..]) {
        (Some(asked), _) => Some(asked),
        (None, [other]) => Some(other.is_transposed),
        (None, _) => None,
    };
    for square in found.iter_mut().filter(|found| is_square(found)) {
        let tensor = &tensors[square.tensor];
        square.is_transposed = match lies {
            Some(is_transposed) => is_transposed,
            None if !tensor.is_mapped() => square.is_transposed,
            None if is_called_weight(tensor) => false,
            None => {
                let shapes = format!("{} {:?}", tensor.name_in_file(), tensor.shape());
                return Err(Problem::Orientation { shapes });
            }
        };
    }
    Ok(())
}

/// Pairs of a layer of the network and a layer of the file.
type Pairs = Result<Vec<(usize, usize)>, Problem>;

/// The parameters of one of the network's layers.
struct Slot {
    weight: Parameter,
    others: Vec<Parameter>,
}

/// Matches a network's layers with a file's layers. Layers without a counterpart are left out of the result.
pub(super) fn matches(
    architecture: &Architecture,
    tensors: &[NamedTensor],
    settings: Settings,
) -> Result<Vec<Match>, Problem> {
    check_parts(tensors)?;
    let mut pinned = pinned(architecture, tensors, settings)?;
    let mut used = vec![false; tensors.len()];
    pinned.iter().for_each(|found| used[found.tensor] = true);
    let groups = groups::find(tensors, &used);
    let is_free = |parameter: &Parameter| pinned.iter().all(|found| found.parameter.name != parameter.name);
    let slots = |is_linear: bool| {
        let layers = architecture.layers().iter().enumerate();
        let layers = layers.filter(move |(_, layer)| match layer {
            LayerKind::Linear { .. } => is_linear,
            LayerKind::BatchNorm1d { .. } => !is_linear,
            _ => false,
        });
        let slots = layers.filter_map(|(index, _)| {
            let name = format!("{STACK_NAME}.{index}.");
            let mut own = architecture.parameters().filter(|parameter| parameter.name.starts_with(&name));
            Some(Slot { weight: own.next()?, others: own.collect() })
        });
        slots.filter(|slot| is_free(&slot.weight)).collect::<Vec<_>>()
    };
    let mut found = linear_matches(&slots(true), tensors, &groups, settings)?;
    found.extend(norm_matches(&slots(false), tensors, &groups, settings)?);
    found.retain(|found| is_free(&found.parameter));
    pinned.append(&mut found);
    orient_squares(&mut pinned, tensors, settings)?;
    Ok(pinned)
}

/// Returns the tensors whose parameters the user names.
fn pinned(architecture: &Architecture, tensors: &[NamedTensor], settings: Settings) -> Result<Vec<Match>, Problem> {
    let mut pinned = Vec::new();
    for (index, tensor) in tensors.iter().enumerate().filter(|(_, tensor)| tensor.is_mapped()) {
        let Some(parameter) = architecture.parameters().find(|parameter| parameter.name == tensor.name()) else {
            let names = architecture.parameters().map(|parameter| short(&parameter)).collect();
            return Err(Problem::MapTarget { name: tensor.name().into(), names });
        };
        let shape = sizes(&parameter);
        let reversed: Vec<_> = shape.iter().rev().copied().collect();
        let is_transposed =
            shape.len() == 2 && tensor.shape() == reversed && settings.transpose.unwrap_or(tensor.shape() != shape);
        pinned.push(Match { is_transposed, ..Match::new(parameter, index) });
    }
    Ok(pinned)
}

fn linear_matches(
    slots: &[Slot],
    tensors: &[NamedTensor],
    groups: &Groups,
    settings: Settings,
) -> Result<Vec<Match>, Problem> {
    let mut readings: Vec<(bool, Pairs)> = Vec::new();
    for is_transposed in orientations(settings) {
        let wanted: Vec<_> = slots.iter().map(|slot| (slot.weight.shape[1], slot.weight.shape[0])).collect();
        let there: Vec<_> = groups.linear.iter().map(|linear| ends(tensors, linear, is_transposed)).collect();
        let stems: Vec<_> = groups.linear.iter().map(|linear| &linear.stem).collect();
        let pairs = pair(slots, &wanted, &there, &stems, settings, |place| tensors[groups.linear[place].weight].name());
        readings.push((is_transposed, pairs));
    }
    let is_whole = |pairs: &Pairs| pairs.as_ref().map_or(true, |pairs| pairs.len() == slots.len());
    if readings.iter().filter(|(_, pairs)| is_whole(pairs)).count() == 1 {
        readings.retain(|(_, pairs)| is_whole(pairs));
    } else if readings.len() == 2 && readings.iter().all(|(_, pairs)| is_whole(pairs)) && !slots.is_empty() {
        let in_order = |pairs: &Pairs| pairs.as_ref().is_ok_and(|pairs| pairs.is_sorted_by_key(|&(_, place)| place));
        let ordered = readings.iter().filter(|(_, pairs)| settings.keeps_order && in_order(pairs)).count() == 1;
        if is_pytorchs(tensors, groups) {
            readings.truncate(1);
        } else if ordered {
            readings.retain(|(_, pairs)| in_order(pairs));
        } else {
            return Err(Problem::Orientation { shapes: shapes(tensors, groups) });
        }
    } else {
        // Neither fits. The error of the nearer one says what is missing.
        readings.sort_by_key(|(_, pairs)| std::cmp::Reverse(pairs.as_ref().map_or(0, Vec::len)));
    }
    let Some((is_transposed, pairs)) = readings.into_iter().next() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (slot, place) in pairs? {
        let (slot, linear) = (&slots[slot], &groups.linear[place]);
        found.push(Match { is_transposed, ..Match::new(slot.weight.clone(), linear.weight) });
        found.extend(slot.others.iter().zip(linear.bias).map(|(bias, tensor)| Match::new(bias.clone(), tensor)));
    }
    Ok(found)
}

fn norm_matches(
    slots: &[Slot],
    tensors: &[NamedTensor],
    groups: &Groups,
    settings: Settings,
) -> Result<Vec<Match>, Problem> {
    let len = |norm: &Norm| {
        let width = tensors[norm.mean].shape()[0];
        let own = [norm.scale, norm.shift, Some(norm.variance)].into_iter().flatten();
        own.into_iter().all(|place| tensors[place].shape() == [width]).then_some((u32::try_from(width).ok()?, 0))
    };
    let wanted: Vec<_> = slots.iter().map(|slot| (slot.weight.shape[0], 0)).collect();
    let there: Vec<_> = groups.norms.iter().map(len).collect();
    let stems: Vec<_> = groups.norms.iter().map(|norm| &norm.stem).collect();
    let pairs = pair(slots, &wanted, &there, &stems, settings, |place| tensors[groups.norms[place].mean].name())?;
    let mut found = Vec::new();
    for (slot, place) in pairs {
        let (slot, norm) = (&slots[slot], &groups.norms[place]);
        let parameters = std::iter::once(&slot.weight).chain(&slot.others);
        for parameter in parameters {
            let tensor = match names::read(&parameter.name).1 {
                Some(Kind::Weight) => norm.scale,
                Some(Kind::Bias) => norm.shift,
                Some(Kind::Mean) => Some(norm.mean),
                _ => Some(norm.variance),
            };
            found.extend(tensor.map(|tensor| Match::new(parameter.clone(), tensor)));
        }
    }
    Ok(found)
}

/// Returns a parameter's name in the short form that users write: `0.weight`.
pub(super) fn short(parameter: &Parameter) -> String {
    let name = parameter.name.strip_prefix(STACK_NAME).unwrap_or(&parameter.name);
    name.trim_start_matches('.').into()
}

/// Pairs wanted layers with found layers, by their widths. Layers of equal widths are paired in their order.
fn pair<'a>(
    parameters: &[Slot],
    wanted: &[(u32, u32)],
    there: &[Option<(u32, u32)>],
    stems: &[&Stem],
    settings: Settings,
    name: impl Fn(usize) -> &'a str,
) -> Pairs {
    let mut pairs = Vec::new();
    let mut equal = Vec::new();
    let whole = order(stems, settings.keeps_order, settings.is_mapped).filter(|_| !settings.is_mapped);
    for (first, ends) in wanted.iter().enumerate() {
        if wanted[..first].contains(ends) {
            continue;
        }
        let slots: Vec<_> = (0..wanted.len()).filter(|&slot| wanted[slot] == *ends).collect();
        let places: Vec<_> = (0..there.len()).filter(|&place| there[place] == Some(*ends)).collect();
        if places.is_empty() {
            continue;
        }
        let own: Vec<_> = places.iter().map(|&place| stems[place]).collect();
        let is_numbered = order(&own, false, false).is_some();
        let order = order(&own, settings.keeps_order, settings.is_mapped);
        let names = places.iter().map(|&place| name(place).to_owned()).collect();
        let layers = slots.iter().map(|&slot| short(&parameters[slot].weight)).collect();
        let doubt = Problem::Doubt { names, layers };
        let Some(order) = order.filter(|_| places.len() == slots.len()) else { return Err(doubt) };
        if slots.len() > 1 && !is_numbered {
            equal.push(doubt);
        }
        pairs.extend(slots.into_iter().zip(order.into_iter().map(|place| places[place])));
    }
    pairs.sort_unstable();
    // Where the file's order is not the chain's, it does not say which of two equal ones comes first.
    let is_in_order =
        whole.is_none_or(|whole| pairs.is_sorted_by_key(|(_, place)| whole.iter().position(|other| other == place)));
    match equal.into_iter().next() {
        Some(doubt) if !is_in_order => Err(doubt),
        _ => Ok(pairs),
    }
}
