// What follows a layer's sums (core/src/activation.rs, core/src/layers/gelu.rs).
#pragma once

#include "arithmetic.cuh"

namespace selvedge {

enum class Activation : unsigned { Identity, Relu, LeakyRelu, Sigmoid, Tanh };

__device__ __forceinline__ float with_sign_of(float magnitude, float sign) {
    return __uint_as_float((__float_as_uint(magnitude) & 0x7fffffffu) | (__float_as_uint(sign) & 0x80000000u));
}

__device__ inline float sigmoid(float x) { return div(1.0f, add(1.0f, exponential(-x))); }

__device__ inline float hyperbolic_tangent(float x) {
    const float magnitude = with_sign_of(x, 0.0f);
    if (magnitude < 0.25f) {
        const float square = mul(x, x);
        float sum = fma(0.0f, square, 62.0f / 2835.0f);
        sum = fma(sum, square, -17.0f / 315.0f);
        sum = fma(sum, square, 2.0f / 15.0f);
        sum = fma(sum, square, -1.0f / 3.0f);
        return with_sign_of(fma(mul(x, square), sum, x), x);
    }
    const float t = exponential(mul(-2.0f, magnitude));
    return with_sign_of(div(sub(1.0f, t), add(1.0f, t)), x);
}

// f(x).
__device__ inline float activate(Activation activation, float x) {
    switch (activation) {
    case Activation::Relu: return x < 0.0f ? 0.0f : x;
    case Activation::LeakyRelu: return x < 0.0f ? mul(0.01f, x) : x;
    case Activation::Sigmoid: return sigmoid(x);
    case Activation::Tanh: return hyperbolic_tangent(x);
    default: return x;
    }
}

// The gradient at x, from f(x) and the gradient there.
__device__ inline float activation_grad(Activation activation, float output, float grad) {
    switch (activation) {
    case Activation::Relu: return output <= 0.0f ? 0.0f : grad;
    case Activation::LeakyRelu: return output <= 0.0f ? mul(0.01f, grad) : grad;
    case Activation::Sigmoid: return mul(grad, mul(output, sub(1.0f, output)));
    case Activation::Tanh: return mul(grad, fma(-output, output, 1.0f));
    default: return grad;
    }
}

namespace gelu {
constexpr float SCALE = 1.5957692f; // 2 · √(2/π)
constexpr float CUBIC = 0.044715f;

// σ(2u).
__device__ inline float gate(float x) {
    const float cube = mul(mul(mul(CUBIC, x), x), x);
    return div(1.0f, add(1.0f, exponential(-mul(SCALE, add(x, cube)))));
}

__device__ inline float apply(float x) {
    const float g = gate(x);
    return g == 0.0f ? 0.0f : mul(x, g);
}

__device__ inline float derivative(float x) {
    const float g = gate(x);
    if (g == 0.0f || g == 1.0f) {
        return g;
    }
    const float slope = mul(SCALE, add(1.0f, mul(mul(3.0f * CUBIC, x), x)));
    return add(g, mul(mul(x, mul(g, sub(1.0f, g))), slope));
}
} // namespace gelu

} // namespace selvedge
