//! The driver's results.

use std::ffi::CStr;

/// A result of the driver: 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Code(pub(crate) u32);

/// Defines each code, and a table of all codes.
macro_rules! codes {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        impl Code {
            $(pub(crate) const $name: Self = Self($value);)*
            const TABLE: &[(Self, &CStr, &CStr)] = &[$((Self::$name, codes!(@name $name), $text)),*];
        }
    };
    (@name SUCCESS) => { c"CUDA_SUCCESS" };
    (@name $name:ident) => {
        match CStr::from_bytes_with_nul(concat!("CUDA_ERROR_", stringify!($name), "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        }
    };
}

codes! {
    SUCCESS = 0, c"no error";
    INVALID_VALUE = 1, c"invalid argument";
    OUT_OF_MEMORY = 2, c"out of memory";
    NOT_INITIALIZED = 3, c"initialization error";
    DEVICE_UNAVAILABLE = 46, c"CUDA-capable device(s) is/are busy or unavailable";
    NO_DEVICE = 100, c"no CUDA-capable device is detected";
    INVALID_DEVICE = 101, c"invalid device ordinal";
    INVALID_IMAGE = 200, c"device kernel image is invalid";
    INVALID_CONTEXT = 201, c"invalid device context";
    NO_BINARY_FOR_GPU = 209, c"no kernel image is available for execution on the device";
    ECC_UNCORRECTABLE = 214, c"uncorrectable ECC error encountered";
    NVLINK_UNCORRECTABLE = 220, c"uncorrectable NVLink error detected during the execution";
    UNSUPPORTED_PTX_VERSION = 222, c"the provided PTX was compiled with an unsupported toolchain.";
    CONTAINED = 226, c"Invalid access of peer GPU memory over nvlink or a hardware error";
    INVALID_HANDLE = 400, c"invalid resource handle";
    NOT_FOUND = 500, c"named symbol not found";
    ILLEGAL_ADDRESS = 700, c"an illegal memory access was encountered";
    LAUNCH_OUT_OF_RESOURCES = 701, c"too many resources requested for launch";
    LAUNCH_FAILED = 719, c"unspecified launch failure";
    COOPERATIVE_LAUNCH_TOO_LARGE = 720, c"too many blocks in cooperative launch";
    TENSOR_MEMORY_LEAK = 721, c"tensor memory not completely freed";
    NOT_SUPPORTED = 801, c"operation not supported";
    SYSTEM_NOT_READY = 802, c"system not yet initialized";
    STREAM_CAPTURE_UNSUPPORTED = 900, c"operation not permitted when stream is capturing";
    UNKNOWN = 999, c"unknown error";
}

impl Code {
    /// Returns the code with this name, such as `CUDA_ERROR_OUT_OF_MEMORY`, or with this number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found = Self::TABLE.iter().find(|(_, name, _)| name.to_bytes() == text.as_bytes());
        found.map(|&(code, ..)| code).or_else(|| text.parse().ok().map(Self))
    }

    /// Returns the code's name and its text.
    pub(crate) fn words(self) -> Option<(&'static CStr, &'static CStr)> {
        Self::TABLE.iter().find(|(code, ..)| *code == self).map(|&(_, name, text)| (name, text))
    }

    /// Returns true if a context with this error returns it from then on.
    pub(crate) fn is_sticky(self) -> bool {
        [
            Self::ECC_UNCORRECTABLE,
            Self::NVLINK_UNCORRECTABLE,
            Self::CONTAINED,
            Self::ILLEGAL_ADDRESS,
            Self::LAUNCH_FAILED,
            Self::TENSOR_MEMORY_LEAK,
        ]
        .contains(&self)
    }
}
