//! The parts that the kernels for ARM's DSP instructions share.

/// Rescales two rows' sums, with the biases and multipliers in the block at `r1`, and writes them to the place at `r2`. `smmulr` gives the
/// upper half of a product, rounded as the contract does.
macro_rules! rescale {
    ($even:literal, $odd:literal, $offset:literal) => {
        concat!(
            "ldrd r3, r4, [r1, #",
            $offset,
            "]\n",
            "add ",
            $even,
            ", ",
            $even,
            ", r3\n",
            "add ",
            $odd,
            ", ",
            $odd,
            ", r4\n",
            "ldrd r3, r4, [r1, #32 + ",
            $offset,
            "]\n",
            "smmulr ",
            $even,
            ", ",
            $even,
            ", r3\n",
            "smmulr ",
            $odd,
            ", ",
            $odd,
            ", r4\n",
            "strd ",
            $even,
            ", ",
            $odd,
            ", [r2, #",
            $offset,
            "]",
        )
    };
}
pub(super) use rescale;

/// Tells the assembler a processor that has these instructions, if the target's does not.
#[cfg(cortex_m33)]
macro_rules! processor {
    () => {
        ".cpu cortex-m33"
    };
}
#[cfg(not(cortex_m33))]
macro_rules! processor {
    () => {
        ""
    };
}
pub(super) use processor;
