use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use skip::skip;
use tempfile::TempDir;
use tests::{selvedge, text, write_small_data};

/// A folder with a small data set, and the stand-in for the driver; none where there is no C++ compiler.
fn prepared(what: &str) -> Option<TempDir> {
    if emulator::kernels().is_none() {
        skip(what, "there is no C++ compiler to build the kernels by: install one (Debian: apt-get install g++)");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    emulator::install_driver(folder.path()).expect("the stand-in is built");
    write_small_data(folder.path(), [150, 30]);
    Some(folder)
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = selvedge(folder);
    command.env("LD_LIBRARY_PATH", folder).env_remove("CUDA_VISIBLE_DEVICES").args(arguments.split_whitespace());
    command
}

const TRAIN: &str = "train --data . --model tiny --recipe quickstart";

fn succeed(mut command: Command) -> Output {
    let output = command.output().expect("`selvedge` starts");
    assert!(output.status.success(), "{}", text(&output));
    output
}

/// The results of a run: its weights, and its output without the device's line and the times.
fn trained(folder: &Path, arguments: &str, out: &str) -> (Vec<u8>, Vec<String>) {
    trained_on(folder, arguments, out, &[])
}

/// The same with a GPU of these settings.
fn trained_on(folder: &Path, arguments: &str, out: &str, gpu: &[(&str, &str)]) -> (Vec<u8>, Vec<String>) {
    let mut command = command(folder, &format!("{arguments} --out {out}"));
    command.envs(gpu.iter().copied());
    let output = succeed(command);
    let lines = text(&output);
    let lines = lines.lines().filter(|line| {
        !["Using ", "Trained ", "Saved "].iter().any(|start| line.starts_with(start)) && !line.contains(" samples/s")
    });
    (fs::read(folder.join(out)).expect("the weights"), lines.map(str::to_owned).collect())
}

#[test]
fn the_weights_losses_and_tests_are_the_cpus() {
    let Some(folder) = prepared("training on an emulated GPU") else { return };
    let folder = folder.path();
    for options in [
        "--epochs 2 --lr 0.05",
        "--epochs 2 --batch-size 100 --optimizer adam --lr 0.01",
        "--epochs 2 --batch-size 1024 --optimizer adamw --weight-decay 0.01 --dropout 0.2 --label-smoothing 0.1",
        "--epochs 2 --lr 0.05 --batch-size 16 --accumulate 3 --clip 0.5 --momentum 0.9 --ema 0.9 --augment flip,shift=2,erase=4",
        "--epochs 3 --batch-size 32 --optimizer rmsprop --lr 0.001 --schedule one-cycle --val-split 0.2 --early-stop 1",
        "--steps 5 --no-shuffle",
        // More batches in an epoch than are begun at once.
        "--epochs 2 --batch-size 1 --lr 0.001",
    ] {
        let train = format!("{TRAIN} {options}");
        let expected = trained(folder, &format!("{train} --device cpu"), "cpu.selvedge");
        // Two schedules, and a GPU whose launches do not overlap.
        for gpu in
            [("SELVEDGE_EMULATOR_SEED", "1"), ("SELVEDGE_EMULATOR_SEED", "2"), ("SELVEDGE_EMULATOR_CAPABILITY", "80")]
        {
            let found = trained_on(folder, &format!("{train} --cuda"), "cuda.selvedge", &[gpu]);
            assert!(found.0 == expected.0, "{gpu:?}, {options}: other weights");
            assert_eq!(found.1, expected.1, "{gpu:?}, {options}");
        }
    }
}

/// A table with a class, two labels and two numbers in each row.
fn write_table(folder: &Path) {
    let mut text = String::from("a,b,c,kind,hot,odd,load (W),heat\n");
    for row in 0..200 {
        let number = |step: i32, of: i32| f64::from(row * step % of) / f64::from(of) - 0.5;
        let (a, b, c) = (8.0 * number(7, 31), number(11, 47), 300.0 * number(3, 59));
        let kind = ["low", "middle", "high"][(a > -2.0) as usize + (a > 2.5) as usize];
        let labels = [a + 2.0 * b > 0.5, c > 20.0].map(u8::from);
        let [hot, odd] = labels;
        writeln!(text, "{a:.3},{b:.4},{c:.1},{kind},{hot},{odd},{:.2},{:.3}", 40.0 + 5.0 * a - c / 30.0, a * b)
            .expect("a string takes all");
    }
    fs::write(folder.join("table.csv"), text).expect("the table");
}

/// Values that are scaled, classes that are weighed, several labels, and numbers.
const OTHERS: [&str; 4] = [
    "--data . --model tiny --recipe quickstart --standardize yes --lr 0.01",
    "--data table.csv --label kind --features a,b,c --layers 3,8,3 --recipe quickstart --class-weights balanced --label-smoothing 0.1 --lr 0.1",
    "--data table.csv --task multi-label --label hot,odd --features a,b,c --layers 3,8,2 --recipe quickstart --lr 0.1",
    "--data table.csv --task regression --label load,heat --features a,b,c --layers 3,40,2 --recipe quickstart --optimizer adam --lr 0.01",
];

#[test]
fn other_values_and_tasks_are_the_cpus_too() {
    let Some(folder) = prepared("tasks on an emulated GPU") else { return };
    let folder = folder.path();
    write_table(folder);
    for source in OTHERS {
        let train = format!("train {source} --epochs 3 --batch-size 16 --val-split 0.2");
        let expected = trained(folder, &format!("{train} --device cpu --metrics cpu.jsonl"), "cpu.selvedge");
        for gpu in [("SELVEDGE_EMULATOR_SEED", "1"), ("SELVEDGE_EMULATOR_CAPABILITY", "80")] {
            let found = trained_on(folder, &format!("{train} --cuda --metrics cuda.jsonl"), "cuda.selvedge", &[gpu]);
            assert!(found.0 == expected.0, "{gpu:?}, {source}: other weights");
            assert_eq!(found.1, expected.1, "{gpu:?}, {source}");
        }
        // A run goes from one device to the other.
        let whole = trained(folder, &format!("train {source} --steps 9 --device cpu"), "whole.selvedge");
        for [first, second] in [["cuda", "cpu"], ["cpu", "cuda"]] {
            let checkpoint = format!("{first}.checkpoint");
            trained(
                folder,
                &format!("train {source} --steps 4 --device {first} --checkpoint {checkpoint} --checkpoint-every 4"),
                "x.selvedge",
            );
            let data = source.split(" --layers").next().unwrap().split(" --model").next().unwrap();
            let resume = format!("train {data} --resume {checkpoint} --steps 9 --device {second}");
            assert!(trained(folder, &resume, "moved.selvedge").0 == whole.0, "{source}: from {first} to {second}");
            fs::remove_file(folder.join(checkpoint)).unwrap();
        }
    }
}

/// One GPU trains the models of all folds.
#[test]
fn the_models_of_folds_are_the_cpus() {
    let Some(folder) = prepared("folds on an emulated GPU") else { return };
    let folder = folder.path();
    write_table(folder);
    let tested = |device: &str| {
        let files = format!("--device {device} --metrics {device}.jsonl");
        succeed(command(folder, &format!("train {} --epochs 2 --folds 3 {files}", OTHERS[1])));
        let metrics = fs::read_to_string(folder.join(format!("{device}.jsonl"))).expect("the metrics");
        // An epoch's line has its time.
        metrics.lines().filter(|line| !line.contains("\"seconds\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(tested("cuda"), tested("cpu"));
}

/// Steps that were begun after the one that diverges change nothing and are not reported.
#[test]
fn divergence_is_said_at_the_cpus_step() {
    let Some(folder) = prepared("divergence on an emulated GPU") else { return };
    let folder = folder.path();
    let ended = |device: &str| {
        let diverging = "--epochs 2 --batch-size 1 --lr 0.1 --momentum 0.9 --weight-decay 60";
        let arguments = format!("{TRAIN} {diverging} --device {device} --metrics {device}.jsonl");
        let output = command(folder, &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        // Else the next run's would get another name.
        fs::remove_file(folder.join("weights/tiny.checkpoint")).unwrap();
        let metrics = fs::read_to_string(folder.join(format!("{device}.jsonl"))).unwrap();
        (String::from_utf8_lossy(&output.stderr).into_owned(), metrics)
    };
    let expected = ended("cpu");
    assert!(expected.0.contains("training diverged") && expected.1.lines().count() > 10, "{expected:?}");
    assert_eq!(ended("cuda"), expected);
}

#[test]
fn the_device_is_said_and_auto_takes_it() {
    let Some(folder) = prepared("choosing an emulated GPU") else { return };
    let first = |arguments: &str, remove_driver: bool| {
        let mut command = command(folder.path(), &format!("{TRAIN} --steps 1 {arguments}"));
        if remove_driver {
            command.env_remove("LD_LIBRARY_PATH").env("CUDA_VISIBLE_DEVICES", "");
        }
        text(&succeed(command)).lines().next().unwrap().to_owned()
    };
    for auto in ["", "--device auto", "--device cuda", "--cuda"] {
        let line = first(auto, false);
        assert!(line.starts_with("Using cuda device, Selvedge's emulated GPU, "), "{auto}: {line}");
    }
    assert!(first("--device cpu", false).starts_with("Using cpu device, "));
    let without = first("", true);
    assert!(without.starts_with("Using cpu (") && without.contains("NVIDIA"), "{without}");
}

/// A run goes from the CPU to the GPU and back in the middle of an epoch.
#[test]
fn a_checkpoint_moves_between_devices() {
    let Some(folder) = prepared("checkpoints on an emulated GPU") else { return };
    let folder = folder.path();
    let train = format!(
        "{TRAIN} --batch-size 16 --accumulate 2 --optimizer adam --lr 0.01 --dropout 0.1 --ema 0.9 --augment shift=1"
    );
    let (expected, _) = trained(folder, &format!("{train} --steps 13 --device cpu"), "whole.selvedge");
    let checkpoint = |steps: u32| PathBuf::from(format!("at-{steps}.checkpoint"));
    // A run that ends is one of so many steps; what is asked to end in the middle is stopped by a failing device, after its checkpoint.
    let mut previous: Option<PathBuf> = None;
    for (steps, device, failing) in [(3, "cuda", true), (7, "cpu", false), (9, "cuda", true)] {
        let file = checkpoint(steps);
        let source = match &previous {
            None => format!("{train} --steps 13"),
            Some(previous) => {
                fs::copy(folder.join(previous), folder.join(&file)).unwrap();
                // A run that ends leaves a checkpoint of its end.
                let end = if failing { 13 } else { steps };
                format!("train --data . --resume {} --steps {end}", file.display())
            }
        };
        let mut command = command(
            folder,
            &format!(
                "{source} --device {device} --checkpoint {} --checkpoint-every {steps} --out x.selvedge",
                file.display()
            ),
        );
        if failing {
            // The launch after the one that reaches the checkpoint: every launch is a graph.
            command.env("SELVEDGE_EMULATOR_FAIL", "cuGraphLaunch:2:CUDA_ERROR_LAUNCH_FAILED");
            assert!(!command.output().unwrap().status.success());
        } else {
            succeed(command);
        }
        previous = Some(file);
    }
    let last = previous.unwrap();
    let (found, _) = trained(
        folder,
        &format!("train --data . --resume {} --steps 13 --device cpu", last.display()),
        "moved.selvedge",
    );
    assert!(found == expected, "other weights than those of the run that never moved");
}

/// One line that names the function's failure as CUDA does; nothing is written in the weights' place.
#[test]
fn every_failure_is_one_clear_line() {
    let Some(folder) = prepared("failures of an emulated GPU") else { return };
    let folder = folder.path();
    let fail = |failure: &str| {
        let mut command = command(folder, &format!("{TRAIN} --epochs 1 --batch-size 16 --cuda --out failed.selvedge"));
        command.env("SELVEDGE_EMULATOR_FAIL", failure);
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{failure}: {}", text(&output));
        let lines: Vec<_> = error.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("error: "), "{failure}: {error}");
        assert!(!folder.join("failed.selvedge").exists(), "{failure}");
        error
    };
    for (failure, words) in [
        ("cuInit:1:CUDA_ERROR_NO_DEVICE", &["finds no GPU", "CUDA_ERROR_NO_DEVICE", "--device cpu"][..]),
        ("cuInit:1:CUDA_ERROR_SYSTEM_NOT_READY", &["CUDA_ERROR_SYSTEM_NOT_READY"]),
        ("cuDeviceGetCount:1:CUDA_ERROR_NO_DEVICE", &["finds no GPU"]),
        ("cuModuleLoadDataEx:1:CUDA_ERROR_NO_BINARY_FOR_GPU", &["no code", "9.0", "CUDA_ERROR_NO_BINARY_FOR_GPU"]),
        ("cuModuleGetFunction:2:CUDA_ERROR_NOT_FOUND", &["CUDA_ERROR_NOT_FOUND"]),
        ("cuMemAlloc_v2:1:CUDA_ERROR_OUT_OF_MEMORY", &["the model", "bytes", "--batch-size"]),
        ("cuMemAlloc_v2:5:CUDA_ERROR_OUT_OF_MEMORY", &["activations", "bytes", "--batch-size"]),
        ("cuMemcpyHtoDAsync_v2:3:CUDA_ERROR_INVALID_VALUE", &["CUDA_ERROR_INVALID_VALUE"]),
        ("cuMemcpyDtoHAsync_v2:1:CUDA_ERROR_ILLEGAL_ADDRESS", &["CUDA_ERROR_ILLEGAL_ADDRESS", "kernel"]),
        (
            "cuStreamBeginCapture_v2:1:CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
            &["CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "graph"],
        ),
        ("cuStreamEndCapture:1:CUDA_ERROR_UNKNOWN", &["CUDA_ERROR_UNKNOWN"]),
        ("cuGraphInstantiateWithFlags:1:CUDA_ERROR_OUT_OF_MEMORY", &["CUDA_ERROR_OUT_OF_MEMORY"]),
        ("cuGraphLaunch:1:CUDA_ERROR_LAUNCH_FAILED", &["CUDA_ERROR_LAUNCH_FAILED", "checkpoint"]),
        ("cuDevicePrimaryCtxRetain:1:CUDA_ERROR_DEVICE_UNAVAILABLE", &["another program", "CUDA_VISIBLE_DEVICES"]),
        ("cuMemAllocHost_v2:1:CUDA_ERROR_OUT_OF_MEMORY", &["this machine", "CUDA_ERROR_OUT_OF_MEMORY"]),
        ("cuEventSynchronize:3:CUDA_ERROR_ECC_UNCORRECTABLE", &["CUDA_ERROR_ECC_UNCORRECTABLE", "checkpoint"]),
        ("cuLaunchKernelEx:9:CUDA_ERROR_LAUNCH_FAILED", &["CUDA_ERROR_LAUNCH_FAILED", "checkpoint"]),
        ("cuStreamSynchronize:1:CUDA_ERROR_ILLEGAL_ADDRESS", &["CUDA_ERROR_ILLEGAL_ADDRESS", "checkpoint"]),
    ] {
        let error = fail(failure);
        for word in words {
            assert!(error.contains(word), "{failure}: {word}: {error}");
        }
    }
    let mut old = command(folder, &format!("{TRAIN} --steps 1 --cuda"));
    let error = text(&old.env("SELVEDGE_EMULATOR_DRIVER_VERSION", "11040").output().unwrap());
    assert!(error.contains("CUDA 11.4") && error.contains("update the driver"), "{error}");
}

/// Without the library the program starts, and says what is missing.
#[test]
fn without_a_driver_cuda_is_refused() {
    let Some(folder) = prepared("a machine without a driver") else { return };
    let mut command = command(folder.path(), &format!("{TRAIN} --steps 1 --cuda"));
    // A machine that has a driver has no GPU for it then.
    let output = command.env_remove("LD_LIBRARY_PATH").env("CUDA_VISIBLE_DEVICES", "").output().unwrap();
    let error = text(&output);
    assert!(
        !output.status.success() && error.starts_with("error: --device cuda: ") && error.contains("NVIDIA"),
        "{error}"
    );
    assert_eq!(error.matches("--device cpu").count(), 1, "{error}");
}
