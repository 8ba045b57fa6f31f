//! Launches of Selvedge's kernels, and the buffers for them.

use std::{env, ffi::c_void};

use cuda::{
    kernel::Kernel,
    schedule::{Launch, Placed},
    task::{Address, Context, Phase, THREADS},
};
use emulator::{Started, launch_in_order};

/// Runs launches in their order, for this number of batches.
pub fn run<'a>(context: &Context, launches: impl IntoIterator<Item = Placed<'a>>, batches: u32, seed: u64) {
    let launches: Vec<_> = launches.into_iter().collect();
    let arguments: Vec<_> = launches
        .iter()
        .map(|placed| [argument(context), argument(&placed.launch.phase), argument(&placed.index), argument(&batches)])
        .collect();
    let started = launches.iter().zip(&arguments).map(|(placed, arguments)| Started {
        kernel: kernel(placed.launch.kernel),
        grid: placed.launch.phase.blocks(),
        block: THREADS,
        programmatic: placed.overlaps,
        arguments,
    });
    let started: Vec<_> = started.collect();
    // SAFETY: the arguments are the kernels', and the addresses in them are those of buffers that outlive the call.
    unsafe { launch_in_order(&started, seed) }.expect("the kernels run");
}

/// Runs one launch of one batch.
pub fn run_one(context: &Context, launch: &Launch, seed: u64) {
    run(context, [Placed { index: 0, launch, overlaps: false }], 1, seed);
}

fn argument<T>(value: &T) -> *mut c_void {
    (&raw const *value).cast_mut().cast()
}

fn kernel(kernel: Kernel) -> emulator::Kernel {
    emulator::kernel(&kernel.name()).unwrap_or_else(|| panic!("{} is in the table", kernel.name()))
}

/// Returns a buffer's address.
pub fn address<T>(buffer: &[T]) -> Address {
    buffer.as_ptr() as Address
}

/// Returns the number of cases of a property. There are fewer if every access is checked, because each case then takes ten times as long.
pub fn cases(count: u32) -> u32 {
    if is_sanitized() { count / 4 } else { count }
}

/// Returns true if every access to memory is checked.
pub fn is_sanitized() -> bool {
    env::var_os("SELVEDGE_SANITIZE").is_some()
}

/// Returns NaNs. A place that a kernel did not write stays NaN.
pub fn poison(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
}

/// Both sides have the same kernels, and structures of the same sizes; that their fields lie at the same places, every other test shows.
#[test]
fn parameters_are_the_kernels() {
    let sizes = [size_of::<Context>(), size_of::<Phase>(), 4, 4];
    for named in Kernel::all() {
        assert_eq!(kernel(named).param_sizes(), sizes, "{}", named.name());
    }
    // What the oldest of the GPUs takes.
    assert!(sizes.iter().sum::<usize>() <= 4096);
}
