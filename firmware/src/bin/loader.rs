//! Writes a small weight file into RAM and damages it by every truncation and every flip of one bit. The loader must refuse all of these
//! files without a panic.

#![no_std]
#![no_main]

use firmware::{Failure, entry, run};
use selvedge::{
    Flat,
    embed::Aligned,
    layers, mlp,
    shape::{InputShape, Names, Signature},
    weights::{TrainingRecord, WeightFile, encode},
};

type Model = mlp!(6 => 4 Relu => 3);

const RECORD: TrainingRecord<'static> = TrainingRecord {
    seed: 1,
    dataset: "device",
    dataset_checksum: [7; 32],
    samples: 256,
    shuffled: true,
    epochs: 2,
    steps: 128,
    batch_size: 4,
    learning_rate: 1e-3,
    accuracy: 0.5,
    recipe: "optimizer = \"sgd\"\n",
};

#[entry]
fn main() -> ! {
    run(|_| damage())
}

fn damage() -> Result<(), Failure> {
    let mut model = Model::ZERO;
    layers::initialize(&mut model, RECORD.seed);
    let mut buffer = Aligned([0; 512]);
    let output_names = Names::parse(b"\x02up\x04down\x05still", 3).unwrap_or_default();
    let signature = Signature { input: Some(InputShape::Features(6)), output_names, ..Signature::default() };
    let len = encode(&model, &signature, &RECORD, &mut buffer.0)?;
    let file = &mut buffer.0[..len];

    let loaded: &Model = WeightFile::parse(file)?.model()?;
    if loaded.as_flat() != model.as_flat() {
        return Err(Failure::OtherWeights);
    }
    for end in 0..len {
        refused(&file[..end], "truncation", end)?;
    }
    let bits = 8 * len;
    for bit in 0..bits {
        file[bit / 8] ^= 1 << (bit % 8);
        refused(file, "flipped bit", bit)?;
        file[bit / 8] ^= 1 << (bit % 8);
    }
    WeightFile::parse(file)?;
    defmt::println!("{=usize} truncations and {=usize} bit flips refused", len, bits);
    Ok(())
}

fn refused(file: &[u8], damage: &'static str, place: usize) -> Result<(), Failure> {
    match WeightFile::parse(file) {
        Ok(_) => Err(Failure::Accepted { damage, place }),
        Err(_) => Ok(()),
    }
}
