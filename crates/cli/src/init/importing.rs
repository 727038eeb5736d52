//! The way by another tool's files: asks whether to take them, and reads them as `seatrial import` does.

use std::path::Path;

use anyhow::Result;
use seatrial_release::config::{AppName, ConfigFile, Variables};

use super::asker::{Asker, Attendance, Choice, Question};
use super::found::{Found, Importable};
use super::review::{Changes, review};
use crate::commands::import::{self, Source};
use crate::exit_code::UsageError;

/// What `--import` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing is imported.
    Nothing,
    /// These files are.
    Of(Source),
    /// It is asked.
    Ask,
}

/// Tells which files are imported; none when it begins from the directory alone.
pub fn choose(asker: &Asker<'_>, found: &Found, wish: Wish) -> Result<Option<Importable>> {
    match (wish, asker.attendance()) {
        (Wish::Nothing, _) => Ok(None),
        (Wish::Of(source), _) => match found.importable.iter().find(|other| other.source == source) {
            Some(other) => Ok(Some(other.clone())),
            None => Err(UsageError {
                what: "there are no such files to import in this directory".into(),
                instead: "leave --import out, or import them from where they are: seatrial import --help".into(),
            }
            .into()),
        },
        (Wish::Ask, _) if found.importable.is_empty() => Ok(None),
        (Wish::Ask, Attendance::Somebody) => {
            let imports = found.importable.iter().map(|other| {
                Choice::new(Some(other.clone()), format!("import {}", other.name), "it says more than questions could")
            });
            let anew = Choice::new(None, "start afresh", "by a few questions");
            let question = Question {
                text: "Another tool's files are here:",
                meaning: "importing changes nothing of them",
                flag: "--import",
            };
            asker.choose(question, imports.chain([anew]).collect(), 0)
        }
        (Wish::Ask, Attendance::Defaults | Attendance::Nobody) => {
            for other in &found.importable {
                asker.printer().remark(&format!("{} is here; --import would make the file of it", other.name));
            }
            Ok(None)
        }
    }
}

/// Reads the files, shows what becomes of them and of what has no counterpart, and lets one decide; returns the text to be written.
pub fn import(asker: &Asker<'_>, other: &Importable, out: &Path, app: Option<&AppName>) -> Result<String> {
    let printer = asker.printer();
    let imported = import::imported(other.source, &other.path, out, app)?;
    let file = ConfigFile::parse(out, &imported.text, &Variables::of_process())?;
    if !imported.remarks.is_empty() {
        printer.remark(&format!("\n{}", printer.remarks().strong("What is not the same, or left out:")));
        imported.remarks.iter().for_each(|remark| printer.remark(&format!("  {remark}")));
    }
    import::check(&file, printer);
    review(asker, out, &imported.text, Changes::Impossible)?;
    Ok(imported.text)
}
