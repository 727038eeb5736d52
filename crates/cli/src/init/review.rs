//! Shows a file before it is written, and asks what is to become of it.

use std::path::Path;

use anyhow::Result;

use super::asker::{Asker, Attendance, Choice, Question, WentAway};
use super::questions::Topic;
use crate::printer::Printer;

/// What is to become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Write,
    Change(Topic),
}

/// What may be done with a file that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Its answers can be given anew.
    Possible,
    /// It comes from elsewhere.
    Impossible,
}

/// Shows the file and asks; where nobody is, it is written.
pub fn review(asker: &Asker<'_>, path: &Path, text: &str, changes: Changes) -> Result<Decision> {
    if asker.attendance() != Attendance::Somebody {
        return Ok(Decision::Write);
    }
    show(asker.printer(), path, text);
    #[derive(Clone, Copy)]
    enum Wish {
        Write,
        Change,
        Leave,
    }
    let mut wishes = vec![Choice::new(Wish::Write, "write it", "")];
    match changes {
        Changes::Possible => wishes.push(Choice::new(Wish::Change, "change an answer", "")),
        Changes::Impossible => {}
    }
    wishes.push(Choice::new(Wish::Leave, "leave", "nothing is written"));
    let question = Question { text: "This file:", meaning: "it can be changed by hand at any time", flag: "--yes" };
    match asker.choose(question, wishes, 0)? {
        Wish::Write => Ok(Decision::Write),
        Wish::Leave => Err(WentAway.into()),
        Wish::Change => {
            let topics = Topic::ALL.map(|topic| Choice::new(topic, topic.name(), "")).to_vec();
            let question = Question { text: "Change:", meaning: "the other answers stay", flag: "--yes" };
            asker.choose(question, topics, 0).map(Decision::Change)
        }
    }
}

fn show(printer: &Printer, path: &Path, text: &str) {
    let paint = printer.remarks();
    printer.remark(&format!("\n{}", paint.strong(&format!("── {} ", path.display()))));
    for line in text.lines() {
        let is_remark = line.trim_start().starts_with('#');
        printer.remark(&if is_remark { paint.faint(line) } else { line.to_owned() });
    }
    printer.remark(&paint.strong("──"));
}
