//! Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), on which `selvedge train` trains by default, and the models' types for it.
//!
//! Only this module states the sizes and the classes of this data set.
//!
//! ```
//! use selvedge::{Flat, fashion_mnist::{CLASS_NAMES, Quickstart}};
//!
//! assert_eq!(Quickstart::LEN, 669_706);
//! assert_eq!(CLASS_NAMES[9], "Ankle boot");
//! ```

use crate::{mlp, shape::InputShape};

/// The height and width of an image in pixels.
pub const SIDE: usize = 28;
/// The number of pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;
/// The shape of an image.
pub const SHAPE: InputShape = InputShape::Image { channels: 1, height: SIDE as u32, width: SIDE as u32 };
/// The number of classes.
pub const CLASSES: usize = 10;

/// The classes' names, in the order of their numbers.
pub const CLASS_NAMES: [&str; CLASSES] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// The PyTorch quickstart's model: 669,706 parameters.
pub type Quickstart = mlp!(784 => 512 Relu => 512 Relu => 10);
/// A model for a chip with 512 KB of flash: 101,770 parameters.
pub type Small = mlp!(784 => 128 Relu => 10);
/// A model that trains with SGD within 128 KB of RAM: 12,730 parameters.
pub type Tiny = mlp!(784 => 16 Relu => 10);
