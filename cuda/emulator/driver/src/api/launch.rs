//! Launches of kernels.

#![allow(unsafe_code)]

use std::{
    ffi::{c_int, c_uint, c_void},
    slice,
};

use crate::{
    driver::{Needs, call},
    launch::Shape,
    result::Code,
};

/// The first compute capability whose launches can overlap, times 10.
const OVERLAPS: i32 = 90;

/// Returns a shape of one dimension. The kernels declare all shared memory themselves.
fn shape(grid: [c_uint; 3], block: [c_uint; 3], shared: c_uint) -> Result<Shape, Code> {
    match (grid, block, shared) {
        ([grid, 1, 1], [block, 1, 1], 0) => Ok(Shape { grid, block, programmatic: false }),
        _ => Err(Code::INVALID_VALUE),
    }
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn cuLaunchKernel(
    function: usize,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared: c_uint,
    stream: usize,
    arguments: *const *const c_void,
    extra: *const *const c_void,
) -> Code {
    call("cuLaunchKernel", Needs::Context, |driver| {
        let shape = shape([grid_x, grid_y, grid_z], [block_x, block_y, block_z], shared)?;
        if !extra.is_null() {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: the caller's promise.
        unsafe { driver.launch(function, shape, stream, arguments) }
    })
}

/// The driver's struct `CUlaunchConfig`.
#[repr(C)]
pub(crate) struct Config {
    pub(crate) grid: [c_uint; 3],
    pub(crate) block: [c_uint; 3],
    pub(crate) shared: c_uint,
    pub(crate) stream: usize,
    pub(crate) attributes: *const Attribute,
    pub(crate) count: c_uint,
}

/// The driver's struct `CUlaunchAttribute`: a number, and a value of 64 bytes whose type depends on the number.
#[repr(C, align(8))]
pub(crate) struct Attribute {
    pub(crate) id: c_uint,
    pub(crate) padding: [u8; 4],
    pub(crate) value: c_int,
    pub(crate) rest: [u8; 60],
}

const _: () = assert!(size_of::<Config>() == 56 && size_of::<Attribute>() == 72);

impl Attribute {
    /// The attribute `CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION`.
    pub(crate) const PROGRAMMATIC: c_uint = 6;
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn cuLaunchKernelEx(
    config: Option<&Config>,
    function: usize,
    arguments: *const *const c_void,
    extra: *const *const c_void,
) -> Code {
    call("cuLaunchKernelEx", Needs::Context, |driver| {
        let config = config.ok_or(Code::INVALID_VALUE)?;
        let mut shape = shape(config.grid, config.block, config.shared)?;
        if !extra.is_null() || (config.attributes.is_null() && config.count > 0) {
            return Err(Code::INVALID_VALUE);
        }
        let attributes = match config.count {
            0 => &[],
            // SAFETY: the caller has as many attributes as it says.
            count => unsafe { slice::from_raw_parts(config.attributes, count as usize) },
        };
        for attribute in attributes {
            match attribute.id {
                Attribute::PROGRAMMATIC if driver.settings.capability < OVERLAPS => return Err(Code::NOT_SUPPORTED),
                Attribute::PROGRAMMATIC => shape.programmatic = attribute.value != 0,
                _ => return Err(Code::INVALID_VALUE),
            }
        }
        // SAFETY: the caller's promise.
        unsafe { driver.launch(function, shape, config.stream, arguments) }
    })
}
