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

// Numbers that an optimizer keeps for each parameter.
__device__ constexpr unsigned states_of(Optimizer optimizer) {
    switch (optimizer) {
    case Optimizer::Sgd: return 0;
    case Optimizer::Adam:
    case Optimizer::RmsPropMomentum: return 2;
    default: return 1;
    }
}

// RMSprop's coefficients: learning rate, α, 1 − α, ε, momentum.
__device__ __forceinline__ float rms_prop_direction(const Rule& rule, float parameter, float grad, float& square) {
    const float* c = rule.coefficients;
    grad = decayed(rule, parameter, grad);
    square = fma(mul(c[2], grad), grad, mul(c[1], square));
    return div(grad, add(sqrt_rn(square), c[3]));
}

// A parameter after the step, and what is kept for it, by its gradient.
template <Optimizer OPTIMIZER>
__device__ __forceinline__ float updated(const Rule& rule, float parameter, float grad, float (&state)[2]) {
    const float* c = rule.coefficients;
    if constexpr (OPTIMIZER == Optimizer::Sgd) { // learning rate
        return fma(-c[0], decayed(rule, parameter, grad), parameter);
    } else if constexpr (OPTIMIZER == Optimizer::Momentum || OPTIMIZER == Optimizer::Nesterov) { // learning rate, momentum
        grad = decayed(rule, parameter, grad);
        state[0] = fma(c[1], state[0], grad);
        const float direction = OPTIMIZER == Optimizer::Nesterov ? fma(c[1], state[0], grad) : state[0];
        return fma(-c[0], direction, parameter);
    } else if constexpr (OPTIMIZER == Optimizer::Adam) {
        // α, 1 − β₁, β₂, 1 − β₂, √(1 − β₂ᵗ), ε, what AdamW leaves of a parameter
        grad = decayed(rule, parameter, grad);
        state[0] = fma(c[1], sub(grad, state[0]), state[0]);
        state[1] = fma(mul(c[3], grad), grad, mul(c[2], state[1]));
        const float denominator = add(div(sqrt_rn(state[1]), c[4]), c[5]);
        return fma(-c[0], div(state[0], denominator), mul(parameter, c[6]));
    } else if constexpr (OPTIMIZER == Optimizer::RmsProp) {
        return fma(-c[0], rms_prop_direction(rule, parameter, grad, state[0]), parameter);
    } else {
        const float direction = rms_prop_direction(rule, parameter, grad, state[0]);
        state[1] = fma(c[4], state[1], direction);
        return fma(-c[0], state[1], parameter);
    }
}

// Where parameters lie, and what the optimizer keeps for them.
struct Updated {
    float* parameters;
    float* state[2];
};

// Changes some parameters by their gradients. All is read before the first is written, the rule too, so that a thread does not wait for each.
template <unsigned COUNT, Optimizer OPTIMIZER>
__device__ __forceinline__ void update_by(Rule rule, Updated at, const size_t (&indices)[COUNT],
                                          const float (&grads)[COUNT], const bool (&exist)[COUNT]) {
    constexpr unsigned STATES = states_of(OPTIMIZER);
    float parameters[COUNT], states[COUNT][2] = {};
#pragma unroll
    for (unsigned i = 0; i < COUNT; ++i) {
        parameters[i] = exist[i] ? __ldcg(at.parameters + indices[i]) : 0.0f;
#pragma unroll
        for (unsigned state = 0; state != STATES; ++state) {
            states[i][state] = exist[i] ? __ldcg(at.state[state] + indices[i]) : 0.0f;
        }
    }
#pragma unroll
    for (unsigned i = 0; i < COUNT; ++i) {
        const float parameter = updated<OPTIMIZER>(rule, parameters[i], grads[i], states[i]);
        if (exist[i]) {
            at.parameters[indices[i]] = parameter;
#pragma unroll
            for (unsigned state = 0; state != STATES; ++state) {
                at.state[state][indices[i]] = states[i][state];
            }
        }
    }
}

// The same by the rule's own optimizer.
template <unsigned COUNT>
__device__ __forceinline__ void update(Rule rule, Updated at, const size_t (&indices)[COUNT],
                                       const float (&grads)[COUNT], const bool (&exist)[COUNT]) {
    switch (rule.optimizer) {
    case Optimizer::Sgd: return update_by<COUNT, Optimizer::Sgd>(rule, at, indices, grads, exist);
    case Optimizer::Momentum: return update_by<COUNT, Optimizer::Momentum>(rule, at, indices, grads, exist);
    case Optimizer::Nesterov: return update_by<COUNT, Optimizer::Nesterov>(rule, at, indices, grads, exist);
    case Optimizer::Adam: return update_by<COUNT, Optimizer::Adam>(rule, at, indices, grads, exist);
    case Optimizer::RmsProp: return update_by<COUNT, Optimizer::RmsProp>(rule, at, indices, grads, exist);
    case Optimizer::RmsPropMomentum: return update_by<COUNT, Optimizer::RmsPropMomentum>(rule, at, indices, grads, exist);
    }
}

} // namespace selvedge
