use std::io::Write;

use crate::{
    classes::Classes,
    data::{NO_UNIT, Recorded},
    device::{Board, Output},
    task::TaskBuf,
    weights,
};
use anyhow::{Context, Result};
use options::commands::device;
use selvedge::{message::Prediction, task::TaskKind};

use super::{
    super::{
        outputs::{Answer, Outputs},
        parse,
        samples::{self, Taken, Tally},
    },
    check, greet,
};

pub fn run(options: &device::Predict) -> Result<()> {
    let bytes = options.file.as_deref().map(weights::read).transpose()?;
    let mut board = greet(&options.connect)?;
    let (features, resizes) = match (&options.file, &bytes) {
        (Some(path), Some(bytes)) => {
            let file = parse(path, bytes)?;
            check(path, board.about(), &file)?;
            let signature = file.signature();
            let features = signature.feature_names.iter().map(str::to_owned).collect();
            (features, Recorded::parse(signature.reading).are_pictures)
        }
        _ => (Vec::new(), false),
    };
    let (shape, element) = (board.about().input, board.about().element);
    let samples = samples::read(&options.samples, &Taken { shape, element, features, resizes });
    let outputs = outputs(&mut board)?;
    let mut tally = Tally::new(&samples);
    let mut out = terminal::stdout();
    for sample in samples {
        let sample = match sample {
            Ok(sample) => sample,
            Err(unread) => {
                tally.fail(unread.error)?;
                continue;
            }
        };
        let (checked, answer, instructions) = board
            .predict(&sample.values, |prediction| {
                let checked = samples::check(&sample, &prediction.logits);
                (checked, answer(&outputs, prediction), prediction.instructions)
            })
            .with_context(|| sample.name.clone())?;
        if let Err(error) = checked {
            tally.fail(error)?;
            continue;
        }
        sample.show(&mut out, shape, &answer, false)?;
        writeln!(out, "  {instructions} {}", board.about().unit)?;
    }
    tally.end()
}

/// Returns the meaning of the board's outputs, as it says.
fn outputs(board: &mut Board) -> Result<Outputs> {
    let count = board.about().architecture.outputs();
    let all = (0..count).map(|output| board.output(output as u16)).collect::<Result<Vec<_>, _>>()?;
    let task = match board.about().task {
        TaskKind::Classification => TaskBuf::Classification,
        TaskKind::MultiLabel => TaskBuf::MultiLabel,
        TaskKind::Regression => TaskBuf::scaled(all.iter().map(|output| (output.scale, output.shift))),
    };
    let names = match all.iter().any(|output| output.name.is_empty()) {
        true => Classes::numbered(count),
        false => Classes::named(all.iter().map(|output| output.name.clone()))?,
    };
    let unit = |output: &Output| if output.unit.is_empty() { NO_UNIT.into() } else { output.unit.clone() };
    Ok(Outputs { task, names, units: all.iter().map(unit).collect() })
}

/// Returns a board's answer in words: the likeliest classes are those that it names.
fn answer(outputs: &Outputs, prediction: &Prediction<'_>) -> Answer {
    match outputs.task {
        TaskBuf::Classification => {
            let top = prediction.top.iter();
            let top: Vec<_> = top.map(|candidate| (usize::from(candidate.class), candidate.probability)).collect();
            Outputs::of_top(&outputs.names, &top)
        }
        TaskBuf::MultiLabel | TaskBuf::Regression(_) => outputs.answer(&prediction.logits),
    }
}
