// A linear layer's three products, with what is done to each result element.
#pragma once

#include "product.cuh"
#include "task.cuh"

namespace selvedge {

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
        [&](unsigned s, unsigned o, float sum) {
            task.output[size_t(s) * task.outputs + o] = activate(task.activation, sum);
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
        [&](unsigned s, unsigned k, float sum) {
            const size_t index = size_t(s) * task.inputs + k;
            task.grad_input[index] = activation_grad(task.input_activation, __ldcg(task.input + index), sum);
        });
}

// What becomes of the gradient of parameter `index` of a task.
__device__ __forceinline__ void take_grad(const Task& task, const Batch& batch, size_t index, float grad) {
    if (task.kept) {
        task.kept[index] = batch.is_first ? grad : add(__ldcg(task.kept + index), grad);
        return;
    }
    update(batch.rule, task.parameters, task.state, index, grad);
}

// grad[o][k] = Σₛ grad_output[s][o] · input[s][k] and, by addition, Σₛ grad_output[s][o]: s ascending from +0.
template <unsigned SIDE>
__device__ __noinline__ void linear_update(Panels& panels, const Task& task, const Batch& batch, unsigned tile) {
    const TilePlace place(tile, SIDE, task.inputs);
    if (place.column == 0) {
        const unsigned o = place.row + threadIdx.x;
        if (threadIdx.x < SQUARE * SIDE && o < task.outputs) {
            float sum = 0.0f;
            for (unsigned s = 0; s < batch.samples; ++s) {
                sum = add(sum, __ldcg(task.grad_output + size_t(s) * task.outputs + o));
            }
            take_grad(task, batch, size_t(task.inputs) * task.outputs + o, sum);
        }
    }
    const Matrix grad_output{task.grad_output, task.outputs, 1, task.outputs};
    const Matrix input{task.input, task.inputs, 1, task.inputs};
    product_tile<SIDE>(
        panels, grad_output, input, place.row, place.column, batch.samples, [](unsigned) { return 0.0f; },
        [&](unsigned o, unsigned k, float sum) { take_grad(task, batch, size_t(o) * task.inputs + k, sum); });
}

} // namespace selvedge
