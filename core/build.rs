//! Tells whether the target has `vfma` and the DSP instructions: stable Rust does not show these features of ARM's to `cfg`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(has_vfma)");
    println!("cargo::rustc-check-cfg=cfg(has_dsp)");
    let target = std::env::var("TARGET").unwrap_or_default();
    // The single-precision FPv4 (Cortex-M4F, M7) and FPv5 (M33) units both have it; Cortex-R's VFPv3 does not.
    if target.starts_with("thumbv7em-") && target.ends_with("eabihf") || target == "thumbv8m.main-none-eabihf" {
        println!("cargo::rustc-cfg=has_vfma");
    }
    // Cortex-M4, M7.
    if target.starts_with("thumbv7em-") {
        println!("cargo::rustc-cfg=has_dsp");
    }
}
