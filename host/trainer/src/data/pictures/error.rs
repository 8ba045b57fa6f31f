//! The errors of a folder of pictures that cannot be read.

use options::commands::Size;
use selvedge::architecture::MAX_WIDTH;
use thiserror::Error;

/// The error of a folder of pictures, without the folder's name.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The pictures have several sizes, and no size was chosen.
    #[error(
        "its pictures have several sizes ({sizes}); choose one that all are resized to by --size, such as --size 32x32"
    )]
    Sizes {
        /// Some of the sizes.
        sizes: String,
    },
    /// A picture has more values than a network takes.
    #[error(
        "a picture of {size} has {values} values, and a network takes at most {MAX_WIDTH}; take a smaller --size, such as --size 32x32"
    )]
    TooLarge {
        /// The size.
        size: Size,
        /// Columns × rows × channels.
        values: u64,
    },
    /// The pictures need more memory than is allowed.
    #[error("its {pictures} pictures take more memory than {}; take a smaller --size", most.map_or_else(|| "the system gives".into(), |most| format!("{} MB", most >> 20)))]
    Memory {
        /// The number of pictures.
        pictures: usize,
        /// The largest number of bytes that are allowed, if they are the limit.
        most: Option<u64>,
    },
    /// The pictures have no classes, because they are not in sub-folders.
    #[error("its pictures are in no sub-folder, and each class needs one: DIR/CLASS/picture.png")]
    Flat,
    /// There are fewer than two classes.
    #[error(
        "it has pictures in {found} sub-folder alone, and a network tells at least two classes apart: a sub-folder for each"
    )]
    OneClass {
        /// The number of classes that have a folder.
        found: usize,
    },
    /// No picture could be read.
    #[error("it has no picture that can be read")]
    Empty,
    /// The folder has two parts already.
    #[error("it has a part {test} already, so --test-split and --test have no place")]
    HasTest {
        /// The folder's name.
        test: String,
    },
    /// A folder's name is not valid as a class's name.
    #[error("the sub-folder {folder}: {reason}")]
    Class {
        /// The sub-folder.
        folder: String,
        /// The reason.
        reason: String,
    },
    /// The pictures cannot be divided into two parts.
    #[error(
        "{samples} pictures cannot be parted into training and test samples; name test pictures by --test, or add more"
    )]
    NoTest {
        /// The number of pictures.
        samples: usize,
    },
    /// Missing values cannot be replaced by a mean, because pictures have none.
    #[error("--missing mean is for tables; --missing drop leaves out pictures that cannot be read")]
    Mean,
}
