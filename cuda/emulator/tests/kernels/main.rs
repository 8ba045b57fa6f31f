//! Selvedge's kernels on the CPU, every CUDA thread a coroutine in a random order, against core's plain loops bit for bit.

#![allow(unsafe_code)]

#[cfg(not(no_cplusplus))]
mod arithmetic;
#[cfg(not(no_cplusplus))]
mod launch;
#[cfg(not(no_cplusplus))]
mod products;
#[cfg(not(no_cplusplus))]
mod run;
#[cfg(not(no_cplusplus))]
mod steps;
#[cfg(not(no_cplusplus))]
mod tiles;

#[cfg(no_cplusplus)]
skip::ignored!(
    selvedges_kernels,
    "there is no C++ compiler to build the kernels by: install one (Debian: apt-get install g++)"
);
