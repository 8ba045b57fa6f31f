use std::io::Write;

use crate::{classes::Classes, picture::Prepared, weights};
use anyhow::Result;
use selvedge::{Portable, classification::probabilities, message::Logits, preparation::Element};
use serde_json::{Value, json};

use super::{
    check_weights, classes, parse,
    samples::{self, Sample, Taken, Tally},
};

pub fn run(options: &options::commands::Predict) -> Result<()> {
    let bytes = weights::read(&options.file.path)?;
    let file = parse(&options.file.path, &bytes)?;
    check_weights(&options.file.path, &file)?;
    let (shape, classes) = (file.input(), classes(&options.file, &file));
    let element = file.signature().preparation.element();
    let features = file.signature().feature_names.iter().map(str::to_owned).collect();
    let samples = samples::read(&options.samples, &Taken { shape, element, features });
    let values: Vec<u8> = samples.iter().flatten().flat_map(|sample| &sample.values).copied().collect();
    let all = file.logits(&Portable, &values)?;
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
                    objects.push(object(&sample, element, &logits, &classes));
                } else {
                    sample.show(&mut out, shape, &logits.top::<3>(), &classes, options.show)?;
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

/// A sample's values: whole numbers where they are integers.
fn values(sample: &Sample, element: Element) -> Value {
    let values = element.values(&sample.values);
    match element {
        Element::F32 => values.collect::<Vec<f32>>().into(),
        _ => values.map(|value| value as i32).collect::<Vec<i32>>().into(),
    }
}

/// Everything about one answer.
fn object(sample: &Sample, element: Element, logits: &Logits<'_>, classes: &Classes) -> Value {
    let class = logits.class();
    let probabilities: Vec<_> = probabilities(logits.values())
        .enumerate()
        .map(|(class, probability)| json!({ "class": classes.name(class), "probability": probability }))
        .collect();
    let mut object = json!({
        "input": sample.name,
        "class": classes.name(class),
        "index": class,
        "probabilities": probabilities,
        "values": values(sample, element),
    });
    if let Some(Prepared { ground, size: (width, height), orientation, notes, .. }) = &sample.picture {
        object["picture"] = json!({ "width": width, "height": height, "ground": ground, "orientation": orientation });
        object["notes"] = json!(notes);
    }
    object
}
