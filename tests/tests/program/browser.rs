//! The page of `cargo xtask web` and reports of runs, made as a user makes them and opened in a browser.

use std::{fs, path::Path, process::Command};

use tests::{
    browser::{browser, passed, typescript},
    said, selvedge, text, workspace, xtask,
};

/// Makes the page once for what is checked of it.
#[test]
fn the_page_is_typed_and_trains_to_the_command_lines_hash() {
    let checker = typescript("the types of the page's script");
    let browser = browser("page.py", "the page in a browser");
    if checker.is_none() && browser.is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("page");
    let output = xtask(&["web", "--data", "builtin", "--out"]).arg(&out).output().expect("cargo starts");
    assert!(output.status.success(), "{}", text(&output));
    if let Some(mut page) = browser {
        answers_and_trains(page.arg(&out).arg(selvedge(folder.path()).get_program()));
    }
    if let Some(checker) = checker {
        is_typed(checker, &out);
    }
}

/// The script calls itself and the library as their types say. A file with errors is added last: a checker that saw nothing would find nothing.
fn is_typed(mut checker: Command, page: &Path) {
    fs::copy(workspace().join("tests/browser/tsconfig.json"), page.join("tsconfig.json")).expect("the folder is ours");
    checker.arg("--project").arg(page).current_dir(page);
    passed(&mut checker);
    let wrong = "import { Model } from \"./wasm/web.js\";\nexport const model = new Model(\"a text\");\nexport const at = (id) => id;\n";
    fs::write(page.join("wrong.js"), wrong).expect("the folder is ours");
    let output = checker.output().expect("Node starts");
    let text = text(&output);
    let lines: Vec<_> = text.lines().filter(|line| line.contains(": error TS")).collect();
    let is_seen = |place: &str| lines.iter().any(|line| line.starts_with(place));
    assert!(!output.status.success() && lines.len() == 2, "{text}");
    assert!(is_seen("wrong.js(2,32): error TS2345") && is_seen("wrong.js(3,20): error TS7006"), "{text}");
}

fn answers_and_trains(page: &mut Command) {
    let said = passed(page);
    let checks = [
        "a drawing is answered",
        "keys draw",
        "a finger draws",
        "pictures are dropped and chosen",
        "a sample is answered",
        "tiny by quickstart trains to",
        "tiny by fast trains to",
        "the weight file is saved with the page's hash",
        "is stopped",
        "as shown: cargo xtask train --recipe quickstart --model small",
        "as shown: cargo xtask train --recipe fast --model small",
        "refused",
        "a network's file is taken",
        "integers alone show their activations",
        "files of one's own are read",
    ];
    for check in checks {
        assert!(said.contains(check), "{check}: {said}");
    }
}

#[test]
fn reports_are_drawn_and_legible() {
    let Some(mut page) = browser("report.py", "reports in a browser") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let train = "train --data builtin --limit-train 2000 --model tiny --epochs 3 --out";
    said(folder.path(), &format!("{train} one.selvedge"));
    said(folder.path(), &format!("{train} two.selvedge --lr 0.003 --dropout 0"));
    said(folder.path(), &format!("{train} three.selvedge --optimizer sgd --lr 0.1 --schedule constant"));
    said(folder.path(), "report one.selvedge --out one.html");
    said(folder.path(), "report one.selvedge two.selvedge three.selvedge --out three.html");
    let said = passed(page.args(["one.html", "three.html"].map(|name| folder.path().join(name))));
    assert!(said.contains("ok report:") && said.contains("ok reports:"), "{said}");
}

#[test]
fn what_the_page_cannot_show_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = folder.path().join("numbers.csv");
    std::fs::write(&table, format!("a,b,label\n{}", "1,2,x\n3,4,y\n".repeat(5))).expect("a file");
    let output = xtask(&["web", "--data"]).arg(&table).arg("--out").arg(folder.path()).output().expect("cargo starts");
    let text = text(&output);
    // Where there is no compiler for the page, that is said first.
    let is_refused = text.contains("the page draws grey images of 28×28 bytes") || text.contains("setup --page");
    assert!(!output.status.success() && is_refused && !text.contains("panicked"), "{text}");
}
