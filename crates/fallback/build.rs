//! Compiles the fallback server into a program that needs no library and no loader, so that it runs from an empty image.

use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = "src/server/main.rs";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let program = PathBuf::from(variable("OUT_DIR")).join("server");
    if variable("CARGO_CFG_TARGET_OS") != "linux" {
        // Containers run on Linux; elsewhere there is nothing to stand in with.
        std::fs::write(program, []).expect("the output directory can be written to");
        return;
    }
    let target = variable("TARGET");
    let compiled = Command::new(variable("RUSTC"))
        .args([SOURCE, "--edition", "2024", "--crate-name", "server", "--target", &target, "-o"])
        .arg(program)
        .args(["-C", "opt-level=s", "-C", "panic=abort", "-C", "lto=fat", "-C", "codegen-units=1"])
        .args(["-C", "strip=symbols", "-C", "target-feature=+crt-static"])
        .status();
    match compiled {
        Ok(status) if status.success() => {}
        Ok(status) => panic!(
            "the fallback server could not be compiled for {target} ({status}); it is linked with a static C library"
        ),
        Err(error) => panic!("the fallback server could not be compiled: {error}"),
    }
}
