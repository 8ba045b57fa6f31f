//! The machine that reads a pickle's opcodes. It has those that a state dict or a checkpoint of plain data needs, and no others.

use super::{
    MAX_RANK, PickleError, Storage, Tensor, Value,
    globals::{Global, opcode_name},
};

const MAX_MARKS: usize = 16;

/// Why the machine stops before the pickle's end: an error, or a reason that its place is still to be added to.
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
    stack: Vec<Value<'a>>,
    /// Where in the stack the marks are.
    marks: Vec<usize>,
    memo: Vec<Value<'a>>,
    tuples: Vec<Vec<Value<'a>>>,
    pub(super) lists: Vec<Vec<Value<'a>>>,
    pub(super) dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub(super) tensors: Vec<Tensor<'a>>,
    pub(super) storages: Vec<Storage<'a>>,
}

impl<'a> Machine<'a> {
    /// For the pickle that begins at a place.
    pub(super) fn new(pickle: &'a [u8], at: usize) -> Self {
        Self { pickle, at, ..Self::default() }
    }

    /// Runs to the pickle's end, and returns the value that is left.
    pub(super) fn run(&mut self) -> Step<Value<'a>> {
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
            [value] if self.marks.is_empty() => Ok(value),
            _ => Err("it does not end with one value".into()),
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

    /// Little-endian two's complement; what has more than 8 bytes is no size.
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

    /// Adds values to the list on the stack.
    fn append(&mut self, items: &[Value<'a>]) -> Step<()> {
        let top = self.pop()?;
        match top {
            Value::List(list) => self.lists[list].extend_from_slice(items),
            Value::Inert => {}
            _ => return Err("items are appended, but not to a list".into()),
        }
        self.stack.push(top);
        Ok(())
    }

    /// Adds keys and values to the dict on the stack.
    fn set_items(&mut self, items: &[Value<'a>]) -> Step<()> {
        let top = self.pop()?;
        if let Value::Inert = top {
            self.stack.push(top);
            return Ok(());
        }
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

    /// `('storage', torch.FloatStorage, key, location, length)`; the legacy format has a view too, of which it writes none.
    fn persistent_id(&mut self) -> Step<()> {
        let id = self.pop()?;
        let ([Value::Text("storage"), Value::Global(Global::Storage(kind)), Value::Text(key), Value::Text(_), len]
        | [
            Value::Text("storage"),
            Value::Global(Global::Storage(kind)),
            Value::Text(key),
            Value::Text(_),
            len,
            Value::None,
        ]) = *self.tuple(id)?
        else {
            return Err("a persistent id is no storage".into());
        };
        let storage = Storage { kind, key, len: size(len)? };
        self.storages.push(storage);
        self.stack.push(Value::Storage(storage));
        Ok(())
    }

    fn reduce(&mut self) -> Step<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        match callable {
            Value::Global(Global::OrderedDict) if self.tuple(arguments)?.is_empty() => self.push_dict(),
            Value::Global(Global::RebuildTensor) => self.rebuild_tensor(arguments)?,
            Value::Global(Global::RebuildParameter) => self.rebuild_parameter(arguments)?,
            Value::Global(Global::Inert) => {
                self.tuple(arguments)?;
                self.stack.push(Value::Inert);
            }
            _ => return Err("it calls what is no function, or gives an OrderedDict arguments".into()),
        }
        Ok(())
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`; `_rebuild_tensor_v3` has a type after them.
    fn rebuild_tensor(&mut self, arguments: Value<'a>) -> Step<()> {
        let ([Value::Storage(storage), offset, shape, strides, Value::Bool(_), Value::Dict(hooks)]
        | [
            Value::Storage(storage),
            offset,
            shape,
            strides,
            Value::Bool(_),
            Value::Dict(hooks),
            Value::Global(Global::Inert),
        ]) = *self.tuple(arguments)?
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

    /// `_rebuild_parameter(tensor, requires_grad, backward_hooks)`: the tensor.
    fn rebuild_parameter(&mut self, arguments: Value<'a>) -> Step<()> {
        let [tensor @ Value::Tensor(_), Value::Bool(_), Value::Dict(hooks)] = *self.tuple(arguments)? else {
            return Err("a parameter's parts are not those that torch.save writes".into());
        };
        if !self.dicts[hooks].is_empty() {
            return Err("a parameter has hooks".into());
        }
        self.stack.push(tensor);
        Ok(())
    }

    /// The one attribute that a state dict has is `_metadata`: its modules' versions, which are not needed.
    fn build(&mut self) -> Step<()> {
        let (state, object) = (self.pop()?, self.pop()?);
        if let Value::Inert = object {
            self.stack.push(object);
            return Ok(());
        }
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
