use std::{
    io::{self, IsTerminal, StdoutLock, Write},
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Args;
use host::{
    evaluation,
    models::{Model, WithModel, with_model},
    picture,
    quantization::{Network, Predictor},
};
use selvedge::{
    Portable,
    classification::{softmax, top_k},
    idx::Image,
    models::{CLASS_NAMES, CLASSES, PIXELS},
    weights::WeightFile,
};

use super::FileOptions;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    file: FileOptions,

    /// Pictures of a garment, PNG or JPEG, of any size, on a plain dark or light ground
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let bytes = self.file.read()?;
        if Network::is_one(&bytes) {
            let file = self.file.parse_quantized(&bytes)?;
            let mut predictor = Predictor::new(&file)?;
            return self.classify(|image| Ok(predictor.logits(image)?.values()));
        }
        let file = self.file.parse(&bytes)?;
        with_model(file.architecture(), Predict { options: &self, file: &file })?
    }

    fn classify(&self, mut logits: impl FnMut(&Image) -> Result<[f32; CLASSES]>) -> Result<()> {
        let mut out = io::stdout().lock();
        for path in &self.images {
            let image = picture::read(path)?;
            let mut probabilities = [0.0; CLASSES];
            softmax(&logits(&image)?, &mut probabilities);
            let top = top_k::<3>(&probabilities);
            show(&mut out, path, &image, &top)?;
        }
        Ok(())
    }
}

struct Predict<'a> {
    options: &'a Options,
    file: &'a WeightFile<'a>,
}

impl WithModel for Predict<'_> {
    type Output = Result<()>;

    fn run<M: Model>(self) -> Result<()> {
        let Self { options, file } = self;
        let model = options.file.model::<M>(file)?;
        options.classify(|image| {
            let (mut input, mut logits) = ([0.0; PIXELS], [0.0; CLASSES]);
            evaluation::load(image, &mut input);
            model.predict(&Portable, &input, &mut logits);
            Ok(logits)
        })
    }
}

/// Shows what a picture was taken for, the likeliest class first.
pub fn show(out: &mut StdoutLock<'_>, path: &Path, image: &Image, top: &[(usize, f32)]) -> io::Result<()> {
    let class = top.first().map_or("no class", |&(class, _)| CLASS_NAMES[class]);
    writeln!(out, "{}: {class}", path.display())?;
    if out.is_terminal() {
        writeln!(out, "{}", picture::terminal(image))?;
    }
    for &(class, probability) in top {
        writeln!(out, "  {:<11} {:>5.1}%", CLASS_NAMES[class], 100.0 * probability)?;
    }
    Ok(())
}
