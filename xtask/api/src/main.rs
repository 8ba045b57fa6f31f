//! `api FILE…`: lists the public items of a library, a line each, from the JSON that rustdoc writes about it.

use std::{env, error::Error};

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    for file in env::args_os().skip(1) {
        // Without what every type has, such as `impl<T> Into<U> for T` and `Unpin`, and what `derive` writes.
        let items = Builder::from_rustdoc_json(file).omit_blanket_impls(true).omit_auto_trait_impls(true);
        for item in items.omit_auto_derived_impls(true).build()?.items() {
            println!("{item}");
        }
    }
    Ok(())
}
