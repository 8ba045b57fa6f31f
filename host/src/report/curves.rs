//! The charts of runs: loss, the task's metric and the learning rate over the epochs. For one network, also its calibration and its values.

use selvedge::task::TaskKind;

use super::{
    Run,
    answers::Findings,
    calibration::{BINS, Calibration},
    chart::{Chart, Kind, Numbers, Series},
};
use crate::record::{Metrics, Record};

/// Returns the charts of the runs, without charts that have no points. For one run, the chart of the loss has the training, test and
/// validation curves, and a chart of a metric has the test and validation curves. For several runs, a chart has one curve for each run. The learning
/// rate has a chart of its own.
pub fn charts(runs: &[Run]) -> Vec<Chart> {
    let recorded: Vec<(usize, &Run, &Record)> =
        runs.iter().enumerate().filter_map(|(place, run)| Some((place, run, run.record.as_ref()?))).collect();
    let mut charts = match recorded[..] {
        [(_, run, record)] => of_one(run, record),
        _ => of_several(&recorded),
    };
    charts.retain(|chart| chart.series.iter().any(|series| !series.points.is_empty()));
    charts
}

fn of_one(run: &Run, record: &Record) -> Vec<Chart> {
    let parts = |of: fn(&Metrics) -> Option<f64>| {
        let test = Series::line("test", 1, tests(record, of));
        let validation = Series::line("validation", 2, validations(record, of));
        [test, validation].into_iter().filter(|series| !series.points.is_empty())
    };
    let loss = std::iter::once(Series::line("training", 0, losses(record))).chain(parts(|test| Some(test.loss)));
    let mut charts = vec![chart("loss", "Loss", "loss", Numbers::Plain, true, loss.collect())];
    for (file, title, unit, numbers, of) in metrics(run.task()) {
        charts.push(chart(file, title, unit, numbers, false, parts(of).collect()));
    }
    charts.push(chart(
        "learning-rate",
        "Learning rate",
        "learning rate",
        Numbers::Plain,
        true,
        vec![Series::line("rate", 3, rates(record))],
    ));
    charts
}

fn of_several(runs: &[(usize, &Run, &Record)]) -> Vec<Chart> {
    let each = |of: &dyn Fn(&Record) -> Vec<(f64, f64)>| -> Vec<Series> {
        runs.iter().map(|(place, run, record)| Series::line(&run.name, *place, of(record))).collect()
    };
    let plain = Numbers::Plain;
    let mut charts = vec![
        chart("loss", "Loss of the training samples", "loss", plain, true, each(&losses)),
        chart(
            "test-loss",
            "Loss of the test samples",
            "loss",
            plain,
            true,
            each(&|record| tests(record, |test| Some(test.loss))),
        ),
    ];
    let tasks = [TaskKind::Classification, TaskKind::MultiLabel, TaskKind::Regression];
    for task in tasks.into_iter().filter(|task| runs.iter().any(|(_, run, _)| run.task() == *task)) {
        for (file, title, unit, numbers, of) in metrics(task) {
            if charts.iter().all(|chart| chart.file != file) {
                charts.push(chart(file, title, unit, numbers, false, each(&|record| tests(record, of))));
            }
        }
    }
    charts.push(chart("learning-rate", "Learning rate", "learning rate", plain, true, each(&rates)));
    charts
}

type Metric = (&'static str, &'static str, &'static str, Numbers, fn(&Metrics) -> Option<f64>);

/// Returns a task's metrics: file, title, unit, kind of numbers, and where to find them.
fn metrics(task: TaskKind) -> Vec<Metric> {
    match task {
        TaskKind::Classification => {
            vec![("accuracy", "Accuracy of the test samples", "accuracy", Numbers::Percent, |test| test.accuracy)]
        }
        TaskKind::MultiLabel => vec![
            ("accuracy", "Right labels of the test samples", "right labels", Numbers::Percent, |test| test.accuracy),
            ("f1", "Mean F1 of the labels", "F1", Numbers::Plain, |test| test.f1),
        ],
        TaskKind::Regression => vec![("r2", "R² of the test samples", "R²", Numbers::Plain, |test| test.r2)],
    }
}

fn chart(file: &str, title: &str, unit: &'static str, numbers: Numbers, from_zero: bool, series: Vec<Series>) -> Chart {
    Chart { file: file.into(), title: title.into(), axes: ["epoch", unit], numbers, from_zero, series }
}

fn epochs(record: &Record, step: u64) -> f64 {
    step as f64 / record.head.steps_in_epoch as f64
}

/// Returns the losses. The loss of a span is drawn at its middle.
fn losses(record: &Record) -> Vec<(f64, f64)> {
    let middle = |step: u64, steps: u64| epochs(record, step) - epochs(record, steps) / 2.0;
    record.spans.iter().map(|span| (middle(span.step, span.steps), span.loss)).collect()
}

fn rates(record: &Record) -> Vec<(f64, f64)> {
    record.spans.iter().map(|span| (epochs(record, span.step), span.learning_rate)).collect()
}

fn tests(record: &Record, of: impl Fn(&Metrics) -> Option<f64>) -> Vec<(f64, f64)> {
    record.epochs.iter().filter_map(|epoch| Some((epochs(record, epoch.step), of(&epoch.test)?))).collect()
}

fn validations(record: &Record, of: impl Fn(&Metrics) -> Option<f64>) -> Vec<(f64, f64)> {
    let point = |epoch: &crate::record::EpochLine| Some((epochs(record, epoch.step), of(epoch.validation.as_ref()?)?));
    record.epochs.iter().filter_map(point).collect()
}

/// Returns a chart of accuracy over confidence: bars, and the line at which they would end if each confidence were right.
pub fn reliability(calibration: &Calibration, task: TaskKind) -> Chart {
    let bars = calibration.bins.iter().zip(0..).filter_map(|(bin, place)| {
        let middle = (f64::from(place) + 0.5) / BINS as f64;
        Some((middle, bin.accuracy()?))
    });
    let series = |kind, points| Series { name: String::new(), colour: 0, kind, points };
    let (title, axes) = match task {
        TaskKind::MultiLabel => {
            ("Labels that are there, of those with a probability", ["probability of a label", "part that is there"])
        }
        TaskKind::Classification | TaskKind::Regression => (
            "Accuracy of the samples whose class has a confidence",
            ["confidence: the class's probability", "accuracy"],
        ),
    };
    Chart {
        file: "reliability".into(),
        title: title.into(),
        axes,
        numbers: Numbers::Percent,
        from_zero: true,
        series: vec![
            series(Kind::Bars(0.9 / BINS as f64), bars.collect()),
            series(Kind::Guide, vec![(0.0, 0.0), (1.0, 1.0)]),
        ],
    }
}

/// Returns, for each of the first targets, a chart of the network's values over the true ones.
pub fn values(run: &Run, findings: &Findings) -> Vec<Chart> {
    let chart = |(target, points): (usize, &Vec<(f64, f64)>)| {
        let ends = points.iter().map(|point| point.0);
        let (low, high) = (ends.clone().fold(f64::INFINITY, f64::min), ends.fold(f64::NEG_INFINITY, f64::max));
        let series = |kind, points| Series { name: String::new(), colour: 0, kind, points };
        let unit = run.unit(target).filter(|unit| *unit != crate::data::NO_UNIT);
        Chart {
            file: format!("values-{target}"),
            title: match unit {
                Some(unit) => format!("{}, in {unit}", run.output(target)),
                None => run.output(target),
            },
            axes: ["true value", "the network's value"],
            numbers: Numbers::Plain,
            from_zero: false,
            series: vec![series(Kind::Guide, vec![(low, low), (high, high)]), series(Kind::Dots, points.clone())],
        }
    };
    findings.values.iter().enumerate().filter(|(_, points)| !points.is_empty()).map(chart).collect()
}
