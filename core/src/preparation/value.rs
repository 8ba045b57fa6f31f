use core::fmt;

use super::{Element, Preparation};
use crate::flat::{number::Number, number_bytes};

/// A raw value of a sample, as a program has it: `u8`, `i8`, `i16`, `u16` or `f32`.
pub trait Value: Number {
    /// The element with the same number type.
    const ELEMENT: Element;
}

macro_rules! values {
    ($($type:ty => $element:ident)*) => {
        $(impl Value for $type {
            const ELEMENT: Element = Element::$element;
        })*
    };
}
values! { u8 => U8 i8 => I8 i16 => I16 u16 => U16 f32 => F32 }

/// The error of raw values that a network does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ValueError {
    /// The number type of the values differs from the element in the network's file.
    Element {
        /// The element in the file.
        expected: Element,
        /// The element of the values.
        found: Element,
    },
    /// The number of values is not the network's number of inputs.
    Count {
        /// The number of inputs.
        expected: usize,
        /// The number of values.
        found: usize,
    },
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element { expected, found } => {
                write!(f, "the network's file takes samples of {expected}, and these values are {found}")
            }
            Self::Count { expected, found } => {
                write!(f, "the network has {expected} inputs, and there are {found} values")
            }
        }
    }
}

impl core::error::Error for ValueError {}

impl Preparation<'_> {
    /// Writes a sample's raw values as the inputs of a floating-point network. It is [`write`](Self::write) for values that are Rust's numbers
    /// instead of bytes.
    ///
    /// ```
    /// use selvedge::preparation::{Element, Preparation, Scaled};
    ///
    /// let bytes = [0.5_f32.to_le_bytes(), (-1.0_f32).to_le_bytes()].concat();
    /// let preparation = Preparation::Scaled(Scaled::parse(Element::I16, &bytes, 2).unwrap());
    /// let mut input = [0.0; 2];
    /// preparation.write_values(&[300_i16, -4], &mut input).unwrap();
    /// assert_eq!(input, [149.0, -3.0]);
    /// assert!(preparation.write_values(&[300.0_f32, -4.0], &mut input).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the number type of the values is not the preparation's [`Element`], or if there are not as many values as inputs.
    pub fn write_values<T: Value>(self, values: &[T], input: &mut [f32]) -> Result<(), ValueError> {
        self.write(self.bytes_of(values, input.len())?, input);
        Ok(())
    }

    /// Returns the bytes of raw values. Checks that there are `inputs` values, of this preparation's element.
    pub(crate) fn bytes_of<T: Value>(self, values: &[T], inputs: usize) -> Result<&[u8], ValueError> {
        if T::ELEMENT != self.element() {
            return Err(ValueError::Element { expected: self.element(), found: T::ELEMENT });
        }
        if values.len() != inputs {
            return Err(ValueError::Count { expected: inputs, found: values.len() });
        }
        Ok(number_bytes(values))
    }
}
