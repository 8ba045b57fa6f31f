//! A quantised network as a file.

use selvedge::{
    architecture::Architecture,
    quantized::{self, QuantizationRecord},
    shape::Signature,
    weights::WeightFileError,
};

/// Returns a file of a format.
///
/// # Errors
///
/// The errors of [`quantized::encode`].
pub(super) fn encode<F: quantized::QuantizedFormat>(
    architecture: &Architecture,
    layers: &[F::Layer<'_>],
    signature: &Signature<'_>,
    record: &QuantizationRecord<'_>,
) -> Result<Vec<u8>, WeightFileError> {
    let len = quantized::encoded_len::<F>(architecture, signature, record).ok_or(WeightFileError::Architecture)?;
    let mut file = vec![0; len];
    let len = quantized::encode::<F>(architecture, layers, signature, record, &mut file)?;
    file.truncate(len);
    Ok(file)
}
