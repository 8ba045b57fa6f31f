//! Weight hashes side by side.

use serde::Serialize;

/// The number of digits of a hash that are shown.
const SHORT: usize = 16;

/// One training run, or one run of predictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The subject: the model, `logits of` a model, or on a GPU the run's name.
    pub model: String,
    /// The engine, the board, or `cuda`.
    pub engine: String,
    /// The number of threads; `None` on a GPU.
    pub threads: Option<usize>,
    /// The SHA-256 of the weights or of the logits, in hexadecimal digits.
    pub hash: String,
}

/// Returns a hash in the form in which it is shown.
pub fn shown(hash: &str, full: bool) -> &str {
    hash.get(..SHORT).filter(|_| !full).unwrap_or(hash)
}

/// Returns a line for each run, below a line of headings.
pub fn lines(runs: &[Run], full: bool) -> Vec<String> {
    let model = width("model", runs.iter().map(|run| &*run.model));
    let engine = width("engine", runs.iter().map(|run| &*run.engine));
    let heading = format!("{:model$}  {:engine$}  threads  weight hash", "model", "engine");
    let rows = runs.iter().map(|run| {
        let threads = run.threads.map_or(String::new(), |threads| threads.to_string());
        format!("{:model$}  {:engine$}  {threads:>7}  {}", run.model, run.engine, shown(&run.hash, full))
    });
    [heading].into_iter().chain(rows).collect()
}

fn width<'a>(heading: &'a str, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.chain([heading]).map(|cell| cell.chars().count()).max().unwrap_or_default()
}

/// Returns a verdict for each model. If all runs of a model have the same hash, it is a text with the hash. Else it is an error that names the
/// runs of each hash.
pub fn verdicts(runs: &[Run], full: bool) -> Vec<Result<String, String>> {
    let mut models: Vec<&str> = Vec::new();
    for run in runs {
        if !models.contains(&&*run.model) {
            models.push(&run.model);
        }
    }
    models.into_iter().map(|model| verdict(model, runs, full)).collect()
}

fn verdict(model: &str, runs: &[Run], full: bool) -> Result<String, String> {
    let mut hashes: Vec<(&str, Vec<String>)> = Vec::new();
    for run in runs.iter().filter(|run| run.model == model) {
        let threads = run.threads.map_or(String::new(), |threads| format!(" × {threads}"));
        let name = format!("{}{threads}", run.engine);
        match hashes.iter_mut().find(|(hash, _)| *hash == run.hash) {
            Some((_, names)) => names.push(name),
            None => hashes.push((&run.hash, vec![name])),
        }
    }
    if let [(hash, names)] = &hashes[..] {
        return Ok(format!("All {} hashes of {model} are equal: {}", names.len(), shown(hash, full)));
    }
    let groups = hashes.iter().map(|(hash, names)| format!("{} on {}", shown(hash, full), names.join(", ")));
    Err(format!("the hashes of {model} differ: {}", groups.collect::<Vec<_>>().join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(engine: &str, threads: Option<usize>, digit: &str) -> Run {
        Run { model: "tiny".into(), engine: engine.into(), threads, hash: digit.repeat(64) }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let runs = [run("avx2", Some(12), "a"), run("netduinoplus2", Some(1), "b"), run("cuda", None, "a")];
        assert_eq!(
            lines(&runs, false),
            [
                "model  engine         threads  weight hash",
                "tiny   avx2                12  aaaaaaaaaaaaaaaa",
                "tiny   netduinoplus2        1  bbbbbbbbbbbbbbbb",
                "tiny   cuda                    aaaaaaaaaaaaaaaa",
            ]
        );
        assert!(lines(&runs, true)[2].ends_with(&"b".repeat(64)));
    }

    #[test]
    fn equal_hashes_are_one() {
        let small = Run { model: "small".into(), ..run("avx2", Some(1), "b") };
        let runs = [run("avx2", Some(1), "a"), small, run("avx2", Some(2), "a")];
        let verdict = |count: usize, model: &str, hash: &str| {
            Ok(format!("All {count} hashes of {model} are equal: {}", hash.repeat(16)))
        };
        assert_eq!(verdicts(&runs, false), [verdict(2, "tiny", "a"), verdict(1, "small", "b")]);
    }

    #[test]
    fn a_difference_names_every_run() {
        let runs = [run("avx2", Some(1), "a"), run("cuda", None, "b"), run("avx2", Some(2), "a")];
        let difference = "the hashes of tiny differ: aaaaaaaaaaaaaaaa on avx2 × 1, avx2 × 2; bbbbbbbbbbbbbbbb on cuda";
        assert_eq!(verdicts(&runs, false), [Err(difference.to_owned())]);
    }
}
