use std::{path::PathBuf, str::FromStr};

use super::groups::whole;
use clap::{Args, builder::PossibleValuesParser};
use selvedge::{architecture::Architecture, models::NAMES};

/// Options of `convert`.
#[derive(Args, Debug)]
pub struct Convert {
    /// Weights: a .selvedge, .safetensors, .pth (torch.save of a state dict or a checkpoint), .npz or .onnx file
    ///
    /// The network's inputs are bytes / 255, as torchvision's ToTensor gives them. A model that was trained with Normalize too needs --mean and
    /// --std.
    #[arg(value_name = "FROM")]
    pub from: PathBuf,

    /// The file to write: a .selvedge, .safetensors, .npz or .onnx file
    ///
    /// Only a .selvedge file keeps the class names, the shape of the inputs, the scales of inputs and targets and the record of the training;
    /// --fold puts the scales into the network.
    #[arg(value_name = "TO")]
    pub to: PathBuf,

    /// The network, as a named model for Fashion-MNIST: quickstart (784-512-512-10), small (784-128-10) or tiny (784-16-10)
    ///
    /// For other inputs and outputs, name the widths by --layers.
    #[arg(long, value_parser = PossibleValuesParser::new(NAMES))]
    pub model: Option<String>,

    /// The network, as widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// ReLU stands between widths. By default, a .selvedge or an .onnx file names its own layers. For other files, names and shapes give linear
    /// layers, and ReLU is assumed between them. Gelu is PyTorch's nn.GELU(approximate='tanh'), and LeakyRelu has the slope 0.01. If Dropout is
    /// among the layers, the names of FROM may count it as a layer, as nn.Sequential does; the names of TO count it.
    #[arg(long, conflicts_with = "model")]
    pub layers: Option<Architecture>,

    /// The entry of a checkpoint that holds the weights, such as model_state_dict; dots separate nested entries
    ///
    /// It may also be the beginning of the tensors' names: actor takes actor.0.weight, and '' takes the names without a beginning. By default it is
    /// the only entry that holds matrices.
    #[arg(long)]
    pub key: Option<String>,

    /// Match a tensor or a layer of FROM with one of the network: fc1.weight=0.weight or fc1=0; may be repeated
    ///
    /// Layers count from 0, and activations count too. Names that are not those of PyTorch's nn.Sequential are otherwise matched by order and shape,
    /// where that leaves no doubt.
    #[arg(long, value_name = "OLD=NEW", value_parser = pair)]
    pub map: Vec<(String, String)>,

    /// Read weights as inputs × outputs (Keras, Flax, scikit-learn); =no reads them as outputs × inputs (PyTorch)
    ///
    /// By default their shapes decide.
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    pub transpose: Option<bool>,

    /// The mean that training subtracted from each input: one number, one for each channel or input, or a .npy file
    ///
    /// Give it for a model that was trained with torchvision's Normalize(mean, std) or another standardisation, after bytes / 255. A Selvedge
    /// network takes bytes / 255, so mean and deviation go into the first layer: W / std and b − Σ W · mean / std.
    /// For bytes that were not divided, give --mean 0 --std 0.00392156862745098 (1 / 255); for −1 to 1, give --mean 0.5 --std 0.5.
    #[arg(long, value_name = "X,…", requires = "std", allow_hyphen_values = true)]
    pub mean: Option<Numbers>,

    /// The standard deviation by which training divided each input, after it subtracted --mean
    #[arg(long, value_name = "X,…", requires = "mean", allow_hyphen_values = true)]
    pub std: Option<Numbers>,

    /// Ignore tensors that the network does not have; a missing bias becomes 0, a missing batch normalisation scale 1
    #[arg(long)]
    pub no_strict: bool,

    /// The operator set of an .onnx file, from 13 to 23
    ///
    /// The default is the lowest set that the layers need, because most programs read it: 20 with Gelu, else 13.
    #[arg(long, value_name = "N", value_parser = whole::<u8>(1..=255))]
    pub opset: Option<u8>,

    /// Put what surrounds the linear layers into them: batch normalisation, the scales of the inputs and those of a regression's targets
    ///
    /// TO is then a network of fewer layers with the same answers, but for rounding. It takes values as they are, and gives targets in their
    /// units. A BatchNorm1d goes into the linear layer that it directly follows, the inputs' scales into the first layer, and the targets' into
    /// the last one, which must be linear. Bytes stay divided by 255.
    #[arg(long)]
    pub fold: bool,
}

/// Numbers of an option, or the file that holds them.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// The numbers.
    List(Vec<f64>),
    /// A NumPy array.
    File(PathBuf),
}

impl FromStr for Numbers {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.ends_with(".npy") {
            return Ok(Self::File(text.into()));
        }
        let numbers = text.split(',').map(|number| number.trim().parse());
        let numbers = numbers.collect::<Result<_, _>>();
        numbers
            .map(Self::List)
            .map_err(|_| "it is neither numbers with commas between them nor the name of a .npy file")
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (old, new) =
        text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty()).ok_or("it is no OLD=NEW")?;
    Ok((old.into(), new.into()))
}

fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it is neither yes nor no"),
    }
}
