//! Finds the dict of a pickle that is a state dict: the whole pickle, or an entry of a checkpoint.

use super::{Entry, Machine, Value};
use crate::interchange::{error::Problem, names};

/// The deepest nesting of a checkpoint's dicts.
const MAX_DEPTH: usize = 8;
/// The largest number of bytes of a tensor's name.
const MAX_NAME: usize = 256;
/// The largest number of visits to dicts. A pickle may have one dict in many places, so this number is limited too.
const MAX_VISITS: usize = 4096;

/// Returns the entries of the dict at `key`. Without a key, it is the only dict with matrices. The state of an optimizer does not count.
pub(super) fn entries<'a>(
    machine: &Machine<'a>,
    value: Value<'a>,
    key: Option<&str>,
) -> Result<Vec<(String, Entry<'a>)>, Problem> {
    let Value::Dict(root) = value else { return Err(Problem::NoDict { found: kind(value) }) };
    let tree = Tree { machine };
    let candidates = tree.state_dicts(root);
    let dict = match (key, &candidates[..]) {
        (Some(key), _) => match tree.at(root, key) {
            Some(dict) => dict,
            None => return tree.under(&candidates, key),
        },
        (None, [(_, dict)]) => *dict,
        (None, [(name, dict), ..]) if name.is_empty() => *dict,
        (None, []) if tree.has_optimizers(root) => return Err(Problem::Optimizer),
        (None, []) => root,
        (None, _) => return Err(Problem::Keyless { names: choices(&candidates) }),
    };
    Ok(tree.entries(dict))
}

fn kind(value: Value<'_>) -> &'static str {
    match value {
        Value::List(_) => "a list",
        Value::Tuple(_) => "a tuple",
        Value::Tensor(_) => "a single tensor",
        Value::Text(_) => "a text",
        _ => "a value of another kind",
    }
}

/// Returns the names that `--key` can have: each candidate, and the dict that contains all of them.
fn choices(candidates: &[(String, usize)]) -> Vec<String> {
    let parent = |name: &str| name.rsplit_once('.').map(|(parent, _)| parent.to_owned());
    let first = candidates.first().and_then(|(name, _)| parent(name));
    let is_shared = candidates.iter().all(|(name, _)| parent(name) == first);
    let all = first.filter(|_| is_shared).map(|parent| format!("{parent} for all of them"));
    all.into_iter().chain(candidates.iter().map(|(name, _)| name.clone())).collect()
}

struct Tree<'m, 'a> {
    machine: &'m Machine<'a>,
}

impl<'a> Tree<'_, 'a> {
    fn has_matrix(&self, dict: usize) -> bool {
        self.machine.dicts[dict].iter().any(|(key, value)| match (key, value) {
            (Value::Text(_), Value::Tensor(index)) => {
                let tensor = &self.machine.tensors[*index];
                tensor.shape.len() == 2 && tensor.storage.kind.element.is_some()
            }
            _ => false,
        })
    }

    fn is_optimizers(&self, dict: usize) -> bool {
        self.machine.dicts[dict].iter().any(|(key, _)| matches!(key, Value::Text("param_groups")))
    }

    /// Returns true if a dict, or one directly in it, is an optimizer's state.
    fn has_optimizers(&self, dict: usize) -> bool {
        let is_own = |value: &Value<'_>| matches!(value, Value::Dict(inner) if self.is_optimizers(*inner));
        self.is_optimizers(dict) || self.machine.dicts[dict].iter().any(|(_, value)| is_own(value))
    }

    /// Returns the entries whose names begin with a key, from the only state dict that has any. The key may begin with the path to the dict.
    fn under(&self, candidates: &[(String, usize)], key: &str) -> Result<Vec<(String, Entry<'a>)>, Problem> {
        let mut found = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (way, dict) in candidates {
            let rest = key.strip_prefix(way.as_str()).and_then(|rest| rest.strip_prefix('.'));
            let rest = rest.filter(|_| !way.is_empty()).unwrap_or(key);
            let mut entries = self.entries(*dict);
            names.extend((!way.is_empty()).then(|| way.clone()));
            let prefixes = entries.iter().map(|(name, _)| joined(way, names::prefix(name)));
            names.extend(prefixes.map(|name| name.trim_end_matches('.').to_owned()).filter(|name| !name.is_empty()));
            names.dedup();
            entries.retain(|(name, _)| names::is_under(name, rest));
            if !entries.is_empty() {
                found.push((joined(way, rest), entries));
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some((_, entries)), true) => Ok(entries),
            (Some((last, _)), false) => {
                Err(Problem::Keyless { names: found.into_iter().map(|(way, _)| way).chain([last]).collect() })
            }
            (None, _) => Err(Problem::Key { key: key.into(), names }),
        }
    }

    /// Returns the dicts that have matrices as direct entries, with the path to each. Dicts inside such a dict belong to it.
    fn state_dicts(&self, root: usize) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), root, 0)];
        let mut visits = 0;
        while let Some((path, dict, depth)) = open.pop() {
            visits += 1;
            if self.is_optimizers(dict) || visits > MAX_VISITS {
                continue;
            }
            if self.has_matrix(dict) {
                found.push((path, dict));
            } else if depth < MAX_DEPTH {
                let inner = self.machine.dicts[dict].iter().rev().filter_map(|(key, value)| match (key, value) {
                    (Value::Text(key), Value::Dict(inner)) => Some((joined(&path, key), *inner, depth + 1)),
                    _ => None,
                });
                let room = MAX_VISITS.saturating_sub(visits + open.len());
                open.extend(inner.take(room));
            }
        }
        found
    }

    /// Returns the dict at a path. Names in the path may have dots themselves.
    fn at(&self, root: usize, key: &str) -> Option<usize> {
        if key.is_empty() {
            return None;
        }
        let (mut dict, mut rest) = (root, key);
        while !rest.is_empty() {
            let entries = self.machine.dicts[dict].iter().filter_map(|(key, value)| match (key, value) {
                (Value::Text(key), Value::Dict(inner)) => Some((rest.strip_prefix(key)?, *inner)),
                _ => None,
            });
            let mut next = entries.filter(|(after, _)| after.is_empty() || after.starts_with('.'));
            let (after, inner) = next.next()?;
            if after.len() == rest.len() {
                return None;
            }
            (dict, rest) = (inner, after.strip_prefix('.').unwrap_or(after));
        }
        Some(dict)
    }

    /// Returns a dict's entries. If it has no matrix as a direct entry, the entries of its dicts are included, with dots in their names.
    fn entries(&self, dict: usize) -> Vec<(String, Entry<'a>)> {
        let mut entries = Vec::new();
        let mut open = vec![(String::new(), dict, 0)];
        while let Some((path, dict, depth)) = open.pop() {
            let is_flat = self.has_matrix(dict) || depth == MAX_DEPTH;
            let mut inner = Vec::new();
            for (key, value) in &self.machine.dicts[dict] {
                let key = match key {
                    Value::Text(key) => joined(&path, key),
                    Value::Int(key) => joined(&path, &key.to_string()),
                    _ => joined(&path, "(no text)"),
                };
                match *value {
                    Value::Tensor(index) => entries.push((key, Entry::Tensor(self.machine.tensors[index].clone()))),
                    Value::Dict(next) if !is_flat => inner.push((key, next, depth + 1)),
                    Value::Dict(_) => entries.push((key, Entry::Other("a dict"))),
                    _ => entries.push((key, Entry::Other("no tensor"))),
                }
                if entries.len() + inner.len() + open.len() > MAX_VISITS {
                    return entries;
                }
            }
            open.extend(inner.into_iter().rev());
        }
        entries
    }
}

/// Returns the name of a dict's entry. It is cut if it is longer than any tensor's name may be, so that long names cannot use up memory.
fn joined(path: &str, key: &str) -> String {
    let cut = |name: &str| name.char_indices().nth(MAX_NAME).map_or(name.len(), |(end, _)| end);
    let key = &key[..cut(key)];
    let mut name = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    name.truncate(cut(&name));
    name
}
