// What a .cu file asks of CUDA, for a C++ compiler. Each thread of a launch is a coroutine (src/scheduler.rs); all of one launch run on
// one thread of the system, so that nothing here is ever at the same time.
//
// A thread runs until it waits at __syncthreads, at an operation of its warp or for the launch before, calls an atomic function,
// __nanosleep or cudaTriggerProgrammaticLaunchCompletion, or returns. A loop that waits for another thread's word must therefore call one
// of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __restrict__ __restrict

struct uint3 {
    unsigned x, y, z;
};
using dim3 = uint3;

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace emulator {

struct Thread;

// A call's place in the source.
struct Site {
    const char* file;
    unsigned line;
};

// The requests of a thread to the emulator (src/thread.rs).
struct Calls {
    void (*barrier)(const Thread*, Site);
    void (*yield)(const Thread*);
    // A declaration's object in the thread's block. The declaration is known by `site`, some address of its own.
    void* (*shared)(const Thread*, const void* site, size_t bytes, size_t alignment);
    // The value that the thread in lane `source` of the warp brings.
    unsigned (*warp)(const Thread*, Site, unsigned mask, unsigned value, unsigned source);
    void (*copy)(const Thread*, void* to, const void* from, size_t bytes);
    void (*commit)(const Thread*);
    void (*wait_prior)(const Thread*, size_t prior);
    void (*trigger)(const Thread*);
    void (*wait_before)(const Thread*);
};

// One CUDA thread, as src/thread.rs has it; what follows on that side is the scheduler's own.
struct Thread {
    uint3 thread_index, block_index, block_size, grid_size;
    const Calls* calls;
};

// That which runs now.
static thread_local const Thread* current = nullptr;

struct Kernel {
    // Calls the kernel with its parameters' values, of which these are the addresses.
    void (*call)(void** params);
    const size_t* param_sizes;
    size_t params;
};

// What a .cu file hands to the emulator.
struct Module {
    void (*resume)(const Thread*);
    // In the kernels' order, with commas between.
    const char* names;
    const Kernel* kernels;
    size_t count;
};

template <typename... Params, size_t... INDEX>
void call(void (*kernel)(Params...), [[maybe_unused]] void** params, std::index_sequence<INDEX...>) {
    kernel(*static_cast<Params*>(params[INDEX])...);
}

// The sizes of a kernel's parameters; the last is there because an array has no length 0.
template <typename... Params> constexpr size_t PARAM_SIZES[] = {sizeof(Params)..., 0};

template <auto KERNEL, typename... Params> constexpr Kernel kernel_of(void (*)(Params...)) {
    return {[](void** params) { call(KERNEL, params, std::index_sequence_for<Params...>{}); }, PARAM_SIZES<Params...>, sizeof...(Params)};
}

template <auto... KERNELS> constexpr Kernel TABLE[] = {kernel_of<KERNELS>(KERNELS)...};

} // namespace emulator

// The kernels of a file, once at its end; the build says by KERNEL_MODULE under which name.
#define KERNEL_TABLE(...)                                                                                                             \
    extern "C" const emulator::Module KERNEL_MODULE;                                                                                  \
    const emulator::Module KERNEL_MODULE = {[](const emulator::Thread* thread) { emulator::current = thread; }, #__VA_ARGS__,               \
                                            emulator::TABLE<__VA_ARGS__>, std::size(emulator::TABLE<__VA_ARGS__>)};

#define threadIdx (emulator::current->thread_index)
#define blockIdx (emulator::current->block_index)
#define blockDim (emulator::current->block_size)
#define gridDim (emulator::current->grid_size)

// A value that a block's threads share: full of ones at first, which as a float is no number.
#define SHARED(Type, name)                                                                                                            \
    static char name##_site;                                                                                                          \
    Type& name = *static_cast<Type*>(emulator::current->calls->shared(emulator::current, &name##_site, sizeof(Type), alignof(Type)))

#define __syncthreads() (emulator::current->calls->barrier(emulator::current, {__FILE__, __LINE__}))
inline void __threadfence() {}
inline void __nanosleep(unsigned) { emulator::current->calls->yield(emulator::current); }

// Operations of a whole warp: `mask` is full.
#define __syncwarp(...) (emulator::sync_warp({__FILE__, __LINE__}, emulator::all_lanes(__VA_ARGS__)))
#define __shfl_sync(...) (emulator::shuffle({__FILE__, __LINE__}, __VA_ARGS__))
#define __shfl_down_sync(...) (emulator::shuffle_down({__FILE__, __LINE__}, __VA_ARGS__))

// Copies of 4, 8 or 16 bytes to shared memory. One lands at any moment until its thread waits for its group, or never.
inline void __pipeline_memcpy_async(void* to_shared, const void* from_global, size_t bytes) {
    emulator::current->calls->copy(emulator::current, to_shared, from_global, bytes);
}
inline void __pipeline_commit() { emulator::current->calls->commit(emulator::current); }
inline void __pipeline_wait_prior(size_t prior) { emulator::current->calls->wait_prior(emulator::current, prior); }

// The first lets the next launch begin; the second waits for the one before.
inline void cudaTriggerProgrammaticLaunchCompletion() { emulator::current->calls->trigger(emulator::current); }
inline void cudaGridDependencySynchronize() { emulator::current->calls->wait_before(emulator::current); }

template <typename T> T __ldcg(const T* address) { return *address; }
template <typename T> T __ldg(const T* address) { return *address; }
template <typename T> void __stcg(T* address, T value) { *address = value; }

namespace emulator {

// Other threads come before an atomic function, so that what was read earlier may be old by then.
template <typename T, typename Change> T atomic(T* address, Change change) {
    current->calls->yield(current);
    const T old = *address;
    *address = change(old);
    return old;
}

constexpr unsigned LANES = 32, ALL_LANES = 0xFFFFFFFFu;

inline unsigned all_lanes(unsigned mask = ALL_LANES) { return mask; }

inline void sync_warp(Site site, unsigned mask) { current->calls->warp(current, site, mask, 0, 0); }

template <typename T> T shuffle(Site site, unsigned mask, T value, int source) {
    static_assert(sizeof(T) == 4 && std::is_arithmetic_v<T>, "only numbers of 4 bytes are shuffled here");
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits = current->calls->warp(current, site, mask, bits, unsigned(source) % LANES);
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}

template <typename T> T shuffle_down(Site site, unsigned mask, T value, unsigned delta) {
    const unsigned lane = current->thread_index.x % LANES;
    return shuffle(site, mask, value, int(delta < LANES - lane ? lane + delta : lane));
}

} // namespace emulator

template <typename T> T atomicAdd(T* address, std::common_type_t<T> value) {
    return emulator::atomic(address, [&](T old) { return T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(value)); });
}
template <typename T> T atomicExch(T* address, std::common_type_t<T> value) {
    return emulator::atomic(address, [&](T) { return value; });
}
template <typename T> T atomicMax(T* address, std::common_type_t<T> value) {
    return emulator::atomic(address, [&](T old) { return std::max(old, value); });
}

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }

inline unsigned __float_as_uint(float x) {
    unsigned bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }
// As on a GPU: no number is 0, and what is too large is the largest.
inline int __float2int_rz(float x) {
    if (std::isnan(x)) {
        return 0;
    }
    return x >= 2147483648.0f ? INT32_MAX : x < -2147483648.0f ? INT32_MIN : int(x);
}
