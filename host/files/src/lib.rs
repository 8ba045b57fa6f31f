//! Files that are read within limits, and written whole or not at all.

mod read;
mod write;

pub use read::{ReadError, read};
pub use write::{WriteError, check_writable, write_whole};
