//! Tests that a run refuses data with which its kernels would leave their memory. A stand-in takes the GPU's place.

use std::panic::{AssertUnwindSafe, catch_unwind};

use selvedge::{
    augment::Augmentation,
    mlp,
    optimizer::{self, Adam},
    preparation::{Element, Scaled},
    shape::InputShape,
};

use super::*;
use crate::task::{Loss, Optimizer, Rule};

const SAMPLES: Samples<'static> = Samples { values: &[7; 3 * 4], targets: Targets::Classes(&[0, 1, 1]) };
const BATCH: Batch = Batch {
    number: 0,
    epoch: 0,
    first: 0,
    samples: 2,
    is_first: 1,
    is_last: 1,
    total_weight: 2.0,
    average: 0.0,
    starts_average: 0,
    rule: Rule::NONE,
};

const SETTINGS: Settings = Settings {
    batch: 2,
    loss: Loss::CrossEntropy,
    optimizer: Optimizer::Sgd,
    accumulates: false,
    clips: false,
    averages: false,
};

fn with_stand_in(test: &str, body: impl FnOnce()) {
    emulator::with_stand_in(&format!("trainer::tests::{test}"), &[], body);
}

fn run() -> Run<'static> {
    Run {
        architecture: Architecture::of::<mlp!(4 => 3 Relu => 2)>(),
        settings: SETTINGS,
        seed: 1,
        dropout: 0.0,
        label_smoothing: 0.0,
        class_weights: None,
        clip: None,
        input: InputShape::Features(4),
        preparation: Preparation::Bytes,
        augmentation: Augmentation { flip: false, shift: 0, erase: 0 },
    }
}

fn trainer(run: &Run<'_>, samples: Samples<'_>) -> Result<Trainer, CudaError> {
    Trainer::new(Gpu::open()?, run, samples)
}

/// Checks that `act` panics with this text.
#[track_caller]
fn refused<T>(words: &str, act: impl FnOnce() -> T) {
    let panic = catch_unwind(AssertUnwindSafe(act)).err().expect("it is refused");
    let said = panic.downcast_ref::<String>().expect("it says why");
    assert!(said.contains(words), "{said}");
}

#[test]
fn batches_and_orders_of_samples_that_are_not_there() {
    with_stand_in("batches_and_orders_of_samples_that_are_not_there", || {
        let mut trainer = trainer(&run(), SAMPLES).expect("there is memory");
        refused("there are 3 samples", || trainer.set_order(&[0, 3, 1]));
        for (first, samples, words) in [
            (2, 2, "the samples from 2 to 4, of 3"),
            (u32::MAX, 1, "of 3"),
            (0, 3, "a batch of 3 samples"),
            (0, 0, "a batch of 0 samples"),
        ] {
            refused(words, || trainer.start(&[BATCH, Batch { first, samples, ..BATCH }]));
        }
        let adam = Rule::from(&optimizer::Rule::Adam(Adam::new(1, 0.1, Adam::BETAS, Adam::EPSILON, 0.0)));
        refused("the optimizer of a batch, and that of the run", || trainer.start(&[Batch { rule: adam, ..BATCH }]));

        // Nothing was started: the run goes on.
        trainer.set_order(&[2, 1, 0]).expect("it can be brought");
        trainer.upload(Part::Model, &[0.5; 4 * 3 + 3 + 3 * 2 + 2]).expect("it can be brought");
        trainer.start(&[Batch { first: 1, ..BATCH }]).expect("it starts");
        let trained = trainer.finish().expect("it runs");
        assert!(trained.losses[0].is_finite(), "{trained:?}");
    });
}

#[test]
fn samples_that_are_not_the_networks() {
    with_stand_in("samples_that_are_not_the_networks", || {
        let values = &SAMPLES.values[1..];
        refused("values of 3 samples of 4 features", || trainer(&run(), Samples { values, ..SAMPLES }));
        let input = InputShape::Image { channels: 1, height: 2, width: 3 };
        refused("features of a sample", || trainer(&Run { input, ..run() }, SAMPLES));
        let architecture = Architecture::from_layers([]).expect("no layers are not too many");
        refused("is no network", || trainer(&Run { architecture, ..run() }, SAMPLES));
        let error = trainer(&run(), Samples { targets: Targets::Classes(&[0, 2, 1]), ..SAMPLES }).err();
        assert_eq!(error, Some(CudaError::Label { sample: 1, label: 2, classes: 2 }));
        let mut trainer = trainer(&run(), SAMPLES).expect("there is memory");
        refused("values of 3 samples of 4 features", || trainer.add_test(Samples { values, ..SAMPLES }));
    });
}

#[test]
fn what_does_not_belong_to_the_samples() {
    with_stand_in("what_does_not_belong_to_the_samples", || {
        let scale = [0.5_f32, 1.0].map(f32::to_le_bytes).concat();
        let scaled = |count: usize| scale.repeat(count);
        let preparation = |table: &[u8]| {
            let table: &'static [u8] = table.to_vec().leak();
            Preparation::Scaled(Scaled::parse(Element::U8, table, table.len() / 8).expect("finite numbers"))
        };
        let three = Run { preparation: preparation(&scaled(3)), ..run() };
        refused("3 scales for 4 features", || trainer(&three, SAMPLES));
        let augmentation = Augmentation { flip: true, shift: 0, erase: 0 };
        let image = InputShape::Image { channels: 1, height: 2, width: 2 };
        let changed = Run { preparation: preparation(&scaled(4)), input: image, augmentation, ..run() };
        refused("images of plain bytes alone", || trainer(&changed, SAMPLES));
        refused("class weights", || trainer(&Run { class_weights: Some(&[1.0; 3]), ..run() }, SAMPLES));

        let numbers = |numbers| Samples { targets: Targets::Numbers(numbers), ..SAMPLES };
        refused("CrossEntropy has other targets", || trainer(&run(), numbers(&[0.5; 6])));
        let regression = Run { settings: Settings { loss: Loss::Mse, ..SETTINGS }, ..run() };
        refused("Mse has other targets", || trainer(&regression, SAMPLES));
        refused("5 targets of 2 outputs", || trainer(&regression, numbers(&[0.5; 5])));
        refused("values of 2 samples of 4 features", || trainer(&regression, numbers(&[0.5; 4])));
        let mut trainer = trainer(&regression, numbers(&[0.5; 6])).expect("there is memory");
        trainer.upload(Part::Model, &[0.5; 4 * 3 + 3 + 3 * 2 + 2]).expect("it can be brought");
        trainer.add_test(numbers(&[0.5; 6])).expect("there is memory");
        let evaluated = trainer.evaluate(0, Part::Model).expect("it runs");
        assert_eq!((evaluated.outputs.len(), evaluated.classes.len(), evaluated.losses.len()), (6, 0, 1));
    });
}

#[test]
fn of_what_is_not_kept_nothing_comes() {
    with_stand_in("of_what_is_not_kept_nothing_comes", || {
        let mut trainer = trainer(&run(), SAMPLES).expect("there is memory");
        trainer.add_test(SAMPLES).expect("there is memory");
        for (test, part) in [(0, Part::Average), (0, Part::State(1)), (1, Part::Model)] {
            assert_eq!(trainer.evaluate(test, part), Ok(Evaluated::default()), "{test}, {part:?}");
        }
        assert_eq!(trainer.evaluate(0, Part::Model).expect("it runs").classes.len(), 3);
    });
}

/// A fault stays: who asks again does not wait for ever.
#[test]
fn a_fault_is_told_each_time() {
    // The first wait is that for the batches' own memory.
    let failure = ("SELVEDGE_EMULATOR_FAIL", "cuEventSynchronize:2:CUDA_ERROR_LAUNCH_FAILED");
    emulator::with_stand_in("trainer::tests::a_fault_is_told_each_time", &[failure], || {
        let mut trainer = trainer(&run(), SAMPLES).expect("there is memory");
        trainer.start(&[BATCH]).expect("it starts");
        for _ in 0..2 {
            let error = trainer.finish().expect_err("a kernel has failed");
            assert!(matches!(error, CudaError::Fault { .. }), "{error:?}");
        }
    });
}
