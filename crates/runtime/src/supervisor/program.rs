//! Finds the program a container names, with Docker's words for what can be wrong with it.

use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::machine::Refusal;

/// Finds a program: with a slash in its name a path, relative to the working directory; without, a file in one of the directories of
/// `search_path`.
pub(super) fn find(name: &str, search_path: &str, working_directory: &Path) -> Result<PathBuf, Refusal> {
    if name.contains('/') {
        let path = working_directory.join(name);
        return match assess(&path) {
            Found::Executable => Ok(path),
            Found::Forbidden => Err(refused(name, "permission denied")),
            Found::Directory => Err(refused(name, "is a directory")),
            Found::Nothing => Err(refused(name, "no such file or directory")),
        };
    }
    let mut forbidden = false;
    for directory in search_path.split(':') {
        // An empty entry is the working directory.
        let path = working_directory.join(directory).join(name);
        match assess(&path) {
            Found::Executable if !name.is_empty() => return Ok(path),
            Found::Forbidden => forbidden = true,
            Found::Executable | Found::Directory | Found::Nothing => {}
        }
    }
    let problem = if forbidden { "permission denied" } else { "executable file not found in $PATH" };
    Err(refused(name, problem))
}

/// What there is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Executable,
    Forbidden,
    Directory,
    Nothing,
}

fn assess(path: &Path) -> Found {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Found::Directory,
        Ok(_) if rustix::fs::access(path, Access::EXEC_OK).is_ok() => Found::Executable,
        Ok(_) => Found::Forbidden,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Found::Forbidden,
        Err(_) => Found::Nothing,
    }
}

pub(super) fn refused(name: &str, problem: impl std::fmt::Display) -> Refusal {
    Refusal::permanent(format!("{name:?}: {problem}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn reason(name: &str, search_path: &str, directory: &Path) -> String {
        find(name, search_path, directory).expect_err("there is no such program").reason
    }

    #[test]
    fn programs_are_found_on_the_path_or_below_the_working_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("server");
        std::fs::write(&program, "#!/bin/sh\n").expect("writable");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("ours");
        let search_path = format!("/nowhere:{}", directory.path().display());
        assert_eq!(find("server", &search_path, Path::new("/")).expect("found"), program);
        assert_eq!(find("./server", "", directory.path()).expect("found"), directory.path().join("./server"));
        assert_eq!(find("server", "/nowhere:", directory.path()).expect("found"), program);
    }

    #[test]
    fn what_is_wrong_is_said_in_dockers_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        std::fs::write(path.join("text"), "").expect("writable");
        let search_path = path.display().to_string();
        let cases = [
            ("missing", "CannotStartContainerError: \"missing\": executable file not found in $PATH"),
            ("text", "CannotStartContainerError: \"text\": permission denied"),
            ("./text", "CannotStartContainerError: \"./text\": permission denied"),
            ("./missing", "CannotStartContainerError: \"./missing\": no such file or directory"),
            ("./", "CannotStartContainerError: \"./\": is a directory"),
            ("", "CannotStartContainerError: \"\": executable file not found in $PATH"),
        ];
        for (name, expected) in cases {
            assert_eq!(reason(name, &search_path, path), expected);
        }
    }
}
