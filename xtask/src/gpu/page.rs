//! Writes docs/bench-cuda.md from a GPU machine's report.

use std::fmt::Write;

use super::{
    profile::{Kernel, TIME},
    report::{FAILED, Report, Row},
};

/// The end of the page, which also says how to make it.
pub const HOW: &str = include_str!("how.md");

/// The columns about a step's kernels: the heading, the profiler's name, and the divisor.
const COLUMNS: [(&str, &str, f64); 7] = [
    ("µs", TIME, 1e3),
    ("cycles", "sm__cycles_elapsed.max", 1.0),
    ("blocks", "launch__grid_size", 1.0),
    ("registers", "launch__registers_per_thread", 1.0),
    ("passes of shared reads", "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum", 1.0),
    ("bank conflicts", "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum", 1.0),
    ("L2, KB", "lts__t_bytes.sum", 1e3),
];

/// Returns the page.
pub fn markdown(report: &Report) -> String {
    let mut page = format!("# Training on a GPU\n\n{}\n", machine(report));
    let parts = [verdicts(report), bits(report), sanitizers(report), times(report), kernels(report), probe(report)];
    parts.into_iter().flatten().for_each(|part| page.push_str(&format!("\n{part}")));
    format!("{page}\n{HOW}")
}

fn machine(report: &Report) -> String {
    let fact = |name| report.fact(name).unwrap_or("unknown");
    let gpu = ["gpu", "program"].into_iter().find_map(|name| report.fact(name));
    let gpu = gpu.or(report.rows.first().map(|row| &*row.gpu)).unwrap_or("an unknown GPU");
    let warning = "**A rehearsal on an emulated GPU: the times below mean nothing.**\n\n";
    format!(
        "{}Measured on {} on {gpu} (driver {}, {} at the most, {}), by commit {} with code for compute capability {}.",
        if report.is_rehearsal() { warning } else { "" },
        fact("date"),
        fact("driver"),
        fact("clock"),
        fact("memory"),
        fact("commit"),
        fact("architecture"),
    )
}

/// Returns a heading with a table, or `None` without rows. Numbers are aligned to the right.
fn table(heading: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Option<String> {
    let rows: Vec<_> = rows.into_iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    let line = "|---".repeat(columns.len());
    (!rows.is_empty()).then(|| format!("## {heading}\n\n| {} |\n{line}|\n{}\n", columns.join(" | "), rows.join("\n")))
}

fn verdicts(report: &Report) -> Option<String> {
    let rows = report.stages.iter().map(|stage| {
        let verdict = if stage.verdict == FAILED { format!("**{FAILED}**") } else { stage.verdict.clone() };
        vec![stage.stage.clone(), verdict, format!("{:.1}", stage.seconds), stage.reason.clone()]
    });
    table("Verdicts", &["stage", "verdict", "seconds", "why"], rows)
}

fn bits(report: &Report) -> Option<String> {
    let same = report.bits.iter().filter(|run| run.is_same).count();
    let rows = report.bits.iter().map(|run| {
        let found = format!("`{}`", run.found.chars().take(16).collect::<String>());
        let found = if run.is_same { found } else { format!("**{FAILED}** {found}") };
        vec![run.name.clone(), format!("`{}`", run.options), found]
    });
    let table = table("The same bits", &["run", "`selvedge train`", "weight hash"], rows)?;
    Some(format!("{table}\n{same} of {} have the hash that the CPU computed.\n", report.bits.len()))
}

fn sanitizers(report: &Report) -> Option<String> {
    let rows = report.sanitizers.iter().map(|row| row.to_vec());
    table("NVIDIA's checkers of memory and of races", &["tool", "summary"], rows)
}

fn times(report: &Report) -> Option<String> {
    let milliseconds = |seconds: f64| format!("{:.2}", 1e3 * seconds);
    let mut measured: Vec<&Row> = Vec::new();
    for row in report.rows.iter().filter(|row| row.peer.is_none()) {
        // Each peer's stage measures ours alone, too: the first had the most epochs.
        if !measured.iter().any(|there| there.batch == row.batch) {
            measured.push(row);
        }
    }
    let rows = measured.into_iter().map(|row| {
        let [median, min, max] =
            [row.median_epoch_seconds, row.min_epoch_seconds, row.max_epoch_seconds].map(milliseconds);
        vec![row.batch.to_string(), format!("{median} ({min}–{max})"), format!("{:.2}", row.step_microseconds)]
    });
    let mut text = table("The time of an epoch", &["batch", "epoch in ms", "step in µs"], rows)?;
    let rows = report.rows.iter().filter_map(|row| {
        let (peer, seconds) = (row.peer.as_ref()?, row.peer_median_epoch_seconds?);
        let ratio = format!("{:.2} ({:.2}–{:.2})", row.ratio?, row.min_ratio?, row.max_ratio?);
        Some(vec![
            peer.clone(),
            row.batch.to_string(),
            milliseconds(seconds),
            milliseconds(row.median_epoch_seconds),
            ratio,
        ])
    });
    let columns = ["peer", "batch", "its epoch in ms", "ours in turns", "peer / ours"];
    if let Some(peers) = table("Beside other programs", &columns, rows) {
        // Writing to a text does not fail.
        let _ = write!(text, "\n{peers}");
    }
    Some(text)
}

fn kernels(report: &Report) -> Option<String> {
    let known = |column: &&(&str, &str, f64)| report.kernels.iter().any(|kernel| kernel.metric(column.1).is_some());
    let columns: Vec<_> = COLUMNS.iter().filter(known).collect();
    let headings: Vec<_> = ["kernel"].into_iter().chain(columns.iter().map(|(heading, ..)| *heading)).collect();
    let rows = report.kernels.iter().map(|kernel| {
        let cells = columns.iter().map(|(_, metric, unit)| {
            let digits = if *metric == TIME { 2 } else { 0 };
            kernel.metric(metric).map_or_else(String::new, |value| format!("{:.digits$}", value / unit))
        });
        [format!("`{}`", kernel.name)].into_iter().chain(cells).collect()
    });
    let table = table("The kernels of a step", &headings, rows)?;
    let time: f64 = report.kernels.iter().filter_map(|kernel: &Kernel| kernel.metric(TIME)).sum();
    Some(format!(
        "{table}\nTogether {:.2} µs. The profiler `ncu` runs one kernel at a time, so what overlaps in a training is told one after the other.\n",
        time / 1e3
    ))
}

fn probe(report: &Report) -> Option<String> {
    let rows = report
        .probe
        .iter()
        .map(|[what, number, unit]| vec![what.clone(), format!("{number} {unit}").trim_end().to_owned()]);
    table("What the GPU's parts cost", &["what", "median"], rows)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::gpu::report::tests::folder;

    #[test]
    fn a_page_has_every_part() {
        let folder = folder(&[]);
        let page = markdown(&Report::read(folder.path()).unwrap());
        for line in [
            "Measured on 2026-11-27 on A GPU (driver 580.1, 1980 MHz at the most, 81559 MiB), by commit abc1234 with",
            "| bits | **FAILED** | 30.0 | see check.log |",
            "| JAX | left out | 0.0 | no python3 with JAX that finds the GPU |",
            "| SGD | `--steps 2` | `0123456789abcdef` |",
            "| Adam | `--steps 3` | **FAILED** `ff` |",
            "1 of 2 have the hash that the CPU computed.",
            "| memcheck | ERROR SUMMARY: 0 errors |",
            "| 64 | 12.00 (11.00–14.00) | 12.80 |",
            "| pytorch graph | 64 | 60.00 | 12.00 | 5.00 (4.50–5.50) |",
            "| kernel | µs | blocks |",
            "| `forward` | 2.50 | 128 |",
            "Together 3.60 µs.",
            "| dependent fma | 4.02 cycles |",
            "| multiprocessors | 132.00 |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        assert!(page.ends_with(HOW) && !page.contains("mean nothing.**"));
    }

    #[test]
    fn a_part_that_was_left_out_has_no_table() {
        let folder = folder(&[("sanitizers.tsv", None), ("probe.tsv", None)]);
        let page = markdown(&Report::read(folder.path()).unwrap());
        assert!(!page.contains("## NVIDIA") && !page.contains("## What the GPU"));
    }

    #[test]
    fn the_projects_page_says_how_to_measure() {
        let page = fs::read_to_string(launch::root().join("docs/bench-cuda.md")).unwrap();
        assert!(page.ends_with(HOW), "docs/bench-cuda.md is to end with xtask/src/gpu/how.md");
    }
}
