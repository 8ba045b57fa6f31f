//! Reads the pickle of a state dict or a checkpoint. It never executes it.
//!
//! The machine has only the opcodes that `torch.save` writes for dicts of tensors and plain data. Any other opcode or global is refused by
//! its name. Values are `Copy`: tuples, lists and dicts are places in lists. So nothing recurses, however deeply a file nests. Time and
//! memory are linear in the pickle's length.
//!
//! - `machine`: the opcodes. `stack`: what they do to values. `calls`: storages and tensors. `globals`: the names. `dicts`: the entry of
//!   the pickle that is the state dict.
//!
//! <https://docs.python.org/3/library/pickletools.html>

mod calls;
mod dicts;
mod globals;
mod machine;
mod stack;

use globals::Global;
use machine::{Machine, Stop};

use super::{element::Element, error::Problem};
use crate::{file_kind::LEGACY_PTH, quote::quoted};

/// The largest number of bytes of a pickle. The pickle of a network here has a few thousand.
pub(super) const MAX_BYTES: usize = 1 << 20;
const MAX_RANK: usize = 8;

/// The error of a pickle that is not a state dict.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum PickleError {
    #[error("its pickle {0}; save model.state_dict(), not the model itself")]
    Refused(String),
    #[error("its entry {entry} {what}; save model.state_dict() alone, or the checkpoint without that entry")]
    Entry { entry: String, what: String },
    #[error("its pickle ends too early; the file is cut short")]
    Truncated,
    #[error("at byte {at} of its pickle: {reason}")]
    Malformed { at: usize, reason: &'static str },
}

/// A tensor as the pickle describes it. Its elements are in the storage's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor<'a> {
    pub storage: Storage<'a>,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub kind: StorageKind,
    /// The name of the record with the elements.
    pub key: &'a str,
    /// The number of elements.
    pub len: usize,
}

/// The type of a storage's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StorageKind {
    /// The element, or `None` for a type that cannot be read.
    pub element: Option<Element>,
    pub name: &'static str,
    /// The number of bytes of an element.
    pub size: usize,
}

/// An entry of a state dict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Tensor(Tensor<'a>),
    /// Anything else, by its kind.
    Other(&'static str),
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    /// A place in the machine's tuples.
    Tuple(usize),
    /// A place in the machine's lists.
    List(usize),
    /// A place in the machine's dicts.
    Dict(usize),
    Global(Global),
    /// A place in the machine's storages.
    Storage(usize),
    /// A place in the machine's tensors.
    Tensor(usize),
    /// Plain data that is ignored.
    Inert,
}

/// Returns the entries of the state dict at `key` in a pickle that fills these bytes.
pub(super) fn read<'a>(pickle: &'a [u8], key: Option<&str>) -> Result<Vec<(String, Entry<'a>)>, Problem> {
    let (machine, value) = run(pickle, 0)?;
    if machine.at != pickle.len() {
        return Err(PickleError::Malformed { at: machine.at, reason: "something follows its end" }.into());
    }
    dicts::entries(&machine, value, key)
}

/// The parts of a file from PyTorch before 1.6: its state dict, its storages in the order of their records, and the place of the first record.
pub(super) struct Legacy<'a> {
    pub entries: Vec<(String, Entry<'a>)>,
    pub storages: Vec<Storage<'a>>,
    pub records: usize,
}

/// Reads a file that begins with [`LEGACY_PTH`]. Then come a pickle about the machine, one of the dict, and one with the storages' names.
pub(super) fn read_legacy<'a>(file: &'a [u8], key: Option<&str>) -> Result<Legacy<'a>, Problem> {
    let file = &file[..file.len().min(MAX_BYTES)];
    let (about, value) = run(file, LEGACY_PTH.len())?;
    let is_little = |&(key, value): &_| matches!((key, value), (Value::Text("little_endian"), Value::Bool(true)));
    if !matches!(value, Value::Dict(dict) if about.dicts[dict].iter().any(is_little)) {
        return Err(Problem::format("PyTorch", "it was not saved by a little-endian machine"));
    }
    let (machine, value) = run(file, about.at)?;
    let entries = dicts::entries(&machine, value, key)?;
    let (names, value) = run(file, machine.at)?;
    let wrong = || PickleError::Malformed { at: names.at, reason: "it does not name its storages" };
    let Value::List(list) = value else { return Err(wrong().into()) };
    let storages = names.lists[list].iter().map(|name| {
        let Value::Text(name) = name else { return Err(wrong()) };
        machine.storages.iter().find(|storage| storage.key == *name).copied().ok_or_else(wrong)
    });
    Ok(Legacy { entries, storages: storages.collect::<Result<_, _>>()?, records: names.at })
}

fn run(pickle: &[u8], at: usize) -> Result<(Machine<'_>, Value<'_>), PickleError> {
    let mut machine = Machine::new(pickle, at);
    match machine.run() {
        Ok(value) => Ok((machine, value)),
        Err(Stop::Error(PickleError::Refused(what))) => Err(match machine.open_entry() {
            Some(entry) => PickleError::Entry { entry: quoted(entry), what },
            None => PickleError::Refused(what),
        }),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Reason(reason)) => Err(PickleError::Malformed { at: machine.at, reason }),
    }
}
