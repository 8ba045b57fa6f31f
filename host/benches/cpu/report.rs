//! The measurements, as tables and as JSON.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::shared::{Against, Spread, align_right};

/// Everything measured.
pub struct Report {
    /// Tells that predictions were measured, not training.
    pub predicts: bool,
    /// The samples that there are.
    pub samples: usize,
    /// Floating-point operations for each.
    pub operations: u64,
    pub peaks: Vec<Peak>,
    pub rows: Vec<Row>,
}

/// The largest work that this number of threads does in their registers.
pub struct Peak {
    pub engine: &'static str,
    pub threads: usize,
    pub gflops: f64,
}

/// Epochs of one engine.
pub struct Row {
    pub engine: &'static str,
    pub threads: usize,
    pub batch: u32,
    /// Seconds.
    pub epoch: Spread,
    /// The needed multiply-adds of the nominal ones, from 0 to 1.
    pub needed_share: f64,
    /// Whom it took turns with.
    pub against: Option<Against>,
}

impl Report {
    /// The notes below the table.
    const NOTE: &str = "GFLOP/s are nominal, two operations for each multiply-add of the mathematics. A multiply-add is \
                            needed where its factor on the batch's side (an input in the forward pass, a gradient in the \
                            backward pass) is not zero; the engine leaves out others, bit for bit. `of peak` counts the \
                            needed ones alone.";

    /// An addition where predictions were measured.
    const PREDICTIONS: &str =
        " An epoch is a pass over the test samples in whole batches, with weights that lie ready.";

    pub fn note(&self) -> String {
        Self::NOTE.to_owned() + if self.predicts { Self::PREDICTIONS } else { "" }
    }

    /// Samples in an epoch of a row's: predictions leave out a rest that is no whole batch.
    fn samples(&self, row: &Row) -> usize {
        let batch = row.batch as usize;
        if self.predicts { self.samples / batch * batch } else { self.samples }
    }

    /// Returns a row's nominal rate in epochs of this number of seconds.
    pub fn gflops(&self, row: &Row, seconds: f64) -> f64 {
        self.samples(row) as f64 * self.operations as f64 / seconds / 1e9
    }

    /// Returns the rate of a row's needed operations in epochs of this number of seconds.
    pub fn needed_gflops(&self, row: &Row, seconds: f64) -> f64 {
        row.needed_share * self.gflops(row, seconds)
    }

    fn percent_of_peak(&self, row: &Row) -> Option<f64> {
        let peak = self.peaks.iter().find(|peak| (peak.engine, peak.threads) == (row.engine, row.threads))?;
        Some(100.0 * self.needed_gflops(row, row.epoch.median) / peak.gflops)
    }

    /// Returns the machine's peaks.
    pub fn peaks_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(["engine", "threads", "peak GFLOP/s"]);
        for Peak { engine, threads, gflops } in &self.peaks {
            table.add_row([(*engine).into(), threads.to_string(), format!("{gflops:.1}")]);
        }
        align_right(table, 1..3)
    }

    /// Returns a row for each measurement.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        let header = [
            "engine",
            "threads",
            "batch",
            "epoch in s",
            "samples/s",
            "GFLOP/s",
            "needed",
            "of peak",
            "peer",
            "its epoch in s",
            "peer / ours",
        ];
        // The columns about peers only where there are any.
        let columns = if self.rows.iter().any(|row| row.against.is_some()) { header.len() } else { 8 };
        table.load_style(presets::ASCII_MARKDOWN).set_header(&header[..columns]);
        for row in &self.rows {
            let seconds = row.epoch.median;
            let against = row.against.as_ref();
            let cells = [
                row.engine.into(),
                row.threads.to_string(),
                row.batch.to_string(),
                format!("{:.3}", row.epoch),
                format!("{:.0}", self.samples(row) as f64 / seconds),
                format!("{:.1}", self.gflops(row, seconds)),
                format!("{:.0}%", 100.0 * row.needed_share),
                self.percent_of_peak(row).map_or_else(String::new, |percent| format!("{percent:.0}%")),
                against.map_or_else(String::new, |against| against.peer.clone()),
                against.map_or_else(String::new, |against| format!("{:.3}", against.epoch)),
                against.map_or_else(String::new, |against| format!("{:.2}", against.ratio)),
            ];
            table.add_row(cells.into_iter().take(columns));
        }
        align_right(table, 1..8)
    }

    /// One object a line.
    pub fn json_lines(&self) -> String {
        self.rows.iter().map(|row| format!("{}\n", self.json(row))).collect()
    }

    fn json(&self, row: &Row) -> Value {
        let Spread { median, min, max } = row.epoch;
        let against = row.against.as_ref();
        json!({
            "engine": row.engine,
            "threads": row.threads,
            "batch": row.batch,
            "median_epoch_seconds": median,
            "min_epoch_seconds": min,
            "max_epoch_seconds": max,
            "samples_per_second": self.samples(row) as f64 / median,
            "gflops": self.gflops(row, median),
            "needed_share": row.needed_share,
            "needed_gflops": self.needed_gflops(row, median),
            "percent_of_peak": self.percent_of_peak(row),
            "peer": against.map(|against| &against.peer),
            "peer_median_epoch_seconds": against.map(|against| against.epoch.median),
            "ratio": against.map(|against| against.ratio.median),
            "min_ratio": against.map(|against| against.ratio.min),
            "max_ratio": against.map(|against| against.ratio.max),
        })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn around(median: f64) -> Spread {
        Spread { median, min: 0.9 * median, max: 1.1 * median }
    }

    /// 60,000 samples of the quickstart.
    pub fn report() -> Report {
        let mut rows = Vec::new();
        for (engine, speed) in [("avx512", 1.0), ("avx2", 0.6)] {
            for threads in [1, 2] {
                for (batch, seconds) in [(16, 2.0), (64, 1.5), (256, 1.25), (1024, 1.125)] {
                    let epoch = around(seconds / speed / f64::from(threads));
                    let threads = threads as usize;
                    rows.push(Row { engine, threads, batch, epoch, needed_share: 0.5, against: None });
                }
            }
        }
        for (batch, seconds) in [(16, 5.0), (64, 2.0), (256, 1.25), (1024, 1.0)] {
            let against = Against { peer: "pytorch eager cpu".into(), epoch: around(seconds), ratio: around(2.0) };
            let epoch = around(0.75);
            rows.push(Row { engine: "avx512", threads: 2, batch, epoch, needed_share: 0.5, against: Some(against) });
        }
        let peak = |engine, threads, gflops| Peak { engine, threads, gflops };
        let peaks =
            vec![peak("avx512", 1, 250.0), peak("avx512", 2, 500.0), peak("avx2", 1, 125.0), peak("avx2", 2, 250.0)];
        Report { predicts: false, samples: 60_000, operations: 3_209_216, peaks, rows }
    }

    #[test]
    fn a_json_row_has_every_figure() {
        let report = report();
        let lines: Vec<Value> = report.json_lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), report.rows.len());
        let [first, .., last] = &*lines else { panic!("there are rows") };
        assert_eq!((&first["engine"], &first["threads"], &first["batch"]), (&"avx512".into(), &1.into(), &16.into()));
        assert_eq!((&first["median_epoch_seconds"], &first["samples_per_second"]), (&2.0.into(), &30_000.0.into()));
        assert_eq!(first["gflops"], 30_000.0 * 3_209_216.0 / 1e9);
        assert_eq!(
            (&first["needed_share"], &first["needed_gflops"]),
            (&0.5.into(), &(15_000.0 * 3_209_216.0 / 1e9).into())
        );
        assert_eq!(first["percent_of_peak"], 100.0 * 15_000.0 * 3_209_216.0 / 250e9);
        assert!(first["peer"].is_null() && first["ratio"].is_null());
        assert_eq!((&last["peer"], &last["ratio"]), (&"pytorch eager cpu".into(), &2.0.into()));
    }

    #[test]
    fn the_table_is_markdown() {
        let mut report = report();
        let table = report.table().to_string();
        assert!(table.starts_with("| engine | threads |") && table.contains("| 2.000 (1.800–2.200) |"), "{table}");
        // 30,000 samples a second with 3.209 million operations, of which half are needed: 48.1 of 250.
        assert!(table.contains("|     30000 |    96.3 |    50% |     19% |"), "{table}");
        assert!(table.contains("| pytorch eager cpu | 5.000 (4.500–5.500) | 2.00 (1.80–2.20) |"), "{table}");
        report.rows.retain(|row| row.against.is_none());
        assert!(!report.table().to_string().contains("peer"));
        assert!(report.peaks_table().to_string().contains("| avx512 |       2 |        500.0 |"));
    }
}
