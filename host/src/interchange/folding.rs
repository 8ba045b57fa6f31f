//! Merges the steps around a network into its linear layers, so that the network takes raw values and gives targets in their units.

use selvedge::{
    architecture::{Stage, StageKind},
    fold::fold,
    preparation::Preparation,
    shape::Signature,
    task::Task,
};

use super::ends::{Ends, Scales};
use crate::{
    classes::SignatureBuf,
    network::{Network, NetworkError},
    preparation::PreparationBuf,
    task::TaskBuf,
    weights::{WrongWeight, check_all},
};

/// The number of deviations between a feature's mean and 0 from which a note says that digits are lost.
const FAR: f64 = 1024.0;

/// A folded network.
#[derive(Debug)]
pub struct Folded {
    /// The network.
    pub network: Network,
    /// The network's signature, with only the scales that it still needs.
    pub signature: SignatureBuf,
    /// Notes for the user, one in each line.
    pub notes: Vec<String>,
}

/// The error of a network that cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldingError {
    /// There is not enough memory for the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No linear layer at the end can take the targets' scales.
    #[error(
        "the targets' scales and shifts go into a linear layer at the end, and the last layer is {layer}; convert without --fold, and compute \
         target = scale · output + shift in the program that takes the network"
    )]
    Last {
        /// The word of the last layer.
        layer: &'static str,
    },
    /// A weight became infinite or NaN.
    #[error("after the scales were folded into the layers: {0}")]
    Weight(WrongWeight),
}

impl Folded {
    /// Folds a network with this signature:
    ///
    /// - Each batch normalisation that directly follows a linear layer goes into that layer, by [`fold`].
    /// - The inputs' scales `s` and shifts `t` go into the first layer: its weights become `w · s`, and its biases `b + Σ w · t`.
    /// - A regression's scales `S` and shifts `T` go into the last layer: its weights become `w · S`, and its biases `b · S + T`.
    ///
    /// The scales are computed into the weights in binary64, and each number is rounded once. Inputs that are bytes / 255 stay so.
    ///
    /// # Errors
    ///
    /// [`FoldingError`] if the network cannot be folded.
    pub fn of(network: &Network, signature: &Signature<'_>) -> Result<Self, FoldingError> {
        let ends = Ends::of(signature);
        let (inputs, outputs) = (ends.of_inputs(), ends.of_outputs());
        let (network, is_smaller) = without_normalization(network)?;
        let mut folded = Self { network, signature: SignatureBuf::from(signature), notes: Vec::new() };
        if !is_smaller && inputs.is_empty() && outputs.is_empty() {
            folded.notes.push(
                "no BatchNorm1d directly follows a linear layer, and no scale is to be put in, so nothing is folded"
                    .into(),
            );
        }
        folded.put_scales_in(&inputs, &outputs)?;
        folded.put_signature(signature);
        if let Some(far) = inputs.iter().map(|(_, shift)| shift.abs()).max_by(f64::total_cmp).filter(|&far| far >= FAR)
        {
            folded.notes.push(format!(
                "a feature's values lie {far:.0} times their deviation from 0; as they are, sums of them in float32 lose about {:.0} of 7 digits",
                far.log10()
            ));
        }
        Ok(folded)
    }

    fn put_scales_in(&mut self, inputs: &Scales, outputs: &Scales) -> Result<(), FoldingError> {
        let architecture = self.network.architecture().clone();
        if let (false, Some(layer)) = (outputs.is_empty(), architecture.layers().last().and_then(|layer| layer.word()))
        {
            return Err(FoldingError::Last { layer });
        }
        let stages: Vec<Stage> = architecture.stages().filter(|stage| stage.kind == StageKind::Linear).collect();
        let end = stages.len().saturating_sub(1);
        for (place, stage) in stages.iter().enumerate() {
            let inputs = Some(inputs).filter(|inputs| place == 0 && !inputs.is_empty());
            let outputs = Some(outputs).filter(|outputs| place == end && !outputs.is_empty());
            if inputs.is_some() || outputs.is_some() {
                let one = vec![(1.0, 0.0)];
                let (weight, bias) = stage.widths().split_mut(&mut self.network.parameters_mut()[stage.values()]);
                change(weight, bias, inputs.unwrap_or(&one), outputs.unwrap_or(&one));
            }
        }
        check_all(&architecture, self.network.parameters()).map_err(FoldingError::Weight)
    }

    fn put_signature(&mut self, signature: &Signature<'_>) {
        let mut folded = SignatureBuf::from(signature);
        if let Preparation::Scaled(_) = signature.preparation {
            folded = folded.with_preparation(PreparationBuf::unscaled(signature.preparation.element()));
        }
        if let Task::Regression(scale) = signature.task {
            let units: Vec<String> = signature.output_units.iter().map(str::to_owned).collect();
            folded = folded.with_task(TaskBuf::scaled(scale.rows().map(|_| (1.0, 0.0))), &units);
        }
        self.signature = folded;
    }
}

/// Returns the network without the normalisations that could be folded into a linear layer, and true if there were any.
fn without_normalization(network: &Network) -> Result<(Network, bool), NetworkError> {
    let architecture = network.architecture();
    let folded = architecture.folded();
    let mut result = Network::zeroed(&folded)?;
    fold(architecture, network.parameters(), result.parameters_mut()).expect("both lengths are the architectures'");
    Ok((result, folded != architecture.for_prediction()))
}

/// Changes each weight to `w · s · S` and each bias to `(b + Σ w · t) · S + T`. An input is `s · value + t`, and a target is
/// `S · output + T`. Each result is computed in binary64 and rounded once.
fn change(weight: &mut [f32], bias: &mut [f32], inputs: &Scales, outputs: &Scales) {
    let rows = weight.chunks_exact_mut(weight.len() / bias.len().max(1));
    for ((row, bias), (scale, shift)) in rows.zip(bias).zip(outputs.iter().cycle()) {
        let mut sum = f64::from(*bias);
        for (weight, (factor, offset)) in row.iter_mut().zip(inputs.iter().cycle()) {
            sum += f64::from(*weight) * offset;
            *weight = (f64::from(*weight) * factor * scale) as f32;
        }
        *bias = (sum * scale + shift) as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selvedge::{Portable, preparation::Element};

    use super::*;
    use crate::{classes::Classes, network::Workspace};

    fn network(layers: &str, seed: u64) -> Network {
        let mut network = Network::initialized(&layers.parse().unwrap(), seed).unwrap();
        let architecture = network.architecture().clone();
        for parameter in architecture.parameters().filter(|parameter| parameter.name.contains("running")) {
            network.parameters_mut()[parameter.offset..][..parameter.len].fill(0.5);
        }
        network
    }

    /// Returns a signature with these scales of inputs and targets.
    fn signature(inputs: &[(f32, f32)], targets: &[(f32, f32)]) -> SignatureBuf {
        let table = inputs.iter().flat_map(|(scale, shift)| [scale, shift]).flat_map(|x| x.to_le_bytes()).collect();
        let input = selvedge::shape::InputShape::Features(3);
        SignatureBuf::new(input, &Classes::named(["hot", "loud"]).unwrap())
            .with_preparation(PreparationBuf::Scaled(Element::F32, table))
            .with_features(&["a", "b", "c"].map(String::from), &[])
            .with_task(TaskBuf::scaled(targets.iter().copied()), &["°C", "-"].map(String::from))
    }

    /// Returns a sample's answer: from its values, through the preparation and the network, to the targets in their units.
    fn answer(network: &Network, signature: &SignatureBuf, values: &[f32]) -> Vec<f32> {
        let sample: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut input = vec![0.0; values.len()];
        signature.get().preparation.write(&sample, &mut input);
        let mut workspace = Workspace::for_prediction(network.view(), 1).unwrap();
        let mut outputs = workspace.predict(&Portable, network.view(), &input).to_vec();
        signature.get().task.restore(&mut outputs);
        outputs
    }

    const LAYERS: [&str; 5] = [
        "3 => 2",
        "3 => 7 Relu => 2",
        "3 => 5 BatchNorm1d Tanh Dropout => 4 Gelu => 2",
        "3 => 4 Sigmoid => 2 BatchNorm1d",
        "3 => 6 LeakyRelu => 5 BatchNorm1d => 2",
    ];

    proptest! {
        /// The folded network alone gives what the network with its steps gives. Each feature has values some deviations around its mean,
        /// and is a constant where its scale is 0.
        #[test]
        fn a_folded_network_gives_the_targets(
            layers in 0..LAYERS.len(),
            seed: u64,
            features in [(-2..6_i32, -20.0..20.0_f32, -3.0..3.0_f32), (-6..2, -20.0..20.0, -3.0..3.0), (0..1, -20.0..20.0, -3.0..3.0)],
            is_constant: bool,
            targets in [(1e-3..1e3_f32, -1e3..1e3_f32), (1e-3..1e3, -1e3..1e3)],
        ) {
            let network = network(LAYERS[layers], seed);
            let size = |(place, &(exponent, mean, x)): (usize, &(i32, f32, f32))| {
                let deviation = 10.0_f32.powi(exponent);
                let value = deviation * (mean + x);
                if is_constant && place == 2 { ((0.0, 0.0), value) } else { ((1.0 / deviation, -mean), value) }
            };
            let (scales, values): (Vec<_>, Vec<_>) = features.iter().enumerate().map(size).unzip();
            let signature = signature(&scales, &targets);
            let folded = Folded::of(&network, &signature.get()).unwrap();
            prop_assert_eq!(&folded.notes, &Vec::<String>::new());
            prop_assert_eq!(folded.network.architecture(), &network.architecture().folded());
            let expected = answer(&network, &signature, &values);
            let found = answer(&folded.network, &folded.signature, &values);
            // The file's signature changes no bit: the network alone gives the same.
            let alone = answer(&folded.network, &SignatureBuf::default().with_preparation(PreparationBuf::unscaled(Element::F32)), &values);
            prop_assert_eq!(&found, &alone);
            for ((found, expected), (scale, shift)) in found.iter().zip(&expected).zip(targets) {
                // Values up to 23 deviations from 0 lose some more digits than an output's own.
                prop_assert!((found - expected).abs() <= 3e-5 * (scale + shift.abs()), "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_folded_file_has_no_scales_and_keeps_the_rest() {
        let before = signature(&[(0.5, 1.0), (0.0, 0.0), (2.0, -3.0)], &[(2.0, 20.0), (0.5, 1.0)]);
        let network = network("3 => 4 Relu => 2", 1);
        let folded = Folded::of(&network, &before.get()).unwrap();
        let (before, after) = (before.get(), folded.signature.get());
        assert_eq!(PreparationBuf::from(after.preparation), PreparationBuf::unscaled(Element::F32));
        assert_eq!(TaskBuf::from(after.task), TaskBuf::scaled([(1.0, 0.0); 2]));
        assert_eq!(Signature { preparation: before.preparation, task: before.task, ..after }, before);
        // Once more changes nothing, and says so.
        let again = Folded::of(&folded.network, &after).unwrap();
        assert_eq!(again.network.parameters(), folded.network.parameters());
        assert!(
            again.signature == folded.signature && again.notes[0].contains("nothing is folded"),
            "{:?}",
            again.notes
        );
    }

    #[test]
    fn what_has_no_place_is_an_error() {
        let scaled = signature(&[(0.5, 1.0)], &[(2.0, 20.0), (0.5, 1.0)]);
        let error = |layers: &str, signature: &SignatureBuf| {
            Folded::of(&network(layers, 1), &signature.get()).map(|_| ()).map_err(|error| error.to_string())
        };
        for (layers, word) in [
            ("3 => 2 Relu", "Relu"),
            ("3 => 4 => 2 Tanh BatchNorm1d", "BatchNorm1d"),
            ("3 => 2 LogSoftmax", "LogSoftmax"),
        ] {
            let said = error(layers, &scaled).unwrap_err();
            assert!(said.contains(&format!("the last layer is {word}")), "{said}");
            // Without a scale of the targets nothing is in the way.
            assert_eq!(error(layers, &signature(&[(0.5, 1.0)], &[(1.0, 0.0); 2])), Ok(()));
        }
        let huge = error("3 => 2", &signature(&[(3e38, 1.0)], &[(3e38, 0.0); 2])).unwrap_err();
        assert!(
            huge.contains("after the scales were folded into the layers: linear_relu_stack.0.weight[0, 0] is"),
            "{huge}"
        );
    }

    #[test]
    fn values_far_from_0_are_noted() {
        let notes = |shift| {
            let signature = signature(&[(1.0, shift)], &[(1.0, 0.0); 2]);
            Folded::of(&network("3 => 2", 1), &signature.get()).unwrap().notes
        };
        assert!(notes(-1000.0).is_empty());
        assert!(notes(-2000.0)[0].contains("lie 2000 times their deviation from 0"), "{:?}", notes(-2000.0));
    }
}
