//! Integer networks as C: the words of the file, and kernels that go through the inputs that are not zero.

use selvedge::quantized::{Int4, Integers, QuantizedFile};

use super::{
    Field, Parts,
    array::{Array, Numbers},
    floats,
    input::{Input, Stage},
};

/// The parts in which the integer formats differ.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    functions: &'static str,
    /// Returns the number of entries of a layer's list, from the number of inputs.
    entries: fn(usize) -> usize,
}

/// The kernel of int8. The list has an entry for each pair of inputs, and one at the end.
pub const INT8: Kernel =
    Kernel { functions: include_str!("c/integers/int8.c"), entries: |inputs| inputs.div_ceil(2) + 1 };

/// The kernel of int4. The list has an entry for each pair of inputs, two for each group of columns, and one at the end.
pub const INT4: Kernel = Kernel {
    functions: include_str!("c/integers/int4.c"),
    entries: |inputs| inputs.div_ceil(2) + 2 * inputs.div_ceil(Int4::COLUMNS) + 1,
};

const ROWS: usize = 8;
const INCLUDES: &str = "\
#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
#endif
";
const TYPES: &str = "\
/* Two neighbouring inputs of a layer that are not both zero, one in each half, and the place of their weights. */
typedef struct NAME_entry {
    uint32_t inputs;
    uint32_t offset;
} NAME_entry;

";

/// Returns the parts of the network. The fused multiply-add is included if the outputs need it.
pub fn parts<'a, F: Integers>(
    file: &QuantizedFile<'a, F>,
    kernel: Kernel,
    input: Input<'a>,
    needs_fma: bool,
) -> Parts<'a> {
    let layers: Vec<_> = file.layer_bytes().collect();
    let Stage { has_floats, functions: of_input, mut arrays, step, mut place } = input.to_bytes();
    let (includes, of_floats) = match (needs_fma, has_floats) {
        (true, _) => (floats::INCLUDES, floats::fused(false, false)),
        (false, true) => ("#include <float.h>\n", include_str!("c/floats/compiler.c").into()),
        (false, false) => ("", String::new()),
    };
    let mut activations = if step.is_some() { layers.first().map_or(0, |(widths, _)| widths.inputs) } else { 0 };
    let mut steps: Vec<String> = step.into_iter().collect();
    let mut entries = 0;
    for (index, (widths, bytes)) in layers.iter().enumerate() {
        let (inputs, outputs) = (widths.inputs, widths.outputs);
        let name = format!("NAME_weights_{index}");
        let block_words = bytes.len() / 4 / outputs.div_ceil(ROWS);
        entries = entries.max((kernel.entries)(inputs));
        steps.push(format!("NAME_list({place}, {inputs}, scratch->entries);"));
        let (function, to) = if index + 1 < layers.len() {
            activations = activations.max(outputs);
            ("hidden", "scratch->activations")
        } else {
            ("last", "logits")
        };
        steps.push(format!("NAME_{function}(scratch->entries, {name}, {block_words}, {outputs}, {to});"));
        place = to;
        let meaning = format!(
            "Layer {index}, {inputs} to {outputs}: blocks of eight rows. A block is eight biases, eight multipliers and weights."
        );
        arrays.push(Array { name, meaning, numbers: Numbers::Words(bytes) });
    }
    let mut functions = String::new();
    for template in [
        include_str!("c/integers/compiler.c"),
        of_floats.as_str(),
        of_input.as_str(),
        include_str!("c/integers/pairs.c"),
        include_str!("c/integers/rescale.c"),
        kernel.functions,
        if layers.len() > 1 { include_str!("c/integers/hidden.c") } else { "" },
        include_str!("c/integers/last.c"),
    ] {
        functions += template;
    }
    let mut scratch = vec![Field { element: "NAME_entry", element_bytes: 8, name: "entries", len: entries }];
    if activations > 0 {
        scratch.push(Field { element: "uint8_t", element_bytes: 1, name: "activations", len: activations });
    }
    Parts {
        logit: "int32_t",
        is_larger: "logit > largest",
        meaning: "integers, of which each times the logit scale is a logit",
        includes: format!("{INCLUDES}{includes}"),
        types: TYPES,
        scratch,
        arrays,
        functions,
        steps,
    }
}
