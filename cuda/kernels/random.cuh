// The integer generator of core/src/random.rs: SplitMix64, addressed by counter.
#pragma once

#include "platform.cuh"

namespace selvedge {

typedef unsigned long long u64;

enum class Purpose : u64 { Augmentation = 5, Dropout = 6 };

struct Generator {
    u64 key;

    static constexpr u64 GAMMA = 0x9e3779b97f4a7c15ull;

    __device__ static u64 mix(u64 z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }

    // The stream of a seed, a purpose and an epoch, or for dropout a batch.
    __device__ Generator(u64 seed, Purpose purpose, u64 epoch) : key(mix(mix(mix(seed + GAMMA) + u64(purpose)) + epoch)) {}

    // Draw `index`: 64 uniform bits.
    __device__ u64 bits(u64 index) const { return mix(key + (index + 1) * GAMMA); }

    // Draw `index` as an integer below `bound`.
    __device__ unsigned below(u64 index, unsigned bound) const { return unsigned((bits(index) >> 32) * bound >> 32); }
};

} // namespace selvedge
