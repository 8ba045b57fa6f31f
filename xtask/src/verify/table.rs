//! Weight hashes side by side.

use serde::Serialize;

/// How many digits of a hash tell it from another.
const SHORT: usize = 16;

/// One training run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// `quickstart` or `tiny`.
    pub model: &'static str,
    /// The engine, or the board.
    pub engine: String,
    /// How many threads computed.
    pub threads: usize,
    /// The weights' SHA-256, in hexadecimal digits.
    pub hash: String,
}

/// A hash as it is shown.
pub fn shown(hash: &str, full: bool) -> &str {
    hash.get(..SHORT).filter(|_| !full).unwrap_or(hash)
}

/// A line for each run, below a line of headings.
pub fn lines(runs: &[Run], full: bool) -> Vec<String> {
    let model = width("model", runs.iter().map(|run| run.model));
    let engine = width("engine", runs.iter().map(|run| &*run.engine));
    let heading = format!("{:model$}  {:engine$}  threads  weight hash", "model", "engine");
    let rows = runs.iter().map(|run| {
        format!("{:model$}  {:engine$}  {:>7}  {}", run.model, run.engine, run.threads, shown(&run.hash, full))
    });
    [heading].into_iter().chain(rows).collect()
}

fn width<'a>(heading: &'a str, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.chain([heading]).map(|cell| cell.chars().count()).max().unwrap_or_default()
}

/// Whether a model's runs have one hash: says which, or which runs have which.
pub fn verdict(model: &str, runs: &[Run], full: bool) -> Result<String, String> {
    let mut hashes: Vec<(&str, Vec<String>)> = Vec::new();
    for run in runs.iter().filter(|run| run.model == model) {
        let name = format!("{} × {}", run.engine, run.threads);
        match hashes.iter_mut().find(|(hash, _)| *hash == run.hash) {
            Some((_, names)) => names.push(name),
            None => hashes.push((&run.hash, vec![name])),
        }
    }
    match &hashes[..] {
        [] => Err(format!("no run of {model} has a hash")),
        [(hash, names)] => Ok(format!("All {} hashes of {model} are equal: {}", names.len(), shown(hash, full))),
        _ => {
            let groups = hashes.iter().map(|(hash, names)| format!("{} on {}", shown(hash, full), names.join(", ")));
            Err(format!("the hashes of {model} differ: {}", groups.collect::<Vec<_>>().join("; ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(engine: &str, threads: usize, digit: &str) -> Run {
        Run { model: "tiny", engine: engine.into(), threads, hash: digit.repeat(64) }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let runs = [run("avx2", 12, "a"), run("netduinoplus2", 1, "b")];
        assert_eq!(
            lines(&runs, false),
            [
                "model  engine         threads  weight hash",
                "tiny   avx2                12  aaaaaaaaaaaaaaaa",
                "tiny   netduinoplus2        1  bbbbbbbbbbbbbbbb",
            ]
        );
        assert!(lines(&runs, true)[2].ends_with(&"b".repeat(64)));
    }

    #[test]
    fn equal_hashes_are_one() {
        let runs = [run("avx2", 1, "a"), run("avx2", 2, "a"), Run { model: "small", ..run("avx2", 1, "b") }];
        assert_eq!(verdict("tiny", &runs, false), Ok("All 2 hashes of tiny are equal: aaaaaaaaaaaaaaaa".into()));
        assert!(verdict("quickstart", &runs, false).is_err());
    }

    #[test]
    fn a_difference_names_every_run() {
        let runs = [run("avx2", 1, "a"), run("portable", 1, "b"), run("avx2", 2, "a")];
        assert_eq!(
            verdict("tiny", &runs, false).unwrap_err(),
            "the hashes of tiny differ: aaaaaaaaaaaaaaaa on avx2 × 1, avx2 × 2; bbbbbbbbbbbbbbbb on portable × 1"
        );
    }
}
