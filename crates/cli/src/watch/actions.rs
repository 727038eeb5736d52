//! Does what a key asked for, in a task of its own, and tells what became of it.

use std::time::Duration;

use seatrial_release::aws::Connection;
use seatrial_release::plan::ServicePlan;
use seatrial_release::report::Reporter;
use seatrial_release::{
    Interrupt, PromoteOptions, Reach, ReleaseError, RollbackOptions, ServiceOutcome, Waiting, promote, rollback,
};
use tokio::sync::mpsc::Sender;

use super::keys::Action;

/// How long an action that is not waited for may take: a handful of calls.
const ACTION_LIMIT: Duration = Duration::from_secs(120);

/// How long a promotion to the end goes through pauses. Bake times come on top.
const PROMOTION_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// What became of an action, a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Well(String),
    Badly(String),
}

/// Begins an action.
pub fn begin(action: Action, connection: Connection, plan: ServicePlan, done: Sender<Done>) {
    tokio::spawn(async move {
        let became = match carry_out(action, &connection, &plan).await {
            Ok(outcome) => Done::Well(said(action, &outcome)),
            Err(error) => Done::Badly(problem(&error)),
        };
        // Nobody to hear it: the view is closed.
        let _ = done.send(became).await;
    });
}

async fn carry_out(
    action: Action,
    connection: &Connection,
    plan: &ServicePlan,
) -> Result<ServiceOutcome, ReleaseError> {
    let (report, interrupt) = (Reporter::silent(), Interrupt::never());
    match action {
        Action::Promote => {
            let options = PromoteOptions { reach: Reach::NextPause, waiting: Waiting::Not, timeout: ACTION_LIMIT };
            promote(connection, plan, &options, &report, interrupt).await
        }
        // Whoever answers pauses has to wait for them.
        Action::PromoteToEnd => {
            let options = PromoteOptions { reach: Reach::End, waiting: Waiting::ToTheEnd, timeout: PROMOTION_LIMIT };
            promote(connection, plan, &options, &report, interrupt).await
        }
        Action::Abort | Action::RollBack => {
            let options = RollbackOptions { to_revision: None, waiting: Waiting::Not, timeout: ACTION_LIMIT };
            rollback(connection, plan, &options, &report, interrupt).await
        }
    }
}

fn said(action: Action, outcome: &ServiceOutcome) -> String {
    let service = &outcome.service;
    match action {
        Action::Promote => format!("{service} goes on"),
        Action::PromoteToEnd => format!("{service} went through its pauses"),
        Action::Abort => format!("{service} is being rolled back"),
        Action::RollBack => format!("{service} returns to {}", outcome.task_definition),
    }
}

fn problem(error: &ReleaseError) -> String {
    error.advice().map_or_else(|| error.to_string(), |advice| format!("{error}; {advice}"))
}
