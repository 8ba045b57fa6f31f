//! The fuzzer's work on the bytes of a hostile picture.

use host::picture;
use selvedge::shape::InputShape;

/// Prepares the picture for a network of 28 × 28 inputs and for one of 3 × 20. A sample must have that size.
pub fn pictures(bytes: &[u8]) {
    for (height, width) in [(28, 28), (3, 20)] {
        let shape = InputShape::Image { channels: 1, height, width };
        if let Ok(prepared) = picture::read_bytes("picture".as_ref(), bytes.to_vec(), shape) {
            assert_eq!(prepared.shades.len(), (height * width) as usize);
        }
    }
}
