//! Several networks in one file, each under its own prefix: `actor.0.weight` and `critic.0.weight`.

use selvedge::architecture::{Architecture, Parameter};

use super::{
    error::Problem,
    matching::{self, Match, Settings},
    names,
    tensors::{NamedTensor, is_counter, sizes},
};

/// A network's parameters by their own names, under one prefix.
pub(super) struct Own<'a> {
    pub prefix: &'a str,
    /// The layers in the numbering of the names: with dropout or without.
    pub named: &'a Architecture,
    pub found: Vec<Match>,
    /// The number of tensors that have their parameter's shape.
    fitting: usize,
}

impl Own<'_> {
    /// Returns true if every parameter is there and has its shape.
    pub(super) fn is_whole(&self) -> bool {
        self.fitting == self.named.parameters().count()
    }

    pub(super) fn has_shapes(&self) -> bool {
        self.fitting == self.found.len()
    }
}

/// Returns the tensors with the network's own names: those of the only prefix under which all are there, else of the prefix with most names.
///
/// # Errors
///
/// [`Problem::Networks`] if all are there under several prefixes.
pub(super) fn own<'a>(
    architecture: &'a Architecture,
    deployed: &'a Architecture,
    tensors: &'a [NamedTensor],
) -> Result<Option<Own<'a>>, Problem> {
    if tensors.iter().any(NamedTensor::is_mapped) {
        return Ok(None);
    }
    let mut prefixes: Vec<_> =
        tensors.iter().filter_map(|tensor| names::split(tensor.name()).map(|(prefix, ..)| prefix)).collect();
    prefixes.sort_unstable();
    let most = prefixes.chunk_by(|a, b| a == b).map(<[_]>::len).max().unwrap_or(0);
    let mut partial = Vec::new();
    let mut whole = Vec::new();
    for chunk in prefixes.chunk_by(|a, b| a == b) {
        let Some(own) = under(architecture, deployed, tensors, chunk[0]) else { continue };
        if own.is_whole() {
            whole.push(own);
        } else if chunk.len() == most {
            partial.push(own);
        }
    }
    if whole.len() > 1 {
        return Err(several(whole.iter().map(|own| (own.prefix, own.named.to_string()))));
    }
    Ok(whole.pop().or_else(|| partial.into_iter().max_by_key(|own| own.fitting)))
}

/// Returns the tensors under a prefix with the network's own names. All tensors there that have a layer's number must be the network's.
fn under<'a>(
    architecture: &'a Architecture,
    deployed: &'a Architecture,
    tensors: &[NamedTensor],
    prefix: &'a str,
) -> Option<Own<'a>> {
    let [with, without] = [architecture, deployed].map(|named| by_name(named, tensors, prefix));
    let (named, found) = if with.len() > without.len() { (architecture, with) } else { (deployed, without) };
    let numbered = tensors.iter().filter(|tensor| tensor.is_read() && !is_counter(tensor.name()));
    let own = numbered.filter(|tensor| names::split(tensor.name()).is_some_and(|(own, ..)| own == prefix));
    if found.is_empty() || found.len() < own.count() {
        return None;
    }
    let has_shape = |found: &&Match| tensors[found.tensor].shape() == sizes(&found.parameter);
    let fitting = found.iter().filter(has_shape).count();
    Some(Own { prefix, named, found, fitting })
}

fn by_name(named: &Architecture, tensors: &[NamedTensor], prefix: &str) -> Vec<Match> {
    let is_called = |tensor: &NamedTensor, parameter: &Parameter| {
        let own = names::split(&parameter.name).map(|(_, layer, kind)| (prefix, layer, kind));
        own.is_some() && names::split(tensor.name()) == own
    };
    let found = named.parameters().filter_map(|parameter| {
        let place = tensors.iter().position(|tensor| is_called(tensor, &parameter))?;
        Some(Match::new(parameter, place))
    });
    found.collect()
}

/// Returns the places of the tensors under each prefix, in the file's order.
fn parts(tensors: &[NamedTensor]) -> Vec<(&str, Vec<usize>)> {
    let mut parts: Vec<(&str, Vec<usize>)> = Vec::new();
    for (place, tensor) in tensors.iter().enumerate() {
        let prefix = names::prefix(tensor.name());
        match parts.iter_mut().find(|part| part.0 == prefix) {
            Some(part) => part.1.push(place),
            None => parts.push((prefix, vec![place])),
        }
    }
    parts
}

fn taken(tensors: &[NamedTensor], places: &[usize]) -> Vec<NamedTensor> {
    places.iter().map(|&place| tensors[place].clone()).collect()
}

/// Returns the tensors matched by order and shape. If that leaves a doubt, it returns those of the only prefix under which there is none.
pub(super) fn matched(
    architecture: &Architecture,
    tensors: &[NamedTensor],
    settings: Settings,
) -> Result<Vec<Match>, Problem> {
    let all = matching::matches(architecture, tensors, settings);
    if settings.is_mapped || !matches!(all, Err(Problem::Doubt { .. })) {
        return all;
    }
    let whole = |(prefix, places): (_, Vec<usize>)| {
        let mut found = matching::matches(architecture, &taken(tensors, &places), settings).ok()?;
        found.iter_mut().for_each(|found| found.tensor = places[found.tensor]);
        (found.len() == architecture.parameters().count()).then_some((prefix, found))
    };
    let mut whole: Vec<_> = parts(tensors).into_iter().filter_map(whole).collect();
    match (whole.pop(), whole.is_empty()) {
        (None, _) => all,
        (Some((_, found)), true) => Ok(found),
        (Some((last, _)), false) => {
            let prefixes = whole.iter().map(|part| part.0).chain([last]);
            Err(several(prefixes.map(|prefix| (prefix, architecture.to_string()))))
        }
    }
}

/// Returns the error for a file with several networks with the same inputs, or `None`.
pub(super) fn side_by_side(
    tensors: &[NamedTensor],
    infer: impl Fn(&[NamedTensor]) -> Result<Architecture, Problem>,
) -> Option<Problem> {
    let mut networks = Vec::new();
    for (prefix, places) in parts(tensors) {
        let layers = match infer(&taken(tensors, &places)) {
            Ok(architecture) => architecture.to_string(),
            Err(Problem::Norms { layers }) => layers,
            Err(_) => continue,
        };
        networks.push((prefix, layers));
    }
    let inputs = |layers: &str| layers.chars().take_while(char::is_ascii_digit).collect::<String>();
    networks.dedup_by_key(|network| network.0);
    let is_shared = networks.iter().all(|(_, layers)| inputs(layers) == inputs(&networks[0].1));
    (networks.len() > 1 && is_shared)
        .then(|| several(networks.iter().map(|(prefix, layers)| (*prefix, layers.clone()))))
}

/// Returns true if several layers under one prefix also stand under another, with the same names and shapes: a copy, such as an average.
/// Prefixes that differ only in their numbers are parts of one network.
pub(super) fn has_copies(tensors: &[NamedTensor]) -> bool {
    let parts = parts(tensors);
    let own = |(prefix, places): &(&str, Vec<usize>)| -> Vec<_> {
        let all = places.iter().map(|&place| (&tensors[place].name()[prefix.len()..], tensors[place].shape()));
        all.map(|(name, shape)| (name.trim_start_matches(['.', '/']).to_owned(), shape.to_vec())).collect()
    };
    let words = |prefix: &str| names::read(prefix).0.words;
    (0..parts.len()).any(|last| {
        let of_last = own(&parts[last]);
        of_last.iter().filter(|(_, shape)| shape.len() == 2).count() > 1
            && (0..last).any(|first| words(parts[first].0) != words(parts[last].0) && own(&parts[first]) == of_last)
    })
}

fn several<'a>(networks: impl Iterator<Item = (&'a str, String)>) -> Problem {
    let (keys, names) = networks
        .map(|(prefix, layers)| {
            let shown = if prefix.is_empty() { "the names without a prefix" } else { prefix };
            let key = if prefix.is_empty() { "''" } else { prefix };
            (key.to_owned(), format!("{shown} ({layers})"))
        })
        .unzip();
    Problem::Networks { names, keys }
}
