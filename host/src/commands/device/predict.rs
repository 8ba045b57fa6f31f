use std::io::Write;

use crate::{classes::Classes, device::Board};
use anyhow::{Context, Result};
use options::commands::device;

use super::{
    super::samples::{self, Taken, Tally},
    greet,
};

pub fn run(options: &device::Predict) -> Result<()> {
    let mut board = greet(&options.connect)?;
    let (shape, element) = (board.about().input, board.about().element);
    let samples = samples::read(&options.samples, &Taken { shape, element, features: Vec::new() });
    let classes = classes(&mut board)?;
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
        let (checked, top, instructions) = board
            .predict(&sample.values, |prediction| {
                let top = prediction.top.iter();
                let top = top.map(|candidate| (usize::from(candidate.class), candidate.probability));
                let checked = samples::check(&sample, &prediction.logits);
                (checked, top.collect::<Vec<_>>(), prediction.instructions)
            })
            .with_context(|| sample.name.clone())?;
        if let Err(error) = checked {
            tally.fail(error)?;
            continue;
        }
        sample.show(&mut out, shape, &top, &classes, false)?;
        writeln!(out, "  {instructions} {}", board.about().unit)?;
    }
    tally.end()
}

/// The classes by the board's names.
fn classes(board: &mut Board) -> Result<Classes> {
    let outputs = board.about().architecture.outputs();
    let mut names = Vec::new();
    for class in 0..outputs {
        let name = board.class_name(class as u16)?;
        if name.is_empty() {
            return Ok(Classes::numbered(outputs));
        }
        names.push(name);
    }
    Ok(Classes::named(names)?)
}
