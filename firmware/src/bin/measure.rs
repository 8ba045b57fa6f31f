//! What a prediction takes: instructions (cycles on a chip) for each layer and in all, and stack.
//!
//! Counted for each embedded image: the network, from its pixels to the logits, and the largest of them. The stack is that of loading the weight file
//! and of a prediction, with what they work in.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    Failure,
    counter::{Counter, UNIT},
    embed,
    network::Network,
    run,
    stack::Painted,
};
use selvedge::{
    classification::argmax,
    idx::{self, Image},
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");
const IMAGES: &[u8] = embed!("images.idx3-ubyte");

/// More layers than a chain has.
const LAYERS: usize = 16;

/// So many images' counts are shown, which `cargo xtask bench device` compares with what it follows.
const SHOWN: usize = 10;

#[entry]
fn main() -> ! {
    run(measure)
}

fn measure(counter: &Counter) -> Result<(), Failure> {
    let images = idx::images(IMAGES)?;
    if let Some(image) = images.first() {
        let painted = Painted::paint();
        class(&load()?, image)?;
        defmt::println!("stack: {=usize} bytes", painted.depth());
    }
    let network = load()?;
    // The predictions come first: `cargo xtask bench device` follows the first of them and then stops the program.
    measure_predictions(counter, &network, images)?;
    measure_layers(counter, &network, images)
}

// What follows is not inlined, so that no two workspaces are on the stack at a time.

#[inline(never)]
fn load() -> Result<Network, Failure> {
    Ok(Network::parse(WEIGHTS)?)
}

#[inline(never)]
fn class(network: &Network, image: &Image) -> Result<usize, Failure> {
    let mut workspace = Network::WORKSPACE;
    Ok(argmax(&network.logits(image, &mut workspace)?))
}

/// A prediction. Its function's entry and return are where `cargo xtask bench device` begins and ends to follow it.
#[inline(never)]
fn followed<T>(prediction: impl FnOnce() -> T) -> T {
    prediction()
}

#[inline(never)]
fn measure_predictions(counter: &Counter, network: &Network, images: &[Image]) -> Result<(), Failure> {
    let mut workspace = Network::WORKSPACE;
    let (mut least, mut most, mut total) = (u64::MAX, 0, 0);
    let mut shown = [0; SHOWN];
    for (place, image) in images.iter().enumerate() {
        let predict = || network.logits(image, &mut workspace).map(|logits| argmax(&logits));
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
        "prediction: mean {=u64}, least {=u64}, most {=u64} {=str}, of {=usize} images",
        total / images.len() as u64,
        least,
        most,
        UNIT,
        images.len()
    );
    defmt::println!("first images: {} {=str}", shown.get(..images.len()).unwrap_or(&shown), UNIT);
    Ok(())
}

#[inline(never)]
fn measure_layers(counter: &Counter, network: &Network, images: &[Image]) -> Result<(), Failure> {
    let mut workspace = Network::WORKSPACE;
    let mut layers = [0; LAYERS];
    for image in images {
        let mut before = counter.now();
        network.by_layer(image, &mut workspace, |layer| {
            let now = counter.now();
            if let Some(sum) = layers.get_mut(layer) {
                *sum += counter.between(before, now);
            }
            before = counter.now();
        })?;
    }
    for (layer, sum) in layers.iter().enumerate().filter(|(_, sum)| **sum > 0) {
        defmt::println!("layer {=usize}: {=u64} {=str}", layer, sum / images.len() as u64, UNIT);
    }
    Ok(())
}
