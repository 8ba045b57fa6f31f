//! The machine's stack and memo, with tuples, lists and dicts.

use super::{
    Value,
    machine::{Machine, Step},
};

const MAX_MARKS: usize = 16;

impl<'a> Machine<'a> {
    pub(super) fn mark(&mut self) -> Step<()> {
        if self.marks.len() == MAX_MARKS {
            return Err("it is nested too deeply".into());
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// Takes the value on top of the stack, but not below the last mark.
    pub(super) fn pop(&mut self) -> Step<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("the stack is empty".into());
        }
        Ok(self.stack.pop().ok_or("the stack is empty")?)
    }

    pub(super) fn pop_to_mark(&mut self) -> Step<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn push_tuple(&mut self, items: Vec<Value<'a>>) {
        self.stack.push(Value::Tuple(self.tuples.len()));
        self.tuples.push(items);
    }

    pub(super) fn push_dict(&mut self) {
        self.stack.push(Value::Dict(self.dicts.len()));
        self.dicts.push(Vec::new());
    }

    /// Adds values to the list on the stack.
    pub(super) fn append(&mut self, items: &[Value<'a>]) -> Step<()> {
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
    pub(super) fn set_items(&mut self, items: &[Value<'a>]) -> Step<()> {
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

    /// Stores the value on top of the stack in the memo. Picklers number the memo's places in order.
    pub(super) fn put(&mut self, index: usize) -> Step<()> {
        let value = self.pop()?;
        self.stack.push(value);
        if index != self.memo.len() {
            return Err("the memo's places are not in order".into());
        }
        self.memo.push(value);
        Ok(())
    }

    pub(super) fn get(&mut self, index: usize) -> Step<()> {
        let value = self.memo.get(index).ok_or("the memo has no such place")?;
        self.stack.push(*value);
        Ok(())
    }

    pub(super) fn tuple(&self, value: Value<'a>) -> Step<&[Value<'a>]> {
        match value {
            Value::Tuple(index) => Ok(&self.tuples[index]),
            _ => Err("a tuple must be here".into()),
        }
    }
}
