// One tile of a product of two matrices, in the contract's order.
#pragma once

#include "arithmetic.cuh"

namespace selvedge {

// Threads in a row of a block, which is a square of them.
constexpr unsigned SQUARE = 16;

// A matrix of rows of terms, of which one of the strides is 1.
struct Matrix {
    const float* values;
    unsigned rows, row_stride, term_stride;
};

// Panels of the two matrices: one is computed with while the next is on its way.
struct alignas(16) Panels {
    float a[2][2304], b[2][2304];
};

// A tile of (16 · SIDE)² result elements: result[row][column] = start(column) + Σ a[row][term] · b[column][term], one chain of fused
// multiply-adds for each, terms ascending. `finish(row, column, sum)` takes each that exists. Every thread of the block calls it.
//
// Weights change from launch to launch, or within one, so memory is read past the first cache.
template <unsigned SIDE, typename Start, typename Finish>
__device__ __forceinline__ void product_tile(Panels& panels, const Matrix& a, const Matrix& b, unsigned first_row,
                                             unsigned first_column, unsigned terms, Start start, Finish finish) {
    constexpr unsigned ROWS = SQUARE * SIDE;
    // A panel has so many terms that each thread brings EACH elements of it.
    constexpr unsigned TERMS = 128 / SIDE, EACH = ROWS * TERMS / THREADS;
    // Rows start four banks apart.
    constexpr unsigned STRIDE = TERMS + 4;
    static_assert(ROWS * STRIDE <= 2304, "a panel has room");

    // A warp is four rows and eight columns of threads, so that few different words are read at a time.
    const unsigned thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const unsigned my_row = warp / 2 * 4 + lane / 8, my_column = warp % 2 * 8 + lane % 8;

    float sums[SIDE][SIDE];
    for (unsigned j = 0; j < SIDE; ++j) {
        const unsigned column = first_column + my_column + SQUARE * j;
        const float value = column < b.rows ? start(column) : 0.0f;
        for (unsigned i = 0; i < SIDE; ++i) {
            sums[i][j] = value;
        }
    }

    // Neighbouring threads read neighbouring words.
    auto place = [&](const Matrix& matrix, unsigned i, unsigned& row, unsigned& term) {
        const unsigned index = i * THREADS + thread;
        if (matrix.term_stride == 1) {
            row = index / TERMS, term = index % TERMS;
        } else {
            row = index % ROWS, term = index / ROWS;
        }
    };
    auto bring = [&](const Matrix& matrix, unsigned first, unsigned first_term, float (&values)[EACH]) {
#pragma unroll
        for (unsigned i = 0; i < EACH; ++i) {
            unsigned row, term;
            place(matrix, i, row, term);
            row += first, term += first_term;
            values[i] = row < matrix.rows && term < terms
                            ? __ldcg(matrix.values + size_t(row) * matrix.row_stride + size_t(term) * matrix.term_stride)
                            : 0.0f;
        }
    };
    auto put = [&](const Matrix& matrix, const float (&values)[EACH], float* panel) {
#pragma unroll
        for (unsigned i = 0; i < EACH; ++i) {
            unsigned row, term;
            place(matrix, i, row, term);
            panel[row * STRIDE + term] = values[i];
        }
    };

    float next_a[EACH], next_b[EACH];
    bring(a, first_row, 0, next_a);
    bring(b, first_column, 0, next_b);
    unsigned side = 0;
    for (unsigned first = 0; first < terms; first += TERMS, side ^= 1) {
        float *panel_a = panels.a[side], *panel_b = panels.b[side];
        put(a, next_a, panel_a);
        put(b, next_b, panel_b);
        __syncthreads();
        if (first + TERMS < terms) {
            bring(a, first_row, first + TERMS, next_a);
            bring(b, first_column, first + TERMS, next_b);
        }
        const float* my_a = panel_a + my_row * STRIDE;
        const float* my_b = panel_b + my_column * STRIDE;
        const unsigned left = terms - first, count = left < TERMS ? left : TERMS, whole = count / 4 * 4;
#pragma unroll 2
        for (unsigned term = 0; term < whole; term += 4) {
            float4 x[SIDE], y[SIDE];
#pragma unroll
            for (unsigned i = 0; i < SIDE; ++i) {
                x[i] = *reinterpret_cast<const float4*>(my_a + SQUARE * i * STRIDE + term);
                y[i] = *reinterpret_cast<const float4*>(my_b + SQUARE * i * STRIDE + term);
            }
#pragma unroll
            for (unsigned i = 0; i < SIDE; ++i) {
#pragma unroll
                for (unsigned j = 0; j < SIDE; ++j) {
                    float sum = fma(x[i].x, y[j].x, sums[i][j]);
                    sum = fma(x[i].y, y[j].y, sum);
                    sum = fma(x[i].z, y[j].z, sum);
                    sums[i][j] = fma(x[i].w, y[j].w, sum);
                }
            }
        }
        // A term that does not exist must not be added, not even as zero: −0 would become +0.
        for (unsigned term = whole; term < count; ++term) {
#pragma unroll
            for (unsigned i = 0; i < SIDE; ++i) {
#pragma unroll
                for (unsigned j = 0; j < SIDE; ++j) {
                    sums[i][j] = fma(my_a[SQUARE * i * STRIDE + term], my_b[SQUARE * j * STRIDE + term], sums[i][j]);
                }
            }
        }
    }

#pragma unroll
    for (unsigned i = 0; i < SIDE; ++i) {
        const unsigned row = first_row + my_row + SQUARE * i;
#pragma unroll
        for (unsigned j = 0; j < SIDE; ++j) {
            const unsigned column = first_column + my_column + SQUARE * j;
            if (row < a.rows && column < b.rows) {
                finish(row, column, sums[i][j]);
            }
        }
    }
}

// The place of a tile among those that cover a result of so many columns, row by row.
struct TilePlace {
    unsigned row, column;

    __device__ TilePlace(unsigned tile, unsigned side, unsigned columns) {
        const unsigned width = SQUARE * side, in_a_row = (columns + width - 1) / width;
        row = tile / in_a_row * width;
        column = tile % in_a_row * width;
    }
};

} // namespace selvedge
