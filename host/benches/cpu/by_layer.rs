//! Each product of each layer beside the machine's peak.

use std::time::Duration;

use comfy_table::{Table, presets};

use super::{
    count::{Count, Counts},
    products::Entry,
    shared::align_right,
};

/// The table without its rows.
pub fn table() -> Table {
    let mut table = Table::new();
    let header = ["batch", "layer", "product", "needed a step", "of nominal", "µs a step", "of peak"];
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    align_right(align_right(table, 0..1), 3..7)
}

/// Returns a batch size's rows, in the order of a step, and one for all together; the peak is in operations a second.
pub fn rows(batch: &str, counts: &Counts, times: &[Entry<Duration>], peak: f64) -> Vec<[String; 7]> {
    let row = |layer: String, product: String, count: Count, time: Duration| {
        let (steps, seconds) = (counts.steps as f64, time.as_secs_f64());
        let needed = count.needed as f64;
        [
            batch.into(),
            layer,
            product,
            format!("{:.0}", needed / steps),
            format!("{:.0}%", 100.0 * count.needed_share()),
            format!("{:.1}", 1e6 * seconds / steps),
            // Two operations each.
            format!("{:.0}%", 100.0 * 2.0 * needed / seconds / peak),
        ]
    };
    let is_same =
        |count: &Entry<Count>, time: &Entry<Duration>| (count.product, count.widths) == (time.product, time.widths);
    let timed =
        times.iter().filter_map(|time| Some((counts.products.iter().find(|count| is_same(count, time))?, time)));
    let of_layers = timed.map(|(count, time)| {
        let layer = format!("{} → {}", count.widths.inputs, count.widths.outputs);
        row(layer, count.product.to_string(), count.sum, time.sum)
    });
    let all = row("all".into(), String::new(), counts.total(), times.iter().map(|entry| entry.sum).sum());
    of_layers.chain([all]).collect()
}

#[cfg(test)]
mod tests {
    use selvedge::engine::Widths;

    use super::{super::products::Product, *};

    #[test]
    fn rows_are_what_is_needed_over_what_it_took() {
        let widths = Widths { inputs: 784, outputs: 512 };
        let entry = |product, needed, micros| {
            let count = Entry { product, widths, sum: Count { needed, nominal: 4_000_000 } };
            (count, Entry { product, widths, sum: Duration::from_micros(micros) })
        };
        let (products, times): (Vec<_>, Vec<_>) =
            [entry(Product::Forward, 2_000_000, 100), entry(Product::Update, 1_000_000, 20)].into_iter().unzip();
        let rows = rows("64", &Counts { steps: 2, products }, &times, 200e9);
        assert_eq!(
            rows,
            [
                ["64", "784 → 512", "forward", "1000000", "50%", "50.0", "20%"],
                ["64", "784 → 512", "weight gradients, update", "500000", "25%", "10.0", "50%"],
                ["64", "all", "", "1500000", "38%", "60.0", "25%"],
            ]
        );
    }
}
