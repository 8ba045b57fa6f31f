//! The board's constants and the model's type, written by the build script, and the files in flash.

include!(concat!(env!("OUT_DIR"), "/board.rs"));

/// Embeds a file of the folder `SELVEDGE_EMBED`, as `&'static [u8]` in flash at a multiple of 4 bytes.
#[macro_export]
macro_rules! embed {
    ($name:literal) => {
        selvedge::embed!(concat!(
            env!(
                "SELVEDGE_EMBED",
                "set SELVEDGE_EMBED to a folder with the files to embed, or use `cargo xtask flash`"
            ),
            "/",
            $name
        ))
    };
}
