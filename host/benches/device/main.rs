//! The picture of `cargo xtask bench device`: instructions for a prediction, a bar each, beside the reference programs'.
//!
//! Takes the rows' JSON file and the picture's path.

use std::{env, fs, io::Cursor, path::Path, process::ExitCode};

use anyhow::{Context, Result, anyhow, ensure};
use host::files;
use image::{ImageFormat, RgbImage};
use plotters::{
    prelude::*,
    style::{
        FontStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};
use serde::Deserialize;

/// 784-512-512-10 in the same emulator, an emulated Cortex-M4F: the project's reference figures.
const PEERS: [(&str, f64); 6] = [
    ("CMSIS-NN, int8", 1_305_310.0),
    ("TensorFlow Lite Micro with CMSIS-NN, int8", 1_306_988.0),
    ("simple loops in C, f32", 3_364_204.0),
    ("simple loops in C, int8", 4_046_326.0),
    ("MicroFlow, int8", 18_566_483.0),
    // The next bar's place is left empty.
    ("", 1.0),
];

const WIDTH: u32 = 1200;
const BAR: u32 = 34;
/// Beside the bars, for their names.
const NAMES: i32 = 420;
const MARGIN: i32 = 20;
const HEADING: i32 = 60;
const FONT: &str = "sans-serif";

const OURS: RGBColor = RGBColor(31, 105, 180);
const THEIRS: RGBColor = RGBColor(150, 150, 150);

#[derive(Deserialize)]
struct Row {
    board: String,
    model: String,
    format: String,
    instructions: f64,
}

struct Bar {
    name: String,
    instructions: f64,
    colour: RGBColor,
}

fn main() -> ExitCode {
    // Cargo says `--bench` where a benchmark is asked for. Without it, this is `cargo test`, which draws nothing.
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments[..] {
        [bench, rows, picture] if bench == "--bench" => match draw(rows.as_ref(), picture.as_ref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
        _ => ExitCode::SUCCESS,
    }
}

fn draw(rows: &Path, picture: &Path) -> Result<()> {
    let text = fs::read(rows).with_context(|| format!("cannot read {}", rows.display()))?;
    let rows: Vec<Row> = serde_json::from_slice(&text).with_context(|| format!("{}: no rows", rows.display()))?;
    Ok(files::write_whole(picture, &png(&bars(&rows))?)?)
}

/// The peers after the first board's quickstart, because that is what they compute.
fn bars(rows: &[Row]) -> Vec<Bar> {
    let bar = |row: &Row| Bar {
        name: format!("{} in {} on {}", row.model, row.format, row.board),
        instructions: row.instructions,
        colour: OURS,
    };
    let (mut first, rest): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.model == "quickstart" && row.board == "mps2-an386");
    first.sort_by(|a, b| a.instructions.total_cmp(&b.instructions));
    let peers = PEERS.map(|(name, instructions)| Bar { name: name.into(), instructions, colour: THEIRS });
    let peers = if first.is_empty() { Vec::new() } else { peers.into() };
    first.into_iter().map(bar).chain(peers).chain(rest.into_iter().map(bar)).collect()
}

fn png(bars: &[Bar]) -> Result<Vec<u8>> {
    ensure!(!bars.is_empty(), "there are no rows");
    // The font comes with the program: many machines have none.
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("the font is unsound"))?;
    let height = HEADING as u32 + BAR * bars.len() as u32 + MARGIN as u32;
    let mut pixels = vec![0; (WIDTH * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (WIDTH, height)).into_drawing_area();
        paint(&area, bars).map_err(|error| anyhow!("the picture: {error}"))?;
    }
    let picture = RgbImage::from_raw(WIDTH, height, pixels).ok_or_else(|| anyhow!("no picture was drawn"))?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

fn paint(
    area: &DrawingArea<BitMapBackend<'_>, plotters::coord::Shift>,
    bars: &[Bar],
) -> Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let text = |anchor| (FONT, 18).into_font().color(&BLACK).pos(Pos::new(anchor, VPos::Center));
    let heading = (FONT, 24).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new("Instructions for a prediction", (MARGIN, 28), heading))?;
    let shown = || bars.iter().filter(|bar| !bar.name.is_empty()).map(|bar| bar.instructions);
    let least = 10_f64.powf(shown().fold(f64::MAX, f64::min).log10().floor());
    let most = shown().fold(least * 10.0, f64::max);
    // Room for the figure at the bar's end.
    let room = f64::from(WIDTH as i32 - NAMES - MARGIN - 120);
    let end = |instructions: f64| NAMES + (room * (instructions / least).log10() / (most / least).log10()) as i32;
    let bottom = HEADING + BAR as i32 * bars.len() as i32;
    let mut decade = least;
    while decade <= most {
        area.draw(&PathElement::new([(end(decade), HEADING), (end(decade), bottom)], BLACK.mix(0.2)))?;
        area.draw(&Text::new(format!("{decade:.0}"), (end(decade), HEADING - 14), text(HPos::Center)))?;
        decade *= 10.0;
    }
    for (place, bar) in bars.iter().enumerate().filter(|(_, bar)| !bar.name.is_empty()) {
        let top = HEADING + BAR as i32 * place as i32;
        let middle = top + BAR as i32 / 2;
        area.draw(&Text::new(bar.name.clone(), (NAMES - 10, middle), text(HPos::Right)))?;
        let corners = [(NAMES, top + 5), (end(bar.instructions), top + BAR as i32 - 5)];
        area.draw(&Rectangle::new(corners, bar.colour.filled()))?;
        let figure = (end(bar.instructions) + 8, middle);
        area.draw(&Text::new(format!("{:.0}", bar.instructions), figure, text(HPos::Left)))?;
    }
    Ok(())
}
