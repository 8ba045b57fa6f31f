//! The text of an architecture: `784,512,10`, or `784 => 512 Relu => 10`.

use core::{fmt, str::FromStr};

use heapless::{String, Vec};

use super::{Architecture, LayerKind, MAX_LAYERS, MAX_WIDTH};

impl Architecture {
    /// Shows the chain as [`mlp!`](crate::mlp!) takes it, `784 => 512 Relu => 10`. With `{:#}`, only its widths are shown,
    /// `784,512,10`, if they are enough to describe it. Both texts can be parsed as an architecture.
    pub const fn expression(&self) -> Expression<'_> {
        Expression(self)
    }
}

/// See [`Architecture::expression`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Expression<'a>(&'a Architecture);

impl fmt::Display for Expression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_widths = f.alternate() && self.0.is_plain();
        write!(f, "{}", self.0.inputs())?;
        for layer in self.0.layers() {
            match layer.word() {
                None if by_widths => write!(f, ",{}", layer.widths().1)?,
                None => write!(f, " => {}", layer.widths().1)?,
                Some(_) if by_widths => {}
                Some(word) => write!(f, " {word}")?,
            }
        }
        Ok(())
    }
}

/// Parses widths or layers. Widths, such as `784,256,64,10`, mean linear layers with ReLU between them. Layers are written as [`mlp!`](crate::mlp!)
/// takes them: `784 => 256 BatchNorm1d Relu => 10`.
impl FromStr for Architecture {
    type Err = ArchitectureError;

    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        let mut tokens = Tokens { text, rest: text }.peekable();
        let by_widths = tokens.clone().any(|token| token.text == ",");
        let mut layers = Vec::<LayerKind, MAX_LAYERS>::new();
        let mut inputs = tokens.next().ok_or(ArchitectureError::TooFew)?.width()?;
        while let Some(separator) = tokens.next() {
            match separator.text {
                "," => {}
                "=>" if !by_widths => {}
                text if text != "=>" && text.starts_with(is_arrow) => return Err(separator.error(Expected::Arrow)),
                _ => return Err(separator.error(Expected::Separator)),
            }
            let Some(width) = tokens.next() else { return Err(separator.error(Expected::WidthAfter)) };
            let outputs = width.width()?;
            if by_widths && !layers.is_empty() {
                push(&mut layers, LayerKind::Relu { width: inputs })?;
            }
            push(&mut layers, LayerKind::Linear { inputs, outputs })?;
            while let Some(word) = tokens.next_if(|token| !by_widths && token.is_word()) {
                let known = LayerKind::with_words(outputs).into_iter().find(|kind| kind.word() == Some(word.text));
                let layer = known.ok_or_else(|| word.error(Expected::Layer))?;
                if layer.activation().is_some() && !layers.last().is_some_and(|before| before.takes_activation()) {
                    return Err(word.error(Expected::OtherPlace));
                }
                push(&mut layers, layer)?;
            }
            inputs = outputs;
        }
        match layers.is_empty() {
            true => Err(ArchitectureError::TooFew),
            false => Ok(Self { layers }),
        }
    }
}

fn push(layers: &mut Vec<LayerKind, MAX_LAYERS>, layer: LayerKind) -> Result<(), ArchitectureError> {
    layers.push(layer).map_err(|_| ArchitectureError::TooMany)
}

/// The words, commas and arrows of a text.
#[derive(Clone)]
struct Tokens<'a> {
    text: &'a str,
    rest: &'a str,
}

#[derive(Clone)]
struct Token<'a> {
    text: &'a str,
    /// The place of the word's first character in the text, from 1.
    place: usize,
}

fn is_arrow(c: char) -> bool {
    matches!(c, '=' | '>' | '-' | '~' | '→' | '⇒')
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next()?;
        let is_part = |c: char| match first {
            ',' => false,
            _ if is_arrow(first) => is_arrow(c),
            _ => !(c.is_whitespace() || c == ',' || is_arrow(c)),
        };
        let end = rest.char_indices().skip(1).find(|&(_, c)| !is_part(c)).map_or(rest.len(), |(end, _)| end);
        let (text, after) = rest.split_at(end);
        let before = &self.text[..self.text.len() - rest.len()];
        self.rest = after;
        Some(Token { text, place: before.chars().count() + 1 })
    }
}

impl Token<'_> {
    /// Returns true if the word is not a width.
    fn is_word(&self) -> bool {
        !self.text.starts_with(|c: char| c == ',' || is_arrow(c) || c.is_ascii_digit())
    }

    fn width(&self) -> Result<u32, ArchitectureError> {
        let width = self.text.parse().ok().filter(|width| (1..=MAX_WIDTH).contains(width));
        width.ok_or_else(|| self.error(Expected::Width))
    }

    fn error(&self, expected: Expected) -> ArchitectureError {
        ArchitectureError::Word(Word { text: cut(self.text), place: self.place, expected })
    }
}

/// Returns a word's first characters.
fn cut<const LEN: usize>(text: &str) -> String<LEN> {
    let mut cut = String::new();
    // What has no room is left out.
    let _ = text.chars().try_for_each(|c| cut.push(c));
    cut
}

/// The error of a text that names no architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ArchitectureError {
    /// A word that cannot stand where it does.
    Word(Word),
    /// No width, or a single one.
    TooFew,
    /// More layers than a chain can have.
    TooMany,
}

/// A word that cannot stand where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Word {
    /// The word's first characters.
    pub text: String<24>,
    /// The place of the word's first character in the text, from 1.
    pub place: usize,
    expected: Expected,
}

/// The mistake: the kind of word that the text needs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Expected {
    Width,
    WidthAfter,
    Separator,
    Arrow,
    Layer,
    /// The word is a layer that cannot follow the layer before it.
    OtherPlace,
}

impl Word {
    /// Compares this word with the words of all layers. Returns the most similar one, or `None` if none is similar.
    pub fn nearest(&self) -> Option<&'static str> {
        let words = LayerKind::with_words(1).into_iter().filter_map(LayerKind::word);
        let distances = words.map(|word| (distance(&self.text, word), word));
        let (distance, word) = distances.min()?;
        (distance <= word.len() / 3).then_some(word)
    }
}

/// Returns the number of characters that have to be inserted, removed or replaced to make a text a word, whatever their case
/// (Levenshtein 1966).
fn distance(text: &str, word: &str) -> usize {
    // The distances of the text's beginning from each of the word's beginnings.
    let mut row: Vec<usize, 32> = (0..=word.len()).collect();
    for (index, c) in text.chars().enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], index + 1);
        for (place, letter) in word.chars().enumerate() {
            let replaced = diagonal + usize::from(!c.eq_ignore_ascii_case(&letter));
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, place, expected } = self;
        write!(f, "`{text}` at character {place} ")?;
        match expected {
            Expected::Width => write!(f, "is no width: a width is a whole number from 1 to {MAX_WIDTH}"),
            Expected::WidthAfter => write!(f, "has no width after it"),
            Expected::Arrow => write!(
                f,
                "is no arrow: write `=>`, or `,` between widths alone, where ReLU is to stand between the layers"
            ),
            Expected::Separator => {
                write!(f, "is out of place: write widths as in 784,256,10 or layers as in 784 => 256 Relu => 10")
            }
            Expected::Layer => {
                write!(f, "is no layer")?;
                match self.nearest() {
                    Some(word) => write!(f, "; did you mean `{word}`? ")?,
                    None => write!(f, ". ")?,
                }
                write!(f, "The layers are ")?;
                for (index, word) in LayerKind::with_words(1).into_iter().filter_map(LayerKind::word).enumerate() {
                    write!(f, "{}{word}", if index > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            Expected::OtherPlace => {
                write!(f, "must directly follow a width or BatchNorm1d, as must ")?;
                let activations = || LayerKind::with_words(1).into_iter().filter(|layer| layer.activation().is_some());
                let last = activations().count() - 1;
                for (index, word) in activations().filter_map(LayerKind::word).enumerate() {
                    let before = match index {
                        0 => "",
                        _ if index == last => " and ",
                        _ => ", ",
                    };
                    write!(f, "{before}{word}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for ArchitectureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => word.fmt(f),
            Self::TooFew => write!(f, "there must be at least two widths, as in 784,10"),
            Self::TooMany => write!(f, "there may be at most {MAX_LAYERS} layers, and an activation is one"),
        }
    }
}

impl core::error::Error for ArchitectureError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::{fashion_mnist::Quickstart, mlp};

    #[test]
    fn texts_give_the_types_architecture_and_back() {
        let parse = |text: &str| text.parse::<Architecture>();
        assert_eq!(parse("784,512,512,10"), Ok(Architecture::of::<Quickstart>()));
        assert_eq!(parse(" 784, 10 "), Ok(Architecture::of::<mlp!(784 => 10)>()));
        assert_eq!(parse("784=>5 Relu=>10"), Ok(Architecture::of::<mlp!(784 => 5 Relu => 10)>()));
        let all = "9 => 8 BatchNorm1d LeakyRelu Dropout => 7 Tanh => 6 Sigmoid => 5 => 4 Gelu => 3 LogSoftmax";
        let architecture = Architecture::of::<
            mlp!(9 => 8 BatchNorm1d LeakyRelu Dropout => 7 Tanh => 6 Sigmoid => 5 => 4 Gelu => 3 LogSoftmax),
        >();
        assert_eq!(parse(all).as_ref(), Ok(&architecture));
        assert_eq!(architecture.expression().to_string(), all);
        let quickstart = Architecture::of::<Quickstart>();
        assert_eq!(quickstart.expression().to_string(), "784 => 512 Relu => 512 Relu => 10");
        assert_eq!(std::format!("{:#}", quickstart.expression()), "784,512,512,10");
    }

    #[test]
    fn the_longest_chain_is_read_and_a_longer_one_is_not() {
        let text = |widths: usize| std::vec!["65536"; widths].join(",");
        assert_eq!(text(33).parse::<Architecture>().map(|chain| chain.layers().len()), Ok(63));
        assert_eq!(text(34).parse::<Architecture>(), Err(ArchitectureError::TooMany));
    }

    #[test]
    fn a_wrong_text_names_the_word_its_place_and_the_nearest_right_one() {
        for (text, expected) in [
            ("784,x,10", "`x` at character 5 is no width"),
            ("784,0,10", "`0` at character 5 is no width"),
            ("784, 65537,10", "`65537` at character 6 is no width"),
            ("784,-5,10", "`-` at character 5 is no width"),
            ("784,99999999999999999999999999999,10", "`999999999999999999999999` at character 5 is no width"),
            ("784,10,", "`,` at character 7 has no width after it"),
            ("784 => 256 Relu =>", "`=>` at character 17 has no width after it"),
            ("784 256 10", "`256` at character 5 is out of place"),
            ("784,256 Relu,10", "`Relu` at character 9 is out of place"),
            ("784 Relu => 10", "`Relu` at character 5 is out of place"),
            ("784 => 256, 10", "`=>` at character 5 is out of place"),
            ("784 -> 256 -> 10", "`->` at character 5 is no arrow: write `=>`"),
            (
                "784 => 256 ReLU → 10",
                "`ReLU` at character 12 is no layer; did you mean `Relu`? The layers are Relu, Tanh,",
            ),
            ("784-256-10", "`-` at character 4 is no arrow: write `=>`, or `,`"),
            ("784 => 256 Relu → 10", "`→` at character 17 is no arrow: write `=>`"),
            ("784 => 256 leaky_relu => 10", "`leaky_relu` at character 12 is no layer; did you mean `LeakyRelu`?"),
            ("784 => 256 BatchNorm => 10", "`BatchNorm` at character 12 is no layer; did you mean `BatchNorm1d`?"),
            ("784 => 256 GELU => 10", "did you mean `Gelu`?"),
            ("784 => 256 Swish => 10", "`Swish` at character 12 is no layer. The layers are"),
            ("784 => 9 Gelu Relu => 10", "`Relu` at character 15 must directly follow a width or BatchNorm1d"),
            ("784 => 9 Dropout Tanh => 10", "`Tanh` at character 18 must directly follow"),
            ("784 => 9 Relu Relu => 10", "`Relu` at character 15 must directly follow"),
            ("", "there must be at least two widths"),
            ("784", "there must be at least two widths"),
        ] {
            let error = text.parse::<Architecture>().unwrap_err().to_string();
            assert!(error.starts_with(expected) || error.contains(expected), "{text}: {error}");
        }
    }
}
