//! Groups tensors into layers: by their names, or if the names say nothing, by their places.

use super::{
    names::{self, Kind, Stem},
    tensors::NamedTensor,
};

/// A linear layer's tensors, by their places in the file.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub stem: Stem,
    pub weight: usize,
    pub bias: Option<usize>,
}

/// A batch normalisation's tensors.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub stem: Stem,
    pub scale: Option<usize>,
    pub shift: Option<usize>,
    pub mean: usize,
    pub variance: usize,
}

/// The layers that a file's tensors form, in the file's order.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    pub linear: Vec<Linear>,
    pub norms: Vec<Norm>,
}

/// Finds the layers of the tensors that are not `used` for another purpose.
pub(super) fn find(tensors: &[NamedTensor], used: &[bool]) -> Groups {
    let entries: Vec<Entry> = (0..)
        .zip(tensors)
        .filter(|&(index, tensor): &(usize, _)| !used[index] && tensor.is_read())
        .map(|(index, tensor)| {
            let (stem, kind) = names::read(tensor.name());
            Entry { index, rank: tensor.shape().len(), len: tensor.values().len(), stem, kind }
        })
        .collect();
    let is_named = entries.iter().any(|entry| entry.rank == 2 && entry.kind == Some(Kind::Weight));
    if is_named { by_name(&entries) } else { by_place(&entries) }
}

struct Entry {
    index: usize,
    rank: usize,
    len: usize,
    stem: Stem,
    kind: Option<Kind>,
}

fn by_name(entries: &[Entry]) -> Groups {
    let of = |stem: &Stem, rank, kind| {
        let mut own = entries.iter().filter(move |other| other.rank == rank && other.kind == Some(kind));
        own.find(|other| other.stem == *stem).map(|other| other.index)
    };
    let weights = entries.iter().filter(|entry| entry.rank == 2 && entry.kind == Some(Kind::Weight));
    let linear = weights.map(|entry| Linear {
        stem: entry.stem.clone(),
        weight: entry.index,
        bias: of(&entry.stem, 1, Kind::Bias),
    });
    let means = entries.iter().filter(|entry| entry.rank == 1 && entry.kind == Some(Kind::Mean));
    let norms = means.filter_map(|entry| {
        Some(Norm {
            scale: of(&entry.stem, 1, Kind::Weight),
            shift: of(&entry.stem, 1, Kind::Bias),
            mean: entry.index,
            variance: of(&entry.stem, 1, Kind::Variance)?,
            stem: entry.stem.clone(),
        })
    });
    Groups { linear: linear.collect(), norms: norms.collect() }
}

/// Groups arrays without names. After each matrix come its vectors: a bias, the four of a batch normalisation, or both, as in Keras'
/// `get_weights`. Or all matrices come first, and then the same number of vectors, as in scikit-learn.
fn by_place(entries: &[Entry]) -> Groups {
    let mut entries: Vec<&Entry> = entries.iter().filter(|entry| matches!(entry.rank, 1 | 2)).collect();
    // `arr_10` stands between `arr_1` and `arr_2` in an archive that a shell has sorted.
    if entries.windows(2).all(|pair| pair[0].stem.words == pair[1].stem.words) {
        entries.sort_by(|a, b| a.stem.numbers.cmp(&b.stem.numbers));
    }
    let matrices = entries.iter().take_while(|entry| entry.rank == 2).count();
    let mut groups = Groups::default();
    let linear = |weight: &Entry, bias| Linear { stem: weight.stem.clone(), weight: weight.index, bias };
    let (first, rest) = entries.split_at(matrices);
    if matrices > 1 && rest.len() == matrices && rest.iter().all(|entry| entry.rank == 1) {
        groups.linear = first.iter().zip(rest).map(|(weight, bias)| linear(weight, Some(bias.index))).collect();
        return groups;
    }
    for part in entries.chunk_by(|_, next| next.rank != 2) {
        let [weight, vectors @ ..] = part else { continue };
        if weight.rank != 2 {
            continue;
        }
        let (bias, norm) = match vectors {
            [bias] => (Some(bias.index), &[][..]),
            [_, _, _, _] => (None, vectors),
            [bias, norm @ ..] if norm.len() == 4 => (Some(bias.index), norm),
            _ => (None, &[][..]),
        };
        groups.linear.push(linear(weight, bias));
        if let [scale, shift, mean, variance] = norm
            && norm.iter().all(|vector| vector.len == scale.len)
        {
            let (scale, shift) = (Some(scale.index), Some(shift.index));
            let stem = mean.stem.clone();
            groups.norms.push(Norm { stem, scale, shift, mean: mean.index, variance: variance.index });
        }
    }
    groups
}

/// Returns the order of these layers by names or places, or `None` if there is none or if they contradict each other. Numbers in names count
/// if the names differ in nothing else. The file's order counts if its format `keeps_order`.
pub(super) fn order(stems: &[&Stem], keeps_order: bool, is_mapped: bool) -> Option<Vec<usize>> {
    let places: Vec<usize> = (0..stems.len()).collect();
    let mut by_number = places.clone();
    by_number.sort_by(|&a, &b| stems[a].numbers.cmp(&stems[b].numbers));
    let numbered = stems.windows(2).all(|pair| pair[0].words == pair[1].words)
        && by_number.windows(2).all(|pair| stems[pair[0]].numbers != stems[pair[1]].numbers);
    match (numbered, keeps_order) {
        // Names from --map have the numbers that count.
        (true, true) if !is_mapped => (by_number == places).then_some(places),
        (true, _) => Some(by_number),
        (false, true) => Some(places),
        (false, false) => (stems.len() < 2).then_some(places),
    }
}
