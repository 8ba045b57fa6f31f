//! The emulated boards against the host, as `cargo xtask` runs them.

/// These have a stage of `cargo xtask test`, by this module's name.
#[path = "."]
mod boards {
    mod device;
    mod examples;
    mod no_panic;
    mod projects;
    mod serve;
    mod verify;
}
