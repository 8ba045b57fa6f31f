// One tile of a product of two matrices, in the contract's order.
#pragma once

#include "arithmetic.cuh"

namespace selvedge {

// The order of a matrix in memory: term after term of each row, or row after row of each term.
enum class Order { ByRow, ByTerm };

// A matrix of rows of terms. Its lines, which are rows or terms by its `Order`, begin `stride` elements apart.
struct Matrix {
    const float* values;
    unsigned rows, stride;
    // Its values were there before the launch before this one began.
    bool is_settled;

    // Four elements are brought at once where that is possible.
    __device__ __forceinline__ bool is_aligned() const { return reinterpret_cast<size_t>(values) % 16 == 0 && stride % 4 == 0; }
};

// Some terms of some rows in shared memory, in the matrix's own order.
template <Order ORDER, unsigned ROWS, unsigned TERMS> struct Panel {
    static constexpr bool IS_BY_ROW = ORDER == Order::ByRow;
    static constexpr unsigned LINES = IS_BY_ROW ? ROWS : TERMS, WORDS = IS_BY_ROW ? TERMS : ROWS;
    // Threads read the same terms of several rows: rows that follow each other begin in other banks.
    static constexpr unsigned STRIDE = IS_BY_ROW ? TERMS + 4 : ROWS;
    static_assert(WORDS % 4 == 0 && (!IS_BY_ROW || STRIDE / 4 % 2 == 1), "16 bytes are read at once, from all banks");

    alignas(16) float values[LINES * STRIDE];

    // Begins to bring the part of a matrix from `first_row` and `first_term` on. `COPIERS` threads share the work; `copier` is the calling one's
    // number. What does not exist is not brought.
    template <unsigned COPIERS>
    __device__ __forceinline__ void bring(const Matrix& matrix, unsigned first_row, unsigned first_term, unsigned terms, unsigned copier) {
        constexpr unsigned PIECES = WORDS / 4;
        const unsigned rows_left = matrix.rows - first_row, terms_left = terms - first_term;
        const unsigned lines_left = IS_BY_ROW ? rows_left : terms_left, words_left = IS_BY_ROW ? terms_left : rows_left;
        const unsigned first_line = IS_BY_ROW ? first_row : first_term, first_word = IS_BY_ROW ? first_term : first_row;
        const float* first = matrix.values + size_t(first_line) * matrix.stride + first_word;
        const auto from = [&](unsigned line, unsigned word) { return first + size_t(line) * matrix.stride + word; };
        // Past the first cache, as all that changes from launch to launch.
        if (!matrix.is_aligned()) {
#pragma unroll 1
            for (unsigned i = copier; i < LINES * WORDS; i += COPIERS) {
                const unsigned line = i / WORDS, word = i % WORDS;
                if (line < lines_left && word < words_left) {
                    values[line * STRIDE + word] = __ldcg(from(line, word));
                }
            }
            return;
        }
#pragma unroll
        for (unsigned i = 0; i < (LINES * PIECES + COPIERS - 1) / COPIERS; ++i) {
            const unsigned piece = copier + i * COPIERS, line = piece / PIECES, word = piece % PIECES * 4;
            if (line < LINES && line < lines_left && word < words_left) {
                __pipeline_memcpy_async(values + line * STRIDE + word, from(line, word), 16);
            }
        }
    }

    // Row `i` of the `EACH` rows that belong to the thread in place `mine` of its `ROWS / EACH` fellows.
    template <unsigned EACH> static __device__ __forceinline__ unsigned row(unsigned mine, unsigned i) {
        return IS_BY_ROW ? mine + i * (ROWS / EACH) : EACH * mine + i;
    }

    // Four terms of a thread's rows.
    template <unsigned EACH> __device__ __forceinline__ void read(float (&numbers)[EACH][4], unsigned mine, unsigned term) const {
        if constexpr (IS_BY_ROW) {
#pragma unroll
            for (unsigned i = 0; i < EACH; ++i) {
                const float4 four = *reinterpret_cast<const float4*>(values + row<EACH>(mine, i) * STRIDE + term);
                numbers[i][0] = four.x, numbers[i][1] = four.y, numbers[i][2] = four.z, numbers[i][3] = four.w;
            }
        } else {
#pragma unroll
            for (unsigned j = 0; j < 4; ++j) {
                const float* line = values + (term + j) * STRIDE + EACH * mine;
                if constexpr (EACH == 4) {
                    const float4 four = *reinterpret_cast<const float4*>(line);
                    numbers[0][j] = four.x, numbers[1][j] = four.y, numbers[2][j] = four.z, numbers[3][j] = four.w;
                } else {
                    static_assert(EACH == 2, "a thread has two or four rows");
                    const float2 two = *reinterpret_cast<const float2*>(line);
                    numbers[0][j] = two.x, numbers[1][j] = two.y;
                }
            }
        }
    }

    // One term of a row.
    __device__ __forceinline__ float at(unsigned row, unsigned term) const {
        return values[IS_BY_ROW ? row * STRIDE + term : term * STRIDE + row];
    }
};

// A bit of a number, moved to another place.
__device__ __forceinline__ unsigned bit(unsigned number, unsigned from, unsigned to) { return (number >> from & 1) << to; }

// A tile for products of a few results, which wait for their chains: two warps compute, each on a scheduler of its own, and warps on the
// other two schedulers bring what is needed.
struct Latency {
    static constexpr unsigned SIDE = 16, EACH = 2, TERMS = 112, STAGES = 3, UNROLLED = 16, COPIERS = 4 * WARP;

    // The calling thread's place among those that compute, in which neighbours read the same 16 bytes; and its number among those that copy.
    // And a thread of a warp that does neither.
    unsigned row, column, copier, spare;
    bool computes, copies;

    // Blocks of both halves of the tiles share a multiprocessor, if there are so many: theirs are other schedulers.
    __device__ __forceinline__ explicit Latency(bool is_later_half) {
        const unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, pair = warp / 2;
        row = bit(lane, 1, 0) | bit(lane, 3, 1) | bit(lane, 4, 2);
        column = bit(lane, 0, 0) | bit(lane, 2, 1) | bit(warp, 0, 2);
        computes = pair == is_later_half;
        copies = pair % 2 != is_later_half;
        copier = lane + WARP * (warp % 2) + 2 * WARP * (pair / 2);
        spare = (is_later_half ? 6 : 4) * WARP;
    }
};

// A tile for products of many results: all threads compute and bring.
struct Throughput {
    static constexpr unsigned SIDE = 64, EACH = 4, TERMS = 16, STAGES = 4, UNROLLED = 4, COPIERS = THREADS;
    static constexpr unsigned spare = THREADS - 1;
    static constexpr bool computes = true, copies = true;

    unsigned row, column, copier;

    __device__ __forceinline__ explicit Throughput(bool) {
        const unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
        row = bit(lane, 1, 0) | bit(lane, 3, 1) | warp / 2 << 2;
        column = bit(lane, 0, 0) | bit(lane, 2, 1) | bit(lane, 4, 2) | bit(warp, 0, 3);
        copier = threadIdx.x;
    }
};

// The place of a tile among those that cover a result of so many columns, row by row.
struct TilePlace {
    unsigned row, column;

    __device__ __forceinline__ TilePlace(unsigned tile, unsigned side, unsigned columns) {
        const unsigned in_a_row = (columns + side - 1) / side;
        row = tile / in_a_row * side;
        column = tile % in_a_row * side;
    }
};

// result[row][column] = start(column) + Σ a[row][term] · b[column][term], one chain of fused multiply-adds for each, terms ascending.
template <typename Tile, Order ORDER_A, Order ORDER_B> struct Product {
    static constexpr unsigned SIDE = Tile::SIDE, EACH = Tile::EACH, TERMS = Tile::TERMS, STAGES = Tile::STAGES;
    // Stages that are on their way while one is computed with.
    static constexpr unsigned AHEAD = STAGES - 1;

    using PanelA = Panel<ORDER_A, SIDE, TERMS>;
    using PanelB = Panel<ORDER_B, SIDE, TERMS>;

    struct Stage {
        PanelA a;
        PanelB b;
    };
    struct Memory {
        Stage stages[STAGES];
    };

    Memory& memory;
    const Matrix a, b;
    const TilePlace place;
    const unsigned terms;
    const Tile thread;

    // Row `i` and column `i` of the calling thread's results.
    __device__ __forceinline__ unsigned row(unsigned i) const { return place.row + PanelA::template row<EACH>(thread.row, i); }
    __device__ __forceinline__ unsigned column(unsigned i) const { return place.column + PanelB::template row<EACH>(thread.column, i); }

    // Computes the tile. Every thread of the block calls it. After the wait for the launch before, `begin()` is called; each thread that has
    // results calls start(j) for each of its columns, and at the end finish(i, sums) for each of its rows. All threads call each(panel, count) for each
    // panel of `a` and the terms in it.
    template <typename Begin, typename Start, typename Each, typename Finish>
    __device__ __forceinline__ void run(Begin begin, Start start, Each each, Finish finish) const {
        const unsigned stages = (terms + TERMS - 1) / TERMS;
#pragma unroll 1
        for (unsigned stage = 0; stage < AHEAD; ++stage) {
            bring(stage, stages, a.is_settled, b.is_settled);
        }
        wait_for_launch_before();
#pragma unroll 1
        for (unsigned stage = 0; stage < AHEAD; ++stage) {
            bring(stage, stages, !a.is_settled, !b.is_settled);
            __pipeline_commit();
        }
        begin();
        let_next_launch_begin(thread.spare);
        const bool computes = thread.computes && row(0) < a.rows && column(0) < b.rows;
        float sums[EACH][EACH];
#pragma unroll
        for (unsigned j = 0; j < EACH; ++j) {
            const float value = computes && column(j) < b.rows ? start(j) : 0.0f;
#pragma unroll
            for (unsigned i = 0; i < EACH; ++i) {
                sums[i][j] = value;
            }
        }
#pragma unroll 1
        for (unsigned stage = 0; stage < stages; ++stage) {
            __pipeline_wait_prior(AHEAD - 1);
            __syncthreads();
            bring(stage + AHEAD, stages, true, true);
            __pipeline_commit();
            const Stage& here = memory.stages[stage % STAGES];
            const unsigned left = terms - stage * TERMS, count = left < TERMS ? left : TERMS;
            each(here.a, count);
            if (computes) {
                add(here, count, sums);
            }
        }
        if (computes) {
#pragma unroll
            for (unsigned i = 0; i < EACH; ++i) {
                if (row(i) < a.rows) {
                    finish(i, sums[i]);
                }
            }
        }
    }

  private:
    // Begins to bring a stage's panels, as far as they are asked for.
    __device__ __forceinline__ void bring(unsigned stage, unsigned stages, bool brings_a, bool brings_b) const {
        if (!thread.copies || stage >= stages) {
            return;
        }
        Stage& there = memory.stages[stage % STAGES];
        if (brings_a) {
            there.a.template bring<Tile::COPIERS>(a, place.row, stage * TERMS, terms, thread.copier);
        }
        if (brings_b) {
            there.b.template bring<Tile::COPIERS>(b, place.column, stage * TERMS, terms, thread.copier);
        }
    }

    // Adds a stage's first `count` terms.
    __device__ __forceinline__ void add(const Stage& here, unsigned count, float (&sums)[EACH][EACH]) const {
        unsigned term = 0;
        if (count == TERMS) {
            return add_terms<TERMS>(here, 0, sums);
        }
#pragma unroll 1
        for (; term + Tile::UNROLLED <= count; term += Tile::UNROLLED) {
            add_terms<Tile::UNROLLED>(here, term, sums);
        }
        // A term that does not exist must not be added, not even as zero: −0 would become +0.
#pragma unroll 1
        for (; term < count; ++term) {
#pragma unroll
            for (unsigned i = 0; i < EACH; ++i) {
#pragma unroll
                for (unsigned j = 0; j < EACH; ++j) {
                    const float x = here.a.at(PanelA::template row<EACH>(thread.row, i), term);
                    const float y = here.b.at(PanelB::template row<EACH>(thread.column, j), term);
                    sums[i][j] = fma(x, y, sums[i][j]);
                }
            }
        }
    }

    template <unsigned COUNT> __device__ __forceinline__ void add_terms(const Stage& here, unsigned first, float (&sums)[EACH][EACH]) const {
#pragma unroll
        for (unsigned term = 0; term < COUNT; term += 4) {
            float x[EACH][4], y[EACH][4];
            here.a.template read<EACH>(x, thread.row, first + term);
            here.b.template read<EACH>(y, thread.column, first + term);
#pragma unroll
            for (unsigned k = 0; k < 4; ++k) {
#pragma unroll
                for (unsigned i = 0; i < EACH; ++i) {
#pragma unroll
                    for (unsigned j = 0; j < EACH; ++j) {
                        sums[i][j] = fma(x[i][k], y[j][k], sums[i][j]);
                    }
                }
            }
        }
    }
};

} // namespace selvedge
