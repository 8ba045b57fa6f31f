//! Classifies an accelerometer's rows while they come: a task reads the sensor at 50 Hz, another fills windows and predicts.

#![no_std]
#![no_main]

mod time;

use core::{array, fmt::Display};

use embassy_executor::Spawner;
use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel};
use embassy_time::{Duration, Instant, Ticker};
use selvedge::{Embedded, classification::argmax, embed, quantized::Int8};
use semihosting::{println, process::exit};

/// The network that `examples/motion` trains: 32 rows of three axes in, a class out.
static NETWORK: Embedded<Int8> = embed!("../model.int8", as Int8);

/// The rows of an accelerometer for some seconds, in mg. They stand in for a sensor.
const STREAM: &str = include_str!("../stream.csv");
const AXES: usize = 3;
const ROWS: usize = NETWORK.inputs() / AXES;

type Row = [i16; AXES];

/// The queue of rows from the task that reads to the task that predicts. `None` is the stream's end.
static MEASURED: Channel<CriticalSectionRawMutex, Option<Row>, 8> = Channel::new();

/// Reads the sensor.
#[embassy_executor::task]
async fn sensor() {
    let mut ticker = Ticker::every(Duration::from_millis(20));
    // The first line has the columns' names.
    for line in STREAM.lines().skip(1) {
        ticker.next().await;
        let mut values = line.split(',').map(str::parse);
        let row = array::from_fn(|_| values.next().and_then(Result::ok).unwrap_or(0));
        MEASURED.send(Some(row)).await;
    }
    MEASURED.send(None).await;
}

/// Fills windows, one after the other, and predicts each one's class.
#[embassy_executor::task]
async fn classifier() {
    let network = NETWORK.load().unwrap_or_else(|error| fail(error));
    let names = network.signature().output_names;
    let mut workspace = [0; NETWORK.required_words()];
    let (mut window, mut filled) = ([[0; AXES]; ROWS], 0);
    while let Some(row) = MEASURED.receive().await {
        window[filled] = row;
        filled = (filled + 1) % ROWS;
        if filled > 0 {
            continue;
        }
        let sample: &[i16; ROWS * AXES] = window.as_flattened().try_into().unwrap_or_else(|error| fail(error));
        let logits = network.run_raw(sample, &mut workspace);
        let logits: [i32; NETWORK.outputs()] = logits.unwrap_or_else(|error| fail(error));
        let name = names.get(argmax(logits)).unwrap_or_default();
        println!("{} ms: {name}", Instant::now().as_millis());
    }
    exit(0)
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    time::start();
    spawner.spawn(sensor().unwrap_or_else(|error| fail(error)));
    spawner.spawn(classifier().unwrap_or_else(|error| fail(error)));
}

/// Says what is wrong, and ends the program with status 1.
fn fail(error: impl Display) -> ! {
    println!("error: {error}");
    exit(1)
}
