//! Answers what comes through the UART, with the weight file in flash, read in place: see `selvedge::message`.
//!
//! Counted for each image: its pixels made floating-point, and the network.

#![no_std]
#![no_main]

use const_format::formatcp;
use cortex_m_rt::entry;
use firmware::{
    Failure,
    board::{self, Model},
    counter::{Counter, UNIT},
    embed, run,
    uart::{BOARD_UART, BoardUart, Uart},
};
use selvedge::{
    Flat, Layer, Portable,
    arithmetic::normalize,
    idx::Image,
    message::{
        Decoder, Device, Format, Info, Logits, MessageError, REQUEST_LEN, RESPONSE_LEN, Response, TEXT_LEN, encode,
    },
    models::{CLASSES, PIXELS},
    weights::WeightFile,
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");

const _: () = assert!(
    WEIGHTS.len() <= board::FLASH,
    "{}",
    formatcp!(
        "the {} model does not fit: its weights take {} bytes, but {} has {} bytes of flash",
        board::LAYERS,
        WEIGHTS.len(),
        board::NAME,
        board::FLASH
    )
);

/// What calls, the loader and the logger take beside the activations and the messages.
const CALLS: usize = 2048;
const MESSAGES: usize = REQUEST_LEN + RESPONSE_LEN;
const ACTIVATIONS: usize = size_of::<<Model as Layer>::Input>() + size_of::<<Model as Layer>::Tape>();
const _: () = assert!(
    ACTIVATIONS + MESSAGES + CALLS <= board::STACK,
    "{}",
    formatcp!(
        "the {} model does not fit: its activations take {} bytes of stack, messages {} and calls {}, but {} has {}",
        board::LAYERS,
        ACTIVATIONS,
        MESSAGES,
        CALLS,
        board::NAME,
        board::STACK
    )
);

const INFO: Info<'static> = Info {
    board: board::NAME,
    layers: board::LAYERS,
    format: Format::Float32,
    pixels: PIXELS as u32,
    classes: CLASSES as u32,
    flash: WEIGHTS.len() as u32,
    ram: ACTIVATIONS as u32,
    unit: UNIT,
};
const _: () = assert!(INFO.board.len() + INFO.layers.len() + INFO.unit.len() <= TEXT_LEN);

#[entry]
fn main() -> ! {
    run(serve)
}

fn serve(counter: &Counter) -> Result<(), Failure> {
    let file = WeightFile::parse(WEIGHTS)?;
    let model: &Model = file.model()?;
    let mut uart = BoardUart::start(BOARD_UART);
    defmt::println!("{=str} serves {=str}", INFO.board, INFO.layers);

    let mut device = Device::new(INFO);
    let mut decoder = Decoder::<REQUEST_LEN>::new();
    loop {
        if let Some(request) = uart.read().and_then(|byte| decoder.push(byte)) {
            let response = device.answer(request, |image| counter.measure(|| predict(model, image)));
            send(&mut uart, &response)?;
        }
    }
}

fn predict(model: &Model, image: &Image) -> Logits {
    let (mut input, mut logits) = (<[f32; PIXELS]>::ZERO, [0.0; CLASSES]);
    for (input, &pixel) in input.iter_mut().zip(image) {
        *input = normalize(pixel);
    }
    model.predict(&Portable, &input, &mut logits);
    Logits::Float32(logits)
}

fn send(uart: &mut impl Uart, response: &Response<'_>) -> Result<(), MessageError> {
    let mut buffer = [0; RESPONSE_LEN];
    for &byte in encode(response, &mut buffer)? {
        uart.write(byte);
    }
    Ok(())
}
