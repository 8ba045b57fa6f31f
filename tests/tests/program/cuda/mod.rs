//! Training on a GPU, end to end: the program itself, with NVIDIA's driver library replaced by the kernels' CPU build.

#[cfg(feature = "cuda")]
mod emulated;

#[cfg(not(feature = "cuda"))]
skip::ignored!(
    training_on_an_emulated_gpu,
    "the tests were built without CUDA: `cargo xtask setup --cuda` gets its compiler, and `--features tests/cuda` builds it in"
);
