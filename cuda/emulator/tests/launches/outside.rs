//! Faults that AddressSanitizer sees.

use std::{env, process::Command};

use crate::launch::{argument, run, shape};

/// Checks that AddressSanitizer ends a process which does this, in a test of that name.
fn assert_ends(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "EMULATOR_OVERRUN";
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let mut child = Command::new(env::current_exe().expect("it runs"));
    let name = format!("outside::{test}");
    let output = child.args(["--exact", &name, "--nocapture"]).env(CHILD, "1").output().expect("it starts");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && report.contains("heap-buffer-overflow"), "{report}");
}

#[test]
fn an_access_outside_of_shared_memory_ends_the_program() {
    assert_ends("an_access_outside_of_shared_memory_ends_the_program", || {
        let mut out = 0.0_f32;
        let address = &raw mut out;
        run("overrun", shape(1, 64, 0), &[argument(&address)]).expect("nothing is seen");
    });
}

#[test]
fn a_copy_from_outside_of_a_buffer_ends_the_program() {
    assert_ends("a_copy_from_outside_of_a_buffer_ends_the_program", || {
        let (source, mut out) = (vec![0_u128; 1], [0_u128; 1]);
        let (behind, to) = (source.as_ptr().wrapping_add(1), out.as_mut_ptr());
        let (bytes, offset, is_shared) = (16_u32, 0_u32, 1_u32);
        let arguments = [argument(&behind), argument(&to), argument(&bytes), argument(&offset), argument(&is_shared)];
        run("one_copy", shape(1, 1, 0), &arguments).expect("nothing is seen");
    });
}
