// What the kernels are compiled by: NVIDIA's nvcc for a GPU, or a C++ compiler for the tests, in which every CUDA thread is a coroutine.
#pragma once

#ifdef __CUDACC__

#include <cuda_pipeline_primitives.h>

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
// Threads in a warp.
constexpr unsigned WARP = 32;

namespace selvedge {

// Waits until the launch before this one is done. Every thread of every block calls it once: before it reads what that launch writes, and before
// it writes anything itself. So when it returns, all launches before that one are done too.
__device__ __forceinline__ void wait_for_launch_before() {
#if !defined(__CUDACC__) || __CUDA_ARCH__ >= 900
    cudaGridDependencySynchronize();
#endif
}

// Lets the launch after this one begin, once all blocks have come here or have ended. Its blocks reach their own wait meanwhile. Called by all
// threads, after `wait_for_launch_before`: so that what that launch reads before its wait, which was written two launches before it or earlier,
// is there. The fence makes it visible: `thread` waits for it, which is best one that has nothing else to do.
__device__ __forceinline__ void let_next_launch_begin([[maybe_unused]] unsigned thread) {
#if !defined(__CUDACC__) || __CUDA_ARCH__ >= 900
    if (threadIdx.x == thread) {
        __threadfence();
        cudaTriggerProgrammaticLaunchCompletion();
    }
#endif
}

} // namespace selvedge
