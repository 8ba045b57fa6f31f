//! Names that a network and a file do not have in common.

use std::fmt;

/// The number of keys of a kind that a message names; of further ones it says only how many there are.
const NAMED_KEYS: usize = 4;

/// The names in which a network and tensors differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncompatibleKeys {
    /// The network's parameters that no tensor is for.
    pub missing: Vec<String>,
    /// Tensors that the network has no parameter for.
    pub unexpected: Vec<String>,
}

impl IncompatibleKeys {
    /// Tells whether the names are the same.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

/// `missing: a, b; the model has no c, d, e, f and 3 more`.
impl fmt::Display for IncompatibleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [("missing:", &self.missing), ("the model has no", &self.unexpected)];
        let mut between = "";
        for (text, names) in kinds.into_iter().filter(|(_, names)| !names.is_empty()) {
            let (named, more) = names.split_at(names.len().min(NAMED_KEYS));
            write!(f, "{between}{text} {}", named.join(", "))?;
            if !more.is_empty() {
                write!(f, " and {} more", more.len())?;
            }
            between = "; ";
        }
        Ok(())
    }
}
