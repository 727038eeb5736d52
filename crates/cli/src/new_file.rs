//! Writing a file that a person may have put work into: whole or not at all, and never over another one unless told to.

use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::exit_code::UsageError;

/// What a new file may be used for; the process's mask takes away from it.
const MODE: u32 = 0o666;

/// Whether a file that is there may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    Never,
    Forced,
}

impl Overwrite {
    /// As `--force` says.
    pub fn of_flag(force: bool) -> Self {
        if force { Overwrite::Forced } else { Overwrite::Never }
    }
}

/// Writes the file, with the directories above it.
pub fn write(path: &Path, text: &str, overwrite: Overwrite) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(failed)?;
    let mut new = tempfile::Builder::new()
        .prefix(".seatrial-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(parent)
        .with_context(failed)?;
    new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all()).with_context(failed)?;
    let put = match overwrite {
        Overwrite::Forced => new.persist(path),
        Overwrite::Never => new.persist_noclobber(path),
    };
    match put {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            let what = format!("{} is there already", path.display());
            Err(UsageError { what, instead: "name another file, or add --force to replace it".into() }.into())
        }
        Err(error) => Err(error.error).with_context(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_by_force_only_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("below/file.yml");
        write(&path, "one", Overwrite::Never).expect("it is new");
        assert!(write(&path, "two", Overwrite::Never).is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "one");
        write(&path, "three", Overwrite::Forced).expect("by force");
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "three");
        let beside = path.parent().expect("below").read_dir().expect("readable").count();
        assert_eq!(beside, 1);
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
    }
}
