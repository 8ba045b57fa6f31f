//! Trains the model in static RAM, by the recipe in `training.toml`. The host reaches the same weights.

#![no_std]
#![no_main]

use firmware::{
    Failure,
    board::{self, BATCH, EPOCHS, INPUTS, Model, SAMPLE_LEN, SEED},
    counter::{Counter, UNIT},
    embed, entry, run,
};
use selvedge::{
    Flat, Portable, idx, layers, loss::CrossEntropy, optimizer::Sgd, preparation::Preparation, random,
    training::Trainer, weights::hash,
};
use static_cell::ConstStaticCell;

const SAMPLES: &[u8] = embed!("samples.idx");
const LABELS: &[u8] = embed!("labels.idx");

type Order = [u32; board::SAMPLES];

#[entry]
fn main() -> ! {
    static TRAINER: ConstStaticCell<Trainer<Model, BATCH>> = ConstStaticCell::new(Trainer::ZERO);
    static ORDER: ConstStaticCell<Order> = ConstStaticCell::new([0; board::SAMPLES]);
    run(|counter| {
        let (trainer, order) = TRAINER.try_take().zip(ORDER.try_take()).ok_or(Failure::SecondRun)?;
        train(counter, trainer, order)
    })
}

fn train(counter: &Counter, trainer: &mut Trainer<Model, BATCH>, order: &mut Order) -> Result<(), Failure> {
    let samples = idx::samples(SAMPLES)?;
    let labels = idx::labels(LABELS)?;
    if samples.len() != order.len() {
        return Err(Failure::Samples { expected: order.len(), found: samples.len() });
    }
    let preparation = Preparation::parse(board::PREPARATION, INPUTS, false).unwrap_or_default();
    let load = |&sample: &u32, input: &mut [f32]| {
        let bytes = samples.bytes().get(sample as usize * SAMPLE_LEN..).unwrap_or_default();
        preparation.write(bytes, input);
        [u16::from(labels[sample as usize])]
    };

    let optimizer = Sgd::new(board::LEARNING_RATE);
    layers::initialize(&mut trainer.model, SEED);
    let mut total = 0;
    for epoch in 0..EPOCHS {
        let (loss, count) = counter.measure(|| {
            random::shuffle(order, SEED, epoch);
            let mut sum = 0.0;
            for batch in order.chunks(BATCH) {
                sum += trainer.step(&Portable, &optimizer, &CrossEntropy::default(), batch, load)?;
            }
            Ok::<_, Failure>(sum / order.len().div_ceil(BATCH) as f32)
        });
        defmt::println!("epoch {=u64}: loss {=f32}", epoch, loss?);
        total += count;
    }
    defmt::println!("{=u64} {=str}", total, UNIT);
    let [a, b, c, d] = digest_words(trainer.model.as_flat());
    defmt::println!("weights {=u64:016x}{=u64:016x}{=u64:016x}{=u64:016x}", a, b, c, d);
    Ok(())
}

/// Returns the weight hash, for printing as one number of 64 digits.
fn digest_words(parameters: &[f32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(hash(parameters).as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}
