//! A picture of a data set: bars for the numbers of samples of the classes, and a panel for each feature or class.

use std::{
    io::{self, Cursor},
    path::Path,
};

use image::{ImageFormat, Rgb, RgbImage, imageops};

use super::{Chart, Panel, Spread, sheet};
use crate::files::write_whole;

/// The picture's width. The further constant is the space around its parts.
const WIDTH: u32 = 1000;
const MARGIN: u32 = 20;
/// The height of a class's row. The further constants are the places of its name and of its numbers.
const ROW: u32 = 24;
const NAME: u32 = 180;
const NUMBERS: u32 = 160;
/// The largest number of rows.
const ROWS: usize = 30;
/// The size of a panel's plot. The further constants are for the text below.
const PLOT: (u32, u32) = (304, 160);
const TEXT: u32 = 20;
const COLUMNS: u32 = 3;

const GROUND: Rgb<u8> = Rgb([34; 3]);
const PLOT_GROUND: Rgb<u8> = Rgb([48; 3]);
/// The colours of the classes: Tableau's ten colours.
const COLOURS: [[u8; 3]; 10] = [
    [31, 119, 180],
    [255, 127, 14],
    [44, 160, 44],
    [214, 39, 40],
    [148, 103, 189],
    [140, 86, 75],
    [227, 119, 194],
    [127, 127, 127],
    [188, 189, 34],
    [23, 190, 207],
];

/// Draws a chart.
pub fn chart(chart: &Chart) -> RgbImage {
    let rows = chart.classes.len().min(ROWS + 1) as u32;
    let top = MARGIN + TEXT + rows * ROW + MARGIN;
    let lines = (chart.panels.len() as u32).div_ceil(COLUMNS);
    let mut picture = RgbImage::from_pixel(WIDTH, top + lines * (PLOT.1 + TEXT + MARGIN), GROUND);
    bars(&mut picture, chart);
    for (panel, place) in chart.panels.iter().zip(0..) {
        let left = MARGIN + place % COLUMNS * (PLOT.0 + MARGIN);
        draw(&mut picture, panel, (left, top + place / COLUMNS * (PLOT.1 + TEXT + MARGIN)));
    }
    picture
}

/// Saves a drawing of bars and lines as a PNG file, whole or not at all.
///
/// # Errors
///
/// [`io::Error`] if the file cannot be written; its text names the file.
pub fn save_chart(path: &Path, chart: &Chart) -> io::Result<()> {
    let mut png = Cursor::new(Vec::new());
    self::chart(chart).write_to(&mut png, ImageFormat::Png).expect("memory takes every PNG of at least a pixel");
    write_whole(path, png.get_ref()).map_err(io::Error::other)
}

fn colour(class: usize) -> Rgb<u8> {
    Rgb(COLOURS[class % COLOURS.len()])
}

/// Draws a row for each class: its name, a bar of its training samples, a paler bar of its test samples, and both numbers.
fn bars(picture: &mut RgbImage, chart: &Chart) {
    sheet::write(picture, "samples to train on + to test on", (MARGIN, MARGIN / 2), WIDTH - 2 * MARGIN);
    let most = chart.classes.iter().map(|(_, [train, test])| train + test).max().unwrap_or(0).max(1) as f64;
    let room = f64::from(WIDTH - 2 * MARGIN - NAME - NUMBERS);
    for (class, (name, [train, test])) in chart.classes.iter().enumerate().take(ROWS) {
        let top = MARGIN + TEXT + class as u32 * ROW;
        sheet::write(picture, name, (MARGIN, top), NAME);
        let [train_width, test_width] = [train, test].map(|count| (*count as f64 / most * room) as u32);
        let left = MARGIN + NAME;
        fill(picture, (left, top), (train_width, ROW - 6), colour(class), 1.0);
        fill(picture, (left + train_width, top), (test_width, ROW - 6), colour(class), 0.5);
        sheet::write(picture, &format!("{train} + {test}"), (WIDTH - MARGIN - NUMBERS, top), NUMBERS);
    }
    if let Some(more) = chart.classes.len().checked_sub(ROWS).filter(|&more| more > 0) {
        sheet::write(picture, &format!("and {more} more classes"), (MARGIN, MARGIN + TEXT + ROWS as u32 * ROW), WIDTH);
    }
}

fn draw(picture: &mut RgbImage, panel: &Panel, (left, top): (u32, u32)) {
    let (width, height) = PLOT;
    let title = match panel {
        Panel::Image { title, size, channels, values } => {
            image_panel(picture, (left, top), *size, *channels, values);
            title.clone()
        }
        Panel::Histogram { title, low, high, classes } => {
            fill(picture, (left, top), PLOT, PLOT_GROUND, 1.0);
            let most = classes.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
            for (class, shares) in classes.iter().enumerate() {
                let step = width / shares.len().max(1) as u32;
                for (share, x) in shares.iter().zip((left..).step_by(step as usize)) {
                    let tall = (share / most * f64::from(height - 4)) as u32;
                    fill(picture, (x, top + height - tall), (step, tall), colour(class), 0.35);
                    fill(picture, (x, top + height - tall), (step, tall.min(2)), colour(class), 1.0);
                }
            }
            format!("{low} … {title} … {high}").replace('…', "..")
        }
        Panel::Curves { title, classes } => {
            fill(picture, (left, top), PLOT, PLOT_GROUND, 1.0);
            let ends = |sign: f64| classes.iter().flatten().map(move |spread| spread.mean + sign * spread.deviation);
            let (low, high) = (ends(-1.0).fold(f64::INFINITY, f64::min), ends(1.0).fold(f64::NEG_INFINITY, f64::max));
            let y = |value: f64| {
                let part = (high - value) / (high - low).max(f64::MIN_POSITIVE);
                (part.clamp(0.0, 1.0) * f64::from(height - 1)) as u32
            };
            for (class, points) in classes.iter().enumerate() {
                curve(picture, (left, top), points, y, colour(class));
            }
            format!("{low:.3} .. {title} .. {high:.3}")
        }
    };
    sheet::write(picture, &title, (left, top + height + 2), width);
}

/// Draws a mean as a line, and the deviation to each side as a pale band.
fn curve(picture: &mut RgbImage, (left, top): (u32, u32), points: &[Spread], y: impl Fn(f64) -> u32, colour: Rgb<u8>) {
    let last = points.len().saturating_sub(1) as f64;
    let mut before = None;
    for x in 0..PLOT.0 {
        let place = f64::from(x) / f64::from(PLOT.0 - 1) * last;
        let (Some(from), Some(to)) = (points.get(place as usize), points.get(place.ceil() as usize)) else { continue };
        let between = |a: f64, b: f64| a + (b - a) * place.fract();
        let (mean, deviation) = (between(from.mean, to.mean), between(from.deviation, to.deviation));
        let (high, low) = (y(mean + deviation), y(mean - deviation));
        fill(picture, (left + x, top + high), (1, low.saturating_sub(high) + 1), colour, 0.15);
        let (now, then) = (y(mean), before.unwrap_or(y(mean)));
        fill(picture, (left + x, top + now.min(then)), (1, now.abs_diff(then) + 2), colour, 1.0);
        before = Some(now);
    }
}

/// Draws a mean picture, as large as a plot.
fn image_panel(
    picture: &mut RgbImage,
    (left, top): (u32, u32),
    (width, height): (u32, u32),
    channels: u32,
    values: &[u8],
) {
    let plane = width as usize * height as usize;
    let mean = RgbImage::from_fn(width.max(1), height.max(1), |x, y| {
        let at = |channel: usize| values.get(channel * plane + (y * width + x) as usize).copied().unwrap_or_default();
        Rgb(if channels == 3 { [at(0), at(1), at(2)] } else { [at(0); 3] })
    });
    let scale = (f64::from(PLOT.0) / f64::from(width.max(1))).min(f64::from(PLOT.1) / f64::from(height.max(1)));
    let size = |side: u32| ((f64::from(side) * scale) as u32).max(1);
    let enlarged = imageops::resize(&mean, size(width), size(height), imageops::FilterType::Nearest);
    imageops::replace(picture, &enlarged, (left + (PLOT.0 - enlarged.width().min(PLOT.0)) / 2).into(), top.into());
}

/// Mixes a colour into a rectangle, as far as the rectangle lies on the picture.
fn fill(picture: &mut RgbImage, (left, top): (u32, u32), (width, height): (u32, u32), colour: Rgb<u8>, part: f32) {
    for y in top..(top + height).min(picture.height()) {
        for x in left..(left + width).min(picture.width()) {
            let pixel = picture.get_pixel_mut(x, y);
            for (below, above) in pixel.0.iter_mut().zip(colour.0) {
                *below = (f32::from(*below) * (1.0 - part) + f32::from(above) * part).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_bars_and_panels() {
        let spread = |mean| Spread { mean, deviation: 0.5 };
        let panels = vec![
            Panel::Histogram { title: "a".into(), low: 0.0, high: 1.0, classes: vec![vec![1.0, 0.0], vec![0.0, 1.0]] },
            Panel::Curves {
                title: "b".into(),
                classes: vec![vec![spread(0.0), spread(1.0)], vec![spread(2.0), spread(2.0)]],
            },
            Panel::Image { title: "c".into(), size: (2, 1), channels: 1, values: vec![0, 255] },
            Panel::Histogram { title: "d".into(), low: 3.0, high: 3.0, classes: vec![] },
            Panel::Curves { title: "e".into(), classes: vec![vec![], vec![spread(f64::NAN)]] },
        ];
        let drawn = chart(&Chart { classes: vec![("x".into(), [30, 10]), ("y".into(), [0, 0])], panels });
        let has = |left: u32, top: u32, size: (u32, u32), colour: Rgb<u8>| {
            imageops::crop_imm(&drawn, left, top, size.0, size.1).to_image().pixels().any(|pixel| *pixel == colour)
        };
        assert!(has(MARGIN + NAME, MARGIN + TEXT, (50, 10), colour(0)));
        assert!(!has(MARGIN + NAME, MARGIN + TEXT + ROW, (500, 10), colour(1)));
        let top = MARGIN + TEXT + 2 * ROW + MARGIN;
        for place in 0..2 {
            let left = MARGIN + place * (PLOT.0 + MARGIN);
            assert!(has(left, top, PLOT, colour(0)) && has(left, top, PLOT, colour(1)), "{place}");
        }
        assert!(has(MARGIN + 2 * (PLOT.0 + MARGIN), top, PLOT, Rgb([255; 3])));
        let many = Chart { classes: vec![("x".into(), [1, 1]); 300], panels: Vec::new() };
        assert_eq!(chart(&many).width(), WIDTH);
    }
}
