//! Pictures: a photograph becomes an image as Fashion-MNIST has them, and images become a sheet or a terminal's text.

mod prepare;
mod sheet;
mod terminal;

pub use self::{
    prepare::{PictureError, read},
    sheet::{grid, save_grid},
    terminal::terminal,
};
