//! The source file: constants, functions, and the steps of a prediction.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use selvedge::shape::Names;

use super::{Export, Parts, input::Input, text::string};

/// Writes the whole text of the source.
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
    let output = export.output();
    let declared = |name: &str| export.named(&format!("{name}[{}]", output.count()));
    if export.classes.are_named() {
        names(out, &declared(output.names()), export.classes.all())?;
    }
    if let Some(units) = output.units() {
        names(out, &declared("NAME_output_units"), units)?;
    }
    let features = export.file.signature().feature_names;
    if features != Names::NONE {
        names(out, &export.named("NAME_feature_names[MACRO_INPUTS]"), features.iter().map(Cow::from))?;
    }
    let steps: Vec<_> = parts.steps.iter().map(|step| format!("    {step}\n")).collect();
    let element = Input::of(export.file).element();
    // `ELEMENT` is the C type of an input, `STEPS` the statements.
    let predictions = output.functions(parts, export.logit_scale()).replace("ELEMENT", element);
    out.write_all(export.named(&predictions.replace("    STEPS\n", &steps.concat())).as_bytes())
}

fn names<'a>(out: &mut dyn Write, declared: &str, names: impl Iterator<Item = Cow<'a, str>>) -> io::Result<()> {
    writeln!(out, "const char *const {declared} = {{")?;
    for name in names {
        writeln!(out, "    {},", string(&name))?;
    }
    writeln!(out, "}};\n")
}
