//! Automatic differentiation, as PyTorch's tutorial "Automatic Differentiation with torch.autograd" shows it: one layer, `z = x · w + b`, and its loss.
//!
//! ```text
//! x = torch.ones(5)                                                        const X
//! y = torch.zeros(3)                                                       const Y
//! w = torch.randn(5, 3, requires_grad=True)                                model.weight, transposed
//! b = torch.randn(3, requires_grad=True)                                   model.bias
//! z = torch.matmul(x, w) + b                                               StepWorkspace::forward
//! loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)        BceWithLogits
//! loss.backward()                                                          StepWorkspace::backward
//! ```

use selvedge::{
    Flat, Layer, Linear, Portable,
    architecture::Architecture,
    layers::Features,
    loss::{BceWithLogits, Loss},
    optimizer::Gradient,
    training::{Batch, StepError, StepWorkspace},
};

type Model = Linear<5, 3>;
type Input = <Model as Layer>::Input;
type Output = <Model as Layer>::Output;

const X: [Input; 1] = [[1.0; 5]];
const Y: Output = [0.0; 3];

/// The numbers of `w` from one run of PyTorch with a fixed seed. `w` has a row for each input; a [`Linear`] has a row for each output.
const W: [[f32; 3]; 5] = [
    [0.803_276_06, 0.174_833_39, 0.088_978_1],
    [-0.613_718_03, 0.046_182_45, -1.368_259_2],
    [0.337_495_1, 1.011_115_9, -1.435_179_4],
    [0.977_431_8, 0.522_049_96, 1.237_916_7],
    [-0.864_635_6, 0.298_960_83, 0.419_218_66],
];
const B: [f32; 3] = [-0.079_854_324, 0.926_410_85, 0.815_677_5];

fn main() -> Result<(), StepError> {
    let mut model = Model::ZERO;
    for (input, weights) in W.iter().enumerate() {
        for (output, &weight) in weights.iter().enumerate() {
            model.weight[output][input] = weight;
        }
    }
    model.bias = B;
    println!("{model}");

    // The tape has the outputs of every layer for each sample of the batch. Here this is z of one sample: three numbers.
    let (mut tape, mut grad_tape) = ([0.0; Output::LEN], [0.0; Output::LEN]);
    let mut workspace = StepWorkspace { tape: &mut tape, grad_tape: &mut grad_tape };
    let batch = Batch::new(&X, &Y);
    let loss = workspace.forward(&Portable, &model, &BceWithLogits, batch, None)?;
    println!("loss = {loss}");

    // PyTorch records the operations while they run. Here the types of the model and of the loss name them.
    let operations: Vec<_> = Architecture::of::<Model>().layers().iter().rev().map(|layer| layer.grad_fn()).collect();
    println!("grad_fn of z = {}", operations.join(" <- "));
    println!("grad_fn of loss = {} <- {}", BceWithLogits::GRAD_FN, operations.join(" <- "));

    // `Gradient` is the optimizer that keeps the gradients and changes nothing; they have the model's own type.
    let mut grad = Model::ZERO;
    workspace.backward(&Portable, &Gradient, [&mut grad], &mut model, batch)?;
    println!("w.grad = {:?}", transposed(&grad.weight));
    println!("b.grad = {:?}", grad.bias);

    // Instead of `with torch.no_grad():`, call `predict`. It keeps no tape, so no backward pass is possible.
    let mut z = Output::ZERO;
    model.predict(&Portable, &X[0], &mut z);
    println!("z without a tape = {z:?}");

    // A copy stands for `z.detach()`: changing it changes neither the tape nor a gradient. (PyTorch's `detach()` shares the memory of z.)
    // `StepWorkspace::backward` calls `Layer::backward` with `grad_input: None`, so the gradient of the input x is not computed.
    let mut detached = Output::batch(&tape)[0];
    detached[0] += 1.0;
    println!("z on the tape = {:?}, detached and changed = {detached:?}", Output::batch(&tape)[0]);
    Ok(())
}

fn transposed(weight: &[[f32; 5]; 3]) -> [[f32; 3]; 5] {
    core::array::from_fn(|input| weight.each_ref().map(|weights| weights[input]))
}
