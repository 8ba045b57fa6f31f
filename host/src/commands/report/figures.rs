//! The report's pictures as files.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{
    files,
    report::{Run, chart, curves},
};

/// Writes the pictures, and returns their files.
pub fn figures(runs: &[Run], folder: &Path) -> Result<Vec<PathBuf>> {
    let mut saved = Vec::new();
    let mut save = |name: String, bytes: &[u8]| -> Result<()> {
        let path = folder.join(name);
        files::write_whole(&path, bytes)?;
        saved.push(path);
        Ok(())
    };
    for chart in curves::charts(runs) {
        save(format!("{}.svg", chart.file), chart.to_svg().as_bytes())?;
    }
    for (place, run) in runs.iter().enumerate() {
        // Of several runs, each has its number.
        let own = |name: &str| if runs.len() == 1 { name.to_owned() } else { format!("{}-{name}", place + 1) };
        if let Some(findings) = &run.findings {
            if let Some(calibration) = &findings.calibration {
                let chart = curves::reliability(calibration, run.task());
                save(own("reliability.svg"), chart.to_svg().as_bytes())?;
            }
            for chart in curves::values(run, findings) {
                save(own(&format!("{}.svg", chart.file)), chart.to_svg().as_bytes())?;
            }
            if let crate::evaluation::Answers::Classes(answers) = &findings.evaluation.answers
                && let Some(counts) = answers.confusion()
            {
                let names: Vec<String> = (0..counts.len()).map(|class| run.output(class)).collect();
                save(own("confusion.svg"), chart::heat_svg(&names, &counts).as_bytes())?;
            }
            for (mistake, pixels) in findings.mistakes.iter().zip(&run.mistakes) {
                save(own(&format!("mistake-{}.png", mistake.index)), &pixels.png()?)?;
            }
        }
        if let Some((_, pixels)) = &run.first_layer {
            save(own("first-layer.png"), &pixels.png()?)?;
        }
    }
    Ok(saved)
}
