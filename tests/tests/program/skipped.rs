//! A test that a machine lacks something for: shown where tests may be skipped, and a failure where they may not.

use std::{
    env,
    process::{Command, Output},
};

use skip::REQUIRE_ALL;
use tests::{FASHION_MNIST_DIR, text};

/// A test that needs Fashion-MNIST itself.
const NEEDS_DATA: &str = "models::the_projects_weights_have_the_documented_accuracy";

/// Runs that test as a machine does that has no Fashion-MNIST.
fn without_data(require_all: &str) -> Output {
    let mut program = Command::new(env::current_exe().expect("a test has a program"));
    program.args([NEEDS_DATA, "--exact", "--test-threads", "2"]);
    program.env_remove(FASHION_MNIST_DIR).env(REQUIRE_ALL, require_all).output().expect("a test's program starts")
}

#[test]
fn a_test_without_its_data_is_shown_as_skipped() {
    let output = without_data("");
    let text = text(&output);
    assert!(output.status.success() && text.contains("running 1 test\n"), "{text}");
    let line =
        format!("\nSKIPPED {NEEDS_DATA}: the accuracy of the project's weights: {FASHION_MNIST_DIR} does not name ");
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_test_without_its_data_fails_where_all_are_required() {
    let output = without_data("1");
    let text = text(&output);
    assert!(!output.status.success() && text.contains("1 failed"), "{text}");
    assert!(text.contains(&format!("{REQUIRE_ALL} is set, but {FASHION_MNIST_DIR} does not name ")), "{text}");
}
