// Small kernels, right and wrong, for the emulator's own tests.
#include "cuda_on_cpu.h"

struct Floats {
    float at[64];
};

struct Pair {
    double weight;
    unsigned char tag;
};

// out = first · weight + count, by tag the other way round.
extern "C" __global__ void parameters(const Pair pair, float* out, unsigned char first, unsigned long long count) {
    const double sum = pair.tag ? first * pair.weight + double(count) : 0.0;
    *out = float(sum);
}

// out[i] = i of the whole grid, and how many there are behind it.
extern "C" __global__ void places(unsigned* out) {
    const unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
    out[index] = index;
    if (index == 0) {
        out[gridDim.x * blockDim.x] = gridDim.x * blockDim.x;
    }
}

// Each block's sum of its part of `values`, by halves.
template <bool BARRIERS> void sum(const float* values, float* sums) {
    SHARED(Floats, shared);
    float* partial = shared.at;
    partial[threadIdx.x] = values[blockIdx.x * blockDim.x + threadIdx.x];
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (BARRIERS) {
            __syncthreads();
        }
        if (threadIdx.x < half) {
            partial[threadIdx.x] += partial[threadIdx.x + half];
        }
    }
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = partial[0];
    }
}
extern "C" __global__ void block_sum(const float* values, float* sums) { sum<true>(values, sums); }
extern "C" __global__ void block_sum_without_barriers(const float* values, float* sums) { sum<false>(values, sums); }

// What shared memory holds before anybody wrote it.
extern "C" __global__ void unwritten(unsigned* out) {
    SHARED(unsigned, word);
    *out = word;
}

// The block's last thread passes no barrier.
extern "C" __global__ void one_leaves() {
    if (threadIdx.x + 1 < blockDim.x) {
        __syncthreads();
    }
}

// Every thread waits, but not all at one barrier.
extern "C" __global__ void two_barriers() {
    if (threadIdx.x % 2) {
        __syncthreads();
    } else {
        __syncthreads();
    }
}

// A word that nobody writes.
extern "C" __global__ void never(volatile unsigned* word) {
    while (*word == 0) {
        __nanosleep(20);
    }
}

// `rounds` times, each block writes its place of `words`, and after a grid-wide barrier adds up all of them: out[block] += the sum.
extern "C" __global__ void grid_rounds(unsigned* words, unsigned* arrivals, unsigned* out, unsigned rounds) {
    for (unsigned round = 0; round < 2 * rounds; ++round) {
        if (round % 2 == 0 && threadIdx.x == 0) {
            words[blockIdx.x] = round + blockIdx.x;
        } else if (round % 2 == 1 && threadIdx.x == 0) {
            for (unsigned block = 0; block < gridDim.x; ++block) {
                out[blockIdx.x] += __ldcg(words + block);
            }
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            __threadfence();
            atomicAdd(arrivals, 1);
            while (__ldcg(arrivals) < (round + 1) * gridDim.x) {
                __nanosleep(20);
            }
        }
        __syncthreads();
    }
}

// Adds 1 as often as there are threads, and keeps the largest index; without an atomic, some are lost.
extern "C" __global__ void counts(unsigned* atomic, unsigned* torn, unsigned* largest) {
    atomicAdd(atomic, 1);
    atomicMax(largest, threadIdx.x);
    const unsigned old = *torn;
    __nanosleep(1);
    *torn = old + 1;
}

// The order in which threads come.
extern "C" __global__ void tickets(unsigned* next, unsigned* out) { out[threadIdx.x] = atomicAdd(next, 1); }

// One element behind the end of the block's shared array.
extern "C" __global__ void overrun(float* out) {
    SHARED(Floats, shared);
    shared.at[threadIdx.x] = 0.0f;
    __syncthreads();
    float* behind = shared.at + blockDim.x;
    *out = *behind;
}

KERNEL_TABLE(parameters, places, block_sum, block_sum_without_barriers, unwritten, one_leaves, two_barriers, never, grid_rounds, counts,
             tickets, overrun)
