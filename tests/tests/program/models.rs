//! The weights that come with the project are what docs/recipes.md says.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::PathBuf, process::Command};

fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Each of the project's weight files, with its row of docs/recipes.md.
fn documented() -> Vec<(PathBuf, String)> {
    let docs = fs::read_to_string(tests::workspace().join("docs/recipes.md")).unwrap();
    let of = |name| {
        let file = tests::workspace().join("models").join(name).with_extension("selvedge");
        let row = docs.lines().find(|line| line.contains(&format!("`models/{name}.selvedge`"))).unwrap();
        (file, row.to_owned())
    };
    ["quickstart", "small"].map(of).to_vec()
}

#[test]
fn the_projects_weights_are_of_the_recipe_best_and_have_the_documented_hash() {
    let folder = tempfile::tempdir().unwrap();
    let best = stdout(tests::selvedge(folder.path()).args(["recipes", "best"]));
    let best: Vec<_> = best.lines().filter(|line| !line.starts_with("description")).collect();
    for (file, row) in documented() {
        let inspected = stdout(tests::selvedge(folder.path()).arg("inspect").arg(&file));
        let hash = inspected.trim_end().rsplit_once("Weights: SHA-256 ").unwrap().1;
        assert!(row.contains(&format!("`{hash}`")), "{row}: {hash}");
        for line in &best {
            assert!(inspected.contains(&format!("    {line}\n")), "{line}: {inspected}");
        }
    }
}

#[test]
fn the_projects_weights_have_the_documented_accuracy() {
    let Some(data) = tests::fashion_mnist("the accuracy of the project's weights") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (file, row) in documented() {
        let eval = stdout(tests::selvedge(folder.path()).arg("eval").arg(&file).arg("--data").arg(&data));
        let (_, accuracy) = eval.split_once("Accuracy: ").unwrap();
        let accuracy = accuracy.split('%').next().unwrap();
        assert!(row.contains(&format!("| {accuracy}% |")), "{row}: {accuracy}");
    }
}
