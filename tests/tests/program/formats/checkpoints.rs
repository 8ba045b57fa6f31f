//! Checkpoints, as Rust and the second reader see them.

use std::{fs, path::Path};

use host::{
    data,
    recipe::RecipeOptions,
    training::{
        Progress, State,
        checkpoint::{self, Description},
    },
    weights,
};
use selvedge::{
    architecture::Architecture,
    random::{Generator, Purpose},
};
use serde_json::{Value, json};

use super::{
    hex,
    second_reader::{assert_same, is_refused, merged, noise, second_reader, shown_layers},
};

/// Returns SHA-256 of bytes. It uses the checksum of a data set that has no features, and whose labels are these bytes.
fn sha256(bytes: &[u8]) -> [u8; 32] {
    data::Split::new(0, Vec::new(), bytes.iter().map(|&byte| byte.into()).collect()).checksum()
}

/// Writes the right length into a checkpoint that lacks its checksum, and appends the right checksum.
fn sealed(mut checked: Vec<u8>) -> Vec<u8> {
    let length = checked.len() + 32;
    checked[8..16].copy_from_slice(&(length as u64).to_le_bytes());
    let checksum = sha256(&checked);
    checked.extend(checksum);
    checked
}

/// A recipe whose checkpoint has five flat models: the weights, two of the optimizer, the average, and the best epoch.
const RECIPE: &str = "optimizer = \"adamw\"\nema = 0.9\nval-split = 0.5\nearly-stop = 3\n";

/// A checkpoint for each of these layers, and where its numbers begin.
fn checkpoints(folder: &Path) -> Vec<(Vec<u8>, usize)> {
    let options = RecipeOptions::parse(RECIPE, folder).unwrap().resolve().unwrap();
    let path = folder.join("good.checkpoint");
    let of_layers = |(layers, best_loss): (&str, _)| {
        let mut state = State::initialized(&layers.parse().unwrap(), &options).unwrap();
        // A run's average and best weights are never all zeros.
        state.parts_mut().skip(1).for_each(|part| part.fill(0.25));
        state.progress =
            Progress { epochs: 300, seen: 5, steps: 1 << 33, batches: 128, best_loss, epochs_since_best: 2 };
        let description = Description::new(RECIPE.into(), layers.into(), &noise());
        checkpoint::save(&path, &state, &description).unwrap();
        let bytes = fs::read(&path).unwrap();
        let numbers = bytes.len() - 32 - state.parts().map(size_of_val).sum::<usize>();
        (bytes, numbers)
    };
    [("6,9,2", None), ("6 => 9 BatchNorm1d Relu Dropout => 2 LogSoftmax", Some(0.75))].map(of_layers).into()
}

/// The content of a checkpoint as the second reader is to show it, or none where it is refused.
fn checkpoint_content(bytes: &[u8], path: &Path) -> Option<Value> {
    fs::write(path, bytes).unwrap();
    let checkpoint = checkpoint::load(path).ok()?;
    let Description { recipe, layers, dataset, samples, dataset_checksum, progress } = checkpoint.description.clone();
    let Progress { epochs, seen, steps, batches, best_loss, epochs_since_best } = progress;
    let content = json!({
        "format": "checkpoint",
        "version": 1,
        "recipe": recipe,
        "layers": layers,
        "dataset": dataset,
        "samples": samples,
        "dataset_checksum": hex(&dataset_checksum),
        "progress": {
            "epochs": epochs, "seen": seen, "steps": steps, "batches": batches,
            "best_loss": best_loss.map(|loss| hex(&loss.to_le_bytes())), "epochs_since_best": epochs_since_best,
        },
    });
    let Ok(architecture) = layers.parse::<Architecture>() else { return Some(content) };
    let numbers = 5 * architecture.parameter_count().unwrap();
    // The second reader takes any numbers; of these, a run takes as many as it has.
    let options = RecipeOptions::parse(RECIPE, path).unwrap().resolve().unwrap();
    let numbers = match checkpoint.into_state(&architecture, &options) {
        Ok(state) => {
            let parts: Vec<f32> = state.parts().flatten().copied().collect();
            json!({ "numbers": numbers, "numbers_sha256": weights::hash(&parts) })
        }
        Err(error) => {
            assert!(error.to_string().contains(&format!("has {numbers}")), "{error}");
            json!({})
        }
    };
    Some(merged(merged(content, json!({ "network": shown_layers(&architecture) })), numbers))
}

/// Checkpoints, and what is near them with a length and a checksum that fit: both readers take the same ones, and read the same in them.
#[test]
fn both_readers_take_the_same_checkpoints() {
    const MUTATIONS: u64 = 600;
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut is_refused_by_both) = (Vec::new(), Vec::new());
    for (number, (file, numbers)) in checkpoints(folder.path()).into_iter().enumerate() {
        let checked = &file[..file.len() - 32];
        assert_eq!(sealed(checked.to_vec()), file);
        for mutation in 0..MUTATIONS {
            let generator = Generator::new(number as u64, Purpose::Drawing, mutation);
            let mut bytes = checked.to_vec();
            let place = 16 + generator.below(0, numbers as u32 - 16) as usize;
            match generator.below(1, 6) {
                0 | 1 => bytes[place] ^= 1 << generator.below(2, 8),
                2 => bytes[place] = bytes[place].wrapping_add(1),
                3 => bytes[place] = [0, 1, 2, 0x7f, 0x80, 0xff, b' ', b','][generator.below(2, 8) as usize],
                4 => drop(bytes.remove(place)),
                _ => bytes.insert(place, [0, 1, 0x80, b' ', b',', b'0', b'\n'][generator.below(2, 7) as usize]),
            }
            files.push(sealed(bytes));
        }
        // Cut short, at each place of the description and in the numbers.
        files.extend((16..numbers + 9).map(|end| sealed(checked[..end].to_vec())));
        files.push(sealed([checked, &[0; 4]].concat()));
        // A byte too many in the version and in the recipe's length; another version; a length and a checksum that do not fit.
        let refused = [
            sealed([&checked[..16], &[0x81, 0], &checked[17..]].concat()),
            sealed([&checked[..17], &[checked[17] | 0x80, 0], &checked[18..]].concat()),
            sealed([&checked[..16], &[2], &checked[17..]].concat()),
            [&checked[..8], &[0; 8], &checked[16..], &sha256(checked)].concat(),
            [&file[..file.len() - 1], &[!file[file.len() - 1]]].concat(),
            file[..40].to_vec(),
        ];
        is_refused_by_both.extend(files.len()..files.len() + refused.len());
        files.extend(refused);
        files.push(file);
    }
    let Some(answers) = second_reader(&files) else { return };
    let (mut taken, mut networks) = (0, 0);
    for (file, answer) in files.iter().zip(&answers) {
        match checkpoint_content(file, &folder.path().join("a.checkpoint")) {
            Some(content) => {
                assert_same(answer, &content);
                assert_eq!(content["network"].is_null(), is_refused(&answer["network"]), "{answer}");
                networks += usize::from(!content["network"].is_null());
            }
            None => assert!(is_refused(answer), "only Rust refuses {}: {answer}", hex(file)),
        }
        taken += usize::from(!is_refused(answer));
    }
    assert!(is_refused_by_both.iter().all(|&index| is_refused(&answers[index])));
    assert!((files.len() / 5..files.len() * 4 / 5).contains(&taken), "{taken} of {}", files.len());
    assert!((taken / 5..taken).contains(&networks), "{networks} of {taken}");
}
