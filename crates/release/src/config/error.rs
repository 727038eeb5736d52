//! The one error of the configuration: where, what, and what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place in a file; both numbers count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub(crate) const START: Position = Position { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Something in a configuration file that Seatrial cannot accept.
///
/// `Display` gives one line (`file:line:column: what`); [`ConfigError::instead`] is the advice, for the caller to put on a
/// line of its own.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    file: PathBuf,
    at: Option<Position>,
    what: String,
    instead: Option<String>,
    kind: FaultKind,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(file: &Path, fault: Fault) -> Self {
        Self {
            file: file.to_path_buf(),
            at: fault.at,
            what: fault.what,
            instead: fault.instead,
            kind: fault.kind,
            source: None,
        }
    }

    pub(crate) fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The file at fault.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The place in the file, where one can be named.
    pub fn position(&self) -> Option<Position> {
        self.at
    }

    /// What is wrong, without the place.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Whether the file is right and only an environment variable it uses is not set here, or an output is not known here.
    pub fn is_unset_variable(&self) -> bool {
        matches!(self.kind, FaultKind::UnsetVariable | FaultKind::UnknownOutput)
    }

    /// Whether the file is right and only an output that nobody has asked for yet stands where its value counts.
    pub fn is_unknown_output(&self) -> bool {
        self.kind == FaultKind::UnknownOutput
    }

    /// Whether the file is right and only an output of the infrastructure is not there.
    pub fn is_missing_output(&self) -> bool {
        self.kind == FaultKind::MissingOutput
    }

    /// What to write instead.
    pub fn instead(&self) -> Option<&str> {
        self.instead.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(at) = self.at {
            write!(f, ":{at}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A fault before it is known in which file it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub at: Option<Position>,
    pub what: String,
    pub instead: Option<String>,
    pub kind: FaultKind,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The file's.
    Mistake,
    /// The surroundings': an environment variable is not set.
    UnsetVariable,
    /// The surroundings': nobody has asked the infrastructure yet.
    UnknownOutput,
    /// The surroundings': the infrastructure does not have an output, or not yet.
    MissingOutput,
}

impl Fault {
    pub fn new(what: impl Into<String>) -> Self {
        Self { at: None, what: what.into(), instead: None, kind: FaultKind::Mistake }
    }

    pub fn at(mut self, position: Position) -> Self {
        self.at.get_or_insert(position);
        self
    }

    pub fn instead(mut self, advice: impl Into<String>) -> Self {
        self.instead = Some(advice.into());
        self
    }
}
