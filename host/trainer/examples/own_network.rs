//! Trains a network with layers of your choice on numbers in memory, on all threads. Writes it to a file, and reads it again. It uses the library
//! in place of the command line: `cargo run -p trainer --example own_network -- circle.selvedge`.
//!
//! Your own program names both libraries in its `Cargo.toml`:
//!
//! ```toml
//! selvedge = { package = "core", path = "…/selvedge/core" }
//! trainer = { path = "…/selvedge/host/trainer", default-features = false }
//! ```

use std::{env, error::Error, num::NonZero, path::Path, thread};

use selvedge::{
    architecture::Architecture,
    random::{Generator, Purpose},
    shape::InputShape,
    weights::TrainingRecord,
};
use trainer::{
    classes::Classes,
    data::{Dataset, Split},
    engine::{InstructionSet, Simd},
    model_file::ModelFile,
    recipe::RecipeOptions,
    training::{self, Epoch, Observer, State, TrainingError},
    weights,
};

/// The keys are those of a recipe file, and of `train`'s options.
const RECIPE: &str = "epochs = 40\nbatch-size = 16\noptimizer = 'adamw'\nlr = 0.01\nschedule = 'one-cycle'";

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).unwrap_or_else(|| "circle.selvedge".into());
    let path = Path::new(&path);

    // The data: rows of two features, as an array or a table in memory has them, and a class of each row.
    let (features, classes) = (["x", "y"], Classes::named(["outside", "inside"])?);
    let parts = [points(0..1000), points(1000..1500)].map(|(values, labels)| Split::of_floats(2, &values, labels));
    let mut data = Dataset::new("circle", InputShape::Features(2), classes, parts);
    data.feature_names = features.map(String::from).to_vec();

    // The network and the way to train it.
    let layers: Architecture = "2 => 16 Relu => 16 Tanh => 2".parse()?;
    data.check(&layers)?;
    let options = RecipeOptions::parse(RECIPE, Path::new("the recipe"))?.resolve()?;
    data.standardize(options.standardize);

    let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let engine = Simd::new(InstructionSet::from_environment()?, threads)?;
    let mut state = State::initialized(&layers, &options)?;
    let last = training::train(&engine, &mut state, &data, &options, &mut Printer)?;

    // The weight file knows the features, the classes and the way from raw values to inputs.
    let trained = state.result();
    let accuracy = last.test.score();
    let record = TrainingRecord {
        seed: options.seed,
        dataset: &data.name,
        dataset_checksum: data.checksum,
        samples: data.train.len() as u32,
        shuffled: options.shuffle,
        epochs: state.progress.epochs,
        steps: state.progress.steps,
        batch_size: options.batch_size as u32,
        learning_rate: options.learning_rate as f32,
        accuracy: accuracy as f32,
        recipe: RECIPE,
    };
    weights::save(path, &layers, trained.parameters(), &data.signature(layers.outputs()).get(), &record)?;
    println!("saved {}, SHA-256 {}", path.display(), weights::hash(trained.parameters()));

    // Read again, it answers for raw values.
    let bytes = weights::read(path)?;
    let file = ModelFile::parse(&bytes)?;
    let again = file.evaluate(&engine, &data.test)?;
    println!("accuracy {:.1}%, read again {:.1}%", 100.0 * accuracy, 100.0 * again.score());
    for point in [[0.1_f32, -0.2], [0.9, 0.9]] {
        let sample: Vec<u8> = point.into_iter().flat_map(f32::to_le_bytes).collect();
        let class = file.logits(&engine, &sample)?.get(0).class();
        println!("{point:?} is {}", file.classes().name(class));
    }
    Ok(())
}

/// Points from −1 to 1 in both directions, one after the other, and of each 1 where it lies in the circle of radius 0.7.
fn points(indices: std::ops::Range<u64>) -> (Vec<f32>, Vec<u16>) {
    let draws = Generator::new(7, Purpose::Drawing, 0);
    let point = |index: u64| [2 * index, 2 * index + 1].map(|draw| draws.symmetric(draw, 1.0));
    let label = |index: u64| u16::from(point(index).iter().map(|x| x * x).sum::<f32>() < 0.49);
    (indices.clone().flat_map(point).collect(), indices.map(label).collect())
}

/// Prints every tenth epoch.
struct Printer;

impl Observer for Printer {
    type Error = TrainingError;

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<(), TrainingError> {
        if epoch.number % 10 == 9 {
            println!(
                "epoch {}: loss {:.4}, accuracy {:.1}%",
                epoch.number + 1,
                epoch.test.loss,
                100.0 * epoch.test.score()
            );
        }
        Ok(())
    }
}
