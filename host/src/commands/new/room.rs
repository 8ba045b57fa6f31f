use anyhow::{Result, bail};
use board::{BoardRecipe, Memory};
use options::commands::new::{Hardware, Program};

use super::samples::Samples;
use crate::model_file::ModelFile;

/// The least flash of a program's code and texts.
const CODE: usize = 8 << 10;

/// Refuses a network that cannot fit. What may fit is left to the linker, which knows all sizes.
pub fn check(
    program: Program,
    hardware: &Hardware,
    weights: &[u8],
    file: &ModelFile<'_>,
    samples: &Samples,
) -> Result<()> {
    let Memory { flash, ram, stack, .. } = hardware.memory;
    let architecture = file.architecture();
    let float = size_of::<f32>();
    let (statics, works_in) = match program {
        Program::Predict => (0, file.ram_bytes()),
        Program::Train => {
            let sample = architecture.inputs() + 2 * architecture.tape_len();
            let parameters = architecture.parameter_count().unwrap_or(usize::MAX);
            let numbers = parameters.saturating_add(BoardRecipe::read()?.batch_size * sample);
            (numbers.saturating_mul(float), (architecture.inputs() + samples.len()) * float)
        }
    };
    let needs = [
        ("flash", weights.len() + samples.bytes() + CODE, flash.length),
        ("static RAM", statics, ram.length - stack),
        ("stack", works_in, stack),
    ];
    let too_large = needs.iter().filter(|(_, need, there)| *need > *there as usize);
    let too_large: Vec<_> =
        too_large.map(|(name, need, there)| format!("{name} at least {need} of {there} bytes")).collect();
    match &too_large[..] {
        [] => Ok(()),
        parts => bail!(
            "this network does not fit {}: {}; take a smaller network, {} board",
            hardware.name,
            parts.join("; "),
            if program == Program::Predict { "fewer bits (--format int8 or int4) or a larger" } else { "or a larger" }
        ),
    }
}
