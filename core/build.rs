//! Tells the compiler whether the target has `vfma` and the DSP instructions: stable Rust does not show these features of ARM's to `cfg`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(has_vfma)");
    println!("cargo::rustc-check-cfg=cfg(has_dsp)");
    println!("cargo::rustc-check-cfg=cfg(cortex_m33)");
    let target = std::env::var("TARGET").unwrap_or_default();
    // The single-precision FPv4 (Cortex-M4F, M7) and FPv5 (M33) units both have it; Cortex-R's VFPv3 does not.
    if target.starts_with("thumbv7em-") && target.ends_with("eabihf") || target == "thumbv8m.main-none-eabihf" {
        println!("cargo::rustc-cfg=has_vfma");
    }
    // Cortex-M4 and M7 have them. A Cortex-M33 may, and its target does not tell: the processor must be named.
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_named = flags.split('\u{1f}').any(|flag| flag.ends_with("target-cpu=cortex-m33"));
    let is_cortex_m33 = target.starts_with("thumbv8m.main-") && is_named;
    if is_cortex_m33 {
        println!("cargo::rustc-cfg=cortex_m33");
    }
    if target.starts_with("thumbv7em-") || is_cortex_m33 {
        println!("cargo::rustc-cfg=has_dsp");
    }
}
