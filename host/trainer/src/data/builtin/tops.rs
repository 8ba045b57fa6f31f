//! Tops: T-shirt, pullover, shirt, coat and dress. They share their outline, and differ by sleeves, neck and opening.

use super::{
    canvas::Point,
    draws::Draws,
    part::{Paint, Part, band, mirrored},
};

/// The measures that all tops have.
struct Cut {
    /// Half the neck's width, and how deep it is cut.
    neck: i32,
    depth: i32,
    /// Half the width at the shoulders, at the waist and at the hem.
    shoulder: i32,
    waist: i32,
    hem: i32,
    /// The height of the hem.
    bottom: i32,
}

const TOP: i32 = -90;
const ARMPIT: i32 = -38;

impl Cut {
    fn draw(draws: &mut Draws) -> Self {
        let shoulder = draws.range(40, 54);
        let waist = shoulder - draws.range(2, 14);
        Self {
            neck: draws.range(12, 24),
            depth: draws.range(6, 24),
            shoulder,
            waist,
            hem: waist + draws.range(-3, 12),
            bottom: draws.range(62, 92),
        }
    }

    /// Returns the body, with the neck cut out.
    fn body(&self, tone: i32) -> Part {
        let right = [
            (self.neck * 2 / 3, TOP + self.depth * 3 / 4),
            (self.neck, TOP),
            (self.shoulder, TOP + 12),
            (self.shoulder - 4, ARMPIT),
            (self.waist, 15),
            (self.hem, self.bottom),
        ];
        let mut outline = mirrored(&right);
        outline.push((0, TOP + self.depth));
        Part::cloth(outline, tone)
    }

    /// Returns both sleeves: `length` along the arm, which leans outwards by `lean` in a hundred, and `cuff` for half the cuff's width.
    fn sleeves(&self, length: i32, lean: i32, cuff: i32, tone: i32) -> [Part; 2] {
        let (x, y) = (self.shoulder + length * lean / 100, TOP + 20 + length * (130 - lean) / 100);
        let rise = cuff * lean / 100;
        let right: [Point; 5] = [
            (self.shoulder - 8, TOP + 9),
            (self.shoulder + 4, TOP + 16),
            (x + cuff, y - rise),
            (x - cuff, y + rise),
            (self.shoulder - 6, ARMPIT + 4),
        ];
        let left = right.map(|(x, y)| (-x, y));
        [Part::cloth(right.into(), tone), Part::cloth(left.into(), tone)]
    }

    /// Returns a seam along the neck.
    fn collar_band(&self, tone: i32) -> Part {
        let (neck, depth) = (self.neck + 2, TOP + self.depth);
        Part::cloth(
            vec![
                (-neck, TOP - 1),
                (0, depth + 1),
                (neck, TOP - 1),
                (neck + 4, TOP + 4),
                (0, depth + 11),
                (-neck - 4, TOP + 4),
            ],
            tone,
        )
    }

    /// Returns a band across the hem.
    fn hem_band(&self, height: i32, tone: i32) -> Part {
        Part::cloth(mirrored(&[(self.hem, self.bottom - height), (self.hem, self.bottom)]), tone)
    }
}

fn long_sleeves(cut: &Cut, draws: &mut Draws) -> [Part; 2] {
    let (length, lean) = (draws.range(95, 135), draws.range(8, 38));
    let (cuff, tone) = (draws.range(7, 13), draws.range(-30, 15));
    cut.sleeves(length, lean, cuff, tone)
}

fn short_sleeves(cut: &Cut, draws: &mut Draws) -> [Part; 2] {
    let (length, lean) = (draws.range(22, 52), draws.range(35, 85));
    let (cuff, tone) = (draws.range(11, 17), draws.range(-30, 15));
    cut.sleeves(length, lean, cuff, tone)
}

/// Returns a tone that stands out from the cloth, darker or lighter.
fn contrast(draws: &mut Draws, low: i32, high: i32) -> i32 {
    let tone = draws.range(low, high);
    if draws.chance(50) { -tone } else { tone }
}

pub fn t_shirt(draws: &mut Draws) -> Vec<Part> {
    let cut = Cut::draw(draws);
    let mut parts = Vec::new();
    match draws.range(0, 99) {
        0..8 => {}
        8..12 => parts.extend(long_sleeves(&cut, draws)),
        _ => parts.extend(short_sleeves(&cut, draws)),
    }
    parts.push(cut.body(0));
    if draws.chance(35) {
        parts.push(cut.collar_band(draws.range(-60, 40)));
    }
    parts
}

pub fn pullover(draws: &mut Draws) -> Vec<Part> {
    let cut = Cut { depth: draws.range(2, 14), ..Cut::draw(draws) };
    let mut parts: Vec<_> = long_sleeves(&cut, draws).into();
    parts.push(cut.body(0));
    if draws.chance(85) {
        parts.push(cut.collar_band(draws.range(-50, 40)));
    }
    if draws.chance(75) {
        parts.push(cut.hem_band(draws.range(8, 15), draws.range(-50, 20)));
    }
    if draws.chance(15) {
        // A hood lies behind the neck.
        let hood = cut.neck + draws.range(2, 10);
        parts.insert(0, Part::cloth(mirrored(&[(hood - 8, TOP - 10), (hood, TOP + 6)]), -35));
    }
    parts
}

pub fn shirt(draws: &mut Draws) -> Vec<Part> {
    let cut = Cut { depth: draws.range(6, 16), ..Cut::draw(draws) };
    let mut parts: Vec<_> =
        if draws.chance(80) { long_sleeves(&cut, draws) } else { short_sleeves(&cut, draws) }.into();
    parts.push(cut.body(0));
    // The button placket, darker or lighter, whole or halfway down.
    let end = if draws.chance(80) { cut.bottom } else { draws.range(-30, 10) };
    let tone = contrast(draws, 60, 110);
    parts.push(Part::cloth(band((0, TOP + cut.depth), (0, end), draws.range(4, 7)), tone));
    // Two collar points over a closed neck.
    let (tone, drop) = (contrast(draws, 60, 110), draws.range(22, 34));
    let point = |side: i32| vec![(0, TOP + 8), (side * (cut.neck + 6), TOP - 4), (side * (cut.neck - 1), TOP + drop)];
    parts.extend([-1, 1].map(|side| Part::cloth(point(side), tone)));
    parts
}

pub fn coat(draws: &mut Draws) -> Vec<Part> {
    let mut cut = Cut::draw(draws);
    cut.bottom = draws.range(78, 95);
    cut.hem += draws.range(0, 10);
    cut.shoulder += draws.range(0, 5);
    let mut parts: Vec<_> = long_sleeves(&cut, draws).into();
    parts.push(cut.body(0));
    let opening = draws.around(7);
    if draws.chance(45) {
        // Worn open: the lining or the background shows in a wedge.
        let (width, shade) = (draws.range(3, 9), draws.range(0, 40));
        let wedge = vec![
            (opening - 2, TOP + cut.depth),
            (opening + 2, TOP + cut.depth),
            (opening + width, cut.bottom + 1),
            (opening - width, cut.bottom + 1),
        ];
        parts.push(Part { outline: wedge, paint: Paint::Flat(shade) });
    } else if draws.chance(92) {
        parts.push(Part::cloth(band((opening, TOP + cut.depth), (opening, cut.bottom), 4), draws.range(-120, -70)));
    }
    if draws.chance(80) {
        // Lapels.
        let (drop, tone) = (draws.range(25, 60), contrast(draws, 40, 80));
        let lapel = |side: i32| {
            vec![
                (side * cut.neck, TOP),
                (side * (cut.neck + 12), TOP + 10),
                (opening + side * 2, TOP + cut.depth + drop),
                (opening + side * 2, TOP + cut.depth),
            ]
        };
        parts.extend([-1, 1].map(|side| Part::cloth(lapel(side), tone)));
    }
    if draws.chance(50) {
        // Pockets.
        let (y, tone) = (draws.range(15, 45), draws.range(-70, -35));
        parts.extend(
            [-1, 1]
                .map(|side| Part::cloth(band((side * (cut.waist - 20), y), (side * (cut.waist - 8), y - 2), 3), tone)),
        );
    }
    if draws.chance(20) {
        let y = draws.range(5, 25);
        parts.push(Part::cloth(mirrored(&[(cut.waist + 1, y), (cut.waist + 1, y + 9)]), draws.range(-70, -30)));
    }
    parts
}

pub fn dress(draws: &mut Draws) -> Vec<Part> {
    let shoulder = draws.range(20, 38);
    let waist = (shoulder - draws.range(2, 12)).max(13);
    let cut = Cut {
        neck: draws.range(8, shoulder - 7),
        depth: draws.range(6, 34),
        shoulder,
        waist,
        hem: waist + draws.range(2, 45),
        bottom: draws.range(70, 96),
    };
    let mut parts = Vec::new();
    match draws.range(0, 99) {
        0..50 => {}
        50..80 => parts.extend(short_sleeves(&cut, draws)),
        _ => parts.extend(long_sleeves(&cut, draws)),
    }
    parts.push(cut.body(0));
    if draws.chance(40) {
        let y = draws.range(-20, 20);
        parts.push(Part::cloth(mirrored(&[(waist, y), (waist, y + 8)]), draws.range(-70, 50)));
    }
    parts
}
