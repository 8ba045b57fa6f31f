//! Writes the type of the build's own topology, `SELVEDGE_LAYERS`, for `models.rs`.

use std::{env, fs, path::PathBuf};

use selvedge::models::Widths;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SELVEDGE_LAYERS");
    let layers = env::var("SELVEDGE_LAYERS").unwrap_or_else(|_| "784,512,512,10".into());
    let written = layers
        .parse::<Widths>()
        .map_err(|error| format!("--layers (SELVEDGE_LAYERS) {layers}: {error}"))
        .and_then(|widths| {
            let path = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("custom.rs");
            let source = format!("type Custom = {};\n", widths.type_expression());
            fs::write(&path, source).map_err(|error| format!("cannot write {}: {error}", path.display()))
        });
    if let Err(error) = written {
        // Enough for cargo to fail: with an exit code too, it would show all that was printed here.
        println!("cargo::error={error}");
    }
}
