//! Reads a network's file of any format: its first bytes tell the format.
//!
//! ```
//! use selvedge::{embed, message::WeightFormat, model_file::FileInfo};
//!
//! let info = FileInfo::read(embed!("../examples/xor.int8"))?;
//! assert_eq!((info.format, info.architecture.inputs()), (WeightFormat::Int8, 2));
//! # Ok::<(), selvedge::weights::WeightFileError>(())
//! ```

use crate::{
    architecture::Architecture,
    message::WeightFormat,
    quantized::{self, F16, Int4, Int8, QuantizedFile},
    shape::Signature,
    weights::{WeightFile, WeightFileError},
};

/// The description of a network's file.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileInfo<'a> {
    /// The number type of the weights.
    pub format: WeightFormat,
    /// The layers.
    pub architecture: Architecture,
    /// The meaning of inputs and outputs.
    pub signature: Signature<'a>,
}

impl<'a> FileInfo<'a> {
    /// Checks a whole file and returns its description. The file's first bytes determine its format.
    ///
    /// # Errors
    ///
    /// The errors of [`WeightFile::parse`] or [`QuantizedFile::parse`], and of [`checked`].
    pub fn read(file: &'a [u8]) -> Result<Self, WeightFileError> {
        if QuantizedFile::<Int8>::is_one(file) {
            Self::quantized::<Int8>(file, WeightFormat::Int8)
        } else if QuantizedFile::<Int4>::is_one(file) {
            Self::quantized::<Int4>(file, WeightFormat::Int4)
        } else if QuantizedFile::<F16>::is_one(file) {
            Self::quantized::<F16>(file, WeightFormat::F16)
        } else {
            let weights = WeightFile::parse(file)?;
            let architecture = weights.architecture();
            let signature = checked(weights.signature(), &architecture)?;
            Ok(Self { format: WeightFormat::F32, architecture, signature })
        }
    }

    fn quantized<F: quantized::QuantizedFormat>(file: &'a [u8], format: WeightFormat) -> Result<Self, WeightFileError> {
        let file = QuantizedFile::<F>::parse(file)?;
        let architecture = file.architecture();
        let signature = checked(file.signature(), &architecture)?;
        Ok(Self { format, architecture, signature })
    }
}

/// Checks what the loaders of files leave to a host: [`Signature::is_sound`], for a network with this architecture.
///
/// # Errors
///
/// [`WeightFileError::Malformed`] if the signature is not sound.
pub fn checked<'a>(signature: Signature<'a>, architecture: &Architecture) -> Result<Signature<'a>, WeightFileError> {
    match signature.is_sound(architecture.inputs(), architecture.outputs()) {
        true => Ok(signature),
        false => Err(WeightFileError::Malformed { part: "signature" }),
    }
}
