//! Pictures. A photograph becomes a sample with the shape that a network takes. Samples become a sheet of images or text for a terminal.

#[cfg(not(feature = "pictures"))]
mod absent;
#[cfg(feature = "pictures")]
mod chart;
#[cfg(feature = "pictures")]
mod colour;
#[cfg(feature = "pictures")]
mod decode;
mod diverging;
#[cfg(feature = "pictures")]
mod doubts;
mod error;
#[cfg(feature = "pictures")]
mod even;
mod file;
#[cfg(feature = "pictures")]
mod foreign;
#[cfg(feature = "pictures")]
mod frame;
#[cfg(feature = "pictures")]
mod ground;
#[cfg(feature = "pictures")]
mod plain;
#[cfg(feature = "pictures")]
mod png;
#[cfg(feature = "pictures")]
mod prepare;
#[cfg(feature = "pictures")]
mod sample;
#[cfg(feature = "pictures")]
mod shades;
#[cfg(feature = "pictures")]
mod sheet;
mod terminal;
#[cfg(feature = "pictures")]
mod whole;

#[cfg(not(feature = "pictures"))]
pub use absent::{Plain, png, read, read_plain, save_chart, save_grid, save_sample};
pub use diverging::{Diverging, limit};
pub use error::PictureError;
pub use file::open;
pub use terminal::{terminal, terminal_in_colours};
#[cfg(feature = "pictures")]
pub use {
    chart::save_chart,
    plain::{Plain, read_plain},
    png::png,
    prepare::{read, read_bytes},
    sample::save_sample,
    sheet::{grid, save_grid},
};

/// An image, and the text below it.
pub struct Captioned<'a> {
    /// Channels × rows × columns: shades of grey, or red, green and blue.
    pub shades: &'a [u8],
    /// The text.
    pub caption: &'a str,
}

/// A data set as a picture shows it.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The name of each class, and its numbers of training and test samples.
    pub classes: Vec<(String, [usize; 2])>,
    /// The panels below the classes.
    pub panels: Vec<Panel>,
}

/// A part of a [`Chart`].
#[derive(Clone, Debug)]
pub enum Panel {
    /// The distribution of a feature's values. The range from `low` to `high` is divided into bins of equal width. Each class has the part of
    /// its samples that lies in each bin.
    Histogram {
        /// The text below.
        title: String,
        /// The smallest value.
        low: f32,
        /// The largest value.
        high: f32,
        /// For each class, the parts of its samples in each bin. Their sum is 1.
        classes: Vec<Vec<f64>>,
    },
    /// The mean course of a window, for each class.
    Curves {
        /// The text below.
        title: String,
        /// The spreads of each class, one for each row.
        classes: Vec<Vec<Spread>>,
    },
    /// A picture.
    Image {
        /// The text below.
        title: String,
        /// Columns and rows.
        size: (u32, u32),
        /// The number of channels: 1 or 3.
        channels: u32,
        /// The values: channels × rows × columns.
        values: Vec<u8>,
    },
}

/// A mean and a standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
}

/// A picture in the form that a network takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The sample: row after row, light on black.
    pub shades: Vec<u8>,
    /// The shade of the picture's background, from 0 to 255.
    pub ground: u8,
    /// Columns and rows of the upright picture.
    pub size: (u32, u32),
    /// EXIF's orientation, from 1 to 8. It is 1 if the file has none.
    pub orientation: u8,
    /// The reasons why the answer is doubtful.
    pub notes: Vec<String>,
}
