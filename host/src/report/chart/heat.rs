//! A square of numbers as a picture.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    colours::{GROUND, INK, SERIES},
    draw::cut,
};

const SMALL: (&str, i32) = ("sans-serif", 15);

/// Returns a picture of a square of numbers, such as a confusion matrix, with a name for each row and column.
pub fn heat_svg(names: &[String], counts: &[Vec<u32>]) -> String {
    const CELL: i32 = 34;
    const LEFT: i32 = 120;
    let side = names.len() as i32 * CELL;
    let size = ((LEFT + side + 10) as u32, (side + 130) as u32);
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        root.fill(&GROUND)?;
        let text = |h, v| SMALL.into_font().color(&INK).pos(Pos::new(h, v));
        for (row, (name, counts)) in (0..).zip(names.iter().zip(counts)) {
            let middle = row * CELL + CELL / 2 + 10;
            root.draw(&Text::new(cut(name), (LEFT - 6, middle), text(HPos::Right, VPos::Center)))?;
            let column = LEFT + row * CELL + CELL / 2;
            let turned = SMALL
                .into_font()
                .transform(FontTransform::Rotate270)
                .color(&INK)
                .pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&Text::new(cut(name), (column, side + 16), turned))?;
            let total = counts.iter().map(|&count| f64::from(count)).sum::<f64>().max(1.0);
            for (place, &count) in (0..).zip(counts) {
                let (left, top) = (LEFT + place * CELL, row * CELL + 10);
                let colour = SERIES[0].mix(0.6 * f64::from(count) / total);
                root.draw(&Rectangle::new([(left, top), (left + CELL, top + CELL)], colour.filled()))?;
                let small = ("sans-serif", 14).into_font().color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
                root.draw(&Text::new(count.to_string(), (left + CELL / 2, top + CELL / 2), small))?;
            }
        }
        Ok(root.present()?)
    };
    let _ = draw();
    drop(root);
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_matrix_is_a_picture() {
        let svg = heat_svg(&["<a>".into(), "b".into()], &[vec![3, 0], vec![1, 2]]);
        assert!(svg.contains("&lt;a&gt;") && svg.trim_end().ends_with("</svg>"), "{svg}");
    }
}
