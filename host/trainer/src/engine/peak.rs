//! Measures how many operations the engine's threads can do at most: fused multiply-adds in registers, without memory.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::{
    Simd,
    vector::{self, Vector, Work},
};

/// The length of a measurement. It is long compared with the microseconds in which threads start and end.
const LENGTH: Duration = Duration::from_millis(2);
/// The number of measurements. The best one counts.
const REPETITIONS: usize = 100;

impl Simd {
    /// Returns the largest number of floating-point operations per second with this engine's instructions, on all of its threads together. A
    /// fused multiply-add counts as two.
    pub fn measure_peak(&self) -> f64 {
        let lanes = self.lanes();
        // The shortest of some runs: what else runs on the machine only ever takes time away.
        let shortest = |repetitions, rounds, chains| {
            let time = |_| {
                let started = Instant::now();
                self.team.run(&|_| vector::run(self.instructions, MultiplyAdds { rounds, chains }));
                started.elapsed()
            };
            (0..repetitions).map(time).min().unwrap_or_default()
        };
        // As many independent chains as registers leave room for: 16 of them, or 32. Which it is shows in the speed.
        let best = [12, 24].map(|chains| {
            let mut rounds = 1 << 8;
            while shortest(REPETITIONS / 20, rounds, chains) < LENGTH {
                rounds *= 2;
            }
            let seconds = shortest(REPETITIONS, rounds, chains).as_secs_f64();
            2.0 * (rounds * chains * lanes * self.threads()) as f64 / seconds
        });
        best.into_iter().fold(0.0, f64::max)
    }

    /// Returns the number of lanes in one of this engine's registers.
    fn lanes(&self) -> usize {
        struct Lanes<'a>(&'a mut usize);

        impl Work for Lanes<'_> {
            #[inline(always)]
            fn run<V: Vector>(self) {
                *self.0 = V::LANES;
            }
        }

        let mut lanes = 0;
        vector::run(self.instructions, Lanes(&mut lanes));
        lanes
    }
}

/// Does `rounds` multiply-adds on each of several independent chains, 12 or 24.
struct MultiplyAdds {
    rounds: usize,
    chains: usize,
}

impl Work for MultiplyAdds {
    #[inline(always)]
    fn run<V: Vector>(self) {
        if self.chains == 12 { chains::<V, 12>(self.rounds) } else { chains::<V, 24>(self.rounds) }
    }
}

#[inline(always)]
fn chains<V: Vector, const CHAINS: usize>(rounds: usize) {
    // The chains tend to 2: no number grows, and none becomes subnormal, which some processors are slow with.
    let [factor, summand] = black_box([0.5, 1.0]).map(V::splat);
    let mut sums = [V::splat(black_box(1.0)); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.fma(factor, summand);
        }
    }
    black_box(sums);
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::engine::InstructionSet;

    #[test]
    #[cfg_attr(miri, ignore = "an interpreter has no speed worth measuring")]
    fn every_instruction_set_has_a_peak() {
        for set in InstructionSet::available() {
            let peak = Simd::new(set, NonZero::<usize>::MIN).unwrap().measure_peak();
            assert!(peak > 1e6 && peak.is_finite(), "{set}: {peak}");
        }
    }
}
