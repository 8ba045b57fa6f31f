//! Shoes from the side, toes to the left: sandal, sneaker and ankle boot.

use super::{
    canvas::rounded,
    draws::Draws,
    part::{Paint, Part, band},
};

/// The ground's height.
const GROUND: i32 = 55;

pub fn sneaker(draws: &mut Draws) -> Vec<Part> {
    let collar = -draws.range(8, 48);
    let (toe, tongue) = (draws.range(8, 28), draws.range(-15, 18));
    let sole = draws.range(8, 18);
    let upper = [
        (-98, GROUND - sole),
        (-96, toe),
        (-60, toe - 14),
        (tongue - 12, collar + 14),
        (tongue + 8, collar - 8),
        (tongue + 30, collar + 6),
        (78, collar + 4),
        (94, collar - 8),
        (96, GROUND - sole),
        (0, GROUND),
    ];
    let mut parts = vec![Part::cloth(rounded(&upper), 0)];
    let shade = if draws.chance(60) { draws.range(190, 255) } else { draws.range(25, 120) };
    let edge = GROUND - sole;
    let outline = vec![
        (-100, edge),
        (-20, edge + 4),
        (98, edge),
        (99, GROUND - 4),
        (90, GROUND),
        (-90, GROUND),
        (-100, GROUND - 6),
    ];
    parts.push(Part { outline, paint: Paint::Flat(shade) });
    if draws.chance(55) {
        // Laces climb the instep.
        let tone = draws.range(50, 100) * if draws.chance(50) { -1 } else { 1 };
        for step in 0..3 {
            let (x, y) = (tongue - 38 + 16 * step, toe - 10 + (collar + 16 - toe) * step / 3);
            parts.push(Part::cloth(band((x - 4, y - 2), (x + 8, y + 8), 3), tone));
        }
    }
    if draws.chance(50) {
        // A side stripe.
        let (x, tone) = (draws.range(5, 50), draws.range(-100, 100));
        parts.push(Part::cloth(
            band((x, GROUND - sole - 2), (x + draws.range(-5, 30), collar + 14), draws.range(4, 9)),
            tone,
        ));
    }
    parts
}

pub fn ankle_boot(draws: &mut Draws) -> Vec<Part> {
    let top = -draws.range(42, 95);
    let (front, back) = (draws.range(-2, 26), draws.range(76, 96));
    let (toe, instep) = (draws.range(6, 26), draws.range(-34, -8));
    let heel = draws.range(6, 40);
    let ball = GROUND - draws.range(3, 9);
    // A high heel lifts the back of the foot.
    let arch = GROUND - heel;
    let mut parts = vec![Part::cloth(
        rounded(&[
            (-98, ball),
            (-97, toe + 4),
            (-58, toe - 8),
            (front - 14, instep),
            (front, top + 24),
            (front, top),
            (front, top),
            (back, top),
            (back, top),
            (back - 3, instep),
            (back + 4, arch),
            (10, arch),
            (-40, ball),
        ]),
        0,
    )];
    let width = draws.range(7, 26);
    let sole = draws.range(-60, 40);
    parts.push(Part::cloth(
        vec![(-99, ball - 4), (-30, ball - 4), (20, arch - 2), (22, arch + 6), (-30, GROUND), (-95, GROUND)],
        sole,
    ));
    parts.push(Part::cloth(
        vec![(back - 2 * width, arch - 3), (back + 4, arch - 3), (back, GROUND), (back - width, GROUND)],
        sole,
    ));
    match draws.range(0, 99) {
        // Elastic at the ankle, a zip, a strap with a buckle, laces.
        0..20 => {
            parts.push(Part::cloth(vec![(front + 22, top + 4), (front + 44, top + 4), (front + 34, instep + 6)], -60));
        }
        20..40 => parts.push(Part::cloth(band((back - 24, top + 4), (back - 30, arch - 12), 2), -70)),
        40..60 => {
            let y = draws.range(instep - 12, instep + 10);
            parts.push(Part::cloth(band((front - 6, y), (back - 2, y + draws.around(8)), 4), draws.range(-80, 80)));
        }
        60..80 => {
            let tone = draws.range(45, 90);
            for step in 0..4 {
                let y = instep + 8 + (top + 8 - instep) * step / 4;
                parts.push(Part::cloth(band((front - 6 + 2 * step, y), (front + 14, y + 4), 3), tone));
            }
        }
        _ => {}
    }
    parts
}

pub fn sandal(draws: &mut Draws) -> Vec<Part> {
    let rise = if draws.chance(45) { draws.range(4, 14) } else { draws.range(25, 75) };
    let (toe, heel) = (GROUND - draws.range(3, 14), GROUND - rise);
    let thick = draws.range(6, 12);
    let sole = draws.range(-50, 30);
    let mut parts = vec![Part::cloth(
        vec![
            (-98, toe - thick),
            (-30, toe - thick),
            (40, heel - thick),
            (92, heel - thick),
            (94, heel),
            (40, heel + 2),
            (-30, toe + 4),
            (-96, toe + 4),
        ],
        sole,
    )];
    match (rise > 20, draws.chance(50)) {
        // A wedge, a pin heel, a flat sole.
        (true, true) => parts.push(Part::cloth(
            vec![(-40, toe), (40, heel - 2), (92, heel - 2), (86, GROUND), (-80, GROUND)],
            sole - 15,
        )),
        (true, false) => {
            let width = draws.range(6, 18);
            parts.push(Part::cloth(
                vec![(90 - 2 * width, heel - 2), (93, heel - 2), (90, GROUND), (90 - width, GROUND)],
                sole,
            ));
        }
        _ => parts.push(Part::cloth(vec![(-96, toe), (92, heel - 2), (92, GROUND), (-90, GROUND)], sole - 15)),
    }
    // The straps, over a foot that is not there.
    let (tone, half) = (draws.range(-20, 40), draws.range(4, 9));
    let instep = toe - draws.range(28, 50);
    let ankle = heel - draws.range(38, 62);
    for _ in 0..draws.range(1, 3) {
        let (x, reach) = (draws.range(-88, -50), draws.range(18, 40));
        parts.push(Part::cloth(band((x, toe - thick + 2), (x + reach, instep), half), tone));
        parts.push(Part::cloth(band((x + reach, instep), (x + 2 * reach, toe - thick - 4), half), tone));
    }
    if draws.chance(75) {
        parts.push(Part::cloth(band((88, heel - thick), (86, ankle), half), tone));
        parts.push(Part::cloth(band((88, ankle), (draws.range(5, 40), ankle + draws.range(-6, 16)), half - 1), tone));
    }
    if draws.chance(40) {
        parts.push(Part::cloth(band((draws.range(-50, -20), instep), (draws.range(5, 40), ankle), half), tone));
    }
    parts
}
