// A last linear layer of a few outputs, the loss, and the gradient before that layer: a block has a sample.
#pragma once

#include "arithmetic.cuh"
#include "task.cuh"

namespace selvedge {

// Outputs at most: a warp's lanes.
constexpr unsigned HEAD_OUTPUTS = WARP;
// Numbers for which a block has room: the layer's weights, and a sample's inputs.
constexpr unsigned HEAD_NUMBERS = 10752;

struct HeadMemory {
    alignas(16) float numbers[HEAD_NUMBERS];
    float grads[HEAD_OUTPUTS];
};

// Numbers from one row of weights to the next: rows that follow each other begin in other banks, each at 16 bytes.
__device__ __forceinline__ unsigned head_stride(unsigned inputs) { return 4 * ((inputs + 3) / 4 | 1); }

// Begins to bring rows of `width` numbers, which begin `stride` numbers apart in shared memory.
__device__ __forceinline__ void bring_rows(float* to, unsigned stride, const float* from, unsigned rows, unsigned width) {
    const bool is_aligned = reinterpret_cast<size_t>(from) % 16 == 0 && width % 4 == 0;
    const unsigned pieces = (width + 3) / 4;
    for (unsigned i = threadIdx.x; i < rows * pieces; i += THREADS) {
        const unsigned row = i / pieces, word = i % pieces * 4;
        float* piece = to + row * stride + word;
        const float* source = from + size_t(row) * width + word;
        if (is_aligned) {
            __pipeline_memcpy_async(piece, source, 16);
            continue;
        }
        for (unsigned j = 0; j < 4 && word + j < width; ++j) {
            piece[j] = __ldcg(source + j);
        }
    }
}

constexpr unsigned ALL_LANES = 0xffffffffu;

// A value of each lane below `count`, and the lane: what the first of the largest is. A NaN is never the largest.
struct Largest {
    float value;
    unsigned lane;
    bool is_found;

    __device__ __forceinline__ Largest(float own, unsigned lane, unsigned count) : value(own), lane(lane), is_found(lane < count && own == own) {
        // After each round, lane i knows the largest of twice as many from its own on; lane 0 in the end of all.
#pragma unroll
        for (unsigned distance = 1; distance < WARP; distance *= 2) {
            const float other = __shfl_down_sync(ALL_LANES, value, distance);
            const unsigned other_lane = __shfl_down_sync(ALL_LANES, this->lane, distance);
            const unsigned other_found = __shfl_down_sync(ALL_LANES, unsigned(is_found), distance);
            if (other_found && (!is_found || other > value)) {
                value = other, this->lane = other_lane, is_found = true;
            }
        }
    }
};

// sum + Σ x[k] · w[k], k ascending below COUNT.
template <unsigned COUNT> __device__ __forceinline__ float dot(const float* x, const float* w, float sum) {
#pragma unroll
    for (unsigned k = 0; k < COUNT; k += 4) {
        const float4 four_x = *reinterpret_cast<const float4*>(x + k), four_w = *reinterpret_cast<const float4*>(w + k);
        sum = fma(four_x.x, four_w.x, sum);
        sum = fma(four_x.y, four_w.y, sum);
        sum = fma(four_x.z, four_w.z, sum);
        sum = fma(four_x.w, four_w.w, sum);
    }
    return sum;
}

// The first warp: the logits, the loss and its gradient, a lane for each output.
__device__ __forceinline__ void head_outputs(HeadMemory& memory, const Context& context, const Task& task, const Batch& batch, unsigned s) {
    const unsigned lane = threadIdx.x, inputs = task.inputs, classes = task.outputs, stride = head_stride(inputs);
    const bool has_output = lane < classes;
    const unsigned place = batch.first + s, index = sample_in(context, place);
    const unsigned target = context.labels[index];
    const float own_weight = has_output ? class_weight(context, lane) : 1.0f;
    const float* weight = memory.numbers + (has_output ? lane : 0) * stride;
    const float* input = memory.numbers + classes * stride;

    float sum = __ldcg(task.own.parameters + task.weights() + (has_output ? lane : 0));
    unsigned k = 0;
    // Many are read ahead of the chain.
#pragma unroll 1
    for (; k + 64 <= inputs; k += 64) {
        sum = dot<64>(input + k, weight + k, sum);
    }
#pragma unroll 1
    for (; k + 4 <= inputs; k += 4) {
        sum = dot<4>(input + k, weight + k, sum);
    }
#pragma unroll 1
    for (; k < inputs; ++k) {
        sum = fma(input[k], weight[k], sum);
    }
    const float logit = activate(task.activation, sum);
    if (has_output) {
        task.output[size_t(s) * classes + lane] = logit;
    }

    const Largest found(logit, lane, classes);
    const bool is_found = __shfl_sync(ALL_LANES, unsigned(found.is_found), 0);
    const float largest = is_found ? __shfl_sync(ALL_LANES, found.value, 0) : __uint_as_float(0xff800000u);
    const float value = exponential(sub(logit, largest));
    float exponentials = 0.0f;
    for (unsigned j = 0; j < classes; ++j) {
        exponentials = add(exponentials, __shfl_sync(ALL_LANES, value, int(j)));
    }

    const float smoothing = context.label_smoothing;
    const float confidence = mul(sub(1.0f, smoothing), __shfl_sync(ALL_LANES, own_weight, int(target)));
    const float share = mul(div(smoothing, __uint2float_rn(classes)), own_weight);
    const float log_sum_exp = add(largest, logarithm(exponentials));
    float loss = mul(confidence, sub(log_sum_exp, __shfl_sync(ALL_LANES, logit, int(target))));
    float weight_of_all = confidence;
    if (smoothing != 0.0f) {
        for (unsigned j = 0; j < classes; ++j) {
            const float share_of_j = __shfl_sync(ALL_LANES, share, int(j));
            loss = fma(share_of_j, sub(log_sum_exp, __shfl_sync(ALL_LANES, logit, int(j))), loss);
            weight_of_all = add(weight_of_all, share_of_j);
        }
    }
    if (lane == 0) {
        context.loss_terms[s] = loss;
        if (context.classes) {
            context.classes[place] = static_cast<unsigned short>(is_found ? found.lane : 0);
        }
    }
    if (task.grad_output && has_output) {
        const float probability = div(value, exponentials);
        float grad = smoothing == 0.0f ? mul(probability, confidence) : fma(probability, weight_of_all, -share);
        if (lane == target) {
            grad = sub(grad, confidence);
        }
        grad = activation_grad(task.activation, logit, div(grad, batch.total_weight));
        memory.grads[lane] = grad;
        task.grad_output[size_t(s) * classes + lane] = grad;
    }
}

__device__ __forceinline__ void head(HeadMemory& memory, const Context& context, const Task& task, const Batch& batch, unsigned s) {
    if (s >= batch.samples) {
        return wait_for_launch_before();
    }
    const unsigned inputs = task.inputs, outputs = task.outputs, stride = head_stride(inputs);
    float* input = memory.numbers + outputs * stride;
    const auto bring_weights = [&] { bring_rows(memory.numbers, stride, task.own.parameters, outputs, inputs); };
    if (task.parameters_are_settled()) {
        bring_weights();
    }
    wait_for_launch_before();
    bring_rows(input, stride, task.input + size_t(s) * inputs, 1, inputs);
    if (!task.parameters_are_settled()) {
        bring_weights();
    }
    __pipeline_commit();
    let_next_launch_begin(THREADS - 1);
    __pipeline_wait_prior(0);
    __syncthreads();
    if (threadIdx.x < WARP) {
        head_outputs(memory, context, task, batch, s);
    }
    if (!task.grad_input) {
        return;
    }
    __syncthreads();
    for (unsigned k = threadIdx.x; k < inputs; k += THREADS) {
        float sum = 0.0f;
#pragma unroll 4
        for (unsigned o = 0; o < outputs; ++o) {
            sum = fma(memory.grads[o], memory.numbers[o * stride + k], sum);
        }
        task.grad_input[size_t(s) * inputs + k] = activation_grad(task.input_activation, input[k], sum);
    }
}

} // namespace selvedge
