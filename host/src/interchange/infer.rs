//! Finds the network of a file that does not name it: a chain of linear layers.

use selvedge::architecture::Architecture;

use super::{
    chain::{self, Chain},
    error::Problem,
    groups::{self, Groups, order},
    matching::{Settings, check_parts, ends, is_pytorchs, orientations, shapes},
    names::{self, Kind},
    networks, other_layers,
    tensors::{NamedTensor, is_counter},
};

/// Returns the chain of linear layers, with ReLU between them, that has a file's weights.
///
/// # Errors
///
/// [`Problem`] if the weights are not a chain of linear layers, or are several networks.
pub(super) fn infer(tensors: &[NamedTensor], settings: Settings) -> Result<Architecture, Problem> {
    let whole = infer_one(tensors, settings);
    if settings.is_mapped || (whole.is_ok() && !networks::has_copies(tensors)) {
        return whole;
    }
    networks::side_by_side(tensors, |part| infer_one(part, settings)).map_or(whole, Err)
}

fn infer_one(tensors: &[NamedTensor], settings: Settings) -> Result<Architecture, Problem> {
    check_parts(tensors)?;
    let groups = groups::find(tensors, &vec![false; tensors.len()]);
    let no_stack = |reason: String| Problem::NoStack { reason };
    check_types(tensors, groups.linear.is_empty())?;
    if groups.linear.is_empty() {
        return Err(no_stack(no_weights(tensors)));
    }
    let is_used = |place: usize| groups.linear.iter().any(|linear| linear.weight == place);
    if let Some((_, other)) = tensors
        .iter()
        .enumerate()
        .find(|&(place, tensor)| tensor.shape().len() > 1 && tensor.is_read() && !is_used(place))
    {
        return Err(no_stack(format!("{} {:?} is no such layer's weight", other.name(), other.shape())));
    }
    let stems: Vec<_> = groups.linear.iter().map(|linear| &linear.stem).collect();
    let order = order(&stems, settings.keeps_order, settings.is_mapped);
    let mut found = Vec::new();
    for is_transposed in orientations(settings) {
        let ends = groups.linear.iter().map(|linear| ends(tensors, linear, is_transposed));
        let Some(ends) = ends.collect::<Option<Vec<_>>>() else { continue };
        match chain::of(&ends, order.as_deref()) {
            Chain::Widths(widths) => found.push(widths),
            Chain::Doubt => {
                return Err(no_stack(format!(
                    "{} can follow each other in more than one way",
                    shapes(tensors, &groups)
                )));
            }
            Chain::None => {}
        }
    }
    let is_rows = is_pytorchs(tensors, &groups);
    found.dedup();
    let widths = match &found[..] {
        [] => return Err(no_stack(format!("{} do not follow from each other", shapes(tensors, &groups)))),
        [rows, _] if is_rows => rows,
        [widths] => widths,
        _ => return Err(Problem::Orientation { shapes: shapes(tensors, &groups) }),
    };
    other_layers::check(tensors)?;
    if !groups.norms.is_empty() {
        return Err(Problem::Norms { layers: with_norms(tensors, &groups, widths) });
    }
    let text = widths.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    text.parse().map_err(|error| no_stack(format!("{text}: {error}")))
}

/// Returns a network's layers as a text for `--layers`. Each batch normalisation comes after the first layer of its width that has none.
fn with_norms(tensors: &[NamedTensor], groups: &Groups, widths: &[u32]) -> String {
    let mut norms: Vec<_> = groups.norms.iter().map(|norm| tensors[norm.mean].values().len()).collect();
    let last = widths.len().saturating_sub(1);
    let parts = widths.iter().enumerate().map(|(place, width)| {
        let own = norms.iter().position(|&norm| place > 0 && norm == *width as usize);
        let norm = own.map_or("", |own| {
            norms.remove(own);
            " BatchNorm1d"
        });
        let activation = if place > 0 && place < last { " Relu" } else { "" };
        format!("{width}{norm}{activation}")
    });
    parts.collect::<Vec<_>>().join(" => ")
}

/// Checks that no weight has elements that cannot be read. If there is no weight at all, it checks all tensors.
fn check_types(tensors: &[NamedTensor], has_none: bool) -> Result<(), Problem> {
    let is_of_layer = |name: &str| matches!(names::read(name).1, Some(Kind::Weight | Kind::Bias));
    let unread = tensors.iter().find(|tensor| {
        tensor.is_tensor()
            && !tensor.is_read()
            && !is_counter(tensor.name())
            && (has_none || is_of_layer(tensor.name()))
    });
    unread.map_or(Ok(()), |tensor| tensor.numbers().map(drop))
}

fn no_weights(tensors: &[NamedTensor]) -> String {
    match tensors.iter().find(|tensor| tensor.shape().len() > 2) {
        Some(tensor) => format!("{} has the shape {:?}, which is no linear layer's", tensor.name(), tensor.shape()),
        None => "there is no matrix of weights".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::{element::Element, tensors::Tensors};

    type Shapes<'a> = &'a [(&'a str, &'a [usize])];

    const SETTINGS: Settings = Settings { keeps_order: true, is_mapped: false, transpose: None };

    fn inferred(shapes: Shapes<'_>) -> Result<String, String> {
        let mut tensors = Tensors::of_file(0);
        for (name, shape) in shapes {
            let bytes = vec![0; 2 * shape.iter().product::<usize>()];
            tensors.push(name, shape.to_vec(), Element::F16, &bytes).unwrap();
        }
        let architecture = infer(&tensors.all, SETTINGS);
        architecture.map(|found| found.to_string()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn networks_side_by_side_are_listed_with_their_keys() {
        for (shapes, words) in [
            (
                &[
                    ("target.0.weight", &[3, 4][..]),
                    ("target.2.weight", &[2, 3]),
                    ("online.0.weight", &[3, 4]),
                    ("online.2.weight", &[2, 3]),
                ][..],
                ["target (4-3-2), online (4-3-2)", "--key target"],
            ),
            (
                &[
                    ("0.weight", &[3, 4]),
                    ("2.weight", &[2, 3]),
                    ("ema.module.0.weight", &[3, 4]),
                    ("ema.module.2.weight", &[2, 3]),
                ],
                ["the names without a prefix (4-3-2), ema.module (4-3-2)", "--key ''"],
            ),
            (
                &[
                    ("actor.a.weight", &[3, 4]),
                    ("actor.b.weight", &[2, 3]),
                    ("critic.a.weight", &[3, 4]),
                    ("critic.b.weight", &[1, 3]),
                ],
                ["actor (4-3-2), critic (4-3-1)", "--key actor"],
            ),
            // Copies that would be one long chain.
            (
                &[("a.0.weight", &[4, 4]), ("a.2.weight", &[4, 4]), ("b.0.weight", &[4, 4]), ("b.2.weight", &[4, 4])],
                ["a (4-4-4), b (4-4-4)", "--key a"],
            ),
        ] {
            let error = inferred(shapes).unwrap_err();
            assert!(words.iter().all(|words| error.contains(words)), "{error}");
        }
        // Parts of one network.
        for (shapes, widths) in [
            (&[("encoder.0.weight", &[3, 4][..]), ("decoder.0.weight", &[4, 3])][..], "4-3-4"),
            (&[("blocks.0.a.weight", &[4, 4]), ("blocks.1.a.weight", &[4, 4])], "4-4-4"),
            (&[("body.0.weight", &[3, 4]), ("body.2.weight", &[3, 3]), ("head.weight", &[2, 3])], "4-3-3-2"),
        ] {
            assert_eq!(inferred(shapes).unwrap(), widths);
        }
        let heads: Shapes<'_> = &[("body.0.weight", &[3, 4]), ("a.0.weight", &[1, 3]), ("b.0.weight", &[2, 3])];
        assert!(inferred(heads).unwrap_err().contains("do not follow from each other"));
    }

    #[test]
    fn what_is_no_linear_layer_has_its_reason() {
        let shapes: Shapes<'_> = &[("a.weight", &[3, 2]), ("ln.weight", &[3]), ("ln.bias", &[3])];
        assert!(inferred(shapes).unwrap_err().starts_with("ln.weight, ln.bias belong to a layer that Selvedge"));
        let shapes: Shapes<'_> = &[("0.bias", &[3]), ("2.weight", &[1, 3]), ("2.bias", &[1])];
        let error = inferred(shapes).unwrap_err();
        assert!(error.starts_with("0.bias has no 0.weight") && !error.contains("--no-strict"), "{error}");
    }
}
