//! Compiles the program that holds the network of a task in containers: it needs no library and no loader, so that an image of it is it alone.

use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = "src/pause/main.rs";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let program = PathBuf::from(variable("OUT_DIR")).join("pause");
    if variable("CARGO_CFG_TARGET_OS") != "linux" {
        // Tasks in containers are for Linux only.
        std::fs::write(program, []).expect("the output directory can be written to");
        return;
    }
    let target = variable("TARGET");
    let compiled = Command::new(variable("RUSTC"))
        .args([SOURCE, "--edition", "2024", "--crate-name", "pause", "--target", &target, "-o"])
        .arg(program)
        .args(["-C", "opt-level=s", "-C", "panic=abort", "-C", "lto=fat", "-C", "codegen-units=1"])
        .args(["-C", "strip=symbols", "-C", "target-feature=+crt-static"])
        .status();
    match compiled {
        Ok(status) if status.success() => {}
        Ok(status) => panic!(
            "the pause program could not be compiled for {target} ({status}); it is linked with a static C library"
        ),
        Err(error) => panic!("the pause program could not be compiled: {error}"),
    }
}
