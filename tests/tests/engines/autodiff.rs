//! The example `autodiff`: what it prints is what PyTorch computes for the same numbers.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use serde::Deserialize;

#[derive(Deserialize)]
struct Gradients {
    one_layer: OneLayer,
}

#[derive(Deserialize)]
struct OneLayer {
    loss: f32,
    w_grad: [[f32; 3]; 5],
    b_grad: [f32; 3],
}

/// Returns the text after `name = ` in its line.
fn printed<'a>(output: &'a str, name: &str) -> &'a str {
    let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    line.unwrap_or_else(|| panic!("no line `{name} = …` in:\n{output}"))
}

fn assert_close(found: f32, expected: f32) {
    assert!((found / expected - 1.0).abs() < 4.0 * f32::EPSILON, "{found}, not {expected}");
}

#[test]
fn the_example_prints_pytorchs_gradients() {
    let output = super::examples::run("autodiff", &[]);
    let file = std::fs::read(tests::workspace().join("tests/data/gradients.json")).unwrap();
    let OneLayer { loss, w_grad, b_grad } = serde_json::from_slice::<Gradients>(&file).unwrap().one_layer;

    assert_close(printed(&output, "loss").parse().unwrap(), loss);
    let found: [[f32; 3]; 5] = serde_json::from_str(printed(&output, "w.grad")).unwrap();
    found
        .as_flattened()
        .iter()
        .zip(w_grad.as_flattened())
        .for_each(|(&found, &expected)| assert_close(found, expected));
    let found: [f32; 3] = serde_json::from_str(printed(&output, "b.grad")).unwrap();
    found.iter().zip(b_grad).for_each(|(&found, expected)| assert_close(found, expected));

    assert_eq!(printed(&output, "grad_fn of z"), "AddmmBackward0");
    assert_eq!(printed(&output, "grad_fn of loss"), "BinaryCrossEntropyWithLogitsBackward0 <- AddmmBackward0");
    assert!(output.contains("Linear(in_features=5, out_features=3, bias=True)"), "{output}");
    let (on_tape, changed) = printed(&output, "z on the tape").split_once(", detached and changed = ").unwrap();
    assert_eq!(on_tape, printed(&output, "z without a tape"));
    assert_ne!(on_tape, changed);
}
