//! Compiles the kernels as C++, and the kernels for the emulator's own tests.
//!
//! If the environment variable `SELVEDGE_SANITIZE` is set, AddressSanitizer and UndefinedBehaviorSanitizer check the kernels. Their
//! libraries must then be loaded first: `LD_PRELOAD=$(cc -print-file-name=libasan.so)`.

use std::{env, process::Stdio};

const SANITIZE: &str = "SELVEDGE_SANITIZE";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_cplusplus, sanitized)");
    for path in ["../kernels", "include", "tests/kernels.cu", "build.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed={SANITIZE}");

    if !has_compiler() {
        println!("cargo::warning=no C++ compiler: the CUDA kernels are not tested on the CPU; install g++");
        println!("cargo::rustc-cfg=no_cplusplus");
        // A file that never exists: cargo runs this again each time, and so finds a compiler that was installed since.
        println!("cargo::rerun-if-changed=no-compiler-yet");
        return;
    }
    kernels("../kernels/selvedge.cu", "selvedge_kernels").compile("selvedge_kernels");
    kernels("tests/kernels.cu", "test_kernels").compile("test_kernels");
    if is_sanitized() {
        println!("cargo::rustc-cfg=sanitized");
        println!("cargo::rustc-link-lib=asan");
        println!("cargo::rustc-link-lib=ubsan");
    }
}

fn is_sanitized() -> bool {
    env::var_os(SANITIZE).is_some()
}

fn has_compiler() -> bool {
    let compiler = cc::Build::new().cpp(true).try_get_compiler();
    compiler.is_ok_and(|compiler| {
        let mut command = compiler.to_command();
        command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// Returns the build of a file of kernels, as the C++ object `module`.
fn kernels(file: &str, module: &str) -> cc::Build {
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").flag("-x").flag("c++").include("include").file(file).define("KERNEL_MODULE", module);
    build.warnings(true).flag("-Wno-unknown-pragmas").flag("-ffp-contract=off");
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") {
        build.flag("-mfma");
    }
    if is_sanitized() {
        build.opt_level(1).debug(true).flag("-fsanitize=address,undefined").flag("-fno-sanitize-recover=undefined");
    } else {
        build.opt_level(2).debug(false);
    }
    build
}
