//! Asks somebody at the terminal, until the answer makes sense; where nobody is, takes defaults if told so, or says what flag answers.

use std::fmt::{self, Display};
use std::io::IsTerminal;

use anyhow::Result;
use inquire::error::InquireError;
use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{Select, Text};

use crate::exit_code::UsageError;
use crate::printer::{Color, Printer};

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// Somebody at a terminal.
    Somebody,
    /// Nobody, and the defaults will do.
    Defaults,
    /// Nobody.
    Nobody,
}

impl Attendance {
    /// Who is there; `defaults` is `--yes`.
    pub fn of_process(defaults: bool) -> Self {
        match defaults {
            true => Attendance::Defaults,
            false if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => Attendance::Somebody,
            false => Attendance::Nobody,
        }
    }
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub text: &'a str,
    /// What the answer means, in a line.
    pub meaning: &'a str,
    /// The flag that answers it.
    pub flag: &'a str,
}

/// One of several answers.
#[derive(Clone, Debug)]
pub struct Choice<T> {
    pub value: T,
    /// A word or two, which stays on the screen.
    pub name: String,
    pub meaning: String,
}

impl<T> Choice<T> {
    pub fn new(value: T, name: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { value, name: name.into(), meaning: meaning.into() }
    }
}

impl<T> Display for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning.as_str() {
            "" => f.write_str(&self.name),
            meaning => write!(f, "{} - {meaning}", self.name),
        }
    }
}

/// Somebody has gone away from the questions.
#[derive(Debug)]
pub struct WentAway;

impl Display for WentAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the questions were left")
    }
}

impl std::error::Error for WentAway {}

/// Asks.
#[derive(Debug)]
pub struct Asker<'a> {
    printer: &'a Printer,
    attendance: Attendance,
}

impl<'a> Asker<'a> {
    pub fn new(printer: &'a Printer, attendance: Attendance) -> Self {
        Self { printer, attendance }
    }

    pub fn attendance(&self) -> Attendance {
        self.attendance
    }

    pub fn printer(&self) -> &'a Printer {
        self.printer
    }

    /// Asks for text that `read` makes something of.
    pub fn text<T: 'static>(
        &self,
        question: Question<'_>,
        default: Option<&str>,
        read: fn(&str) -> Result<T, String>,
    ) -> Result<T> {
        match self.attendance {
            Attendance::Somebody => {
                let validator = move |text: &str| {
                    Ok(match read(text.trim()) {
                        Ok(_) => Validation::Valid,
                        Err(why) => Validation::Invalid(why.into()),
                    })
                };
                let mut prompt = Text::new(question.text)
                    .with_help_message(question.meaning)
                    .with_validator(validator)
                    .with_render_config(self.looks());
                if let Some(default) = default {
                    prompt = prompt.with_default(default);
                }
                let answer = prompt.prompt().map_err(ended)?;
                read(answer.trim()).map_err(anyhow::Error::msg)
            }
            Attendance::Defaults => match default.map(read) {
                Some(Ok(value)) => Ok(value),
                Some(Err(_)) | None => Err(unanswered(question, "").into()),
            },
            Attendance::Nobody => {
                Err(unanswered(question, default_advice(default.is_some_and(|text| read(text).is_ok()))).into())
            }
        }
    }

    /// Asks for one of several answers; `default` is an index.
    pub fn choose<T: Clone>(&self, question: Question<'_>, choices: Vec<Choice<T>>, default: usize) -> Result<T> {
        match self.attendance {
            Attendance::Somebody => {
                let choice = Select::new(question.text, choices)
                    .with_help_message(question.meaning)
                    .with_starting_cursor(default)
                    .without_filtering()
                    .with_formatter(&|option| option.value.name.clone())
                    .with_render_config(self.looks())
                    .prompt()
                    .map_err(ended)?;
                Ok(choice.value)
            }
            Attendance::Defaults => match choices.into_iter().nth(default) {
                Some(choice) => Ok(choice.value),
                None => Err(unanswered(question, "").into()),
            },
            Attendance::Nobody => Err(unanswered(question, default_advice(true)).into()),
        }
    }

    fn looks(&self) -> RenderConfig<'static> {
        match self.printer.remarks().color() {
            Color::On => RenderConfig::default_colored(),
            Color::Off => RenderConfig::empty(),
        }
    }
}

fn default_advice(has_default: bool) -> &'static str {
    if has_default { ", or --yes for the defaults" } else { "" }
}

fn unanswered(question: Question<'_>, defaults: &str) -> UsageError {
    let Question { text, flag, .. } = question;
    let what = format!("{} Nobody can be asked here", text.trim_end_matches(':'));
    UsageError { what, instead: format!("add {flag}{defaults}") }
}

fn ended(error: InquireError) -> anyhow::Error {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => WentAway.into(),
        other => other.into(),
    }
}
