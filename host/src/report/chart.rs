//! Charts as SVG: lines with their names at their ends, bars and points, with axes and units.
//!
//! They are drawn in the light colours of web/look.css. In a page each colour becomes the variable that it is the value of, so that a chart follows
//! light and dark.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// Columns and rows.
const SIZE: (u32, u32) = (460, 300);
/// Beside the plot: the axes' numbers, and the lines' names.
const NUMBERS: u32 = 84;
const NO_NAMES: u32 = 20;
/// A letter of a name, about.
const LETTER: u32 = 9;
const BELOW: u32 = 52;
const TOP: u32 = 12;
/// Around the axes' names.
const EDGE: u32 = 6;
/// plotters writes 1 / 1.24 of it.
const FONT: (&str, i32) = ("sans-serif", 19);
const SMALL: (&str, i32) = ("sans-serif", 15);
/// Between two names.
const NAME_HEIGHT: i32 = 17;
const LONGEST_NAME: usize = 14;
/// Larger numbers are left out: no network's loss is one, and a scale needs room on both sides.
const LARGEST: f64 = 1e12;

const GROUND: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
const QUIET: RGBColor = RGBColor(0x57, 0x60, 0x6a);
const GRID: RGBColor = RGBColor(0xd3, 0xd8, 0xde);
const SERIES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xc6, 0x56, 0x00),
    RGBColor(0x00, 0x80, 0x5c),
    RGBColor(0xb0, 0x50, 0x8a),
    RGBColor(0x8a, 0x6d, 0x00),
    RGBColor(0x4b, 0x5b, 0xd1),
];
/// The variables of these colours.
const VARIABLES: [(&str, &str); 10] = [
    ("#FFFFFF", "var(--panel)"),
    ("#1B1F24", "var(--ink)"),
    ("#57606A", "var(--quiet)"),
    ("#D3D8DE", "var(--line)"),
    ("#0072B2", "var(--series-1)"),
    ("#C65600", "var(--series-2)"),
    ("#00805C", "var(--series-3)"),
    ("#B0508A", "var(--series-4)"),
    ("#8A6D00", "var(--series-5)"),
    ("#4B5BD1", "var(--series-6)"),
];

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The name of its file, without an ending.
    pub file: String,
    /// A title of one line.
    pub title: String,
    /// The axes' names, with units.
    pub axes: [&'static str; 2],
    /// The numbers of the upright axis.
    pub numbers: Numbers,
    /// True where the upright axis begins at 0.
    pub from_zero: bool,
    /// The marks, the later above the earlier.
    pub series: Vec<Series>,
}

/// The way in which numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Numbers as they are.
    Plain,
    /// Numbers from 0 to 1, shown in percent.
    Percent,
}

/// Points of one name.
#[derive(Clone, Debug)]
pub struct Series {
    /// The name, at the end of a line; none where it is empty.
    pub name: String,
    /// The colour's number; they repeat.
    pub colour: usize,
    /// The kind of drawing.
    pub kind: Kind,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

/// A mark that is made of points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A line through them.
    Line,
    /// A thin line that only guides the eye.
    Guide,
    /// Dots.
    Dots,
    /// Bars of this width, from 0 up, each around its point.
    Bars(f64),
}

impl Series {
    /// A line.
    pub fn line(name: impl Into<String>, colour: usize, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), colour, kind: Kind::Line, points }
    }
}

impl Chart {
    /// The chart as a file of its own, in light colours.
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        // Memory takes every drawing, and no text is measured.
        let _ = self.draw(SVGBackend::with_string(&mut svg, SIZE));
        svg
    }

    /// The chart for a page: in the page's colours, with a text for readers who do not see it.
    pub fn to_html(&self) -> String {
        let mut svg = self.to_svg();
        for (colour, variable) in VARIABLES {
            svg = svg.replace(&format!("\"{colour}\""), &format!("\"{variable}\""));
        }
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        let label = maud::html! { (self.description()) }.into_string().replace('"', "&quot;");
        format!("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\">{body}", SIZE.0, SIZE.1)
    }

    /// A description for a screen reader: the title, and where each line begins and ends.
    pub fn description(&self) -> String {
        let mut text = self.title.clone();
        for series in self.series.iter().filter(|series| !series.name.is_empty()) {
            if let (Some(first), Some(last)) = (series.points.first(), series.points.last()) {
                let [first, last] = [first, last].map(|point| self.written(point.1, 3));
                text += &format!("; {}: from {first} to {last}", series.name);
            }
        }
        text
    }

    fn written(&self, value: f64, digits: i32) -> String {
        match self.numbers {
            Numbers::Plain => short(value, digits),
            Numbers::Percent => format!("{}%", short(100.0 * value, digits)),
        }
    }

    fn draw(&self, backend: SVGBackend<'_>) -> Result<(), Box<dyn std::error::Error>> {
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

/// A square of numbers as a picture with a name for each row and column, such as a confusion matrix.
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

/// The colour of a run or a line on the page.
pub fn variable(colour: usize) -> String {
    format!("var(--series-{})", colour % SERIES.len() + 1)
}

/// A range that holds these numbers, with room above them.
fn range(values: impl Iterator<Item = f64> + Clone, from_zero: bool) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (0.0, 1.0);
    }
    let low = if from_zero { low.min(0.0) } else { low };
    // A scale cannot tell numbers that are so near to each other.
    let least = 1e-6 * low.abs().max(high.abs()).max(1e-12);
    if high - low <= least {
        let room = low.abs().max(high.abs()).max(1e-9) / 10.0;
        return (low - room, high + room);
    }
    (low, high)
}

/// The digits that tell numbers in such a range apart.
fn digits(range: f64, largest: f64) -> i32 {
    let more = (largest / range.max(f64::MIN_POSITIVE)).log10().ceil();
    2 + more.clamp(0.0, 7.0) as i32
}

/// A number with so many digits that count, without zeros at its end.
pub fn short(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { value.to_string() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..9).contains(&magnitude) {
        return format!("{value:.*e}", (digits - 1).clamp(0, 6) as usize);
    }
    let decimals = (digits - 1 - magnitude).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A name that fits beside a plot.
fn cut(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Names so far apart that none lies on another, each as near as can be to its line's end.
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
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            file: "loss".into(),
            title: "Loss".into(),
            axes: ["epoch", "loss"],
            numbers: Numbers::Plain,
            from_zero: true,
            series: vec![Series::line("<run> \"a\"", 0, points)],
        }
    }

    #[test]
    fn a_chart_has_its_pages_colours_and_an_escaped_name() {
        let chart = chart(vec![(0.0, 2.0), (1.0, 0.5)]);
        let html = chart.to_html();
        assert!(html.contains("var(--series-1)") && html.contains("var(--quiet)"), "{html}");
        assert!(!html.contains("#0072B2") && !html.contains("http") && !html.contains("<run>"), "{html}");
        assert!(html.contains("aria-label=\"Loss; &lt;run&gt; &quot;a&quot;: from 2 to 0.5\""), "{html}");
        assert!(chart.to_svg().contains("#0072B2"));
    }

    #[test]
    fn every_colour_of_a_chart_is_one_of_the_look() {
        let look = include_str!("../../../web/look.css");
        let light = look.split("@media").next().unwrap();
        for (colour, variable) in &VARIABLES[1..] {
            let name = variable.trim_start_matches("var(").trim_end_matches(')');
            assert!(light.contains(&format!("{name}: {};", colour.to_lowercase())), "{name}");
        }
    }

    #[test]
    fn any_numbers_make_a_chart() {
        let numbers = [0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e12, 1e-300];
        for x in numbers {
            for y in numbers {
                for other in numbers {
                    for kind in [Kind::Line, Kind::Dots, Kind::Bars(0.1)] {
                        let mut chart = chart(vec![(x, y), (other, x), (y, other)]);
                        chart.series[0].kind = kind;
                        chart.from_zero = y > x;
                        assert!(chart.to_svg().trim_end().ends_with("</svg>"), "{x} {y} {other}");
                    }
                }
            }
        }
        assert!(chart(Vec::new()).to_svg().trim_end().ends_with("</svg>"));
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let names = (0..6).map(|name| (200 + name, name.to_string(), INK)).collect();
        let heights: Vec<_> = apart(names).iter().map(|name| name.0).collect();
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= NAME_HEIGHT), "{heights:?}");
        assert!(heights.iter().all(|&height| height <= (SIZE.1 - BELOW) as i32), "{heights:?}");
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (0.1, "0.1"), (0.000_123_4, "0.000123"), (12_345.6, "12346"), (1e-9, "1.00e-9"), (2.5, "2.5")]
        {
            assert_eq!(short(value, 3), text);
        }
    }

    #[test]
    fn a_confusion_matrix_is_a_picture() {
        let svg = heat_svg(&["<a>".into(), "b".into()], &[vec![3, 0], vec![1, 2]]);
        assert!(svg.contains("&lt;a&gt;") && svg.trim_end().ends_with("</svg>"), "{svg}");
    }
}
