//! The page of `cargo xtask web` and reports of runs, made as a user makes them and opened in a browser.

use tests::{
    browser::{browser, passed},
    said, text, xtask,
};

#[test]
fn the_page_predicts_and_trains_to_the_command_lines_hash() {
    let what = "the page in a browser";
    let Some(mut page) = browser("page.py", what) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("page");
    let output = xtask(&["web", "--data", "builtin", "--out"]).arg(&out).output().expect("cargo starts");
    assert!(output.status.success(), "{}", text(&output));
    let said = passed(page.arg(&out));
    let checks =
        ["a drawing is answered", "keys draw", "a sample is answered", "tiny trains to", "is stopped", "refused"];
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
