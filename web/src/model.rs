//! A network's file of any format, and its predictions.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use selvedge::{
    arithmetic,
    classification::argmax,
    message::WeightFormat,
    model_file::FileInfo,
    quantized::{F16, Int4, Int8, Integers, QuantizedFile},
    task::TaskKind,
    weights::{HexHash, WeightFile, hash},
};
use wasm_bindgen::prelude::*;

use crate::{pass::ForwardPass, samples::Samples};

/// A network, with its results for the last sample.
#[wasm_bindgen]
pub struct Model {
    file: Vec<u8>,
    format: WeightFormat,
    layers: String,
    classes: Vec<String>,
    /// The number of bytes of a sample.
    sample_len: usize,
    /// The network, if the weights are in float32.
    network: Option<ForwardPass>,
    workspace: Vec<u32>,
    /// The last sample's activations after each layer, the logits last.
    activations: Vec<Vec<f32>>,
    logits: Vec<f32>,
}

#[wasm_bindgen]
impl Model {
    /// Reads a file and checks it as a whole.
    ///
    /// # Errors
    ///
    /// A file that is not a network's file, that is damaged, or whose network does not classify.
    #[wasm_bindgen(constructor)]
    pub fn new(file: Vec<u8>) -> Result<Model, JsError> {
        Self::read(file).map_err(|error| JsError::new(&error))
    }

    /// Returns the layers in the form `784 => 128 Relu => 10`.
    #[wasm_bindgen(getter)]
    pub fn layers(&self) -> String {
        self.layers.clone()
    }

    /// Returns the number type of the weights: `float32`, `int8`, `int4` or `f16`.
    #[wasm_bindgen(getter)]
    pub fn format(&self) -> String {
        match self.format {
            WeightFormat::F32 => "float32",
            WeightFormat::Int8 => "int8",
            WeightFormat::Int4 => "int4",
            WeightFormat::F16 => "f16",
        }
        .to_string()
    }

    /// Returns the classes' names, or their numbers if the file has no names.
    #[wasm_bindgen(getter)]
    pub fn classes(&self) -> Vec<String> {
        self.classes.clone()
    }

    /// Returns the number of bytes of a sample.
    #[wasm_bindgen(getter, js_name = sampleBytes)]
    pub fn sample_bytes(&self) -> usize {
        self.sample_len
    }

    /// Returns the number of bytes of the file.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> usize {
        self.file.len()
    }

    /// Returns the weight hash of a float32 network. For other networks, it is empty.
    #[wasm_bindgen(getter, js_name = weightHash)]
    pub fn weight_hash(&self) -> String {
        self.network.as_ref().map_or(String::new(), |network| HexHash(hash(network.parameters())).to_string())
    }

    /// Predicts a sample from its raw bytes, and returns the class.
    ///
    /// # Errors
    ///
    /// A sample of another length than the network's.
    pub fn predict(&mut self, sample: &[u8]) -> Result<usize, JsError> {
        self.run(sample).map_err(|error| JsError::new(&error))
    }

    /// Returns the last sample's logits.
    #[wasm_bindgen(getter)]
    pub fn logits(&self) -> Vec<f32> {
        self.logits.clone()
    }

    /// Returns the last sample's probabilities.
    #[wasm_bindgen(getter)]
    pub fn probabilities(&self) -> Vec<f32> {
        arithmetic::probabilities(self.logits.iter().copied()).collect()
    }

    /// Returns the number of layers for which there are activations of the last sample.
    #[wasm_bindgen(getter, js_name = activationCount)]
    pub fn activation_count(&self) -> usize {
        self.activations.len()
    }

    /// Returns the last sample's activations after a layer. For a quantised network, they are in the network's own order and units: bytes for int8
    /// and int4. After the last layer, they are the logits.
    pub fn activations(&self, layer: usize) -> Vec<f32> {
        self.activations.get(layer).cloned().unwrap_or_default()
    }

    /// Returns the fraction of samples that are classified correctly, 0 to 1.
    ///
    /// # Errors
    ///
    /// Samples of another length than the network takes.
    pub fn accuracy(&mut self, samples: &Samples) -> Result<f64, JsError> {
        self.part_right(samples).map_err(|error| JsError::new(&error))
    }
}

impl Model {
    /// Does the same as [`new`](Self::new), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn read(file: Vec<u8>) -> Result<Self, String> {
        let info = FileInfo::read(&file).map_err(|error| error.to_string())?;
        let task = info.signature.task.kind();
        if task != TaskKind::Classification {
            return Err(format!("the network's outputs are a {task}, and this page shows classes"));
        }
        let (architecture, format) = (info.architecture, info.format);
        let (inputs, outputs) = (architecture.inputs(), architecture.outputs());
        let sample_len = info.signature.preparation.sample_len(inputs);
        let names = info.signature.output_names;
        let classes = (0..outputs).map(|class| names.get(class).map_or_else(|| class.to_string(), str::to_string));
        let mut model = Self {
            format,
            layers: architecture.expression().to_string(),
            classes: classes.collect(),
            sample_len,
            network: None,
            workspace: Vec::new(),
            activations: Vec::new(),
            logits: vec![0.0; outputs],
            file: Vec::new(),
        };
        match format {
            WeightFormat::F32 => {
                let weights = WeightFile::parse(&file).map_err(|error| error.to_string())?;
                let mut parameters = vec![0.0; architecture.parameter_count().unwrap_or(0)];
                weights.copy_to_flat(&mut parameters);
                model.network = ForwardPass::new(&architecture, parameters);
            }
            WeightFormat::Int8 => model.workspace = workspace::<Int8>(&file)?,
            WeightFormat::Int4 => model.workspace = workspace::<Int4>(&file)?,
            WeightFormat::F16 => model.workspace = workspace::<F16>(&file)?,
        }
        model.file = file;
        Ok(model)
    }

    /// Does the same as [`predict`](Self::predict), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`predict`](Self::predict).
    pub fn run(&mut self, sample: &[u8]) -> Result<usize, String> {
        if sample.len() != self.sample_len {
            return Err(format!(
                "the network takes samples of {} bytes, and this has {}",
                self.sample_len,
                sample.len()
            ));
        }
        self.activations.clear();
        match self.format {
            WeightFormat::F32 => self.run_floats(sample)?,
            WeightFormat::Int8 => self.run_integers::<Int8>(sample)?,
            WeightFormat::Int4 => self.run_integers::<Int4>(sample)?,
            WeightFormat::F16 => {
                let parsed = QuantizedFile::<F16>::parse(&self.file).map_err(|error| error.to_string())?;
                let keep = |_, outputs: &[f32]| self.activations.push(outputs.to_vec());
                parsed
                    .predict_with_activations(sample, &mut self.workspace, &mut self.logits, keep)
                    .map_err(|error| error.to_string())?;
            }
        }
        if let Some(last) = self.activations.last_mut() {
            last.clone_from(&self.logits);
        }
        Ok(argmax(self.logits.iter().copied()))
    }

    /// Does the same as [`accuracy`](Self::accuracy), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`accuracy`](Self::accuracy).
    pub fn part_right(&mut self, samples: &Samples) -> Result<f64, String> {
        let mut right = 0;
        for (sample, label) in samples.iter() {
            right += usize::from(self.run(sample)? == usize::from(label));
        }
        Ok(right as f64 / samples.count() as f64)
    }

    fn run_floats(&mut self, sample: &[u8]) -> Result<(), String> {
        let weights = WeightFile::parse(&self.file).map_err(|error| error.to_string())?;
        let Some(network) = &mut self.network else { return Ok(()) };
        weights.signature().preparation.write(sample, &mut network.input);
        network.run();
        self.activations.extend(network.activations().map(<[f32]>::to_vec));
        if let Some(logits) = self.activations.last() {
            self.logits.copy_from_slice(logits);
        }
        Ok(())
    }

    /// Computes the logits of an integer network, multiplied by the scale in the file.
    fn run_integers<F: Integers>(&mut self, sample: &[u8]) -> Result<(), String> {
        let parsed = QuantizedFile::<F>::parse(&self.file).map_err(|error| error.to_string())?;
        let preparation = parsed.signature().preparation;
        let mut codes = vec![0; parsed.architecture().inputs()];
        preparation.write_codes(sample, &mut codes);
        let mut logits = vec![0; self.logits.len()];
        let keep = |_, outputs: &[u8]| self.activations.push(outputs.iter().copied().map(f32::from).collect());
        parsed
            .predict_with_activations(&codes, &mut self.workspace, &mut logits, keep)
            .map_err(|error| error.to_string())?;
        let unit = parsed.record().logit_scale;
        self.logits.iter_mut().zip(logits).for_each(|(logit, whole)| *logit = whole as f32 * unit);
        Ok(())
    }
}

/// Returns the memory in which a quantised network predicts.
fn workspace<F: selvedge::quantized::QuantizedFormat>(file: &[u8]) -> Result<Vec<u32>, String> {
    let parsed = QuantizedFile::<F>::parse(file).map_err(|error| error.to_string())?;
    Ok(vec![0; parsed.required_words()])
}
