//! The Node.js of this machine, for images that have nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Copies Node.js and what it is linked with.
pub fn gather(root: &Path) {
    let node = Command::new("node").args(["-p", "process.execPath"]).output().expect("node is there");
    let node = String::from_utf8_lossy(&node.stdout).trim().to_owned();
    for directory in ["usr", "lib", "lib64"] {
        fs::create_dir_all(root.join(directory)).expect("writable");
    }
    gather_program(root, &node, "/usr/bin/node");
}

/// Copies a program of this machine and what it is linked with.
pub fn gather_program(root: &Path, program: &str, to: &str) {
    let linked = Command::new("ldd").arg(program).output().expect("ldd is there");
    let linked = String::from_utf8_lossy(&linked.stdout).into_owned();
    let libraries = linked.split_whitespace().filter(|word| word.starts_with('/'));
    let copy = |from: &str, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("below the root")).expect("writable");
        fs::copy(from, to).expect("a file of this machine");
    };
    copy(program, to);
    libraries.for_each(|library| copy(library, library));
}
