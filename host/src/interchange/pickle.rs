//! A state dict's pickle, read and never executed.
//!
//! Of pickle's machine there is only what `torch.save` of a dict of tensors writes; any other opcode or global is refused by its
//! name. Values are `Copy` (tuples and dicts are places in lists), so nothing recurses, whatever a file nests. Time and memory are
//! linear in the pickle's length.
//!
//! <https://docs.python.org/3/library/pickletools.html>

use super::{element::Element, quote::quoted};

/// The pickle of a network here has a few thousand bytes.
pub(super) const MAX_BYTES: u64 = 1 << 20;
const MAX_MARKS: usize = 16;
const MAX_RANK: usize = 8;

/// Why a pickle is no state dict.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum PickleError {
    #[error("its pickle names {0}; save model.state_dict() alone, not the model or a checkpoint")]
    Global(String),
    #[error("its pickle holds {0}; save model.state_dict() alone, not the model or a checkpoint")]
    Opcode(String),
    #[error("its pickle ends too early")]
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
    pub element: Element,
    /// The record's name.
    pub key: &'a str,
    /// Elements.
    pub len: usize,
}

/// The tensors of a pickled dict, in its order.
pub(super) fn read<'a>(pickle: &'a [u8]) -> Result<Vec<(&'a str, Tensor<'a>)>, PickleError> {
    let mut machine = Machine { pickle, ..Machine::default() };
    let dict = machine.run().map_err(|stop| match stop {
        Stop::Error(error) => error,
        Stop::Reason(reason) => PickleError::Malformed { at: machine.at, reason },
    })?;
    let named = |&(key, value): &(Value<'a>, Value<'a>)| match (key, value) {
        (Value::Text(name), Value::Tensor(index)) => Some((name, machine.tensors.get(index)?.clone())),
        _ => None,
    };
    let tensors: Option<Vec<_>> = machine.dicts[dict].iter().map(named).collect();
    let reason = "an entry of the dict is no named tensor; save model.state_dict() alone";
    tensors.ok_or(PickleError::Malformed { at: machine.at, reason })
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    None,
    Bool,
    Int(i64),
    Text(&'a str),
    /// A place in the machine's tuples.
    Tuple(usize),
    /// A place in the machine's dicts.
    Dict(usize),
    Global(Global),
    Storage(Storage<'a>),
    /// A place in the machine's tensors.
    Tensor(usize),
}

#[derive(Clone, Copy, Debug)]
enum Global {
    OrderedDict,
    RebuildTensor,
    Storage(Element),
}

impl Global {
    fn named(module: &str, name: &str) -> Result<Self, PickleError> {
        match (module, name) {
            ("collections", "OrderedDict") => Ok(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Ok(Self::RebuildTensor),
            ("torch", "FloatStorage") => Ok(Self::Storage(Element::F32)),
            ("torch", "DoubleStorage") => Ok(Self::Storage(Element::F64)),
            ("torch", "HalfStorage") => Ok(Self::Storage(Element::F16)),
            ("torch", "BFloat16Storage") => Ok(Self::Storage(Element::Bf16)),
            ("torch", "LongStorage") => Ok(Self::Storage(Element::I64)),
            _ => Err(PickleError::Global(quoted(&format!("{module}.{name}")))),
        }
    }
}

/// Why the machine stops before the pickle's end: an error, or a reason that its place is still to be added to.
enum Stop {
    Error(PickleError),
    Reason(&'static str),
}

impl From<PickleError> for Stop {
    fn from(error: PickleError) -> Self {
        Self::Error(error)
    }
}

impl From<&'static str> for Stop {
    fn from(reason: &'static str) -> Self {
        Self::Reason(reason)
    }
}

type Step<T> = Result<T, Stop>;

#[derive(Default)]
struct Machine<'a> {
    pickle: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    /// Where in the stack the marks are.
    marks: Vec<usize>,
    memo: Vec<Value<'a>>,
    tuples: Vec<Vec<Value<'a>>>,
    dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    tensors: Vec<Tensor<'a>>,
}

impl<'a> Machine<'a> {
    /// Runs to the end, and returns the dict that is left.
    fn run(&mut self) -> Step<usize> {
        let [protocol, version] = self.array()?;
        if protocol != 0x80 || !(2..=5).contains(&version) {
            return Err("it does not begin with a protocol from 2 to 5".into());
        }
        loop {
            let [opcode] = self.array()?;
            if opcode == b'.' {
                break;
            }
            self.step(opcode)?;
        }
        match self.stack[..] {
            [Value::Dict(dict)] if self.marks.is_empty() && self.at == self.pickle.len() => Ok(dict),
            _ => Err("it does not end with one dict".into()),
        }
    }

    fn step(&mut self, opcode: u8) -> Step<()> {
        match opcode {
            // FRAME tells how much to read ahead.
            0x95 => self.array::<8>().map(drop)?,
            b'(' => self.mark()?,
            b')' => self.push_tuple(Vec::new()),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_tuple(items);
            }
            0x85..=0x87 => {
                let mut items = Vec::new();
                for _ in 0x85..=opcode {
                    items.insert(0, self.pop()?);
                }
                self.push_tuple(items);
            }
            b'}' => self.push_dict(),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'N' => self.stack.push(Value::None),
            0x88 | 0x89 => self.stack.push(Value::Bool),
            b'J' => {
                let int = i32::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(int.into()));
            }
            b'K' => {
                let [int] = self.array()?;
                self.stack.push(Value::Int(int.into()));
            }
            b'M' => {
                let int = u16::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(int.into()));
            }
            0x8a => self.long()?,
            b'X' => {
                let length = u32::from_le_bytes(self.array()?);
                self.text(length as usize)?;
            }
            0x8c => {
                let [length] = self.array()?;
                self.text(length.into())?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            0x93 => {
                let (Value::Text(name), Value::Text(module)) = (self.pop()?, self.pop()?) else {
                    return Err("a global's name is no string".into());
                };
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            b'q' => {
                let [index] = self.array()?;
                self.put(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.put(index as usize)?;
            }
            0x94 => self.put(self.memo.len())?,
            b'h' => {
                let [index] = self.array()?;
                self.get(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.get(index as usize)?;
            }
            b'Q' => self.persistent_id()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            _ => return Err(PickleError::Opcode(opcode_name(opcode)).into()),
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let array = self.pickle[self.at..].first_chunk().ok_or(PickleError::Truncated)?;
        self.at += N;
        Ok(*array)
    }

    fn bytes(&mut self, len: usize) -> Step<&'a [u8]> {
        let pickle = self.pickle;
        let bytes = pickle[self.at..].get(..len).ok_or(PickleError::Truncated)?;
        self.at += len;
        Ok(bytes)
    }

    fn line(&mut self) -> Step<&'a str> {
        let end = self.pickle[self.at..].iter().position(|&byte| byte == b'\n').ok_or(PickleError::Truncated)?;
        let line = self.bytes(end)?;
        self.at += 1;
        Ok(std::str::from_utf8(line).map_err(|_| "a global's name is no text")?)
    }

    fn text(&mut self, len: usize) -> Step<()> {
        let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| "a string is no UTF-8")?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    /// Little-endian two's complement of up to 8 bytes.
    fn long(&mut self) -> Step<()> {
        let [len] = self.array()?;
        let bytes = self.bytes(len.into())?;
        let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
        let mut array = [fill; 8];
        array.get_mut(..bytes.len()).ok_or("a number has more than 64 bits")?.copy_from_slice(bytes);
        self.stack.push(Value::Int(i64::from_le_bytes(array)));
        Ok(())
    }

    fn mark(&mut self) -> Step<()> {
        if self.marks.len() == MAX_MARKS {
            return Err("it is nested too deeply".into());
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// What stands on the stack, but not below the last mark.
    fn pop(&mut self) -> Step<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("the stack is empty".into());
        }
        Ok(self.stack.pop().ok_or("the stack is empty")?)
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn push_tuple(&mut self, items: Vec<Value<'a>>) {
        self.stack.push(Value::Tuple(self.tuples.len()));
        self.tuples.push(items);
    }

    fn push_dict(&mut self) {
        self.stack.push(Value::Dict(self.dicts.len()));
        self.dicts.push(Vec::new());
    }

    /// Adds keys and values to the dict on the stack.
    fn set_items(&mut self, items: &[Value<'a>]) -> Step<()> {
        let top = self.pop()?;
        let (Value::Dict(dict), (pairs, [])) = (top, items.as_chunks::<2>()) else {
            return Err("items are set, but not in a dict".into());
        };
        self.dicts[dict].extend(pairs.iter().map(|&[key, value]| (key, value)));
        self.stack.push(top);
        Ok(())
    }

    /// Picklers number the memo's places in order.
    fn put(&mut self, index: usize) -> Step<()> {
        let value = self.pop()?;
        self.stack.push(value);
        if index != self.memo.len() {
            return Err("the memo's places are not in order".into());
        }
        self.memo.push(value);
        Ok(())
    }

    fn get(&mut self, index: usize) -> Step<()> {
        let value = self.memo.get(index).ok_or("the memo has no such place")?;
        self.stack.push(*value);
        Ok(())
    }

    /// `('storage', torch.FloatStorage, key, location, length)`.
    fn persistent_id(&mut self) -> Step<()> {
        let id = self.pop()?;
        let [Value::Text("storage"), Value::Global(Global::Storage(element)), Value::Text(key), Value::Text(_), len] =
            *self.tuple(id)?
        else {
            return Err("a persistent id is no storage".into());
        };
        self.stack.push(Value::Storage(Storage { element, key, len: size(len)? }));
        Ok(())
    }

    fn reduce(&mut self) -> Step<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        match callable {
            Value::Global(Global::OrderedDict) if self.tuple(arguments)?.is_empty() => self.push_dict(),
            Value::Global(Global::RebuildTensor) => self.rebuild_tensor(arguments)?,
            _ => return Err("it calls what is no function, or gives an OrderedDict arguments".into()),
        }
        Ok(())
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`.
    fn rebuild_tensor(&mut self, arguments: Value<'a>) -> Step<()> {
        let [Value::Storage(storage), offset, shape, strides, Value::Bool, Value::Dict(hooks)] =
            *self.tuple(arguments)?
        else {
            return Err("a tensor's parts are not those that torch.save writes".into());
        };
        if !self.dicts[hooks].is_empty() {
            return Err("a tensor has hooks".into());
        }
        let tensor =
            Tensor { storage, offset: size(offset)?, shape: self.sizes(shape)?, strides: self.sizes(strides)? };
        if tensor.shape.len() != tensor.strides.len() {
            return Err("a tensor has not as many strides as sizes".into());
        }
        self.stack.push(Value::Tensor(self.tensors.len()));
        self.tensors.push(tensor);
        Ok(())
    }

    /// The one attribute that a state dict has is `_metadata`: its modules' versions, which are not needed.
    fn build(&mut self) -> Step<()> {
        let (state, object) = (self.pop()?, self.pop()?);
        let (Value::Dict(state), Value::Dict(_)) = (state, object) else {
            return Err("a state is set, but not a dict's".into());
        };
        if !matches!(self.dicts[state][..], [(Value::Text("_metadata"), Value::Dict(_))]) {
            return Err("the dict has another attribute than _metadata".into());
        }
        self.stack.push(object);
        Ok(())
    }

    fn tuple(&self, value: Value<'a>) -> Step<&[Value<'a>]> {
        match value {
            Value::Tuple(index) => Ok(&self.tuples[index]),
            _ => Err("a tuple must be here".into()),
        }
    }

    fn sizes(&self, value: Value<'a>) -> Step<Vec<usize>> {
        let sizes = self.tuple(value)?;
        if sizes.len() > MAX_RANK {
            return Err("a tensor has too many dimensions".into());
        }
        sizes.iter().map(|&value| size(value)).collect()
    }
}

fn size(value: Value<'_>) -> Step<usize> {
    match value {
        Value::Int(int) => Ok(usize::try_from(int).map_err(|_| "a size is negative")?),
        _ => Err("a size is no whole number".into()),
    }
}

/// The opcodes that Python's picklers write and this reader refuses.
fn opcode_name(opcode: u8) -> String {
    let name = match opcode {
        b'F' | b'G' => "a number with a fraction (FLOAT)",
        b']' | b'l' | b'a' | b'e' => "a list (LIST)",
        b'I' | b'L' | 0x8b => "a number of a kind that no state dict has (LONG)",
        b'S' | b'T' | b'U' | b'V' | 0x8d => "a string of a kind that no state dict has (STRING)",
        b'B' | b'C' | 0x8e | 0x96..=0x98 => "bytes (BYTES)",
        0x8f..=0x91 => "a set (SET)",
        b'i' | b'o' | 0x81 | 0x92 => "an object of a class (OBJ)",
        0x82..=0x84 => "an extension (EXT)",
        b'0' | b'1' | b'2' => "a change of the stack (POP, DUP)",
        b'd' => "a dict of protocol 0 (DICT)",
        b'g' | b'p' | b'P' => "a memo of protocol 0 (GET, PUT, PERSID)",
        0x80 => "a second protocol (PROTO)",
        _ => return format!("the unknown opcode 0x{opcode:02x}"),
    };
    name.into()
}
