//! The picture: needed GFLOP/s over the batch size, below the machine's peaks.

use std::{collections::BTreeSet, io::Cursor};

use anyhow::{Result, anyhow};
use image::{ImageFormat, RgbImage};
use plotters::{
    coord::Shift,
    prelude::*,
    style::{
        FontStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::report::{Peak, Report, Row};

pub const WIDTH: u32 = 1200;
const HEIGHT: u32 = 720;
/// Beside the chart, for the names of its lines.
const LEGEND: u32 = 300;
/// Pixels.
const DASH: u32 = 8;
pub const FONT: &str = "sans-serif";

/// Engines, the one on the most threads in full colour; then peers.
pub const ENGINES: [RGBColor; 4] =
    [RGBColor(31, 105, 180), RGBColor(214, 92, 20), RGBColor(20, 140, 90), RGBColor(110, 70, 160)];
const PEERS: [RGBColor; 4] =
    [RGBColor(200, 30, 60), RGBColor(150, 110, 0), RGBColor(190, 60, 170), RGBColor(70, 70, 70)];

pub type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// A line or the points of one name.
struct Series {
    name: String,
    colour: RGBColor,
    is_peer: bool,
    /// Batch size and needed GFLOP/s.
    points: Vec<(f64, f64)>,
}

/// Draws a report as a PNG file's bytes.
pub fn png(report: &Report) -> Result<Vec<u8>> {
    drawn(|area| draw(area, report))
}

/// The bytes of a PNG file with a drawing.
pub fn drawn(draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn std::error::Error>>) -> Result<Vec<u8>> {
    // The font comes with the program: many machines have none.
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("--plot: the font is unsound"))?;
    let mut pixels = vec![0; (WIDTH * HEIGHT * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area).map_err(|error| anyhow!("--plot: {error}"))?;
    }
    let picture = RgbImage::from_raw(WIDTH, HEIGHT, pixels).ok_or_else(|| anyhow!("--plot: no picture was drawn"))?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

fn draw(area: &Area<'_>, report: &Report) -> Result<(), Box<dyn std::error::Error>> {
    let (chart_area, legend) = area.split_horizontally(WIDTH - LEGEND);
    let series = series(report);
    let points = || series.iter().flat_map(|series| &series.points);
    let heights = points().map(|point| point.1).chain(report.peaks.iter().map(|peak| peak.gflops));
    let work = if report.predicts { "Prediction" } else { "Training" };
    let (x, y) = (range(points().map(|point| point.0)), range(heights));
    let mut chart = ChartBuilder::on(&chart_area)
        .caption(format!("{work}, GFLOP/s of the needed multiply-adds"), (FONT, 26))
        .margin(16)
        .x_label_area_size(52)
        .y_label_area_size(70)
        .build_cartesian_2d((x.0..x.1).log_scale().base(2.0), (y.0..y.1).log_scale().base(2.0))?;
    chart
        .configure_mesh()
        .x_desc("samples at a time (batch size)")
        .y_desc("GFLOP/s")
        .axis_desc_style((FONT, 19))
        .label_style((FONT, 17))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| if *y < 8.0 { format!("{y}") } else { format!("{y:.0}") })
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()?;

    for (index, Peak { engine, threads, gflops }) in report.peaks.iter().enumerate() {
        // Dashes in turn: one engine's peak on two threads may be another's on one.
        let parity = report.peaks[..index].iter().filter(|other| other.engine != *engine).count().min(1);
        let start = x.0 * (x.1 / x.0).powf(DASH as f64 * parity as f64 / chart_area.dim_in_pixel().0 as f64);
        let style = colour(report, engine, *threads).stroke_width(2);
        chart.draw_series(DashedLineSeries::new([(start, *gflops), (x.1, *gflops)], DASH, DASH, style))?;
    }
    for series in &series {
        let colour = series.colour.filled();
        if series.is_peer {
            chart.draw_series(series.points.iter().map(|&point| TriangleMarker::new(point, 9, colour)))?;
        } else {
            chart.draw_series(LineSeries::new(series.points.clone(), series.colour.stroke_width(3)))?;
            chart.draw_series(series.points.iter().map(|&point| Circle::new(point, 5, colour)))?;
        }
    }
    draw_legend(&legend, &series, report)
}

/// The lines' names: the peaks too, as some of them lie on each other.
fn draw_legend(area: &Area<'_>, series: &[Series], report: &Report) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = (72..).step_by(28);
    let mut next = |text: String| -> Result<i32, Box<dyn std::error::Error>> {
        let y = lines.next().unwrap_or_default();
        let style = (FONT, 18).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(text, (50, y), style))?;
        Ok(y)
    };
    for series in series {
        let (y, colour) = (next(series.name.clone())?, series.colour);
        if series.is_peer {
            area.draw(&TriangleMarker::new((22, y), 9, colour.filled()))?;
        } else {
            area.draw(&PathElement::new([(4, y), (40, y)], colour.stroke_width(3)))?;
            area.draw(&Circle::new((22, y), 5, colour.filled()))?;
        }
    }
    next(String::new())?;
    for Peak { engine, threads, gflops } in &report.peaks {
        let y = next(format!("peak of {engine}, {}: {gflops:.0}", of_threads(*threads)))?;
        for x in [4, 17, 30] {
            area.draw(&PathElement::new([(x, y), (x + 8, y)], colour(report, engine, *threads).stroke_width(2)))?;
        }
    }
    Ok(())
}

fn of_threads(threads: usize) -> String {
    if threads == 1 { "1 thread".into() } else { format!("{threads} threads") }
}

/// Returns the report's rows by name, in their order; a peer's are its own.
fn series(report: &Report) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    let mut add = |name: String, colour: RGBColor, is_peer: bool, point: (f64, f64)| match all
        .iter_mut()
        .find(|series| series.name == name)
    {
        Some(series) => series.points.push(point),
        None => all.push(Series { name, colour, is_peer, points: vec![point] }),
    };
    for row in report.rows.iter().filter(|row| row.against.is_none()) {
        let Row { engine, threads, batch, epoch, .. } = row;
        let name = format!("{engine}, {}", of_threads(*threads));
        let point = (f64::from(*batch), report.needed_gflops(row, epoch.median));
        add(name, colour(report, engine, *threads), false, point);
    }
    let mut peers = Vec::new();
    for (row, against) in report.rows.iter().filter_map(|row| Some((row, row.against.as_ref()?))) {
        if !peers.contains(&&against.peer) {
            peers.push(&against.peer);
        }
        let index = peers.iter().position(|peer| **peer == against.peer).unwrap_or_default();
        let name = format!("{}, {}", against.peer, of_threads(row.threads));
        let point = (f64::from(row.batch), report.needed_gflops(row, against.epoch.median));
        add(name, PEERS[index % PEERS.len()], true, point);
    }
    for series in &mut all {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

/// Returns the engine's colour, paler on fewer threads.
fn colour(report: &Report, engine: &str, threads: usize) -> RGBColor {
    let mut engines: Vec<&str> = report.peaks.iter().map(|peak| peak.engine).collect();
    engines.dedup();
    let index = engines.iter().position(|name| *name == engine).unwrap_or_default();
    let all: BTreeSet<usize> = report.peaks.iter().map(|peak| peak.threads).collect();
    let more = all.range(threads..).count().saturating_sub(1);
    let paleness = 0.5 * more as f64 / all.len().saturating_sub(1).max(1) as f64;
    let RGBColor(r, g, b) = ENGINES[index % ENGINES.len()];
    let [r, g, b] = [r, g, b].map(|part| part + (f64::from(255 - part) * paleness) as u8);
    RGBColor(r, g, b)
}

/// From somewhat below the least to somewhat above the largest, for a logarithmic axis.
pub fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, greatest) = numbers.fold((f64::MAX, 0.0), |(least, greatest), x| (x.min(least), x.max(greatest)));
    (least / 1.3, greatest * 1.3)
}

#[cfg(test)]
mod tests {
    use super::{super::report, *};

    #[test]
    fn draws_every_series_in_its_colour() {
        let report = report::tests::report();
        let picture = image::load_from_memory(&png(&report).unwrap()).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (WIDTH, HEIGHT));
        let series = series(&report);
        assert_eq!(series.iter().filter(|series| series.is_peer).count(), 1);
        assert_eq!(series.len(), 5);
        for Series { name, colour, points, .. } in &series {
            assert_eq!(points.len(), 4, "{name}");
            let count = picture.pixels().filter(|pixel| pixel.0 == [colour.0, colour.1, colour.2]).count();
            assert!(count > 300, "{name}: {count}");
        }
    }

    #[test]
    fn one_measurement_is_a_picture_too() {
        let mut report = report::tests::report();
        report.rows.truncate(1);
        report.peaks.truncate(1);
        assert!(png(&report).is_ok());
    }
}
