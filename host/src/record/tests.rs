//! Tests of records that are written, read, cut off and thinned.

use proptest::prelude::*;
use trainer::stray::RUN_RECORD;

use super::*;

/// Returns the record of a run of four steps in two epochs.
pub fn example() -> Record {
    let data = Data {
        name: "builtin".into(),
        options: vec![["data".into(), "builtin".into()]],
        sha256: "00".repeat(32),
        test_sha256: "11".repeat(32),
        samples: 8,
        validation: 0,
        test: 4,
        features: 784,
        image: vec![1, 28, 28],
        classes: vec!["<b>&\"a\"".into(), "b".into()],
        task: "classification".into(),
        units: Vec::new(),
    };
    let head = Head {
        format: FORMAT,
        version: "0.1.0".into(),
        commands: vec!["selvedge train --data builtin".into()],
        processor: "cpu device".into(),
        recipe: "lr = 0.1\n".into(),
        layers: "784,16,10".into(),
        seed: 0,
        steps_in_epoch: 2,
        span: 1,
        every: 1,
        data,
    };
    let test = Metrics { loss: 0.5, accuracy: Some(0.75), ..Metrics::default() };
    let mut record = Record::new(head);
    record.spans = (1..=4).map(|step| Span { step, steps: 1, loss: 1.0 / step as f64, learning_rate: 0.1 }).collect();
    record.epochs = (1..=2)
        .map(|epoch| EpochLine {
            epoch,
            step: 2 * u64::from(epoch),
            seconds: epoch.into(),
            test: test.clone(),
            validation: None,
        })
        .collect();
    record.saved = vec![Saved { step: 3, steps: 1, loss_sum: 0.1, learning_rate: 0.1, seconds: 1.5 }];
    record.end = Some(End { epochs: 2, steps: 4, seconds: 2.0, weights_sha256: "ab".repeat(32), test });
    record
}

pub fn bytes(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.write(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read() {
    let record = example();
    let bytes = bytes(&record);
    assert!(bytes.starts_with(RUN_RECORD), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(Record::parse(&bytes).unwrap(), record);
}

#[test]
fn a_line_that_was_cut_off_is_left_out_and_any_other_is_an_error() {
    let record = example();
    let bytes = bytes(&record);
    let cut = Record::parse(&bytes[..bytes.len() - 5]).unwrap();
    assert_eq!(cut, Record { end: None, ..record.clone() });
    let text = String::from_utf8(bytes).unwrap();
    for (from, to, words) in [
        ("\"step\":2", "\"step\":9", "line 4: its steps do not follow"),
        ("\"loss\":1.0", "\"loss\":null", "line 2: "),
        ("\"loss\":1.0", "\"loss\":1e999", "line 2: "),
        ("\"format\":1", "\"format\":7", "the number 7"),
        ("\"span\":1", "\"span\":0", "line 1: a run's numbers"),
        ("\"line\":\"steps\"", "\"line\":\"run\"", "line 2: "),
        ("\"line\":\"run\"", "\"line\":\"ran\"", "no record of a run"),
    ] {
        let error = Record::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{from}: {error}");
    }
}

#[test]
fn a_run_that_goes_on_says_nothing_twice() {
    let mut record = example();
    record.truncate(&Progress { steps: 3, epochs: 1, ..Progress::default() });
    assert_eq!((record.spans.len(), record.epochs.len(), record.saved.len(), record.end), (3, 1, 1, None));
}

#[test]
fn a_longer_run_has_longer_spans() {
    let mut record = example();
    record.thin(4 * SPANS);
    assert_eq!((record.head.span, record.head.every), (2, 1));
    let losses: Vec<_> = record.spans.iter().map(|span| (span.step, span.steps, span.loss)).collect();
    assert_eq!(losses, [(2, 2, 0.75), (4, 2, (1.0 / 3.0 + 0.25) / 2.0)]);
    record.thin(u64::MAX);
    assert_eq!((record.spans.len(), record.epochs.len()), (1, 1));
}

#[test]
fn the_last_epoch_is_always_there() {
    let mut record = example();
    record.head.every = 4;
    let epochs = record.epochs.drain(..).next().unwrap();
    (1..=10).for_each(|epoch| record.push(EpochLine { epoch, ..epochs.clone() }));
    assert_eq!(record.epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 4, 8, 10]);
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_an_error(place in 0_usize..2000, byte: u8, cut in 0_usize..3000) {
        let mut bytes = bytes(&example());
        let len = bytes.len();
        bytes[place % len] = byte;
        bytes.truncate(cut);
        let _ = Record::parse(&bytes);
    }
}
