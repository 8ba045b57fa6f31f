//! Trains a network on exclusive or, and writes its weight file to a path, if one is given: `cargo run -p core --example xor -- xor.selvedge`.

use std::{env, error::Error, fs};

use selvedge::{
    Flat, Layer, Portable, classification::argmax, layers, loss::CrossEntropy, mlp, optimizer::Sgd, shape::Signature,
    training::Trainer, weights,
};

type Model = mlp!(2 => 8 Tanh => 2);

const SAMPLES: [([f32; 2], u16); 4] = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)];

fn main() -> Result<(), Box<dyn Error>> {
    let mut trainer = Trainer::<Model, 4>::ZERO;
    layers::initialize(&mut trainer.model, 1);
    for step in 0..500 {
        let load = |(point, class): &([f32; 2], u16), input: &mut [f32]| {
            input.copy_from_slice(point);
            [*class]
        };
        let loss = trainer.step(&Portable, &Sgd::new(0.5), &CrossEntropy::default(), &SAMPLES, load)?;
        if step % 100 == 99 {
            println!("step {}: loss {loss:.4}", step + 1);
        }
    }
    for (point, _) in &SAMPLES {
        println!("{point:?} is {}", argmax(trainer.model.run(point)));
    }
    match env::args_os().nth(1) {
        Some(path) => Ok(fs::write(path, file_of(&trainer.model)?)?),
        None => Ok(()),
    }
}

/// The model's weight file, with what is known of its training.
fn file_of(model: &Model) -> Result<Vec<u8>, weights::WeightFileError> {
    let signature = Signature::default();
    let record = weights::TrainingRecord { seed: 1, steps: 500, learning_rate: 0.5, ..Default::default() };
    let mut file = vec![0; weights::encoded_len(Model::DEPTH, Model::LEN, &signature, &record)];
    let len = weights::encode(model, &signature, &record, &mut file)?;
    file.truncate(len);
    Ok(file)
}
