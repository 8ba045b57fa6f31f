use std::{io, ops::Range, path::Path};

use toml::de::DeTable;

use super::{RecipeError, RecipeOptions};

/// The names of the built-in recipes, and the texts of their files.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("quickstart", include_str!("../../recipes/quickstart.toml")),
    ("fast", include_str!("../../recipes/fast.toml")),
    ("best", include_str!("../../recipes/best.toml")),
    ("fine-tune", include_str!("../../recipes/fine-tune.toml")),
];

/// The largest size of a recipe file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The default recipe, a built-in one.
pub const DEFAULT: &str = "fast";

/// The default recipe of fine-tuning, a built-in one.
pub const FINE_TUNING: &str = "fine-tune";

impl RecipeOptions {
    /// Reads a recipe: a built-in recipe by its name, or else a file.
    ///
    /// # Errors
    ///
    /// [`RecipeError`] if there is neither, or if the file is not a valid recipe.
    pub fn find(name: &Path) -> Result<Self, RecipeError> {
        Self::parse(&Self::text(name)?, name)
    }

    /// Returns the text of a built-in recipe, or else of a recipe file.
    ///
    /// # Errors
    ///
    /// [`RecipeError`] if there is neither, or if the file is not text.
    pub fn text(name: &Path) -> Result<String, RecipeError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| name == Path::new(built_in)) {
            return Ok((*text).into());
        }
        match files::read(name, MAX_BYTES) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| RecipeError::NoText(name.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let built_in = BUILT_IN.map(|(name, _)| name).join(", ");
                Err(RecipeError::Unknown { name: name.into(), built_in })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Parses TOML. An error names `path`.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Parse`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, RecipeError> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or("at the end".into(), |span| place(text, span.start));
            RecipeError::Parse {
                path: path.into(),
                place,
                message: plain(&error.message().replace('\n', ", "), line_around(text, error.span())),
            }
        })
    }

    /// Returns the options that have a value, by their names on the command line.
    pub fn names(&self) -> Vec<String> {
        let text = self.to_toml();
        let (table, _) = DeTable::parse_recoverable(&text);
        let mut keys: Vec<_> = table.get_ref().keys().map(|key| (key.span().start, key.get_ref().clone())).collect();
        keys.sort();
        let option = |key: &str| if key == "shuffle" { "--no-shuffle".into() } else { format!("--{key}") };
        keys.iter().map(|(_, key)| option(key)).collect()
    }

    /// Returns the recipe as TOML, which [`parse`](Self::parse) reads.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers, truths, texts and arrays of numbers are TOML")
    }
}

/// Returns the parts before and after an error in its line.
fn line_around(text: &str, span: Option<Range<usize>>) -> [&str; 2] {
    let parts = span.and_then(|span| text.split_at_checked(span.start)).unwrap_or_default();
    [parts.0.rsplit('\n').next(), parts.1.lines().next()].map(|part| part.unwrap_or_default().trim())
}

/// Returns the names in backticks.
fn names(list: &str) -> Vec<&str> {
    list.split('`').skip(1).step_by(2).collect()
}

/// Returns the parser's message in a recipe's words. `line` is the line with the error.
fn plain(message: &str, [before, rest]: [&str; 2]) -> String {
    if let Some(names) = message.strip_prefix("unknown variant ").map(names)
        && let [unknown, known @ ..] = &*names
    {
        let key = if known.contains(&"sgd") { "optimizer" } else { "standardize" };
        return format!("there is no {key} {unknown}; there are {}", known.join(", "));
    }
    if let Some(names) = message.strip_prefix("unknown field ").map(names)
        && let [unknown, known @ ..] = &*names
    {
        let near = |known: &&&str| strsim::damerau_levenshtein(unknown, known);
        let nearest = known.iter().min_by_key(near).filter(|known| near(known) <= 3);
        let hint =
            nearest.map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean {near}?"));
        return format!("there is no key {unknown}; {hint}");
    }
    if message.starts_with("string values must be quoted") {
        return if rest.is_empty() || rest.starts_with('#') {
            format!("{} has no value", before.trim_end_matches('=').trim())
        } else {
            "must be a number, true or false, or a text in quotes".into()
        };
    }
    if let Some(length) = message.strip_prefix("invalid length ").and_then(|rest| rest.split(',').next()) {
        let length = if length == "1" { "one" } else { length };
        return format!("must be two numbers in brackets, not {length}");
    }
    if message == "wanted string or table" {
        return "must be a text".into();
    }
    let Some((found, wanted)) = message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    else {
        return message.into();
    };
    let wanted = match wanted {
        "a string" => "a text",
        "a map" => "a table",
        "a boolean" => "true or false",
        "a sequence" | "an array of length 2" | "tuple struct Betas" => "two numbers in brackets",
        other => other,
    };
    let without_ticks = |text: &str| text.trim_matches('`').to_owned();
    let found = match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer", number)) => format!("the number {}", without_ticks(number)),
        Some(("floating", number)) => format!("the number {}", without_ticks(number.trim_start_matches("point "))),
        Some(("boolean", truth)) => without_ticks(truth),
        _ if found == "sequence" => "an array".into(),
        _ if found == "map" => "a table".into(),
        _ => found.into(),
    };
    format!("must be {wanted}, not {found}")
}

/// Returns the line of a byte, and the key that it belongs to.
fn place(text: &str, byte: usize) -> String {
    let line = 1 + text.bytes().take(byte).filter(|&byte| byte == b'\n').count();
    // What can be read of a text that is no TOML: its other keys.
    let (table, _) = DeTable::parse_recoverable(text);
    let mut keys = table.get_ref().iter();
    match keys.find(|(key, value)| (key.span().start..value.span().end).contains(&byte)) {
        Some((key, _)) => format!("line {line}, {}", key.get_ref()),
        None => format!("line {line}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Debug, fs, str::FromStr};

    use clap::ValueEnum;
    use proptest::{option, prelude::*};

    use super::*;
    use crate::optimizer::OptimizerName;

    #[test]
    fn the_built_in_recipes_are_described_and_make_sense() {
        for (name, _) in BUILT_IN {
            let recipe = RecipeOptions::find(name.as_ref()).unwrap();
            assert!(recipe.description.as_ref().is_some_and(|text| !text.is_empty()), "{name}");
            recipe.resolve().unwrap();
        }
        for default in [DEFAULT, FINE_TUNING] {
            assert!(BUILT_IN.iter().any(|(name, _)| *name == default), "{default}");
        }
    }

    #[test]
    fn an_error_names_file_line_and_key() {
        for (text, expected) in [
            (
                "lr = 1\n\nmomentum = 'high'",
                "line 3, momentum: must be a number from 0 to below 1, not the text \"high\"",
            ),
            ("momentum = 2", "line 1, momentum: must be a number from 0 to below 1"),
            ("\nmomentun = 0.9", "line 2, momentun: there is no key momentun; did you mean momentum?"),
            (
                "speed_of_learning = 0.9",
                "line 1, speed_of_learning: there is no key speed_of_learning; there are description, search, epochs, ",
            ),
            ("optimizer = sgd", "line 1, optimizer: must be a number, true or false, or a text in quotes"),
            ("epochs =\nlr = 1", "line 1: epochs has no value"),
            ("epochs = 0", "line 1, epochs: must be a whole number from 1 to 4294967295"),
            ("epochs = -1", "line 1, epochs: must be a whole number from 1"),
            (
                "epochs = 1.5",
                "line 1, epochs: must be a whole number from 1 to 4294967295, or auto, not the number 1.5",
            ),
            ("optimizer = 'none'", "line 1, optimizer: there is no optimizer none; there are sgd, adam, "),
            ("seed = 1\nbetas = [\n 0.9,\n 2,\n]", "line 4, betas: must be a number from 0 to below 1"),
            ("betas = [0.9]", "line 1, betas: must be two numbers in brackets, not one"),
            ("schedule = 'linear'", "line 1, schedule: there is no schedule 'linear'"),
            ("schedule = 1", "line 1, schedule: must be a text, not the number 1"),
            ("augment = 'flop'", "line 1, augment: augmentation has no 'flop'"),
            ("val-split = 1.5", "line 1, val-split: must be a part"),
            (
                "epochs = '3'",
                "line 1, epochs: must be a whole number from 1 to 4294967295, or auto, not the text \"3\"",
            ),
            ("seed = [1]", "line 1, seed: must be a whole number from 0 to 18446744073709551615, not an array"),
            ("lr = true", "line 1, lr: must be a number from 0, not true"),
            (
                "val-split = 'half'",
                "line 1, val-split: must be a part of the samples from 0 to below 1, or a whole number of them, not the",
            ),
            ("betas = 0.9", "line 1, betas: must be two numbers in brackets, not the number 0.9"),
            ("betas = ['a', 'b']", "line 1, betas: must be a number from 0 to below 1, not the text \"a\""),
            ("optimizer = 1", "line 1, optimizer: must be a text"),
            ("augment = false", "line 1, augment: must be a text, not false"),
            ("description = 1", "line 1, description: must be a text, not the number 1"),
            ("warmup = 1979-05-27", "line 1, warmup: must be a number from 0, not a"),
            ("ema = 1", "line 1, ema: must be a number from 0 to below 1"),
            ("dropout = nan", "line 1, dropout: must be"),
            ("shuffle = 'no'", "line 1, shuffle: must be true or false, not the text \"no\""),
            ("[optimizer]\nname = 'sgd'", "line 2: there is no optimizer name; "),
            ("lr = 1\nlr = 2", "line 2"),
            ("lr = 1\nepochs 3", "line 2"),
            ("lr =", "line 1"),
            ("é = 'ü\n", "line 1"),
        ] {
            let error = RecipeOptions::parse(text, "my.toml".as_ref()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("my.toml, {expected}")), "{text:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn a_name_is_a_built_in_recipe_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        fs::write(&path, "epochs = 3").unwrap();
        assert_eq!(RecipeOptions::find(&path).unwrap().to_toml(), "epochs = 3\n");
        let error = RecipeOptions::find("none.toml".as_ref()).unwrap_err().to_string();
        assert_eq!(error, "none.toml: neither a built-in recipe (quickstart, fast, best, fine-tune) nor a file");
        let error = RecipeOptions::find(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read {}: ", folder.path().display())), "{error}");
        fs::write(&path, b"\xff").unwrap();
        assert!(RecipeOptions::find(&path).unwrap_err().to_string().contains("mine.toml"));
    }

    /// Values that an option accepts.
    fn value<T: FromStr<Err: Debug> + Debug>(
        texts: impl Strategy<Value = String> + 'static,
    ) -> BoxedStrategy<Option<T>> {
        option::of(texts.prop_map(|text| text.parse().unwrap())).boxed()
    }

    fn whole() -> impl Strategy<Value = String> {
        prop_oneof![Just(u32::MAX), 1u32..1000].prop_map(|n| n.to_string())
    }

    fn large() -> impl Strategy<Value = String> {
        prop_oneof![Just(u64::MAX), 1u64..].prop_map(|n| n.to_string())
    }

    fn real() -> impl Strategy<Value = String> {
        prop_oneof![Just(0.0), 0.0..1e-30, 0.0..3e38f64].prop_map(|x| x.to_string())
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![Just(0.0), 0.0..1e-30, 0.0..0.999f64].prop_map(|x| x.to_string())
    }

    fn schedules() -> impl Strategy<Value = String> {
        (part(), real()).prop_flat_map(|(part, real)| {
            prop_oneof![
                Just("constant".into()),
                Just(format!("step,epochs=1.5,gamma={real}")),
                Just(format!("cosine,final={part}")),
                Just(format!("one-cycle,pct-start={part},div=3,final-div=1e20")),
            ]
        })
    }

    fn augmentations() -> impl Strategy<Value = String> {
        let text = |(flip, shift, erase)| format!("{}shift={shift},erase={erase}", if flip { "flip," } else { "" });
        (any::<bool>(), 0..=28, 0..=28).prop_map(text)
    }

    prop_compose! {
        fn of_the_run()(
            description in option::of(".*"), epochs in value(whole()), steps in value(large()), batch_size in value(whole()),
            accumulate in value(whole()), seed in value(large()), shuffle in option::of(any::<bool>()),
            schedule in value(schedules()), warmup in value(real()), dropout in value(part()), label_smoothing in value(part()),
        ) -> RecipeOptions {
            RecipeOptions {
                description, epochs, steps, batch_size, accumulate, seed, shuffle, schedule, warmup, dropout, label_smoothing,
                ..RecipeOptions::default()
            }
        }
    }

    prop_compose! {
        fn recipes()(
            run in of_the_run(), augment in value(augmentations()), ema in value(part()),
            val_split in value(prop_oneof![part(), whole()]), early_stop in value(whole()),
        )(
            optimizer in option::of(prop::sample::select(OptimizerName::value_variants())),
            lr in value(real()), momentum in value(part()), nesterov in option::of(any::<bool>()), weight_decay in value(real()),
            betas in value((part(), part()).prop_map(|(first, second)| format!("{first},{second}"))), eps in value(real()),
            alpha in value(part()), clip in value(real()),
            rest in Just(RecipeOptions { augment, ema, val_split, early_stop, ..run }),
        ) -> RecipeOptions {
            RecipeOptions { optimizer, lr, momentum, nesterov, weight_decay, betas, eps, alpha, clip, ..rest }
        }
    }

    proptest! {
        #[test]
        fn a_recipe_written_is_the_recipe_read(recipe in recipes(), other in recipes()) {
            for recipe in [recipe.clone(), recipe.overridden_by(other)] {
                let text = recipe.to_toml();
                prop_assert_eq!(RecipeOptions::parse(&text, "test".as_ref()).map_err(|error| error.to_string()), Ok(recipe), "{}", text);
            }
        }
    }
}
