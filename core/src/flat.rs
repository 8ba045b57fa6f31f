//! Models, gradients and activations seen as one flat slice of `f32`, and such slices seen as bytes. Nothing is copied.
//!
//! A *flat model* is a model seen as one slice of `f32`. Checkpoints and uploads to a GPU use this form. A gradient has the model's own type, so
//! the same index means the same parameter in both.

#![allow(unsafe_code)]

use core::{fmt, mem, slice};

/// A type that consists only of `f32` numbers, one after the other.
///
/// # Safety
///
/// The type is `f32`, an array of `Flat`, a struct without fields, or a `repr(C)` struct whose fields are all `Flat` or
/// [`PhantomData`](core::marker::PhantomData): size a multiple of 4, alignment that of `f32` (or size 0), no padding, and every bit
/// pattern valid.
pub unsafe trait Flat: Sized {
    /// The number of `f32`s in the type.
    const LEN: usize = mem::size_of::<Self>() / mem::size_of::<f32>();

    /// A value of all zeros. A `static` that starts from it takes no flash.
    // SAFETY: +0.0 is all zero bits, and the trait's contract leaves only `f32`s.
    const ZERO: Self = unsafe { mem::zeroed() };

    /// Returns the numbers as a slice, in memory order.
    fn as_flat(&self) -> &[f32] {
        if Self::LEN == 0 {
            return &[];
        }
        // SAFETY: by the trait's contract a type that is not empty is LEN `f32`s, aligned as they are.
        unsafe { slice::from_raw_parts((&raw const *self).cast(), Self::LEN) }
    }

    /// Returns the numbers as a mutable slice, in memory order.
    fn as_flat_mut(&mut self) -> &mut [f32] {
        if Self::LEN == 0 {
            return &mut [];
        }
        // SAFETY: as in `as_flat`; every bit pattern is valid, so writing `f32`s keeps `self` valid.
        unsafe { slice::from_raw_parts_mut((&raw mut *self).cast(), Self::LEN) }
    }

    /// Returns the slice as a value of this type, in place.
    ///
    /// # Errors
    ///
    /// [`ViewError::Length`] unless the slice has exactly [`LEN`](Self::LEN) elements.
    fn from_flat(flat: &[f32]) -> Result<&Self, ViewError> {
        check_length(flat.len(), Self::LEN)?;
        // SAFETY: the length was checked; alignment and validity follow from the trait's contract.
        Ok(unsafe { &*flat.as_ptr().cast() })
    }

    /// Returns the mutable slice as a value of this type, in place.
    ///
    /// # Errors
    ///
    /// [`ViewError::Length`] unless the slice has exactly [`LEN`](Self::LEN) elements.
    fn from_flat_mut(flat: &mut [f32]) -> Result<&mut Self, ViewError> {
        check_length(flat.len(), Self::LEN)?;
        // SAFETY: as in `from_flat`.
        Ok(unsafe { &mut *flat.as_mut_ptr().cast() })
    }

    /// Returns little-endian bytes as a value of this type, in place. A device reads its weights from flash in this way.
    ///
    /// # Errors
    ///
    /// [`ViewError::Bytes`] unless the number of bytes is the type's; [`ViewError::Alignment`] unless their address is a multiple of 4
    /// bytes.
    fn from_bytes(bytes: &[u8]) -> Result<&Self, ViewError> {
        let (expected, found) = (mem::size_of::<Self>(), bytes.len());
        if found != expected {
            return Err(ViewError::Bytes { expected, found });
        }
        if !bytes.as_ptr().cast::<f32>().is_aligned() {
            return Err(ViewError::Alignment);
        }
        // SAFETY: length and alignment were checked; every bit pattern is a valid `f32`, and the target is little-endian.
        Ok(unsafe { &*bytes.as_ptr().cast() })
    }
}

/// Returns the bytes of `f32`s, little-endian.
pub fn as_bytes(flat: &[f32]) -> &[u8] {
    // SAFETY: every byte of an `f32` is initialised, and `u8` has no alignment.
    unsafe { slice::from_raw_parts(flat.as_ptr().cast(), mem::size_of_val(flat)) }
}

/// Returns the bytes of `i32`s, little-endian.
pub fn i32_bytes(flat: &[i32]) -> &[u8] {
    // SAFETY: every byte of an `i32` is initialised, and `u8` has no alignment.
    unsafe { slice::from_raw_parts(flat.as_ptr().cast(), mem::size_of_val(flat)) }
}

/// A number type whose bytes are its value. The trait is private, so no other crate can implement it.
pub(crate) mod number {
    pub trait Number: Copy {}

    impl Number for u8 {}
    impl Number for i8 {}
    impl Number for i16 {}
    impl Number for u16 {}
    impl Number for f32 {}
}

/// Returns numbers as their bytes in memory, which are little-endian.
pub(crate) fn number_bytes<T: number::Number>(values: &[T]) -> &[u8] {
    // SAFETY: every byte of a `Number` is initialised, and `u8` has no alignment.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), mem::size_of_val(values)) }
}

/// Returns words as their bytes in memory.
pub(crate) fn word_bytes_mut(words: &mut [u32]) -> &mut [u8] {
    // SAFETY: every byte of a `u32` is initialised, any bytes are one, and `u8` has no alignment.
    unsafe { slice::from_raw_parts_mut(words.as_mut_ptr().cast(), mem::size_of_val(words)) }
}

/// Returns words as the numbers with the same bits.
pub(crate) fn words_as_floats_mut(words: &mut [u32]) -> &mut [f32] {
    // SAFETY: the sizes and alignments are the same, and every bit pattern is valid for both.
    unsafe { slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len()) }
}

fn check_length(found: usize, expected: usize) -> Result<(), ViewError> {
    if found == expected { Ok(()) } else { Err(ViewError::Length { expected, found }) }
}

// SAFETY: it is `f32`.
unsafe impl Flat for f32 {}
// SAFETY: an array of `Flat`.
unsafe impl<T: Flat, const N: usize> Flat for [T; N] {}

/// Defines a struct that is [`Flat`](crate::Flat), without `unsafe`. Use it for a custom layer.
///
/// A struct has at least one field (`[f32; 0]` for a layer without parameters). Each field is `f32`, an array of `Flat`, or another such struct. The
/// struct may have const generic parameters. Documentation may come first, and derives after it.
///
/// ```
/// use selvedge::{Flat, flat_struct};
///
/// flat_struct! {
///     /// A factor and a summand for each feature.
///     #[derive(Debug)]
///     pub struct Affine<const WIDTH: usize> {
///         /// The factors.
///         pub weight: [f32; WIDTH],
///         /// The summands.
///         pub bias: [f32; WIDTH],
///     }
/// }
///
/// let mut affine = Affine::<2>::ZERO;
/// affine.bias = [1.0, 2.0];
/// assert_eq!(affine.as_flat(), [0.0, 0.0, 1.0, 2.0]);
/// ```
///
/// A field of another type does not compile:
///
/// ```compile_fail,E0277
/// selvedge::flat_struct! {
///     struct Counted { weight: [f32; 2], count: u64 }
/// }
/// ```
#[macro_export]
macro_rules! flat_struct {
    (
        $(#[doc = $doc:expr])*
        $(#[derive($($derive:path),+ $(,)?)])*
        $visibility:vis struct $name:ident $(<$(const $generic:ident: $kind:ty),+ $(,)?>)? {
            $($(#[doc = $field_doc:expr])* $field_visibility:vis $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        $(#[derive($($derive),+)])*
        #[repr(C)]
        $visibility struct $name $(<$(const $generic: $kind),+>)? {
            $($(#[doc = $field_doc])* $field_visibility $field: $type),+
        }

        // SAFETY: it is `repr(C)`, and no other representation can be asked for; each field is `Flat`, or this does not compile.
        unsafe impl $(<$(const $generic: $kind),+>)? $crate::Flat for $name $(<$($generic),+>)?
        where
            $($type: $crate::Flat),+
        {
        }
    };
}

/// The error of a slice that cannot be used as a [`Flat`] type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ViewError {
    /// The slice has another number of elements than the type.
    Length {
        /// The number that the type has.
        expected: usize,
        /// The number that was given.
        found: usize,
    },
    /// The slice has another number of bytes than the type.
    Bytes {
        /// The number that the type has.
        expected: usize,
        /// The number that was given.
        found: usize,
    },
    /// The bytes do not start at a multiple of 4 in memory.
    Alignment,
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => write!(f, "{expected} elements are needed, {found} were given"),
            Self::Bytes { expected, found } => write!(f, "{expected} bytes are needed, {found} were given"),
            Self::Alignment => write!(f, "the weights do not start at a multiple of 4 bytes in memory"),
        }
    }
}

impl core::error::Error for ViewError {}

#[cfg(test)]
mod tests {
    use super::*;

    type Model = [f32; 13];

    #[test]
    fn views_are_checked() {
        let flat = [1.0; Model::LEN + 1];
        assert!(Model::from_flat(&flat[1..]).is_ok());
        assert_eq!(Model::from_flat(&flat).err(), Some(ViewError::Length { expected: 13, found: 14 }));
        let bytes = as_bytes(&flat);
        assert_eq!(Model::from_bytes(&bytes[4..]).map(|m| m.as_flat().len()), Ok(13));
        assert_eq!(Model::from_bytes(&bytes[1..53]).err(), Some(ViewError::Alignment));
        assert_eq!(Model::from_bytes(bytes).err(), Some(ViewError::Bytes { expected: 52, found: 56 }));
    }
}
