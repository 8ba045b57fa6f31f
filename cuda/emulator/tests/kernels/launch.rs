//! Launches of Selvedge's kernels, and the buffers for them.

use std::{env, ffi::c_void};

use cuda::{
    schedule::Training,
    task::{Address, Context, Phase, THREADS},
};
use emulator::{Kernel, Launch, launch};

/// Runs a phase for batch `index` of so many.
pub fn run_phase(context: &Context, phase: &Phase, index: u32, batches: u32, seed: u64) {
    let shape = Launch { grid: phase.blocks(), block: THREADS, cooperative: false, seed };
    run("run_phase", &shape, &[argument(context), argument(phase), argument(&index), argument(&batches)]);
}

/// Runs all phases of all batches in one launch.
pub fn run_batches(context: &Context, training: &Training, batches: u32, seed: u64) {
    let (phases, mut arrivals) = (training.all(), 0_u32);
    let (first, count) = (training.first.len() as u32, training.batches[0].len() as u32);
    assert_eq!(count as usize, training.batches[1].len());
    let (phases, arrivals) = (address(&phases), address(std::slice::from_mut(&mut arrivals)));
    let shape = Launch { grid: 5, block: THREADS, cooperative: true, seed };
    let arguments = [
        argument(context),
        argument(&phases),
        argument(&first),
        argument(&count),
        argument(&batches),
        argument(&arrivals),
    ];
    run("run_batches", &shape, &arguments);
}

fn argument<T>(value: &T) -> *mut c_void {
    (&raw const *value).cast_mut().cast()
}

fn kernel(name: &str) -> Kernel {
    emulator::kernel(name).expect("the kernel is in the table")
}

fn run(name: &str, shape: &Launch, arguments: &[*mut c_void]) {
    let kernel = kernel(name);
    // SAFETY: the arguments are the kernel's, and the addresses in them are those of buffers that outlive the call.
    unsafe { launch(kernel, shape, arguments) }.expect("the kernel runs");
}

/// Where a buffer lies.
pub fn address<T>(buffer: &[T]) -> Address {
    buffer.as_ptr() as Address
}

/// Cases of a property: fewer where every access is checked, which takes ten times as long.
pub fn cases(count: u32) -> u32 {
    if env::var_os("SELVEDGE_SANITIZE").is_some() { count / 4 } else { count }
}

/// Where nothing was written, it shows.
pub fn poison(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
}

/// Both sides' structures have the same sizes; that their fields lie at the same places, every other test shows.
#[test]
fn parameters_are_the_kernels() {
    let [context, phase] = [size_of::<Context>(), size_of::<Phase>()];
    assert_eq!(kernel("run_phase").param_sizes(), [context, phase, 4, 4]);
    assert_eq!(kernel("run_batches").param_sizes(), [context, 8, 4, 4, 4, 8]);
    // What the oldest of the GPUs takes.
    assert!(context + phase + 8 <= 4096);
}
