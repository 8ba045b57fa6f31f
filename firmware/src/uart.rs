//! The board's UART: one driver for each kind, behind one trait. The board's file says which kind it is, and its address.
//!
//! The drivers poll for bytes and use no interrupt. The checksums of frames find bytes that the UART lost or damaged. A driver clears an
//! error bit, so that it still receives the bytes after it.

#![allow(unsafe_code)]

use core::ptr;

include!(concat!(env!("OUT_DIR"), "/uart.rs"));

/// The settings of a UART, from the board's file.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The address of the UART's registers.
    pub base: usize,
    /// The UART's clock in Hz.
    pub clock_hz: u32,
    /// The number of bits in a second.
    pub baud: u32,
    /// The pin that sends, in the driver's numbering.
    pub tx: u32,
    /// The pin that receives, in the driver's numbering.
    pub rx: u32,
}

/// Sends and receives bytes of eight bits, without parity.
pub trait Uart {
    /// Sets pins and speed, and begins to receive.
    fn start(settings: Settings) -> Self;

    /// Returns a byte, if one has come.
    fn read(&mut self) -> Option<u8>;

    /// Sends a byte, as soon as there is room.
    fn write(&mut self, byte: u8);
}

/// Arm's APB UART of its Cortex-M system design kit (DDI 0479), without pins to choose.
pub struct CmsdkUart(Block);

impl CmsdkUart {
    const DATA: usize = 0x00;
    const STATE: usize = 0x04;
    const CONTROL: usize = 0x08;
    const BAUD_DIVIDER: usize = 0x10;

    const SEND_FULL: u32 = 1 << 0;
    const RECEIVE_FULL: u32 = 1 << 1;
    const OVERRUNS: u32 = 0b11 << 2;
    const SEND_AND_RECEIVE: u32 = 0b11;
    /// The smallest divider that is allowed.
    const MIN_DIVIDER: u32 = 16;
}

impl Uart for CmsdkUart {
    fn start(settings: Settings) -> Self {
        let uart = Block(settings.base);
        uart.write(Self::BAUD_DIVIDER, (settings.clock_hz / settings.baud).max(Self::MIN_DIVIDER));
        uart.write(Self::CONTROL, Self::SEND_AND_RECEIVE);
        Self(uart)
    }

    fn read(&mut self) -> Option<u8> {
        let state = self.0.read(Self::STATE);
        if state & Self::OVERRUNS != 0 {
            self.0.write(Self::STATE, Self::OVERRUNS);
        }
        (state & Self::RECEIVE_FULL != 0).then(|| self.0.read(Self::DATA) as u8)
    }

    fn write(&mut self, byte: u8) {
        while self.0.read(Self::STATE) & Self::SEND_FULL != 0 {}
        self.0.write(Self::DATA, byte.into());
    }
}

/// A USART of the STM32F4 (RM0090). Pin n of port p has the number 16 · p + n, and port A is 0. The driver gives each pin its alternate
/// function 7.
pub struct Stm32Usart(Block);

impl Stm32Usart {
    const STATUS: usize = 0x00;
    const DATA: usize = 0x04;
    const BAUD_RATE: usize = 0x08;
    const CONTROL: usize = 0x0c;

    const RECEIVE_FULL: u32 = 1 << 5;
    const SEND_EMPTY: u32 = 1 << 7;
    /// The bits of parity, framing, noise and overrun errors. Reading the status and then the data clears them.
    const ERRORS: u32 = 0b1111;
    const ENABLE_SEND_AND_RECEIVE: u32 = (1 << 13) | (1 << 3) | (1 << 2);

    const CLOCKS: Block = Block(0x4002_3800);
    const PORT_CLOCKS: usize = 0x30;
    /// The register blocks with a bit for each peripheral's clock: the first address of a bus, and its register. Each bit is for 0x400 bytes.
    const BUSES: [(usize, usize); 2] = [(0x4001_0000, 0x44), (0x4000_0000, 0x40)];

    const PORTS: usize = 0x4002_0000;
    const PORT_LEN: usize = 0x400;
    const MODES: usize = 0x00;
    const ALTERNATE_MODE: u32 = 2;
    const FUNCTIONS: usize = 0x20;
    const FUNCTION: u32 = 7;

    /// Connects a pin to the USART.
    fn connect(pin: u32) {
        let (port, pin) = ((pin / 16) as usize, pin % 16);
        Self::CLOCKS.change(Self::PORT_CLOCKS, |clocks| clocks | 1 << port);
        let port = Block(Self::PORTS + port * Self::PORT_LEN);
        let place = 4 * (pin % 8);
        let functions = Self::FUNCTIONS + 4 * (pin / 8) as usize;
        port.change(functions, |functions| functions & !(0xf << place) | Self::FUNCTION << place);
        port.change(Self::MODES, |modes| modes & !(0b11 << (2 * pin)) | Self::ALTERNATE_MODE << (2 * pin));
    }
}

impl Uart for Stm32Usart {
    fn start(settings: Settings) -> Self {
        if let Some((bus, clocks)) = Self::BUSES.into_iter().find(|&(bus, _)| settings.base >= bus) {
            Self::CLOCKS.change(clocks, |clocks| clocks | 1 << ((settings.base - bus) / 0x400 % 32));
        }
        Self::connect(settings.tx);
        Self::connect(settings.rx);
        let uart = Block(settings.base);
        uart.write(Self::BAUD_RATE, (settings.clock_hz + settings.baud / 2) / settings.baud);
        uart.write(Self::CONTROL, Self::ENABLE_SEND_AND_RECEIVE);
        Self(uart)
    }

    fn read(&mut self) -> Option<u8> {
        let status = self.0.read(Self::STATUS);
        (status & (Self::RECEIVE_FULL | Self::ERRORS) != 0).then(|| self.0.read(Self::DATA) as u8)
    }

    fn write(&mut self, byte: u8) {
        while self.0.read(Self::STATUS) & Self::SEND_EMPTY == 0 {}
        self.0.write(Self::DATA, byte.into());
    }
}

/// The UART of the nRF51 (reference manual 3.0, chapter 29); pin n is P0.n.
pub struct Nrf51Uart(Block);

impl Nrf51Uart {
    const START_RECEIVING: usize = 0x000;
    const START_SENDING: usize = 0x008;
    const RECEIVED: usize = 0x108;
    const SENT: usize = 0x11c;
    const ERROR_SOURCE: usize = 0x480;
    const ENABLE: usize = 0x500;
    const SEND_PIN: usize = 0x50c;
    const RECEIVE_PIN: usize = 0x514;
    const RECEIVE_DATA: usize = 0x518;
    const SEND_DATA: usize = 0x51c;
    const BAUD_RATE: usize = 0x524;

    const ENABLED: u32 = 4;
    const PINS: Block = Block(0x5000_0000);
    const SET: usize = 0x508;
    const PIN_CONFIGURATION: usize = 0x700;
    const INPUT: u32 = 0b00;
    const OUTPUT: u32 = 0b11;
}

impl Uart for Nrf51Uart {
    fn start(settings: Settings) -> Self {
        let pin = |pin: u32| Self::PIN_CONFIGURATION + 4 * pin as usize;
        // The line rests high.
        Self::PINS.write(Self::SET, 1 << settings.tx);
        Self::PINS.write(pin(settings.tx), Self::OUTPUT);
        Self::PINS.write(pin(settings.rx), Self::INPUT);
        let uart = Block(settings.base);
        uart.write(Self::ENABLE, Self::ENABLED);
        uart.write(Self::SEND_PIN, settings.tx);
        uart.write(Self::RECEIVE_PIN, settings.rx);
        // A fraction of the clock in 32 bits; the lower 12 must be 0.
        let rate = (u64::from(settings.baud) << 32) / u64::from(settings.clock_hz);
        uart.write(Self::BAUD_RATE, (rate + 0x800) as u32 & !0xfff);
        uart.write(Self::START_SENDING, 1);
        uart.write(Self::START_RECEIVING, 1);
        Self(uart)
    }

    fn read(&mut self) -> Option<u8> {
        if self.0.read(Self::RECEIVED) == 0 {
            return None;
        }
        self.0.write(Self::RECEIVED, 0);
        let errors = self.0.read(Self::ERROR_SOURCE);
        self.0.write(Self::ERROR_SOURCE, errors);
        Some(self.0.read(Self::RECEIVE_DATA) as u8)
    }

    fn write(&mut self, byte: u8) {
        self.0.write(Self::SENT, 0);
        self.0.write(Self::SEND_DATA, byte.into());
        while self.0.read(Self::SENT) == 0 {}
    }
}

/// A UART like the NS16550 (data sheet PC16550D), with registers of bytes and without pins to choose.
pub struct Ns16550Uart(usize);

impl Ns16550Uart {
    const DATA: usize = 0;
    const INTERRUPTS: usize = 1;
    const BUFFERS: usize = 2;
    const LINE_CONTROL: usize = 3;
    const LINE_STATUS: usize = 5;
    /// The registers of the divider. They take the places of data and interrupts while the line control says so.
    const DIVIDER: [usize; 2] = [0, 1];

    const SET_DIVIDER: u8 = 1 << 7;
    const EIGHT_BITS: u8 = 0b11;
    const CLEAR_AND_ENABLE: u8 = 0b111;
    const RECEIVED: u8 = 1 << 0;
    const SEND_EMPTY: u8 = 1 << 5;

    fn get(&self, offset: usize) -> u8 {
        // SAFETY: the address is a register of the UART by the board's file, and no memory of the program.
        unsafe { ptr::with_exposed_provenance::<u8>(self.0 + offset).read_volatile() }
    }

    fn set(&mut self, offset: usize, value: u8) {
        // SAFETY: as above; nothing else in the program uses these registers, and none of them changes memory.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(self.0 + offset).write_volatile(value) }
    }
}

impl Uart for Ns16550Uart {
    fn start(settings: Settings) -> Self {
        let mut uart = Self(settings.base);
        let times = 16 * settings.baud;
        let divider = ((settings.clock_hz + times / 2) / times) as u16;
        uart.set(Self::INTERRUPTS, 0);
        uart.set(Self::LINE_CONTROL, Self::SET_DIVIDER);
        for (place, byte) in Self::DIVIDER.into_iter().zip(divider.to_le_bytes()) {
            uart.set(place, byte);
        }
        uart.set(Self::LINE_CONTROL, Self::EIGHT_BITS);
        uart.set(Self::BUFFERS, Self::CLEAR_AND_ENABLE);
        uart
    }

    fn read(&mut self) -> Option<u8> {
        // Reading the status clears its errors.
        (self.get(Self::LINE_STATUS) & Self::RECEIVED != 0).then(|| self.get(Self::DATA))
    }

    fn write(&mut self, byte: u8) {
        while self.get(Self::LINE_STATUS) & Self::SEND_EMPTY == 0 {}
        self.set(Self::DATA, byte);
    }
}

/// A peripheral's registers of 32 bits. They begin at this address.
#[derive(Clone, Copy)]
struct Block(usize);

impl Block {
    fn read(self, offset: usize) -> u32 {
        // SAFETY: the address is a register of the chip by its manual or the board's file, and no memory of the program; reading one
        // of the UART's, the pins' or the clocks' changes nothing but the UART's own state.
        unsafe { ptr::with_exposed_provenance::<u32>(self.0 + offset).read_volatile() }
    }

    fn write(self, offset: usize, value: u32) {
        // SAFETY: as above; nothing else in the program uses these registers, and none of them changes memory.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(self.0 + offset).write_volatile(value) }
    }

    fn change(self, offset: usize, change: impl FnOnce(u32) -> u32) {
        self.write(offset, change(self.read(offset)));
    }
}
