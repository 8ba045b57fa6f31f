//! The measurements, as a table and as JSON.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::shared::{Against, Spread, align_right};

/// All measurements.
pub struct Report {
    /// Images in an epoch.
    pub samples: usize,
    /// The GPU's name.
    pub gpu: String,
    pub rows: Vec<Row>,
}

/// Epochs of one batch size.
pub struct Row {
    pub batch: u32,
    /// Seconds.
    pub epoch: Spread,
    /// The peer with which it took turns, and the ratios.
    pub against: Option<Against>,
}

impl Report {
    /// Returns a step's µs in an epoch of this number of seconds.
    fn step(&self, row: &Row) -> f64 {
        let steps = self.samples.div_ceil(row.batch as usize);
        1e6 * row.epoch.median / steps as f64
    }

    /// Returns a row for each measurement.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        let header = ["batch", "epoch in ms", "step in µs", "peer", "its epoch in ms", "peer / ours"];
        // The columns about peers only where there are any.
        let columns = if self.rows.iter().any(|row| row.against.is_some()) { header.len() } else { 3 };
        table.load_style(presets::ASCII_MARKDOWN).set_header(&header[..columns]);
        for row in &self.rows {
            let against = row.against.as_ref();
            let cells = [
                row.batch.to_string(),
                milliseconds(row.epoch),
                format!("{:.2}", self.step(row)),
                against.map_or_else(String::new, |against| against.peer.clone()),
                against.map_or_else(String::new, |against| milliseconds(against.epoch)),
                against.map_or_else(String::new, |against| format!("{:.2}", against.ratio)),
            ];
            table.add_row(cells.into_iter().take(columns));
        }
        align_right(table, 0..3)
    }

    /// For each batch size the peer that comes nearest to us.
    pub fn best_peers(&self) -> Vec<String> {
        let mut best: Vec<(u32, &Against)> = Vec::new();
        for row in &self.rows {
            let Some(against) = &row.against else { continue };
            match best.iter_mut().find(|(batch, _)| *batch == row.batch) {
                Some((_, least)) if against.ratio.median < least.ratio.median => *least = against,
                Some(_) => {}
                None => best.push((row.batch, against)),
            }
        }
        let line = |(batch, Against { peer, ratio, .. }): (u32, &Against)| {
            format!("At batch {batch}, the best of the others, {peer}, takes {ratio:.2} times as long.")
        };
        best.into_iter().map(line).collect()
    }

    /// Returns one JSON object for each row, each on a line of its own.
    pub fn json_lines(&self) -> String {
        self.rows.iter().map(|row| format!("{}\n", self.json(row))).collect()
    }

    fn json(&self, row: &Row) -> Value {
        let Spread { median, min, max } = row.epoch;
        let against = row.against.as_ref();
        json!({
            "gpu": self.gpu,
            "batch": row.batch,
            "median_epoch_seconds": median,
            "min_epoch_seconds": min,
            "max_epoch_seconds": max,
            "step_microseconds": self.step(row),
            "peer": against.map(|against| &against.peer),
            "peer_median_epoch_seconds": against.map(|against| against.epoch.median),
            "ratio": against.map(|against| against.ratio.median),
            "min_ratio": against.map(|against| against.ratio.min),
            "max_ratio": against.map(|against| against.ratio.max),
        })
    }
}

fn milliseconds(seconds: Spread) -> String {
    let Spread { median, min, max } = seconds;
    format!("{:.2}", Spread { median: 1e3 * median, min: 1e3 * min, max: 1e3 * max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(median: f64) -> Spread {
        Spread { median, min: 0.5 * median, max: 2.0 * median }
    }

    /// Figures of no GPU.
    fn report() -> Report {
        let row = |batch, against| Row { batch, epoch: around(0.125), against };
        let against = |peer: &str, ratio: f64| {
            Some(Against { peer: peer.into(), epoch: around(0.125 * ratio), ratio: around(ratio) })
        };
        let peers = [("eager", 30.0), ("compile", 5.0), ("graph", 6.0)];
        let mut rows = vec![row(64, None)];
        rows.extend(peers.map(|(peer, ratio)| row(64, against(peer, ratio))));
        rows.push(row(250, against("eager", 3.0)));
        Report { samples: 1000, gpu: "a GPU".into(), rows }
    }

    #[test]
    fn steps_and_ratios_are_in_the_table() {
        let table = report().table().to_string();
        assert!(table.contains("|    64 | 125.00 (62.50–250.00) |    7812.50 |"), "{table}");
        assert!(table.contains("|   250 | 125.00 (62.50–250.00) |   31250.00 |"), "{table}");
        assert!(table.contains("| compile | 625.00 (312.50–1250.00)   | 5.00 (2.50–10.00)   |"), "{table}");
        let mut alone = report();
        alone.rows.truncate(1);
        assert!(!alone.table().to_string().contains("peer"));
    }

    #[test]
    fn the_best_peer_is_the_one_that_comes_nearest() {
        let best = "the best of the others, compile, takes 5.00 (2.50–10.00) times as long.";
        let lines = report().best_peers();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], format!("At batch 64, {best}"));
        assert!(lines[1].starts_with("At batch 250, the best of the others, eager, "));
    }

    #[test]
    fn every_row_is_an_object() {
        let lines = report().json_lines();
        let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 5);
        assert_eq!((&rows[0]["gpu"], &rows[0]["step_microseconds"]), (&"a GPU".into(), &7812.5.into()));
        assert!(rows[0]["peer"].is_null() && rows[2]["ratio"] == 5.0);
    }
}
