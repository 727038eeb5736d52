//! Verification: the checks that a new version has to pass before it gets production traffic, tried from where the coordinator runs.
//!
//! `http` sends a request, `expect` judges its answer (pure), `command` runs a program. A check that fails is tried again until its time
//! is over: a rule that was changed a moment ago may not be everywhere yet.

mod command;
mod expect;
mod http;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::interrupt::Interrupt;

pub use expect::{Expectation, JsonPath, StatusRange};

/// Time between two tries of a check.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// How long a check is tried when it does not say.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long one answer may take when the check does not say.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long a command may run when the check does not say.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Something that a new version has to pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Http(HttpCheck),
    Command(CommandCheck),
}

/// A request and what its answer has to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpCheck {
    /// A path of the new version, beginning with `/`, or a whole address.
    pub place: String,
    pub method: String,
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    pub expectation: Expectation,
    /// How many requests have to pass, one after the other.
    pub times: u32,
    /// How long it is tried.
    pub patience: Duration,
}

/// A program that has to end with exit code 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandCheck {
    pub words: Vec<String>,
    pub directory: PathBuf,
    pub timeout: Duration,
}

/// Where the new version answers while nobody else asks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Without an address only commands can be run, and requests to addresses of their own sent.
    pub url: Option<String>,
    /// The header that leads a request to the new version, where the address does not.
    pub header: Option<(String, String)>,
    pub service: String,
    pub task_definition: String,
}

/// A check that failed, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub check: String,
    pub why: String,
    /// The last lines a command wrote.
    pub output: Vec<String>,
}

/// What came of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    Passed,
    Failed(Failure),
    /// Somebody no longer waits for it.
    Interrupted,
}

impl Check {
    /// A request for a path that has to be answered with a success.
    #[cfg(test)]
    pub(crate) fn get(place: &str) -> Self {
        Check::Http(HttpCheck {
            place: place.to_owned(),
            method: "GET".into(),
            headers: BTreeMap::new(),
            body: None,
            expectation: Expectation::default(),
            times: 1,
            patience: PATIENCE,
        })
    }

    /// The longest it takes.
    pub fn longest(&self) -> Duration {
        match self {
            Check::Http(check) => {
                check.patience + check.times * check.expectation.within.unwrap_or(ANSWER_LIMIT).max(ANSWER_LIMIT)
            }
            Check::Command(check) => check.timeout,
        }
    }

    /// The check in a few words: without queries and arguments, which may hold secrets.
    pub fn name(&self) -> String {
        match self {
            Check::Http(check) => {
                format!("{} {}", check.method, check.place.split(['?', '#']).next().unwrap_or_default())
            }
            Check::Command(check) => match check.words.as_slice() {
                [] | [_] => check.words.concat(),
                [program, ..] => format!("{program} …"),
            },
        }
    }

    async fn try_out(&self, place: &Place, interrupt: &mut Interrupt) -> Verified {
        match self {
            Check::Http(check) => {
                let deadline = Instant::now() + check.patience;
                loop {
                    let why = match http::passes(check, place).await {
                        Ok(()) => return Verified::Passed,
                        Err(why) => why,
                    };
                    if Instant::now() >= deadline {
                        return Verified::Failed(Failure { check: self.name(), why, output: Vec::new() });
                    }
                    if interrupt.sleep(RETRY_INTERVAL).await {
                        return Verified::Interrupted;
                    }
                }
            }
            Check::Command(check) => match command::run(check, place, interrupt).await {
                Ok(()) => Verified::Passed,
                Err(command::Ended::Interrupted) => Verified::Interrupted,
                Err(command::Ended::Badly { why, output }) => {
                    Verified::Failed(Failure { check: self.name(), why, output })
                }
            },
        }
    }
}

/// Tries checks one after the other; the first that fails ends it. `passed` hears of each that passed.
pub(crate) async fn verify(
    checks: &[Check],
    place: &Place,
    interrupt: &mut Interrupt,
    passed: impl Fn(&Check, Duration),
) -> Verified {
    for check in checks {
        let began = Instant::now();
        match check.try_out(place, interrupt).await {
            Verified::Passed => passed(check, began.elapsed()),
            other => return other,
        }
    }
    Verified::Passed
}
