//! A chain as PyTorch shows it.

use core::fmt;

use super::{Architecture, LayerKind, STACK_NAME};

/// Shows the widths, `784-512-512-10`. The words of all layers come after the widths, unless the chain is linear layers with one ReLU between
/// each two. With `{:#}`, shows the chain in the form in which PyTorch's `print(model)` shows the quickstart's model, with its name and its `Flatten`.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return show_module(f, &self.layers);
        }
        write!(f, "{}", self.inputs())?;
        for layer in &self.layers {
            if let LayerKind::Linear { outputs, .. } = layer {
                write!(f, "-{outputs}")?;
            }
        }
        if !self.is_plain() {
            for layer in &self.layers {
                write!(f, " {}", layer.word().unwrap_or("Linear"))?;
            }
        }
        Ok(())
    }
}

/// Writes layers as PyTorch's `print(model)` shows the quickstart's.
pub(crate) fn show_module(
    f: &mut fmt::Formatter<'_>,
    layers: impl IntoIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    writeln!(f, "NeuralNetwork(\n  (flatten): Flatten(start_dim=1, end_dim=-1)\n  ({STACK_NAME}): Sequential(")?;
    for (index, layer) in layers.into_iter().enumerate() {
        writeln!(f, "    ({index}): {layer}")?;
    }
    write!(f, "  )\n)")
}

#[cfg(test)]
mod tests {
    use heapless::String;

    use super::*;

    #[test]
    fn displays_widths_and_pytorchs_module() {
        let architecture: Architecture = "4 => 3 Relu => 2".parse().unwrap();
        let mut text = String::<400>::new();
        fmt::write(&mut text, format_args!("{architecture}")).unwrap();
        assert_eq!(text, "4-3-2");
        text.clear();
        let linear: Architecture = "4 => 3 => 2 Relu".parse().unwrap();
        fmt::write(&mut text, format_args!("{linear}")).unwrap();
        assert_eq!(text, "4-3-2 Linear Linear Relu");
        text.clear();
        fmt::write(&mut text, format_args!("{architecture:#}")).unwrap();
        assert_eq!(
            text.as_str(),
            "NeuralNetwork(
  (flatten): Flatten(start_dim=1, end_dim=-1)
  (linear_relu_stack): Sequential(
    (0): Linear(in_features=4, out_features=3, bias=True)
    (1): ReLU()
    (2): Linear(in_features=3, out_features=2, bias=True)
  )
)"
        );
    }
}
