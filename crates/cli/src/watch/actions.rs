//! Does what a key asked for, in a task of its own, and tells what became of it.

use std::time::Duration;

use seatrial_release::aws::Connection;
use seatrial_release::plan::ServicePlan;
use seatrial_release::report::Reporter;
use seatrial_release::{
    Interrupt, PromoteOptions, Reach, ReleaseError, RollbackOptions, ServiceOutcome, SkipBakeOptions, Waiting, hold,
    promote, resume, rollback, skip_bake,
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
            Ok(became) => Done::Well(said(action, &plan, &became)),
            Err(error) => Done::Badly(problem(&error)),
        };
        // Nobody to hear it: the view is closed.
        let _ = done.send(became).await;
    });
}

async fn carry_out(action: Action, connection: &Connection, plan: &ServicePlan) -> Result<Became, ReleaseError> {
    let (report, interrupt) = (Reporter::silent(), Interrupt::never());
    match action {
        Action::Promote => {
            let options = PromoteOptions { reach: Reach::NextStep, waiting: attending(plan), timeout: ACTION_LIMIT };
            promote(connection, plan, &options, &report, interrupt).await.map(Became::Outcome)
        }
        // Whoever answers pauses has to wait for them.
        Action::PromoteToEnd => {
            let options = PromoteOptions { reach: Reach::End, waiting: Waiting::ToTheEnd, timeout: PROMOTION_LIMIT };
            promote(connection, plan, &options, &report, interrupt).await.map(Became::Outcome)
        }
        Action::Pause => hold(connection, plan, interrupt).await.map(|_| Became::Held),
        Action::Continue => {
            let resumed = resume(connection, plan, attending(plan), ACTION_LIMIT, &report, interrupt).await;
            resumed.map(Became::Outcome)
        }
        Action::SkipBake => {
            let options = SkipBakeOptions { waiting: Waiting::Not, timeout: ACTION_LIMIT };
            skip_bake(connection, plan, &options, &report, interrupt).await.map(Became::Outcome)
        }
        Action::Abort | Action::RollBack => {
            let options = RollbackOptions { to_revision: None, waiting: Waiting::Not, timeout: ACTION_LIMIT };
            rollback(connection, plan, &options, &report, interrupt).await.map(Became::Outcome)
        }
    }
}

/// What an action came to.
enum Became {
    Held,
    Outcome(ServiceOutcome),
}

/// Where this program takes a deployment from step to step, it does so as long as the view is open.
fn attending(plan: &ServicePlan) -> Waiting {
    if plan.steering.has_pauses() { Waiting::ToTheEnd } else { Waiting::Not }
}

fn said(action: Action, plan: &ServicePlan, became: &Became) -> String {
    let service = &plan.name;
    match (action, became) {
        (Action::Pause, _) | (_, Became::Held) => format!("{service} is held at its next step"),
        (Action::Promote | Action::Continue, Became::Outcome(_)) => format!("{service} goes on"),
        (Action::PromoteToEnd, Became::Outcome(_)) => format!("{service} went through its pauses"),
        (Action::SkipBake, Became::Outcome(_)) => format!("{service} bakes no longer"),
        (Action::Abort, Became::Outcome(_)) => format!("{service} is being rolled back"),
        (Action::RollBack, Became::Outcome(outcome)) => format!("{service} returns to {}", outcome.task_definition),
    }
}

fn problem(error: &ReleaseError) -> String {
    error.advice().map_or_else(|| error.to_string(), |advice| format!("{error}; {advice}"))
}
