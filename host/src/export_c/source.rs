//! The source: constants, functions, and the steps of a prediction.

use std::io::{self, Write};

use super::{Export, Parts, input::Input, text::string};

/// `LOGIT` and `ELEMENT` are the C types of a logit and of an input, `STEPS` the statements, and `IS_LARGER` a condition.
const PREDICTIONS: &str = include_str!("c/predictions.c");

/// Writes the whole text.
pub fn write(export: &Export<'_>, parts: &Parts<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = export.name;
    let mut push = |part: &str| out.write_all(export.named(part).as_bytes());
    push(&export.comment(&format!("{name}.c"), &format!("{name}.h")))?;
    push("#include \"NAME_H\"\n\n".replace("NAME_H", &format!("{name}.h")).as_str())?;
    push(parts.includes)?;
    push("\n")?;
    push(parts.functions.as_str())?;
    for array in &parts.arrays {
        array.write(&export.named(&array.name), out)?;
    }
    if export.classes.are_named() {
        writeln!(out, "{}", export.named("const char *const NAME_class_names[MACRO_CLASSES] = {"))?;
        for class in export.classes.all() {
            writeln!(out, "    {},", string(&class))?;
        }
        writeln!(out, "}};\n")?;
    }
    let steps: Vec<_> = parts.steps.iter().map(|step| format!("    {step}\n")).collect();
    let element = Input::of(export.file).element();
    let predictions =
        PREDICTIONS.replace("LOGIT", parts.logit).replace("IS_LARGER", parts.is_larger).replace("ELEMENT", element);
    out.write_all(export.named(&predictions.replace("    STEPS\n", &steps.concat())).as_bytes())
}
