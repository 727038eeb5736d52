//! skopeo, the client that others use.

use std::process::Command;

/// Runs skopeo; returns what it printed. `directory` is its home.
pub fn skopeo(directory: &std::path::Path, arguments: &[&str]) -> Vec<u8> {
    let run = Command::new("skopeo").arg("--insecure-policy").args(arguments).env("HOME", directory).output();
    let output = run.unwrap_or_else(|error| {
        panic!("skopeo cannot be started: {error}; these tests need it: apt-get install -y skopeo")
    });
    assert!(output.status.success(), "skopeo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
