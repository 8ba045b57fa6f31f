//! Prints a hash of the results of each function of the arithmetic. The host's hashes are the same.

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
