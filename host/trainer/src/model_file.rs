//! A network's file of any format, and its predictions on the host. They have the same bits as on a device.

use selvedge::{
    Engine,
    architecture::Architecture,
    engine::rows_mut,
    fashion_mnist::{self, CLASS_NAMES, CLASSES, PIXELS},
    message::{Logits, WeightFormat},
    model_file::checked,
    quantized::{self, F16, Int4, Int8, QuantizationRecord, QuantizedFile},
    shape::{InputShape, Signature},
    task::TaskKind,
    weights::{WeightFile, WeightFileError},
};

use crate::{
    classes::Classes,
    data::{Dataset, EndsError, Split},
    engine::Simd,
    evaluation::{self, BATCH, Collector, Evaluation, EvaluationError, NoNumbers},
    network::{Network, NetworkError, Workspace},
    task::{self, Meaning, standardized},
    weights::{self, WrongWeight},
};

/// A checked file.
#[derive(Debug)]
pub enum ModelFile<'a> {
    /// Weights in float32.
    F32(WeightFile<'a>),
    /// Weights in int8.
    Int8(QuantizedFile<'a, Int8>),
    /// Weights in int4.
    Int4(QuantizedFile<'a, Int4>),
    /// Weights in f16.
    F16(QuantizedFile<'a, F16>),
}

/// The reason for an assumption about a file's data: [`ModelFile::assumes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumption {
    /// The file was trained on Fashion-MNIST, or on the built-in set of the same garments.
    Known,
    /// The file does not name its data. It has Fashion-MNIST's numbers of inputs and outputs.
    Guess,
}

/// Evaluates an expression with the file of any format.
macro_rules! each {
    ($model:expr, $file:ident => $value:expr) => {
        match $model {
            ModelFile::F32($file) => $value,
            ModelFile::Int8($file) => $value,
            ModelFile::Int4($file) => $value,
            ModelFile::F16($file) => $value,
        }
    };
}

impl<'a> ModelFile<'a> {
    /// Checks a whole file. Its first bytes determine its format.
    ///
    /// # Errors
    ///
    /// The errors of [`WeightFile::parse`] and [`QuantizedFile::parse`].
    pub fn parse(file: &'a [u8]) -> Result<Self, WeightFileError> {
        let parsed = if QuantizedFile::<Int8>::is_one(file) {
            Self::Int8(QuantizedFile::parse(file)?)
        } else if QuantizedFile::<Int4>::is_one(file) {
            Self::Int4(QuantizedFile::parse(file)?)
        } else if QuantizedFile::<F16>::is_one(file) {
            Self::F16(QuantizedFile::parse(file)?)
        } else {
            Self::F32(WeightFile::parse(file)?)
        };
        checked(parsed.signature(), &parsed.architecture())?;
        Ok(parsed)
    }

    /// Returns the number format of the weights.
    pub fn format(&self) -> WeightFormat {
        match self {
            Self::F32(_) => WeightFormat::F32,
            Self::Int8(_) => WeightFormat::Int8,
            Self::Int4(_) => WeightFormat::Int4,
            Self::F16(_) => WeightFormat::F16,
        }
    }

    /// Returns the format's name in options and files: `f32`, `f16`, `int8` or `int4`.
    pub fn format_name(&self) -> &'static str {
        fn name<F: quantized::QuantizedFormat>(_: &QuantizedFile<'_, F>) -> &'static str {
            F::NAME
        }
        match self {
            Self::F32(_) => "f32",
            Self::Int8(file) => name(file),
            Self::Int4(file) => name(file),
            Self::F16(file) => name(file),
        }
    }

    /// Returns the layers.
    pub fn architecture(&self) -> Architecture {
        each!(self, file => file.architecture())
    }

    /// Returns the meaning of the inputs and outputs.
    pub fn signature(&self) -> Signature<'a> {
        each!(self, file => file.signature())
    }

    /// Returns the shape of a sample. If Fashion-MNIST is [assumed](Self::assumes), it is an image of 28×28 pixels.
    pub fn input(&self) -> InputShape {
        let assumed = match self.assumes() {
            Some(_) => fashion_mnist::SHAPE,
            None => InputShape::Features(self.architecture().inputs() as u32),
        };
        self.signature().input.unwrap_or(assumed)
    }

    /// Returns the classes, with the names in the file. If Fashion-MNIST is [assumed](Self::assumes), they have its names.
    pub fn classes(&self) -> Classes {
        match self.assumes() {
            Some(_) => Classes::named(CLASS_NAMES).expect("each is a name"),
            None => Classes::of(&self.signature(), self.architecture().outputs()),
        }
    }

    /// Returns the reason why the inputs and outputs are taken for Fashion-MNIST's: files of earlier versions did not state their meaning. `None`
    /// for a file that states it, and for one that was trained on other data.
    pub fn assumes(&self) -> Option<Assumption> {
        let architecture = self.architecture();
        let has_ends = [architecture.inputs(), architecture.outputs()] == [PIXELS, CLASSES];
        if self.signature() != Signature::default() || !has_ends {
            return None;
        }
        match self.dataset() {
            Some("Fashion-MNIST" | "builtin") => Some(Assumption::Known),
            Some("unknown") | None => Some(Assumption::Guess),
            Some(_) => None,
        }
    }

    /// Checks that the network takes this data's samples, and has an output for each of their classes. For labels and targets it must have exactly as
    /// many outputs. The samples then get the network's
    /// preparation and element. If they are labelled by names, they get the network's labels.
    ///
    /// # Errors
    ///
    /// [`EndsError`].
    pub fn take(&self, data: Dataset) -> Result<Dataset, EndsError> {
        let (task, own) = (data.task.get().kind(), self.signature().task);
        if task != own.kind() {
            return Err(EndsError::Task { network: own.kind(), data: data.name, task });
        }
        let classes = self.classes();
        if task != TaskKind::Classification
            && classes.are_named()
            && data.classes.are_named()
            && classes != data.classes
        {
            let [network, found] = [&classes, &data.classes].map(|all| all.all().collect::<Vec<_>>().join(", "));
            return Err(EndsError::Names { network, data: data.name, found, task });
        }
        let data = data.labelled_for(&classes)?;
        data.check(&self.architecture())?;
        data.check_shape(self.input())?;
        let preparation = self.signature().preparation;
        let task = own.into();
        Ok(Dataset { preparation: preparation.into(), task, ..data.converted(preparation.element())? })
    }

    /// Returns the name of the training data set, if the file has it.
    pub fn dataset(&self) -> Option<&'a str> {
        match self {
            Self::F32(file) => Some(file.record().dataset),
            _ => None,
        }
    }

    /// Returns the record of a quantised file (int8, int4 or f16), or `None` for a float32 file.
    pub fn quantization(&self) -> Option<&QuantizationRecord<'a>> {
        match self {
            Self::F32(_) => None,
            Self::Int8(file) => Some(file.record()),
            Self::Int4(file) => Some(file.record()),
            Self::F16(file) => Some(file.record()),
        }
    }

    /// Returns the size in bytes of the workspace of a prediction on a device. The sample and the logits are not counted. In int8 and int4, a network
    /// with a preparation also needs one byte for each input, on the stack.
    pub fn ram_bytes(&self) -> usize {
        let words = match self {
            Self::F32(file) => {
                let architecture = file.architecture();
                architecture.inputs() + architecture.tape_len()
            }
            Self::Int8(file) => file.required_words(),
            Self::Int4(file) => file.required_words(),
            Self::F16(file) => file.required_words(),
        };
        words * size_of::<u32>()
    }

    /// Checks that all weights are finite, and no variance is below 0. The weights of an integer network are always finite.
    ///
    /// # Errors
    ///
    /// [`WrongWeight`], with the first weight that is wrong.
    pub fn check_weights(&self) -> Result<(), WrongWeight> {
        let flat: Vec<f32> = match self {
            Self::F32(file) => file.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Self::F16(file) => file.parameters().collect(),
            Self::Int8(_) | Self::Int4(_) => return Ok(()),
        };
        weights::check_all(&self.architecture(), &flat)
    }

    /// Returns the network of a floating-point file, in binary32. Returns `None` for an integer network.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] if there is no room for it.
    pub fn network(&self) -> Result<Option<Network>, NetworkError> {
        match self {
            Self::F32(file) => Network::of_file(file).map(Some),
            Self::F16(file) => {
                let flat: Vec<f32> = file.parameters().collect();
                Network::with_parameters(&file.architecture(), &flat).map(Some)
            }
            Self::Int8(_) | Self::Int4(_) => Ok(None),
        }
    }

    /// Returns the logits of samples. `samples` has their raw values, one sample after the other, as the network's
    /// [`Preparation`](selvedge::preparation::Preparation) takes them. Bytes at the end that are not a whole sample are
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] if there is no room for the network.
    pub fn logits(&self, engine: &Simd, samples: &[u8]) -> Result<AllLogits, NetworkError> {
        let architecture = self.architecture();
        let [inputs, outputs] = [architecture.inputs(), architecture.outputs()];
        let preparation = self.signature().preparation;
        let sample_len = preparation.sample_len(inputs);
        let count = samples.len() / sample_len;
        if let Some(network) = self.network()? {
            let batch = BATCH.min(count);
            let mut workspace = Workspace::for_prediction(network.view(), batch)?;
            let (mut input, mut values) = (vec![0.0; batch * inputs], Vec::new());
            for samples in samples[..count * sample_len].chunks(BATCH * sample_len) {
                let input = &mut input[..samples.len() / sample_len * inputs];
                for (sample, input) in samples.chunks_exact(sample_len).zip(rows_mut(input, inputs)) {
                    preparation.write(sample, input);
                }
                values.extend_from_slice(workspace.predict(engine, network.view(), input));
            }
            return Ok(AllLogits { outputs, values: Values::Floats(values) });
        }
        let mut sums = vec![0; count * outputs];
        engine.share_out(outputs, &mut sums, |first, sums| {
            let samples = &samples[first * sample_len..];
            match self {
                Self::Int8(file) => integer_sums(file, [inputs, outputs], samples, sums),
                Self::Int4(file) => integer_sums(file, [inputs, outputs], samples, sums),
                Self::F32(_) | Self::F16(_) => {}
            }
        });
        let scale = self.quantization().map_or(1.0, |record| record.logit_scale);
        Ok(AllLogits { outputs, values: Values::Sums(sums, scale) })
    }

    /// Returns the logits of the samples of a set.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] if there is no room for the network.
    pub fn all_logits(&self, engine: &Simd, split: &Split) -> Result<AllLogits, NetworkError> {
        let mut all = self.logits(engine, &[])?;
        for part in split.parts() {
            all.append(self.logits(engine, &part)?);
        }
        Ok(all)
    }

    /// Runs the network on a set.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] for labels that name no class, samples with another number of features, and logits that are infinite or NaN.
    pub fn evaluate(&self, engine: &Simd, split: &Split) -> Result<Evaluation, EvaluationError> {
        if let Some(network) = self.network()? {
            let Signature { preparation, task, .. } = self.signature();
            return evaluation::run(engine, network.view(), Meaning { preparation, task }, split);
        }
        evaluation::check(self.architecture().inputs(), split)?;
        let all = self.all_logits(engine, split)?;
        let task = self.signature().task;
        let mut collector = Collector::new(task, split.targets(), all.outputs, true);
        let (targets, mut loss) = (standardized(task, split.targets()), 0.0);
        for (index, logits) in all.iter().enumerate() {
            let values: Vec<f32> = logits.values().collect();
            loss += f64::from(task::value(targets.part(index..index + 1), &values)?);
            collector.add(&values);
        }
        collector.check()?;
        Ok(collector.finish(loss / split.len() as f64))
    }
}

/// Computes an integer network's sums of samples, one after the other.
fn integer_sums<F: quantized::Integers>(
    file: &QuantizedFile<'_, F>,
    [inputs, outputs]: [usize; 2],
    samples: &[u8],
    sums: &mut [i32],
) {
    let (mut workspace, mut codes) = (vec![0; file.required_words()], vec![0; inputs]);
    let preparation = file.signature().preparation;
    for (sample, sums) in samples.chunks_exact(preparation.sample_len(inputs)).zip(sums.chunks_exact_mut(outputs)) {
        preparation.write_codes(sample, &mut codes);
        // All sizes are the network's: there is no error.
        let _ = file.predict(&codes, &mut workspace, sums);
    }
}

/// The logits of a set of samples.
#[derive(Clone, Debug)]
pub struct AllLogits {
    outputs: usize,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    Floats(Vec<f32>),
    Sums(Vec<i32>, f32),
}

impl AllLogits {
    /// Returns the logits of one sample.
    ///
    /// # Panics
    ///
    /// If there is no such sample.
    pub fn get(&self, sample: usize) -> Logits<'_> {
        let own = sample * self.outputs..(sample + 1) * self.outputs;
        match &self.values {
            Values::Floats(values) => Logits::float32(&values[own]),
            Values::Sums(sums, scale) => Logits::int32(&sums[own], *scale),
        }
    }

    /// Appends the logits of the same network on further samples.
    fn append(&mut self, other: Self) {
        match (&mut self.values, other.values) {
            (Values::Floats(all), Values::Floats(more)) => all.extend(more),
            (Values::Sums(all, _), Values::Sums(more, _)) => all.extend(more),
            // A network has one kind of logits.
            (Values::Floats(_), Values::Sums(..)) | (Values::Sums(..), Values::Floats(_)) => {}
        }
    }

    /// Checks that all are finite.
    ///
    /// # Errors
    ///
    /// [`NoNumbers`] if some are not.
    pub fn check(&self) -> Result<(), NoNumbers> {
        NoNumbers::check(self.iter().map(|logits| logits.values().all(f32::is_finite)))
    }

    /// Returns the logits of each sample.
    pub fn iter(&self) -> impl Iterator<Item = Logits<'_>> + Clone {
        let count = match &self.values {
            Values::Floats(values) => values.len(),
            Values::Sums(sums, _) => sums.len(),
        } / self.outputs.max(1);
        (0..count).map(|sample| self.get(sample))
    }
}
