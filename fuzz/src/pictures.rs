//! The fuzzer's work on the bytes of a hostile picture.

use host::picture;
use selvedge::shape::InputShape;

/// The picture as an image of Fashion-MNIST's size, and of one that is wider than high. What is read has its size.
pub fn pictures(bytes: &[u8]) {
    for (height, width) in [(28, 28), (3, 20)] {
        let shape = InputShape::Image { channels: 1, height, width };
        if let Ok(prepared) = picture::read_bytes("picture".as_ref(), bytes.to_vec(), shape) {
            assert_eq!(prepared.shades.len(), (height * width) as usize);
        }
    }
}
