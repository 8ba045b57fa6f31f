//! The recipes by which a GPU is compared with the CPU.

const BATCH_SIZES: [u32; 3] = [64, 100, 1024];
/// Changes of the quickstart's recipe, with their names.
const CHANGES: [(&str, [&str; 2]); 3] =
    [("SGD", ["--optimizer", "sgd"]), ("Adam", ["--optimizer", "adam"]), ("dropout", ["--dropout", "0.2"])];

/// Recipes' names and their options of `selvedge train`: each change at each batch size.
pub fn recipes(steps: u64) -> impl Iterator<Item = (String, Vec<String>)> {
    CHANGES.into_iter().flat_map(move |(name, change)| {
        BATCH_SIZES.into_iter().map(move |batch_size| {
            let sizes = [("--batch-size", batch_size.to_string()), ("--steps", steps.to_string())];
            let sizes = sizes.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
            let options = ["--recipe", "quickstart"].into_iter().chain(change).map(str::to_owned).chain(sizes);
            (format!("{name}, batch {batch_size}"), options.collect())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_at_every_batch_size() {
        let recipes: Vec<_> = recipes(7).collect();
        assert_eq!(recipes.len(), 9);
        let (name, options) = &recipes[4];
        assert_eq!(name, "Adam, batch 100");
        assert_eq!(options.join(" "), "--recipe quickstart --optimizer adam --batch-size 100 --steps 7");
    }
}
