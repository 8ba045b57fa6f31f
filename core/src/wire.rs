//! Encodings that do not depend on declarations. A macro call lists the number of each variant of an enum, and the order of a struct's
//! fields.
//!
//! The bytes are postcard's. An integer is a varint. A text or a slice of bytes is its length and then its bytes. An array is its elements.

use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Error, SeqAccess, Visitor},
};

/// Encodes a struct as its fields, in the order given.
macro_rules! fields {
    ($name:ident $(<$lifetime:lifetime>)? { $($field:ident),+ $(,)? }) => {
        impl $(<$lifetime>)? serde::Serialize for $name $(<$lifetime>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                ($(&self.$field,)+).serialize(serializer)
            }
        }

        impl<'de $(: $lifetime, $lifetime)?> serde::Deserialize<'de> for $name $(<$lifetime>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let ($($field,)+) = serde::Deserialize::deserialize(deserializer)?;
                Ok(Self { $($field),+ })
            }
        }
    };
}
pub(crate) use fields;

/// Encodes an enum as the number of its variant, one byte, and then the variant's fields in the order given.
macro_rules! numbered {
    ($name:ident $(<$lifetime:lifetime>)? {
        $($number:literal => $variant:ident $({ $($field:ident),* })? $(($inner:ident))?),+ $(,)?
    }) => {
        impl $(<$lifetime>)? $name $(<$lifetime>)? {
            /// Returns the variant's number.
            #[allow(dead_code, reason = "not each of them is read while a program is built")]
            pub(crate) const fn number(&self) -> u8 {
                match self {
                    $(Self::$variant { .. } => $number,)+
                }
            }
        }

        impl $(<$lifetime>)? serde::Serialize for $name $(<$lifetime>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant $({ $($field),* })? $(($inner))? =>
                        ($number as u8, $($($field,)*)? $($inner,)?).serialize(serializer),)+
                }
            }
        }

        impl<'de $(: $lifetime, $lifetime)?> $crate::wire::Numbered<'de> for $name $(<$lifetime>)? {
            fn decode<A: serde::de::SeqAccess<'de>>(number: u8, _seq: &mut A) -> Result<Self, A::Error> {
                match number {
                    $($number => Ok(Self::$variant
                        $({ $($field: $crate::wire::next(_seq)?),* })?
                        $(({ let $inner = $crate::wire::next(_seq)?; $inner }))?),)+
                    _ => Err(serde::de::Error::custom("")),
                }
            }
        }

        impl<'de $(: $lifetime, $lifetime)?> serde::Deserialize<'de> for $name $(<$lifetime>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::decode(deserializer)
            }
        }
    };
}
pub(crate) use numbered;

/// A type that is encoded as a number and then further values. The number decides which values follow.
pub trait Numbered<'de>: Sized {
    /// Decodes the value with this number. The further values come from `seq`.
    fn decode<A: SeqAccess<'de>>(number: u8, seq: &mut A) -> Result<Self, A::Error>;
}

/// Takes the next value of a sequence.
pub fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| Error::custom(""))
}

/// Takes a number, and then the values that follow it.
pub fn decode<'de, T: Numbered<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Tagged<T>(PhantomData<T>);

    impl<'de, T: Numbered<'de>> Visitor<'de> for Tagged<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number and its fields")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
            let number = next(&mut seq)?;
            T::decode(number, &mut seq)
        }
    }

    // No variant has as many fields.
    const MOST: usize = 16;
    deserializer.deserialize_tuple(MOST, Tagged(PhantomData))
}

#[cfg(test)]
mod tests {
    #[derive(Debug, PartialEq)]
    enum Shape<'a> {
        Point,
        Named { name: &'a str, sides: u32 },
        Round(f32),
    }
    numbered! { Shape<'a> { 3 => Point, 0 => Named { name, sides }, 7 => Round(radius) } }

    #[derive(Debug, PartialEq)]
    struct Pair {
        second: u16,
        first: u8,
    }
    fields! { Pair { first, second } }

    #[test]
    fn the_numbers_and_the_order_are_those_of_the_call() {
        let mut buffer = [0; 16];
        for (shape, bytes) in [
            (Shape::Point, &[3][..]),
            (Shape::Named { name: "ab", sides: 300 }, &[0, 2, b'a', b'b', 0xac, 2]),
            (Shape::Round(1.0), &[7, 0, 0, 0x80, 0x3f]),
        ] {
            assert_eq!(postcard::to_slice(&shape, &mut buffer).map(|bytes| &*bytes), Ok(bytes));
            assert_eq!(postcard::from_bytes::<Shape<'_>>(bytes), Ok(shape));
        }
        assert_eq!(
            postcard::to_slice(&Pair { second: 300, first: 5 }, &mut buffer).map(|b| &*b),
            Ok(&[5, 0xac, 2][..])
        );
        assert_eq!(postcard::from_bytes(&[5, 0xac, 2]), Ok(Pair { second: 300, first: 5 }));
    }

    #[test]
    fn a_number_that_is_none_and_fields_that_are_missing_are_errors() {
        for bytes in [&[1][..], &[], &[0, 2, b'a'], &[7, 0]] {
            assert!(postcard::from_bytes::<Shape<'_>>(bytes).is_err(), "{bytes:?}");
        }
    }
}
