//! The stand-in for NVIDIA's library, whose launches run the kernels on the CPU, in a process of a test's own.
//!
//! The system looks for libraries where `LD_LIBRARY_PATH` said when a program started, and the stand-in reads its settings once: every test
//! runs itself again.

use std::{env, path::Path, process::Command, sync::Once};

/// Says which test a process is for.
const CHILD: &str = "SELVEDGE_DRIVER_TEST";

/// Runs `body` in a process that finds its driver in `folder`. The test has this path in the crate.
pub(crate) fn in_process(test: &str, folder: &Path, variables: &[(&str, &str)], body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let mut child = Command::new(env::current_exe().expect("a test is a program"));
    child.args(["--exact", test, "--nocapture"]).env(CHILD, test).env("LD_LIBRARY_PATH", folder);
    let output = child.envs(variables.iter().copied()).output().expect("the test starts again");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}\n{stderr}");
}

/// The same with the stand-in.
pub(crate) fn with_stand_in(test: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    static INSTALL: Once = Once::new();
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let folder = Path::new(env!("OUT_DIR")).join("emulated_driver");
    INSTALL.call_once(|| emulator::install_driver(&folder).expect("the stand-in is built"));
    in_process(test, &folder, variables, body);
}
