//! The emulated boards against the host, as `cargo xtask` runs them.

/// `cargo xtask test` runs these beside all others, by this module's name.
#[path = "."]
mod boards {
    mod device;
    mod examples;
    mod no_panic;
    mod projects;
    mod serve;
    mod verify;
}
