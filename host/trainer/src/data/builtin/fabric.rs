//! A garment's cloth: its shade at each pixel.

use super::draws::Draws;

/// The pattern that is printed on or woven into a cloth. Lengths are in pixels.
enum Pattern {
    Plain,
    /// Bands of one period across (x, y), half of them darker or lighter.
    Stripes {
        x: i32,
        y: i32,
        period: i32,
    },
    Checks {
        size: i32,
    },
    Dots {
        spacing: i32,
    },
    /// Another shade from a row downwards.
    Blocks {
        row: i32,
    },
    /// A patch of another shade.
    Print {
        left: i32,
        top: i32,
        width: i32,
        height: i32,
    },
}

/// A cloth: a shade that changes over the garment, a pattern, and the light on it.
pub struct Fabric {
    shade: i32,
    slope: (i32, i32),
    contrast: i32,
    pattern: Pattern,
}

impl Fabric {
    /// Draws a cloth.
    pub fn draw(draws: &mut Draws) -> Self {
        let shade = if draws.chance(20) { draws.range(60, 110) } else { draws.range(110, 240) };
        let slope = (draws.around(4), draws.around(4));
        let contrast = draws.range(20, 80);
        let pattern = match draws.range(0, 99) {
            0..45 => Pattern::Plain,
            45..62 => {
                let (x, y) = [(0, 2), (2, 0), (1, 1), (1, -1), (0, 2)][draws.range(0, 4) as usize];
                Pattern::Stripes { x, y, period: 2 * draws.range(3, 8) }
            }
            62..70 => Pattern::Checks { size: draws.range(2, 4) },
            70..78 => Pattern::Dots { spacing: draws.range(3, 5) },
            78..88 => Pattern::Blocks { row: draws.range(8, 19) },
            _ => Pattern::Print {
                left: draws.range(9, 13),
                top: draws.range(7, 14),
                width: draws.range(3, 8),
                height: draws.range(3, 8),
            },
        };
        // A pattern goes to the side of the scale that has room for it.
        let contrast = if shade > 140 { -contrast } else { contrast };
        Self { shade, slope, contrast, pattern }
    }

    /// Returns the shade at a pixel.
    pub fn shade(&self, column: usize, row: usize) -> i32 {
        let (x, y) = (column as i32, row as i32);
        let marked = match self.pattern {
            Pattern::Plain => false,
            Pattern::Stripes { x: across, y: down, period } => 2 * (across * x + down * y).rem_euclid(period) < period,
            Pattern::Checks { size } => (x / size + y / size) % 2 == 0,
            Pattern::Dots { spacing } => (x + y / spacing % 2 * (spacing / 2)) % spacing == 0 && y % spacing == 0,
            Pattern::Blocks { row } => y >= row,
            Pattern::Print { left, top, width, height } => {
                (left..left + width).contains(&x) && (top..top + height).contains(&y)
            }
        };
        let light = self.slope.0 * (x - 14) + self.slope.1 * (y - 14);
        self.shade + light + if marked { self.contrast } else { 0 }
    }
}
