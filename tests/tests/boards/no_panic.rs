//! A program that only predicts contains no panic; one that does panic, or faults, says so and ends with its own exit code.

use std::{path::PathBuf, process::Output};

use object::{Object, ObjectSymbol};
use tests::{has_emulator, text, trained, workspace, xtask};

/// A Cortex-M4F; a Cortex-M0, which is another instruction set and another fused multiply-add; a Cortex-M33, whose stack has a limit in a register;
/// and a RISC-V core.
const BOARDS: [&str; 4] = ["mps2-an386", "microbit", "mps2-an505", "riscv32-virt"];

/// Parts of the symbols that every panic goes through; none of them is ever inlined away.
const PANIC_SYMBOLS: [&str; 4] = ["panicking", "panic_fmt", "rust_begin_unwind", "slice_index_fail"];

/// Builds a program for a board, with one image, and runs it.
fn flash(board: &str, program: &str, weights: &str, crash: &str) -> Output {
    xtask(&["flash", "--board", board, "--program", program, "--weights", weights, "--data", "builtin", "--count", "1"])
        .env("SELVEDGE_CRASH", crash)
        .output()
        .expect("cargo starts")
}

/// The symbols of the program that `flash` ran, by which a panic is known.
fn panic_symbols(flashed: &Output) -> Vec<String> {
    let text = text(flashed);
    assert!(flashed.status.success(), "{text}");
    let (_, path) = text.split_once("-kernel ").expect("flash shows the emulator's command");
    let path = PathBuf::from(path.lines().next().unwrap_or_default().trim_matches('\''));
    let bytes = std::fs::read(workspace().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = object::File::parse(&*bytes).expect("the program is an ELF file");
    let symbols: Vec<_> = file.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect();
    assert!(symbols.iter().any(|symbol| symbol == "main"), "{} has lost its symbols", path.display());
    symbols.into_iter().filter(|symbol| PANIC_SYMBOLS.iter().any(|part| symbol.contains(part))).collect()
}

#[test]
fn a_program_that_only_predicts_contains_no_panic() {
    if !has_emulator("panics on the boards") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    for board in BOARDS {
        assert_eq!(panic_symbols(&flash(board, "bare", &weights, "")), [""; 0], "{board}");
        // With a single index that must be checked, the same look must find something.
        assert_ne!(panic_symbols(&flash(board, "bare", &weights, "panic")), [""; 0], "{board}");
    }
}

#[test]
fn panics_faults_and_stack_overflows_report_and_end() {
    if !has_emulator("panics on the boards") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "tiny");
    let crashes = [("panic", 101, "on purpose"), ("fault", 102, "fault: pc 0x"), ("overflow", 102, "stack overflow")];
    for board in BOARDS {
        for (crash, code, report) in crashes {
            let output = flash(board, "crash", &weights, crash);
            let text = text(&output);
            assert_eq!(output.status.code(), Some(code), "{crash} on {board}:\n{text}");
            assert!(text.contains(report), "{crash} on {board}:\n{text}");
        }
    }
}
