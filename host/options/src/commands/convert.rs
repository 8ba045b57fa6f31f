use std::{path::PathBuf, str::FromStr};

use super::groups::whole;
use clap::{Args, builder::PossibleValuesParser};
use selvedge::{architecture::Architecture, models::NAMES};

/// Options of `convert`.
#[derive(Args, Debug)]
pub struct Convert {
    /// Weights: a .selvedge, .safetensors, .pth (torch.save of a state dict or a checkpoint), .npz or .onnx file
    ///
    /// If it is another program's file, the network in TO takes byte / 255 as inputs, as torchvision's ToTensor gives them. If that model was also
    /// trained with Normalize, give --mean and --std.
    #[arg(value_name = "FROM")]
    pub from: PathBuf,

    /// The file to write: a .selvedge, .safetensors, .npz or .onnx file
    ///
    /// Only a .selvedge file stores the class names, the shape of the inputs, the scales of inputs and targets, and the record of the training.
    /// --fold puts the scales into the weights.
    #[arg(value_name = "TO")]
    pub to: PathBuf,

    /// The network, as a named model for Fashion-MNIST: quickstart (784-512-512-10), small (784-128-10) or tiny (784-16-10)
    ///
    /// For other inputs and outputs, name the widths by --layers.
    #[arg(long, value_parser = PossibleValuesParser::new(NAMES))]
    pub model: Option<String>,

    /// The network, as widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// A list of widths has ReLU between its linear layers. By default, a .selvedge or an .onnx file names its own layers. In other files, the names
    /// and shapes of the tensors give the linear layers, with ReLU between them. Gelu is PyTorch's nn.GELU(approximate='tanh'), and LeakyRelu has the
    /// slope 0.01. If the layers contain Dropout, the tensor names in a .safetensors or .npz file TO count it as a layer, as nn.Sequential does. An
    /// .onnx file has no dropout. The names in FROM may count it or not.
    #[arg(long, conflicts_with = "model")]
    pub layers: Option<Architecture>,

    /// The entry of a checkpoint with the weights, such as model_state_dict; dots separate nested entries
    ///
    /// KEY may also be a prefix of the tensors' names: actor selects actor.0.weight. KEY '' selects names without a prefix, such as 0.weight. By
    /// default, the only entry with matrices is used.
    #[arg(long)]
    pub key: Option<String>,

    /// Match a tensor or a layer of FROM with one of the network: fc1.weight=0.weight or fc1=0; may be repeated
    ///
    /// Layers count from 0, and activations count too. Without this option, names that differ from PyTorch's nn.Sequential are matched by order and
    /// shape, if only one match is possible.
    #[arg(long, value_name = "OLD=NEW", value_parser = pair)]
    pub map: Vec<(String, String)>,

    /// Read weights as inputs × outputs (Keras, Flax, scikit-learn); =no reads them as outputs × inputs (PyTorch)
    ///
    /// By default the shapes decide.
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    pub transpose: Option<bool>,

    /// The mean that training subtracted from each input: one number, one for each channel or input, or a .npy file
    ///
    /// Give it for a model that was trained with torchvision's Normalize(mean, std), or with another standardisation of byte / 255. A Selvedge
    /// network takes byte / 255, so the mean and the standard deviation go into the first layer: W / std and b − Σ W · mean / std.
    /// For a model that takes bytes from 0 to 255, give --mean 0 --std 0.00392156862745098 (1 / 255). For a model that takes −1 to 1, give --mean 0.5
    /// --std 0.5.
    #[arg(long, value_name = "X,…", requires = "std", allow_hyphen_values = true)]
    pub mean: Option<Numbers>,

    /// The standard deviation by which training divided each input after the subtraction of --mean
    #[arg(long, value_name = "X,…", requires = "mean", allow_hyphen_values = true)]
    pub std: Option<Numbers>,

    /// Ignore tensors that the network does not have; a missing bias becomes 0, a missing scale of a batch normalisation becomes 1
    #[arg(long)]
    pub no_strict: bool,

    /// The operator set of an .onnx file, from 13 to 23
    ///
    /// The default is the lowest set that the layers need, because most programs read it: 20 with Gelu, else 13.
    #[arg(long, value_name = "N", value_parser = whole::<u8>(1..=255))]
    pub opset: Option<u8>,

    /// Fold batch normalisation, the scales of the inputs and the scales of a regression's targets into the linear layers
    ///
    /// TO gives the same answers except for rounding. It takes raw values, and gives targets in their units. A BatchNorm1d is folded into the linear
    /// layer directly before it. The scales of the inputs are folded into the first layer, and the scales of the targets into the last layer, which
    /// must be linear. Bytes are still divided by 255.
    #[arg(long)]
    pub fold: bool,
}

/// The numbers of an option, or a file with them.
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
