//! Classifies the embedded images with the weight file in flash, read in place.
//!
//! Counted for each image: its pixels made floating-point, the network, and the largest logit.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    Failure,
    counter::{Counter, UNIT},
    embed,
    network::Network,
    run,
};
use selvedge::{
    classification::{argmax, display_probabilities, top_k},
    idx,
    models::{CLASS_NAMES, CLASSES},
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");
const IMAGES: &[u8] = embed!("images.idx3-ubyte");
const LABELS: &[u8] = embed!("labels.idx1-ubyte");

#[entry]
fn main() -> ! {
    run(predict)
}

fn predict(counter: &Counter) -> Result<(), Failure> {
    let network = Network::parse(WEIGHTS)?;
    let mut workspace = Network::WORKSPACE;
    let images = idx::images(IMAGES)?;
    let labels = idx::labels(LABELS)?;

    let mut right = 0;
    let mut total = 0;
    for (index, (image, &label)) in images.iter().zip(labels).enumerate() {
        let (result, count) =
            counter.measure(|| network.logits(image, &mut workspace).map(|logits| (argmax(&logits), logits)));
        let (class, logits) = result?;
        let digest = Network::hash(&logits).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        defmt::println!(
            "image {=usize}: class {=usize} {=str}, logits {=u64:016x}, {=u64} {=str}",
            index,
            class,
            CLASS_NAMES[class],
            digest,
            count,
            UNIT
        );
        if index == 0 {
            show_top(&network.values(&logits));
        }
        right += usize::from(class == usize::from(label));
        total += count;
    }
    let mean = total / images.len() as u64;
    defmt::println!("{=usize} images, {=usize} right, {=u64} {=str} each", images.len(), right, mean, UNIT);
    Ok(())
}

/// The three likeliest classes, in the display's fast and approximate probabilities.
fn show_top(logits: &[f32; CLASSES]) {
    let mut probabilities = [0.0; CLASSES];
    display_probabilities(logits, &mut probabilities);
    for (class, probability) in top_k::<3>(&probabilities) {
        defmt::println!("  {=str}: about {=u32} %", CLASS_NAMES[class], (100.0 * probability + 0.5) as u32);
    }
}
