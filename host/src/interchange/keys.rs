//! Compares the names of a network's tensors with those of a file.

use std::fmt;

/// The number of keys of a kind that a message names. For further keys, the message has only their number.
const NAMED_KEYS: usize = 4;

/// The result of reading a file's tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The network's parameters without a tensor.
    pub missing: Vec<String>,
    /// Tensors without a parameter of the network.
    pub unexpected: Vec<String>,
    /// The pairs of tensor and parameter that were found by order and shape, not by name.
    pub matched: Vec<String>,
    /// The prefix of the names of the network's tensors, if other tensors have another prefix.
    pub under: Option<String>,
}

impl LoadReport {
    /// Returns notes for the user, one in each line.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.under.as_deref() {
            Some("") => notes.push("the network is the one whose names have no prefix".into()),
            Some(under) => notes.push(format!("the network is the one under {under}")),
            None => {}
        }
        if !self.matched.is_empty() {
            notes.push(format!("matched by order and shape: {}", self.matched.join(", ")));
        }
        if !self.unexpected.is_empty() {
            notes.push(format!("passed over: {}", shortened(&self.unexpected)));
        }
        if !self.missing.is_empty() {
            let values = "a missing bias is 0, a missing scale of a batch normalisation 1";
            notes.push(format!("missing: {}; {values}", shortened(&self.missing)));
        }
        notes
    }
}

/// Writes `missing: a, b; the model has no c, d, e, f and 3 more`.
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [("missing:", &self.missing), ("the model has no", &self.unexpected)];
        let mut between = "";
        for (text, names) in kinds.into_iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, "{between}{text} {}", shortened(names))?;
            between = "; ";
        }
        Ok(())
    }
}

/// Returns a list such as `a, b, c, d and 3 more`.
pub(super) fn shortened(names: &[String]) -> String {
    let (named, more) = names.split_at(names.len().min(NAMED_KEYS));
    let named = named.join(", ");
    if more.is_empty() { named } else { format!("{named} and {} more", more.len()) }
}
