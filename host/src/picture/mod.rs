//! Pictures: a photograph becomes a sample of the shape that a network takes, and samples become a sheet or a terminal's text.

#[cfg(not(feature = "pictures"))]
mod absent;
mod error;
#[cfg(feature = "pictures")]
mod prepare;
#[cfg(feature = "pictures")]
mod sheet;
mod terminal;

#[cfg(not(feature = "pictures"))]
pub use absent::{read, save_grid};
pub use error::PictureError;
pub use terminal::terminal;
#[cfg(feature = "pictures")]
pub use {
    prepare::read,
    sheet::{grid, save_grid},
};

/// An image in shades of grey, and the text below it.
pub struct Captioned<'a> {
    /// Row after row.
    pub shades: &'a [u8],
    /// The text.
    pub caption: &'a str,
}
