//! Prints a hash of each of the arithmetic's functions; the host's are the same.

#![no_std]
#![no_main]

use firmware::{entry, run};
use selvedge::fingerprint;

#[entry]
fn main() -> ! {
    run(|_| {
        for (name, hash) in fingerprint::of_arithmetic() {
            defmt::println!("{=str} {=u64:016x}", name, hash);
        }
        Ok(())
    })
}
