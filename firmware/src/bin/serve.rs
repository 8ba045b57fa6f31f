//! Answers requests that come through the UART, with the weight file in flash, which is read in place: see `selvedge::message`.
//!
//! It counts the instructions (cycles on a chip) of each sample. The count includes the network, from the sample's bytes to the logits.

#![no_std]
#![no_main]

use firmware::{
    Failure,
    board::{self, OUTPUTS},
    counter::{Counter, UNIT},
    embed, entry,
    network::EmbeddedNetwork,
    run,
    uart::{BOARD_UART, BoardUart, Uart},
};
use selvedge::message::{Decoder, Device, Info, MessageError, Response, encode, request_len, response_len};

const WEIGHTS: &[u8] = embed!("weights.selvedge");

const INFO: Info<'static> = Info {
    board: board::NAME,
    layers: board::LAYERS,
    format: EmbeddedNetwork::FORMAT,
    input: board::INPUT_SHAPE,
    element: board::ELEMENT,
    outputs: OUTPUTS as u32,
    task: board::TASK,
    flash: WEIGHTS.len() as u32,
    ram: EmbeddedNetwork::RAM as u32,
    unit: UNIT,
};
const REQUEST_LEN: usize = request_len(board::SAMPLE_LEN);
const RESPONSE_LEN: usize = response_len(INFO.board.len() + INFO.layers.len() + INFO.unit.len(), OUTPUTS);

#[entry]
fn main() -> ! {
    run(serve)
}

fn serve(counter: &Counter) -> Result<(), Failure> {
    let network = EmbeddedNetwork::parse(WEIGHTS)?;
    let (mut workspace, mut logits) = (EmbeddedNetwork::WORKSPACE, EmbeddedNetwork::OUTPUTS);
    let mut uart = BoardUart::start(BOARD_UART);
    defmt::println!("{=str} serves {=str}", INFO.board, INFO.layers);

    let mut device = Device::new(INFO, &EmbeddedNetwork::signature(WEIGHTS)?);
    let mut decoder = Decoder::new([0; REQUEST_LEN]);
    loop {
        if let Some(request) = uart.read().and_then(|byte| decoder.push(byte)) {
            let response = device.answer(request, |sample| {
                // The widths are those of the build: there is no error.
                let (_, count) = counter.measure(|| network.predict(sample, &mut workspace, &mut logits));
                (network.answer(&logits), count)
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
