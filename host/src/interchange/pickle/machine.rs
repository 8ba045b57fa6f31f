//! The machine that reads a pickle's opcodes. It has only those that a state dict or a checkpoint of plain data needs.

use super::{
    PickleError, Storage, Tensor, Value,
    globals::{Global, opcode_name},
};

/// The largest number of opcodes of a pickle. A state dict of a thousand tensors has about fifty thousand. Each may take a hundred bytes of
/// memory.
const MAX_STEPS: usize = 1 << 18;

/// The reason for a stop before the pickle's end: an error, or a message to which the place is still to be added.
pub(super) enum Stop {
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

pub(super) type Step<T> = Result<T, Stop>;

#[derive(Default)]
pub(super) struct Machine<'a> {
    pickle: &'a [u8],
    pub(super) at: usize,
    pub(super) stack: Vec<Value<'a>>,
    /// The places of the marks in the stack.
    pub(super) marks: Vec<usize>,
    pub(super) memo: Vec<Value<'a>>,
    pub(super) tuples: Vec<Vec<Value<'a>>>,
    pub(super) lists: Vec<Vec<Value<'a>>>,
    pub(super) dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub(super) tensors: Vec<Tensor<'a>>,
    pub(super) storages: Vec<Storage<'a>>,
}

impl<'a> Machine<'a> {
    /// Returns a machine for the pickle that begins at this place.
    pub(super) fn new(pickle: &'a [u8], at: usize) -> Self {
        Self { pickle, at, ..Self::default() }
    }

    /// Runs to the pickle's end, and returns the value that is left.
    pub(super) fn run(&mut self) -> Step<Value<'a>> {
        let [protocol, version] = self.array()?;
        if protocol != 0x80 || !(2..=5).contains(&version) {
            return Err("it does not begin with a protocol from 2 to 5".into());
        }
        let mut steps = 0;
        loop {
            let [opcode] = self.array()?;
            if opcode == b'.' {
                break;
            }
            steps += 1;
            if steps > MAX_STEPS {
                return Err("it has more parts than any network's".into());
            }
            self.step(opcode)?;
        }
        match self.stack[..] {
            [value] if self.marks.is_empty() => Ok(value),
            _ => Err("it does not end with one value".into()),
        }
    }

    /// Returns the name of the outermost dict's entry that is being read: the last key on the stack above the first mark.
    pub(super) fn open_entry(&self) -> Option<&'a str> {
        let start = *self.marks.first()?;
        let end = self.marks.get(1).copied().unwrap_or(self.stack.len());
        let is_dict = matches!(self.stack.get(start.checked_sub(1)?), Some(Value::Dict(_)));
        let keys = self.stack.get(start..end)?.iter().step_by(2);
        let last = keys.rev().find_map(|key| if let Value::Text(key) = key { Some(*key) } else { None });
        last.filter(|_| is_dict)
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
                let mut items = Vec::with_capacity(3);
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
            // Lists and numbers with a fraction stand beside a checkpoint's state dict: an optimizer's parameters, a loss.
            b']' => {
                self.stack.push(Value::List(self.lists.len()));
                self.lists.push(Vec::new());
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b'G' => {
                self.array::<8>()?;
                self.stack.push(Value::Inert);
            }
            b'N' => self.stack.push(Value::None),
            0x88 | 0x89 => self.stack.push(Value::Bool(opcode == 0x88)),
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
            // NEWOBJ makes an object of a class; here it only stands for a few classes of plain data.
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                let Value::Global(Global::Inert) = class else { return Err("it makes what is no plain data".into()) };
                self.stack.push(Value::Inert);
            }
            b'b' => self.build()?,
            _ => return Err(PickleError::Refused(format!("holds {}", opcode_name(opcode))).into()),
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

    /// Reads a little-endian integer in two's complement. A number of more than 8 bytes is not a size.
    fn long(&mut self) -> Step<()> {
        let [len] = self.array()?;
        let bytes = self.bytes(len.into())?;
        if bytes.len() > 8 {
            self.stack.push(Value::Inert);
            return Ok(());
        }
        let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
        let mut array = [fill; 8];
        array[..bytes.len()].copy_from_slice(bytes);
        self.stack.push(Value::Int(i64::from_le_bytes(array)));
        Ok(())
    }
}
