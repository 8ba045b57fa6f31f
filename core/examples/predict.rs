//! Predicts with a network whose weight file is in the program: in floating point, and quantised to 8 bits. The file is the one that the
//! example `xor` writes. If it were of other layers than `Model`, this would not compile.

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
