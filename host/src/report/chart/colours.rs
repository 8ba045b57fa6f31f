//! The colours of charts. A file has the light colours of web/look.css, and a page has the variables of the same names.

use plotters::style::RGBColor;

pub const GROUND: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
pub const QUIET: RGBColor = RGBColor(0x57, 0x60, 0x6a);
pub const GRID: RGBColor = RGBColor(0xd3, 0xd8, 0xde);
pub const SERIES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xc6, 0x56, 0x00),
    RGBColor(0x00, 0x80, 0x5c),
    RGBColor(0xb0, 0x50, 0x8a),
    RGBColor(0x8a, 0x6d, 0x00),
    RGBColor(0x4b, 0x5b, 0xd1),
];

/// The variables of these colours, with their values.
pub const VARIABLES: [(&str, &str); 10] = [
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

/// Returns the colour of a run or a line on the page.
pub fn variable(colour: usize) -> String {
    format!("var(--series-{})", colour % SERIES.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_of_a_chart_is_one_of_the_look() {
        let look = include_str!("../../../../web/look.css");
        let light = look.split("@media").next().unwrap();
        for (colour, variable) in &VARIABLES[1..] {
            let name = variable.trim_start_matches("var(").trim_end_matches(')');
            assert!(light.contains(&format!("{name}: {};", colour.to_lowercase())), "{name}");
        }
    }
}
