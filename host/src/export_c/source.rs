//! The source: constants, functions, and the steps of a prediction.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use selvedge::shape::Names;

use super::{Export, Parts, input::Input, text::string};

/// `LOGIT` and `ELEMENT` are the C types of a logit and of an input, `STEPS` the statements, and `IS_LARGER` a condition.
const PREDICTIONS: &str = include_str!("c/predictions.c");

/// Writes the whole text.
pub fn write(export: &Export<'_>, parts: &Parts<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = export.name;
    out.write_all(export.comment(&format!("{name}.c"), &format!("{name}.h")).as_bytes())?;
    let mut push = |part: &str| out.write_all(export.named(part).as_bytes());
    push("#include \"NAME.h\"\n\n")?;
    push(parts.includes.as_str())?;
    push("\n")?;
    push(parts.functions.as_str())?;
    for array in &parts.arrays {
        array.write(&export.named(&array.name), out)?;
    }
    if export.classes.are_named() {
        let declared = export.named("NAME_class_names[MACRO_CLASSES]");
        names(out, &declared, export.classes.all())?;
    }
    let features = export.file.signature().feature_names;
    if features != Names::NONE {
        names(out, &export.named("NAME_feature_names[MACRO_INPUTS]"), features.iter().map(Cow::from))?;
    }
    let steps: Vec<_> = parts.steps.iter().map(|step| format!("    {step}\n")).collect();
    let element = Input::of(export.file).element();
    let predictions =
        PREDICTIONS.replace("LOGIT", parts.logit).replace("IS_LARGER", parts.is_larger).replace("ELEMENT", element);
    out.write_all(export.named(&predictions.replace("    STEPS\n", &steps.concat())).as_bytes())
}

fn names<'a>(out: &mut dyn Write, declared: &str, names: impl Iterator<Item = Cow<'a, str>>) -> io::Result<()> {
    writeln!(out, "const char *const {declared} = {{")?;
    for name in names {
        writeln!(out, "    {},", string(&name))?;
    }
    writeln!(out, "}};\n")
}
