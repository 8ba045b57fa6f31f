//! The checkpoints of several runs, and of one that gets another length.

use super::*;

#[test]
fn another_runs_checkpoint_is_never_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut child = long(folder, "");
    signal(&child, "INT");
    child.wait().unwrap();
    let before = fs::read(folder.join("a.checkpoint")).unwrap();
    let steps = steps_of(&folder.join("a.checkpoint"));

    let every = "--checkpoint-every 1000000";
    let error = fail(folder, &format!("{RUN} {LONG} {every}"));
    let again = format!(
        "error: a.checkpoint: this run was begun before, and is saved after step {steps}; --resume a.checkpoint"
    );
    assert!(error.starts_with(&again) && error.contains("--overwrite"), "{error}");
    let error = fail(folder, &format!("{RUN} --epochs 2 --seed 7 {every}"));
    assert!(error.contains("the checkpoint of another run (784,16,10, on builtin), after step"), "{error}");
    let error = fail(folder, &format!("{RUN} --epochs 2 {every} --checkpoint ./link/../a.checkpoint"));
    assert!(error.contains("another run"), "{error}");
    fs::write(folder.join("notes"), "mine").unwrap();
    let error = fail(folder, &format!("{RUN} --epochs 2 {every} --checkpoint notes"));
    assert!(error.contains("notes: something that is no checkpoint"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("notes")).unwrap(), "mine");

    let child = long(folder, "--seed 7");
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    error_of(&output, 130);
    assert!(tests::text(&output).contains("--resume a-2.checkpoint"), "{}", tests::text(&output));
    assert!(fs::read(folder.join("a.checkpoint")).unwrap() == before, "another run's checkpoint was replaced");

    succeed(folder, &format!("{RUN} --epochs 2 {every} --overwrite"));
    assert_eq!(steps_of(&folder.join("a.checkpoint")), 40);
    // A run that is done may be done again, also where its last step was one to be saved.
    succeed(folder, &format!("{RUN} --epochs 2 {every}"));
    for _ in 0..2 {
        succeed(folder, &format!("{RUN} --epochs 2 --checkpoint-every 10 --checkpoint ten.checkpoint"));
    }
    assert_eq!(
        names(folder),
        ["a-2.checkpoint", "a.checkpoint", "a.run.jsonl", "a.selvedge", "link", "notes", "run.jsonl", "ten.checkpoint"]
    );
}

/// Two runs from one checkpoint: the one that is second to save finds another file than it knows.
#[test]
fn a_checkpoint_that_another_run_has_replaced_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(folder, &format!("{RUN} --epochs 2 --checkpoint-every 7"));
    let resume = "train --resume a.checkpoint --data builtin --epochs 1000000 --metrics run.jsonl";
    let mut command = tests::selvedge(folder);
    command.args(words(resume));
    let child = start(command, folder, 30);
    succeed(folder, "train --resume a.checkpoint --data builtin --epochs 3 --checkpoint-every 1000");
    let others = fs::read(folder.join("a.checkpoint")).unwrap();
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    error_of(&output, 130);
    assert!(tests::text(&output).contains("--resume a-2.checkpoint"), "{}", tests::text(&output));
    assert!(fs::read(folder.join("a.checkpoint")).unwrap() == others, "another run's checkpoint was replaced");
}

#[test]
fn weights_that_are_no_numbers_replace_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let error = fail(folder, &format!("{RUN} --optimizer adam --lr 3e38 --checkpoint-every 1 --steps 5"));
    assert!(error.contains("training diverged") && error.contains("the run after step 0, with weights"), "{error}");
    succeed(folder, &format!("{RUN} --steps 1 --init a.checkpoint"));
    assert_eq!(steps_of(&folder.join("a.checkpoint")), 0);
}

#[test]
fn a_new_run_starts_from_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(folder, &format!("{RUN} --epochs 1 --checkpoint-every 1000"));
    let run = RUN.replace("a.selvedge", "b.selvedge");
    let expected = hash(&succeed(folder, &format!("{run} --epochs 1 --init a.selvedge"))).to_owned();
    for name in ["a.selvedge", "a.checkpoint"] {
        let output = shell(folder, &format!("\"$0\" {run} --epochs 1 --init <(cat {name})")).output().unwrap();
        assert!(output.status.success(), "{}", tests::text(&output));
        assert_eq!(hash(&tests::text(&output)), expected, "{name}");
    }
}

#[test]
fn a_resumed_run_gets_another_length() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let every = "--checkpoint-every 7 --metrics run.jsonl";
    let resume = "train --resume a.checkpoint --data builtin --metrics run.jsonl";
    for (first, then) in [
        ("--epochs 2", "--epochs 4"),
        ("--steps 27", "--steps 55"),
        ("--epochs 2", "--steps 55"),
        ("--steps 27", "--epochs 4"),
    ] {
        let expected = hash(&succeed(folder, &format!("{RUN} {then}"))).to_owned();
        let whole = fs::read(folder.join("a.selvedge")).unwrap();
        succeed(folder, &format!("{RUN} {first} {every} --overwrite"));
        let resumed = succeed(folder, &format!("{resume} {then}"));
        assert_eq!(hash(&resumed), expected, "{first}, {then}");
        assert!(fs::read(folder.join("a.selvedge")).unwrap() == whole, "{first}, {then}: the weight files differ");
        for shorter in ["--steps 3", "--epochs 1"] {
            let error = fail(folder, &format!("{resume} {shorter}"));
            assert!(error.contains("a.checkpoint: the run is longer already: it has taken "), "{error}");
        }
    }
    for (schedule, name) in [("cosine", "cosine"), ("one-cycle", "one-cycle"), ("cosine,final=0.1", "cosine")] {
        succeed(folder, &format!("{RUN} --epochs 2 --schedule {schedule} {every} --overwrite"));
        let error = fail(folder, &format!("{resume} --epochs 4"));
        let words = format!("a.checkpoint: epochs: the run keeps its length, because its schedule {name} is laid out");
        assert!(
            error.contains(&words) && error.contains("`train --init a.checkpoint --layers 784,16,10` starts"),
            "{error}"
        );
    }
    let error = fail(folder, &format!("{resume} --lr 1 --clip 2"));
    assert!(error.contains("--resume: the run keeps its recipe, so --lr, --clip cannot be given"), "{error}");
}

/// A checkpoint by hand whose best weights are not those of its run.
#[test]
fn weights_that_no_run_has_found_are_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("a.checkpoint");
    succeed(folder, &format!("{RUN} --epochs 2 --val-split 0.1 --early-stop 5 --checkpoint-every 1000"));
    let checkpoint = checkpoint::load(&path).unwrap();
    let description = checkpoint.description.clone();
    let layers: Architecture = description.layers.parse().unwrap();
    let options = host::recipe::RecipeOptions::parse(&description.recipe, &path).unwrap().resolve().unwrap();
    let state = checkpoint.into_state(&layers, &options).unwrap();
    let forged = |change: fn(&mut State)| {
        let mut state = checkpoint::load(&path).unwrap().into_state(&layers, &options).unwrap();
        change(&mut state);
        checkpoint::save(&folder.join("forged.checkpoint"), &state, &description).unwrap();
        fail(folder, "train --resume forged.checkpoint --data builtin")
    };
    for (error, words) in [
        (forged(|state| state.parts_mut().last().unwrap().fill(0.0)), "all numbers of the best epoch's weights are 0"),
        (
            forged(|state| *state.parts_mut().last().unwrap().last_mut().unwrap() = 0.75),
            "the best epoch's weights have a loss of ",
        ),
        (forged(|state| state.parts_mut().last().unwrap()[3] = f32::NAN), "linear_relu_stack.0.weight[0, 3] is NaN"),
        (
            forged(|state| state.network.parameters_mut()[3] = f32::INFINITY),
            "the weights: linear_relu_stack.0.weight[0, 3] is inf",
        ),
        (forged(|state| state.progress.best_loss = Some(f64::NAN)), "do not fit its recipe"),
        (forged(|state| state.progress.best_loss = None), "do not fit its recipe"),
    ] {
        assert!(error.starts_with("error: forged.checkpoint: ") && error.contains(words), "{error}");
    }
    assert_eq!(state.progress.epochs, 2);
    assert!(!folder.join("forged.selvedge").exists());
}
