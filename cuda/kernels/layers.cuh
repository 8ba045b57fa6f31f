// The layers that are computed element by element, sample by sample or feature by feature (core/src/layers).
#pragma once

#include "linear.cuh"

namespace selvedge {

// Elements of a tile of an elementwise task.
constexpr unsigned ELEMENTS = 4 * THREADS;

// Calls work(index) for the elements of the tile below `count`.
template <typename Work>
__device__ __forceinline__ void for_each_element(unsigned tile, size_t count, Work work) {
    for (unsigned i = threadIdx.x; i < ELEMENTS; i += THREADS) {
        const size_t index = size_t(tile) * ELEMENTS + i;
        if (index < count) {
            work(index);
        }
    }
}

namespace gelu {

__device__ __forceinline__ void forward(const Task& task, const Batch& batch, unsigned tile) {
    for_each_element(tile, size_t(batch.samples) * task.outputs,
                     [&](size_t i) { task.output[i] = apply(__ldcg(task.input + i)); });
}

__device__ __forceinline__ void backward(const Task& task, const Batch& batch, unsigned tile) {
    for_each_element(tile, size_t(batch.samples) * task.outputs, [&](size_t i) {
        const float x = __ldcg(task.input + i);
        const float grad = mul(__ldcg(task.grad_output + i), derivative(x));
        task.grad_input[i] = activation_grad(task.input_activation, x, grad);
    });
}

} // namespace gelu

namespace dropout {

// Element `index` of a batch in a dropout layer; a dropped one is +0, whatever it was.
__device__ __forceinline__ float dropped(const Context& context, const Task& task, const Batch& batch, size_t index, float x) {
    const Generator generator(context.seed, Purpose::Dropout, batch.number);
    const u64 place = (u64(task.layer) << 32) + index;
    const unsigned draw = unsigned(generator.bits(place / 4) >> (16 * (place % 4))) & 0xffffu;
    return draw < context.dropout_threshold ? 0.0f : mul(x, context.dropout_scale);
}

__device__ __forceinline__ void forward(const Context& context, const Task& task, const Batch& batch, unsigned tile) {
    for_each_element(tile, size_t(batch.samples) * task.outputs, [&](size_t i) {
        task.output[i] = dropped(context, task, batch, i, __ldcg(task.input + i));
    });
}

__device__ __forceinline__ void backward(const Context& context, const Task& task, const Batch& batch, unsigned tile) {
    for_each_element(tile, size_t(batch.samples) * task.outputs, [&](size_t i) {
        const float grad = dropped(context, task, batch, i, __ldcg(task.grad_output + i));
        task.grad_input[i] = activation_grad(task.input_activation, __ldcg(task.input + i), grad);
    });
}

} // namespace dropout

namespace log_softmax {

// A thread has a sample.
__device__ __forceinline__ void forward(const Task& task, const Batch& batch, unsigned tile) {
    const unsigned s = tile * THREADS + threadIdx.x;
    if (s >= batch.samples) {
        return;
    }
    const float* logits = task.input + size_t(s) * task.outputs;
    float* output = task.output + size_t(s) * task.outputs;
    float largest = __uint_as_float(0xff800000u);
    for (unsigned j = 0; j < task.outputs; ++j) {
        const float z = __ldcg(logits + j);
        largest = z > largest ? z : largest;
    }
    float sum = 0.0f;
    for (unsigned j = 0; j < task.outputs; ++j) {
        sum = add(sum, exponential(sub(__ldcg(logits + j), largest)));
    }
    const float logarithm_of_sum = logarithm(sum);
    for (unsigned j = 0; j < task.outputs; ++j) {
        output[j] = sub(sub(__ldcg(logits + j), largest), logarithm_of_sum);
    }
}

__device__ __forceinline__ void backward(const Task& task, const Batch& batch, unsigned tile) {
    const unsigned s = tile * THREADS + threadIdx.x;
    if (s >= batch.samples) {
        return;
    }
    const size_t first = size_t(s) * task.outputs;
    float sum = 0.0f;
    for (unsigned j = 0; j < task.outputs; ++j) {
        sum = add(sum, __ldcg(task.grad_output + first + j));
    }
    for (unsigned j = 0; j < task.outputs; ++j) {
        const float p = exponential(__ldcg(task.output + first + j));
        const float grad = fma(-p, sum, __ldcg(task.grad_output + first + j));
        task.grad_input[first + j] = activation_grad(task.input_activation, __ldcg(task.input + first + j), grad);
    }
}

} // namespace log_softmax

namespace batch_norm {

// One feature's moments.
struct Moments {
    float mean, variance, inverse;
};

__device__ __forceinline__ float inverse_deviation(float variance) {
    return div(1.0f, sqrt_rn(add(variance, 1e-5f)));
}

// The running ones, for prediction.
__device__ __forceinline__ Moments running(const Task& task, unsigned feature) {
    const float* mean = task.own.parameters + 2 * size_t(task.outputs) + feature;
    const float variance = __ldcg(mean + task.outputs);
    return {__ldcg(mean), variance, inverse_deviation(variance)};
}

// Those of a batch: sums over the samples ascending.
__device__ __forceinline__ Moments of_batch(const Task& task, const Batch& batch, unsigned feature) {
    const float samples = __uint2float_rn(batch.samples);
    const float mean = div(sum_ascending(task.input + feature, batch.samples, task.outputs), samples);
    float variance = 0.0f;
    for (unsigned s = 0; s < batch.samples; ++s) {
        const float distance = sub(__ldcg(task.input + size_t(s) * task.outputs + feature), mean);
        variance = add(variance, mul(distance, distance));
    }
    variance = div(variance, samples);
    return {mean, variance, inverse_deviation(variance)};
}

// A thread has a feature.
__device__ __forceinline__ void forward(const Context& context, const Task& task, const Batch& batch, unsigned tile) {
    const unsigned feature = tile * THREADS + threadIdx.x;
    if (feature >= task.outputs) {
        return;
    }
    const Moments moments = context.predicts ? running(task, feature) : of_batch(task, batch, feature);
    const float scale = mul(moments.inverse, __ldcg(task.own.parameters + feature));
    const float bias = __ldcg(task.own.parameters + task.outputs + feature);
    for (unsigned s = 0; s < batch.samples; ++s) {
        const size_t index = size_t(s) * task.outputs + feature;
        const float normalized = mul(sub(__ldcg(task.input + index), moments.mean), scale);
        task.output[index] = activate(task.activation, add(normalized, bias));
    }
}

__device__ __forceinline__ void backward(const Task& task, const Batch& batch, unsigned tile) {
    const unsigned feature = tile * THREADS + threadIdx.x;
    if (feature >= task.outputs) {
        return;
    }
    const Moments moments = of_batch(task, batch, feature);
    float grad_sum = 0.0f, grad_normalized_sum = 0.0f;
    for (unsigned s = 0; s < batch.samples; ++s) {
        const size_t index = size_t(s) * task.outputs + feature;
        const float grad = __ldcg(task.grad_output + index);
        const float normalized = mul(sub(__ldcg(task.input + index), moments.mean), moments.inverse);
        grad_sum = add(grad_sum, grad);
        grad_normalized_sum = add(grad_normalized_sum, mul(grad, normalized));
    }
    if (task.grad_input) {
        const float samples = __uint2float_rn(batch.samples);
        const float mean_grad = div(grad_sum, samples), mean_grad_normalized = div(grad_normalized_sum, samples);
        const float scale = mul(__ldcg(task.own.parameters + feature), moments.inverse);
        for (unsigned s = 0; s < batch.samples; ++s) {
            const size_t index = size_t(s) * task.outputs + feature;
            const float x = __ldcg(task.input + index);
            const float normalized = mul(sub(x, moments.mean), moments.inverse);
            const float centred = sub(sub(__ldcg(task.grad_output + index), mean_grad), mul(normalized, mean_grad_normalized));
            task.grad_input[index] = activation_grad(task.input_activation, x, mul(scale, centred));
        }
    }
    take_grad(task, batch, feature, grad_normalized_sum);
    take_grad(task, batch, size_t(task.outputs) + feature, grad_sum);
    const size_t mean = 2 * size_t(task.outputs) + feature, variance = mean + task.outputs;
    Moments after = running(task, feature);
    // One sample has no variance of its own.
    if (batch.samples >= 2) {
        const float momentum = 0.1f, rest = sub(1.0f, momentum);
        const float unbiased = div(__uint2float_rn(batch.samples), __uint2float_rn(batch.samples - 1));
        after.mean = add(mul(rest, after.mean), mul(momentum, moments.mean));
        after.variance = add(mul(rest, after.variance), mul(momentum, mul(moments.variance, unbiased)));
    }
    task.own.updated[mean] = after.mean;
    task.own.updated[variance] = after.variance;
}

} // namespace batch_norm

} // namespace selvedge
