//! Finds the order of linear layers by their widths.

/// The largest number of steps of a search. Real networks need fewer.
const MAX_STEPS: usize = 20_000;

/// The result of chaining linear layers by their widths, each `(inputs, outputs)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// The widths of the chain. Only one chain has all layers, or the given order is a chain.
    Widths(Vec<u32>),
    /// Several chains have all layers.
    Doubt,
    /// No chain has all layers.
    None,
}

/// Returns the chain that has each layer once. `order` is the order by names or places, if there is one.
pub(super) fn of(layers: &[(u32, u32)], order: Option<&[usize]>) -> Chain {
    if let Some(widths) = order.and_then(|order| in_order(layers, order)) {
        return Chain::Widths(widths);
    }
    let mut search = Search { layers, used: vec![false; layers.len()], found: Vec::new(), steps: 0 };
    let mut starts: Vec<u32> = layers.iter().map(|layer| layer.0).collect();
    starts.sort_unstable();
    starts.dedup();
    for start in starts {
        search.go_on(&mut vec![start]);
    }
    match (search.found.pop(), search.found.is_empty()) {
        (Some(widths), true) if search.steps < MAX_STEPS => Chain::Widths(widths),
        (None, _) if search.steps < MAX_STEPS => Chain::None,
        _ => Chain::Doubt,
    }
}

fn in_order(layers: &[(u32, u32)], order: &[usize]) -> Option<Vec<u32>> {
    let mut widths = Vec::new();
    for &place in order {
        let (inputs, outputs) = layers[place];
        match widths.last() {
            None => widths.push(inputs),
            Some(&before) if before == inputs => {}
            Some(_) => return None,
        }
        widths.push(outputs);
    }
    (!widths.is_empty()).then_some(widths)
}

struct Search<'a> {
    layers: &'a [(u32, u32)],
    used: Vec<bool>,
    /// The different chains so far, at most two.
    found: Vec<Vec<u32>>,
    steps: usize,
}

impl Search<'_> {
    fn go_on(&mut self, widths: &mut Vec<u32>) {
        self.steps += 1;
        if self.found.len() > 1 || self.steps >= MAX_STEPS {
            return;
        }
        if widths.len() > self.layers.len() {
            if !self.found.contains(widths) {
                self.found.push(widths.clone());
            }
            return;
        }
        let before = widths.last().copied();
        let mut tried = Vec::new();
        for place in 0..self.layers.len() {
            let (inputs, outputs) = self.layers[place];
            // Of equal layers one is enough.
            if self.used[place] || Some(inputs) != before || tried.contains(&outputs) {
                continue;
            }
            tried.push(outputs);
            self.used[place] = true;
            widths.push(outputs);
            self.go_on(widths);
            widths.pop();
            self.used[place] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_make_one_chain_or_leave_a_doubt() {
        let widths = |widths: &[u32]| Chain::Widths(widths.to_vec());
        assert_eq!(of(&[(16, 10), (784, 16)], None), widths(&[784, 16, 10]));
        assert_eq!(of(&[(16, 16), (784, 16), (16, 10), (16, 16)], None), widths(&[784, 16, 16, 16, 10]));
        assert_eq!(of(&[(10, 10)], None), widths(&[10, 10]));
        assert_eq!(of(&[(784, 16), (16, 784)], None), Chain::Doubt);
        assert_eq!(of(&[(784, 16), (16, 784)], Some(&[1, 0])), widths(&[16, 784, 16]));
        assert_eq!(of(&[(784, 16), (20, 10)], Some(&[0, 1])), Chain::None);
        assert_eq!(of(&[], None), Chain::None);
        // However many layers there are, the search ends.
        let layers: Vec<_> = (0..60).map(|n| (n % 7, n * 3 % 7)).collect();
        assert!(!matches!(of(&layers, None), Chain::Widths(_)));
    }
}
