//! Compares tables in temporary files with tables in memory.

use std::{fs, path::Path};

use options::commands::{ElementName, Missing, Source, TaskName};
use proptest::prelude::*;
use selvedge::{preparation::Element, task::TaskKind};

use super::{Lines, Storage, Wanted, assemble};
use crate::data::Dataset;

/// A table of two features, two labels and a group. A cell of `None` is missing.
#[derive(Clone, Debug)]
struct Table(Vec<([Option<i16>; 2], bool, u8)>);

impl Table {
    /// Returns the table's text: each number divided by `divisor`, and `gap` for a missing number.
    fn text(&self, divisor: f32, gap: &str) -> String {
        let cell =
            |cell: Option<i16>| cell.map_or_else(|| gap.into(), |number| (f32::from(number) / divisor).to_string());
        let row = |&([a, b], label, group): &([Option<i16>; 2], bool, u8)| {
            format!("{},{},{},g{group}\n", cell(a), cell(b), u8::from(label))
        };
        "a,b,label,who\n".to_owned() + &self.0.iter().map(row).collect::<String>()
    }
}

/// Returns rows in runs of one label and group.
fn table(first_group: u8) -> impl Strategy<Value = Table> {
    let cell = || prop_oneof![1 => Just(None), 12 => (-100..100_i16).prop_map(Some), 1 => any::<i16>().prop_map(Some)];
    let run = (prop::collection::vec([cell(), cell()], 1..12), any::<bool>(), first_group..first_group + 3);
    prop::collection::vec(run, 2..12).prop_map(|runs| {
        let row = |(rows, label, group): (Vec<[Option<i16>; 2]>, bool, u8)| {
            rows.into_iter().map(move |cells| (cells, label, group))
        };
        Table(runs.into_iter().flat_map(row).collect())
    })
}

fn ways() -> impl Strategy<Value = Source> {
    let missing = prop::sample::select(vec![None, Some(Missing::Drop), Some(Missing::Mean), Some(Missing::Mean)]);
    let element = prop::sample::select(vec![None, None, Some(Element::F32), Some(Element::I16)]);
    let tasks = vec![TaskKind::Classification, TaskKind::MultiLabel, TaskKind::Regression];
    let window = prop::option::of((1..5_u32, prop::option::of(1..5_u32)));
    (missing, element, prop::sample::select(tasks), window, any::<bool>()).prop_map(
        |(missing, element, task, window, has_groups)| Source {
            missing,
            element: element.map(ElementName),
            task: Some(TaskName(task)),
            label: vec!["label".into()],
            features: vec!["a".into(), "b".into()],
            window: window.map(|(rows, _)| rows),
            stride: window.and_then(|(_, stride)| stride),
            group: has_groups.then(|| "who".into()),
            ..Source::default()
        },
    )
}

fn read(texts: [Option<&str>; 2], options: &Source, storage: &Storage) -> Result<Dataset, String> {
    let lines = texts.map(|text| text.map(|text| Lines::of_bytes(text.as_bytes()).unwrap()));
    let task = options.task.map_or(TaskKind::Classification, |TaskName(task)| task);
    let wanted = Wanted { task, ..Wanted::default() };
    assemble(Path::new("t.csv"), lines, options, None, wanted, storage).map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn values_in_files_are_those_in_memory(
        train in table(0),
        test in prop::option::of(table(3)),
        options in ways(),
        is_whole in any::<bool>(),
        map_from in prop_oneof![Just(0), 1..600_u64],
    ) {
        let (divisor, gap) = (if is_whole { 1.0 } else { 8.0 }, if options.missing.is_some() { "" } else { "0" });
        let texts = [Some(train.text(divisor, gap)), test.map(|test| test.text(divisor, gap))];
        let texts = texts.each_ref().map(Option::as_deref);
        let options = Source { test: texts[1].map(|_| "test.csv".into()), ..options };
        let folder = tempfile::tempdir()?;
        let in_memory = read(texts, &options, &Storage::new(u64::MAX, "nowhere".into()));
        let in_files = read(texts, &options, &Storage::new(map_from, folder.path().into()));
        match (in_memory, in_files) {
            (Err(one), Err(other)) => prop_assert_eq!(one, other),
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.checksum, other.checksum);
                prop_assert!(one.train == other.train && one.test == other.test);
                prop_assert_eq!([one.train.checksum(), one.test.checksum()], [other.train.checksum(), other.test.checksum()]);
                prop_assert_eq!([one.train.groups(), one.test.groups()], [other.train.groups(), other.test.groups()]);
                prop_assert_eq!((one.gaps, one.notes), (other.gaps, other.notes));
            }
            (one, other) => prop_assert!(false, "{:?}, {:?}", one.err(), other.err()),
        }
        prop_assert_eq!(fs::read_dir(folder.path())?.count(), 0);
    }
}
