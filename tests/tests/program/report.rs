//! `selvedge report`: the record that a run keeps, and the page that is made of it.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path, process::Output, time::Instant};

use host::record::Record;
use tempfile::TempDir;

/// The largest number of bytes of a page.
const LARGEST: usize = 3_000_000;

fn run(folder: &Path, arguments: &str) -> Output {
    let arguments = shlex::split(arguments).unwrap();
    tests::selvedge(folder).args(arguments).output().unwrap()
}

fn succeed(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments}: {}", tests::text(&output));
    tests::text(&output)
}

fn fail(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let text = tests::text(&output);
    assert!(output.status.code() == Some(1) && !text.contains("panicked"), "{arguments}: {text}");
    text.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// A page, which must need nothing from elsewhere.
fn page(folder: &Path, name: &str) -> String {
    let page = fs::read_to_string(folder.join(name)).unwrap();
    assert!(page.len() < LARGEST, "{} bytes", page.len());
    for forbidden in ["http:", "https:", "<script", "src=\"/", "url(", "@import", "NaN", "inf%"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for (open, close) in
        [("<table", "</table>"), ("<svg", "</svg>"), ("<figure", "</figure>"), ("<details", "</details>")]
    {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
    }
    // Headings come in order, and each picture has a text.
    let levels: Vec<u32> =
        page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1) && levels[0] == 1, "{levels:?}");
    assert_eq!(page.matches("<img ").count(), page.matches(" alt=\"").count());
    assert_eq!(page.matches("<svg ").count(), page.matches(" role=\"img\" aria-label=\"").count());
    page
}

fn has(page: &str, all: &[&str]) {
    for words in all {
        assert!(page.contains(words), "{words}");
    }
}

const RUN: &str = "train --data builtin --model tiny --limit-train 320 --batch-size 16 --recipe quickstart --lr 0.05";

#[test]
fn a_run_has_a_page_and_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let trained = succeed(folder, &format!("{RUN} --epochs 4 --val-split 0.1 --out a.selvedge"));
    let hash = trained.trim_end().rsplit_once("SHA-256 ").unwrap().1;
    succeed(folder, "quantize a.selvedge --data builtin --certificates c.csv");
    let started = Instant::now();
    let said = succeed(folder, "report a.selvedge --quantized a.int8 --certificates c.csv --figures pictures");
    println!("a report in {:?}", started.elapsed());
    assert!(said.contains("Saved report.html, "), "{said}");
    let html = page(folder, "report.html");
    has(
        &html,
        &[
            "<h1>Run a</h1>",
            hash,
            "Confusion matrix",
            "Balanced accuracy",
            "Expected calibration error",
            "Worst mistakes",
            "data:image/png;base64,",
            "First layer",
            "RAM to predict",
            "mps2-an386",
            "Quantisation",
            "are proved to have the model's answer",
            "--model tiny --limit-train 320",
            "Training samples of <strong>builtin</strong>",
            "validation: from ",
            "T-shirt/top",
        ],
    );
    assert!(!html.contains("role=\"note\""), "nothing is missing");
    for name in ["loss.svg", "accuracy.svg", "learning-rate.svg", "reliability.svg", "confusion.svg", "first-layer.png"]
    {
        let bytes = fs::read(folder.join("pictures").join(name)).unwrap();
        assert!(bytes.starts_with(b"<svg ") || bytes.starts_with(b"\x89PNG"), "{name}");
        assert!(!String::from_utf8_lossy(&bytes).contains("var("), "{name}");
    }
    // By its record, it is the same page.
    succeed(folder, "report a.run.jsonl --quantized a.int8 --certificates c.csv --out b.html");
    assert_eq!(page(folder, "b.html"), html);
    // What is lost is said, and the rest is there.
    fs::rename(folder.join("a.run.jsonl"), folder.join("b.run.jsonl")).unwrap();
    let said = succeed(folder, "report a.selvedge --data builtin");
    assert!(said.contains("note: a: The run's record is not here (a.run.jsonl), so there are no curves"), "{said}");
    has(&page(folder, "report.html"), &["role=\"note\"", "Confusion matrix", "train --recipe FILE.toml"]);
    // Without the record, nothing but the file says on which samples it was trained.
    let others = "the weights were trained on 288 samples that are not the training part of builtin here; test samples may be among them";
    assert!(said.contains(&format!("note: a: Mind that {others}.")), "{said}");
    assert!(succeed(folder, "eval a.selvedge --data builtin").contains(&format!("note: {others}\n")));
    let said = succeed(folder, "report b.run.jsonl");
    assert!(said.contains("note: b: The weights are not here (b.selvedge)"), "{said}");
    has(&page(folder, "report.html"), &["Loss", hash, "SHA-256 of the weights"]);
    tests::write_small_data(folder, [50, 20]);
    fs::rename(folder.join("b.run.jsonl"), folder.join("a.run.jsonl")).unwrap();
    let said = succeed(folder, "report a.selvedge --data .");
    assert!(
        said.contains("here has not the run's samples: the training part's SHA-256 is ")
            && said.contains("Name the run's data by --data"),
        "{said}"
    );
    has(&page(folder, "report.html"), &["First layer", "role=\"note\""]);
}

#[test]
fn a_resumed_run_has_the_record_of_one_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let record = |name: &str| {
        let mut record = Record::parse(&fs::read(folder.join(name)).unwrap()).unwrap();
        record.head.commands.clear();
        record.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
        record.saved.clear();
        record.end.iter_mut().for_each(|end| end.seconds = 0.0);
        record
    };
    // Spans of three steps, and a checkpoint in the midst of one and of an epoch.
    let long = format!("{RUN} --steps 2500 --checkpoint-every 1231");
    succeed(folder, &format!("{long} --out a.selvedge"));
    let whole = record("a.run.jsonl");
    assert_eq!((whole.head.span, whole.spans.len(), whole.epochs.len()), (3, 834, 125));
    assert!(fs::metadata(folder.join("a.run.jsonl")).unwrap().len() < 300_000);
    let short = long.replace("2500", "1231");
    succeed(folder, &format!("{short} --out b.selvedge"));
    succeed(folder, "train --resume b.checkpoint --data builtin --steps 2500");
    let resumed = Record::parse(&fs::read(folder.join("b.run.jsonl")).unwrap()).unwrap();
    assert_eq!(resumed.head.commands.len(), 2);
    assert!(resumed.head.commands[1].contains("--resume b.checkpoint --data builtin --steps 2500"));
    // The shorter run has spans of two steps, which go on.
    assert_eq!((resumed.head.span, resumed.spans.last().unwrap().step), (2, 2500));
    assert_eq!(resumed.end.unwrap().weights_sha256, whole.end.clone().unwrap().weights_sha256);
    // Of the same length, the record is the same.
    let process = std::process::Command::new("bash")
        .args(["-c", "ulimit -v unlimited; exec \"$0\" \"$@\""])
        .arg(tests::selvedge(folder).get_program())
        .args(shlex::split(&format!("{long} --out c.selvedge --metrics m.jsonl")).unwrap())
        .current_dir(folder)
        .stdout(std::process::Stdio::null())
        .spawn();
    let mut process = process.unwrap();
    while !folder.join("c.checkpoint").exists()
        || fs::read_to_string(folder.join("m.jsonl")).unwrap_or_default().lines().count() < 1400
    {
        assert!(process.try_wait().unwrap().is_none_or(|status| status.success()));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    succeed(folder, "train --resume c.checkpoint --data builtin --checkpoint-every 1231");
    assert_eq!(record("c.run.jsonl"), whole);
}

#[test]
fn several_runs_lie_over_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, options) in [("slow", "--lr 0.01"), ("fast", "--lr 0.1"), ("adam", "--lr 0.01 --optimizer adam")] {
        succeed(folder, &format!("{} --epochs 2 {options} --out {name}.selvedge", RUN.replace(" --lr 0.05", "")));
    }
    succeed(folder, "report slow.selvedge fast.run.jsonl adam.selvedge --figures pictures");
    let html = page(folder, "report.html");
    has(
        &html,
        &[
            "<h1>3 runs</h1>",
            "Results",
            "What differs",
            ">lr<",
            ">optimizer<",
            "slow: from ",
            "fast: from ",
            "adam: from ",
        ],
    );
    has(&html, &["var(--series-1)", "var(--series-2)", "var(--series-3)", "Loss of the training samples"]);
    assert_eq!(html.matches("<details").count(), 3);
    assert!(!html.contains("scope=\"row\">epochs<") && !html.contains("scope=\"row\">seed<"));
    assert!(folder.join("pictures/test-loss.svg").exists() && folder.join("pictures/2-confusion.svg").exists());
    let error = fail(folder, "report slow.selvedge --out slow.run.jsonl");
    assert!(error.contains("is there, and is not a report"), "{error}");
}

#[test]
fn no_other_samples_take_the_place_of_those_that_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_small_data(&folder.join("small"), [200, 50]);
    let with_data = |arguments: &str| {
        let mut command = tests::selvedge(folder);
        let output = command.args(arguments.split_whitespace()).env("FASHION_MNIST_DIR", "small").output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", tests::text(&output));
        tests::text(&output)
    };
    with_data("train --model tiny --recipe quickstart --steps 3 --out a.selvedge");
    assert!(!with_data("report a.selvedge").contains("note: "));
    // With the record and without it.
    for _ in 0..2 {
        let said = succeed(folder, "report a.selvedge");
        let why = "note: a: The test samples are not here, so confusion, mistakes and calibration are missing: Fashion-MNIST's four files are not in \
                   data/fashion-mnist, nor in ";
        assert!(
            said.contains(why) && said.contains("; name their folder by --data DIR or FASHION_MNIST_DIR.\n"),
            "{said}"
        );
        assert!(!said.contains("built-in") && !said.contains("mirror"), "{said}");
        let html = page(folder, "report.html");
        assert!(html.contains("role=\"note\"") && !html.contains("Confusion matrix"));
        let _ = fs::remove_file(folder.join("a.run.jsonl"));
    }
    assert!(!with_data("report a.selvedge").contains("Mind that"));
    let said = succeed(folder, "report a.selvedge --data builtin");
    assert!(said.contains("note: a: Mind that the weights were trained on small.\n"), "{said}");
    // The built-in set is always here.
    succeed(folder, &format!("{RUN} --steps 3 --out b.selvedge"));
    fs::remove_file(folder.join("b.run.jsonl")).unwrap();
    succeed(folder, "report b.selvedge");
    has(&page(folder, "report.html"), &["Confusion matrix"]);
}

/// A table of two features, and a class, two labels and two numbers of each row.
fn table() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("ax (m/s²),ay,kind,hot,loud,room (°C),load\n");
    for row in 0..200 {
        let (x, y) = (f64::from(row % 20) / 10.0 - 1.0, f64::from(row % 13) / 6.0 - 1.0);
        let kind = if x + y > 0.0 { "<up>" } else { "down" };
        text +=
            &format!("{x},{y},{kind},{},{},{},{}\n", u8::from(x > 0.0), u8::from(y > 0.2), 20.0 + 3.0 * x - y, x * y);
    }
    fs::write(folder.path().join("rows.csv"), text).unwrap();
    folder
}

#[test]
fn tables_have_pages_by_their_task() {
    let folder = table();
    let folder = folder.path();
    let train = "train --data rows.csv --recipe quickstart --lr 0.05 --epochs 5 --batch-size 16 --features ax,ay --layers '2 => 8 Relu => 2'";
    for (name, options, all) in [
        ("class", "--label kind", ["Confusion matrix", "&lt;up&gt;", "Worst mistakes", "true \\ predicted"]),
        (
            "labels",
            "--task multi-label --label hot,loud",
            ["right labels", "Invented", "Expected calibration error", "how often the label is there"],
        ),
        (
            "numbers",
            "--task regression --label room,load",
            ["R²", "Largest errors", "room, in °C", "Mean absolute error"],
        ),
    ] {
        succeed(folder, &format!("{train} {options} --out {name}.selvedge"));
        succeed(folder, &format!("report {name}.selvedge --out {name}.html"));
        let html = page(folder, &format!("{name}.html")).replace("True \\ predicted", "true \\ predicted");
        has(&html, &all);
        has(&html, &["Sizes and costs", "cargo xtask flash", "Reproduce"]);
        assert!(!html.contains("First layer") && !html.contains("role=\"note\"") && !html.contains("<up>"), "{name}");
    }
    succeed(folder, "report class.selvedge labels.selvedge numbers.selvedge");
    has(&page(folder, "report.html"), &["3 runs", "R²", "mean F1"]);
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(folder, &format!("{RUN} --steps 3 --out a.selvedge"));
    succeed(folder, &format!("{RUN} --steps 4 --seed 5 --out b.selvedge"));
    succeed(folder, "quantize a.selvedge --format f16 --data builtin");
    let whole = fs::read_to_string(folder.join("a.run.jsonl")).unwrap();
    fs::write(folder.join("notes.run.jsonl"), "mine").unwrap();
    fs::write(folder.join("huge.run.jsonl"), vec![b'{'; 9 << 20]).unwrap();
    fs::write(folder.join("null.run.jsonl"), whole.replace("\"loss\":", "\"loss\":null,\"was\":")).unwrap();
    fs::write(folder.join("broken.run.jsonl"), whole.replacen("\"line\":\"steps\",", "\"line\":\"steps\n", 1)).unwrap();
    fs::write(folder.join("new.run.jsonl"), whole.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
    fs::write(folder.join("c.csv"), "index,label,class,margin,bound,certified\n0,1,2,x,y,maybe\n").unwrap();
    for (arguments, words) in [
        ("report none.selvedge", "none.selvedge"),
        ("report notes.run.jsonl", "notes.run.jsonl: this is no record of a run"),
        ("report huge.run.jsonl", "huge.run.jsonl"),
        ("report null.run.jsonl", "null.run.jsonl: line 2: "),
        (
            "report broken.run.jsonl",
            "broken.run.jsonl: line 2: EOF while parsing a string at column 14; the record is damaged",
        ),
        ("report new.run.jsonl", "the number 2"),
        ("report a.selvedge --figures c.csv", "c.csv is no folder"),
        ("show --weights a.run.jsonl", "a.run.jsonl: this is the record of a run and not the file itself; name"),
        ("report a.f16", "this is a quantised network; name the weights"),
        ("report b.selvedge --quantized a.f16", "it was made of other weights"),
        ("report a.selvedge --quantized a.selvedge", "this is no quantised network"),
        ("report a.selvedge --quantized a.f16 --certificates c.csv", "--certificates c.csv: "),
        ("report a.selvedge --out a.selvedge", "a.selvedge is there, and is not a report"),
        ("report a.selvedge --out none/../a.selvedge", "a.selvedge is there, and is not a report"),
    ] {
        let error = fail(folder, arguments);
        assert!(error.contains(words), "{arguments}: {error}");
        assert!(!folder.join("report.html").exists());
    }
    // A record that was cut off is that of a run that has not ended.
    fs::write(folder.join("cut.run.jsonl"), &whole[..whole.len() - 9]).unwrap();
    succeed(folder, "report cut.run.jsonl");
    // Another run's record does not lend its curves.
    fs::copy(folder.join("b.run.jsonl"), folder.join("a.run.jsonl")).unwrap();
    let said = succeed(folder, "report a.selvedge");
    assert!(said.contains("The record beside the weights (a.run.jsonl) is of another run"), "{said}");
    // A record replaces only a record.
    fs::write(folder.join("a.run.jsonl"), "mine").unwrap();
    let error = fail(folder, &format!("{RUN} --steps 3 --out a.selvedge"));
    assert!(error.contains("a.run.jsonl is there, and is not a run's record"), "{error}");
    let error = fail(folder, &format!("{RUN} --steps 3 --out d.selvedge --metrics d.run.jsonl"));
    assert!(error.contains("are the same file"), "{error}");
}
