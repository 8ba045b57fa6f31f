// A batch's images as the network's input (core/src/augment.rs).
#pragma once

#include "task.cuh"

namespace selvedge {

constexpr unsigned IMAGE_SIDE = 28, PIXELS = IMAGE_SIDE * IMAGE_SIDE;

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
    const int shift = int(context.shift < IMAGE_SIDE ? context.shift : IMAGE_SIDE);
    const unsigned largest = context.erase < IMAGE_SIDE ? context.erase : IMAGE_SIDE;
    Change change{};
    change.is_flipped = context.flip && draw(0, 2) == 1;
    change.right = draw(1, 2 * shift + 1) - shift;
    change.down = draw(2, 2 * shift + 1) - shift;
    if (largest > 0 && draw(3, 2) == 1) {
        change.side = 1 + draw(4, largest);
        change.top = draw(5, IMAGE_SIDE - change.side + 1);
        change.left = draw(6, IMAGE_SIDE - change.side + 1);
    }
    return change;
}

__device__ __forceinline__ bool is_within(int place, int first, int count) { return place >= first && place < first + count; }

__device__ inline float changed_pixel(const Change& change, const unsigned char* image, int row, int column) {
    if (is_within(row, change.top, change.side) && is_within(column, change.left, change.side)) {
        return 0.0f;
    }
    row -= change.down;
    column -= change.right;
    if (!is_within(row, 0, IMAGE_SIDE) || !is_within(column, 0, IMAGE_SIDE)) {
        return 0.0f;
    }
    return normalized(image[row * int(IMAGE_SIDE) + (change.is_flipped ? int(IMAGE_SIDE) - 1 - column : column)]);
}

// A block has a sample.
__device__ __noinline__ void load(const Context& context, const Task& task, const Batch& batch, unsigned s, Change& shared) {
    if (s >= batch.samples) {
        return;
    }
    const unsigned place = batch.first + s, index = context.order ? context.order[place] : place;
    if (threadIdx.x == 0) {
        shared = drawn_change(context, batch.epoch, index);
    }
    __syncthreads();
    const Change change = shared;
    const unsigned char* image = context.images + size_t(index) * PIXELS;
    for (unsigned i = threadIdx.x; i < PIXELS; i += THREADS) {
        task.output[size_t(s) * PIXELS + i] = changed_pixel(change, image, int(i / IMAGE_SIDE), int(i % IMAGE_SIDE));
    }
}

} // namespace selvedge
