//! Pictures: a photograph becomes a sample of the shape that a network takes, and samples become a sheet or a terminal's text.

mod prepare;
mod sheet;
mod terminal;

pub use self::{
    prepare::{PictureError, read},
    sheet::{Captioned, grid, save_grid},
    terminal::terminal,
};
