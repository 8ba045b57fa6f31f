//! The examples in the help of commands that `selvedge` does not have, or has in another form.

use options::Examples;

/// The examples, by the command's words.
pub const EXAMPLES: &Examples = &[
    (
        "flash",
        &[
            ("flash", "the quickstart's model on an emulated Cortex-M4F"),
            ("flash --board microbit --format int8 -v", "784-16-10 on a Cortex-M0, with each sample's answer"),
            ("flash --board netduinoplus2 --program train", "training on the board"),
            (
                "flash --board netduinoplus2 --weights weights/96-24-3.selvedge --data motion.csv --probe",
                "your own network on a real chip",
            ),
        ],
    ),
    (
        "bench cpu",
        &[("bench cpu --plot cpu.png", "the speed of training beside this machine's peak, as a table and a picture")],
    ),
    ("bench cuda", &[("bench cuda --batch-size 64,1024", "epochs on this machine's GPU")]),
    ("bench kernels", &[("bench kernels forward", "the products with this word in their names")]),
    ("bench device", &[("bench device --board microbit", "a prediction's instructions, code, RAM and stack")]),
    ("bench readme", &[("bench readme --figure prediction", "the instructions and the RAM that README gives")]),
    ("device info", &[("device info --board microbit", "an emulated board and its model")]),
    ("device predict", &[("device predict --port /dev/ttyACM0 shoe.jpg", "the answer of a real board")]),
    ("device eval", &[("device eval --board microbit --count 20", "20 answers, compared bit for bit")]),
    ("device serve", &[("device serve --board microbit", "a board for `selvedge device --connect`")]),
    ("verify bits", &[("verify bits", "the same hash on every engine, with any number of threads, and on the boards")]),
    ("gpu pack", &[("gpu pack", "a folder for a machine with a GPU, where `bash check.sh` runs it")]),
    ("gpu report", &[("gpu report report", "the page from the folder report, which check.sh wrote")]),
    ("gpu code", &[("gpu code", "registers and instructions of each kernel, without a GPU")]),
    (
        "web",
        &[("web", "the page at http://localhost:8000"), ("web --out page", "the page as a folder for any web server")],
    ),
    ("book", &[("book", "the pages of docs/, in target/book")]),
    ("setup", &[("setup", "the boards' targets and QEMU"), ("setup --check", "what is missing; nothing is installed")]),
    ("doctor", &[("doctor", "what this machine has and what it lacks")]),
    (
        "test",
        &[
            ("test --setup", "install the missing tools, then run every check that a change must pass"),
            ("test --only clippy", "one stage"),
        ],
    ),
    ("check deny", &[("check deny", "licences, sources, versions, and known vulnerabilities of the dependencies")]),
    ("check kernels", &[("check kernels", "after a change of cuda/kernels: every GPU, and sanitizers")]),
    ("check typos", &[("check typos", "the spelling")]),
    ("check oldest", &[("check oldest", "what the oldest compiler cannot build")]),
    ("check systems", &[("check systems", "code that does not compile for Windows or macOS")]),
    ("check package", &[("check package", "the library as crates.io would get it")]),
    ("check threads", &[("check threads --schedules 64", "races, in 64 orders of the threads")]),
    ("check api", &[("check api", "changes of the library's public interface"), ("check api --write", "its new list")]),
    ("check miri", &[("check miri", "undefined behaviour, in the library's and the engine's tests")]),
    ("check loom", &[("check loom", "the threads' protocol, in many orders")]),
    ("check tsan", &[("check tsan", "races between real threads")]),
    ("fuzz", &[("fuzz weights table --minutes 1", "two targets, a minute each")]),
];

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;
    use crate::Cli;

    /// Returns the words of each command that does something, and its help.
    fn helps(command: &Command, words: &str) -> Vec<(String, String)> {
        let name = |command: &Command| format!("{words} {}", command.get_name()).trim_start().to_owned();
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        let below = shown.flat_map(|command| match command.has_subcommands() {
            true => helps(command, &name(command)),
            false => vec![(name(command), command.clone().render_help().to_string())],
        });
        below.collect()
    }

    #[test]
    fn each_command_has_an_example_that_it_takes() {
        let program = options::program::<Cli>(EXAMPLES);
        for (words, help) in helps(&program, "") {
            assert!(help.contains(&format!("\n  cargo xtask {words}")), "{words}: {help}");
        }
        for (arguments, _) in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
            let words = ["xtask"].into_iter().chain(arguments.split_whitespace());
            let parsed = program.clone().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{arguments}: {}", parsed.unwrap_err());
        }
    }
}
