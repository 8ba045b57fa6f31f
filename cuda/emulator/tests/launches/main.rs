//! Small kernels under many schedules: what is right stays right, and what is wrong shows.

#![allow(unsafe_code)]

#[cfg(not(no_cplusplus))]
mod copies;
#[cfg(not(no_cplusplus))]
mod launch;
#[cfg(not(no_cplusplus))]
mod order;
#[cfg(sanitized)]
mod outside;
#[cfg(not(no_cplusplus))]
mod schedules;
#[cfg(not(no_cplusplus))]
mod warps;

#[cfg(no_cplusplus)]
skip::ignored!(
    kernels_under_many_schedules,
    "there is no C++ compiler to build the kernels by: install one (Debian: apt-get install g++)"
);
