// What the kernels are compiled by: NVIDIA's nvcc for a GPU, or a C++ compiler for the tests, in which every CUDA thread is a coroutine.
#pragma once

#ifdef __CUDACC__

// A value that a block's threads share.
#define SHARED(Type, name) __shared__ Type name
// For the tests alone.
#define KERNEL_TABLE(...)

#else

#include "cuda_on_cpu.h"

#define __noinline__

#endif

// Threads in every block.
constexpr unsigned THREADS = 256;
