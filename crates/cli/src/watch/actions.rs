//! Does what a key asked for, in a task of its own, and tells what became of it.

use std::time::Duration;

use seatrial_release::aws::Connection;
use seatrial_release::config::RollbackOverride;
use seatrial_release::plan::ServicePlan;
use seatrial_release::report::Reporter;
use seatrial_release::{
    BackTo, Interrupt, PromoteOptions, Reach, ReleaseError, ResumeOptions, RollbackOptions, SkipBakeOptions, Waiting,
    hold, promote, resume, rollback, skip_bake,
};
use tokio::sync::mpsc::Sender;

use super::keys::Action;

/// How long an action that is not waited for may take: a handful of calls.
const ACTION_LIMIT: Duration = Duration::from_secs(120);

/// How long a promotion to the end goes through pauses. Bake times come on top.
const PROMOTION_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// A view rolls nothing back because it has been open for long.
const NEVER: RollbackOverride = RollbackOverride::Never;

/// To the version before, which is not waited for.
const BACK: RollbackOptions = RollbackOptions { to: BackTo::LastGood, waiting: Waiting::Not, timeout: ACTION_LIMIT };

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
            Ok(said) => Done::Well(said),
            Err(error) => Done::Badly(problem(&error)),
        };
        // Nobody to hear it: the view is closed.
        let _ = done.send(became).await;
    });
}

/// Does it; returns what became of it, a sentence.
async fn carry_out(action: Action, connection: &Connection, plan: &ServicePlan) -> Result<String, ReleaseError> {
    let (report, interrupt) = (Reporter::silent(), Interrupt::never());
    let service = &plan.name;
    match action {
        Action::Promote => {
            let (reach, waiting) = (Reach::NextStep, attending(plan));
            let options = PromoteOptions { reach, waiting, timeout: PROMOTION_LIMIT, rollback: NEVER };
            promote(connection, plan, &options, &report, interrupt).await?;
            Ok(format!("{service} goes on"))
        }
        // Whoever answers pauses has to wait for them.
        Action::PromoteToEnd => {
            let (reach, waiting) = (Reach::End, Waiting::ToTheEnd);
            let options = PromoteOptions { reach, waiting, timeout: PROMOTION_LIMIT, rollback: NEVER };
            promote(connection, plan, &options, &report, interrupt).await?;
            Ok(format!("{service} went through its pauses"))
        }
        Action::Pause => {
            hold(connection, plan, interrupt).await?;
            Ok(format!("{service} is held at its next step"))
        }
        Action::Continue => {
            let options = ResumeOptions { waiting: attending(plan), timeout: PROMOTION_LIMIT, rollback: NEVER };
            resume(connection, plan, &options, &report, interrupt).await?;
            Ok(format!("{service} goes on"))
        }
        Action::SkipBake => {
            let options = SkipBakeOptions { waiting: Waiting::Not, timeout: ACTION_LIMIT };
            skip_bake(connection, plan, &options, &report, interrupt).await?;
            Ok(format!("{service} bakes no longer"))
        }
        Action::Abort => {
            rollback(connection, plan, &BACK, &report, interrupt).await?;
            Ok(format!("{service} is being rolled back"))
        }
        Action::RollBack => {
            let outcome = rollback(connection, plan, &BACK, &report, interrupt).await?;
            Ok(format!("{service} returns to {}", outcome.task_definition))
        }
    }
}

/// Where this program takes a deployment from step to step, it does so as long as the view is open.
fn attending(plan: &ServicePlan) -> Waiting {
    if plan.steering.has_pauses() { Waiting::ToTheEnd } else { Waiting::Not }
}

fn problem(error: &ReleaseError) -> String {
    error.advice().map_or_else(|| error.to_string(), |advice| format!("{error}; {advice}"))
}
