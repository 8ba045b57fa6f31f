//! Tells `arithmetic` whether the target's FPU has `vfma`: stable Rust does not show ARM's FPU features to `cfg`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(has_vfma)");
    let target = std::env::var("TARGET").unwrap_or_default();
    // The single-precision FPv4 (Cortex-M4F, M7) and FPv5 (M33) units both have it; Cortex-R's VFPv3 does not.
    if target.starts_with("thumbv7em-") && target.ends_with("eabihf") || target == "thumbv8m.main-none-eabihf" {
        println!("cargo::rustc-cfg=has_vfma");
    }
}
