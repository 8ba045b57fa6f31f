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

// Elements for which a panel has room.
constexpr unsigned PANEL = 2304;

// Panels of the two matrices: one is computed with while the next is on its way.
struct alignas(16) Panels {
    float a[2][PANEL], b[2][PANEL];
};

// What a thread brings of a matrix's panels: elements that are a step apart, so that neighbouring threads read neighbouring words.
template <unsigned SIDE> struct Carrier {
    static constexpr unsigned ROWS = SQUARE * SIDE;
    // A panel has so many terms that each thread brings EACH elements of it.
    static constexpr unsigned TERMS = 128 / SIDE, EACH = ROWS * TERMS / THREADS;
    // Rows start four banks apart.
    static constexpr unsigned STRIDE = TERMS + 4;
    static_assert(ROWS * STRIDE <= PANEL, "a panel has room");

    const float* values;
    // From one element to the next, in the matrix and in the panel.
    unsigned step, panel_step;
    // From one panel to the next.
    unsigned advance;
    // The first element's place in the panel.
    unsigned place;
    // Rows that exist from its own on, and terms before it.
    unsigned rows, term;
    bool is_by_rows;

    __device__ __forceinline__ Carrier(const Matrix& matrix, unsigned first_row) {
        is_by_rows = matrix.term_stride == 1;
        const unsigned row = is_by_rows ? threadIdx.x / TERMS : threadIdx.x % ROWS;
        term = is_by_rows ? threadIdx.x % TERMS : threadIdx.x / ROWS;
        rows = first_row + row < matrix.rows ? matrix.rows - first_row - row : 0;
        values = matrix.values + size_t(first_row + row) * matrix.row_stride + size_t(term) * matrix.term_stride;
        step = is_by_rows ? THREADS / TERMS * matrix.row_stride : THREADS / ROWS * matrix.term_stride;
        panel_step = is_by_rows ? THREADS / TERMS * STRIDE : THREADS / ROWS;
        advance = TERMS * matrix.term_stride;
        place = row * STRIDE + term;
    }

    // The elements of the panel that begins with term `first`, of so many terms.
    __device__ __forceinline__ void bring(float (&elements)[EACH], unsigned first, unsigned terms) {
        const unsigned left = first + term < terms ? terms - first - term : 0;
        // How many of the elements exist.
        const unsigned by_rows = left > 0 ? (rows + THREADS / TERMS - 1) / (THREADS / TERMS) : 0;
        const unsigned by_terms = rows > 0 ? (left + THREADS / ROWS - 1) / (THREADS / ROWS) : 0;
        const unsigned count = is_by_rows ? by_rows : by_terms;
#pragma unroll
        for (unsigned i = 0; i < EACH; ++i) {
            elements[i] = i < count ? __ldcg(values + size_t(i) * step) : 0.0f;
        }
        values += advance;
    }

    __device__ __forceinline__ void put(const float (&elements)[EACH], float* panel) const {
#pragma unroll
        for (unsigned i = 0; i < EACH; ++i) {
            panel[place + i * panel_step] = elements[i];
        }
    }
};

// A tile of (16 · SIDE)² result elements: result[row][column] = start(column) + Σ a[row][term] · b[column][term], one chain of fused
// multiply-adds for each, terms ascending. `finish(row, columns, sums, exist)` takes a row of a thread's. Every thread of the block calls it.
//
// Weights change from launch to launch, or within one, so memory is read past the first cache.
template <unsigned SIDE, typename Start, typename Finish>
__device__ __forceinline__ void product_tile(Panels& panels, const Matrix& a, const Matrix& b, unsigned first_row,
                                             unsigned first_column, unsigned terms, Start start, Finish finish) {
    using Carrier = Carrier<SIDE>;
    constexpr unsigned TERMS = Carrier::TERMS, STRIDE = Carrier::STRIDE;
    // A chain waits for each of its links: where a thread has few chains, words are read ahead.
    [[maybe_unused]] constexpr unsigned AHEAD = (8 + SIDE * SIDE - 1) / (SIDE * SIDE);

    // A warp is four rows and eight columns of threads, so that few different words are read at a time.
    const unsigned thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const unsigned my_row = warp / 2 * 4 + lane / 8, my_column = warp % 2 * 8 + lane % 8;

    float sums[SIDE][SIDE];
#pragma unroll
    for (unsigned j = 0; j < SIDE; ++j) {
        const unsigned column = first_column + my_column + SQUARE * j;
        const float value = column < b.rows ? start(column) : 0.0f;
#pragma unroll
        for (unsigned i = 0; i < SIDE; ++i) {
            sums[i][j] = value;
        }
    }

    Carrier carrier_a(a, first_row), carrier_b(b, first_column);
    float next_a[Carrier::EACH], next_b[Carrier::EACH];
    carrier_a.bring(next_a, 0, terms);
    carrier_b.bring(next_b, 0, terms);
    unsigned side = 0;
    for (unsigned first = 0; first < terms; first += TERMS, side ^= 1) {
        float *panel_a = panels.a[side], *panel_b = panels.b[side];
        carrier_a.put(next_a, panel_a);
        carrier_b.put(next_b, panel_b);
        __syncthreads();
        if (first + TERMS < terms) {
            carrier_a.bring(next_a, first + TERMS, terms);
            carrier_b.bring(next_b, first + TERMS, terms);
        }
        const float* my_a = panel_a + my_row * STRIDE;
        const float* my_b = panel_b + my_column * STRIDE;
        const unsigned left = terms - first, count = left < TERMS ? left : TERMS, whole = count / 4 * 4;
#pragma unroll(AHEAD)
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
#pragma unroll 1
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
        unsigned columns[SIDE];
        bool exist[SIDE];
#pragma unroll
        for (unsigned j = 0; j < SIDE; ++j) {
            columns[j] = first_column + my_column + SQUARE * j;
            exist[j] = row < a.rows && columns[j] < b.rows;
        }
        finish(row, columns, sums[i], exist);
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
