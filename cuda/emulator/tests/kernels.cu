// Small kernels, right and wrong, for the emulator's own tests.
#include "cuda_on_cpu.h"

#include "../../kernels/product.cuh"

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

// Rows of 16 bytes for each thread, of which the next comes while the last is used.
struct alignas(16) Rows {
    float4 at[2][64];
};

enum class Rounds { RIGHT, WITHOUT_WAIT, WAITS_ONE_LATE, WITHOUT_COMMIT, WITHOUT_LAST_BARRIER };

// out = rows, each turned by one place.
template <Rounds ROUNDS> void turn(const float4* rows, float4* out, unsigned count) {
    SHARED(Rows, shared);
    const unsigned width = blockDim.x, index = threadIdx.x;
    const auto fetch = [&](unsigned row) {
        if (row < count) {
            __pipeline_memcpy_async(&shared.at[row % 2][index], rows + row * width + index, sizeof(float4));
        }
        if (ROUNDS != Rounds::WITHOUT_COMMIT) {
            __pipeline_commit();
        }
    };
    fetch(0);
    for (unsigned row = 0; row < count; ++row) {
        fetch(row + 1);
        if (ROUNDS != Rounds::WITHOUT_WAIT) {
            __pipeline_wait_prior(ROUNDS == Rounds::WAITS_ONE_LATE ? 2 : 1);
        }
        __syncthreads();
        out[row * width + index] = shared.at[row % 2][(index + 1) % width];
        if (ROUNDS != Rounds::WITHOUT_LAST_BARRIER) {
            __syncthreads();
        }
    }
}
#define TURN(name, ROUNDS)                                                                                                            \
    extern "C" __global__ void name(const float4* rows, float4* out, unsigned count) { turn<Rounds::ROUNDS>(rows, out, count); }
TURN(turn_rows, RIGHT)
TURN(turn_rows_without_wait, WITHOUT_WAIT)
TURN(turn_rows_waits_one_late, WAITS_ONE_LATE)
TURN(turn_rows_without_commit, WITHOUT_COMMIT)
TURN(turn_rows_without_last_barrier, WITHOUT_LAST_BARRIER)

// The source changes before the copy is waited for: to[i] = from[i] as it was, or 0.
extern "C" __global__ void source_changes(unsigned* from, unsigned* to) {
    SHARED(Rows, shared);
    unsigned* place = reinterpret_cast<unsigned*>(&shared) + threadIdx.x;
    __pipeline_memcpy_async(place, from + threadIdx.x, sizeof *place);
    __pipeline_commit();
    from[threadIdx.x] = 0;
    __pipeline_wait_prior(0);
    to[threadIdx.x] = *place;
}

// One copy, to a place `offset` bytes behind the start of `out` or of shared memory.
extern "C" __global__ void one_copy(const unsigned char* from, unsigned char* out, unsigned bytes, unsigned offset, unsigned is_shared) {
    SHARED(Rows, shared);
    unsigned char* to = (is_shared ? reinterpret_cast<unsigned char*>(&shared) : out) + offset;
    __pipeline_memcpy_async(to, from, bytes);
    __pipeline_commit();
    __pipeline_wait_prior(0);
    std::memcpy(out, to, bytes);
}

// Of each warp's values: the sum, the product by the first lane's, and what two shuffles give.
extern "C" __global__ void warps(const float* values, float* sums, float* products, int* lanes) {
    const unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = values[index];
    for (unsigned delta = 16; delta > 0; delta /= 2) {
        sum += __shfl_down_sync(0xFFFFFFFFu, sum, delta);
    }
    if (threadIdx.x % 32 == 0) {
        sums[index / 32] = sum;
    }
    products[index] = values[index] * __shfl_sync(0xFFFFFFFFu, values[index], 0);
    const int lane = int(threadIdx.x % 32), by_three = __shfl_sync(0xFFFFFFFFu, lane, 3 * lane);
    lanes[index] = 100 * by_three + int(__shfl_down_sync(0xFFFFFFFFu, unsigned(lane), 31u));
}

// out[i] = the index of the thread's neighbour in its warp.
template <bool WAITS> void neighbours(unsigned* out) {
    SHARED(Floats, shared);
    shared.at[threadIdx.x] = float(threadIdx.x);
    if (WAITS) {
        __syncwarp();
    }
    out[threadIdx.x] = unsigned(shared.at[threadIdx.x ^ 1]);
}
extern "C" __global__ void warp_neighbours(unsigned* out) { neighbours<true>(out); }
extern "C" __global__ void warp_neighbours_without_wait(unsigned* out) { neighbours<false>(out); }

// A warp's last thread does something else than the others: it returns, waits for the block, or elsewhere, or has its own mask.
extern "C" __global__ void divergent_warp(unsigned how) {
    const bool is_last = threadIdx.x % 32 == 31;
    if (is_last && how == 0) {
        return;
    } else if (is_last && how == 1) {
        __syncthreads();
    } else if (is_last && how == 2) {
        __syncwarp();
    }
    __syncwarp(is_last && how == 3 ? 0x7FFFFFFFu : 0xFFFFFFFFu);
    __syncthreads();
}

// The modes of a launch of a stream.
constexpr unsigned TRIGGERS_FIRST = 1, READS_FIRST = 2, WAITS = 4, TRIGGERS_LATER = 8;

// to[i] = from[opposite of i] + 1.
extern "C" __global__ void link(const unsigned* from, unsigned* to, unsigned how) {
    const unsigned threads = gridDim.x * blockDim.x, index = blockIdx.x * blockDim.x + threadIdx.x;
    if (how & TRIGGERS_FIRST) {
        cudaTriggerProgrammaticLaunchCompletion();
    }
    const unsigned early = __ldcg(from + (threads - 1 - index));
    if (how & WAITS) {
        cudaGridDependencySynchronize();
    }
    if (how & TRIGGERS_LATER) {
        cudaTriggerProgrammaticLaunchCompletion();
    }
    to[index] = (how & READS_FIRST ? early : __ldcg(from + (threads - 1 - index))) + 1;
}

// A thread's part in the product's tiles, six numbers: its row and its column among those that compute, or −1; its number among those
// that copy, or −1; and the words of its first rows in a panel by row, of either operand, and of its columns in a panel by term.
template <typename Tile> void tile_thread(int* out, bool is_later_half) {
    const Tile thread(is_later_half);
    using ByRow = selvedge::Panel<selvedge::Order::ByRow, Tile::SIDE, Tile::TERMS>;
    using ByTerm = selvedge::Panel<selvedge::Order::ByTerm, Tile::SIDE, Tile::TERMS>;
    const auto by_row = [](unsigned mine) { return int(ByRow::template row<Tile::EACH>(mine, 0) * ByRow::STRIDE); };
    int* mine = out + 6 * threadIdx.x;
    mine[0] = thread.computes ? int(thread.row) : -1;
    mine[1] = thread.computes ? int(thread.column) : -1;
    mine[2] = thread.copies ? int(thread.copier) : -1;
    mine[3] = by_row(thread.row);
    mine[4] = by_row(thread.column);
    mine[5] = int(ByTerm::template row<Tile::EACH>(thread.column, 0));
}
extern "C" __global__ void latency_tile(int* out, unsigned is_later_half) { tile_thread<selvedge::Latency>(out, is_later_half); }
extern "C" __global__ void throughput_tile(int* out, unsigned is_later_half) { tile_thread<selvedge::Throughput>(out, is_later_half); }

KERNEL_TABLE(latency_tile, throughput_tile, parameters, places, block_sum, block_sum_without_barriers, unwritten, one_leaves, two_barriers, never, counts, tickets,
             overrun, turn_rows, turn_rows_without_wait, turn_rows_waits_one_late, turn_rows_without_commit,
             turn_rows_without_last_barrier, source_changes, one_copy, warps, warp_neighbours, warp_neighbours_without_wait,
             divergent_warp, link)
