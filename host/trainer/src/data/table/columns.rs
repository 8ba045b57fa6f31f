//! The meaning of a table's columns: features with names and units, the label, the group.

use std::collections::HashMap;

use options::commands::Source;
use selvedge::{architecture::MAX_WIDTH, shape::MAX_NAME, task::TaskKind};

use super::TableError;

/// The names that a column of classes may have, if none is chosen.
const LABELS: [&str; 3] = ["label", "class", "target"];
/// The name of a column of classes, if there is no column with another of these names.
const LABEL: &str = "y";
/// The unit of a feature without one.
pub const NO_UNIT: &str = "-";

/// A column's name and unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The cell of the first line.
    pub header: String,
    /// The name without the unit, as a file takes it.
    pub name: String,
    /// The unit, or [`NO_UNIT`].
    pub unit: String,
}

/// The columns that are read, by their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The places of the features, in their order.
    pub features: Vec<usize>,
    /// The places of the column of classes, or of the columns of labels or numbers. A table whose samples are only predicted needs none.
    pub labels: Vec<usize>,
    /// The place of the column of groups.
    pub group: Option<usize>,
    /// The number of rows of a window. It is 1 if a row is a sample.
    pub window: usize,
}

/// The samples that a network takes, if there is a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// True if there is a network.
    pub has_network: bool,
    /// The names of the network's features. Empty if they are not known.
    pub names: &'a [String],
    /// The names of the network's outputs. Empty if they are not known.
    pub outputs: &'a [String],
    /// The meaning of the targets.
    pub task: TaskKind,
    /// The column of the network's classes, if it is known. A table need not have it.
    pub label: Option<&'a str>,
    /// The column of the groups by which the network's training part was made. A table need not have it.
    pub group: Option<&'a str>,
}

/// Parses the cells of the first line into names and units.
pub fn parse(header: &[String]) -> Result<Vec<Column>, TableError> {
    if header.iter().all(|cell| cell.parse::<f64>().is_ok()) {
        return Err(TableError::NoHeader);
    }
    let mut columns: Vec<Column> = header
        .iter()
        .map(|cell| {
            let (name, unit) = parted(cell).unwrap_or((cell, NO_UNIT));
            Column { header: cell.clone(), name: as_name(name, MAX_NAME), unit: as_name(unit, MAX_NAME) }
        })
        .collect();
    // `acc (x)` and `acc (y)` are no units.
    let mut counts = HashMap::<String, usize>::new();
    columns.iter().for_each(|column| *counts.entry(column.name.clone()).or_default() += 1);
    for column in columns.iter_mut().filter(|column| counts[&column.name] > 1) {
        (column.name, column.unit) = (as_name(&column.header, MAX_NAME), NO_UNIT.into());
    }
    let mut places = HashMap::new();
    for (place, column) in columns.iter().enumerate().filter(|(_, column)| !column.header.is_empty()) {
        if let Some(first) = places.insert(&column.name, place + 1) {
            return Err(TableError::Twice { name: column.name.clone(), first, second: place + 1 });
        }
    }
    Ok(columns)
}

/// Divides a cell such as `ax (m/s²)` or `ax [g]` into name and unit. A number in brackets is not a unit.
fn parted(cell: &str) -> Option<(&str, &str)> {
    let [open, close] = [['(', ')'], ['[', ']']].into_iter().find(|[_, close]| cell.ends_with(*close))?;
    let (name, unit) = cell.strip_suffix(close)?.rsplit_once(open)?;
    let (name, unit) = (name.trim(), unit.trim());
    (!name.is_empty() && !unit.is_empty() && unit.parse::<f64>().is_err()).then_some((name, unit))
}

/// Returns a text as a name for a file: without control characters, and not too long.
fn as_name(text: &str, longest: usize) -> String {
    const MORE: char = '…';
    let text = text.replace(char::is_control, "\u{fffd}");
    if text.len() <= longest {
        return text;
    }
    let mut end = longest - MORE.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MORE}", &text[..end])
}

/// Returns the name of a feature of a window: the column's name, and the row in brackets.
pub fn in_window(name: &str, row: usize) -> String {
    let suffix = format!("[{row}]");
    as_name(name, MAX_NAME - suffix.len()) + &suffix
}

/// Finds the meaning of each column, by the options or else by the columns' names.
///
/// # Errors
///
/// [`TableError`] for a name that no column has, and a label that is not clear.
pub fn roles(columns: &[Column], options: &Source, wanted: Wanted<'_>) -> Result<Roles, TableError> {
    let labels = labels(columns, options, wanted)?;
    let group = options.group.as_ref().map(|name| find(columns, "--group", name)).transpose()?;
    let group = group.or_else(|| find(columns, "the network", wanted.group?).ok());
    if let Some(group) = group.filter(|group| labels.contains(group)) {
        return Err(role_error(columns, group, "the label and the group"));
    }
    let window = options.window.map(|window| window as usize);
    let others: Vec<usize> = labels.iter().copied().chain(group).collect();
    let (features, window) = features(columns, &options.features, wanted, window, &others)?;
    if let Some(&label) = labels.iter().find(|label| features.contains(label)) {
        return Err(role_error(columns, label, "the label and a feature"));
    }
    if let Some(group) = group.filter(|group| features.contains(group)) {
        return Err(role_error(columns, group, "the group and a feature"));
    }
    check_width(features, labels, group, window)
}

/// Returns the columns of the targets: those that are named, or those of a network's labels or numbers, or else the one with the name of a
/// label.
fn labels(columns: &[Column], options: &Source, wanted: Wanted<'_>) -> Result<Vec<usize>, TableError> {
    let is_one_class = wanted.task == TaskKind::Classification;
    let (names, whose) = match &options.label[..] {
        [] if is_one_class || wanted.outputs.is_empty() => {
            let known = wanted.label.and_then(|name| find(columns, "the network", name).ok());
            return Ok(vec![known.map_or_else(|| default_label(columns), Ok)?]);
        }
        [] => (wanted.outputs, "the network"),
        [_, _, ..] if is_one_class => return Err(TableError::SeveralClasses { count: options.label.len() }),
        names => (names, "--label"),
    };
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let place = find(columns, whose, name)?;
        if places.contains(&place) {
            return Err(TableError::NamedTwice { name: columns[place].name.clone(), by: whose });
        }
        places.push(place);
    }
    Ok(places)
}

/// Returns the columns of a table whose samples are only classified. A column of labels is ignored.
///
/// # Errors
///
/// [`TableError`] for a column that the network takes and the table does not have.
pub fn roles_to_classify(columns: &[Column], wanted: Wanted<'_>) -> Result<Roles, TableError> {
    let labels: Vec<usize> = default_label(columns).into_iter().collect();
    let (features, window) = features(columns, &[], wanted, None, &labels)?;
    check_width(features, Vec::new(), None, window)
}

fn check_width(
    features: Vec<usize>,
    labels: Vec<usize>,
    group: Option<usize>,
    window: usize,
) -> Result<Roles, TableError> {
    let count = features.len() as u64 * window as u64;
    match count {
        0 => Err(TableError::NoFeatures),
        _ if count > MAX_WIDTH as u64 => Err(TableError::TooManyFeatures { features: count }),
        _ => Ok(Roles { features, labels, group, window }),
    }
}

/// Returns the features that are named, or those that a network takes, or else all others. Also returns the number of rows of a window.
fn features(
    columns: &[Column],
    named: &[String],
    wanted: Wanted<'_>,
    window: Option<usize>,
    others: &[usize],
) -> Result<(Vec<usize>, usize), TableError> {
    if !named.is_empty() {
        let mut features = Vec::with_capacity(named.len());
        for name in named {
            let place = find(columns, "--features", name)?;
            if features.contains(&place) {
                return Err(TableError::NamedTwice { name: columns[place].name.clone(), by: "--features" });
            }
            features.push(place);
        }
        return Ok((features, window.unwrap_or(1)));
    }
    if !wanted.names.is_empty() {
        return network_features(columns, wanted.names, window);
    }
    let is_free = |place: &usize| !columns[*place].header.is_empty() && !others.contains(place);
    Ok(((0..columns.len()).filter(is_free).collect(), window.unwrap_or(1)))
}

/// Returns the columns with the names of a network's inputs. The names are those of a row, or those of a window's rows: `ax[0]`, `ay[0]`,
/// `ax[1]`, ….
fn network_features(
    columns: &[Column],
    names: &[String],
    window: Option<usize>,
) -> Result<(Vec<usize>, usize), TableError> {
    let places: HashMap<_, _> =
        columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
    let place = |name: &str| places.get(name).copied().ok_or_else(|| no_column(columns, "the network", name));
    let (bases, rows) = match window {
        Some(1) | None if places.contains_key(names[0].as_str()) => (names.to_vec(), 1),
        _ => windowed(names).unwrap_or_else(|| (names.to_vec(), 1)),
    };
    let features = bases.iter().map(|name| place(name)).collect::<Result<_, _>>()?;
    Ok((features, window.unwrap_or(rows)))
}

/// Returns the columns and the number of rows of a window whose features have these names, or `None` if no window has them.
pub fn windowed(names: &[String]) -> Option<(Vec<String>, usize)> {
    let first = names.iter().take_while(|name| name.ends_with("[0]"));
    let bases: Vec<String> = first.map(|name| name[..name.len() - "[0]".len()].into()).collect();
    let rows = names.len().checked_div(bases.len())?;
    let expected = (0..rows).flat_map(|row| bases.iter().map(move |name| in_window(name, row)));
    (rows * bases.len() == names.len() && expected.eq(names.iter().cloned())).then_some((bases, rows))
}

/// Finds a column by its name, with or without the unit.
pub fn find(columns: &[Column], option: &'static str, name: &str) -> Result<usize, TableError> {
    let name = name.trim();
    let place = columns.iter().position(|column| column.header == name && !name.is_empty());
    let place = place.or_else(|| columns.iter().position(|column| column.name == name && !name.is_empty()));
    place.ok_or_else(|| no_column(columns, option, name))
}

fn no_column(columns: &[Column], option: &'static str, name: &str) -> TableError {
    let distance = |column: &&Column| strsim::damerau_levenshtein(&column.name, name);
    let nearest = columns.iter().filter(|column| !column.header.is_empty()).min_by_key(distance);
    let nearest = nearest.filter(|column| distance(column) <= name.chars().count().div_ceil(3));
    let hint = match nearest {
        Some(column) => format!("did you mean {}?", column.name),
        None => format!("there are {}", list(columns)),
    };
    TableError::NoColumn { option, name: name.into(), hint }
}

fn role_error(columns: &[Column], place: usize, roles: &'static str) -> TableError {
    TableError::Roles { name: columns[place].name.clone(), roles }
}

/// Returns the only column that has the name of a label.
fn default_label(columns: &[Column]) -> Result<usize, TableError> {
    let named = |names: &[&str]| -> Vec<usize> {
        let is_one = |column: &Column| names.iter().any(|name| column.name.eq_ignore_ascii_case(name));
        (0..columns.len()).filter(|&place| is_one(&columns[place])).collect()
    };
    let mut found = named(&LABELS);
    // Beside a column z, y is an axis.
    if found.is_empty() && named(&["z"]).is_empty() {
        found = named(&[LABEL]);
    }
    match found[..] {
        [label] => Ok(label),
        [] => Err(TableError::NoLabel { columns: list(columns) }),
        _ => {
            let found: Vec<_> = found.iter().map(|&place| columns[place].name.as_str()).collect();
            Err(TableError::SeveralLabels { found: found.join(" and "), columns: list(columns) })
        }
    }
}

/// Returns the names of the first columns.
fn list(columns: &[Column]) -> String {
    const SHOWN: usize = 20;
    let names = columns.iter().filter(|column| !column.header.is_empty()).map(|column| column.name.as_str());
    let shown = names.clone().take(SHOWN).collect::<Vec<_>>().join(", ");
    match names.count() {
        count if count > SHOWN => format!("{shown} and {} more", count - SHOWN),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &str) -> Result<Vec<Column>, TableError> {
        parse(&header.split(',').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
    }

    fn names(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).into()).collect()
    }

    #[test]
    fn a_header_gives_names_and_units() {
        let found = columns("ax (m/s²), ay [g] ,t[0],a(b)c,label").unwrap();
        let parted: Vec<_> = found.iter().map(|column| (column.name.as_str(), column.unit.as_str())).collect();
        assert_eq!(parted, [("ax", "m/s²"), ("ay", "g"), ("t[0]", "-"), ("a(b)c", "-"), ("label", "-")]);
        let found = columns("acc (x),acc (y),g (x)").unwrap();
        assert_eq!(found[0].name, "acc (x)");
        assert_eq!((found[2].name.as_str(), found[2].unit.as_str()), ("g", "x"));
        let long = columns(&format!("{},b\u{7}", "ä".repeat(200))).unwrap();
        assert_eq!((long[0].name.len(), long[1].name.as_str()), (99, "b\u{fffd}"));
        assert_eq!(in_window(&long[0].name, 12).len(), 99);
        let error = |header| columns(header).unwrap_err().to_string();
        assert_eq!(error("a,b,a"), "line 1: columns 1 and 3 have the same name \"a\"; rename one");
        assert!(error("0.5,1,2").starts_with("line 1 has numbers alone"));
        // Two that nobody named are left out.
        assert!(columns(",a,").is_ok());
    }

    #[test]
    fn columns_have_their_roles() {
        let columns = columns(",ax (g),ay (g),who,Label").unwrap();
        let roles = |options: Source| roles(&columns, &options, Wanted::default()).map_err(|error| error.to_string());
        let all = Roles { features: vec![1, 2, 3], labels: vec![4], group: None, window: 1 };
        assert_eq!(roles(Source::default()), Ok(all.clone()));
        let options = Source { group: Some("who".into()), window: Some(4), ..Source::default() };
        assert_eq!(roles(options), Ok(Roles { features: vec![1, 2], group: Some(3), window: 4, ..all.clone() }));
        let options = Source { features: names(&["ay", "ax (g)"]), label: names(&["who"]), ..Source::default() };
        assert_eq!(roles(options), Ok(Roles { features: vec![2, 1], labels: vec![3], ..all }));
        let label = |name: &str| Source { label: names(&[name]), ..Source::default() };
        let features = |list: &[&str]| Source { features: names(list), ..Source::default() };
        for (options, expected) in [
            (label("Lable"), "--label: there is no column \"Lable\"; did you mean Label?"),
            (label("kind of thing"), "--label: there is no column \"kind of thing\"; there are ax, ay, who, Label"),
            (features(&["ax", "az"]), "--features: there is no column \"az\"; did you mean ax?"),
            (features(&["ax", "ax (g)"]), "the column \"ax\" is named twice by --features; name it once"),
            (features(&["Label"]), "the column \"Label\" is the label and a feature; it can be one of them"),
            (
                Source { group: Some("label".into()), ..Source::default() },
                "--group: there is no column \"label\"; did you mean Label?",
            ),
            (
                Source { window: Some(60_000), ..Source::default() },
                "a sample has 180000 features, and a network takes at most 65536; take fewer columns by --features, or a smaller --window",
            ),
        ] {
            assert_eq!(roles(options), Err(expected.into()));
        }
    }

    #[test]
    fn targets_have_columns_of_their_own() {
        let columns = columns("a,room (°C),noise,walks,talks").unwrap();
        let labels = |task, given: &[&str], outputs: &[&str]| {
            let (outputs, options) = (names(outputs), Source { label: names(given), ..Source::default() });
            let wanted = Wanted { outputs: &outputs, task, ..Wanted::default() };
            roles(&columns, &options, wanted)
                .map(|roles| (roles.labels, roles.features))
                .map_err(|error| error.to_string())
        };
        assert_eq!(labels(TaskKind::Regression, &["room"], &[]), Ok((vec![1], vec![0, 2, 3, 4])));
        assert_eq!(labels(TaskKind::MultiLabel, &["talks", "walks"], &[]), Ok((vec![4, 3], vec![0, 1, 2])));
        assert_eq!(labels(TaskKind::MultiLabel, &[], &["talks", "walks"]), Ok((vec![4, 3], vec![0, 1, 2])));
        assert_eq!(labels(TaskKind::MultiLabel, &["noise"], &["talks"]), Ok((vec![2], vec![0, 1, 3, 4])));
        let error = labels(TaskKind::Classification, &["talks", "walks"], &[]).unwrap_err();
        assert_eq!(
            error,
            "--label names 2 columns, and a class stands in one; --task multi-label or regression takes several"
        );
        let error = labels(TaskKind::Regression, &["room", "room (°C)"], &[]).unwrap_err();
        assert_eq!(error, "the column \"room\" is named twice by --label; name it once");
        let error = labels(TaskKind::Regression, &[], &["heat"]).unwrap_err();
        assert!(error.starts_with("the network: there is no column \"heat\""), "{error}");
    }

    #[test]
    fn the_label_is_found_where_it_is_clear() {
        let label = |header| default_label(&columns(header).unwrap()).map_err(|error| error.to_string());
        assert_eq!(label("a,Class"), Ok(1));
        assert_eq!(label("x,y"), Ok(1));
        assert_eq!(label("x,y,z,label"), Ok(3));
        assert!(label("x,y,z").unwrap_err().ends_with("name the column of the classes by --label; there are x, y, z"));
        assert_eq!(
            label("label,target,a"),
            Err("label and target may be the label; choose by --label; there are label, target, a".into())
        );
    }

    #[test]
    fn a_networks_names_choose_columns_and_window() {
        let columns = columns("label,ay (g),t,ax (g)").unwrap();
        let features = |wanted: &[&str], window| {
            let names = names(wanted);
            let options = Source { window, ..Source::default() };
            let roles = roles(&columns, &options, Wanted { has_network: true, names: &names, ..Wanted::default() });
            roles.map(|roles| (roles.features, roles.window)).map_err(|error| error.to_string())
        };
        assert_eq!(features(&["ax", "ay"], None), Ok((vec![3, 1], 1)));
        assert_eq!(features(&["ax[0]", "ay[0]", "ax[1]", "ay[1]"], None), Ok((vec![3, 1], 2)));
        assert_eq!(features(&["ax[0]", "ay[0]", "ax[1]", "ay[1]"], Some(2)), Ok((vec![3, 1], 2)));
        assert_eq!(
            features(&["ax", "az"], None),
            Err("the network: there is no column \"az\"; did you mean ay?".into())
        );
        assert!(features(&["bx[0]", "bx[2]"], None).is_err());
    }
}
