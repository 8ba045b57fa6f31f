//! The functions, as NVIDIA's Driver API describes them. A function writes its result to the place that the caller gives, if there is one.

mod device;
mod launch;
mod memory;
mod stream;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use crate::result::Code;

/// The place to which a function writes a result.
type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

fn put<T>(out: Out<'_, T>, value: T) -> Result<(), Code> {
    out.ok_or(Code::INVALID_VALUE)?.write(value);
    Ok(())
}
