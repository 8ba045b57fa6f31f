//! Predicts the embedded samples with the weight file in flash, which is read in place.
//!
//! It counts the instructions (cycles on a chip) of each sample. The count includes the network, from the sample's bytes to the logits, and the
//! search for the largest logit.

#![no_std]
#![no_main]

use firmware::{
    Failure,
    board::{OUTPUTS, TASK},
    counter::{Counter, UNIT},
    embed, entry,
    network::EmbeddedNetwork,
    run,
};
use selvedge::{
    classification::{argmax, display_probabilities, top_k},
    idx,
    shape::{Names, Signature},
    task::TaskKind,
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");
const SAMPLES: &[u8] = embed!("samples.idx");
const LABELS: &[u8] = embed!("labels.idx");

#[entry]
fn main() -> ! {
    run(predict)
}

fn predict(counter: &Counter) -> Result<(), Failure> {
    let network = EmbeddedNetwork::parse(WEIGHTS)?;
    let names = network.output_names();
    let (mut workspace, mut logits) = (EmbeddedNetwork::WORKSPACE, EmbeddedNetwork::OUTPUTS);
    let samples = idx::samples(SAMPLES)?;
    let labels = idx::labels(LABELS)?;

    let mut right = 0;
    let mut total = 0;
    for (index, (sample, &label)) in samples.iter().zip(labels).enumerate() {
        let (result, count) =
            counter.measure(|| network.predict(sample, &mut workspace, &mut logits).map(|()| argmax(logits.iter())));
        let class = result?;
        let digest = EmbeddedNetwork::hash(&logits).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        match TASK {
            TaskKind::Classification => defmt::println!(
                "sample {=usize}: class {=usize} {=str}, logits {=u64:016x}, {=u64} {=str}",
                index,
                class,
                names.get(class).unwrap_or_default(),
                digest,
                count,
                UNIT
            ),
            TaskKind::MultiLabel | TaskKind::Regression => {
                defmt::println!("sample {=usize}: logits {=u64:016x}, {=u64} {=str}", index, digest, count, UNIT);
            }
        }
        if index == 0 {
            match TASK {
                TaskKind::Classification => show_top(names, &network.values(&logits)),
                TaskKind::MultiLabel => show_labels(names, &network.values(&logits)),
                TaskKind::Regression => show_values(&EmbeddedNetwork::signature(WEIGHTS)?, network.values(&logits)),
            }
        }
        right += usize::from(class == usize::from(label));
        total += count;
    }
    let count = samples.len();
    let mean = total.checked_div(count as u64).unwrap_or_default();
    match TASK {
        TaskKind::Classification => {
            defmt::println!("{=usize} samples, {=usize} right, {=u64} {=str} each", count, right, mean, UNIT);
        }
        TaskKind::MultiLabel | TaskKind::Regression => {
            defmt::println!("{=usize} samples, {=u64} {=str} each", count, mean, UNIT);
        }
    }
    Ok(())
}

/// Shows the labels that a sample has: those whose output is above 0.
fn show_labels(names: Names<'_>, outputs: &[f32; OUTPUTS]) {
    for (label, _) in outputs.iter().enumerate().filter(|(_, output)| **output > 0.0) {
        defmt::println!("  {=usize} {=str}", label, names.get(label).unwrap_or_default());
    }
}

/// Shows the values of a sample's outputs, in their units.
fn show_values(signature: &Signature<'_>, mut outputs: [f32; OUTPUTS]) {
    signature.task.restore(&mut outputs);
    for (target, value) in outputs.iter().enumerate() {
        let [name, unit] = [signature.output_names, signature.output_units].map(|names| names.get(target));
        defmt::println!("  {=str}: {=f32} {=str}", name.unwrap_or_default(), *value, unit.unwrap_or_default());
    }
}

/// Shows the three most likely classes, with the fast and approximate probabilities for a display.
fn show_top(names: Names<'_>, logits: &[f32; OUTPUTS]) {
    let mut probabilities = [0.0; OUTPUTS];
    display_probabilities(logits, &mut probabilities);
    for (class, probability) in top_k::<3, _>(logits.iter().copied(), probabilities) {
        let name = names.get(class).unwrap_or_default();
        defmt::println!("  {=usize} {=str}: about {=u32} %", class, name, (100.0 * probability + 0.5) as u32);
    }
}
