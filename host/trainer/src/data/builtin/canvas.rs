//! A 28×28 canvas that fills polygons. It uses only integers, so every machine draws the same bytes.

use selvedge::fashion_mnist::SIDE;

/// Units of a pixel: coordinates on the canvas are in 1/256 pixel.
pub const PIXEL: i32 = 256;
/// Scan lines for each row of pixels; along a line, coverage is exact.
const LINES: i32 = 4;
/// The coverage of a whole pixel.
const FULL: i32 = PIXEL * LINES;

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
        let mut crossings = Vec::new();
        for (row, shades) in self.shades.iter_mut().enumerate() {
            let mut coverage = [0; SIDE];
            for line in 0..LINES {
                let y = row as i32 * PIXEL + (2 * line + 1) * PIXEL / (2 * LINES);
                cross(outline, y, &mut crossings);
                for span in crossings.as_chunks::<2>().0 {
                    cover(&mut coverage, *span);
                }
            }
            for (column, (shade, covered)) in shades.iter_mut().zip(coverage).enumerate() {
                if covered > 0 {
                    *shade += (paint(column, row) - *shade) * covered / FULL;
                }
            }
        }
    }
}

/// Finds the places where the outline crosses the horizontal line at `y`, from left to right.
fn cross(outline: &[Point], y: i32, crossings: &mut Vec<i32>) {
    crossings.clear();
    let ends = outline.iter().cycle().skip(1);
    for (&(x0, y0), &(x1, y1)) in outline.iter().zip(ends) {
        // Half open, so that a corner on the line counts once.
        if (y0 <= y) != (y1 <= y) {
            crossings.push(x0 + (y - y0) * (x1 - x0) / (y1 - y0));
        }
    }
    crossings.sort_unstable();
}

/// Adds to each pixel of a row the part of it that lies between two crossings.
fn cover(coverage: &mut [i32; SIDE], [left, right]: [i32; 2]) {
    for (column, covered) in coverage.iter_mut().enumerate() {
        let start = column as i32 * PIXEL;
        *covered += (right.min(start + PIXEL) - left.max(start)).max(0);
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
