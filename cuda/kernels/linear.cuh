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

template <typename Tile> using ForwardProduct = Product<Tile, Order::ByRow, Order::ByRow>;
template <typename Tile> using InputGradProduct = Product<Tile, Order::ByRow, Order::ByTerm>;
using UpdateProduct = Product<Throughput, Order::ByTerm, Order::ByTerm>;

// output[s][o] = activation(bias[o] + Σₖ input[s][k] · weight[o][k]), k ascending.
template <typename Tile>
__device__ __forceinline__ void linear_forward(typename ForwardProduct<Tile>::Memory& memory, const Task& task, const Batch& batch,
                                               unsigned tile) {
    const TilePlace place(tile, Tile::SIDE, task.outputs);
    if (place.row >= batch.samples) {
        return wait_for_launch_before();
    }
    const Matrix input{task.input, batch.samples, task.inputs, task.input_is_settled()};
    const Matrix weight{task.own.parameters, task.outputs, task.inputs, task.parameters_are_settled()};
    const ForwardProduct<Tile> product{memory, input, weight, place, task.inputs, Tile(2 * tile >= task.tiles)};
    const float* bias = task.own.parameters + task.weights();
    product.run(
        [] {}, [&](unsigned j) { return __ldcg(bias + product.column(j)); }, [](const auto&, unsigned) {},
        [&](unsigned i, const float(&sums)[Tile::EACH]) {
            float* output = task.output + size_t(product.row(i)) * task.outputs;
#pragma unroll
            for (unsigned j = 0; j < Tile::EACH; ++j) {
                if (product.column(j) < task.outputs) {
                    output[product.column(j)] = activate(task.activation, sums[j]);
                }
            }
        });
}

// grad_input[s][k] = Σₒ grad_output[s][o] · weight[o][k], o ascending from +0, through the derivative of the input's activation.
template <typename Tile>
__device__ __forceinline__ void linear_input_grad(typename InputGradProduct<Tile>::Memory& memory, const Task& task, const Batch& batch,
                                                  unsigned tile) {
    const TilePlace place(tile, Tile::SIDE, task.inputs);
    if (place.row >= batch.samples) {
        return wait_for_launch_before();
    }
    const Matrix grad_output{task.grad_output, batch.samples, task.outputs, task.grad_output_is_settled()};
    const Matrix weight{task.own.parameters, task.inputs, task.inputs, task.parameters_are_settled()};
    const InputGradProduct<Tile> product{memory, grad_output, weight, place, task.outputs, Tile(2 * tile >= task.tiles)};
    product.run([] {}, [](unsigned) { return 0.0f; }, [](const auto&, unsigned) {},
                [&](unsigned i, const float(&sums)[Tile::EACH]) {
                    const size_t first = size_t(product.row(i)) * task.inputs;
                    float input[Tile::EACH];
#pragma unroll
                    for (unsigned j = 0; j < Tile::EACH; ++j) {
                        input[j] = product.column(j) < task.inputs ? __ldcg(task.input + first + product.column(j)) : 0.0f;
                    }
#pragma unroll
                    for (unsigned j = 0; j < Tile::EACH; ++j) {
                        if (product.column(j) < task.inputs) {
                            task.grad_input[first + product.column(j)] = activation_grad(task.input_activation, input[j], sums[j]);
                        }
                    }
                });
}

// Gradients that are kept, for the last batch of a step: the first batch sets them, the others add theirs.
template <unsigned COUNT>
__device__ __forceinline__ void keep(const Task& task, const Batch& batch, size_t index, unsigned count, bool is_whole,
                                     const float (&grads)[COUNT]) {
    Numbers<COUNT> kept{};
    if (!batch.is_first) {
        kept = Numbers<COUNT>::read(task.kept + index, count, is_whole);
    }
#pragma unroll
    for (unsigned i = 0; i < COUNT; ++i) {
        kept.at[i] = batch.is_first ? grads[i] : add(kept.at[i], grads[i]);
    }
    kept.write(task.kept + index, count, is_whole);
}

// What becomes of the gradient of parameter `index` of a task.
__device__ __forceinline__ void take_grad(const Task& task, const Batch& batch, size_t index, float grad) {
    if (task.kept) {
        keep<1>(task, batch, index, 1, false, {grad});
    } else {
        update_one(batch.rule, task.own, index, grad);
    }
}

// Tells whether any four numbers of a layer, from a multiple of four on, are read and written at once.
__device__ __forceinline__ bool is_aligned(const Task& task) {
    const auto address = [](const float* at) { return reinterpret_cast<size_t>(at); };
    const size_t all = address(task.own.parameters) | address(task.own.updated) | address(task.kept) | address(task.own.state[0]) |
                       address(task.own.state[1]) | address(task.own.updated_state[0]) | address(task.own.updated_state[1]);
    return all % 16 == 0 && task.inputs % 4 == 0;
}

// grad[o][k] = Σₛ grad_output[s][o] · input[s][k] and, by addition, Σₛ grad_output[s][o]: s ascending from +0. The parameters take a step by it.
template <Optimizer OPTIMIZER>
__device__ __forceinline__ void linear_update(UpdateProduct::Memory& memory, const Task& task, const Batch& batch, unsigned tile) {
    constexpr unsigned EACH = Throughput::EACH;
    const TilePlace place(tile, Throughput::SIDE, task.inputs);
    const Matrix grad_output{task.grad_output, task.outputs, task.outputs, task.grad_output_is_settled()};
    const Matrix input{task.input, task.inputs, task.inputs, task.input_is_settled()};
    const UpdateProduct product{memory, grad_output, input, place, batch.samples, Throughput(false)};

    // Whole groups of four columns are there, or none of a group.
    const bool is_whole = is_aligned(task);
    const unsigned columns_left = task.inputs - place.column - EACH * product.thread.column;
    const unsigned count = product.column(0) < task.inputs ? (columns_left < EACH ? columns_left : EACH) : 0;
    const Rule rule = batch.rule;
    const auto index = [&](unsigned i) { return size_t(product.row(i)) * task.inputs + product.column(0); };

    // Those of the biases are a thread's each, in the first column of tiles.
    const unsigned o = place.row + threadIdx.x;
    const bool has_bias = place.column == 0 && threadIdx.x < Throughput::SIDE && o < task.outputs;
    const size_t bias = task.weights() + o;
    float bias_grad = 0.0f;

    bool is_stopped = true;
    Parameters<OPTIMIZER, EACH> before[EACH];
    product.run(
        [&] {
            is_stopped = __ldcg(task.stopped) != 0;
            if constexpr (OPTIMIZER != Optimizer::None) {
#pragma unroll
                for (unsigned i = 0; i < EACH; ++i) {
                    if (product.row(i) < task.outputs && count > 0) {
                        before[i] = Parameters<OPTIMIZER, EACH>::read(task.own, index(i), count, is_whole);
                    }
                }
            }
        },
        [](unsigned) { return 0.0f; },
        [&](const auto& panel, unsigned terms) {
            if (has_bias) {
                for (unsigned term = 0; term < terms; ++term) {
                    bias_grad = add(bias_grad, panel.at(threadIdx.x, term));
                }
            }
        },
        [&](unsigned i, const float(&sums)[EACH]) {
            if (is_stopped) {
                return;
            }
            if constexpr (OPTIMIZER == Optimizer::None) {
                keep<EACH>(task, batch, index(i), count, is_whole, sums);
            } else {
                before[i].update(rule, task.own, index(i), count, is_whole, sums);
            }
        });
    if (has_bias && !is_stopped) {
        if constexpr (OPTIMIZER == Optimizer::None) {
            keep<1>(task, batch, bias, 1, false, {bias_grad});
        } else {
            update_one<OPTIMIZER>(rule, task.own, bias, bias_grad);
        }
    }
}

} // namespace selvedge
