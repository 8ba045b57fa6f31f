//! Checkpoints and outputs that are refused: every file stays as it is.

use super::*;

#[test]
fn what_is_no_good_checkpoint_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    uninterrupted(folder);
    let (good, weights) = (fs::read(folder.join(CHECKPOINT)).unwrap(), fs::read(folder.join(WEIGHTS)).unwrap());
    let refused = |file: &[u8], why: &str| {
        fs::write(folder.join("bad.checkpoint"), file).unwrap();
        let error = fail(folder, "train --resume bad.checkpoint --data builtin");
        assert!(error.starts_with("error: bad.checkpoint: ") && error.contains(why), "{why}: {error}");
        assert!(fs::read(folder.join("bad.checkpoint")).unwrap() == file, "{why}: the file changed");
    };
    refused(&[], "truncated");
    for length in [1, 7, 8, 9, 15, 16, 17, 47, 48, 100, 1000, good.len() / 2, good.len() - 33, good.len() - 1] {
        refused(&good[..length], "truncated");
    }
    refused(&[&good[..], &[0]].concat(), "damaged");
    refused(&weights, "no checkpoint");
    let places = Generator::new(1, Purpose::Shuffle, 0);
    let anywhere = (0..30).map(|i| places.below(i, good.len() as u32) as usize);
    for place in (0..50).chain(anywhere).chain([good.len() - 32, good.len() - 1]) {
        let mut damaged = good.clone();
        damaged[place] ^= 1 << (places.bits(place as u64) % 8);
        let why = match place {
            0..8 => "no checkpoint",
            // A longer length than the file's makes it too short, a shorter one too long.
            8..16 => "the checkpoint is ",
            _ => "damaged",
        };
        refused(&damaged, why);
    }
    assert!(fail(folder, "train --resume missing.checkpoint").starts_with("error: missing.checkpoint: cannot read"));
    assert!(fail(folder, "train --resume weights").starts_with("error: weights: cannot read"));
    assert_eq!(fs::read(folder.join(WEIGHTS)).unwrap(), weights);
}

#[test]
fn a_checkpoint_goes_on_with_its_own_recipe_and_data_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    uninterrupted(folder);
    let files = || [CHECKPOINT, WEIGHTS, "run.jsonl"].map(|name| fs::read(folder.join(name)).unwrap());
    let before = files();
    for option in ["--recipe best", "--model tiny", "--layers 784,16,10", "--init x.npz", "--limit-train 600"] {
        let error = String::from_utf8(command(folder, &format!("{RESUME} {option}")).output().unwrap().stderr).unwrap();
        let name = option.split_whitespace().next().unwrap();
        let expected = match name {
            "--model" => "error: the argument '--resume <FILE>' cannot be used with".to_owned(),
            _ => format!("error: --resume: the run keeps its recipe, network and samples, so {name} cannot be given"),
        };
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.contains(name), "{error}");
    }
    for (name, count) in [("fewer", 50), ("more", 700)] {
        tests::write_small_data(&folder.join(name), [count; 2]);
        let error = fail(folder, &RESUME.replace("builtin", name));
        let expected = format!("error: {CHECKPOINT}: the run was trained on 600 samples of builtin");
        assert!(error.starts_with(&expected), "{error}");
    }
    assert!(files() == before, "a file changed");
}

/// Writes a checkpoint of a run on the built-in set, of which the model holds nothing.
fn write_checkpoint(path: &Path, recipe: &str, layers: &str, progress: Progress) {
    let data = host::data::load(Some("builtin".as_ref())).unwrap();
    let mut state = State::initialized(&Architecture::of::<Tiny>(), &TrainingOptions::QUICKSTART).unwrap();
    state.progress = progress;
    checkpoint::save(path, &state, &Description::new(recipe.into(), layers.into(), &data)).unwrap();
}

#[test]
fn a_checkpoint_of_a_network_that_does_not_fit_the_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (layers, words) in [
        ("700,16,10", "a.checkpoint: the network takes 700 inputs"),
        ("784,16,9", "a.checkpoint: the network tells 9 classes apart"),
        ("784,17,10", "a.checkpoint: the checkpoint holds 12730 numbers"),
        ("784 => 16 ReLU => 10", "a.checkpoint: "),
    ] {
        write_checkpoint(&folder.join("a.checkpoint"), "", layers, Progress::default());
        let error = fail(folder, "train --resume a.checkpoint --data builtin");
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_place_that_is_none_of_the_run_is_an_error_of_the_file_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let progress = Progress { steps: 7, ..Progress::default() };
    write_checkpoint(&folder.join("read.checkpoint"), "", "784,16,10", progress);
    let error = fail(folder, "train --resume read.checkpoint --checkpoint written.checkpoint --data builtin");
    assert!(
        error.starts_with(
            "error: read.checkpoint: the checkpoint's counters, after 7 steps in epoch 1, do not fit its recipe"
        ),
        "{error}"
    );
}

#[test]
fn where_nothing_can_be_written_nothing_is_done_or_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    uninterrupted(folder);
    let files = || [CHECKPOINT, WEIGHTS, "run.jsonl"].map(|name| fs::read(folder.join(name)).unwrap());
    let before = files();
    for (option, file) in [
        (format!("--checkpoint {WEIGHTS}/below"), format!("{WEIGHTS}/below")),
        ("--checkpoint weights".to_owned(), "weights".to_owned()),
        (format!("--out {WEIGHTS}/below"), format!("{WEIGHTS}/below")),
        (format!("--metrics {WEIGHTS}/below"), format!("{WEIGHTS}/below")),
    ] {
        for run in [RUN.replace(" --metrics run.jsonl", ""), RESUME.replace(" --metrics run.jsonl", "")] {
            let output = command(folder, &format!("{run} {option} --checkpoint-every 1 --overwrite")).output().unwrap();
            let error = error_line(&output, 1);
            assert!(error.starts_with(&format!("error: cannot write {file}: ")), "{error}");
            assert!(!String::from_utf8_lossy(&output.stdout).contains("Epoch"), "{}", tests::text(&output));
            assert!(files() == before, "{run} {option}: a file changed");
        }
    }
}

/// A limit to a file's size is as good as a full disk.
#[cfg(unix)]
#[test]
fn on_a_full_disk_the_last_good_checkpoint_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = uninterrupted(folder);
    let files = || [CHECKPOINT, WEIGHTS].map(|name| fs::read(folder.join(name)).unwrap());
    let before = files();
    let full = |arguments: &str| {
        let program = tests::selvedge(folder);
        let mut limited = Command::new("sh");
        // 64 blocks are less than the 50 kB of the weights. The signal that says so would end the program at once.
        limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]).arg(program.get_program());
        limited.args(arguments.split_whitespace()).current_dir(folder);
        limited.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited
    };
    let left_is = |error: &str, file: &str| {
        assert!(error.starts_with(&format!("error: cannot write {file}: there is no room for its ")), "{error}");
        assert!(files() == before, "a file changed: {error}");
        let names = fs::read_dir(folder.join("weights")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.count(), 3, "a temporary file is left");
    };
    // Nothing is begun that could not be saved.
    for run in [RUN, RESUME] {
        left_is(&error_line(&full(run).output().unwrap(), 1), WEIGHTS);
    }
    fs::remove_file(folder.join("run.jsonl")).unwrap();
    assert_eq!(Left::by(folder, &succeed(folder, RESUME)).hash, expected.hash);
}
