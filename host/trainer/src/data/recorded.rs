//! The way in which a network's samples were read. The network's file keeps it, so that other commands read samples in the same way.

use options::{
    commands::{Missing, Source},
    partition::TestSplit,
};
use toml::{Table, Value};

/// The options by which samples were read. Options that another part of a network's file stores are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// True if the samples are pictures, which are only resized.
    pub are_pictures: bool,
    /// The column of the classes.
    pub label: Option<String>,
    /// The column of the groups.
    pub group: Option<String>,
    /// The part of the samples that was held out for tests.
    pub test_split: Option<TestSplit>,
    /// The number of rows from the start of a window to the start of the next.
    pub stride: Option<u32>,
    /// The treatment of missing values.
    pub missing: Option<Missing>,
}

const PICTURES: &str = "pictures";
const LABEL: &str = "label";
const GROUP: &str = "group";
const TEST_SPLIT: &str = "test-split";
const STRIDE: &str = "stride";
const MISSING: &str = "missing";

impl Recorded {
    /// Takes the options that a network's file stores.
    pub fn of(options: &Source, are_pictures: bool) -> Self {
        let label = if let [label] = &options.label[..] { Some(label.clone()) } else { None };
        let Source { group, test_split, stride, missing, .. } = options.clone();
        Self { are_pictures, label, group, test_split, stride, missing }
    }

    /// Returns the text of a file's field, in TOML. It is empty if there is nothing to store.
    pub fn to_text(&self) -> String {
        let mut table = Table::new();
        let mut put = |key: &str, value: Option<Value>| value.map(|value| table.insert(key.into(), value));
        put(PICTURES, self.are_pictures.then_some(true.into()));
        put(LABEL, self.label.clone().map(Value::from));
        put(GROUP, self.group.clone().map(Value::from));
        put(TEST_SPLIT, self.test_split.map(|split| split.to_string().into()));
        put(STRIDE, self.stride.map(|stride| i64::from(stride).into()));
        put(MISSING, self.missing.map(|missing| missing.name().into()));
        table.to_string()
    }

    /// Reads a file's field. Parts that cannot be read count as absent.
    pub fn parse(text: &[u8]) -> Self {
        let table: Table = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
        let word = |key: &str| table.get(key).and_then(Value::as_str);
        Self {
            are_pictures: table.get(PICTURES).and_then(Value::as_bool).unwrap_or_default(),
            label: word(LABEL).map(str::to_owned),
            group: word(GROUP).map(str::to_owned),
            test_split: word(TEST_SPLIT).and_then(|split| split.parse().ok()),
            stride: table
                .get(STRIDE)
                .and_then(Value::as_integer)
                .and_then(|stride| u32::try_from(stride).ok())
                .filter(|&stride| stride > 0),
            missing: word(MISSING)
                .and_then(|missing| [Missing::Drop, Missing::Mean].into_iter().find(|one| one.name() == missing)),
        }
    }

    /// Fills in the options that were not chosen on the command line. Columns are left out, because a table need not have them.
    pub fn fill(&self, options: &mut Source) {
        if options.test.is_none() {
            options.test_split = options.test_split.or(self.test_split);
        }
        options.stride = options.stride.or(self.stride);
        options.missing = options.missing.or(self.missing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let options = Source {
            label: vec!["kind \"of\" thing".into()],
            group: Some("größe".into()),
            test_split: "0.4,seed=3".parse().ok(),
            stride: Some(8),
            missing: Some(Missing::Mean),
            ..Source::default()
        };
        let recorded = Recorded::of(&options, true);
        assert_eq!(Recorded::parse(recorded.to_text().as_bytes()), recorded);
        assert_eq!(Recorded::of(&Source::default(), false).to_text(), "");
        for text in [&b"\xff"[..], b"label", b"stride = -3", b"test-split = \"7\"", b"missing = 3"] {
            assert_eq!(Recorded::parse(text), Recorded::default());
        }
        let mut filled = Source { stride: Some(2), ..Source::default() };
        recorded.fill(&mut filled);
        assert_eq!((filled.stride, filled.test_split, filled.missing), (Some(2), options.test_split, options.missing));
        let mut tested = Source { test: Some("t.csv".into()), ..Source::default() };
        recorded.fill(&mut tested);
        assert_eq!(tested.test_split, None);
    }
}
