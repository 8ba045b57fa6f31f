//! The parts of a garment: each is a polygon and its paint; later parts lie on top.
//!
//! Coordinates run from -100 to 100, x to the right and y down; the pose brings them onto the canvas.

use super::canvas::Point;

/// The filling of a part.
pub enum Paint {
    /// The garment's cloth, lighter or darker by this much.
    Cloth(i32),
    /// One shade, whatever the cloth; 0 cuts a hole.
    Flat(i32),
}

/// A polygon and its paint.
pub struct Part {
    /// The corners.
    pub outline: Vec<Point>,
    /// The fill.
    pub paint: Paint,
}

impl Part {
    /// Returns a part of the garment's cloth, lighter or darker by `tone`.
    pub const fn cloth(outline: Vec<Point>, tone: i32) -> Self {
        Self { outline, paint: Paint::Cloth(tone) }
    }

    /// Returns a part where the background shows.
    pub const fn hole(outline: Vec<Point>) -> Self {
        Self { outline, paint: Paint::Flat(0) }
    }
}

/// Returns the outline whose right half, from top to bottom, is given.
pub fn mirrored(right: &[Point]) -> Vec<Point> {
    let left = right.iter().rev().map(|&(x, y)| (-x, y));
    right.iter().copied().chain(left).collect()
}

/// Returns a straight band between two points, `2 · half` wide. The width is vertical if the band is more horizontal than vertical, else
/// horizontal.
pub fn band(from: Point, to: Point, half: i32) -> Vec<Point> {
    let (x, y) = if (to.0 - from.0).abs() > (to.1 - from.1).abs() { (0, half) } else { (half, 0) };
    vec![(from.0 - x, from.1 - y), (from.0 + x, from.1 + y), (to.0 + x, to.1 + y), (to.0 - x, to.1 - y)]
}
