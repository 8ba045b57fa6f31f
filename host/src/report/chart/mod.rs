//! Charts as SVG: lines with their names at their ends, bars and points, with axes and units.
//!
//! Charts are drawn in the light colours of web/look.css. In a page, each colour is replaced by its variable, so a chart follows the light or
//! dark theme.

mod colours;
mod draw;
mod heat;
mod numbers;

use plotters::prelude::SVGBackend;

use self::{colours::VARIABLES, draw::SIZE};
pub use self::{colours::variable, heat::heat_svg, numbers::short};

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The name of the chart's file, without an ending.
    pub file: String,
    /// A title of one line.
    pub title: String,
    /// The axes' names, with units.
    pub axes: [&'static str; 2],
    /// The kind of numbers on the upright axis.
    pub numbers: Numbers,
    /// True if the upright axis begins at 0.
    pub from_zero: bool,
    /// The series. Later ones are drawn above earlier ones.
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
    /// The name at the end of a line. If it is empty, none is shown.
    pub name: String,
    /// The colour's number. The colours repeat.
    pub colour: usize,
    /// The kind of drawing.
    pub kind: Kind,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

/// A mark that is made of points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A line through the points.
    Line,
    /// A thin line that only guides the eye.
    Guide,
    /// Dots.
    Dots,
    /// Bars of this width, from 0 up, each centred on its point.
    Bars(f64),
}

impl Series {
    /// Returns a series that is a line.
    pub fn line(name: impl Into<String>, colour: usize, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), colour, kind: Kind::Line, points }
    }
}

impl Chart {
    /// Returns the chart as a separate file, in light colours.
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        // Memory takes every drawing, and no text is measured.
        let _ = self.draw(SVGBackend::with_string(&mut svg, SIZE));
        svg
    }

    /// Returns the chart for a page, in the page's colours, with a text for screen readers.
    pub fn to_html(&self) -> String {
        let mut svg = self.to_svg();
        for (colour, variable) in VARIABLES {
            svg = svg.replace(&format!("\"{colour}\""), &format!("\"{variable}\""));
        }
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        let label = maud::html! { (self.description()) }.into_string().replace('"', "&quot;");
        format!("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\">{body}", SIZE.0, SIZE.1)
    }

    /// Returns a description for a screen reader: the title, and where each line begins and ends.
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
}
