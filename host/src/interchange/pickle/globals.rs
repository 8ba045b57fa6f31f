//! The names that a pickle may have. None of them is ever called.

use super::{PickleError, StorageKind};
use crate::{interchange::element::Element, quote::quoted};

/// The meaning of a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(StorageKind),
    /// A class or function of plain data. Its result is ignored.
    Inert,
    /// The type of a storage without its own type.
    Type(&'static str),
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Result<Self, PickleError> {
        let kind = |element, name, size| Ok(Self::Storage(StorageKind { element, name, size }));
        match (module, name) {
            ("collections", "OrderedDict") => Ok(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => Ok(Self::RebuildTensor),
            // An nn.Parameter in a dict.
            ("torch._utils", "_rebuild_parameter") => Ok(Self::RebuildParameter),
            ("torch", "FloatStorage") => kind(Some(Element::F32), "F32", 4),
            ("torch", "DoubleStorage") => kind(Some(Element::F64), "F64", 8),
            ("torch", "HalfStorage") => kind(Some(Element::F16), "F16", 2),
            ("torch", "BFloat16Storage") => kind(Some(Element::Bf16), "BF16", 2),
            // Masks, steps and counters beside the weights: their elements are not read.
            ("torch", "LongStorage") => kind(None, "I64", 8),
            ("torch", "IntStorage") => kind(None, "I32", 4),
            ("torch", "ShortStorage") => kind(None, "I16", 2),
            ("torch", "CharStorage") => kind(None, "I8", 1),
            ("torch", "ByteStorage") => kind(None, "U8", 1),
            ("torch", "BoolStorage") => kind(None, "BOOL", 1),
            ("torch", "ComplexFloatStorage") => kind(None, "C64", 8),
            ("torch", "ComplexDoubleStorage") => kind(None, "C128", 16),
            // Of types that came later, such as uint16 and float8.
            ("torch.storage", "UntypedStorage") => kind(None, "of a type that is not read", 1),
            _ if INERT.contains(&(module, name)) => Ok(Self::Inert),
            _ => match DTYPES.iter().find(|&&own| module == "torch" && own == name) {
                Some(own) => Ok(Self::Type(own)),
                None => Err(PickleError::Refused(format!(
                    "names {}, which is neither a tensor nor plain data",
                    quoted(&format!("{module}.{name}"))
                ))),
            },
        }
    }
}

/// Names that checkpoints have besides a state dict.
const INERT: [(&str, &str); 22] = [
    // A run's options, as argparse and Lightning keep them.
    ("argparse", "Namespace"),
    ("pytorch_lightning.utilities.parsing", "AttributeDict"),
    ("lightning.pytorch.utilities.parsing", "AttributeDict"),
    ("lightning_fabric.utilities.data", "AttributeDict"),
    ("lightning.fabric.utilities.data", "AttributeDict"),
    // The milestones of a schedule, an optimizer's state, metrics by name; and what they are made of.
    ("collections", "Counter"),
    ("collections", "defaultdict"),
    ("builtins", "set"),
    ("__builtin__", "set"),
    ("builtins", "list"),
    ("__builtin__", "list"),
    ("builtins", "dict"),
    ("__builtin__", "dict"),
    // The best accuracy, a number of NumPy's.
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    // A shape and a place.
    ("torch", "Size"),
    ("torch", "device"),
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "WindowsPath"),
];

/// The types that are named for an untyped storage, or in a run's options.
const DTYPES: [&str; 19] = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "uint16",
    "uint32",
    "uint64",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "float8_e5m2fnuz",
    "complex64",
    "complex128",
];

/// Returns the name of an opcode that Python's picklers write and this reader refuses.
pub(super) fn opcode_name(opcode: u8) -> String {
    let name = match opcode {
        b'F' => "a number of protocol 0 (FLOAT)",
        b'l' => "a list of protocol 0 (LIST)",
        b'I' | b'L' | 0x8b => "a number of a kind that no state dict has (LONG)",
        b'S' | b'T' | b'U' | b'V' | 0x8d => "a string of a kind that no state dict has (STRING)",
        b'B' | b'C' | 0x8e | 0x96..=0x98 => "bytes (BYTES)",
        0x8f..=0x91 => "a set (SET)",
        b'i' | b'o' | 0x92 => "an object of a class (OBJ)",
        0x82..=0x84 => "an extension (EXT)",
        b'0' | b'1' | b'2' => "a change of the stack (POP, DUP)",
        b'd' => "a dict of protocol 0 (DICT)",
        b'g' | b'p' | b'P' => "a memo of protocol 0 (GET, PUT, PERSID)",
        0x80 => "a second protocol (PROTO)",
        _ => return format!("the unknown opcode 0x{opcode:02x}"),
    };
    name.into()
}
