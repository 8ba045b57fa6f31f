//! Writes the type of the build's own topology, `SELVEDGE_LAYERS`, for `models.rs`, and that with dropout.

use std::{env, fs, path::PathBuf};

use selvedge::models::classifier;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SELVEDGE_LAYERS");
    let layers = env::var("SELVEDGE_LAYERS").unwrap_or_else(|_| "784,512,512,10".into());
    let written = classifier(&layers)
        .map_err(|error| format!("--layers (SELVEDGE_LAYERS) {layers}: {error}"))
        .and_then(|architecture| {
            let path = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("custom.rs");
            let source = format!(
                "type Custom = selvedge::mlp!({});\ntype CustomWithDropout = selvedge::mlp!({});\n",
                architecture.for_prediction().expression(),
                architecture.with_dropout().unwrap_or(architecture).expression(),
            );
            fs::write(&path, source).map_err(|error| format!("cannot write {}: {error}", path.display()))
        });
    if let Err(error) = written {
        // Enough for cargo to fail: with an exit code too, it would show all that was printed here.
        println!("cargo::error={error}");
    }
}
