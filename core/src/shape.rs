//! The meaning of a network's inputs and outputs: an image's shape, the preparation of raw values, the task, the names.
//!
//! ```
//! use selvedge::shape::InputShape;
//!
//! let image = InputShape::Image { channels: 3, height: 32, width: 32 };
//! assert_eq!(image.features(), 3072);
//! assert_eq!(InputShape::of_sizes(&[3, 32, 32]), Some(image));
//! ```

use core::fmt;

use crate::{preparation::Preparation, task::Task};

/// The shape of a sample that goes into a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum InputShape {
    /// A number of features. Unlike pixels, features that are neighbours in the list need not be related.
    Features(u32),
    /// An image, `[channels][height][width]`: the rows from the top, and each row from the left.
    Image {
        /// The number of channels: 1 for shades of grey, 3 for red, green and blue.
        channels: u32,
        /// The number of rows.
        height: u32,
        /// The number of columns.
        width: u32,
    },
}

crate::wire::numbered! { InputShape { 0 => Features(features), 1 => Image { channels, height, width } } }

impl InputShape {
    /// Returns the number of features, or 0 if this machine cannot count them.
    pub const fn features(self) -> usize {
        match self {
            Self::Features(features) => features as usize,
            Self::Image { channels, height, width } => {
                let Some(area) = (height as usize).checked_mul(width as usize) else { return 0 };
                match area.checked_mul(channels as usize) {
                    Some(features) => features,
                    None => 0,
                }
            }
        }
    }

    /// Returns true if a network with this input takes samples of the other shape. Both must have the same number of features, and two images
    /// must have the same sizes.
    pub fn takes(self, sample: Self) -> bool {
        let are_images = [self, sample].iter().all(|shape| matches!(shape, Self::Image { .. }));
        self.features() == sample.features() && (!are_images || self == sample)
    }

    /// Returns the sizes, the outermost first.
    pub fn sizes(self) -> impl Iterator<Item = u32> + Clone {
        let (sizes, count) = match self {
            Self::Features(features) => ([features, 0, 0], 1),
            Self::Image { channels, height, width } => ([channels, height, width], 3),
        };
        sizes.into_iter().take(count)
    }

    /// Returns the shape with these sizes. One size is the number of features, two are an image's height and width, three are its channels,
    /// height and width. Returns `None` for any other number of sizes, and for a shape without features.
    pub fn of_sizes(sizes: &[u32]) -> Option<Self> {
        let shape = match *sizes {
            [features] => Self::Features(features),
            [height, width] => Self::Image { channels: 1, height, width },
            [channels, height, width] => Self::Image { channels, height, width },
            _ => return None,
        };
        (shape.features() > 0).then_some(shape)
    }
}

/// Writes `12 features`, `an image of 28×28 pixels` or `an image of 32×32 pixels in 3 channels`.
impl fmt::Display for InputShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Features(1) => write!(f, "1 feature"),
            Self::Features(features) => write!(f, "{features} features"),
            Self::Image { channels: 1, height, width } => write!(f, "an image of {height}×{width} pixels"),
            Self::Image { channels, height, width } => {
                write!(f, "an image of {height}×{width} pixels in {channels} channels")
            }
        }
    }
}

/// The meaning of a network's inputs and outputs, as a file keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Signature<'a> {
    /// The shape of a sample, if it is known.
    pub input: Option<InputShape>,
    /// The conversion of a sample's raw values into the inputs.
    pub preparation: Preparation<'a>,
    /// The meaning of the outputs.
    pub task: Task<'a>,
    /// The names of the classes, labels or targets, if they are known.
    pub output_names: Names<'a>,
    /// The targets' units, if they are known: a unit for each target, such as `°C`, or `-` for none.
    pub output_units: Names<'a>,
    /// The features' names, if they are known.
    pub feature_names: Names<'a>,
    /// The features' units, if they are known: a unit for each feature, such as `m/s²`, or `-` for none.
    pub feature_units: Names<'a>,
    /// The options by which the samples were read, in UTF-8 as a host wrote them (docs/formats.md). A board does not use them.
    pub reading: &'a [u8],
}

impl Signature<'_> {
    /// Checks what the loaders of files leave to a host: the numbers of the tables, the features' names and units, and the outputs' units.
    /// A prediction needs none of these names and units, and a board may have no floating point to check the numbers.
    pub fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let are_names = |names: Names<'_>, count| Names::parse(names.as_bytes(), count).is_some();
        self.preparation.is_sound()
            && self.task.is_sound()
            && are_names(self.feature_names, features)
            && are_names(self.feature_units, features)
            && are_names(self.output_units, outputs)
    }

    /// Returns the number of bytes of the signature's texts and tables in a file.
    pub(crate) const fn len(&self) -> usize {
        let table = match self.preparation.field() {
            Some((_, table)) => table.len(),
            None => 0,
        };
        let scale = match self.task.field() {
            Some((_, table)) => table.len(),
            None => 0,
        };
        let outputs = self.output_names.bytes.len() + self.output_units.bytes.len();
        table + scale + outputs + self.reading.len() + self.feature_names.bytes.len() + self.feature_units.bytes.len()
    }
}

/// The longest name, in bytes.
pub const MAX_NAME: usize = 100;

/// The names or the units of a network's outputs or features, in their order, as a file has them. Each is its length as a byte, and then
/// its bytes of UTF-8. Without names, there are no bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Names<'a> {
    bytes: &'a [u8],
}

impl<'a> Names<'a> {
    /// No names.
    pub const NONE: Self = Self { bytes: &[] };

    /// Checks encoded names: each has 1 to [`MAX_NAME`] bytes of UTF-8 without control characters, and there are none or as many as
    /// `expected`. Returns `None` if not.
    pub fn parse(bytes: &'a [u8], expected: usize) -> Option<Self> {
        let mut rest = bytes;
        let mut count = 0_usize;
        while let Some((&len, after)) = rest.split_first() {
            let name;
            (name, rest) = after.split_at_checked(len.into())?;
            if !is_name(name) {
                return None;
            }
            count += 1;
        }
        (count == 0 || count == expected).then_some(Self { bytes })
    }

    /// Returns names that were not checked. If the bytes are no names, the list ends there.
    pub(crate) const fn unchecked(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Appends a name to encoded names. The names lie in a buffer of which `len` bytes are in use. Returns the number of bytes in use
    /// afterwards.
    ///
    /// `None` if the text is no name, or if there is no room for it.
    pub fn push(buffer: &mut [u8], len: usize, name: &str) -> Option<usize> {
        let (size, place) = buffer.get_mut(len..)?.split_first_mut()?;
        let place = place.get_mut(..name.len()).filter(|_| is_name(name.as_bytes()))?;
        *size = name.len() as u8;
        place.copy_from_slice(name.as_bytes());
        Some(len + 1 + name.len())
    }

    /// Returns the number of encoded names.
    pub fn count(bytes: &'a [u8]) -> usize {
        Self { bytes }.iter().count()
    }

    /// Returns the encoded names.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the names in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let (&len, after) = rest.split_first()?;
            let name;
            (name, rest) = after.split_at_checked(len.into())?;
            core::str::from_utf8(name).ok()
        })
    }

    /// Returns the name at a place, or `None` if there is no name.
    pub fn get(self, place: usize) -> Option<&'a str> {
        self.iter().nth(place)
    }
}

fn is_name(name: &[u8]) -> bool {
    // U+0000 to U+001F and U+007F are a byte each; U+0080 to U+009F are this byte and one of that range.
    let is_control = |byte: &u8| *byte < 0x20 || *byte == 0x7f;
    let has_control = name.iter().any(is_control) || name.windows(2).any(|pair| matches!(pair, [0xc2, 0x80..=0x9f]));
    (1..=MAX_NAME).contains(&name.len()) && !has_control && core::str::from_utf8(name).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec::Vec};

    use super::*;

    #[test]
    fn shapes_have_their_features() {
        for (sizes, shown, features) in [
            (&[12][..], "12 features", 12),
            (&[28, 20], "an image of 28×20 pixels", 560),
            (&[3, 8, 9], "an image of 8×9 pixels in 3 channels", 216),
        ] {
            let shape = InputShape::of_sizes(sizes).unwrap();
            assert_eq!((shape.to_string().as_str(), shape.features()), (shown, features));
            let all: Vec<_> = shape.sizes().collect();
            assert_eq!(InputShape::of_sizes(&all), Some(shape));
        }
        let [features, flat, high] = [&[12][..], &[3, 4], &[4, 3]].map(|sizes| InputShape::of_sizes(sizes).unwrap());
        assert!(features.takes(flat) && high.takes(features) && high.takes(high));
        assert!(!flat.takes(high) && !InputShape::Features(11).takes(flat));
        for sizes in [&[][..], &[0], &[3, 0], &[1, 2, 3, 4]] {
            assert_eq!(InputShape::of_sizes(sizes), None);
        }
        assert_eq!(InputShape::of_sizes(&[u32::MAX; 3]), None);
    }

    #[test]
    fn names_are_written_and_read() {
        let mut buffer = [0; 64];
        let mut len = 0;
        for name in ["left", "größer", "c"] {
            len = Names::push(&mut buffer, len, name).unwrap();
        }
        let names = Names::parse(&buffer[..len], 3).unwrap();
        assert_eq!(names.iter().collect::<Vec<_>>(), ["left", "größer", "c"]);
        assert_eq!((names.get(1), names.get(3)), (Some("größer"), None));
        assert_eq!(Names::parse(&buffer[..len], 4), None);
        assert_eq!(Names::parse(&[], 4), Some(Names::NONE));
        for name in ["", "a\n", "\u{85}", &"x".repeat(101)] {
            assert_eq!(Names::push(&mut [0; 200], 0, name), None, "{name:?}");
        }
        assert_eq!(Names::push(&mut buffer[..4], 0, "left"), None);
        for bytes in [&[0][..], &[2, b'a'], &[1, 0xff], &[1, b'\t'], &[2, 0xc2, 0x85]] {
            assert_eq!(Names::parse(bytes, 1), None, "{bytes:?}");
        }
    }
}
