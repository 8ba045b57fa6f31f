//! Reads ncu.csv, which `check.sh` writes: the measurements of NVIDIA's profiler `ncu` for each kernel.

/// A kernel of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kernel {
    /// The kernel's name.
    pub name: String,
    /// The measured values, by the profiler's names, in its base units.
    metrics: Vec<(String, f64)>,
    /// The number of steps that were measured.
    steps: usize,
}

/// The profiler's name for the time in ns.
pub const TIME: &str = "gpu__time_duration.sum";

impl Kernel {
    /// Returns a measurement, or `None` if the profiler did not have it.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(found, _)| found == name).map(|&(_, value)| value)
    }
}

/// Returns the kernels of one step, in their order. Each number is the mean over the measured steps. If no steps are recognised, it returns all
/// kernels.
pub fn step(csv: &str) -> Vec<Kernel> {
    let kernels = kernels(csv);
    let is_period = |period: &usize| kernels.iter().zip(kernels.iter().skip(*period)).all(|(a, b)| a.name == b.name);
    let period = (1..=kernels.len() / 2).find(is_period).unwrap_or(kernels.len());
    let mut step = kernels.iter().take(period).cloned().collect::<Vec<_>>();
    for (index, kernel) in kernels.iter().enumerate().skip(period) {
        let sum = &mut step[index % period];
        sum.steps += 1;
        for ((_, sum), (_, value)) in sum.metrics.iter_mut().zip(&kernel.metrics) {
            *sum += value;
        }
    }
    for Kernel { metrics, steps, .. } in &mut step {
        metrics.iter_mut().for_each(|(_, value)| *value /= *steps as f64);
    }
    step
}

/// Returns every kernel that was measured.
fn kernels(csv: &str) -> Vec<Kernel> {
    let mut lines = csv.lines().map(fields);
    let heading = lines.next().unwrap_or_default();
    let column = |name: &str| heading.iter().position(|found| found == name);
    let columns = ["ID", "Kernel Name", "Metric Name", "Metric Value"].map(column);
    let [Some(id), Some(name), Some(metric), Some(value)] = columns else { return Vec::new() };
    let (mut kernels, mut last) = (Vec::<Kernel>::new(), None);
    for line in lines {
        let field = |column: usize| line.get(column).cloned().unwrap_or_default();
        if last.as_ref() != Some(&field(id)) {
            last = Some(field(id));
            // `head(float *, …)` for one with parameters.
            let name = field(name).split('(').next().unwrap_or_default().to_owned();
            kernels.push(Kernel { name, metrics: Vec::new(), steps: 1 });
        }
        if let (Some(kernel), Ok(value)) = (kernels.last_mut(), field(value).replace(',', "").parse()) {
            kernel.metrics.push((field(metric), value));
        }
    }
    kernels
}

/// Returns the fields of a line, if all of them are in quotes.
fn fields(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('"').trim_end_matches('"');
    inner.split("\",\"").map(|field| field.replace("\"\"", "\"")).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Two steps of two kernels.
    pub const CSV: &str = r#""ID","Process ID","Kernel Name","Metric Name","Metric Unit","Metric Value"
"0","1","forward(Task, float *)","gpu__time_duration.sum","ns","2,000"
"0","1","forward(Task, float *)","launch__grid_size","","128"
"1","1","update","gpu__time_duration.sum","ns","1000"
"1","1","update","launch__grid_size","","32"
"2","1","forward(Task, float *)","gpu__time_duration.sum","ns","3,000"
"2","1","forward(Task, float *)","launch__grid_size","","128"
"3","1","update","gpu__time_duration.sum","ns","1200"
"3","1","update","launch__grid_size","","32"
"#;

    #[test]
    fn a_step_is_the_mean_of_those_that_were_measured() {
        let step = step(CSV);
        let times = step.iter().map(|kernel| (kernel.name.as_str(), kernel.metric(TIME))).collect::<Vec<_>>();
        assert_eq!(times, [("forward", Some(2500.0)), ("update", Some(1100.0))]);
        assert_eq!((step[0].metric("launch__grid_size"), step[1].metric("none")), (Some(128.0), None));
    }

    #[test]
    fn kernels_without_steps_stay_as_they_are() {
        let three = CSV.lines().take(4).collect::<Vec<_>>().join("\n");
        assert_eq!(step(&three).len(), 2);
        assert!(step("").is_empty() && step("==ERROR== no permission").is_empty());
    }
}
