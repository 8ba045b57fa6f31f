//! Files that are read within limits, and written whole or not at all.

mod place;
mod read;
mod temporary;
mod write;

pub use place::{SameFile, check_distinct, is_same};
pub use read::{ReadError, read};
pub use write::{WriteError, check_room, check_writable, write_new, write_whole, write_with};
