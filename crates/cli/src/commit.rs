//! The commit that a configuration is from.

use std::path::Path;
use std::process::{Command, Stdio};

/// Asks git, if it is there and the file is in a work tree; a tree with changes is said to have some.
pub fn commit(file: &Path) -> Option<String> {
    let directory = std::path::absolute(file).ok()?.parent()?.to_path_buf();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&directory).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--verify", "HEAD"])?;
    // What nobody has committed yet gets into images as well.
    let is_clean =
        git(&["status", "--porcelain", "--untracked-files=normal", "--", "."]).is_some_and(|told| told.is_empty());
    Some(if is_clean { commit } else { format!("{commit} with changes") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_git_does_not_know_has_no_commit() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(commit(&directory.path().join("seatrial.yml")), None);
    }
}
