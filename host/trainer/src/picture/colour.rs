//! Coloured backgrounds. The background and the object may have the same shade of grey, so the colour tells them apart.

use image::{GrayImage, Luma, RgbaImage};

use super::ground::{Ground, PLAIN};

/// The smallest difference between channels that counts as a colour.
const COLOURED: u8 = 48;

/// Returns the distance of each pixel's colour from the background's colour, if the border has one colour. `None` for a grey background, and
/// for a picture with transparent pixels.
pub fn distances(picture: &RgbaImage) -> Option<GrayImage> {
    if picture.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
        return None;
    }
    let channel = |channel: usize| {
        let shades = picture.pixels().map(|pixel| pixel.0[channel]).collect();
        GrayImage::from_raw(picture.width(), picture.height(), shades).map(|shades| Ground::of(&shades))
    };
    let grounds = [channel(0)?, channel(1)?, channel(2)?];
    let shades = grounds.map(|ground| ground.shade);
    let spread = shades.iter().max()? - shades.iter().min()?;
    (spread >= COLOURED && grounds.iter().all(|ground| ground.share >= PLAIN)).then(|| {
        GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
            let channels = picture.get_pixel(x, y).0;
            Luma([channels.iter().zip(shades).map(|(channel, shade)| channel.abs_diff(shade)).max().unwrap_or(0)])
        })
    })
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    #[test]
    fn a_thing_of_the_grounds_shade_is_seen_by_its_colour() {
        // Both have the shade 66.
        let picture = |ground: [u8; 3]| {
            RgbaImage::from_fn(40, 40, |x, y| {
                let is_thing = (10..30).contains(&x) && (10..30).contains(&y);
                let [red, green, blue] = if is_thing { [66; 3] } else { ground };
                Rgba([red, green, blue, 255])
            })
        };
        let found = distances(&picture([40, 60, 200])).unwrap();
        assert_eq!([(0, 0), (20, 20)].map(|(x, y)| found.get_pixel(x, y).0[0]), [0, 134]);
        for grey in [[66; 3], [200, 190, 180], [0; 3]] {
            assert_eq!(distances(&picture(grey)), None, "{grey:?}");
        }
        let mut transparent = picture([40, 60, 200]);
        transparent.put_pixel(0, 0, Rgba([0; 4]));
        assert_eq!(distances(&transparent), None);
    }
}
