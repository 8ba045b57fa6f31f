// The arithmetic contract (core/src/arithmetic), operation by operation: every rounding is spelled out, and nothing is left to contraction.
#pragma once

#include "platform.cuh"

namespace selvedge {

__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float sub(float a, float b) { return __fsub_rn(a, b); }
__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float div(float a, float b) { return __fdiv_rn(a, b); }
__device__ __forceinline__ float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
__device__ __forceinline__ float sqrt_rn(float x) { return __fsqrt_rn(x); }

__device__ __forceinline__ bool is_finite(float x) { return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u; }

// y · 2ᵏ for y near 1, rounded once: libm's scalbnf for what its expf asks.
__device__ __forceinline__ float scale_by_power(float y, int k) {
    if (k > 127) {
        y = mul(y, __uint_as_float(0x7f000000u)); // 2¹²⁷
        k -= 127;
    } else if (k < -126) {
        y = mul(y, __uint_as_float(0x0c800000u)); // 2⁻¹⁰²: y stays normal, so that the last product alone rounds
        k += 102;
    }
    return mul(y, __uint_as_float(unsigned(127 + k) << 23));
}

// eˣ: libm's expf, FreeBSD's algorithm.
__device__ inline float exponential(float x) {
    const float LN2_HI = 6.9314575195e-01f, LN2_LO = 1.4286067653e-06f, INV_LN2 = 1.4426950216e+00f;
    const float P1 = 1.6666625440e-1f, P2 = -2.7667332906e-3f;
    unsigned bits = __float_as_uint(x);
    const bool is_negative = bits >> 31;
    bits &= 0x7fffffffu;

    if (bits >= 0x42aeac50u) { // |x| ≥ 87.33655
        if (bits > 0x7f800000u) {
            return x;
        }
        if (bits >= 0x42b17218u && !is_negative) { // x ≥ 88.722839
            return mul(x, __uint_as_float(0x7f000000u));
        }
        if (is_negative && bits >= 0x42cff1b5u) { // x ≤ −103.972084
            return 0.0f;
        }
    }

    int k = 0;
    float high = x, low = 0.0f;
    if (bits > 0x3eb17218u) { // |x| > ln 2 / 2
        if (bits > 0x3f851592u) { // |x| > 1.5 · ln 2
            k = __float2int_rz(add(mul(INV_LN2, x), is_negative ? -0.5f : 0.5f));
        } else {
            k = is_negative ? -1 : 1;
        }
        const float whole = __int2float_rn(k);
        high = sub(x, mul(whole, LN2_HI));
        low = mul(whole, LN2_LO);
        x = sub(high, low);
    } else if (bits <= 0x39000000u) { // |x| ≤ 2⁻¹⁴
        return add(1.0f, x);
    }

    const float square = mul(x, x);
    const float c = sub(x, mul(square, add(P1, mul(square, P2))));
    const float y = add(1.0f, add(sub(div(mul(x, c), sub(2.0f, c)), low), high));
    return k == 0 ? y : scale_by_power(y, k);
}

// ln x: libm's logf, FreeBSD's algorithm.
__device__ inline float logarithm(float x) {
    const float LN2_HI = 6.9313812256e-01f, LN2_LO = 9.0580006145e-06f;
    const float LG1 = 0.66666662693f, LG2 = 0.40000972152f, LG3 = 0.28498786688f, LG4 = 0.24279078841f;
    unsigned bits = __float_as_uint(x);
    int k = 0;
    if (bits < 0x00800000u || bits >> 31) { // below 2⁻¹²⁶
        if (bits << 1 == 0) {
            return __uint_as_float(0xff800000u); // −∞
        }
        if (bits >> 31) {
            return __uint_as_float(0x7fc00000u); // no number
        }
        k -= 25;
        x = mul(x, __uint_as_float(0x4c000000u)); // 2²⁵
        bits = __float_as_uint(x);
    } else if (bits >= 0x7f800000u) {
        return x;
    } else if (bits == 0x3f800000u) {
        return 0.0f;
    }

    // Into √2 / 2 … √2.
    bits += 0x3f800000u - 0x3f3504f3u;
    k += int(bits >> 23) - 0x7f;
    bits = (bits & 0x007fffffu) + 0x3f3504f3u;
    x = __uint_as_float(bits);

    const float f = sub(x, 1.0f);
    const float s = div(f, add(2.0f, f));
    const float z = mul(s, s), w = mul(z, z);
    const float t1 = mul(w, add(LG2, mul(w, LG4)));
    const float t2 = mul(z, add(LG1, mul(w, LG3)));
    const float r = add(t2, t1);
    const float half_square = mul(mul(0.5f, f), f);
    const float whole = __int2float_rn(k);
    const float tail = sub(add(mul(s, add(half_square, r)), mul(whole, LN2_LO)), half_square);
    return add(add(tail, f), mul(whole, LN2_HI));
}

// pixel / 255.
__device__ __forceinline__ float normalized(unsigned pixel) { return div(__uint2float_rn(pixel), 255.0f); }

} // namespace selvedge
