//! A custom training loop: mini-batches in a new random order in each epoch, AdamW, a learning rate for each step, and a test after every fifth
//! epoch. The network learns which points lie in a circle.

use selvedge::{
    Layer, Portable,
    classification::argmax,
    layers,
    loss::CrossEntropy,
    mlp,
    optimizer::Adam,
    random::{self, Generator, Purpose},
    schedule::Schedule,
    training::{StepError, Trainer},
};

const BATCH: usize = 16;
const SAMPLES: usize = 512;
const EPOCHS: u64 = 20;
const SEED: u64 = 7;

type Model = mlp!(2 => 16 Relu => 16 Relu => 2);

/// A point from −1 to 1 in both directions, and 1 where it lies in the circle of radius 0.7.
fn sample(index: u64) -> ([f32; 2], u16) {
    let draws = Generator::new(SEED, Purpose::Drawing, 0);
    let [x, y] = [2 * index, 2 * index + 1].map(|draw| draws.symmetric(draw, 1.0));
    ([x, y], u16::from(x * x + y * y < 0.49))
}

fn main() -> Result<(), StepError> {
    // AdamW keeps two numbers for each parameter: they are in the trainer.
    let mut trainer = Trainer::<Model, BATCH, { Adam::STATE }>::ZERO;
    layers::initialize(&mut trainer.model, SEED);
    let schedule = Schedule::one_cycle(EPOCHS * (SAMPLES / BATCH) as u64);
    let mut order: [u32; SAMPLES] = core::array::from_fn(|index| index as u32);
    let mut step = 0;
    for epoch in 0..EPOCHS {
        random::shuffle(&mut order, SEED, epoch);
        let mut loss = 0.0;
        for batch in order.chunks(BATCH) {
            let learning_rate = schedule.learning_rate(0.02, step);
            step += 1;
            let optimizer = Adam::decoupled(step, learning_rate, Adam::BETAS, Adam::EPSILON, 0.01);
            loss += trainer.step(&Portable, &optimizer, &CrossEntropy::default(), batch, |&index, input| {
                let (point, class) = sample(index.into());
                input.copy_from_slice(&point);
                [class]
            })?;
        }
        if epoch % 5 == 4 {
            println!(
                "epoch {}: loss {:.4}, accuracy {:.1}%",
                epoch + 1,
                loss / (SAMPLES / BATCH) as f32,
                100.0 * accuracy(&trainer.model)
            );
        }
    }
    Ok(())
}

/// The part of 1,000 other points that is classified rightly.
fn accuracy(model: &Model) -> f32 {
    let others = (SAMPLES as u64..).take(1_000).map(sample);
    others.filter(|(point, class)| argmax(model.run(point)) == usize::from(*class)).count() as f32 / 1_000.0
}
