//! If a machine lacks something that a test needs, the test is skipped, and the output shows it.
//!
//! - [`skip`]: for a test that sees what is missing when it runs.
//! - [`ignored!`]: for tests that are not built, because the build already sees what is missing.
//!
//! If the environment variable [`REQUIRE_ALL`] is set and not empty, both are failures.

use std::{
    env,
    io::{self, Write as _},
    thread,
};

/// If this environment variable is set and not empty, a skipped test fails.
pub const REQUIRE_ALL: &str = "SELVEDGE_REQUIRE_ALL";

/// Says that the test which calls this leaves out `what`. `missing` says what the machine lacks, and how to get it.
///
/// The test harness counts the test as passed. It does not capture the process's own standard error, so every run shows the line.
///
/// # Panics
///
/// If [`REQUIRE_ALL`] is set and not empty.
#[track_caller]
pub fn skip(what: &str, missing: &str) {
    refuse_where_required(missing);
    let thread = thread::current();
    let line = line(thread.name(), what, missing);
    // In one piece, as other tests print too. A closed standard error is no reason to fail.
    let _ = io::stderr().write_all(line.as_bytes());
}

fn line(thread: Option<&str>, what: &str, missing: &str) -> String {
    // The harness names a test's thread by the test, unless it runs one test at a time.
    let test = thread.filter(|name| *name != "main").map_or_else(String::new, |name| format!("{name}: "));
    format!("\nSKIPPED {test}{what}: {missing}\n")
}

/// Fails the test if no test may be skipped.
///
/// # Panics
///
/// If [`REQUIRE_ALL`] is set and not empty.
#[track_caller]
pub fn refuse_where_required(missing: &str) {
    let is_required = env::var_os(REQUIRE_ALL).is_some_and(|value| !value.is_empty());
    assert!(!is_required, "{REQUIRE_ALL} is set, but {missing}");
}

/// Two tests in the place of those that are not built: one that the harness shows as ignored with the reason, and one that fails where
/// [`REQUIRE_ALL`] is set.
///
/// ```
/// #[cfg(not(unix))]
/// skip::ignored!(signals, "there are no signals here: use Unix");
/// ```
#[macro_export]
macro_rules! ignored {
    ($what:ident, $missing:literal) => {
        mod $what {
            #[test]
            #[ignore = $missing]
            fn all_tests() {
                panic!($missing);
            }

            #[test]
            fn are_not_required() {
                $crate::refuse_where_required($missing);
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_test_where_the_harness_does() {
        let words = ["accuracy", "there is no data: get it"];
        assert_eq!(line(Some("a_test"), words[0], words[1]), "\nSKIPPED a_test: accuracy: there is no data: get it\n");
        for thread in [Some("main"), None] {
            assert_eq!(line(thread, words[0], words[1]), "\nSKIPPED accuracy: there is no data: get it\n");
        }
    }
}
