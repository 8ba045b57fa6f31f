//! The header file: sizes, types and functions.

use std::fmt::Write as _;

use selvedge::shape::{InputShape, Names};

use super::{
    Export, Parts,
    input::Input,
    text::{in_comment, string},
};

const BEFORE: &str = "\
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif

";

const AFTER: &str = "\
#ifdef __cplusplus
}
#endif

#endif
";

/// Returns the whole text of the header.
pub fn text(export: &Export<'_>, parts: &Parts<'_>) -> String {
    let (name, architecture, output) = (export.name, export.file.architecture(), export.output());
    let outputs = architecture.outputs();
    let mut text = export.comment(&format!("{name}.h"), &format!("{name}.c"));
    let mut push = |part: &str| text += &export.named(part);
    push("#ifndef MACRO_H\n#define MACRO_H\n\n");
    push(BEFORE);
    push(&format!(
        "/* The numbers that a prediction takes, and {}. */\n#define MACRO_INPUTS {}\n#define {} {outputs}\n",
        output.counted(),
        architecture.inputs(),
        output.count()
    ));
    if let InputShape::Image { channels, height, width } = export.file.input() {
        push(&format!(
            "\n/* A sample is an image: for each channel its rows, from the top, each from the left. */\n\
             #define MACRO_CHANNELS {channels}\n#define MACRO_HEIGHT {height}\n#define MACRO_WIDTH {width}\n"
        ));
    }
    if let Some(scale) = export.logit_scale() {
        push(&format!("\n/* The worth of a sum of 1 as a logit. */\n#define MACRO_LOGIT_SCALE {scale:.8e}f\n"));
    }
    push("\n");
    push(parts.types);
    push(&scratch(parts, outputs));
    let input = Input::of(export.file);
    push(&output.declarations(parts, input.element(), &input.meaning()));
    text += &features(export);
    let mut push = |part: &str| text += &export.named(part);
    if export.file.signature().feature_names != Names::NONE {
        push("/* The features' names, in UTF-8. */\nextern const char *const NAME_feature_names[MACRO_INPUTS];\n\n");
    }
    if export.classes.are_named() {
        push(&format!(
            "/* The {} names, in UTF-8. */\nextern const char *const {}[{}];\n\n",
            output.named(),
            output.names(),
            output.count()
        ));
    }
    if output.units().is_some() {
        push(
            "/* The targets' units, in UTF-8; an empty one where a target has none. */\nextern const char *const NAME_output_units[MACRO_OUTPUTS];\n\n",
        );
    }
    push(AFTER);
    text
}

fn scratch(parts: &Parts<'_>, outputs: usize) -> String {
    let logit = parts.logit;
    let mut text = format!(
        "/* The memory that a prediction works in: {} bytes. It need not hold anything before, and holds nothing of use after. */\n\
         typedef struct NAME_scratch {{\n    {logit} logits[{outputs}];\n",
        parts.scratch_bytes(outputs)
    );
    for field in &parts.scratch {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {} {}[{}];", field.element, field.name, field.len);
    }
    text + "} NAME_scratch;\n\n"
}

/// Returns a comment with the features' names and units as C strings, or nothing if the file has neither.
fn features(export: &Export<'_>) -> String {
    let signature = export.file.signature();
    let (mut names, mut units) = (signature.feature_names.iter(), signature.feature_units.iter());
    let mut lines = String::new();
    for place in 0..export.file.architecture().inputs() {
        let (name, unit) = (names.next().map(string), units.next().map(string));
        let shown = match (name, unit) {
            (Some(name), Some(unit)) => format!("{name}, in {unit}"),
            (Some(name), None) => name,
            (None, Some(unit)) => format!("in {unit}"),
            (None, None) => return String::new(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(lines, " *     {place}: {}", in_comment(&shown));
    }
    format!("/* The numbers of `input`, by their places:\n *\n{lines} */\n\n")
}
