//! A stack: whether it is there, and whether its state allows it to be changed.

use std::time::Duration;

use aws_sdk_cloudformation::types::Stack as Found;
use tokio::time::Instant;

use super::super::Workshop;
use super::super::kind::StackPlan;
use crate::aws::{Connection, DoingExt};
use crate::error::ReleaseError;

/// How long a stack that is being changed by somebody is waited for: as long as a change may take.
const BUSY_MAX: Duration = Duration::from_secs(3 * 60 * 60);

/// A stack of the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack<'a> {
    pub workshop: &'a Workshop<'a>,
    pub plan: &'a StackPlan,
}

/// Whether a stack is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Absent,
    /// There is but a change set that nobody has executed.
    Reviewed,
    Present,
}

/// What a state of a stack allows.
#[derive(Debug, PartialEq, Eq)]
enum Allows {
    Creation(Standing),
    Update,
    /// It is being changed.
    Nothing,
    Intervention {
        why: &'static str,
        instead: String,
    },
}

impl Stack<'_> {
    /// The stack, if it is there.
    pub async fn find(&self) -> Result<Option<Found>, ReleaseError> {
        let name = &self.plan.stack;
        let answer = self.connection().cloudformation.describe_stacks().stack_name(name).send().await;
        match answer.doing(|| format!("looking at the stack {name}")) {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
            Err(error) if error.has_code("ValidationError") && error.to_string().contains("does not exist") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it can be changed; one that somebody is changing is waited for.
    pub async fn standing(&self) -> Result<Standing, ReleaseError> {
        let mut interrupt = self.workshop.interrupt.clone();
        let deadline = Instant::now() + BUSY_MAX;
        loop {
            let status = self.find().await?.and_then(|found| found.stack_status);
            let status = status.as_ref().map_or("", |status| status.as_str());
            match allows(&self.plan.stack, status) {
                Allows::Creation(standing) => return Ok(standing),
                Allows::Update => return Ok(Standing::Present),
                Allows::Intervention { why, instead } => {
                    let what = format!("the stack {} is {status}: {why}", self.plan.stack);
                    return Err(ReleaseError::not_possible(what, instead));
                }
                Allows::Nothing if Instant::now() >= deadline => {
                    let what = format!("the stack {}, which is {status}", self.plan.stack);
                    return Err(ReleaseError::TookTooLong { what, limit: BUSY_MAX });
                }
                Allows::Nothing => {
                    if interrupt.sleep(self.connection().poll_interval()).await {
                        let before = format!("the stack {} was free ({status})", self.plan.stack);
                        return Err(ReleaseError::Interrupted { before });
                    }
                }
            }
        }
    }

    pub fn connection(&self) -> &Connection {
        self.workshop.connection
    }
}

/// What has to be done about a state before anything else can be, if anything has.
pub(super) fn intervention(name: &str, status: &str) -> Option<String> {
    match allows(name, status) {
        Allows::Intervention { instead, .. } => Some(instead),
        Allows::Creation(_) | Allows::Update | Allows::Nothing => None,
    }
}

/// What a state allows; empty for a stack that is not there.
fn allows(name: &str, status: &str) -> Allows {
    let delete = || format!("delete it, then go on: aws cloudformation delete-stack --stack-name {name}");
    match status {
        "" | "DELETE_COMPLETE" => Allows::Creation(Standing::Absent),
        "REVIEW_IN_PROGRESS" => Allows::Creation(Standing::Reviewed),
        "ROLLBACK_COMPLETE" => Allows::Intervention {
            why: "it could not be made, and cannot be changed into what it should be",
            instead: delete(),
        },
        "CREATE_FAILED" | "ROLLBACK_FAILED" => {
            Allows::Intervention { why: "it could not be made, and parts of it are still there", instead: delete() }
        }
        "DELETE_FAILED" => Allows::Intervention {
            why: "it could not be deleted",
            instead: format!(
                "see why (aws cloudformation describe-stack-events --stack-name {name}), then delete it again"
            ),
        },
        "UPDATE_ROLLBACK_FAILED" => Allows::Intervention {
            why: "a change failed, and so did the way back",
            instead: format!("repair the cause, then: aws cloudformation continue-update-rollback --stack-name {name}"),
        },
        "UPDATE_FAILED" | "IMPORT_ROLLBACK_FAILED" => Allows::Intervention {
            why: "a change failed and was not taken back",
            instead: format!("take it back: aws cloudformation rollback-stack --stack-name {name}"),
        },
        busy if busy.ends_with("_IN_PROGRESS") => Allows::Nothing,
        _ => Allows::Update,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_stack_allows_something() {
        for (status, expected) in [
            ("", Allows::Creation(Standing::Absent)),
            ("DELETE_COMPLETE", Allows::Creation(Standing::Absent)),
            ("REVIEW_IN_PROGRESS", Allows::Creation(Standing::Reviewed)),
            ("CREATE_COMPLETE", Allows::Update),
            ("UPDATE_COMPLETE", Allows::Update),
            ("UPDATE_ROLLBACK_COMPLETE", Allows::Update),
            ("IMPORT_COMPLETE", Allows::Update),
            ("IMPORT_ROLLBACK_COMPLETE", Allows::Update),
            ("CREATE_IN_PROGRESS", Allows::Nothing),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Allows::Nothing),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Allows::Nothing),
            ("DELETE_IN_PROGRESS", Allows::Nothing),
        ] {
            assert_eq!(allows("shop", status), expected, "{status}");
        }
        for (status, command) in [
            ("ROLLBACK_COMPLETE", "delete-stack --stack-name shop"),
            ("ROLLBACK_FAILED", "delete-stack --stack-name shop"),
            ("CREATE_FAILED", "delete-stack --stack-name shop"),
            ("DELETE_FAILED", "describe-stack-events --stack-name shop"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name shop"),
            ("UPDATE_FAILED", "rollback-stack --stack-name shop"),
        ] {
            let Allows::Intervention { instead, .. } = allows("shop", status) else { panic!("{status}") };
            assert!(instead.contains(command), "{status}: {instead}");
        }
    }
}
