//! The board's constants and the model's type, written by the build script, and the files in flash.

include!(concat!(env!("OUT_DIR"), "/board.rs"));

/// Bytes at a multiple of 4 in memory, where weights can be read in place.
#[repr(C, align(4))]
pub struct Aligned<Bytes: ?Sized>(pub Bytes);

/// A file of the folder `SELVEDGE_EMBED`, as `&'static [u8]` in flash at a multiple of 4 bytes.
#[macro_export]
macro_rules! embed {
    ($name:literal) => {{
        const FILE: &$crate::board::Aligned<[u8]> = &$crate::board::Aligned(*include_bytes!(concat!(
            env!(
                "SELVEDGE_EMBED",
                "set SELVEDGE_EMBED to a folder with the files to embed, or use `cargo xtask flash`"
            ),
            "/",
            $name
        )));
        &FILE.0
    }};
}
