//! The error of a network that does not fit the data.

use selvedge::{architecture::MAX_WIDTH, preparation::Element, shape::InputShape, task::TaskKind};

use crate::task::output_words;

/// A network does not fit the data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EndsError {
    /// The network takes another number of inputs.
    #[error("the network takes {inputs} inputs, but a sample of {data} is {input}: {} inputs", input.features())]
    Inputs {
        /// The number of inputs of the network.
        inputs: usize,
        /// The data set's name.
        data: String,
        /// The shape of the data's samples.
        input: InputShape,
    },
    /// The network takes samples of another shape.
    #[error("the network takes {network}, but a sample of {data} is {input}")]
    Shape {
        /// The shape of the network's input.
        network: InputShape,
        /// The data set's name.
        data: String,
        /// The shape of the data's samples.
        input: InputShape,
    },
    /// The network has fewer outputs than there are classes, or another number of them than there are labels or targets.
    #[error("the network {}, but {data} has {classes}", told(*outputs, *task))]
    Outputs {
        /// The number of outputs of the network.
        outputs: usize,
        /// The data set's name.
        data: String,
        /// The number of the data's classes, labels or targets.
        classes: usize,
        /// The meaning of the outputs.
        task: TaskKind,
    },
    /// The network has other labels or targets than the data, or has them in another order.
    #[error(
        "the network's outputs are {network}, and the {} of {data} are {found}; --label names their columns in the network's order",
        output_words(*task)[1]
    )]
    Names {
        /// The names of the network's outputs.
        network: String,
        /// The data set's name.
        data: String,
        /// The names of the data's labels or targets.
        found: String,
        /// The meaning of the outputs.
        task: TaskKind,
    },
    /// The network has another task than the data.
    #[error(
        "the network was trained for {network}, and the targets of {data} are those of {task}; --task {network} reads them as such"
    )]
    Task {
        /// The task of the network.
        network: TaskKind,
        /// The data set's name.
        data: String,
        /// The task of the data.
        task: TaskKind,
    },
    /// The data has a class that the network does not have.
    #[error("{data} has the class {class}, and the network tells only these apart: {classes}")]
    Class {
        /// The data set's name.
        data: String,
        /// The class.
        class: String,
        /// The classes of the network.
        classes: String,
    },
    /// The network takes values of another number type ([`Element`](selvedge::preparation::Element)). This type cannot hold all of the data's values.
    #[error(
        "the network takes values of {element}, but feature {feature} of sample {sample} (from 0) of {data} is {value}"
    )]
    Value {
        /// The data set's name.
        data: String,
        /// The element of the network.
        element: Element,
        /// The sample.
        sample: usize,
        /// The feature.
        feature: usize,
        /// The value.
        value: f32,
    },
    /// No network has this number of inputs or outputs.
    #[error(
        "a sample of {data} is {input}, and there are {classes} classes: no {model} network has such inputs and outputs; both are from 1 to \
         {MAX_WIDTH}"
    )]
    Named {
        /// The model.
        model: String,
        /// The data set's name.
        data: String,
        /// The shape of the data's samples.
        input: InputShape,
        /// The number of the data's classes.
        classes: usize,
    },
}

/// Says what the outputs of a network mean.
fn told(outputs: usize, task: TaskKind) -> String {
    match task {
        TaskKind::Classification => format!("tells {outputs} classes apart"),
        TaskKind::MultiLabel | TaskKind::Regression => format!("has {outputs} outputs for {}", output_words(task)[1]),
    }
}
