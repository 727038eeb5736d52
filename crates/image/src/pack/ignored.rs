//! What stays out of an image although it lies in a directory that goes in.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::PackError;

/// Patterns in the language of `.gitignore`, applied to paths below each directory that is packed.
#[derive(Clone, Debug)]
pub struct Ignored {
    patterns: Gitignore,
}

impl Ignored {
    /// Reads one pattern per line; of several that match, the last one decides.
    pub fn parse(lines: &str) -> Result<Self, PackError> {
        let mut builder = GitignoreBuilder::new("");
        let failed = |pattern: &str, error: ignore::Error| PackError::Pattern {
            pattern: pattern.to_owned(),
            why: error.to_string(),
        };
        for line in lines.lines() {
            builder.add_line(None, line).map_err(|error| failed(line, error))?;
        }
        let patterns = builder.build().map_err(|error| failed(lines, error))?;
        Ok(Ignored { patterns })
    }

    /// Tells whether a path below the packed directory stays out. What is in a directory that stays out is not asked for.
    pub(super) fn has(&self, path: &Path, kind: std::fs::FileType) -> bool {
        self.patterns.matched(path, kind.is_dir()).is_ignore()
    }
}

impl Default for Ignored {
    fn default() -> Self {
        Ignored { patterns: Gitignore::empty() }
    }
}
