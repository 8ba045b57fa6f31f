//! Notes about pictures for which the answer is doubtful.

use image::GrayImage;

use super::ground::{Ground, PLAIN};

/// Shades that differ by this number or less count as nearly equal.
const HARDLY: u8 = 32;

/// Returns a note if a picture is blank, or nearly so.
pub fn of_picture(gray: &GrayImage) -> Option<String> {
    let (least, most) = (gray.as_raw().iter().min()?, gray.as_raw().iter().max()?);
    match most - least {
        0 => Some(format!("the picture is blank: every pixel has the shade {most}; the answer says nothing")),
        1..=HARDLY => {
            Some(format!("the picture hardly varies: its shades are {least} to {most}; the answer says little"))
        }
        _ => None,
    }
}

/// Returns a note if the background is not plain.
pub fn of_ground(ground: &Ground) -> Option<String> {
    (ground.share < PLAIN).then(|| {
        format!(
            "the ground is not plain: {:.0} % of the border has the shade {}; a picture of one thing on an even ground is understood best",
            100.0 * ground.share,
            ground.shade
        )
    })
}

/// Returns a note if a sample is nearly black, or has no black around its object.
pub fn of_sample(shades: &GrayImage) -> Option<String> {
    let (all, shades) = (shades.as_raw().len(), shades.as_raw());
    let lit = shades.iter().filter(|&&shade| shade > HARDLY).count();
    if 100 * lit < all {
        Some("nothing was found that differs from the ground; the answer says nothing".into())
    } else if shades.iter().all(|&shade| shade > 0) {
        Some("the thing fills the whole picture; one with the ground around it is understood best".into())
    } else {
        None
    }
}
