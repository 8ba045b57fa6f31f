//! A custom layer, `y = x · weight` for each feature: trained in a chain with the library's layers, written to a file and read again.

use std::error::Error;

use selvedge::{
    Activation, Chain, Engine, Flat, Identity, Layer, Linear, Portable, Relu,
    architecture::{CustomLayer, LayerDescription},
    embed::Aligned,
    flat_struct, layers,
    layers::{Pass, Tapes},
    loss::CrossEntropy,
    optimizer::{Adam, Optimizer},
    random::Generator,
    shape::Signature,
    training::Trainer,
    weights::{TrainingRecord, WeightFile, encode, load},
};

flat_struct! {
    /// A factor for each feature.
    #[derive(Debug)]
    pub struct Scale<const WIDTH: usize> {
        /// The factors.
        pub weight: [f32; WIDTH],
    }
}

impl<const WIDTH: usize> Layer for Scale<WIDTH> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = Identity;
    type Tape = [f32; WIDTH];

    const LAYERS: &'static [LayerDescription] = &[LayerDescription::Custom(CustomLayer::of::<Self>("Scale"))];

    fn initialize(&mut self, _generator: &Generator, _first: u64) {
        self.weight = [1.0; WIDTH];
    }

    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        for ((output, x), weight) in output.iter_mut().zip(input).zip(&self.weight) {
            *output = x * weight;
        }
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        for (input, output) in input.iter().zip(Self::output_mut(tape)) {
            self.predict(engine, input, output);
        }
    }

    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        let grads = Self::output(tapes.grads);
        // The gradients of the inputs, each through `P::grad`: `P` is the activation that made the inputs. They come first, because they
        // need the weights before the update.
        for ((grad_input, input), grad) in grad_input.into_iter().flatten().zip(input).zip(grads) {
            for feature in 0..WIDTH {
                grad_input[feature] = P::grad(input[feature], grad[feature] * self.weight[feature]);
            }
        }
        let mut of_weight = [0.0; WIDTH];
        for (input, grad) in input.iter().zip(grads) {
            for feature in 0..WIDTH {
                of_weight[feature] += grad[feature] * input[feature];
            }
        }
        engine.update(optimizer, self.as_flat_mut(), &of_weight, state.map(Flat::as_flat_mut));
    }
}

type Model = Chain<Linear<2, 8, Relu>, Chain<Scale<8>, Linear<8, 2>>>;

const SAMPLES: [([f32; 2], u16); 4] = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)];

fn main() -> Result<(), Box<dyn Error>> {
    let mut trainer = Trainer::<Model, 4, { Adam::STATE }>::ZERO;
    layers::initialize(&mut trainer.model, 2);
    println!("{}", trainer.model);
    for step in 1..=200 {
        let optimizer = Adam::new(step, 0.05, Adam::BETAS, Adam::EPSILON, 0.0);
        let loss =
            trainer.step(&Portable, &optimizer, &CrossEntropy::default(), &SAMPLES, |(point, class), input| {
                input.copy_from_slice(point);
                [*class]
            })?;
        if step % 50 == 0 {
            println!("step {step}: loss {loss:.4}");
        }
    }
    println!("weight = {:?}", trainer.model.tail.head.weight);

    // `load` can read this file, because it knows the model's type. `WeightFile::parse` knows only the library's layers, and returns an error.
    let mut file = Aligned([0; 1024]);
    let len = encode(&trainer.model, &Signature::default(), &TrainingRecord::default(), &mut file.0)?;
    let loaded = load::<Model>(&file.0[..len])?;
    println!("loaded again: {}", loaded.model.as_flat() == trainer.model.as_flat());
    if let Err(error) = WeightFile::parse(&file.0[..len]) {
        println!("elsewhere: {error}");
    }
    Ok(())
}
