//! From other tools' files to a `seatrial.yml`: docker-compose, ecspresso, AWS Copilot, a task definition alone.
//!
//! Pure: files that a file names are asked for through [`Files`]. Nothing is dropped silently: a key either becomes a key of Seatrial
//! or a [`Remark`]. Values of variables whose names speak of secrets are not copied.

mod amounts;
pub mod compose;
mod container;
pub mod copilot;
mod copilot_manifest;
pub mod ecspresso;
mod notes;
mod read;
pub mod task_definition;
mod text;
mod yaml;

use std::fmt;

use crate::config::AppName;

/// Reads a file that another one names, by its path as written there; the error is a reason in words.
pub type Files<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// A `seatrial.yml`, and what it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub text: String,
    /// In the order of the imported file.
    pub remarks: Vec<Remark>,
}

/// A key without a counterpart, or with one that is not quite the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where it stands in the imported file.
    pub key: String,
    /// What became of it, and what to do instead.
    pub advice: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.advice)
    }
}

/// How the application is named when the imported file does not say.
#[derive(Clone, Copy, Debug)]
pub struct Naming<'a> {
    /// What the person wants, if anything.
    pub wanted: Option<&'a AppName>,
    /// The name of the directory.
    pub fallback: &'a str,
}

impl Naming<'_> {
    fn settle(&self, written: Option<&str>) -> String {
        match (self.wanted, written) {
            (Some(wanted), _) => wanted.to_string(),
            (None, written) => read::name(written.unwrap_or(self.fallback), "app"),
        }
    }
}
