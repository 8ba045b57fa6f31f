// The kernels' entry points. The host (cuda/src/schedule.rs) says which tasks there are, and which may run side by side.

#include "data.cuh"
#include "layers.cuh"
#include "loss.cuh"
#include "parameters.cuh"

namespace selvedge {

// A block's shared memory: one task's at a time.
union Shared {
    struct {
        Panels panels;
        Sample sample;
    } head;
    Change change;
};

// One tile of a task on the batches of a launch. A run whose loss is no number changes nothing any more.
__device__ __forceinline__ void run_tile(Shared& shared, const Context& context, const Task& task, unsigned index, unsigned batches,
                                         unsigned tile) {
    const unsigned at = index + task.ahead;
    // After the last batch there is nothing to load ahead.
    if (at >= batches) {
        return;
    }
    const Batch& batch = context.batches[at];
    Panels& panels = shared.head.panels;
    Sample& sample = shared.head.sample;
    const bool is_stopped = __ldcg(context.stopped) != 0;
    switch (task.kind) {
    case Kind::Load: return load(context, task, batch, tile, shared.change);
    case Kind::LinearForward:
        switch (task.side) {
        case 1: return linear_forward<1>(panels, task, batch, tile);
        case 2: return linear_forward<2>(panels, task, batch, tile);
        default: return linear_forward<4>(panels, task, batch, tile);
        }
    case Kind::LinearInputGrad:
        switch (task.side) {
        case 1: return linear_input_grad<1>(panels, task, batch, tile);
        case 2: return linear_input_grad<2>(panels, task, batch, tile);
        default: return linear_input_grad<4>(panels, task, batch, tile);
        }
    case Kind::LinearUpdate:
        if (is_stopped) {
            return;
        }
        switch (task.side) {
        case 1: return linear_update<1>(panels, task, batch, tile);
        case 2: return linear_update<2>(panels, task, batch, tile);
        default: return linear_update<4>(panels, task, batch, tile);
        }
    case Kind::BatchNormForward: return batch_norm::forward(context, task, batch, tile);
    case Kind::BatchNormBackward: return is_stopped ? void() : batch_norm::backward(task, batch, tile);
    case Kind::GeluForward: return gelu_forward(task, batch, tile);
    case Kind::GeluBackward: return gelu_backward(task, batch, tile);
    case Kind::DropoutForward: return dropout_forward(context, task, batch, tile);
    case Kind::DropoutBackward: return dropout_backward(context, task, batch, tile);
    case Kind::LogSoftmaxForward: return log_softmax_forward(task, batch, tile);
    case Kind::LogSoftmaxBackward: return log_softmax_backward(task, batch, tile);
    case Kind::Loss: return loss(context, task, batch, tile, sample);
    case Kind::Head: return head(panels, context, task, batch, tile, sample);
    case Kind::BatchLoss: return batch_loss(context, at, batch, sample.logits);
    case Kind::NormBlocks: return batch.is_last ? norm_block(context, task, tile, sample.logits) : void();
    case Kind::NormTotal: return batch.is_last ? norm_total(context, task, at) : void();
    case Kind::Update: return batch.is_last && !is_stopped ? update_by_kept(context, task, batch, tile) : void();
    case Kind::Average: return batch.is_last && !is_stopped ? move_average(task, batch, tile) : void();
    }
}

// Tile `tile` of all the tiles that the phase's tasks have; false where it has no more.
__device__ __forceinline__ bool run_tile(Shared& shared, const Context& context, const Phase& phase, unsigned index, unsigned batches,
                                         unsigned tile) {
    for (unsigned i = 0; i < phase.count; ++i) {
        const unsigned tiles = phase.tasks[i].tiles;
        if (tile < tiles) {
            run_tile(shared, context, phase.tasks[i], index, batches, tile);
            return true;
        }
        tile -= tiles;
    }
    return false;
}

// Waits until every block of the grid is here. `arrivals` counts them over the whole launch, and never goes back.
__device__ __forceinline__ void grid_barrier(unsigned* arrivals) {
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        const unsigned before = atomicAdd(arrivals, 1u), target = before - before % gridDim.x + gridDim.x;
        while (*static_cast<volatile unsigned*>(arrivals) < target) {
            __nanosleep(20);
        }
        __threadfence();
    }
    __syncthreads();
}

// Some phases for batch `index`, one after the other, by all blocks of the grid.
__device__ __noinline__ void run_phases(Shared& shared, const Context& context, const Phase* phase, unsigned count, unsigned index,
                                        unsigned batches, unsigned* arrivals) {
    for (const Phase* end = phase + count; phase < end; ++phase) {
        for (unsigned tile = blockIdx.x; run_tile(shared, context, *phase, index, batches, tile); tile += gridDim.x) {
            __syncthreads();
        }
        grid_barrier(arrivals);
    }
}

} // namespace selvedge

// One phase for batch `index` of a launch's: as many blocks as its tasks have tiles.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    run_phase(const __grid_constant__ selvedge::Context context, const __grid_constant__ selvedge::Phase phase, unsigned index,
              unsigned batches) {
    SHARED(selvedge::Shared, shared);
    selvedge::run_tile(shared, context, phase, index, batches, blockIdx.x);
}

// All phases of all batches in one launch, whose blocks are all resident: `first` phases before the first batch, then for each batch `count`
// of even, or after those `count` of odd ones. `arrivals` is 0 before.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    run_batches(const __grid_constant__ selvedge::Context context, const selvedge::Phase* phases, unsigned first, unsigned count,
                unsigned batches, unsigned* arrivals) {
    SHARED(selvedge::Shared, shared);
    selvedge::run_phases(shared, context, phases, first, 0, batches, arrivals);
    for (unsigned index = 0; index < batches; ++index) {
        selvedge::run_phases(shared, context, phases + first + index % 2 * count, count, index, batches, arrivals);
    }
}

KERNEL_TABLE(run_phase, run_batches)
