//! Predicts exclusive or with two networks whose files are in the program. `xor.selvedge` is in floating point, and the example `xor` writes it.
//! `xor.int8` is another, smaller network of 8-bit integers with ReLU, with numbers that were chosen by hand. If the layers in `xor.selvedge` were not
//! those of `Model`, this would not compile.

use std::error::Error;

use selvedge::{
    Embedded, Layer,
    classification::{argmax, softmax},
    embed, mlp,
    quantized::Int8,
};

type Model = mlp!(2 => 8 Tanh => 2);

static MODEL: Embedded<Model> = embed!("xor.selvedge", as Model);
static QUANTIZED: Embedded<Int8> = embed!("xor.int8", as Int8);

fn main() -> Result<(), Box<dyn Error>> {
    // The whole file is checked here, once. Then the weights are read where they are.
    let model = MODEL.load()?.model;
    for point in [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] {
        let logits = model.run(&point);
        let mut probabilities = [0.0; 2];
        softmax(&logits, &mut probabilities);
        println!("{point:?} is {} with probability {:.3}", argmax(logits), probabilities[argmax(logits)]);
    }

    let network = QUANTIZED.load()?;
    let mut workspace = [0; QUANTIZED.required_words()];
    for sample in [[0, 0], [0, 255], [255, 0], [255, 255]] {
        let logits: [i32; 2] = network.run(&sample, &mut workspace)?;
        println!("{sample:?} is {}", argmax(logits));
    }
    Ok(())
}
