//! An image as text.

use std::{
    env,
    fmt::Write,
    io::{self, IsTerminal},
};

/// The characters and colours that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shades {
    /// 24-bit colours.
    True,
    /// 256 colours, 24 of them grays.
    Indexed,
    /// Letters only.
    Letters,
}

impl Shades {
    /// Returns the abilities of standard output. `NO_COLOR` (no-color.org) selects letters without colours.
    fn of_stdout() -> Self {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        if !io::stdout().is_terminal() || set("NO_COLOR") || env::var_os("TERM").is_some_and(|term| term == "dumb") {
            Self::Letters
        } else if env::var("COLORTERM").is_ok_and(|value| value == "truecolor" || value == "24bit") {
            Self::True
        } else {
            Self::Indexed
        }
    }
}

/// Returns an image in shades of grey with this number of columns as lines of text. Each column is a character, and each line shows two rows:
/// as half blocks on a terminal with colours, else as letters.
pub fn terminal(image: &[u8], width: usize) -> String {
    render([image; 3], width, Shades::of_stdout())
}

/// Does the same as [`terminal()`], for an image in three planes: red, green and blue.
pub fn terminal_in_colours(image: &[u8], width: usize) -> String {
    let plane = image.len() / 3;
    render([0, 1, 2].map(|channel| &image[channel * plane..][..plane]), width, Shades::of_stdout())
}

/// Returns the lines. Each character shows two pixels, one above the other.
fn render(planes: [&[u8]; 3], width: usize, shades: Shades) -> String {
    let mut text = String::new();
    let width = width.max(1);
    // Below the last of an odd number of rows is black.
    let pixel = |place: usize| planes.map(|plane| plane.get(place).copied().unwrap_or_default());
    for first in (0..planes[0].len()).step_by(2 * width) {
        for place in first..(first + width).min(planes[0].len()) {
            let (upper, lower) = (pixel(place), pixel(place + width));
            // Writing to a string cannot fail.
            let _ = match shades {
                Shades::True => {
                    let ([r, g, b], [red, green, blue]) = (upper, lower);
                    write!(text, "\x1b[38;2;{r};{g};{b};48;2;{red};{green};{blue}m▀")
                }
                Shades::Indexed => write!(text, "\x1b[38;5;{};48;5;{}m▀", indexed(upper), indexed(lower)),
                Shades::Letters => write!(text, "{}", letter(light(upper), light(lower))),
            };
        }
        text.push_str(if shades == Shades::Letters { "\n" } else { "\x1b[0m\n" });
    }
    text
}

/// Returns the brightness of a colour (ITU-R BT.601).
fn light([red, green, blue]: [u8; 3]) -> u8 {
    ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) + 500) / 1000) as u8
}

/// Returns the nearest of the 256 colours: a [`gray`] for grey, else a colour of the cube with the levels 0, 95, 135, … 255.
fn indexed(pixel: [u8; 3]) -> u8 {
    let [red, green, blue] = pixel;
    if red == green && green == blue {
        return gray(red);
    }
    let [red, green, blue] = pixel.map(|level| match level {
        0..48 => 0,
        48..115 => 1,
        115.. => (level - 35) / 40,
    });
    16 + 36 * red + 6 * green + blue
}

/// Returns the nearest of the 256 colours' grays: 16 is black, 232 to 255 are 8, 18, … 238, and 231 is white.
fn gray(shade: u8) -> u8 {
    match shade {
        0..4 => 16,
        4..247 => 232 + (shade - 3).min(234) / 10,
        247.. => 231,
    }
}

/// Returns a letter with as much ink as two pixels have brightness.
fn letter(upper: u8, lower: u8) -> char {
    const INK: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
    INK[(usize::from(upper) + usize::from(lower)) * INK.len() / 511]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an image with black above, white below, and one gray pixel.
    fn image() -> [u8; 784] {
        let mut image = [0; 784];
        image[392..].fill(255);
        image[0] = 128;
        image
    }

    fn grey(image: &[u8], width: usize, shades: Shades) -> String {
        render([image; 3], width, shades)
    }

    #[test]
    fn colours_are_those_of_three_planes() {
        let planes: [&[u8]; 3] = [&[255, 0], &[0, 0], &[0, 255]];
        assert_eq!(render(planes, 1, Shades::True), "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m\n");
        assert_eq!(render(planes, 1, Shades::Indexed), "\x1b[38;5;196;48;5;21m▀\x1b[0m\n");
        assert_eq!(indexed([95, 135, 175]), 16 + 36 + 12 + 3);
        assert_eq!(render([&[255; 2], &[255; 2], &[255; 2]], 2, Shades::Letters), "==\n");
    }

    #[test]
    fn letters_get_heavier_with_light() {
        let text = grey(&image(), 28, Shades::Letters);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 14);
        assert_eq!((lines[0].trim_end(), lines[6], lines[7]), (":", &*" ".repeat(28), &*"@".repeat(28)));
    }

    #[test]
    fn an_odd_row_stands_above_black() {
        assert_eq!(grey(&[255; 9], 3, Shades::Letters), "@@@\n===\n");
    }

    #[test]
    fn blocks_show_two_rows_at_once() {
        let text = grey(&image(), 28, Shades::True);
        assert!(text.starts_with("\x1b[38;2;128;128;128;48;2;0;0;0m▀"));
        assert_eq!(text.matches('▀').count(), 28 * 14);
        assert!(text.lines().all(|line| line.ends_with("\x1b[0m")));
        assert!(grey(&image(), 28, Shades::Indexed).starts_with("\x1b[38;5;244;48;5;16m▀"));
    }

    #[test]
    fn grays_are_the_nearest() {
        let value = |index| match index {
            16 => 0,
            231 => 255,
            _ => 8 + 10 * (i32::from(index) - 232),
        };
        for shade in 0..=255 {
            let distance = |index: u8| (value(index) - i32::from(shade)).abs();
            let least = (232..=255).chain([16, 231]).map(distance).min();
            assert_eq!(Some(distance(gray(shade))), least, "{shade}");
        }
    }
}
