//! `cargo xtask` answers before it builds the program `selvedge`, where it can.

use std::{env, path::PathBuf, process::Command, sync::LazyLock};

use tests::{text, xtask};

/// xtask, with a cargo that is none: whatever needs a build fails to start it.
fn unbuilt() -> Command {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let built = xtask(&["--version"]).output().expect("cargo starts");
        assert!(built.status.success(), "{}", text(&built));
        // Tests lie in the folder below the programs.
        let test = env::current_exe().expect("a test has a program");
        test.ancestors().nth(2).expect("the profile's folder").join(format!("xtask{}", env::consts::EXE_SUFFIX))
    });
    let mut xtask = Command::new(&*BUILT);
    xtask.env("CARGO", "no-cargo").env_remove(launch::BUILT);
    xtask
}

#[test]
fn help_and_wrong_options_wait_for_no_build() {
    let run = |line: &str| {
        let output = unbuilt().args(line.split_whitespace()).output().expect("xtask is built");
        (output.status.code(), text(&output))
    };
    let commands = [
        "train",
        "search",
        "recipes",
        "eval",
        "report",
        "predict",
        "inspect",
        "convert",
        "quantize",
        "data",
        "show",
        "embed",
        "export-c",
        "new",
        "engines",
        "completions",
        "man",
    ];
    let others = [
        "bench cpu",
        "bench cuda",
        "bench kernels",
        "bench device",
        "flash",
        "device eval",
        "verify bits",
        "web",
        "book",
        "fuzz",
        "test",
    ];
    let gpu = ["gpu pack", "gpu report", "gpu code"];
    for command in commands.into_iter().chain(others).chain(gpu) {
        let (code, text) = run(&format!("{command} --help"));
        let usage = text.lines().find(|line| line.starts_with("Usage: ")).unwrap_or_default();
        assert!(code == Some(0) && usage.contains(command), "{command}: {text}");
    }
    let of_other_processors =
        if cfg!(target_arch = "aarch64") { "bench cpu --engine avx2" } else { "bench cpu --engine neon" };
    for (line, words) in [
        ("train --layers 784=>10=>", "--layers"),
        ("train --recipe none", "none: neither a built-in recipe"),
        ("train --optimizer adam --momentum 0.9", "momentum: adam has none"),
        ("train --epochs", "--epochs"),
        ("train --folds 1", "--folds"),
        ("search fast", "fast: there is no table [search]"),
        ("quantize x --format f8", "int8"),
        ("report", "RUN"),
        ("report a --certificates b", "--quantized"),
        ("completions dash", "possible values: bash"),
        ("man", "--out <DIR>"),
        ("export-c x --name int", "take int_network"),
        ("new a --weights x --board none", "there is no board none"),
        ("new core --weights x --board microbit", "take core-firmware"),
        ("bench cpu --engine sse", "--engine"),
        (of_other_processors, "this processor does not have it"),
        ("bench kernels --list", "--list"),
        ("bench device --model large", "quickstart"),
        ("bench device --board none", "there is no board none"),
        ("flash --board none", "there is no board none"),
        ("flash --model large", "quickstart"),
        ("flash --weights none.selvedge", "none.selvedge"),
        ("device eval --weights none.selvedge", "none.selvedge"),
        ("verify bits --quick", "--cuda"),
        ("verify bits --cuda --steps 9", "--steps"),
        ("bench cuda --only graph", "--only"),
        ("gpu pack --architecture sm_90", "a compute capability"),
        ("gpu pack --rehearsal --data none", "--data"),
        ("web --port 99999", "--port"),
        ("web --out page --port 80", "--out"),
        ("fuzz none", "there is no target none"),
        ("gpu report", "FOLDER"),
        ("gpu report none", "is no report of check.sh"),
        ("gpu code --architecture H100", "a compute capability"),
    ] {
        let (code, text) = run(line);
        assert!(code != Some(0) && text.contains(words) && !text.contains("no-cargo"), "{line}: {text}");
    }
    let (code, text) = run("train");
    assert!(code == Some(1) && text.contains("error: "), "{text}");
}

/// Without an emulator, `flash` names the one command that gets it.
#[test]
fn flash_says_how_to_get_an_emulator() {
    let output = unbuilt().args(["flash", "--board", "microbit"]).env("PATH", "").output().expect("xtask is built");
    let words = "error: qemu-system-arm is not installed: `cargo xtask setup` gets it\n";
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(1), words));
}

/// If a tool is missing, `test` installs nothing. It says at its start and at its end what it leaves out.
#[test]
fn a_check_of_everything_installs_nothing() {
    let output =
        unbuilt().args(["test", "--only", "gpu"]).env("CUDA_PATH", "nowhere").output().expect("xtask is built");
    let text = text(&output);
    let left_out = "  - the CUDA kernels, as NVIDIA's compiler is not here\n";
    assert!(output.status.success() && text.starts_with("LEFT OUT:\n") && !text.contains("pip"), "{text}");
    assert!(text.matches(left_out).count() == 2 && text.ends_with("\nPassed, but for what was left out\n"), "{text}");
}
