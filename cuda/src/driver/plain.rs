//! The types that are copied to and from the GPU as bytes. Both traits are private to the crate, so no other crate can add a type.

use crate::task::{Batch, Rule};

/// Values that can be copied to the GPU.
///
/// # Safety
///
/// The type has no padding: every byte of a value is initialised.
pub(crate) unsafe trait Unpadded: Copy {}

/// Values that can also be copied from the GPU.
///
/// # Safety
///
/// Any bytes are a valid value.
pub(crate) unsafe trait Plain: Unpadded {}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            // SAFETY: a number has no padding.
            unsafe impl Unpadded for $number {}
            // SAFETY: any bits are a number.
            unsafe impl Plain for $number {}
        )*
    };
}

numbers! { u8 u16 u32 u64 f32 }

const _: () = assert!(
    size_of::<Rule>() == 9 * 4 && size_of::<Batch>() == 2 * 8 + 7 * 4 + size_of::<Rule>(),
    "a structure has the size of its fields"
);

// SAFETY: it is as long as its fields together, as is asserted above, and those are numbers and a rule of numbers and an enum of the size of one.
unsafe impl Unpadded for Batch {}
