// The kernels: one for each kind of task, or for the kinds that run side by side. The host (cuda/src/schedule) says which tasks a launch has, and
// cuda/src/kernel.rs has the kernels' names.

#include "data.cuh"
#include "head.cuh"
#include "layers.cuh"
#include "loss.cuh"
#include "parameters.cuh"

namespace selvedge {

// A block's task, and its tile of that task.
struct Work {
    const Task& task;
    const unsigned tile;
};

// The blocks of a launch are its tasks' tiles, task after task.
__device__ __forceinline__ Work work_of(const Phase& phase) {
    unsigned i = 0, tile = blockIdx.x;
    for (; i + 1 < phase.count && tile >= phase.tasks[i].tiles; ++i) {
        tile -= phase.tasks[i].tiles;
    }
    return {phase.tasks[i], tile};
}

// Brings a sample. After the last batch there is nothing to load ahead.
__device__ __forceinline__ void load(Change& shared, const Context& context, const Task& task, unsigned index, unsigned batches, unsigned tile) {
    wait_for_launch_before();
    let_next_launch_begin(THREADS - 1);
    if (index + task.ahead < batches) {
        load(context, task, batch_of(context, index + task.ahead), tile, shared);
    }
}

union HeadOrLoad {
    HeadMemory head;
    Change change;
};

union LossOrLoad {
    Sample sample;
    Change change;
};

// The memory of a linear layer's backward pass: one task's at a time.
template <typename Tile> union Backward {
    typename InputGradProduct<Tile>::Memory input_grad;
    UpdateProduct::Memory update;
    float losses[MAX_CLASSES];
};

template <typename Tile, Optimizer OPTIMIZER>
__device__ __forceinline__ void linear_backward(Backward<Tile>& memory, const Context& context, const Phase& phase, unsigned index) {
    const Work work = work_of(phase);
    const Batch batch = batch_of(context, index);
    switch (work.task.kind) {
    case Kind::LinearInputGrad: return linear_input_grad<Tile>(memory.input_grad, work.task, batch, work.tile);
    case Kind::LinearUpdate: return linear_update<OPTIMIZER>(memory.update, work.task, batch, work.tile);
    default: // the batch's loss
        wait_for_launch_before();
        let_next_launch_begin(THREADS - 1);
        return batch_loss(context, work.task, index, batch, memory.losses);
    }
}

// The parameters of every kernel: what stays the same, the tasks, and which of how many batches of the launch it is.
#define KERNEL(name)                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) name(const __grid_constant__ Context context,                            \
                                                                  const __grid_constant__ Phase phase, [[maybe_unused]] unsigned index,\
                                                                  [[maybe_unused]] unsigned batches)

KERNEL(load_samples) {
    SHARED(Change, change);
    load(change, context, phase.tasks[0], index, batches, blockIdx.x);
}

// The forward pass of a linear layer.
#define LINEAR_FORWARD(name, Tile)                                                                                                    \
    KERNEL(linear_forward_##name) {                                                                                                   \
        SHARED(ForwardProduct<Tile>::Memory, memory);                                                                                 \
        linear_forward<Tile>(memory, phase.tasks[0], batch_of(context, index), blockIdx.x);                                           \
    }
LINEAR_FORWARD(latency, Latency)
LINEAR_FORWARD(throughput, Throughput)

// Gradients before linear layers, updates of linear layers, and the batch's loss.
#define LINEAR_BACKWARD(name, Tile, OPTIMIZER)                                                                                        \
    KERNEL(linear_backward_##name) {                                                                                                  \
        SHARED(Backward<Tile>, memory);                                                                                               \
        linear_backward<Tile, Optimizer::OPTIMIZER>(memory, context, phase, index);                                                   \
    }
#define LINEAR_BACKWARDS(name, OPTIMIZER)                                                                                             \
    LINEAR_BACKWARD(latency_##name, Latency, OPTIMIZER)                                                                               \
    LINEAR_BACKWARD(throughput_##name, Throughput, OPTIMIZER)
LINEAR_BACKWARDS(sgd, Sgd)
LINEAR_BACKWARDS(momentum, Momentum)
LINEAR_BACKWARDS(nesterov, Nesterov)
LINEAR_BACKWARDS(adam, Adam)
LINEAR_BACKWARDS(rms_prop, RmsProp)
LINEAR_BACKWARDS(rms_prop_momentum, RmsPropMomentum)
LINEAR_BACKWARDS(kept, None)

// The last layer with the loss, and the next batch's samples.
KERNEL(linear_head) {
    SHARED(HeadOrLoad, memory);
    const Work work = work_of(phase);
    if (work.task.kind == Kind::Load) {
        return load(memory.change, context, work.task, index, batches, work.tile);
    }
    head(memory.head, context, work.task, batch_of(context, index), work.tile);
}

// The loss alone, and the next batch's samples.
KERNEL(sample_losses) {
    SHARED(LossOrLoad, memory);
    const Work work = work_of(phase);
    if (work.task.kind == Kind::Load) {
        return load(memory.change, context, work.task, index, batches, work.tile);
    }
    wait_for_launch_before();
    loss(context, work.task, batch_of(context, index), work.tile, memory.sample);
}

KERNEL(batch_norm_forward) {
    wait_for_launch_before();
    batch_norm::forward(context, phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(batch_norm_backward) {
    wait_for_launch_before();
    if (!__ldcg(phase.tasks[0].stopped)) {
        batch_norm::backward(phase.tasks[0], batch_of(context, index), blockIdx.x);
    }
}

KERNEL(gelu_forward) {
    wait_for_launch_before();
    gelu::forward(phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(gelu_backward) {
    wait_for_launch_before();
    gelu::backward(phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(dropout_forward) {
    wait_for_launch_before();
    dropout::forward(context, phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(dropout_backward) {
    wait_for_launch_before();
    dropout::backward(context, phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(log_softmax_forward) {
    wait_for_launch_before();
    log_softmax::forward(phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(log_softmax_backward) {
    wait_for_launch_before();
    log_softmax::backward(phase.tasks[0], batch_of(context, index), blockIdx.x);
}

KERNEL(norm_blocks) {
    SHARED(NormSums, sums);
    wait_for_launch_before();
    if (batch_of(context, index).is_last) {
        norm_block(context, phase.tasks[0], blockIdx.x, sums);
    }
}

KERNEL(norm_total) {
    wait_for_launch_before();
    if (batch_of(context, index).is_last) {
        total_norm(context, phase.tasks[0], index);
    }
}

KERNEL(update) {
    const Work work = work_of(phase);
    wait_for_launch_before();
    const Batch batch = batch_of(context, index);
    if (batch.is_last && !__ldcg(work.task.stopped)) {
        update_by_kept(context, work.task, batch, work.tile);
    }
}

KERNEL(average) {
    wait_for_launch_before();
    const Batch batch = batch_of(context, index);
    if (batch.is_last && !__ldcg(phase.tasks[0].stopped)) {
        move_average(phase.tasks[0], batch, blockIdx.x);
    }
}

KERNEL_TABLE(load_samples, linear_forward_latency, linear_forward_throughput, linear_backward_latency_sgd, linear_backward_throughput_sgd,
             linear_backward_latency_momentum, linear_backward_throughput_momentum, linear_backward_latency_nesterov,
             linear_backward_throughput_nesterov, linear_backward_latency_adam, linear_backward_throughput_adam,
             linear_backward_latency_rms_prop, linear_backward_throughput_rms_prop, linear_backward_latency_rms_prop_momentum,
             linear_backward_throughput_rms_prop_momentum, linear_backward_latency_kept, linear_backward_throughput_kept, linear_head, sample_losses,
             batch_norm_forward, batch_norm_backward, gelu_forward, gelu_backward, dropout_forward, dropout_backward, log_softmax_forward,
             log_softmax_backward, norm_blocks, norm_total, update, average)

} // namespace selvedge
