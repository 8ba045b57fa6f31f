// A linear layer's three products, with what is done to each result element.
#pragma once

#include "product.cuh"
#include "task.cuh"

namespace selvedge {

// A sum of `count` numbers that lie a stride apart, by addition, ascending from +0. Many are read before the first is added.
__device__ __forceinline__ float sum_ascending(const float* values, unsigned count, unsigned stride) {
    constexpr unsigned AHEAD = 16;
    float sum = 0.0f;
    unsigned i = 0;
    for (; i + AHEAD <= count; i += AHEAD) {
        float some[AHEAD];
#pragma unroll
        for (unsigned j = 0; j < AHEAD; ++j) {
            some[j] = __ldcg(values + size_t(i + j) * stride);
        }
#pragma unroll
        for (unsigned j = 0; j < AHEAD; ++j) {
            sum = add(sum, some[j]);
        }
    }
    for (; i < count; ++i) {
        sum = add(sum, __ldcg(values + size_t(i) * stride));
    }
    return sum;
}

// output[s][o] = activation(bias[o] + Σₖ input[s][k] · weight[o][k]), k ascending.
template <unsigned SIDE>
__device__ __noinline__ void linear_forward(Panels& panels, const Task& task, const Batch& batch, unsigned tile) {
    const TilePlace place(tile, SIDE, task.outputs);
    if (place.row >= batch.samples) {
        return;
    }
    const float* bias = task.parameters + size_t(task.inputs) * task.outputs;
    const Matrix input{task.input, batch.samples, task.inputs, 1};
    const Matrix weight{task.parameters, task.outputs, task.inputs, 1};
    product_tile<SIDE>(
        panels, input, weight, place.row, place.column, task.inputs, [&](unsigned o) { return __ldcg(bias + o); },
        [&](unsigned s, const unsigned(&columns)[SIDE], const float(&sums)[SIDE], const bool(&exist)[SIDE]) {
#pragma unroll
            for (unsigned j = 0; j < SIDE; ++j) {
                if (exist[j]) {
                    task.output[size_t(s) * task.outputs + columns[j]] = activate(task.activation, sums[j]);
                }
            }
        });
}

// grad_input[s][k] = Σₒ grad_output[s][o] · weight[o][k], o ascending from +0, through the derivative of the input's activation.
template <unsigned SIDE>
__device__ __noinline__ void linear_input_grad(Panels& panels, const Task& task, const Batch& batch, unsigned tile) {
    const TilePlace place(tile, SIDE, task.inputs);
    if (place.row >= batch.samples) {
        return;
    }
    const Matrix grad_output{task.grad_output, batch.samples, task.outputs, 1};
    const Matrix weight{task.parameters, task.inputs, 1, task.inputs};
    product_tile<SIDE>(
        panels, grad_output, weight, place.row, place.column, task.outputs, [](unsigned) { return 0.0f; },
        [&](unsigned s, const unsigned(&columns)[SIDE], const float(&sums)[SIDE], const bool(&exist)[SIDE]) {
            const size_t first = size_t(s) * task.inputs;
            float input[SIDE];
#pragma unroll
            for (unsigned j = 0; j < SIDE; ++j) {
                input[j] = exist[j] ? __ldcg(task.input + first + columns[j]) : 0.0f;
            }
#pragma unroll
            for (unsigned j = 0; j < SIDE; ++j) {
                if (exist[j]) {
                    task.grad_input[first + columns[j]] = activation_grad(task.input_activation, input[j], sums[j]);
                }
            }
        });
}

// What becomes of some gradients of a task's parameters.
template <unsigned COUNT>
__device__ __forceinline__ void take_grads(const Task& task, const Batch& batch, const size_t (&indices)[COUNT],
                                           const float (&grads)[COUNT], const bool (&exist)[COUNT]) {
    if (!task.kept) {
        return update(batch.rule, Updated{task.parameters, {task.state[0], task.state[1]}}, indices, grads, exist);
    }
#pragma unroll
    for (unsigned i = 0; i < COUNT; ++i) {
        if (exist[i]) {
            float* kept = task.kept + indices[i];
            *kept = batch.is_first ? grads[i] : add(__ldcg(kept), grads[i]);
        }
    }
}

// What becomes of the gradient of parameter `index` of a task.
__device__ __forceinline__ void take_grad(const Task& task, const Batch& batch, size_t index, float grad) {
    take_grads<1>(task, batch, {index}, {grad}, {true});
}

// grad[o][k] = Σₛ grad_output[s][o] · input[s][k] and, by addition, Σₛ grad_output[s][o]: s ascending from +0.
template <unsigned SIDE>
__device__ __noinline__ void linear_update(Panels& panels, const Task& task, const Batch& batch, unsigned tile) {
    const TilePlace place(tile, SIDE, task.inputs);
    if (place.column == 0) {
        const unsigned o = place.row + threadIdx.x;
        if (threadIdx.x < SQUARE * SIDE && o < task.outputs) {
            const float sum = sum_ascending(task.grad_output + o, batch.samples, task.outputs);
            take_grad(task, batch, size_t(task.inputs) * task.outputs + o, sum);
        }
    }
    const Matrix grad_output{task.grad_output, task.outputs, 1, task.outputs};
    const Matrix input{task.input, task.inputs, 1, task.inputs};
    product_tile<SIDE>(
        panels, grad_output, input, place.row, place.column, batch.samples, [](unsigned) { return 0.0f; },
        [&](unsigned o, const unsigned(&columns)[SIDE], const float(&sums)[SIDE], const bool(&exist)[SIDE]) {
            size_t indices[SIDE];
#pragma unroll
            for (unsigned j = 0; j < SIDE; ++j) {
                indices[j] = size_t(o) * task.inputs + columns[j];
            }
            take_grads(task, batch, indices, sums, exist);
        });
}

} // namespace selvedge
