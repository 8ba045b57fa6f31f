//! Selvedge on the host.
