//! A file that the program brings along.

mod header;

pub(crate) use header::Header;

/// Bytes at a multiple of 4 in memory, where weights can be read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C, align(4))]
pub struct Aligned<Bytes: ?Sized>(pub Bytes);

/// A file's bytes, `&'static [u8]`, at a multiple of 4 in memory: in flash on a device.
///
/// The path is that of [`include_bytes!`]: as seen from the source file, or whole.
#[macro_export]
macro_rules! embed {
    ($path:expr $(,)?) => {{
        const FILE: &$crate::embed::Aligned<[u8]> = &$crate::embed::Aligned(*include_bytes!($path));
        &FILE.0
    }};
}
