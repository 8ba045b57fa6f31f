//! Ends in a way that is an error; `SELVEDGE_CRASH` names the way at build time. Tests in the emulator check the report and the exit code.

#![no_std]
#![no_main]

use core::hint::black_box;

use firmware::{entry, illegal_instruction, run};

const KIND: &str = env!("SELVEDGE_CRASH", "set SELVEDGE_CRASH to panic, fault, overflow or deep");

#[entry]
fn main() -> ! {
    run(|_| {
        match KIND {
            "panic" => panic!("on purpose"),
            "fault" => illegal_instruction(),
            "deep" => defmt::println!("{=u8} is still there", deep()),
            _ => defmt::println!("{=u32} calls came back", descend(1)),
        }
        Ok(())
    })
}

/// Uses more of the stack than any board has. The build must notice this.
#[inline(never)]
fn deep() -> u8 {
    black_box([7; 1 << 20])[0]
}

/// Calls itself until the stack is used up.
#[inline(never)]
fn descend(depth: u32) -> u32 {
    let frame = black_box([depth; 16]);
    if black_box(true) { descend(depth + 1) + frame[7] - depth } else { depth }
}
