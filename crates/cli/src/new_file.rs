//! Writing a file that a person may have put work into: never over another one unless told to.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};

use crate::exit_code::UsageError;

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
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).with_context(failed)?;
    }
    match overwrite {
        Overwrite::Forced => std::fs::write(path, text).with_context(failed),
        Overwrite::Never => match File::options().write(true).create_new(true).open(path) {
            Ok(mut file) => file.write_all(text.as_bytes()).with_context(failed),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let what = format!("{} is there already", path.display());
                Err(UsageError { what, instead: "name another --file, or add --force to replace it".into() }.into())
            }
            Err(error) => Err(error).with_context(failed),
        },
    }
}
