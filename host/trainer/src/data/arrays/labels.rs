//! Arrays of labels: numbers from 0, or texts that name the classes.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
};

use super::{ArrayError, samples::integer, source::Array};
use crate::{
    classes::Classes,
    data::{DataError, names::Named},
    npy::Number,
    quote::quoted,
};

/// Labels as an array has them.
pub struct Labels {
    /// The array's place.
    pub path: PathBuf,
    /// Numbers or texts.
    pub kind: Kind,
}

/// A label for each sample.
pub enum Kind {
    Numbers(Vec<u16>),
    Texts(Vec<String>),
}

impl Labels {
    /// Reads an array.
    ///
    /// # Errors
    ///
    /// [`DataError`] for a type or a shape that labels do not have, and for a label that is no class.
    pub fn read(mut array: Array) -> Result<Self, DataError> {
        let path = array.path.clone();
        let number = array.header.number.filter(|number| !matches!(number, Number::F16 | Number::F32 | Number::F64));
        let Some(number) = number else {
            return Err(ArrayError::LabelType { path, found: array.header.description }.into());
        };
        if !matches!(array.header.shape[..], [_] | [_, 1]) {
            let advice = "labels are one number or text a sample; of one-hot rows save y.argmax(axis=1); --task multi-label or regression takes several numbers";
            return Err(ArrayError::Shape { path, shape: array.header.shape, advice }.into());
        }
        let mut bytes = array.bytes()?;
        array.header.reorder(&mut bytes);
        let labels = bytes.chunks_exact(number.size()).enumerate();
        let kind = match number {
            Number::Text(_) => Kind::Texts(
                labels
                    .map(|(index, bytes)| {
                        text(bytes).ok_or_else(|| ArrayError::Text {
                            path: path.clone(),
                            index,
                            reason: "has a character that Unicode does not have".into(),
                        })
                    })
                    .collect::<Result<_, _>>()?,
            ),
            _ => Kind::Numbers(
                labels
                    .map(|(index, bytes)| {
                        let value = integer(number, bytes);
                        u16::try_from(value).map_err(|_| ArrayError::Label { path: path.clone(), index, value })
                    })
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Self { path, kind })
    }

    /// Returns the number of labels.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Numbers(numbers) => numbers.len(),
            Kind::Texts(texts) => texts.len(),
        }
    }

    /// Returns the number of each label's class. The number of a text is its place among the names.
    pub fn into_numbers(self, named: Option<&Named>) -> Result<Vec<u16>, ArrayError> {
        let Self { path, kind } = self;
        let texts = match kind {
            Kind::Numbers(numbers) => return Ok(numbers),
            Kind::Texts(texts) => texts,
        };
        let names: Vec<_> = named.iter().flat_map(|named| named.classes.all()).collect();
        let places: HashMap<&str, u16> = names.iter().map(|name| &**name).zip(0..=u16::MAX).collect();
        let source = named.map_or("", |named| &named.source);
        let number = |(index, text): (usize, &String)| {
            let unknown = || ArrayError::Text {
                path: path.clone(),
                index,
                reason: format!("is {}, which {source} does not name", quoted(text)),
            };
            places.get(text.as_str()).copied().ok_or_else(unknown)
        };
        texts.iter().enumerate().map(number).collect()
    }
}

/// Names the classes by the labels' texts, if nothing else names them. Returns an error if there are both numbers and texts.
pub fn name(all: &[&Labels], named: Option<Named>) -> Result<Option<Named>, ArrayError> {
    let is_text = |labels: &&&Labels| matches!(labels.kind, Kind::Texts(_));
    if let [train, test] = all
        && is_text(&train) != is_text(&test)
    {
        return Err(ArrayError::LabelKinds { train: train.path.clone(), test: test.path.clone() });
    }
    match named {
        None if all.iter().any(|labels| is_text(&labels)) => in_order(all).map(Some),
        named => Ok(named),
    }
}

/// Returns the classes that texts name, in the order of their characters.
fn in_order(all: &[&Labels]) -> Result<Named, ArrayError> {
    let mut names = BTreeSet::new();
    for Labels { path, kind } in all {
        let Kind::Texts(texts) = kind else { continue };
        for (index, text) in texts.iter().enumerate() {
            if names.contains(text.as_str()) {
                continue;
            }
            let wrong = |reason: String| ArrayError::Text { path: path.clone(), index, reason };
            Classes::named([text.as_str()]).map_err(|error| wrong(format!("names no class: {error}")))?;
            names.insert(text.as_str());
            if names.len() > usize::from(u16::MAX) + 1 {
                return Err(wrong("names one class more than the 65536 that there can be".into()));
            }
        }
    }
    let source = all.first().map(|labels| labels.path.display().to_string()).unwrap_or_default();
    Ok(Named { source, classes: Classes::named(names).expect("each is a name") })
}

/// Returns the text of an element, without the zeros at its end.
fn text(bytes: &[u8]) -> Option<String> {
    let characters = bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
    let end = characters.clone().rposition(|character| character != 0).map_or(0, |last| last + 1);
    characters.take(end).map(char::from_u32).collect()
}
