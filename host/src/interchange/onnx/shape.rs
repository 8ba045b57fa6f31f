//! Changes of shape that exporters write: those that keep a sample in each row, and the computation of their sizes.

use super::{
    array::{Array, Data},
    chain::Head,
    messages::Node,
    node::{Result, Value, constant_value, ints},
};

/// Returns a value after `Flatten`, with a sample in each row.
pub(super) fn flattened(head: &Head, axis: i64) -> Result<Head> {
    let rank = head.dims.as_ref().map(|dims| dims.len() as i64);
    if axis != 1 && rank.is_none_or(|rank| axis + rank != 1) {
        return Err(format!("flattens from axis {axis}, where 1 leaves a sample in each row"));
    }
    let batch = head.dims.as_ref().and_then(|dims| *dims.first()?);
    Ok(Head { dims: Some(vec![batch, head.width()]), ..head.clone() })
}

/// Returns a reshaped value, if that keeps a sample in each row.
pub(super) fn in_rows(head: &Head, sizes: &[Option<i64>]) -> Result<Head> {
    let batch = head.dims.as_ref().and_then(|dims| *dims.first()?);
    let width = head.width();
    let is_batch = match sizes.first() {
        Some(None | Some(0)) => true,
        Some(Some(size)) => batch.is_some_and(|batch| i64::try_from(batch) == Ok(*size)),
        None => false,
    };
    let keeps = match sizes {
        [_, Some(-1)] => is_batch,
        [_, Some(size)] => {
            width.is_some_and(|width| i64::try_from(width) == Ok(*size)) || (is_batch && width.is_none())
        }
        _ => false,
    };
    let asked = sizes.get(1).copied().flatten().and_then(|size| usize::try_from(size).ok());
    if !keeps {
        let sizes: Vec<_> = sizes.iter().map(|size| size.map_or("batch".into(), |size| size.to_string())).collect();
        return Err(format!("reshapes to [{}], which may not leave a sample in each row", sizes.join(", ")));
    }
    Ok(Head { dims: Some(vec![batch, width.or(asked)]), ..head.clone() })
}

/// Returns a constant of another shape.
pub(super) fn reshaped(array: &Array, shape: Option<&Array>) -> Result<Array> {
    let (Some(shape), Data::Floats(values)) = (shape.and_then(Array::whole_numbers), &array.data) else {
        return Err("reshapes a constant in a way that is not read".into());
    };
    let known: Option<usize> = shape
        .iter()
        .filter(|&&size| size != -1)
        .try_fold(1_usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?));
    let known = known.filter(|&known| known > 0).ok_or("has no such shape")?;
    let dims: Vec<usize> = shape.iter().map(|&size| usize::try_from(size).unwrap_or(values.len() / known)).collect();
    let len = dims.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if len != Some(values.len()) || dims.len() > 8 {
        return Err("has not as many numbers as its shape".into());
    }
    Ok(Array { dims, data: Data::Floats(values.clone()) })
}

/// Returns the sizes that exporters compute from a shape. Constants may be changed too, if they are sizes, or if only sizes of 1 come or go.
pub(super) fn sizes(node: &Node, inputs: &[Option<Value>]) -> Result<Value> {
    const LONGEST: usize = 16;
    let list = |place: usize| match inputs.get(place) {
        Some(Some(Value::Sizes(sizes))) => Some(sizes.clone()),
        Some(Some(Value::Constant(array))) => Some(array.whole_numbers()?.iter().copied().map(Some).collect()),
        _ => None,
    };
    let wrong = || "computes what is not read of a shape".to_owned();
    if let (Some(Some(Value::Constant(array))), "Squeeze" | "Unsqueeze") = (inputs.first(), node.op_type.as_str())
        && let Data::Floats(values) = &array.data
    {
        // A vector stays a vector.
        return match array.vector() {
            Some(vector) if vector.len() == values.len() => {
                Ok(constant_value(Array { dims: vec![values.len()], data: array.data.clone() }))
            }
            _ => Err(wrong()),
        };
    }
    let first = list(0).filter(|list| list.len() <= LONGEST).ok_or_else(wrong)?;
    let at = |place: Option<i64>| {
        let place = place?;
        usize::try_from(if place < 0 { place + first.len() as i64 } else { place }).ok()
    };
    let found = match node.op_type.as_str() {
        "Squeeze" | "Unsqueeze" => first,
        "Gather" => {
            let places = list(1).filter(|places| places.len() <= LONGEST).ok_or_else(wrong)?;
            let found = places.into_iter().map(|place| first.get(at(place)?).copied());
            found.collect::<Option<_>>().ok_or_else(wrong)?
        }
        "Slice" => {
            let bound = |place: usize, name: &str| match list(place).as_deref() {
                Some(&[own]) => own,
                _ => ints(node, name).first().copied(),
            };
            let (start, end) = (at(bound(1, "starts")), bound(2, "ends"));
            let end = if end.is_some_and(|end| end > first.len() as i64) { Some(first.len()) } else { at(end) };
            let is_plain = matches!(list(4).as_deref(), None | Some([Some(1)]));
            let part = start.zip(end).filter(|_| is_plain).and_then(|(start, end)| first.get(start..end));
            part.ok_or_else(wrong)?.to_vec()
        }
        _ => {
            let parts: Option<Vec<_>> = (0..inputs.len()).map(list).collect();
            parts.ok_or_else(wrong)?.concat()
        }
    };
    if found.len() > LONGEST { Err(wrong()) } else { Ok(Value::Sizes(found)) }
}
