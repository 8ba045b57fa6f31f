//! Measures a prediction: its instructions (cycles on a chip), for each layer and in total, and its stack.
//!
//! The count of each embedded sample includes the network, from the sample's bytes to the logits, and the search for the largest logit. The
//! stack is that of loading the weight file and of a prediction, with their workspaces.

#![no_std]
#![no_main]

use firmware::{
    Failure,
    counter::{Counter, UNIT},
    embed, entry,
    network::EmbeddedNetwork,
    run,
    stack::Painted,
};
use selvedge::{
    architecture::MAX_LAYERS,
    classification::argmax,
    idx::{self, Samples},
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");
const SAMPLES: &[u8] = embed!("samples.idx");

/// The number of samples whose instructions are shown: `cargo xtask bench device` compares them with the emulator's trace.
const SHOWN: usize = 10;

#[entry]
fn main() -> ! {
    run(measure)
}

fn measure(counter: &Counter) -> Result<(), Failure> {
    let samples = idx::samples(SAMPLES)?;
    if let Some(sample) = samples.iter().next() {
        let painted = Painted::paint();
        class(&load()?, sample)?;
        defmt::println!("stack: {=usize} bytes", painted.depth());
    }
    let network = load()?;
    // The predictions come first: `cargo xtask bench device` follows the first of them and then stops the program.
    measure_predictions(counter, &network, samples)?;
    measure_layers(counter, &network, samples)
}

// What follows is not inlined, so that no two workspaces are on the stack at a time.

#[inline(never)]
fn load() -> Result<EmbeddedNetwork, Failure> {
    Ok(EmbeddedNetwork::parse(WEIGHTS)?)
}

#[inline(never)]
fn class(network: &EmbeddedNetwork, sample: &[u8]) -> Result<usize, Failure> {
    let (mut workspace, mut logits) = (EmbeddedNetwork::WORKSPACE, EmbeddedNetwork::OUTPUTS);
    network.predict(sample, &mut workspace, &mut logits)?;
    Ok(argmax(logits.iter()))
}

/// Runs a prediction. `cargo xtask bench device` follows the program from this function's entry to its return.
#[inline(never)]
fn followed<T>(prediction: impl FnOnce() -> T) -> T {
    prediction()
}

#[inline(never)]
fn measure_predictions(counter: &Counter, network: &EmbeddedNetwork, samples: Samples<'_>) -> Result<(), Failure> {
    let (mut workspace, mut logits) = (EmbeddedNetwork::WORKSPACE, EmbeddedNetwork::OUTPUTS);
    let count = samples.len().max(1);
    let (mut least, mut most, mut total) = (u64::MAX, 0, 0);
    let mut shown = [0; SHOWN];
    for (place, sample) in samples.iter().enumerate() {
        let predict = || network.predict(sample, &mut workspace, &mut logits).map(|()| argmax(logits.iter()));
        let (class, count) = counter.measure(|| followed(predict));
        class?;
        if let Some(shown) = shown.get_mut(place) {
            *shown = count;
        }
        least = least.min(count);
        most = most.max(count);
        total += count;
    }
    defmt::println!(
        "prediction: mean {=u64}, least {=u64}, most {=u64} {=str}, of {=usize} samples",
        total / count as u64,
        least,
        most,
        UNIT,
        count
    );
    defmt::println!("first samples: {} {=str}", shown.get(..count).unwrap_or(&shown), UNIT);
    Ok(())
}

#[inline(never)]
fn measure_layers(counter: &Counter, network: &EmbeddedNetwork, samples: Samples<'_>) -> Result<(), Failure> {
    let mut workspace = EmbeddedNetwork::WORKSPACE;
    let mut layers = [0; MAX_LAYERS];
    for sample in samples.iter() {
        let mut before = counter.now();
        network.by_layer(sample, &mut workspace, |layer| {
            let now = counter.now();
            if let Some(sum) = layers.get_mut(layer) {
                *sum += counter.between(before, now);
            }
            before = counter.now();
        })?;
    }
    for (layer, sum) in layers.iter().enumerate().filter(|(_, sum)| **sum > 0) {
        defmt::println!("layer {=usize}: {=u64} {=str}", layer, sum / samples.len() as u64, UNIT);
    }
    Ok(())
}
