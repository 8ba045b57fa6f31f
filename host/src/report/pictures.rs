//! Pictures of samples and of a first layer's weights.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use selvedge::{
    architecture::Architecture,
    preparation::{Element, Preparation},
    shape::InputShape,
};

use crate::picture;

/// The largest number of columns or rows of a sample's picture. A larger picture is shown with fewer pixels.
const LARGEST: usize = 96;
/// The largest number of units of the first layer that are shown. The second constant is the number in a row.
const UNITS: usize = 64;
const ACROSS: usize = 8;
/// The number of pixels between two units.
const GAP: usize = 1;
/// The colours of weights: of 0, of the most negative one, and of the most positive one.
const ZERO: [f32; 3] = [247.0; 3];
const NEGATIVE: [f32; 3] = [0.0, 90.0, 156.0];
const POSITIVE: [f32; 3] = [198.0, 86.0, 0.0];

/// Pixels of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// The number of columns.
    pub width: usize,
    /// The number of rows.
    pub height: usize,
    /// The bytes, row after row.
    pub bytes: Vec<u8>,
}

impl Pixels {
    fn new(width: usize, height: usize, shade: u8) -> Self {
        Self { width, height, bytes: vec![shade; width * height * 3] }
    }

    fn set(&mut self, x: usize, y: usize, pixel: [u8; 3]) {
        let place = (y * self.width + x) * 3;
        self.bytes[place..place + 3].copy_from_slice(&pixel);
    }

    /// Returns the bytes of a PNG file.
    ///
    /// # Errors
    ///
    /// [`io::Error`] in a build without the feature `pictures`.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        picture::png(&self.bytes, (self.width as u32, self.height as u32))
    }

    /// Returns the picture as a data address, for a page.
    ///
    /// # Errors
    ///
    /// The errors of [`png`](Self::png).
    pub fn address(&self) -> io::Result<String> {
        Ok(format!("data:image/png;base64,{}", STANDARD.encode(self.png()?)))
    }
}

/// Returns a sample as a picture, or `None` if samples are no images of one or three channels.
pub fn sample(values: &[u8], shape: InputShape, preparation: Preparation<'_>) -> Option<Pixels> {
    let [channels, height, width] = sides(shape)?;
    let shades: Vec<u8> = match preparation.element() {
        Element::U8 => values.to_vec(),
        _ => {
            let mut inputs = vec![0.0; channels * height * width];
            preparation.write(values, &mut inputs);
            let low = inputs.iter().copied().fold(f32::INFINITY, f32::min);
            let high = inputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let scale = 255.0 / (high - low).max(f32::MIN_POSITIVE);
            inputs.iter().map(|input| ((input - low) * scale) as u8).collect()
        }
    };
    let fewer = width.max(height).div_ceil(LARGEST);
    let (columns, rows) = (width.div_ceil(fewer), height.div_ceil(fewer));
    let mut pixels = Pixels::new(columns, rows, 0);
    for y in 0..rows {
        for x in 0..columns {
            let at = |channel: usize| {
                let place = (channel * height + y * fewer) * width + x * fewer;
                shades.get(place).copied().unwrap_or_default()
            };
            pixels.set(x, y, if channels == 3 { [at(0), at(1), at(2)] } else { [at(0); 3] });
        }
    }
    Some(pixels)
}

/// Returns the number of units shown, and one picture with their weights: at most 64 units of the first layer, those with the largest weights. A
/// weight of 0 is white, a negative one blue, and a positive one orange; of three channels, the mean is shown.
///
/// Returns `None` if the inputs are not images of one or three channels, if an image has more than 96 rows or columns, or if the first layer
/// does not take the pixels.
pub fn first_layer(architecture: &Architecture, flat: &[f32], shape: InputShape) -> Option<(usize, Pixels)> {
    let [channels, height, width] = sides(shape)?;
    let inputs = channels * height * width;
    let weight = architecture.parameters().find(|parameter| parameter.shape.len() == 2)?;
    if weight.shape.get(1).copied() != u32::try_from(inputs).ok() || width.max(height) > LARGEST {
        return None;
    }
    let rows: Vec<&[f32]> = weight.values(flat)?.chunks_exact(inputs).collect();
    let size = |row: &[f32]| row.iter().map(|weight| f64::from(*weight).powi(2)).sum::<f64>();
    let mut units: Vec<usize> = (0..rows.len()).collect();
    units.sort_by(|&a, &b| size(rows[b]).total_cmp(&size(rows[a])).then(a.cmp(&b)));
    units.truncate(UNITS);
    let across = units.len().clamp(1, ACROSS);
    let down = units.len().div_ceil(across);
    let mut pixels = Pixels::new(across * (width + GAP) - GAP, down.max(1) * (height + GAP) - GAP, 128);
    for (place, &unit) in units.iter().enumerate() {
        let (left, top) = (place % across * (width + GAP), place / across * (height + GAP));
        let row = rows[unit];
        let largest = row.iter().fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
        for y in 0..height {
            for x in 0..width {
                // Of several channels, their mean.
                let sum: f32 = (0..channels).map(|channel| row[(channel * height + y) * width + x]).sum();
                pixels.set(left + x, top + y, colour(sum / channels as f32 / largest));
            }
        }
    }
    Some((units.len(), pixels))
}

/// Returns the colour of a weight from −1 to 1.
fn colour(weight: f32) -> [u8; 3] {
    let end = if weight < 0.0 { NEGATIVE } else { POSITIVE };
    let part = weight.abs().min(1.0);
    let mixed = |place: usize| (ZERO[place] + (end[place] - ZERO[place]) * part).round() as u8;
    [mixed(0), mixed(1), mixed(2)]
}

/// Returns the channels, rows and columns of an image that can be shown.
fn sides(shape: InputShape) -> Option<[usize; 3]> {
    match shape {
        InputShape::Image { channels: channels @ (1 | 3), height, width } => {
            Some([channels, height, width].map(|side| side as usize))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: InputShape = InputShape::Image { channels: 1, height: 1, width: 2 };

    #[test]
    fn a_sample_is_its_values() {
        let pixels = sample(&[3, 200], SHAPE, Preparation::Bytes).unwrap();
        assert_eq!((pixels.width, pixels.height, &pixels.bytes[..]), (2, 1, &[3, 3, 3, 200, 200, 200][..]));
        let rgb = InputShape::Image { channels: 3, height: 1, width: 2 };
        assert_eq!(sample(&[1, 2, 3, 4, 5, 6], rgb, Preparation::Bytes).unwrap().bytes, [1, 3, 5, 2, 4, 6]);
        assert_eq!(sample(&[1, 2], InputShape::Features(2), Preparation::Bytes), None);
        let large = InputShape::Image { channels: 1, height: 300, width: 200 };
        let pixels = sample(&[9; 60_000], large, Preparation::Bytes).unwrap();
        assert_eq!((pixels.width, pixels.height), (50, 75));
    }

    #[test]
    fn a_weight_has_its_signs_colour() {
        let layers: Architecture = "2 => 3 Relu => 2".parse().unwrap();
        let flat: Vec<f32> = [[0.1, -0.1], [2.0, 0.0], [0.0, -9.0]].concat().into_iter().chain([0.0; 12]).collect();
        let (units, pixels) = first_layer(&layers, &flat, SHAPE).unwrap();
        assert_eq!((units, pixels.width, pixels.height), (3, 8, 1));
        // The largest weights first.
        assert_eq!(pixels.bytes[..6], [247, 247, 247, 0, 90, 156]);
        assert_eq!(pixels.bytes[9..15], [198, 86, 0, 247, 247, 247]);
        assert_eq!(first_layer(&layers, &flat, InputShape::Features(2)), None);
    }
}
