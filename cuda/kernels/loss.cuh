// The loss of outputs that were computed before (core/src/loss).
#pragma once

#include "task.cuh"

namespace selvedge {

// Classes for which a block has room; of more, it has a part at a time.
constexpr unsigned MAX_CLASSES = 1024;

// One sample's, in a block's shared memory.
struct Sample {
    float logits[MAX_CLASSES], values[MAX_CLASSES];
    float largest, sum;
};

// The first of the largest; a NaN is never the largest.
template <typename Logits> __device__ __forceinline__ unsigned predicted_class(Logits logits, unsigned classes) {
    unsigned best = 0;
    float largest = 0.0f;
    bool is_found = false;
    for (unsigned j = 0; j < classes; ++j) {
        const float logit = logits(j);
        if (logit == logit && (!is_found || logit > largest)) {
            best = j;
            largest = logit;
            is_found = true;
        }
    }
    return best;
}

// A sample's cross-entropy from its logits and, in training, the gradient at the sums before the activation, to memory and, where there is room for
// all classes, into `values`. Every thread of the block calls it; the logits are there for all of them.
template <typename Logits>
__device__ __forceinline__ void cross_entropy(const Context& context, const Task& task, const Batch& batch, unsigned s, Sample& sample,
                                              Logits logits) {
    const unsigned classes = task.outputs, thread = threadIdx.x;
    if (thread == 0) {
        float largest = __uint_as_float(0xff800000u);
        for (unsigned j = 0; j < classes; ++j) {
            const float logit = logits(j);
            largest = logit > largest ? logit : largest;
        }
        sample.largest = largest;
    }
    __syncthreads();
    const float largest = sample.largest;
    float sum = 0.0f;
    for (unsigned first = 0; first < classes; first += MAX_CLASSES) {
        const unsigned left = classes - first, count = left < MAX_CLASSES ? left : MAX_CLASSES;
        for (unsigned i = thread; i < count; i += THREADS) {
            sample.values[i] = exponential(sub(logits(first + i), largest));
        }
        __syncthreads();
        if (thread == 0) {
            for (unsigned i = 0; i < count; ++i) {
                sum = add(sum, sample.values[i]);
            }
        }
        __syncthreads();
    }

    const unsigned place = batch.first + s, index = sample_in(context, place);
    const unsigned target = context.labels[index];
    const float smoothing = context.label_smoothing, share_of_all = div(smoothing, __uint2float_rn(classes));
    const float confidence = mul(sub(1.0f, smoothing), class_weight(context, target));
    const auto share = [&](unsigned j) { return mul(share_of_all, class_weight(context, j)); };
    if (thread == 0) {
        const float log_sum_exp = add(largest, logarithm(sum));
        float loss = mul(confidence, sub(log_sum_exp, logits(target)));
        if (smoothing != 0.0f) {
            for (unsigned j = 0; j < classes; ++j) {
                loss = fma(share(j), sub(log_sum_exp, logits(j)), loss);
            }
        }
        context.loss_terms[s] = loss;
        sample.sum = sum;
        if (context.classes) {
            context.classes[place] = static_cast<unsigned short>(predicted_class(logits, classes));
        }
    }
    if (!task.grad_output) {
        return;
    }
    __syncthreads();
    float weight = confidence;
    if (smoothing != 0.0f) {
        for (unsigned j = 0; j < classes; ++j) {
            weight = add(weight, share(j));
        }
    }
    const bool has_room = classes <= MAX_CLASSES;
    for (unsigned j = thread; j < classes; j += THREADS) {
        const float value = has_room ? sample.values[j] : exponential(sub(logits(j), largest));
        const float probability = div(value, sample.sum);
        float grad = smoothing == 0.0f ? mul(probability, confidence) : fma(probability, weight, -share(j));
        if (j == target) {
            grad = sub(grad, confidence);
        }
        grad = activation_grad(task.activation, logits(j), div(grad, batch.total_weight));
        if (has_room) {
            sample.values[j] = grad;
        }
        task.grad_output[size_t(s) * classes + j] = grad;
    }
}

// An output's term of the loss, and the gradient there by the batch's weight.
struct Term {
    float loss, grad;
};

// Binary cross-entropy of a logit.
__device__ inline Term bce_with_logits(float z, float target) {
    const float e = exponential(with_sign_of(z, -1.0f)), u = add(1.0f, e);
    const float ln_u = u == 1.0f ? e : div(mul(logarithm(u), e), sub(u, 1.0f));
    const bool is_negative = z < 0.0f;
    const float loss = add(fma(sub(1.0f, target), z, is_negative ? -z : 0.0f), ln_u);
    return {loss, sub(div(is_negative ? e : 1.0f, u), target)};
}

// The distance, whose square is the loss.
__device__ __forceinline__ Term squared_error(float output, float target) {
    const float distance = sub(output, target);
    return {distance, add(distance, distance)};
}

// A sample's terms of a loss of numbers, each output by itself.
__device__ __forceinline__ void loss_of_numbers(const Context& context, const Task& task, const Batch& batch, unsigned s) {
    const unsigned outputs = task.outputs, place = batch.first + s;
    const size_t own = size_t(s) * outputs, of_set = size_t(place) * outputs;
    const float* targets = context.targets + size_t(sample_in(context, place)) * outputs;
    for (unsigned j = threadIdx.x; j < outputs; j += THREADS) {
        const float output = __ldcg(task.output + own + j);
        const Term term = context.loss == Loss::Mse ? squared_error(output, targets[j]) : bce_with_logits(output, targets[j]);
        context.loss_terms[own + j] = term.loss;
        if (context.outputs) {
            context.outputs[of_set + j] = output;
        }
        if (task.grad_output) {
            task.grad_output[own + j] = activation_grad(task.activation, output, div(term.grad, batch.total_weight));
        }
    }
}

// A block has a sample, whose outputs were computed before.
__device__ __forceinline__ void loss(const Context& context, const Task& task, const Batch& batch, unsigned s, Sample& sample) {
    if (s >= batch.samples) {
        return;
    }
    if (context.loss != Loss::CrossEntropy) {
        return loss_of_numbers(context, task, batch, s);
    }
    const float* outputs = task.output + size_t(s) * task.outputs;
    if (task.outputs > MAX_CLASSES) {
        cross_entropy(context, task, batch, s, sample, [&](unsigned j) { return __ldcg(outputs + j); });
        return;
    }
    for (unsigned j = threadIdx.x; j < task.outputs; j += THREADS) {
        sample.logits[j] = __ldcg(outputs + j);
    }
    __syncthreads();
    cross_entropy(context, task, batch, s, sample, [&](unsigned j) { return sample.logits[j]; });
}

// The terms of the loss, or their squares, added up ascending and divided by the batch's weight. All threads bring them, and one thread adds.
__device__ __forceinline__ void batch_loss(const Context& context, const Task& task, unsigned index, const Batch& batch,
                                           float (&losses)[MAX_CLASSES]) {
    const bool is_squared = context.loss == Loss::Mse;
    const size_t terms = size_t(batch.samples) * task.outputs;
    float sum = 0.0f;
    for (size_t first = 0; first < terms; first += MAX_CLASSES) {
        const size_t left = terms - first;
        const unsigned count = left < MAX_CLASSES ? unsigned(left) : MAX_CLASSES;
        for (unsigned i = threadIdx.x; i < count; i += THREADS) {
            losses[i] = __ldcg(context.loss_terms + first + i);
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            for (unsigned i = 0; i < count; ++i) {
                sum = is_squared ? fma(losses[i], losses[i], sum) : add(sum, losses[i]);
            }
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        const float loss = div(sum, batch.total_weight);
        const float of_step = batch.is_first ? loss : add(__ldcg(context.step_loss), loss);
        context.losses[index] = loss;
        *context.step_loss = of_step;
        *task.stops = __ldcg(task.stopped) != 0 || !is_finite(of_step);
    }
}

} // namespace selvedge
