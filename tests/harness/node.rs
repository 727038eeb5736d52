//! The Node.js of this machine, for images that have nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Copies Node.js and what it is linked with.
pub fn gather(root: &Path) {
    let node = Command::new("node").args(["-p", "process.execPath"]).output().expect("node is there");
    let node = String::from_utf8_lossy(&node.stdout).trim().to_owned();
    let linked = Command::new("ldd").arg(&node).output().expect("ldd is there");
    let linked = String::from_utf8_lossy(&linked.stdout).into_owned();
    let libraries = linked.split_whitespace().filter(|word| word.starts_with('/'));
    let copy = |from: &str, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("below the root")).expect("writable");
        fs::copy(from, to).expect("a file of this machine");
    };
    copy(&node, "/usr/bin/node");
    for directory in ["usr", "lib", "lib64"] {
        fs::create_dir_all(root.join(directory)).expect("writable");
    }
    libraries.for_each(|library| copy(library, library));
}
