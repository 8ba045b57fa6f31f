// The kernels' parameters; cuda/src/task has the same structures, field by field.
#pragma once

#include "activation.cuh"
#include "optimizer.cuh"
#include "random.cuh"

namespace selvedge {

// Work that blocks share out among each other by tiles.
enum class Kind : unsigned {
    Load,            // a batch's samples, changed and normalised
    LinearForward,   // a linear layer's outputs
    LinearInputGrad, // the gradient at the sums before it
    LinearUpdate,    // its parameters
    BatchNormForward,
    BatchNormBackward, // the gradient before it, its parameters and its running moments
    GeluForward,
    GeluBackward,
    DropoutForward,
    DropoutBackward,
    LogSoftmaxForward,
    LogSoftmaxBackward,
    Loss,        // each sample's part of the loss, and its gradient
    Head,        // a last linear layer of a few outputs, the loss, and the gradient before that layer, sample by sample
    BatchLoss,   // the terms of a batch's loss as one number; a sample has `outputs` terms
    NormBlocks,  // the squares of a gradient that was kept, block by block
    NormTotal,   // its norm, and what clips it
    Update,      // parameters, by a gradient that was kept
    Average,     // the moving average of the weights
};

// The numbers that samples' values are.
enum class Element : unsigned { U8, I8, I16, U16, F32 };

// The loss of the outputs.
enum class Loss : unsigned { CrossEntropy, BceWithLogits, Mse };

// One task. A layer's inputs and outputs are [samples][width], weights [outputs][inputs], all row by row.
struct Task {
    Kind kind;
    // Blocks that it takes.
    unsigned tiles;
    // Bits of what was there before the launch before this one began: 1 for the input, 2 for the gradient at the outputs, 4 for the parameters.
    unsigned settled;
    // The batch, counted from the launch's own: 1 for what is loaded ahead.
    unsigned ahead;
    // The activation of the outputs, and that of the inputs.
    Activation activation, input_activation;
    // Features in and out; of a task over a flat slice, its length is `outputs`.
    unsigned inputs, outputs;
    // Its place in the chain.
    unsigned layer;
    unsigned padding;
    const float* input;
    float* output;
    // At the sums before the activation.
    float* grad_output;
    float* grad_input;
    // The layer's own, in the flat model's order, and what the optimizer keeps for them.
    Place own;
    // Where the gradient is kept, or null.
    float* kept;
    // A word that is not 0 where nothing may change any more; and that which the batch's loss is to set, for what comes after it.
    const unsigned* stopped;
    unsigned* stops;

    __device__ __forceinline__ bool input_is_settled() const { return settled & 1; }
    __device__ __forceinline__ bool grad_output_is_settled() const { return settled >> 1 & 1; }
    __device__ __forceinline__ bool parameters_are_settled() const { return settled >> 2 & 1; }

    // The number of the layer's weights; its biases follow.
    __device__ __forceinline__ size_t weights() const { return size_t(inputs) * outputs; }
};

constexpr unsigned MAX_TASKS = 4;

// Tasks that may run side by side: one launch.
struct Phase {
    unsigned count;
    unsigned padding;
    Task tasks[MAX_TASKS];
};

// The host's part of one batch.
struct Batch {
    // Its number in the run: dropout's stream.
    u64 number;
    // The epoch: augmentation's stream.
    u64 epoch;
    // Its first sample's place in the order, and how many there are.
    unsigned first, samples;
    // Not 0 where it is its step's first, and its last.
    unsigned is_first, is_last;
    // The divisor of its sum of losses.
    float total_weight;
    // The part of the way that the average of the weights moves.
    float average;
    // Not 0 where the average starts from these weights.
    unsigned starts_average;
    Rule rule;
};

// The part that all launches of a run share.
struct Context {
    // A value for each feature; for each sample its class, or else a number for each output.
    const unsigned char* samples;
    const unsigned short* labels;
    const float* targets;
    // A scale and a shift for each feature, or once for all; null where a value is a byte that is divided by 255.
    const float* scales;
    // The weight of each class; null if all count the same.
    const float* class_weights;
    // The epoch's order of samples, or null for that of the file.
    const unsigned* order;
    const Batch* batches;
    // A batch's: a sample's loss, or for each output its loss, or where squares are added up its distance from the target.
    float* loss_terms;
    // In an evaluation, each sample's class as predicted, or else its outputs.
    unsigned short* classes;
    float* outputs;
    // One for each batch.
    float* losses;
    float* norms;
    // One for each block of a norm.
    float* partial_norms;
    // The factor of a clipped gradient.
    float* clip_scale;
    // The loss of the step so far.
    float* step_loss;
    u64 seed;
    // Draws of 16 bits below it drop a feature; what the others are multiplied by.
    unsigned dropout_threshold;
    float dropout_scale;
    float label_smoothing;
    // The longest gradient.
    float max_norm;
    // Augmentation: whether to flip, how far to shift, the largest square to erase.
    unsigned flip, shift, erase;
    // An image's rows and columns; 0 of samples that are none.
    unsigned height, width;
    // The numbers that values are.
    Element element;
    // From one feature's scale to the next one's: 0 where all have the same, else 1.
    unsigned scale_step;
    Loss loss;
    // Not 0 in an evaluation.
    unsigned predicts;
    unsigned padding;
};

// Batch `index` of a launch's. It is read past the first cache: the host brings other batches between launches.
__device__ __forceinline__ Batch batch_of(const Context& context, unsigned index) {
    static_assert(sizeof(Batch) % sizeof(u64) == 0, "a batch is whole words");
    u64 words[sizeof(Batch) / sizeof(u64)];
#pragma unroll
    for (unsigned i = 0; i < sizeof(Batch) / sizeof(u64); ++i) {
        words[i] = __ldcg(reinterpret_cast<const u64*>(context.batches + index) + i);
    }
    Batch batch;
    memcpy(&batch, words, sizeof batch);
    return batch;
}

// The number of the sample in a place of the epoch's order, which the host changes between launches too.
__device__ __forceinline__ unsigned sample_in(const Context& context, unsigned place) {
    return context.order ? __ldcg(context.order + place) : place;
}

// The weight of a class.
__device__ __forceinline__ float class_weight(const Context& context, unsigned class_) {
    return context.class_weights ? context.class_weights[class_] : 1.0f;
}

} // namespace selvedge
