//! The ten garments as parts.

use super::{
    canvas::rounded,
    draws::Draws,
    part::{Paint, Part, band, mirrored},
    shoes, tops,
};

/// Draws a garment of a class of [`CLASS_NAMES`](selvedge::fashion_mnist::CLASS_NAMES).
pub fn garment(class: u8, draws: &mut Draws) -> Vec<Part> {
    match class {
        0 => tops::t_shirt(draws),
        1 => trouser(draws),
        2 => tops::pullover(draws),
        3 => tops::dress(draws),
        4 => tops::coat(draws),
        5 => shoes::sandal(draws),
        6 => tops::shirt(draws),
        7 => shoes::sneaker(draws),
        8 => bag(draws),
        _ => shoes::ankle_boot(draws),
    }
}

fn trouser(draws: &mut Draws) -> Vec<Part> {
    let waist = draws.range(20, 34);
    let hip = waist + draws.range(2, 12);
    let crotch = draws.range(-60, -28);
    let bottom = if draws.chance(20) { draws.range(0, 50) } else { draws.range(75, 95) };
    // A leg's outer and inner edge at the bottom: skinny, straight or flared.
    let inner = draws.range(2, 16);
    let outer = inner + draws.range(12, 30);
    let mut parts = vec![Part::cloth(
        mirrored(&[(waist, -92), (hip, crotch - 8), (outer, bottom), (inner, bottom), (1, crotch)]),
        0,
    )];
    let waistband = draws.range(-45, 30);
    parts.push(Part::cloth(mirrored(&[(waist, -93), (waist + 1, -82)]), waistband));
    if draws.chance(40) {
        parts.push(Part::cloth(band((0, -82), (0, crotch - 6), 2), -60));
    }
    if draws.chance(30) {
        let tone = draws.range(-50, -25);
        parts.push(Part::cloth(band((hip - 10, -78), (hip - 2, crotch - 14), 2), tone));
        parts.push(Part::cloth(band((10 - hip, -78), (2 - hip, crotch - 14), 2), tone));
    }
    parts
}

fn bag(draws: &mut Draws) -> Vec<Part> {
    let (width, bottom) = (draws.range(52, 95), draws.range(45, 80));
    let top = bottom - draws.range(60, 105);
    let flare = draws.range(-12, 16);
    let mut parts = Vec::new();

    // The handle: an arch with a hole, a strap to one side, or a clutch with none.
    let (reach, height) = (draws.range(20, width - 20), draws.range(25, 75));
    let thick = draws.range(5, 11);
    if draws.chance(85) {
        let tone = draws.range(-60, 20);
        let arch = |half: i32, rise: i32| rounded(&rounded(&mirrored(&[(half, top - rise), (half + 4, top + 12)])));
        parts.push(Part::cloth(arch(reach, height), tone));
        parts.push(Part::hole(arch(reach - thick, height - thick)));
    }

    let body = mirrored(&[(width - flare.max(0), top), (width + flare.min(0), bottom)]);
    parts.push(Part::cloth(if draws.chance(50) { rounded(&body) } else { body }, 0));
    if draws.chance(50) {
        // A flap and its clasp.
        let fold = top + (bottom - top) * draws.range(30, 60) / 100;
        let (edge, tone) = (width - flare.max(0) - 4, draws.range(-60, 40));
        parts.push(Part::cloth(mirrored(&[(edge, top), (edge - draws.range(0, 25), fold)]), tone));
        let clasp = draws.range(4, 9);
        parts.push(Part {
            outline: mirrored(&[(clasp, fold - 8), (clasp, fold + 6)]),
            paint: Paint::Flat(draws.range(20, 255)),
        });
    }
    if draws.chance(30) {
        let seam = draws.range(top + 10, bottom - 10);
        parts.push(Part::cloth(band((-width + 6, seam), (width - 6, seam), 3), -50));
    }
    parts
}
