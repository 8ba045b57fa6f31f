//! The command that goes on with a run.

use std::{env, ffi::OsString, path::Path};

use options::commands::{Train, train::Choice};
use os_display::Quotable;

use super::files::{Files, WEIGHTS};

/// Names the program as its user does, where that is not by its path: `cargo xtask`.
const NAME: &str = "SELVEDGE_COMMAND";

/// The shell command that goes on with a run from this checkpoint. It names the same data, files and processor.
pub fn to_go_on(run: &Train, files: &Files<'_>, checkpoint: &Path) -> String {
    let name = env::var(NAME).unwrap_or_else(|_| {
        let program = env::args_os().next().unwrap_or_else(|| "selvedge".into());
        program.maybe_quote().to_string()
    });
    let out = (files.out != checkpoint.with_extension(WEIGHTS)).then(|| files.out.clone().into());
    let device = match run.device.choice() {
        Choice::Auto => None,
        Choice::Cpu => Some("cpu"),
        Choice::Cuda => Some("cuda"),
    };
    let options: [(&str, Option<OsString>); 8] = [
        ("resume", Some(checkpoint.into())),
        ("out", out),
        ("data", run.data.data.clone().map(Into::into)),
        ("classes", run.data.classes.clone().map(Into::into)),
        ("metrics", files.metrics.map(Into::into)),
        ("checkpoint-every", run.checkpoint_every.map(|every| every.to_string().into())),
        ("device", device.map(Into::into)),
        ("threads", run.threads.threads.map(|threads| threads.to_string().into())),
    ];
    let mut command = format!("{name} train");
    for (option, value) in options {
        let Some(value) = value else { continue };
        // Without the equals sign, such a value would be an option.
        let between = if value.to_string_lossy().starts_with('-') { '=' } else { ' ' };
        command += &format!(" --{option}{between}{}", value.maybe_quote());
    }
    command
}
