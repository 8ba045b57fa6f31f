//! The functions, as NVIDIA's Driver API describes them. Results go where the caller says, if it says so.

mod device;
mod launch;
mod memory;
mod stream;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use crate::result::Code;

/// Where a function writes a result.
type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

fn put<T>(out: Out<'_, T>, value: T) -> Result<(), Code> {
    out.ok_or(Code::INVALID_VALUE)?.write(value);
    Ok(())
}
