//! The program `selvedge`, copied out of the repository, with data and networks of other shapes.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, process::Command};

use selvedge::shape::InputShape;

/// A binary that is copied anywhere works with data of any shape and any network.
#[test]
fn a_copied_program_does_everything_with_other_data() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_data(folder, InputShape::Features(12), 3, [300, 60]);
    fs::write(folder.join("classes.txt"), "left\nright\nstill\n").unwrap();
    let original = tests::selvedge(folder);
    let copy = folder.join("copy");
    // By a program of its own: where this process writes the copy, a program that another test starts meanwhile holds it open, and it cannot run.
    assert!(Command::new("cp").arg(original.get_program()).arg(&copy).status().unwrap().success());
    let run = |arguments: &str| {
        let output = Command::new(&copy).args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", tests::text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let trained = run("train --data . --layers 12,40,3 --epochs 60 --lr 0.01 --device cpu --out waves.selvedge");
    assert!(trained.contains("(0): Linear(in_features=12, out_features=40, bias=True)"), "{trained}");
    let eval = run("eval waves.selvedge --data .");
    let accuracy: f64 = eval.split_once("Accuracy: ").unwrap().1.split('%').next().unwrap().parse().unwrap();
    assert!(accuracy > 90.0 && eval.contains("on the 60 test samples"), "{eval}");
    assert!(eval.contains(" still ") && eval.contains("Confusion"), "{eval}");
    let inspected = run("inspect waves.selvedge");
    assert!(inspected.contains("From 12 features to 3 classes: left, right, still"), "{inspected}");

    for format in ["f32", "f16", "int8", "int4"] {
        let text = run(&format!("quantize waves.selvedge --data . --format {format} --out waves.{format}"));
        assert!(text.contains("of 60 samples are proved"), "{text}");
        assert!(run(&format!("eval waves.{format} --data .")).contains(" still "));
        let values = ["165"; 12].join(",");
        let text = run(&format!("predict waves.{format} --values {values} t10k-images-idx2-ubyte"));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 61);
        assert!(lines[0].starts_with("t10k-images-idx2-ubyte, sample 0: left (left "), "{text}");
        assert!(lines[60].starts_with(&format!("{values}: still (still ")), "{text}");
    }
    run("quantize waves.selvedge --data . --qat --format int4 --out tuned.int4");
    for file in ["a.safetensors", "a.npz", "a.onnx", "again.selvedge"] {
        assert!(run(&format!("convert waves.selvedge {file}")).contains(&format!("Saved {file}, 12-40-3, ")));
    }
    assert_eq!(fs::read(folder.join("again.selvedge")).unwrap(), fs::read(folder.join("waves.selvedge")).unwrap());
    assert!(run("convert a.npz b.selvedge").contains("12-40-3"));
    // A network that the data decides, and one of 63 layers.
    assert!(run("train --data . --model tiny --steps 2 --device cpu").contains("in_features=12, out_features=16"));
    let deep = ["4"; 31].join(",");
    run(&format!("train --data . --layers 12,{deep},3 --dropout 0 --steps 2 --device cpu --out deep.selvedge"));
    assert!(run("eval deep.selvedge --data .").contains("Accuracy"));
}
