use std::{ffi::CStr, fmt, ptr};

use super::sys::{self, Code};

/// The error of a GPU, a driver or a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CudaError {
    /// There is no driver.
    #[error("there is no NVIDIA driver here ({0}); install the driver of your GPU")]
    NoDriver(String),
    /// The driver is too old for the program's kernels.
    #[error(
        "the NVIDIA driver knows CUDA {} at the most, but the kernels were built by CUDA {}: update the driver",
        Version(*found),
        Version(*needed)
    )]
    DriverTooOld {
        /// The driver's version, 1000 · major + 10 · minor.
        found: i32,
        /// The oldest version that is new enough: 1000 · the toolkit's major version.
        needed: i32,
    },
    /// There is a driver, but no GPU.
    #[error("the NVIDIA driver finds no GPU: {0}; see what CUDA_VISIBLE_DEVICES names")]
    NoDevice(Failure),
    /// Another program has the GPU.
    #[error(
        "another program has the GPU for itself: {0}; end that program, or name another GPU by CUDA_VISIBLE_DEVICES"
    )]
    Unavailable(Failure),
    /// The kernels have no code for the GPU.
    #[error("there is no code in this program for {name}, of compute capability {}.{}: {failure}", capability[0], capability[1])]
    NoCode {
        /// The GPU.
        name: String,
        /// The GPU's compute capability.
        capability: [i32; 2],
        /// The driver's message.
        failure: Failure,
    },
    /// The GPU's memory is full.
    #[error(
        "{what}: the GPU has no {bytes} bytes left ({free} of {total} are free): take a smaller --batch-size or model, or end other \
         programs on it"
    )]
    OutOfMemory {
        /// The data for which the memory was needed.
        what: &'static str,
        /// The number of bytes that were asked for.
        bytes: usize,
        /// The number of bytes that are free.
        free: usize,
        /// The total number of bytes.
        total: usize,
    },
    /// A label is not a class of the model.
    #[error("sample {sample} has the label {label}, but the model has {classes} outputs")]
    Label {
        /// The sample's place.
        sample: usize,
        /// The sample's label.
        label: u16,
        /// The number of the model's outputs.
        classes: usize,
    },
    /// A kernel was stopped, or could not be started.
    #[error(
        "a kernel failed on the GPU while {doing}: {failure}; do not trust the results since the last checkpoint: resume from this \
         checkpoint, and report the failure if it happens again"
    )]
    Fault {
        /// The operation during which it failed.
        doing: &'static str,
        /// The driver's message.
        failure: Failure,
    },
    /// Any other error.
    #[error("the GPU failed while {doing}: {failure}")]
    Other {
        /// The operation during which it failed.
        doing: &'static str,
        /// The driver's message.
        failure: Failure,
    },
}

/// A code of the driver, with the driver's words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: Code,
    text: String,
}

impl Failure {
    pub(super) fn new(code: Code) -> Self {
        let words = |get: unsafe extern "C" fn(Code, *mut *const std::ffi::c_char) -> Code| {
            let mut text = ptr::null();
            // SAFETY: the driver writes the address of a text of its own, which stays.
            let found = unsafe { get(code, &raw mut text) } == 0 && !text.is_null();
            // SAFETY: as above.
            found.then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        };
        let text = match (words(sys::cuGetErrorName), words(sys::cuGetErrorString)) {
            (Some(name), Some(text)) => format!("{name}, {text}"),
            (Some(name), None) => name,
            _ => format!("CUDA's error {code}"),
        };
        Self { code, text }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A version of CUDA, 1000 · major + 10 · minor.
struct Version(i32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1000, self.0 % 1000 / 10)
    }
}

/// The driver's code `CUDA_ERROR_OUT_OF_MEMORY`.
pub(super) const OUT_OF_MEMORY: Code = 2;
/// Returns true for a code after which the context cannot be used, or that says a kernel did not start: memory that lost bits, a broken link
/// between GPUs, a contained fault, and all codes from an illegal address to a leak of tensor memory.
fn is_fault(code: Code) -> bool {
    matches!(code, 214 | 220 | 226 | 700..=721)
}

/// Returns the driver's answer as a result.
pub(super) fn check(code: Code, doing: &'static str) -> Result<(), CudaError> {
    match code {
        0 => Ok(()),
        code if is_fault(code) => Err(CudaError::Fault { doing, failure: Failure::new(code) }),
        code => Err(CudaError::Other { doing, failure: Failure::new(code) }),
    }
}
