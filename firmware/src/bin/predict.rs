//! Classifies the embedded samples with the weight file in flash, read in place.
//!
//! Counted for each sample: its bytes made floating-point, the network, and the largest logit.

#![no_std]
#![no_main]

use firmware::{
    Failure,
    board::OUTPUTS,
    counter::{Counter, UNIT},
    embed, entry,
    network::Network,
    run,
};
use selvedge::{
    classification::{argmax, display_probabilities, top_k},
    idx,
    shape::Names,
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");
const SAMPLES: &[u8] = embed!("samples.idx");
const LABELS: &[u8] = embed!("labels.idx");

#[entry]
fn main() -> ! {
    run(predict)
}

fn predict(counter: &Counter) -> Result<(), Failure> {
    let network = Network::parse(WEIGHTS)?;
    let names = network.class_names();
    let (mut workspace, mut logits) = (Network::WORKSPACE, Network::OUTPUTS);
    let samples = idx::samples(SAMPLES)?;
    let labels = idx::labels(LABELS)?;

    let mut right = 0;
    let mut total = 0;
    for (index, (sample, &label)) in samples.iter().zip(labels).enumerate() {
        let (result, count) =
            counter.measure(|| network.predict(sample, &mut workspace, &mut logits).map(|()| argmax(logits.iter())));
        let class = result?;
        let digest = Network::hash(&logits).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        defmt::println!(
            "sample {=usize}: class {=usize} {=str}, logits {=u64:016x}, {=u64} {=str}",
            index,
            class,
            names.get(class).unwrap_or_default(),
            digest,
            count,
            UNIT
        );
        if index == 0 {
            show_top(names, &network.values(&logits));
        }
        right += usize::from(class == usize::from(label));
        total += count;
    }
    let count = samples.len();
    let mean = total.checked_div(count as u64).unwrap_or_default();
    defmt::println!("{=usize} samples, {=usize} right, {=u64} {=str} each", count, right, mean, UNIT);
    Ok(())
}

/// The three likeliest classes, in the display's fast and approximate probabilities.
fn show_top(names: Names<'_>, logits: &[f32; OUTPUTS]) {
    let mut probabilities = [0.0; OUTPUTS];
    display_probabilities(logits, &mut probabilities);
    for (class, probability) in top_k::<3, _>(logits.iter().copied(), probabilities) {
        let name = names.get(class).unwrap_or_default();
        defmt::println!("  {=usize} {=str}: about {=u32} %", class, name, (100.0 * probability + 0.5) as u32);
    }
}
