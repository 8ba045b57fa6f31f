//! A picture of a run: its head, its curves, its figures.

use std::time::Duration;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Style, Stylize},
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Block, Chart, Dataset, GraphType, LineGauge, Paragraph},
};

use super::{
    history::{History, Point},
    scale::Scale,
    theme::Theme,
};
use crate::score::shown;

/// The least size in which curves can be read: columns and rows of one plot.
const PLOT: (u16, u16) = (38, 8);
/// The rows of a window that has room for the learning rate's and the speed's curves too.
const TALL: u16 = 34;

/// Draws a plot in its area.
type Drawing = fn(&mut Frame<'_>, Rect, &History, &Theme);

/// Draws a run in the whole window, as far as it has room.
pub fn draw(frame: &mut Frame<'_>, history: &History, theme: &Theme) {
    let area = frame.area();
    let figures = if history.last.as_ref().is_some_and(|last| last.validation.is_some()) { 5 } else { 4 };
    let [head, plots, gauge, below] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(figures),
    ])
    .areas(area);
    draw_head(frame, head, history);
    let rows: &[Rect] = if area.height >= TALL {
        &Layout::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas::<2>(plots)
    } else {
        &[plots]
    };
    let kinds: [[Drawing; 2]; 2] = [[draw_loss, draw_score], [draw_rate, draw_speed]];
    for (&row, pair) in rows.iter().zip(kinds) {
        let fits = |area: Rect| area.width >= PLOT.0 && area.height >= PLOT.1;
        let sides: [Rect; 2] = Layout::horizontal([Constraint::Fill(1); 2]).areas(row);
        let stacked: [Rect; 2] = Layout::vertical([Constraint::Fill(1); 2]).areas(row);
        let both = [sides, stacked].into_iter().find(|both| both.iter().all(|&area| fits(area)));
        match both {
            Some(both) => pair.into_iter().zip(both).for_each(|(draw, area)| draw(frame, area, history, theme)),
            None if row.height >= PLOT.1 => pair[0](frame, row, history, theme),
            None => {}
        }
    }
    let label = format!("{:3.0}%", (100.0 * history.done()).floor());
    let bar = LineGauge::default()
        .ratio(history.done())
        .label(label)
        .filled_style(theme.training)
        .unfilled_style(theme.quiet);
    frame.render_widget(bar.filled_symbol("█").unfilled_symbol("░"), gauge);
    frame.render_widget(Paragraph::new(figure_lines(history)), below);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, history: &History) {
    let about = &history.about;
    let first = Line::from(vec![
        "selvedge train".bold(),
        Span::raw("  recipe ").dim(),
        Span::raw(&about.recipe),
        Span::raw("  data ").dim(),
        Span::raw(&about.data),
    ]);
    let lines = vec![
        first,
        Line::from(vec![Span::raw("layers ").dim(), Span::raw(&about.layers)]),
        Line::from(vec![Span::raw("on ").dim(), Span::raw(&about.device)]),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

/// Returns the lines below the curves.
fn figure_lines(history: &History) -> Vec<Line<'_>> {
    let about = &history.about;
    let epoch = match about.epochs {
        Some(epochs) => {
            format!("epoch {} of {}{epochs}", history.epoch + 1, if about.may_end_early { "at most " } else { "" })
        }
        None => format!("epoch {}", history.epoch + 1),
    };
    let left = history.left().map_or_else(|| "…".into(), clock);
    let number = |value: Option<f64>, text: fn(f64) -> String| value.map_or_else(|| "…".into(), text);
    let loss = number(history.loss.map(f64::from), |loss| format!("{loss:.6}"));
    let rate = number(history.learning_rate, |rate| format!("{rate:.3e}"));
    let speed = number(history.speed, |speed| format!("{} samples/s", grouped(speed as u64)));
    let mut lines = vec![
        Line::raw(format!(
            "{epoch}, step {} of {}, {} elapsed, {left} left",
            grouped(history.steps),
            grouped(about.steps),
            clock(history.elapsed())
        )),
        Line::raw(format!("loss {loss}, learning rate {rate}, {speed}")),
    ];
    match &history.last {
        Some(last) => {
            let marked = |name: String, text| Line::from(vec![Span::raw(name), Span::raw(text).bold()]);
            lines.push(marked(format!("test after epoch {}: ", last.epoch), &last.test));
            lines.extend(last.validation.as_ref().map(|text| marked("validation: ".into(), text)));
        }
        None => lines.push(Line::raw(format!(
            "the first test is after {} samples",
            grouped(about.samples.saturating_sub(history.seen) as u64)
        ))),
    }
    lines.push(match history.is_ending {
        true => Line::raw("The run ends after this step and saves a checkpoint; q again ends at once").bold(),
        false => Line::raw("q ends the run, and saves a checkpoint to go on from").dim(),
    });
    lines
}

/// Returns a number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a time as `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A curve of a plot.
struct Series<'a> {
    /// The curve's mark and name. `None` if the plot's title names the curve.
    name: Option<&'a str>,
    style: Style,
    marker: Marker,
    graph: GraphType,
    points: Vec<(f64, f64)>,
}

impl<'a> Series<'a> {
    fn line(name: Option<&'a str>, style: Style, points: Vec<(f64, f64)>) -> Self {
        Self { name, style, marker: Marker::Braille, graph: GraphType::Line, points }
    }

    /// Tests, which have a mark each, so that none is told by its colour alone, and a line between them.
    fn marked(name: &'a str, mark: char, style: Style, points: Vec<(f64, f64)>) -> [Self; 2] {
        let marks = Self {
            name: Some(name),
            style,
            marker: Marker::Custom(mark),
            graph: GraphType::Scatter,
            points: points.clone(),
        };
        [Self::line(None, style, points), marks]
    }
}

/// Returns the name of the horizontal axis, and the number of its units in an epoch. The unit is an epoch, or a step if the recipe gives the
/// length in steps.
fn across(history: &History) -> (&'static str, f64) {
    match history.about.epochs {
        Some(_) => ("epoch", 1.0),
        None => ("step", history.about.steps_in_epoch as f64),
    }
}

fn scaled(points: impl IntoIterator<Item = (f64, f64)>, factor: f64) -> Vec<(f64, f64)> {
    points.into_iter().map(|(x, y)| (x * factor, y)).collect()
}

/// Returns a curve with as many points as a plot has columns, or fewer: each is the mean of some in a row.
fn condensed(points: &[(f64, f64)], columns: u16) -> Vec<(f64, f64)> {
    let some = points.len().div_ceil(usize::from(columns.max(1))).max(1);
    let mean = |points: &[(f64, f64)]| {
        let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / points.len() as f64, y / points.len() as f64)
    };
    points.chunks(some).map(mean).collect()
}

fn draw_loss(frame: &mut Frame<'_>, area: Rect, history: &History, theme: &Theme) {
    let (_, factor) = across(history);
    let of = |points: &[Point]| scaled(points.iter().map(|point| (point.epochs, point.loss)), factor);
    let losses = scaled(condensed(history.losses.points(), area.width), factor);
    // The first steps' losses are far above all others, which would lie on one row.
    let first = if losses.len() > 20 { losses.len() / 20 } else { 0 };
    let tests = history.tests.iter().chain(&history.validations).map(|point| point.loss);
    let values: Vec<f64> = losses[first..].iter().map(|point| point.1).chain(tests).collect();
    let mut series = vec![Series::line(Some("⠒ training"), theme.training, losses)];
    series.extend(Series::marked("o test", 'o', theme.test, of(&history.tests)));
    if !history.validations.is_empty() {
        series.extend(Series::marked("x validation", 'x', theme.validation, of(&history.validations)));
    }
    plot(frame, area, history, theme, ("Loss", ""), series, &values);
}

fn draw_score(frame: &mut Frame<'_>, area: Rect, history: &History, theme: &Theme) {
    let (_, factor) = across(history);
    let is_part = shown(history.score, 0.0).ends_with('%');
    let (by, unit) = if is_part { (100.0, "%") } else { (1.0, "") };
    let of = |points: &[Point]| scaled(points.iter().map(|point| (point.epochs, by * point.score)), factor);
    let values: Vec<f64> = history.tests.iter().chain(&history.validations).map(|point| by * point.score).collect();
    let mut series = Vec::from(Series::marked("o test", 'o', theme.test, of(&history.tests)));
    if !history.validations.is_empty() {
        series.extend(Series::marked("x validation", 'x', theme.validation, of(&history.validations)));
    }
    let title = if is_part { "Accuracy" } else { history.score };
    plot(frame, area, history, theme, (title, unit), series, &values);
}

fn draw_rate(frame: &mut Frame<'_>, area: Rect, history: &History, theme: &Theme) {
    let points = scaled(history.learning_rates.points().iter().copied(), across(history).1);
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let series = vec![Series::line(None, theme.training, points)];
    plot(frame, area, history, theme, ("Learning rate", ""), series, &values);
}

fn draw_speed(frame: &mut Frame<'_>, area: Rect, history: &History, theme: &Theme) {
    let points = scaled(history.speeds.points().iter().copied(), across(history).1);
    let values: Vec<f64> = points.iter().map(|point| point.1).chain([0.0]).collect();
    let series = vec![Series::line(None, theme.training, points)];
    plot(frame, area, history, theme, ("Samples per second", ""), series, &values);
}

/// Draws curves over the run so far. `values` decide the vertical range.
fn plot(
    frame: &mut Frame<'_>,
    area: Rect,
    history: &History,
    theme: &Theme,
    (title, unit): (&str, &str),
    series: Vec<Series<'_>>,
    values: &[f64],
) {
    let (name, factor) = across(history);
    let ends = [history.epochs(history.first).floor(), history.epochs(history.steps)];
    let x = Scale::of(ends.into_iter().map(|epochs| factor * epochs), if area.width >= 50 { 5 } else { 3 }, "");
    let y = Scale::of(values.iter().copied(), if area.height >= 16 { 5 } else { 3 }, unit);
    // The names stand in the frame, where no curve comes.
    let names = series.iter().filter_map(|series| Some([Span::raw("  "), Span::styled(series.name?, series.style)]));
    let names: Vec<_> = names.flatten().skip(1).collect();
    let block = Block::bordered().border_style(theme.quiet).title(title);
    let block = block.title(Line::from(names).right_aligned()).title_bottom(Line::raw(name).right_aligned());
    let inner = block.inner(area);
    if values.is_empty() {
        frame.render_widget(Paragraph::new("no test yet").centered().dim().block(block), area);
        return;
    }
    let datasets = series.iter().map(|series| {
        Dataset::default().marker(series.marker).graph_type(series.graph).style(series.style).data(&series.points)
    });
    let axis = |scale: &Scale| Axis::default().bounds(scale.bounds()).style(theme.quiet);
    let chart = Chart::new(datasets.collect())
        .block(block)
        // An axis without labels is not drawn. These are written below.
        .x_axis(axis(&x).labels([""; 2]))
        .y_axis(axis(&y).labels(y.labels.clone()));
    frame.render_widget(chart, area);
    label_across(frame, inner, &x, &y, theme);
}

/// Writes a plot's horizontal labels below their places; the chart itself would put those in the middle somewhat beside them.
fn label_across(frame: &mut Frame<'_>, inner: Rect, x: &Scale, y: &Scale, theme: &Theme) {
    // As the chart does: the vertical labels have a third of the width at most, and the axis stands behind them.
    let widest = y.labels.iter().map(|label| label.chars().count() as u16).max().unwrap_or(0);
    let left = inner.left() + widest.min(inner.width / 3) + 1;
    let columns = f64::from(inner.right().saturating_sub(left + 1));
    let parts = x.labels.len().saturating_sub(1).max(1) as f64;
    let mut free = inner.left();
    for (index, label) in x.labels.iter().enumerate() {
        let width = label.chars().count() as u16;
        let middle = left + (index as f64 / parts * columns).round() as u16;
        let start = middle.saturating_sub(width / 2).min(inner.right().saturating_sub(width));
        if start >= free && inner.height > 2 && width <= inner.width {
            frame.buffer_mut().set_string(start, inner.bottom() - 1, label, theme.quiet);
            free = start + width + 1;
        }
    }
}
