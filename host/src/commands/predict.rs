use std::{borrow::Cow, io::Write, iter};

use crate::{
    data::{NO_UNIT, Recorded},
    picture::Prepared,
    weights,
};
use anyhow::Result;
use selvedge::{classification::probabilities, message::Logits, preparation::Element, task::Task};
use serde_json::{Value, json};

use super::{
    check_weights, classes, engine_of_one_thread,
    outputs::{Outputs, sigmoid},
    parse,
    samples::{self, Sample, Taken, Tally},
};

pub fn run(options: &options::commands::Predict) -> Result<()> {
    let bytes = weights::read(&options.file.path)?;
    let file = parse(&options.file.path, &bytes)?;
    check_weights(&options.file.path, &file)?;
    let (shape, classes) = (file.input(), classes(&options.file, &file));
    let element = file.signature().preparation.element();
    let outputs = Outputs::of(&file.signature(), classes);
    let features = file.signature().feature_names.iter().map(str::to_owned).collect();
    let resizes = Recorded::parse(file.signature().reading).are_pictures;
    let samples = samples::read(&options.samples, &Taken { shape, element, features, resizes });
    let values: Vec<u8> = samples.iter().flatten().flat_map(|sample| &sample.values).copied().collect();
    let all = file.logits(&engine_of_one_thread()?, &values)?;
    let (mut answers, mut tally, mut objects) = (all.iter(), Tally::new(&samples), Vec::new());
    let mut out = terminal::stdout();
    let mut failure = Ok(());
    for sample in samples {
        match sample {
            Ok(sample) => {
                let Some(logits) = answers.next() else { break };
                if let Err(error) = samples::check(&sample, &logits) {
                    objects.push(json!({ "input": sample.name, "error": format!("{error:#}") }));
                    failure = tally.fail(error);
                } else if options.json {
                    objects.push(object(&sample, element, &outputs, &logits));
                } else {
                    sample.show(&mut out, shape, &outputs.answer(&logits), options.show)?;
                }
            }
            Err(unread) => {
                objects.push(json!({ "input": unread.name, "error": format!("{:#}", unread.error) }));
                failure = tally.fail(unread.error);
            }
        }
    }
    if options.json {
        writeln!(out, "{:#}", Value::from(objects))?;
    }
    failure.and_then(|()| tally.end())
}

/// Returns a sample's values: whole numbers where they are integers.
fn values(sample: &Sample, element: Element) -> Value {
    let values = element.values(&sample.values);
    match element {
        Element::F32 => values.collect::<Vec<f32>>().into(),
        _ => values.map(|value| value as i32).collect::<Vec<i32>>().into(),
    }
}

/// Everything about one answer.
fn object(sample: &Sample, element: Element, outputs: &Outputs, logits: &Logits<'_>) -> Value {
    let mut object = json!({ "input": sample.name, "values": values(sample, element) });
    let names = &outputs.names;
    match outputs.task.get() {
        Task::Classification => {
            let class = logits.class();
            let all = probabilities(logits.values()).enumerate();
            let probabilities: Vec<_> = all
                .map(|(class, probability)| json!({ "class": names.name(class), "probability": probability }))
                .collect();
            object["class"] = json!(names.name(class));
            object["index"] = json!(class);
            object["probabilities"] = probabilities.into();
        }
        Task::MultiLabel => {
            let label = |(name, output): (Cow<'_, str>, f32)| json!({ "label": name, "probability": sigmoid(output), "is_there": output > 0.0 });
            object["labels"] = names.all().zip(logits.values()).map(label).collect();
        }
        Task::Regression(_) => {
            let units = outputs.units.iter().map(Some).chain(iter::repeat(None));
            let target = |((name, value), unit): ((Cow<'_, str>, f32), Option<&String>)| json!({ "target": name, "value": value, "unit": unit.filter(|unit| *unit != NO_UNIT) });
            object["targets"] = names.all().zip(outputs.restored(logits)).zip(units).map(target).collect();
        }
    }
    if let Some(Prepared { ground, size: (width, height), orientation, notes, .. }) = &sample.picture {
        object["picture"] = json!({ "width": width, "height": height, "ground": ground, "orientation": orientation });
        object["notes"] = json!(notes);
    }
    object
}
