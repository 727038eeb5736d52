//! Runs a command of the application's own that builds its image.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Builder;
use super::tool::{self, Program};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::CommandBuild;

/// Runs the command and copies the layout that it leaves.
pub(super) async fn run(
    step: &str,
    build: &CommandBuild,
    work: &Builder<'_>,
    (layout, limit): (PathBuf, Duration),
    interrupt: &mut Interrupt,
) -> Result<(), ReleaseError> {
    let program = Program { step, words: &build.command, directory: work.directory, limit };
    tool::run(program, &BTreeMap::new(), work.report, interrupt).await?;
    let output = work.directory.join(&build.output);
    copy(&output, &layout).map_err(|error| {
        let what = format!("{step} failed: what its command left at {} cannot be read: {error}", output.display());
        ReleaseError::not_possible(what, "let the command write an OCI image layout into `output`")
    })
}

/// Copies a directory: the command may write over its output the next time, while this one is still being pushed.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy(&entry.path(), &target)?,
            kind if kind.is_file() => drop(fs::copy(entry.path(), target)?),
            _ => {}
        }
    }
    Ok(())
}
