// A gradient that was kept: its norm, and the step by it (core/src/arithmetic/norm.rs, core/src/optimizer).
#pragma once

#include "layers.cuh"

namespace selvedge {

// Sums that run side by side in a block of a norm, and the elements of one.
constexpr unsigned NORM_LANES = 64, NORM_BLOCK = 64 * NORM_LANES;

struct NormSums {
    float of_lanes[NORM_LANES];
};

// The squares of 4,096 elements: 64 sums of every 64th element, and then the sum of these, all ascending.
__device__ __forceinline__ void norm_block(const Context& context, const Task& task, unsigned block, NormSums& sums) {
    const unsigned lane = threadIdx.x, first = block * NORM_BLOCK;
    if (lane < NORM_LANES) {
        const unsigned left = task.outputs - first, end = first + (left < NORM_BLOCK ? left : NORM_BLOCK);
        float sum = 0.0f;
        for (unsigned i = first + lane; i < end; i += NORM_LANES) {
            const float x = __ldcg(task.kept + i);
            sum = add(sum, mul(x, x));
        }
        sums.of_lanes[lane] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        float sum = 0.0f;
        for (unsigned i = 0; i < NORM_LANES; ++i) {
            sum = add(sum, sums.of_lanes[i]);
        }
        context.partial_norms[block] = sum;
    }
}

// The norm, and the factor that makes it `max_norm` at the most.
__device__ __forceinline__ void total_norm(const Context& context, const Task& task, unsigned index) {
    if (threadIdx.x != 0) {
        return;
    }
    float sum = 0.0f;
    for (unsigned block = 0; block < (task.outputs + NORM_BLOCK - 1) / NORM_BLOCK; ++block) {
        sum = add(sum, __ldcg(context.partial_norms + block));
    }
    const float norm = sqrt_rn(sum), scale = div(context.max_norm, add(norm, 1e-6f));
    context.norms[index] = norm;
    *context.clip_scale = scale < 1.0f ? scale : 1.0f;
}

// Parameters by their kept gradient.
__device__ __forceinline__ void update_by_kept(const Context& context, const Task& task, const Batch& batch, unsigned tile) {
    const float scale = __ldcg(context.clip_scale);
    for_each_element(tile, task.outputs, [&](size_t i) {
        const float grad = __ldcg(task.kept + i);
        update_one(batch.rule, task.own, i, scale < 1.0f ? mul(grad, scale) : grad);
    });
}

// The average of the weights goes a part of the way to them.
__device__ __forceinline__ void move_average(const Task& task, const Batch& batch, unsigned tile) {
    for_each_element(tile, task.outputs, [&](size_t i) {
        const float parameter = __ldcg(task.own.parameters + i), average = __ldcg(task.output + i);
        task.output[i] = batch.starts_average ? parameter : fma(batch.average, sub(parameter, average), average);
    });
}

} // namespace selvedge
