// A batch's samples as the network's input (core/src/augment.rs, core/src/preparation).
#pragma once

#include "task.cuh"

namespace selvedge {

// What is done to one image.
struct Change {
    bool is_flipped;
    int right, down;
    // A square that is set to 0, none where its side is 0.
    int side, top, left;
};

// Image `index`'s seven draws of its epoch's stream.
__device__ inline Change drawn_change(const Context& context, u64 epoch, u64 index) {
    const Generator generator(context.seed, Purpose::Augmentation, epoch);
    const auto draw = [&](u64 number, unsigned bound) { return int(generator.below(7 * index + number, bound)); };
    const unsigned height = context.height, width = context.width, shortest = height < width ? height : width;
    const auto moved = [&](u64 number, unsigned length) {
        const int most = int(context.shift < length ? context.shift : length);
        return draw(number, 2 * most + 1) - most;
    };
    const unsigned largest = context.erase < shortest ? context.erase : shortest;
    Change change{};
    change.is_flipped = context.flip && draw(0, 2) == 1;
    change.right = moved(1, width);
    change.down = moved(2, height);
    if (largest > 0 && draw(3, 2) == 1) {
        change.side = 1 + draw(4, largest);
        change.top = draw(5, height - change.side + 1);
        change.left = draw(6, width - change.side + 1);
    }
    return change;
}

__device__ __forceinline__ bool is_within(int place, int first, int count) { return place >= first && place < first + count; }

// A pixel of an image's channel after the change.
__device__ inline float changed_pixel(const Context& context, const Change& change, const unsigned char* channel, int row, int column) {
    const int height = int(context.height), width = int(context.width);
    if (is_within(row, change.top, change.side) && is_within(column, change.left, change.side)) {
        return 0.0f;
    }
    row -= change.down;
    column -= change.right;
    if (!is_within(row, 0, height) || !is_within(column, 0, width)) {
        return 0.0f;
    }
    return normalized(channel[row * width + (change.is_flipped ? width - 1 - column : column)]);
}

template <typename Value> __device__ __forceinline__ Value value_in(const unsigned char* sample, unsigned i) {
    return reinterpret_cast<const Value*>(sample)[i];
}

// Value `i` of a sample, exactly.
__device__ __forceinline__ float number_in(Element element, const unsigned char* sample, unsigned i) {
    switch (element) {
    case Element::I8: return __int2float_rn(value_in<signed char>(sample, i));
    case Element::I16: return __int2float_rn(value_in<short>(sample, i));
    case Element::U16: return __uint2float_rn(value_in<unsigned short>(sample, i));
    case Element::F32: return value_in<float>(sample, i);
    default: return __uint2float_rn(sample[i]);
    }
}

__device__ __forceinline__ unsigned bytes_of(Element element) {
    return element == Element::F32 ? 4 : element == Element::I16 || element == Element::U16 ? 2 : 1;
}

// A block has a sample.
__device__ __forceinline__ void load(const Context& context, const Task& task, const Batch& batch, unsigned s, Change& shared) {
    if (s >= batch.samples) {
        return;
    }
    const unsigned place = batch.first + s, index = sample_in(context, place);
    const unsigned features = task.outputs, area = context.height * context.width;
    const unsigned char* sample = context.samples + size_t(index) * features * bytes_of(context.element);
    float* output = task.output + size_t(s) * features;
    if (context.scales) {
        for (unsigned i = threadIdx.x; i < features; i += THREADS) {
            const float* scale = context.scales + 2 * size_t(i * context.scale_step);
            output[i] = fma(number_in(context.element, sample, i), scale[0], scale[1]);
        }
        return;
    }
    // What is no image is not changed.
    if (area == 0) {
        for (unsigned i = threadIdx.x; i < features; i += THREADS) {
            output[i] = normalized(sample[i]);
        }
        return;
    }
    if (threadIdx.x == 0) {
        shared = drawn_change(context, batch.epoch, index);
    }
    __syncthreads();
    const Change change = shared;
    for (unsigned i = threadIdx.x; i < features; i += THREADS) {
        const unsigned place_in_channel = i % area;
        const int row = int(place_in_channel / context.width), column = int(place_in_channel % context.width);
        output[i] = changed_pixel(context, change, sample + (i - place_in_channel), row, column);
    }
}

} // namespace selvedge
