//! The parts that the losses with classes as targets share: a sample's class, and its weight.

use super::LossError;

/// Returns the target's element of one sample's outputs, or of the class weights.
pub fn of_target(values: &[f32], sample: usize, target: u16) -> Result<f32, LossError> {
    let error = LossError::Target { sample, target, classes: values.len() };
    values.get(usize::from(target)).copied().ok_or(error)
}

/// Returns the weight of a sample: the weight of its class, or 1.
pub fn weight(class_weights: Option<&[f32]>, sample: usize, target: u16) -> Result<f32, LossError> {
    class_weights.map_or(Ok(1.0), |weights| of_target(weights, sample, target))
}

/// Returns the samples' weights, summed ascending from 0. Without class weights, it is the number of samples.
pub fn total_weight(class_weights: Option<&[f32]>, targets: &[u16]) -> Result<f32, LossError> {
    match class_weights {
        None => Ok(targets.len() as f32),
        Some(_) => (targets.iter().enumerate())
            .try_fold(0.0, |sum, (sample, &target)| Ok(sum + weight(class_weights, sample, target)?)),
    }
}

/// Returns true if there is a weight for each class, and every target names one.
pub fn check(class_weights: Option<&[f32]>, targets: &[u16], classes: usize) -> Result<(), LossError> {
    if let Some(weights) = class_weights.map(<[f32]>::len).filter(|&weights| weights != classes) {
        return Err(LossError::ClassWeights { weights, classes });
    }
    match targets.iter().enumerate().find(|&(_, &target)| usize::from(target) >= classes) {
        Some((sample, &target)) => Err(LossError::Target { sample, target, classes }),
        None => Ok(()),
    }
}
