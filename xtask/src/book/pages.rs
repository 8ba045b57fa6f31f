//! Compares the pages with the project: each command parses, each message is in the code, each figure of a board is a measured one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use serde::Deserialize;

use crate::{Cli, workspace::grouped};

/// Finds the files with this ending in a folder and below it.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_built = path.ends_with("target") || path.ends_with(".git");
        if path.is_dir() && !is_built {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(launch::root().join(path)).unwrap()
}

/// Returns the commands of a page as words: the lines of its blocks `sh`, and those of its blocks `console` behind `$`.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (opening, prompt) in [("```sh\n", ""), ("```console\n", "$ ")] {
        for (block, _) in page.split(opening).skip(1).filter_map(|rest| rest.split_once("\n```")) {
            let mut variables = Vec::new();
            for line in block.replace("\\\n", " ").lines().filter_map(|line| line.strip_prefix(prompt)) {
                let words = shlex::split(line).unwrap_or_else(|| panic!("no shell reads {line}"));
                match &words[..] {
                    // A variable has its value in the block's later lines.
                    [word] if word.contains('=') => variables.extend(word.split_once('=').map(owned)),
                    _ => found.push(words.into_iter().map(|word| replaced(word, &variables)).collect()),
                }
            }
        }
    }
    found
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (format!("${name}"), value.to_owned())
}

fn replaced(word: String, variables: &[(String, String)]) -> String {
    variables.iter().find(|(name, _)| *name == word).map_or(word, |(_, value)| value.clone())
}

/// Returns the words after `cargo xtask` or `selvedge` in a command, if it has one of them.
fn arguments(command: &[String]) -> Option<&[String]> {
    let programs: [&[&str]; 2] = [&["cargo", "xtask"], &["selvedge"]];
    // It may stand behind `VARIABLE=value`, `/usr/bin/time -v` or `cd FOLDER &&`, and before `|`, `>` or `&&`.
    let start = programs.iter().find_map(|program| {
        Some(command.windows(program.len()).position(|words| words == *program)? + program.len())
    })?;
    let rest = &command[start..];
    let end = rest.iter().position(|word| ["|", ">", "&&"].contains(&word.as_str())).unwrap_or(rest.len());
    // `--rename selvedge` ends a command of cargo's own.
    Some(&rest[..end]).filter(|words| !words.is_empty())
}

#[test]
fn every_command_of_every_page_is_one_that_the_programs_take() {
    let mut pages = Vec::new();
    files(launch::root(), "md", &mut pages);
    let mut count = 0;
    for page in pages {
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            let Some(arguments) = arguments(&command) else { continue };
            let words = ["xtask"].into_iter().chain(arguments.iter().map(String::as_str));
            if let Err(error) = Cli::try_parse_from(words) {
                // A help text is no error. A page may name an engine of other processors.
                let is_right = !error.use_stderr() || error.to_string().contains("this processor does not have it");
                assert!(is_right, "{}: {}\n{error}", page.display(), command.join(" "));
            }
            count += 1;
        }
    }
    assert!(count > 100, "only {count} commands were found");
}

#[test]
fn a_pages_commands_are_found() {
    let page = "```sh\nL='1 => 2'   # layers\nA=1 selvedge x --layers \"$L\" \\\n  --y > z\n```\n\
                ```console\n$ cd a && cargo xtask b # c\nprinted\n$ cargo add --rename selvedge\n```\n";
    let found = commands(page);
    let found: Vec<_> = found.iter().map(|command| arguments(command).map(|words| words.join(","))).collect();
    assert_eq!(found, [Some("x,--layers,1 => 2,--y".to_owned()), Some("b".to_owned()), None]);
}

#[test]
fn every_command_has_its_row() {
    let page = text("docs/commands.md");
    let command = <Cli as clap::CommandFactory>::command();
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        assert!(page.contains(&format!("| `cargo xtask {name}")), "docs/commands.md has no row for {name}");
    }
}

/// Returns the code in the first cell of a row, which begins after the first backtick. Code that has backticks stands between two of them each.
fn first_cell(row: &str) -> Vec<&str> {
    let cell = row.split(" |").next().unwrap_or_default();
    match cell.strip_prefix('`') {
        Some(doubled) => doubled.split("``").step_by(2).map(str::trim).collect(),
        None => cell.split('`').step_by(2).collect(),
    }
}

#[test]
fn the_code_of_a_cell_is_found() {
    assert_eq!(first_cell("a is …`, or `b` | cure `c` |"), ["a is …", "b"]);
    assert_eq!(first_cell("`… is not installed: `setup` gets it`` | cure |"), ["… is not installed: `setup` gets it"]);
}

#[test]
fn every_message_of_troubleshooting_is_in_the_code() {
    let mut sources = Vec::new();
    for folder in ["core/src", "cuda", "host", "firmware", "xtask/src"] {
        files(&launch::root().join(folder), "rs", &mut sources);
    }
    let sources: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    // A long text goes on in the next line of the code.
    let lines: Vec<_> = sources.lines().map(str::trim).collect();
    let sources = lines.join("\n").replace("\\\n", "");
    let page = text("docs/troubleshooting.md");
    let messages: Vec<_> = page.lines().filter_map(|row| row.strip_prefix("| `")).flat_map(first_cell).collect();
    assert!(messages.len() > 30 && messages.iter().all(|message| !message.is_empty()), "{messages:?}");
    for message in messages {
        for part in message.split('…').map(str::trim) {
            assert!(sources.contains(part), "docs/troubleshooting.md: no message has {part:?} of {message:?}");
        }
    }
}

/// A row of docs/bench-device.json.
#[derive(Deserialize)]
struct Row {
    board: String,
    model: String,
    format: String,
    instructions: u64,
    cycles_estimate: Option<u64>,
    code_bytes: u64,
    weight_bytes: u64,
    static_ram_bytes: u64,
    stack_bytes: u64,
}

#[test]
fn what_fits_where_is_what_was_measured() {
    const BOARDS: [&str; 4] = ["microbit", "mps2-an386", "mps2-an505", "riscv32-virt"];
    let rows: Vec<Row> = serde_json::from_str(&text("docs/bench-device.json")).unwrap();
    let page = text("docs/fits.md");
    let figures: [fn(&Row) -> u64; 2] =
        [|row| row.code_bytes + row.weight_bytes, |row| row.static_ram_bytes + row.stack_bytes];
    for figure in figures {
        for (model, layers) in [("quickstart", "784-512-512-10"), ("small", "784-128-10"), ("tiny", "784-16-10")] {
            for format in ["f32", "f16", "int8", "int4"] {
                let cells = BOARDS.map(|board| {
                    let of = |row: &&Row| (&row.board[..], &row.model[..], &row.format[..]) == (board, model, format);
                    rows.iter().find(of).map_or("–".into(), |row| grouped(figure(row)))
                });
                let line = format!("| {layers} | {format} | {} |", cells.join(" | "));
                assert!(page.contains(&line), "docs/fits.md lacks: {line}");
            }
        }
    }
}

/// README's three figures are those of the pages that say how they were measured.
#[test]
fn readmes_figures_are_those_of_the_pages() {
    let readme = text("README.md");
    let figures = readme.split_once("## Three figures").expect("the section").1.split_once("\n## ").expect("an end").0;
    let of = |what: &str| {
        let line = figures.lines().find(|line| line.starts_with(&format!("| {what}")));
        line.unwrap_or_else(|| panic!("README has no figure of {what}")).split('|').nth(2).expect("a figure").trim()
    };
    let accuracy = of("test accuracy").split(',').next().unwrap();
    assert!(text("docs/recipes.md").contains(&format!("mean {accuracy} |")), "{accuracy}");
    let page = text("docs/bench-cpu.md");
    let ratios: Vec<_> =
        of("an epoch").split(" times as fast").filter_map(|part| part.split(' ').next_back()).collect();
    assert!(ratios.len() > 2, "{ratios:?}");
    for ratio in ratios.iter().filter(|ratio| !ratio.is_empty()) {
        assert!(page.contains(&format!("| {ratio} (")), "docs/bench-cpu.md has no ratio {ratio}");
    }
    let rows: Vec<Row> = serde_json::from_str(&text("docs/bench-device.json")).unwrap();
    let row = |row: &&Row| (&row.board[..], &row.model[..], &row.format[..]) == ("mps2-an386", "quickstart", "int8");
    let row = rows.iter().find(row).expect("the row");
    let [instructions, ram] = [row.instructions, row.static_ram_bytes + row.stack_bytes].map(grouped);
    assert_eq!(of("a prediction"), format!("{instructions} instructions (CMSIS-NN: 1,305,310), {ram} bytes of RAM"));
}

/// Each figure of a board that docs/measured.md gives: instructions, cycles and bytes.
#[test]
fn the_measured_figures_of_boards_are_the_benchmarks() {
    let rows: Vec<Row> = serde_json::from_str(&text("docs/bench-device.json")).unwrap();
    let figures = |row: &Row| {
        let cycles = row.cycles_estimate.unwrap_or(row.instructions);
        [row.instructions, cycles, row.code_bytes, row.static_ram_bytes + row.stack_bytes].map(grouped)
    };
    let known: BTreeSet<_> = rows.iter().flat_map(figures).collect();
    let page = text("docs/measured.md");
    let cells = page.lines().filter(|line| line.contains("bench")).filter_map(|line| line.split('|').nth(2));
    // What stands in brackets is of another program, or of the network.
    let outside = cells.flat_map(|cell| cell.split('(').map(|part| part.rsplit(')').next().unwrap_or_default()));
    let numbers = outside.flat_map(|part| part.split(' ').map(|word| word.trim_matches([',', ';'])));
    let numbers: Vec<_> = numbers.filter(|word| word.contains(',')).collect();
    assert!(numbers.len() >= 12, "{numbers:?}");
    for number in numbers {
        assert!(known.contains(number), "docs/measured.md: no row of docs/bench-device.json has {number}");
    }
}
