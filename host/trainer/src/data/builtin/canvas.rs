//! A 28×28 canvas that fills polygons. It uses only integers, so every machine draws the same bytes.

use std::ops::Range;

use selvedge::fashion_mnist::SIDE;

/// Units of a pixel: coordinates on the canvas are in 1/256 pixel.
pub const PIXEL: i32 = 256;
/// Scan lines for each row of pixels; along a line, coverage is exact.
const LINES: usize = 4;
/// The distance of two scan lines.
const STEP: i32 = PIXEL / LINES as i32;
/// The coverage of a whole pixel.
const FULL: i32 = PIXEL * LINES as i32;

/// A corner: x to the right, y down.
pub type Point = (i32, i32);

/// Shades from 0 (background) to 255, in 28 rows.
pub struct Canvas {
    /// The shades. They may be beyond 0..=255 while paints are added.
    pub shades: [[i32; SIDE]; SIDE],
}

impl Canvas {
    /// Returns a canvas that is all background.
    pub const fn new() -> Self {
        Self { shades: [[0; SIDE]; SIDE] }
    }

    /// Paints a polygon (even-odd rule), with blended edges. `paint` gives the shade at a column and row.
    pub fn fill(&mut self, outline: &[Point], paint: impl Fn(usize, usize) -> i32) {
        let crossings = Crossings::of(outline);
        for (row, shades) in self.shades.iter_mut().enumerate() {
            let of_row = &crossings.places[crossings.ends[LINES * row]..crossings.ends[LINES * (row + 1)]];
            if of_row.is_empty() {
                continue;
            }
            let mut coverage = [0; SIDE];
            // A closed outline crosses each line an even number of times.
            for [left, right] in of_row.as_chunks::<2>().0 {
                cover(&mut coverage, *left, *right);
            }
            for (column, (shade, covered)) in shades.iter_mut().zip(coverage).enumerate() {
                if covered > 0 {
                    *shade += (paint(column, row) - *shade) * covered / FULL;
                }
            }
        }
    }
}

/// The places where an outline crosses the canvas' scan lines.
struct Crossings {
    /// The places: line by line from the top, and from left to right in each line.
    places: Vec<i32>,
    /// The number of places above each line, and of all.
    ends: [usize; SIDE * LINES + 1],
}

impl Crossings {
    fn of(outline: &[Point]) -> Self {
        let mut ends = [0; SIDE * LINES + 1];
        for (a, b) in edges(outline) {
            lines(a, b).for_each(|line| ends[line + 1] += 1);
        }
        for line in 0..SIDE * LINES {
            ends[line + 1] += ends[line];
        }
        let mut places = vec![0; ends[SIDE * LINES]];
        let mut next = ends;
        for (a, b) in edges(outline) {
            for line in lines(a, b) {
                let y = line as i32 * STEP + STEP / 2;
                places[next[line]] = a.0 + (y - a.1) * (b.0 - a.0) / (b.1 - a.1);
                next[line] += 1;
            }
        }
        for line in 0..SIDE * LINES {
            places[ends[line]..ends[line + 1]].sort_unstable();
        }
        Self { places, ends }
    }
}

/// Returns the edges of a closed outline.
fn edges(outline: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    outline.iter().copied().zip(outline.iter().copied().cycle().skip(1))
}

/// Returns the scan lines that an edge crosses. The interval is half open, so that a corner on a line counts once.
fn lines(a: Point, b: Point) -> Range<usize> {
    let line_from = |y: i32| (y + STEP / 2 - 1).div_euclid(STEP).clamp(0, (SIDE * LINES) as i32) as usize;
    line_from(a.1.min(b.1))..line_from(a.1.max(b.1))
}

/// Adds to each pixel of a row the part of it that lies between two crossings.
fn cover(coverage: &mut [i32; SIDE], left: i32, right: i32) {
    let (left, right) = (left.max(0), right.min(SIDE as i32 * PIXEL));
    for column in left / PIXEL..(right + PIXEL - 1).div_euclid(PIXEL) {
        let start = column * PIXEL;
        coverage[column as usize] += right.min(start + PIXEL) - left.max(start);
    }
}

/// Rounds a polygon's corners (Chaikin 1974). Each edge keeps its middle half, and the cut corners become edges.
pub fn rounded(outline: &[Point]) -> Vec<Point> {
    let ends = outline.iter().cycle().skip(1);
    let cut = |(a, b): (&Point, &Point)| {
        [((3 * a.0 + b.0) / 4, (3 * a.1 + b.1) / 4), ((a.0 + 3 * b.0) / 4, (a.1 + 3 * b.1) / 4)]
    };
    outline.iter().zip(ends).flat_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_blend_by_the_part_that_they_cover() {
        let mut canvas = Canvas::new();
        let (left, right) = (2 * PIXEL + PIXEL / 2, 4 * PIXEL + PIXEL / 4);
        canvas.fill(&[(left, PIXEL), (right, PIXEL), (right, 3 * PIXEL), (left, 3 * PIXEL)], |_, _| 200);
        for (row, shades) in canvas.shades.iter().enumerate() {
            let expected = if (1..3).contains(&row) { [0, 0, 100, 200, 50, 0] } else { [0; 6] };
            assert_eq!(shades[..6], expected, "row {row}");
        }
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let far = 100 * PIXEL;
        let mut canvas = Canvas::new();
        canvas.fill(&[(-far, -far), (far, -far), (far, far), (-far, far)], |column, row| (column + row) as i32);
        for (row, shades) in canvas.shades.iter().enumerate() {
            for (column, &shade) in shades.iter().enumerate() {
                assert_eq!(shade, (column + row) as i32);
            }
        }
    }

    #[test]
    fn rounding_cuts_each_corner_once() {
        assert_eq!(
            rounded(&[(0, 0), (8, 0), (8, 8), (0, 8)]),
            [(2, 0), (6, 0), (8, 2), (8, 6), (6, 8), (2, 8), (0, 6), (0, 2)]
        );
    }
}
