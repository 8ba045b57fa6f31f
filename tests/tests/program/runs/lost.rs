//! Runs that lose an output, a disk or their numbers.

use super::*;

#[test]
fn whoever_reads_no_further_loses_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = succeed(folder, &format!("{RUN} --epochs 30"));
    fs::remove_file(folder.join("a.selvedge")).unwrap();
    let script = format!("set -o pipefail; \"$0\" {RUN} --epochs 30 | head -3");
    let output = shell(folder, &script).output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("training goes on"), "{}", tests::text(&output));
    let inspected = succeed(folder, "inspect a.selvedge");
    assert!(inspected.contains(hash(&whole)), "{inspected}");
}

#[test]
fn lost_lines_are_an_error_beside_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let output = shell(folder, &format!("\"$0\" {RUN} --epochs 1 > /dev/full")).output().unwrap();
    assert!(error_of(&output, 1).contains("the weights are saved"), "{}", tests::text(&output));
    assert!(folder.join("a.selvedge").exists());
    for closed in [">&-", "2>&-", ">&- 2>&-"] {
        fs::remove_file(folder.join("a.selvedge")).unwrap();
        let output = shell(folder, &format!("\"$0\" {RUN} --epochs 1 {closed}")).output().unwrap();
        assert!(output.status.success() && folder.join("a.selvedge").exists(), "{closed}: {}", tests::text(&output));
    }
}

#[test]
fn a_run_whose_metrics_are_lost_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = succeed(folder, &format!("{RUN} --epochs 30"));
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let (reader, writer) = (folder.join("pipe"), folder.to_owned());
    let reading = thread::spawn(move || File::open(reader).unwrap().read_exact(&mut [0; 1000]).unwrap());
    let error = fail(&writer, &format!("{RUN} --epochs 30 --metrics pipe"));
    reading.join().unwrap();
    assert!(error.starts_with("error: cannot write pipe: ") && error.contains("a.checkpoint"), "{error}");
    let step = steps_of(&folder.join("a.checkpoint"));
    assert!(step > 0 && error.contains(&format!("the run after step {step} is saved")), "{error}");
    let resumed = succeed(folder, "train --resume a.checkpoint --data builtin");
    assert_eq!(hash(&resumed), hash(&expected));
}

/// The folder of the weights is gone when they are to be written.
#[test]
fn weights_that_cannot_be_written_are_saved_in_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = succeed(folder, &format!("{RUN} --epochs 300"));
    let mut command = tests::selvedge(folder);
    command.args(words(&RUN.replace("a.selvedge", "below/a.selvedge --epochs 300 --metrics run.jsonl")));
    let child = start(command, folder, 30);
    fs::remove_dir_all(folder.join("below")).unwrap();
    fs::write(folder.join("below"), "no folder").unwrap();
    let error = error_of(&child.wait_with_output().unwrap(), 1);
    assert!(error.starts_with("error: cannot write below/a.selvedge: "), "{error}");
    let (_, command) = error.split_once('`').unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let words = &words(command)[1..];
    let found = words.iter().position(|word| word == "--resume").unwrap();
    assert_eq!(Path::new(&words[found + 1]).parent(), Some(folder), "{error}");
    fs::remove_file(folder.join("below")).unwrap();
    let output = tests::selvedge(folder).args(words).output().unwrap();
    assert_eq!(hash(&tests::text(&output)), hash(&expected));
    assert!(folder.join("a.selvedge").exists(), "the weights are beside the checkpoint that was saved elsewhere");
}

#[test]
fn a_run_that_diverges_keeps_what_was_good() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let error = fail(folder, &format!("{RUN} --lr 1e30"));
    assert!(error.contains("training diverged; try a smaller --lr") && error.contains("a.checkpoint"), "{error}");
    let step = steps_of(&folder.join("a.checkpoint"));
    assert!(
        error.contains(&format!("the run after step {step}, with weights that are finite, is saved in")),
        "{error}"
    );
    fs::remove_file(folder.join("a.checkpoint")).unwrap();
    let error = fail(folder, &format!("{RUN} --lr 1e30 --checkpoint-every 1000"));
    assert!(error.contains("the run after step 0, with weights that are finite, is saved in a.checkpoint"), "{error}");
    assert_eq!(steps_of(&folder.join("a.checkpoint")), 0);
    // A new run starts from it.
    let from = succeed(folder, &format!("{RUN} --epochs 1 --init a.checkpoint"));
    assert_eq!(hash(&from), hash(&succeed(folder, &format!("{RUN} --epochs 1"))));
    let error = fail(folder, "train --data builtin --model small --init a.checkpoint");
    assert!(
        error.contains("a.checkpoint: the checkpoint is of the network 784-16-10, and not of 784-128-10"),
        "{error}"
    );
}

#[test]
fn the_next_run_removes_what_a_killed_one_left() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join(".selvedge-0123456789ab.tmp"), "half a file").unwrap();
    succeed(folder, &format!("{RUN} --epochs 1"));
    assert_eq!(names(folder), ["a.run.jsonl", "a.selvedge"]);
}

/// A small file system of its own, which is full from some moment on.
#[test]
fn a_disk_that_is_full_costs_no_run() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=$1k tmpfs disk || exit 77
        ( cd disk; "$0" train --data "$2" --model tiny --batch-size 16 --recipe quickstart --epochs 300 \
            --out a.selvedge --metrics run.jsonl --checkpoint-every 30 > ../output 2> ../errors )
        echo $? > status
        ls -A disk > names
        cp disk/* kept 2> /dev/null
        exit 0"#;
    let folder = tempfile::tempdir().unwrap();
    // A test part of few samples, as each of the many epochs ends with a test.
    let data = folder.path().join("data");
    tests::write_small_data(&data, [320, 50]);
    let data = data.display();
    let run =
        format!("train --data {data} --model tiny --batch-size 16 --recipe quickstart --out a.selvedge --epochs 300");
    let expected = succeed(folder.path(), &run);
    let mut outcomes = [0; 2];
    for kilobytes in (60..1300).step_by(48) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join("disk")).unwrap();
        fs::create_dir(folder.join("kept")).unwrap();
        let program = tests::selvedge(folder);
        let mut unshared = Command::new("unshare");
        unshared.args(["-rm", "bash", "-c", SCRIPT]).arg(program.get_program()).arg(kilobytes.to_string());
        unshared.arg(data.to_string());
        unshared.current_dir(folder).env("HOME", folder.join("home"));
        let output = unshared.output();
        if !output.as_ref().is_ok_and(|output| output.status.success()) {
            // No set-up gives a container the right to mount, so even a run of all tests goes on without.
            let left_out = "SKIPPED a_disk_that_is_full_costs_no_run: no file system can be mounted here";
            drop(writeln!(io::stderr(), "\n{left_out}"));
            return;
        }
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (status, errors) = (read("status"), read("errors"));
        let temporary = read("names").lines().any(|name| name.starts_with(".selvedge-"));
        assert!(!temporary, "{kilobytes} KB: {}", read("names"));
        if status.trim() == "0" {
            outcomes[0] += 1;
            assert_eq!(hash(&read("output")), hash(&expected), "{kilobytes} KB");
            continue;
        }
        assert_eq!(
            errors.lines().filter(|line| line.starts_with("error: cannot write ")).count(),
            1,
            "{kilobytes} KB: {errors}"
        );
        let Some((_, command)) = errors.split_once('`') else {
            assert!(errors.contains("there is no room for its"), "{kilobytes} KB: {errors}");
            assert_eq!(read("output"), "", "steps were taken");
            continue;
        };
        outcomes[1] += 1;
        let words = words(command.split_once('`').unwrap().0);
        let checkpoint = &words[words.iter().position(|word| word == "--resume").unwrap() + 1];
        let kept = folder.join("kept").join(Path::new(checkpoint).file_name().unwrap());
        let checkpoint = if kept.exists() { kept } else { checkpoint.into() };
        let resume = format!("train --data {data} --resume {} --out b.selvedge", checkpoint.display());
        assert_eq!(hash(&succeed(folder, &resume)), hash(&expected), "{kilobytes} KB");
        if !checkpoint.starts_with(folder) {
            fs::remove_file(checkpoint).unwrap();
        }
    }
    println!("{outcomes:?} runs were whole, and were saved before the end");
    assert!(outcomes.iter().all(|&count| count > 0), "{outcomes:?}");
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = succeed(folder, &format!("{RUN} --epochs 300"));
    fs::remove_file(folder.join("a.selvedge")).unwrap();
    let child =
        start(shell(folder, &format!("trap '' HUP; exec \"$0\" {RUN} --epochs 300 --metrics run.jsonl")), folder, 30);
    signal(&child, "HUP");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    assert_eq!(hash(&tests::text(&output)), hash(&expected));
}
