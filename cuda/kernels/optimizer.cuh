// The optimizers of core/src/optimizer: what becomes of one parameter.
#pragma once

#include "arithmetic.cuh"

namespace selvedge {

enum class Optimizer : unsigned { Sgd, Momentum, Nesterov, Adam, RmsProp, RmsPropMomentum };

// One step of an optimizer. What the coefficients are is said where they are used; unused ones are 0.
struct Rule {
    Optimizer optimizer;
    float weight_decay;
    float coefficients[7];
};

__device__ __forceinline__ float decayed(const Rule& rule, float parameter, float grad) {
    return rule.weight_decay == 0.0f ? grad : fma(rule.weight_decay, parameter, grad);
}

// RMSprop's coefficients: learning rate, α, 1 − α, ε, momentum.
__device__ __forceinline__ float rms_prop_direction(const Rule& rule, float parameter, float grad, float* squares) {
    const float* c = rule.coefficients;
    grad = decayed(rule, parameter, grad);
    const float square = fma(mul(c[2], grad), grad, mul(c[1], __ldcg(squares)));
    *squares = square;
    return div(grad, add(sqrt_rn(square), c[3]));
}

// Changes parameter `index`, and what the optimizer keeps for it, by its gradient.
__device__ inline void update(const Rule& rule, float* parameters, float* const (&state)[2], size_t index, float grad) {
    const float* c = rule.coefficients;
    float parameter = __ldcg(parameters + index);
    switch (rule.optimizer) {
    case Optimizer::Sgd: // learning rate
        parameter = fma(-c[0], decayed(rule, parameter, grad), parameter);
        break;
    case Optimizer::Momentum: // learning rate, momentum
    case Optimizer::Nesterov: {
        grad = decayed(rule, parameter, grad);
        const float velocity = fma(c[1], __ldcg(state[0] + index), grad);
        state[0][index] = velocity;
        const float direction = rule.optimizer == Optimizer::Nesterov ? fma(c[1], velocity, grad) : velocity;
        parameter = fma(-c[0], direction, parameter);
        break;
    }
    case Optimizer::Adam: { // α, 1 − β₁, β₂, 1 − β₂, √(1 − β₂ᵗ), ε, what AdamW leaves of a parameter
        grad = decayed(rule, parameter, grad);
        const float before = __ldcg(state[0] + index);
        const float mean = fma(c[1], sub(grad, before), before);
        const float square = fma(mul(c[3], grad), grad, mul(c[2], __ldcg(state[1] + index)));
        state[0][index] = mean;
        state[1][index] = square;
        const float denominator = add(div(sqrt_rn(square), c[4]), c[5]);
        parameter = fma(-c[0], div(mean, denominator), mul(parameter, c[6]));
        break;
    }
    case Optimizer::RmsProp:
        parameter = fma(-c[0], rms_prop_direction(rule, parameter, grad, state[0] + index), parameter);
        break;
    case Optimizer::RmsPropMomentum: {
        const float direction = rms_prop_direction(rule, parameter, grad, state[0] + index);
        const float velocity = fma(c[4], __ldcg(state[1] + index), direction);
        state[1][index] = velocity;
        parameter = fma(-c[0], velocity, parameter);
        break;
    }
    }
    parameters[index] = parameter;
}

} // namespace selvedge
