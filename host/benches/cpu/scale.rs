//! The time of a step against the size of the network and of the batch: it grows as the arithmetic does.

use std::{
    io::Write,
    num::NonZero,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use host::{
    data::Dataset,
    engine::{InstructionSet, Simd},
    files::write_whole,
    training::{Length, Observer, Step},
};
use options::bench::Cpu;
use plotters::prelude::*;
use selvedge::architecture::Architecture;

use super::{
    measure::TimedTraining,
    plot::{self, ENGINES, FONT, WIDTH},
    shared::align_right,
    workload::Workload,
};

/// The shortest time over which steps are measured.
const LENGTH: Duration = Duration::from_millis(300);
/// Units in the layers of networks of several depths, and the batch of all but the last row.
const UNITS: usize = 512;
const BATCH: usize = 64;

const WIDTHS: [usize; 8] = [64, 128, 256, 512, 1024, 2048, 4096, 8192];
const DEPTHS: [usize; 6] = [1, 2, 4, 8, 16, 31];
const BATCHES: [usize; 8] = [1, 4, 16, 64, 256, 1024, 2048, 4096];

/// Steps of one network.
struct Point {
    name: String,
    /// Multiply-adds of the mathematics in a step.
    multiply_adds: f64,
    /// Seconds.
    step: f64,
}

/// Prints the table, and draws it where `--plot` says.
pub fn run(options: &Cpu, network: &Architecture, data: &Dataset, out: &mut dyn Write) -> Result<()> {
    let set = *options.engines().first().context("no engine was chosen")?;
    let threads = options.most_threads();
    let engine = Simd::new(set, threads)?;
    let peak = engine.measure_peak() / 2.0;
    let ends = [network.inputs(), network.outputs()];
    let batches = BATCHES.into_iter().filter(|&batch| batch <= data.train.len());
    let sweeps: [(_, Vec<_>); 3] = [
        ("width of two layers", WIDTHS.map(|width| (width.to_string(), layers(ends, width, 2), BATCH)).into()),
        ("layers of 512 units", DEPTHS.map(|depth| (depth.to_string(), layers(ends, UNITS, depth), BATCH)).into()),
        ("samples in a step", batches.map(|batch| (batch.to_string(), layers(ends, UNITS, 2), batch)).collect()),
    ];
    let mut series = Vec::new();
    for (name, sizes) in sweeps {
        let points = sizes.into_iter().map(|(size, layers, batch)| point(&engine, data, size, &layers?, batch));
        series.push((name, points.collect::<Result<Vec<_>>>()?));
    }
    let table = table(&series, peak);
    writeln!(out, "Steps with {set} on {threads} threads, {BATCH} samples each where nothing else is said\n\n{table}")?;
    if let Some(path) = &options.plot {
        write_whole(path, &plot::drawn(|area| draw(area, &series, peak, set, threads))?)?;
    }
    Ok(())
}

/// Hidden layers of one width.
fn layers([inputs, outputs]: [usize; 2], width: usize, depth: usize) -> Result<Architecture> {
    Ok(format!("{inputs}{} => {outputs}", format!(" => {width} Relu").repeat(depth)).parse()?)
}

fn point(engine: &Simd, data: &Dataset, name: String, layers: &Architecture, batch: usize) -> Result<Point> {
    let mut training = TimedTraining::new(layers, data, batch)?;
    let mut steps = 4;
    let step = loop {
        let mut watch = Watch::default();
        training.train(engine, Length::Steps(steps), &mut watch)?;
        let [first, last] = [watch.first, watch.last].map(|time| time.unwrap_or_else(Instant::now));
        if last - first >= LENGTH {
            break (last - first).as_secs_f64() / (steps - 1) as f64;
        }
        steps *= 2;
    };
    let multiply_adds = batch as f64 * Workload::of(layers).operations() as f64 / 2.0;
    Ok(Point { name, multiply_adds, step })
}

/// The times of the first and the last step.
#[derive(Default)]
struct Watch {
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Observer for Watch {
    type Error = anyhow::Error;

    fn step(&mut self, _step: &Step) -> Result<()> {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        Ok(())
    }
}

fn table(series: &[(&str, Vec<Point>)], peak: f64) -> Table {
    let mut table = Table::new();
    let header = ["what grows", "size", "million multiply-adds", "step in ms", "ns for 1,000", "of peak, nominal"];
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for (name, points) in series {
        for Point { name: size, multiply_adds, step } in points {
            table.add_row([
                (*name).to_owned(),
                size.clone(),
                format!("{:.1}", multiply_adds / 1e6),
                format!("{:.3}", 1e3 * step),
                format!("{:.1}", 1e9 * step / multiply_adds * 1e3),
                format!("{:.0}%", 100.0 * multiply_adds / step / peak),
            ]);
        }
    }
    align_right(table, 1..6)
}

fn draw(
    area: &plot::Area<'_>,
    series: &[(&str, Vec<Point>)],
    peak: f64,
    set: InstructionSet,
    threads: NonZero<usize>,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || series.iter().flat_map(|(_, points)| points);
    let x = plot::range(points().map(|point| point.multiply_adds / 1e6));
    let y = plot::range(points().map(|point| 1e3 * point.step).chain([x.0 * 1e9 / peak, x.1 * 1e9 / peak]));
    let mut chart = ChartBuilder::on(area)
        .caption(format!("A step of training: {set}, {threads} threads"), (FONT, 26))
        .margin(16)
        .x_label_area_size(52)
        .y_label_area_size(80)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("million multiply-adds in a step")
        .y_desc("milliseconds")
        .axis_desc_style((FONT, 19))
        .label_style((FONT, 17))
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y}"))
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let at_peak = [x.0, x.1].map(|x| (x, x * 1e9 / peak));
    chart
        .draw_series(LineSeries::new(at_peak, BLACK.mix(0.5).stroke_width(2)))?
        .label("all multiply-adds at the peak")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], BLACK.mix(0.5).stroke_width(2)));
    for ((name, points), colour) in series.iter().zip(ENGINES) {
        let places = || points.iter().map(|point| (point.multiply_adds / 1e6, 1e3 * point.step));
        chart.draw_series(LineSeries::new(places(), colour.stroke_width(3)))?;
        let ends = [points.first(), points.last()].map(|point| point.map_or("", |point| &point.name));
        chart
            .draw_series(places().map(|place| Circle::new(place, 5, colour.filled())))?
            .label(format!("{name}: {} to {}", ends[0], ends[1]))
            .legend(move |(x, y)| Circle::new((x + 12, y), 5, colour.filled()));
    }
    let mut labels = chart.configure_series_labels();
    let labels = labels.position(SeriesLabelPosition::UpperLeft).label_font((FONT, 18));
    labels.background_style(WHITE).border_style(BLACK.mix(0.2)).legend_area_size(WIDTH / 30).draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_a_width_and_a_depth() {
        let layers = layers([784, 10], 64, 3).unwrap();
        assert_eq!(layers.to_string(), "784-64-64-64-10");
    }

    #[test]
    fn the_table_compares_with_the_peak_and_the_picture_has_every_series() {
        let points = |factor: f64| {
            [1.0, 8.0].map(|size| Point {
                name: size.to_string(),
                multiply_adds: factor * size * 1e6,
                step: size / 1e3,
            })
        };
        let series = [("width", points(1.0).into()), ("depth", points(2.0).into()), ("batch", points(4.0).into())];
        let text = table(&series, 4e9).to_string();
        assert!(text.contains("|                   8.0 |      8.000 |       1000.0 |              25% |"), "{text}");
        let set = InstructionSet::Portable;
        let png = plot::drawn(|area| draw(area, &series, 4e9, set, NonZero::<usize>::MIN)).unwrap();
        let picture = image::load_from_memory(&png).unwrap().to_rgb8();
        for colour in &ENGINES[..3] {
            let count = picture.pixels().filter(|pixel| pixel.0 == [colour.0, colour.1, colour.2]).count();
            assert!(count > 100, "{count}");
        }
    }
}
