// The optimizers of core/src/optimizer: what becomes of one parameter.
#pragma once

#include "arithmetic.cuh"

namespace selvedge {

// `None`: a gradient is kept, and no step is taken by it yet.
enum class Optimizer : unsigned { Sgd, Momentum, Nesterov, Adam, RmsProp, RmsPropMomentum, None };

// One step of an optimizer. What the coefficients are is said where they are used; unused ones are 0.
struct Rule {
    Optimizer optimizer;
    float weight_decay;
    float coefficients[7];
};

__device__ __forceinline__ float decayed(const Rule& rule, float parameter, float grad) {
    return rule.weight_decay == 0.0f ? grad : fma(rule.weight_decay, parameter, grad);
}

// The number, or +0 in place of a subnormal one.
__device__ __forceinline__ float without_subnormals(float x) { return (__float_as_uint(x) & 0x7f800000u) == 0 ? 0.0f : x; }

// Numbers that an optimizer keeps for each parameter.
__device__ constexpr unsigned states_of(Optimizer optimizer) {
    switch (optimizer) {
    case Optimizer::Sgd:
    case Optimizer::None: return 0;
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
        state[0] = without_subnormals(fma(c[1], state[0], grad));
        const float direction = OPTIMIZER == Optimizer::Nesterov ? fma(c[1], state[0], grad) : state[0];
        return fma(-c[0], direction, parameter);
    } else if constexpr (OPTIMIZER == Optimizer::Adam) {
        // α, 1 − β₁, β₂, 1 − β₂, √(1 − β₂ᵗ), ε, what AdamW leaves of a parameter
        grad = decayed(rule, parameter, grad);
        state[0] = without_subnormals(fma(c[1], sub(grad, state[0]), state[0]));
        state[1] = fma(mul(c[3], grad), grad, mul(c[2], state[1]));
        const float denominator = add(div(sqrt_rn(state[1]), c[4]), c[5]);
        return fma(-c[0], div(state[0], denominator), mul(parameter, c[6]));
    } else if constexpr (OPTIMIZER == Optimizer::RmsProp) {
        return fma(-c[0], rms_prop_direction(rule, parameter, grad, state[0]), parameter);
    } else {
        const float direction = rms_prop_direction(rule, parameter, grad, state[0]);
        state[1] = without_subnormals(fma(c[4], state[1], direction));
        return fma(-c[0], state[1], parameter);
    }
}

// Where parameters lie, and what the optimizer keeps for them: as they are, and as they are to be. Both may be one place.
struct Place {
    const float* parameters;
    const float* state[2];
    float* updated;
    float* updated_state[2];
};

// Some numbers that lie side by side; of four, all are read and written at once where the address allows it.
template <unsigned COUNT> struct Numbers {
    float at[COUNT];

    // The first `count` numbers at this address; the others are 0.
    static __device__ __forceinline__ Numbers read(const float* from, unsigned count, bool is_whole) {
        Numbers numbers;
        if constexpr (COUNT == 4) {
            if (is_whole) {
                const float4 four = __ldcg(reinterpret_cast<const float4*>(from));
                return {{four.x, four.y, four.z, four.w}};
            }
        }
#pragma unroll
        for (unsigned i = 0; i < COUNT; ++i) {
            numbers.at[i] = i < count ? __ldcg(from + i) : 0.0f;
        }
        return numbers;
    }

    __device__ __forceinline__ void write(float* to, unsigned count, bool is_whole) const {
        if constexpr (COUNT == 4) {
            if (is_whole) {
                *reinterpret_cast<float4*>(to) = make_float4(at[0], at[1], at[2], at[3]);
                return;
            }
        }
#pragma unroll
        for (unsigned i = 0; i < COUNT; ++i) {
            if (i < count) {
                to[i] = at[i];
            }
        }
    }
};

// Parameters that lie side by side, with what the optimizer keeps for them. They are read long before their gradients are there.
template <Optimizer OPTIMIZER, unsigned COUNT> struct Parameters {
    static constexpr unsigned STATES = states_of(OPTIMIZER);

    Numbers<COUNT> parameters, state[STATES + 1];

    static __device__ __forceinline__ Parameters read(const Place& place, size_t index, unsigned count, bool is_whole) {
        Parameters read;
        read.parameters = Numbers<COUNT>::read(place.parameters + index, count, is_whole);
#pragma unroll
        for (unsigned i = 0; i != STATES; ++i) {
            read.state[i] = Numbers<COUNT>::read(place.state[i] + index, count, is_whole);
        }
        return read;
    }

    // Writes them as they are after the step.
    __device__ __forceinline__ void update(const Rule& rule, const Place& place, size_t index, unsigned count, bool is_whole,
                                           const float (&grads)[COUNT]) {
#pragma unroll
        for (unsigned i = 0; i < COUNT; ++i) {
            float states[2] = {};
#pragma unroll
            for (unsigned state_index = 0; state_index != STATES; ++state_index) {
                states[state_index] = state[state_index].at[i];
            }
            parameters.at[i] = updated<OPTIMIZER>(rule, parameters.at[i], grads[i], states);
#pragma unroll
            for (unsigned state_index = 0; state_index != STATES; ++state_index) {
                state[state_index].at[i] = states[state_index];
            }
        }
        parameters.write(place.updated + index, count, is_whole);
#pragma unroll
        for (unsigned i = 0; i != STATES; ++i) {
            state[i].write(place.updated_state[i] + index, count, is_whole);
        }
    }
};

// The step of one parameter.
template <Optimizer OPTIMIZER> __device__ __forceinline__ void update_one(const Rule& rule, const Place& place, size_t index, float grad) {
    Parameters<OPTIMIZER, 1>::read(place, index, 1, false).update(rule, place, index, 1, false, {grad});
}

// The same by the rule's own optimizer.
__device__ __forceinline__ void update_one(const Rule& rule, const Place& place, size_t index, float grad) {
    switch (rule.optimizer) {
    case Optimizer::Sgd: return update_one<Optimizer::Sgd>(rule, place, index, grad);
    case Optimizer::Momentum: return update_one<Optimizer::Momentum>(rule, place, index, grad);
    case Optimizer::Nesterov: return update_one<Optimizer::Nesterov>(rule, place, index, grad);
    case Optimizer::Adam: return update_one<Optimizer::Adam>(rule, place, index, grad);
    case Optimizer::RmsProp: return update_one<Optimizer::RmsProp>(rule, place, index, grad);
    case Optimizer::RmsPropMomentum: return update_one<Optimizer::RmsPropMomentum>(rule, place, index, grad);
    case Optimizer::None: return;
    }
}

} // namespace selvedge
