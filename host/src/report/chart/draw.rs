//! The drawing of a chart: its axes, its marks, and the lines' names at their ends.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    Chart, Kind, Series,
    colours::{GRID, GROUND, QUIET, SERIES},
    numbers::{digits, range, short},
};

/// The size of a chart: columns and rows.
pub const SIZE: (u32, u32) = (460, 300);
/// The room beside the plot for the axis' numbers and the lines' names.
const NUMBERS: u32 = 84;
const NO_NAMES: u32 = 20;
/// The width of a letter of a name, approximately.
const LETTER: u32 = 9;
const BELOW: u32 = 52;
const TOP: u32 = 12;
/// The room around the axes' names.
const EDGE: u32 = 6;
/// The font. plotters writes its size divided by 1.24.
const FONT: (&str, i32) = ("sans-serif", 19);
/// The distance between two names.
const NAME_HEIGHT: i32 = 17;
const LONGEST_NAME: usize = 14;
/// The largest number that is drawn. No network's loss is so large, and a scale needs room on both sides.
const LARGEST: f64 = 1e12;

impl Chart {
    pub(super) fn draw(&self, backend: SVGBackend<'_>) -> Result<(), Box<dyn std::error::Error>> {
        let root = backend.into_drawing_area();
        root.fill(&GROUND)?;
        let shown = |series: &Series| -> Vec<(f64, f64)> {
            let is_shown = |&(x, y): &(f64, f64)| x.abs() <= LARGEST && y.abs() <= LARGEST;
            series.points.iter().copied().filter(is_shown).collect()
        };
        let all: Vec<_> = self.series.iter().map(shown).collect();
        // Epochs are counted from the start of the run.
        let x = range(all.iter().flatten().map(|point| point.0), self.axes[0] == "epoch");
        let y = range(all.iter().flatten().map(|point| point.1), self.from_zero);
        let y = (y.0, y.1 + (y.1 - y.0) / 25.0);
        let letters = self.series.iter().map(|series| cut(&series.name).chars().count() as u32).max().unwrap_or(0);
        let right = (letters * LETTER + 12).max(NO_NAMES);
        let mut chart = ChartBuilder::on(&root)
            .margin_top(TOP)
            .margin_left(EDGE)
            .margin_bottom(EDGE)
            .margin_right(right)
            .x_label_area_size(BELOW)
            .y_label_area_size(NUMBERS)
            .build_cartesian_2d(x.0..x.1, y.0..y.1)?;
        let digits = digits(y.1 - y.0, y.0.abs().max(y.1.abs()));
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .axis_desc_style(FONT.into_font().color(&QUIET))
            .label_style(FONT.into_font().color(&QUIET))
            .x_label_formatter(&|value| short(*value, 3))
            .y_label_formatter(&|value| self.written(*value, digits))
            .axis_style(QUIET)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        let mut names = Vec::new();
        for (series, points) in self.series.iter().zip(all) {
            let colour = SERIES[series.colour % SERIES.len()];
            let end = points.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0));
            match series.kind {
                Kind::Line if points.len() == 1 => {
                    chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
                }
                Kind::Line => {
                    chart.draw_series([PathElement::new(points, colour.stroke_width(2))])?;
                }
                Kind::Guide => {
                    chart.draw_series([PathElement::new(points, QUIET.stroke_width(1))])?;
                }
                Kind::Dots => {
                    let dot = |point: &(f64, f64)| Circle::new(*point, 2, colour.mix(0.6).filled());
                    chart.draw_series(points.iter().map(dot))?;
                }
                Kind::Bars(width) => {
                    let bar = |&(x, y): &(f64, f64)| {
                        Rectangle::new([(x - width / 2.0, 0.0), (x + width / 2.0, y)], colour.mix(0.6).filled())
                    };
                    chart.draw_series(points.iter().map(bar))?;
                }
            }
            if let (Some(end), false) = (end, series.name.is_empty()) {
                names.push((chart.backend_coord(&end).1, cut(&series.name), colour));
            }
        }
        let plot_end = (SIZE.0 - right) as i32 + 6;
        for (height, name, colour) in apart(names) {
            let style = FONT.into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name, (plot_end, height), style))?;
        }
        root.present()?;
        Ok(())
    }
}

/// Returns a name that fits beside a plot.
pub fn cut(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Moves names so far apart that they do not overlap. Each stays as near as possible to the end of its line.
fn apart(mut names: Vec<(i32, String, RGBColor)>) -> Vec<(i32, String, RGBColor)> {
    names.sort_by_key(|name| name.0);
    let lowest = (SIZE.1 - BELOW - EDGE) as i32 - 4;
    let mut free = TOP as i32;
    for name in &mut names {
        name.0 = name.0.max(free);
        free = name.0 + NAME_HEIGHT;
    }
    let mut limit = lowest;
    for name in names.iter_mut().rev() {
        name.0 = name.0.min(limit);
        limit = name.0 - NAME_HEIGHT;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{super::colours::INK, *};

    #[test]
    fn names_do_not_lie_on_each_other() {
        let names = (0..6).map(|name| (200 + name, name.to_string(), INK)).collect();
        let heights: Vec<_> = apart(names).iter().map(|name| name.0).collect();
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= NAME_HEIGHT), "{heights:?}");
        assert!(heights.iter().all(|&height| height <= (SIZE.1 - BELOW) as i32), "{heights:?}");
    }
}
