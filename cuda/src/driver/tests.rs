//! Tests the driver with a stand-in for NVIDIA's library.

use std::{fs, path::Path, rc::Rc};

use tempfile::TempDir;

use super::{After, Buffer, CudaError, Download, Gpu, Graph, Upload};
use crate::{
    kernel::Kernel,
    schedule::Launch,
    task::{Batch, Context, Kind, Phase, Task},
};

const FAIL: &str = "SELVEDGE_EMULATOR_FAIL";

fn path(test: &str) -> String {
    format!("driver::tests::{test}")
}

fn in_process(test: &str, folder: &Path, body: impl FnOnce()) {
    emulator::in_process(&path(test), folder, &[], body);
}

fn with_stand_in(test: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    emulator::with_stand_in(&path(test), variables, body);
}

/// Values that go half the way to 8 each time that a kernel runs: the moving average of weights.
struct Halving {
    gpu: Gpu,
    values: Buffer<f32>,
    /// The data that the kernels read: the aim, the batches, and a flag that stops the training.
    inputs: (Buffer<f32>, Buffer<Batch>, Buffer<u32>),
    context: Context,
    launch: Launch,
}

impl Halving {
    const LEN: usize = 1000;
    const BATCHES: usize = 3;

    fn new(gpu: &Gpu) -> Result<Self, CudaError> {
        let mut values = Buffer::allocate(gpu, Self::LEN, "the values")?;
        values.zero()?;
        let mut aim = Buffer::allocate(gpu, Self::LEN, "what they go to")?;
        aim.upload(&[8.0; Self::LEN])?;
        let mut batches = Buffer::allocate(gpu, Self::BATCHES, "what the batches are")?;
        batches.upload(&[Batch { is_last: 1, average: 0.5, ..Batch::default() }; Self::BATCHES])?;
        let mut stopped = Buffer::allocate(gpu, 1, "a word")?;
        stopped.zero()?;
        let context = Context { batches: batches.address(), ..Context::new(0) };
        let task = Task {
            parameters: aim.address(),
            output: values.address(),
            outputs: Self::LEN as u32,
            stopped: stopped.address(),
            ..Task::new(Kind::Average)
        };
        Ok(Self {
            gpu: gpu.clone(),
            values,
            inputs: (aim, batches, stopped),
            context,
            launch: Launch { kernel: Kernel::Average, phase: Phase::new(&[task]) },
        })
    }

    fn run(&self) -> Result<(), CudaError> {
        // SAFETY: the task's buffers and the context's are this value's, and of the lengths that the task says.
        unsafe { self.gpu.run(&self.context, &self.launch, (0, 1), After::Begun) }
    }

    /// Returns a graph of this number of runs.
    fn graph(&self, runs: usize) -> Result<Graph, CudaError> {
        let (aim, batches, stopped) = &self.inputs;
        let memory = vec![self.values.memory(), aim.memory(), batches.memory(), stopped.memory()];
        Graph::capture(&self.gpu, memory, || (0..runs).try_for_each(|_| self.run()))
    }

    fn values(&self) -> Result<Vec<f32>, CudaError> {
        let mut values = vec![f32::NAN; Self::LEN];
        self.values.download(&mut values)?;
        Ok(values)
    }

    /// Checks that all values are this one.
    #[track_caller]
    fn assert(&self, value: f32) {
        assert_eq!(self.values().expect("they can be brought"), [value; Self::LEN]);
    }
}

fn open() -> Gpu {
    Gpu::open().expect("the stand-in is a GPU")
}

#[test]
fn says_what_it_is() {
    with_stand_in("says_what_it_is", &[], || {
        let gpu = open();
        assert_eq!((gpu.name(), gpu.multiprocessors()), ("Selvedge's emulated GPU", 4));
    });
}

#[test]
fn memory_goes_there_and_back() {
    with_stand_in("memory_goes_there_and_back", &[], || {
        let gpu = open();
        let mut buffer = Buffer::allocate(&gpu, 5, "five numbers").expect("there is memory");
        let mut values = [0.0_f32; 5];
        buffer.download(&mut values).expect("it can be brought");
        assert!(values.iter().all(|value| value.is_nan()), "nothing was written: {values:?}");
        buffer.zero().expect("it can be cleared");
        buffer.upload(&[1.0, 2.0]).expect("it can be brought");
        buffer.download(&mut values).expect("it can be brought");
        assert_eq!(values, [1.0, 2.0, 0.0, 0.0, 0.0]);

        let mut part = [0.0; 2];
        buffer.download(&mut part).expect("it can be brought");
        assert_eq!((part, buffer.len()), ([1.0, 2.0], 5));
        let empty = Buffer::<u32>::allocate(&gpu, 0, "nothing").expect("there is memory");
        assert_eq!(empty.len(), 0);
        drop(gpu);
        buffer.download(&mut part).expect("a buffer keeps its GPU");
    });
}

#[test]
fn a_launch_runs_a_kernel() {
    with_stand_in("a_launch_runs_a_kernel", &[], || {
        let halving = Halving::new(&open()).expect("there is memory");
        halving.run().expect("it starts");
        halving.assert(4.0);
        halving.run().expect("it starts");
        halving.assert(6.0);
    });
}

#[test]
fn a_graph_starts_its_launches_together() {
    with_stand_in("a_graph_starts_its_launches_together", &[], || {
        let halving = Halving::new(&open()).expect("there is memory");
        let graph = halving.graph(2).expect("it can be made");
        let launch = || {
            // SAFETY: as in `run`; nothing changes what the batches say.
            unsafe { graph.launch() }.expect("it starts");
        };
        halving.assert(0.0);
        launch();
        halving.assert(6.0);
        halving.run().expect("it starts");
        launch();
        halving.assert(7.75);
    });
}

/// The memory is given back with the last of those that use it.
#[test]
fn a_graph_keeps_its_memory() {
    with_stand_in("a_graph_keeps_its_memory", &[], || {
        let gpu = open();
        let halving = Halving::new(&gpu).expect("there is memory");
        let memory = Rc::downgrade(&halving.values.memory());
        let graph = halving.graph(1).expect("it can be made");
        drop(halving);
        let kept = memory.upgrade().expect("the graph has it");
        assert_eq!(kept.range().end - kept.range().start, 4 * Halving::LEN as u64);
        drop(kept);
        // SAFETY: all that it uses was given to it.
        unsafe { graph.launch() }.expect("it starts");
        gpu.synchronize().expect("it runs");
        drop(graph);
        assert!(memory.upgrade().is_none(), "nothing uses it any more");
    });
}

/// Copies that go on by themselves come after all that was started before them, and what is asked for last is what comes.
#[test]
fn copies_go_on_while_the_host_does_other_things() {
    with_stand_in("copies_go_on_while_the_host_does_other_things", &[], || {
        let gpu = open();
        let mut halving = Halving::new(&gpu).expect("there is memory");
        let mut upload = Upload::new(&gpu, 3).expect("there is memory");
        let mut downloads = [(); 2].map(|()| Download::new(&gpu, 4).expect("there is memory"));
        assert_eq!(downloads[0].wait().expect("nothing was asked for"), []);
        upload.send(&[1.0, 2.0, 3.0, 4.0], &mut halving.values).expect("it is sent");
        downloads[0].start(&halving.values, 4).expect("it is asked for");
        halving.run().expect("it starts");
        upload.send(&[7.0], &mut halving.values).expect("it is sent");
        downloads[1].start(&halving.values, 9).expect("it is asked for");
        upload.send(&[6.0; 2], &mut halving.values).expect("it is sent");
        assert_eq!(downloads[0].wait().expect("it runs"), [1.0, 2.0, 3.0, 0.0]);
        assert_eq!(downloads[1].wait().expect("it runs"), [7.0, 5.0, 5.5, 4.0]);
        downloads[0].start(&halving.values, 1).expect("it is asked for");
        downloads[0].start(&halving.values, 3).expect("it is asked for");
        assert_eq!(downloads[0].wait().expect("it runs"), [6.0, 6.0, 5.5]);
    });
}

/// Checks that a fault with this code is shown when something waits for it, with advice, and that it stays.
fn a_fault(test: &str, code: &str) {
    with_stand_in(test, &[(FAIL, &format!("cuStreamSynchronize:1:{code}"))], || {
        let gpu = open();
        let error = gpu.synchronize().expect_err("a kernel has failed");
        assert!(matches!(error, CudaError::Fault { .. }), "{error:?}");
        let text = error.to_string();
        for part in [code, "resume from", "report the failure"] {
            assert!(text.contains(part), "{text}");
        }
        let error = Buffer::<u8>::allocate(&gpu, 1, "a byte").expect_err("the context is lost");
        assert!(matches!(error, CudaError::Fault { .. }), "{error:?}");
    });
}

#[test]
fn a_launch_that_failed() {
    a_fault("a_launch_that_failed", "CUDA_ERROR_LAUNCH_FAILED");
}

#[test]
fn memory_that_lost_bits() {
    a_fault("memory_that_lost_bits", "CUDA_ERROR_ECC_UNCORRECTABLE");
}

#[test]
fn a_fault_that_was_contained() {
    a_fault("a_fault_that_was_contained", "CUDA_ERROR_CONTAINED");
}

#[test]
fn a_gpu_that_another_program_has() {
    let is_unavailable = |error: &CudaError| matches!(error, CudaError::Unavailable(_));
    let (failure, part) = ("cuDevicePrimaryCtxRetain:1:CUDA_ERROR_DEVICE_UNAVAILABLE", "another program has the GPU");
    opening_fails("a_gpu_that_another_program_has", failure, is_unavailable, part);
}

/// A code that no header here knows is a number.
#[test]
fn a_code_that_is_new() {
    let is_other = |error: &CudaError| matches!(error, CudaError::Other { .. });
    opening_fails("a_code_that_is_new", "cuDevicePrimaryCtxRetain:1:4321", is_other, "CUDA's error 4321");
}

#[test]
fn no_driver() {
    // In a folder that comes first, what is no library ends the search.
    let folder = TempDir::new().expect("a folder can be made");
    fs::write(folder.path().join("libcuda.so.1"), "no library").expect("a file can be written");
    in_process("no_driver", folder.path(), || {
        let error = Gpu::open().expect_err("there is no driver");
        assert!(matches!(error, CudaError::NoDriver(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("no NVIDIA driver") && text.contains("libcuda.so.1"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    });
}

#[test]
fn a_driver_that_is_too_old() {
    with_stand_in("a_driver_that_is_too_old", &[("SELVEDGE_EMULATOR_DRIVER_VERSION", "11040")], || {
        let error = Gpu::open().expect_err("the driver is too old");
        assert!(matches!(error, CudaError::DriverTooOld { found: 11040, .. }), "{error:?}");
        assert!(error.to_string().contains("CUDA 11.4 at the most"), "{error}");
    });
}

/// Returns the error of opening the GPU if a call fails.
fn opening_fails(test: &str, failure: &str, check: impl FnOnce(&CudaError) -> bool, part: &str) {
    with_stand_in(test, &[(FAIL, failure)], || {
        let error = Gpu::open().expect_err("a call fails");
        let text = error.to_string();
        assert!(check(&error) && text.contains(part) && text.lines().count() == 1, "{error:?}: {text}");
        // The call after that one does not fail.
        Gpu::open().expect("nothing is left of it");
    });
}

#[test]
fn no_device_by_init() {
    let is_no_device = |error: &CudaError| matches!(error, CudaError::NoDevice(_));
    let (failure, part) = ("cuInit:1:CUDA_ERROR_NO_DEVICE", "CUDA_ERROR_NO_DEVICE, no CUDA-capable device is detected");
    opening_fails("no_device_by_init", failure, is_no_device, part);
}

#[test]
fn no_device_by_count() {
    let is_no_device = |error: &CudaError| matches!(error, CudaError::NoDevice(_));
    opening_fails(
        "no_device_by_count",
        "cuDeviceGetCount:1:CUDA_ERROR_NO_DEVICE",
        is_no_device,
        "CUDA_VISIBLE_DEVICES",
    );
}

#[test]
fn a_system_that_is_not_ready() {
    let is_other = |error: &CudaError| matches!(error, CudaError::Other { .. });
    let (failure, part) = ("cuInit:1:CUDA_ERROR_SYSTEM_NOT_READY", "CUDA_ERROR_SYSTEM_NOT_READY");
    opening_fails("a_system_that_is_not_ready", failure, is_other, part);
}

#[test]
fn no_memory_for_the_context() {
    let is_other = |error: &CudaError| matches!(error, CudaError::Other { .. });
    let (failure, part) = ("cuDevicePrimaryCtxRetain:1:CUDA_ERROR_OUT_OF_MEMORY", "CUDA_ERROR_OUT_OF_MEMORY");
    opening_fails("no_memory_for_the_context", failure, is_other, part);
}

#[test]
fn no_code_for_the_gpu() {
    let is_no_code = |error: &CudaError| matches!(error, CudaError::NoCode { capability: [9, 0], .. });
    let (failure, part) = ("cuModuleLoadDataEx:1:CUDA_ERROR_NO_BINARY_FOR_GPU", "compute capability 9.0");
    opening_fails("no_code_for_the_gpu", failure, is_no_code, part);
}

#[test]
fn no_kernel_of_that_name() {
    let is_other = |error: &CudaError| matches!(error, CudaError::Other { .. });
    let (failure, part) = ("cuModuleGetFunction:2:CUDA_ERROR_NOT_FOUND", "CUDA_ERROR_NOT_FOUND");
    opening_fails("no_kernel_of_that_name", failure, is_other, part);
}

#[test]
fn no_memory_says_for_what() {
    with_stand_in("no_memory_says_for_what", &[(FAIL, "cuMemAlloc_v2:2:CUDA_ERROR_OUT_OF_MEMORY")], || {
        let gpu = open();
        let first = Buffer::<u32>::allocate(&gpu, 6, "the first").expect("the first is no failure");
        let error = Buffer::<u64>::allocate(&gpu, 5, "the second").expect_err("the second is one");
        let total = 1 << 30;
        assert_eq!(error, CudaError::OutOfMemory { what: "the second", bytes: 40, free: total - 24, total });
        drop(first);
        let error = Buffer::<u8>::allocate(&gpu, total + 1, "too much").expect_err("it is more than there is");
        assert_eq!(error, CudaError::OutOfMemory { what: "too much", bytes: total + 1, free: total, total });
        let error = Buffer::<u64>::allocate(&gpu, usize::MAX, "far too much").expect_err("it has no size");
        assert!(matches!(error, CudaError::OutOfMemory { .. }), "{error:?}");
        Buffer::<u8>::allocate(&gpu, total, "all").expect("all of it is free");
    });
}

#[test]
fn a_launch_that_fails() {
    with_stand_in("a_launch_that_fails", &[(FAIL, "cuLaunchKernelEx:2:CUDA_ERROR_ILLEGAL_ADDRESS")], || {
        let halving = Halving::new(&open()).expect("there is memory");
        halving.run().expect("the first does not fail");
        let error = halving.run().expect_err("the second does");
        assert!(matches!(error, CudaError::Fault { .. }), "{error:?}");
        assert!(error.to_string().contains("CUDA_ERROR_ILLEGAL_ADDRESS"), "{error}");
        assert!(halving.values().is_err(), "the context is lost");
    });
}

#[test]
fn a_graph_that_cannot_be_made_leaves_the_stream_as_it_was() {
    let test = "a_graph_that_cannot_be_made_leaves_the_stream_as_it_was";
    let failures = "cuLaunchKernelEx:1:CUDA_ERROR_INVALID_VALUE,cuGraphInstantiateWithFlags:1:CUDA_ERROR_UNKNOWN";
    with_stand_in(test, &[(FAIL, failures)], || {
        let halving = Halving::new(&open()).expect("there is memory");
        for part in ["CUDA_ERROR_INVALID_VALUE", "CUDA_ERROR_UNKNOWN"] {
            let error = halving.graph(1).expect_err("a call fails").to_string();
            assert!(error.contains(part), "{error}");
        }
        halving.run().expect("it starts");
        halving.assert(4.0);
    });
}

#[test]
fn copies_that_fail() {
    let failures = "cuMemcpyHtoDAsync_v2:1:CUDA_ERROR_INVALID_VALUE,cuMemcpyDtoHAsync_v2:1:CUDA_ERROR_INVALID_VALUE,\
                    cuMemsetD8Async:1:CUDA_ERROR_INVALID_VALUE";
    with_stand_in("copies_that_fail", &[(FAIL, failures)], || {
        let mut buffer = Buffer::allocate(&open(), 3, "three numbers").expect("there is memory");
        let mut values = [1_u32, 2, 3];
        buffer.upload(&values).expect_err("it fails");
        buffer.zero().expect_err("it fails");
        buffer.download(&mut values).expect_err("it fails");
        buffer.upload(&values).expect("it fails once");
        buffer.download(&mut values).expect("it fails once");
        assert_eq!(values, [1, 2, 3]);
    });
}

#[test]
fn settings_that_are_none_are_said() {
    with_stand_in("settings_that_are_none_are_said", &[(FAIL, "cuInit:once:CUDA_ERROR_UNKNOWN")], || {
        Gpu::open().expect_err("the settings cannot be read");
    });
}
