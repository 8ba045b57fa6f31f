//! Predicts, and does nothing else. It has no logger, and no code calls its panic handler. A test checks in the program's symbols that it
//! contains no panic.

#![no_std]
#![no_main]

#[allow(dead_code, reason = "the other programs use the rest")]
#[path = "../board.rs"]
mod board;
#[path = "../entry.rs"]
mod entry;
#[allow(dead_code, reason = "the other programs use the rest")]
#[path = "../network/mod.rs"]
mod network;

use core::{hint::black_box, panic::PanicInfo};

use entry::entry;
use network::EmbeddedNetwork;
use selvedge::{classification::argmax, idx};

const WEIGHTS: &[u8] = embed!("weights.selvedge");
const SAMPLES: &[u8] = embed!("samples.idx");

/// Names a way to fail. With `SELVEDGE_CRASH=panic` at build time, the program has one index that must be checked, and the test must see this.
const CRASH: Option<&str> = option_env!("SELVEDGE_CRASH");

#[entry]
fn main() -> ! {
    semihosting::process::exit(if predict().is_some() { 0 } else { 1 })
}

/// Returns the class of the first sample.
fn predict() -> Option<usize> {
    let network = EmbeddedNetwork::parse(WEIGHTS).ok()?;
    let (mut workspace, mut logits) = (EmbeddedNetwork::WORKSPACE, EmbeddedNetwork::OUTPUTS);
    network.predict(idx::samples(SAMPLES).ok()?.iter().next()?, &mut workspace, &mut logits).ok()?;
    let class = black_box(argmax(logits.iter()));
    if CRASH == Some("panic") {
        black_box(logits[class]);
    }
    Some(class)
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
