//! Answers what comes through the UART, with the weight file in flash, read in place: see `selvedge::message`.
//!
//! Counted for each image: the network, from its pixels to the logits.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    Failure, board,
    counter::{Counter, UNIT},
    embed,
    network::Network,
    run,
    uart::{BOARD_UART, BoardUart, Uart},
};
use selvedge::{
    message::{Decoder, Device, Info, MessageError, REQUEST_LEN, RESPONSE_LEN, Response, TEXT_LEN, encode},
    models::{CLASSES, PIXELS},
};

const WEIGHTS: &[u8] = embed!("weights.selvedge");

const INFO: Info<'static> = Info {
    board: board::NAME,
    layers: board::LAYERS,
    format: Network::FORMAT,
    pixels: PIXELS as u32,
    classes: CLASSES as u32,
    flash: WEIGHTS.len() as u32,
    ram: Network::RAM as u32,
    unit: UNIT,
};
const _: () = assert!(INFO.board.len() + INFO.layers.len() + INFO.unit.len() <= TEXT_LEN);

#[entry]
fn main() -> ! {
    run(serve)
}

fn serve(counter: &Counter) -> Result<(), Failure> {
    let network = Network::parse(WEIGHTS)?;
    let mut workspace = Network::WORKSPACE;
    let mut uart = BoardUart::start(BOARD_UART);
    defmt::println!("{=str} serves {=str}", INFO.board, INFO.layers);

    let mut device = Device::new(INFO);
    let mut decoder = Decoder::<REQUEST_LEN>::new();
    loop {
        if let Some(request) = uart.read().and_then(|byte| decoder.push(byte)) {
            let response = device.answer(request, |image| {
                let (logits, count) = counter.measure(|| network.logits(image, &mut workspace));
                // The widths are those of the build: there is no error.
                (network.answer(&logits.unwrap_or_default()), count)
            });
            send(&mut uart, &response)?;
        }
    }
}

fn send(uart: &mut impl Uart, response: &Response<'_>) -> Result<(), MessageError> {
    let mut buffer = [0; RESPONSE_LEN];
    for &byte in encode(response, &mut buffer)? {
        uart.write(byte);
    }
    Ok(())
}
