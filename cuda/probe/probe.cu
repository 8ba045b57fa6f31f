// Measures the parts of a training step on this GPU: the kernels' shape was chosen by such numbers.
//
// `cargo xtask gpu pack` compiles it. It takes no input and some seconds, and prints a line for each number: what, a tab, the number, a tab,
// its unit. A number is the median of several measurements. Cycles are those of a multiprocessor.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime.h>

namespace {

using Cycles = long long;

void check(cudaError_t code, const char* doing) {
    if (code != cudaSuccess) {
        std::fprintf(stderr, "error: %s: %s\n", doing, cudaGetErrorString(code));
        std::exit(1);
    }
}

void say(const char* what, double number, const char* unit) { std::printf("%s\t%.2f\t%s\n", what, number, unit); }

double median(std::vector<double> numbers) {
    std::sort(numbers.begin(), numbers.end());
    return numbers[numbers.size() / 2];
}

/// A place in the host's memory that a kernel writes its cycles to.
Cycles* took;

/// The median of a kernel's cycles; the first launch is its warm-up.
template <typename Launch> double cycles(Launch launch) {
    std::vector<double> all;
    for (int i = 0; i < 12; ++i) {
        launch();
        check(cudaDeviceSynchronize(), "measuring");
        if (i > 0) {
            all.push_back(double(*took));
        }
    }
    return median(all);
}

// ---- One sum: each fused multiply-add waits for the one before. ----

constexpr int TERMS = 2048;

__global__ void dependent_fma(float* sums, float weight, float input, Cycles* took) {
    float sum = sums[threadIdx.x];
    const Cycles start = clock64();
#pragma unroll 128
    for (int term = 0; term < TERMS; ++term) {
        sum = __fmaf_rn(weight, input, sum);
    }
    // The sum is needed before the clock is read.
    sums[threadIdx.x] = sum;
    const Cycles end = clock64();
    if (threadIdx.x == 0) {
        *took = end - start;
    }
}

// ---- Reads of 16 bytes of shared memory: how many passes they take depends on which lanes read the same. ----

constexpr int WARPS = 8, READS = 32, ROUNDS = 16, ROW = 132;

/// The row of a tile that a lane reads.
__device__ unsigned row_of(int pattern, unsigned lane) {
    switch (pattern) {
    case 0: return lane;                                                   // 32 rows
    case 1: return lane / 8;                                               // 4 rows, eight lanes in a run
    case 2: return lane % 8;                                               // 8 rows, each again after eight lanes
    case 3: return (lane >> 1 & 1) | (lane >> 3 & 1) << 1;                 // 4 rows, neighbours read the same
    case 4: return (lane & 1) | (lane >> 2 & 1) << 1 | (lane >> 4 & 1) << 2; // 8 rows, each lane as the one after the next
    default: return 0;                                                     // 1 row
    }
}

__global__ void shared_reads(int pattern, unsigned* found, Cycles* took) {
    __shared__ alignas(16) float tile[32 * ROW];
    for (unsigned i = threadIdx.x; i < 32 * ROW; i += blockDim.x) {
        tile[i] = float(i);
    }
    __syncthreads();
    const unsigned address = unsigned(__cvta_generic_to_shared(tile + row_of(pattern, threadIdx.x % 32) * ROW));
    // The values are used, or nothing would wait for them. There are several places for them, so that no read waits for another.
    unsigned seen[8] = {};
    const Cycles start = clock64();
    for (int round = 0; round < ROUNDS; ++round) {
#pragma unroll
        for (int read = 0; read < READS; ++read) {
            unsigned x, y, z, w;
            // Volatile in both languages: the assembler, too, would read once.
            asm volatile("ld.volatile.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x), "=r"(y), "=r"(z), "=r"(w) : "r"(address + 16 * read));
            seen[read % 8] ^= x ^ y ^ z ^ w;
        }
    }
    found[threadIdx.x] = seen[0] ^ seen[1] ^ seen[2] ^ seen[3] ^ seen[4] ^ seen[5] ^ seen[6] ^ seen[7];
    __syncthreads();
    const Cycles end = clock64();
    if (threadIdx.x == 0) {
        *took = end - start;
    }
}

// ---- Latencies: each address is what the read before it found. ----

constexpr unsigned HOPS = 1024;

__global__ void chase_shared(unsigned* last, Cycles* took) {
    __shared__ unsigned next[HOPS];
    for (unsigned i = threadIdx.x; i < HOPS; i += blockDim.x) {
        next[i] = unsigned(__cvta_generic_to_shared(next + (i + 33) % HOPS));
    }
    __syncthreads();
    unsigned place = unsigned(__cvta_generic_to_shared(next));
    const Cycles start = clock64();
#pragma unroll 16
    for (unsigned hop = 0; hop < HOPS; ++hop) {
        asm volatile("ld.shared.u32 %0, [%0];" : "+r"(place));
    }
    last[threadIdx.x] = place;
    if (threadIdx.x == 0) {
        *took = clock64() - start;
    }
}

__global__ void chase_l2(const unsigned* next, unsigned* last, Cycles* took) {
    unsigned place = 0;
    // Once to bring all of it into L2.
    for (unsigned hop = 0; hop < HOPS; ++hop) {
        place = __ldcg(next + place);
    }
    const Cycles start = clock64();
    for (unsigned hop = 0; hop < HOPS; ++hop) {
        place = __ldcg(next + place);
    }
    *last = place;
    *took = clock64() - start;
}

// ---- The gap between two kernels of a graph. ----

constexpr int NODES = 500;

template <bool PROGRAMMATIC> __global__ void __launch_bounds__(128) nothing(float* out, float never) {
#if __CUDA_ARCH__ >= 900
    if (PROGRAMMATIC) {
        asm volatile("griddepcontrol.launch_dependents;");
        asm volatile("griddepcontrol.wait;" ::: "memory");
    }
#endif
    if (never != 0.0f) {
        out[threadIdx.x] = never;
    }
}

/// Microseconds for each kernel.
template <bool PROGRAMMATIC> double gap(float* out, unsigned blocks) {
    cudaStream_t stream;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capturing");
    cudaLaunchAttribute edge{};
    edge.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    edge.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = blocks;
    config.blockDim = 128;
    config.stream = stream;
    config.attrs = &edge;
    config.numAttrs = PROGRAMMATIC ? 1 : 0;
    for (int node = 0; node < NODES; ++node) {
        check(cudaLaunchKernelEx(&config, nothing<PROGRAMMATIC>, out, 0.0f), "capturing a kernel");
    }
    cudaGraph_t graph;
    check(cudaStreamEndCapture(stream, &graph), "ending the capture");
    cudaGraphExec_t program;
    check(cudaGraphInstantiate(&program, graph, 0), "making the graph");
    cudaEvent_t start, end;
    check(cudaEventCreate(&start), "making an event");
    check(cudaEventCreate(&end), "making an event");
    std::vector<double> all;
    for (int i = 0; i < 12; ++i) {
        check(cudaEventRecord(start, stream), "starting the clock");
        check(cudaGraphLaunch(program, stream), "launching the graph");
        check(cudaEventRecord(end, stream), "stopping the clock");
        check(cudaStreamSynchronize(stream), "running the graph");
        float milliseconds;
        check(cudaEventElapsedTime(&milliseconds, start, end), "reading the clock");
        if (i > 0) {
            all.push_back(1e3 * milliseconds / NODES);
        }
    }
    return median(all);
}

} // namespace

int main() {
    int clock, multiprocessors, capability;
    check(cudaDeviceGetAttribute(&capability, cudaDevAttrComputeCapabilityMajor, 0), "asking the GPU");
    check(cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, 0), "asking for the clock");
    check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "asking for the multiprocessors");
    say("multiprocessors", multiprocessors, "");
    say("clock at the most", clock / 1e3, "MHz");

    float* floats;
    unsigned *next, *last;
    constexpr unsigned STRIDE = 33 * 8; // words: each hop is to another line, and all of them fit
    check(cudaMalloc(&floats, 1 << 20), "taking memory");
    check(cudaMalloc(&next, 4 * size_t(HOPS) * STRIDE), "taking memory");
    check(cudaMalloc(&last, 4096), "taking memory");
    check(cudaMallocHost(&took, sizeof(Cycles)), "taking memory");
    check(cudaMemset(floats, 0, 1 << 20), "clearing memory");

    say("dependent fma", cycles([&] { dependent_fma<<<1, 32>>>(floats, 0.5f, 0.25f, took); }) / TERMS, "cycles");

    const char* patterns[] = {
        "32 rows",
        "4 rows, eight lanes in a run",
        "8 rows, each again after eight lanes",
        "4 rows, neighbours the same",
        "8 rows, a lane as the one after the next",
        "1 row",
    };
    for (int pattern = 0; pattern < 6; ++pattern) {
        char name[128];
        std::snprintf(name, sizeof name, "16-byte shared read of a warp: %s", patterns[pattern]);
        say(name, cycles([&] { shared_reads<<<1, 32 * WARPS>>>(pattern, last, took); }) / (WARPS * READS * ROUNDS), "cycles");
    }
    say("latency of shared memory", cycles([&] { chase_shared<<<1, 32>>>(last, took); }) / HOPS, "cycles");

    std::vector<unsigned> hops(size_t(HOPS) * STRIDE);
    for (unsigned hop = 0; hop < HOPS; ++hop) {
        hops[size_t(hop) * STRIDE] = (hop + 1) % HOPS * STRIDE;
    }
    check(cudaMemcpy(next, hops.data(), 4 * hops.size(), cudaMemcpyHostToDevice), "copying");
    say("latency of L2", cycles([&] { chase_l2<<<1, 1>>>(next, last, took); }) / HOPS, "cycles");

    say("kernel of a graph, 1 block that does nothing", gap<false>(floats, 1), "µs");
    say("kernel of a graph, 128 blocks that do nothing", gap<false>(floats, 128), "µs");
    if (capability >= 9) {
        say("the same with programmatic edges, 1 block", gap<true>(floats, 1), "µs");
        say("the same with programmatic edges, 128 blocks", gap<true>(floats, 128), "µs");
    }
    return 0;
}
