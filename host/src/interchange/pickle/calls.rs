//! The calls that `torch.save` writes: storages, tensors and dicts. Nothing is called. Each call becomes a description of its result.

use super::{
    MAX_RANK, Storage, Tensor, Value,
    globals::Global,
    machine::{Machine, Step},
};

impl<'a> Machine<'a> {
    /// Reads `('storage', torch.FloatStorage, key, location, length)`. The legacy format also has a view, but never writes one.
    pub(super) fn persistent_id(&mut self) -> Step<()> {
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
        self.stack.push(Value::Storage(self.storages.len()));
        self.storages.push(storage);
        Ok(())
    }

    pub(super) fn reduce(&mut self) -> Step<()> {
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

    /// Reads `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`. `_rebuild_tensor_v3` has a type after these.
    fn rebuild_tensor(&mut self, arguments: Value<'a>) -> Step<()> {
        let ([Value::Storage(storage), offset, shape, strides, Value::Bool(_), Value::Dict(hooks)]
        | [
            Value::Storage(storage),
            offset,
            shape,
            strides,
            Value::Bool(_),
            Value::Dict(hooks),
            Value::Global(Global::Type(_)),
        ]) = *self.tuple(arguments)?
        else {
            return Err("a tensor's parts are not those that torch.save writes".into());
        };
        if !self.dicts[hooks].is_empty() {
            return Err("a tensor has hooks".into());
        }
        let mut storage = self.storages[storage];
        if let Some(Value::Global(Global::Type(name))) = self.tuple(arguments)?.last() {
            storage.kind.name = name;
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

    /// Reads `_rebuild_parameter(tensor, requires_grad, backward_hooks)` as the tensor.
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

    /// Ignores the only attribute that a state dict has, `_metadata`: the versions of its modules are not needed.
    pub(super) fn build(&mut self) -> Step<()> {
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
