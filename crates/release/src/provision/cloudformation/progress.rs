//! A change set being executed: the stack's events as they come, to its end.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudformation::types::StackEvent;
use tokio::time::Instant;

use super::change_set::ChangeSet;
use super::stack::{Stack, intervention};
use crate::aws::DoingExt;
use crate::error::ReleaseError;
use crate::report::{Deed, Event, InfraEvent};

/// How long a change may take: a database cluster takes an hour, and several wait for each other.
const EXECUTION_MAX: Duration = Duration::from_secs(3 * 60 * 60);

/// Reasons that only say that something else has failed.
const CONSEQUENCES: [&str; 3] = ["cancelled", "The following resource(s) failed", "Rollback requested by user"];

/// Executes a change set and waits for its end, telling every event.
pub(super) async fn execute(stack: &Stack<'_>, change_set: &ChangeSet<'_>) -> Result<(), ReleaseError> {
    let name = &stack.plan.stack;
    let mut known: BTreeSet<String> = events(stack).await?.into_iter().filter_map(|event| event.event_id).collect();
    change_set.execute().await?;
    let mut interrupt = stack.workshop.interrupt.clone();
    let deadline = Instant::now() + EXECUTION_MAX;
    let mut cause = None;
    let mut has_begun = false;
    loop {
        // Until the stack itself has had an event its state is the one before.
        let is_current = has_begun;
        let status = stack.find().await?.and_then(|found| found.stack_status);
        let status = status.as_ref().map_or("DELETE_COMPLETE", |status| status.as_str()).to_owned();
        // Looked at after the state, so that none of the last ones is missed.
        for event in events(stack).await? {
            if event.event_id().is_some_and(|id| known.insert(id.to_owned())) {
                has_begun |= is_of_stack(&event, name);
                cause = cause.or_else(|| failure(&event));
                told(&event, name).into_iter().for_each(|event| stack.workshop.report.send(Event::Infra(event)));
            }
        }
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" if is_current => return Ok(()),
            busy if busy.ends_with("_IN_PROGRESS") || !is_current => {}
            ended => {
                let why = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                let what = format!("the stack {name} is {ended}{why}");
                let instead = instead(name, ended, change_set.is_creation());
                return Err(ReleaseError::not_possible(what, instead));
            }
        }
        if Instant::now() >= deadline {
            let what = format!("the stack {name}, which is {status} and goes on");
            return Err(ReleaseError::TookTooLong { what, limit: EXECUTION_MAX });
        }
        if interrupt.sleep(stack.connection().poll_interval()).await {
            let before = format!("the stack {name} was done; CloudFormation goes on with it");
            return Err(ReleaseError::Interrupted { before });
        }
    }
}

/// What to do about a change that has ended otherwise than it should.
fn instead(name: &str, status: &str, is_creation: bool) -> String {
    match (is_creation, intervention(name, status)) {
        (true, _) => format!(
            "repair the cause, delete what is left (aws cloudformation delete-stack --stack-name {name}), and go on"
        ),
        // Neither the change nor the way back has come to its end.
        (false, Some(instead)) => instead,
        (false, None) if status.ends_with("ROLLBACK_COMPLETE") => {
            "repair the cause and go on: the stack is what it was before".to_owned()
        }
        (false, None) => {
            format!("see what has become of it: aws cloudformation describe-stack-events --stack-name {name}")
        }
    }
}

/// The newest events, oldest first.
async fn events(stack: &Stack<'_>) -> Result<Vec<StackEvent>, ReleaseError> {
    let name = &stack.plan.stack;
    let answer = stack.connection().cloudformation.describe_stack_events().stack_name(name).send().await;
    let answer = answer.doing(|| format!("looking at the events of the stack {name}"))?;
    let mut events = answer.stack_events.unwrap_or_default();
    events.reverse();
    Ok(events)
}

/// Whether an event is of the stack itself.
fn is_of_stack(event: &StackEvent, stack: &str) -> bool {
    event.logical_resource_id() == Some(stack) && event.resource_type() == Some("AWS::CloudFormation::Stack")
}

/// Why a resource failed, if it is the first that did.
fn failure(event: &StackEvent) -> Option<String> {
    let is_failure = event.resource_status.as_ref().is_some_and(|status| status.as_str().ends_with("_FAILED"));
    let reason = event.resource_status_reason().unwrap_or("without a reason");
    let is_consequence = CONSEQUENCES.iter().any(|words| reason.contains(words));
    let id = event.logical_resource_id().unwrap_or_default();
    let kind = event.resource_type().unwrap_or_default();
    (is_failure && !is_consequence).then(|| format!("{id} ({kind}): {reason}"))
}

/// What is told of an event; those of the stack itself are its state, which is told otherwise.
fn told(event: &StackEvent, stack: &str) -> Option<InfraEvent> {
    let address = event.logical_resource_id()?.to_owned();
    if is_of_stack(event, stack) {
        return None;
    }
    let status = event.resource_status.as_ref()?.as_str();
    let deed = match status.split('_').next()? {
        "CREATE" | "IMPORT" => Deed::Create,
        "UPDATE" | "ROLLBACK" => Deed::Change,
        "DELETE" => Deed::Destroy,
        _ => return None,
    };
    if status.ends_with("_FAILED") {
        let why = event.resource_status_reason().unwrap_or("without a reason").to_owned();
        return Some(InfraEvent::Failed { address, why });
    }
    if status.ends_with("_COMPLETE") {
        return Some(InfraEvent::Done { address, deed });
    }
    // A second event of the same kind only says that the resource has a name now.
    event.resource_status_reason().is_none().then_some(InfraEvent::Began { address, deed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(status: &str, reason: Option<&str>) -> StackEvent {
        StackEvent::builder()
            .stack_id("arn")
            .event_id("1")
            .stack_name("shop")
            .logical_resource_id("Queue")
            .resource_type("AWS::SQS::Queue")
            .resource_status(status.into())
            .set_resource_status_reason(reason.map(ToOwned::to_owned))
            .build()
    }

    #[test]
    fn the_first_cause_counts_and_not_what_follows_from_it() {
        assert_eq!(
            failure(&event("CREATE_FAILED", Some("Access denied"))).as_deref(),
            Some("Queue (AWS::SQS::Queue): Access denied")
        );
        assert_eq!(failure(&event("CREATE_FAILED", Some("Resource creation cancelled"))), None);
        assert_eq!(failure(&event("CREATE_COMPLETE", None)), None);
    }

    #[test]
    fn only_a_stack_that_was_taken_back_is_what_it_was_before() {
        for (status, is_creation, words) in [
            ("UPDATE_ROLLBACK_COMPLETE", false, "what it was before"),
            ("UPDATE_ROLLBACK_FAILED", false, "continue-update-rollback --stack-name shop"),
            ("UPDATE_FAILED", false, "rollback-stack --stack-name shop"),
            ("ROLLBACK_COMPLETE", true, "delete-stack --stack-name shop"),
            ("DELETE_COMPLETE", false, "describe-stack-events --stack-name shop"),
        ] {
            let told = instead("shop", status, is_creation);
            assert!(told.contains(words), "{status}: {told}");
            assert_eq!(told.contains("before"), status == "UPDATE_ROLLBACK_COMPLETE", "{status}: {told}");
        }
    }

    #[test]
    fn events_are_told_by_what_is_done() {
        let address = || "Queue".to_owned();
        for (status, reason, expected) in [
            ("CREATE_IN_PROGRESS", None, Some(InfraEvent::Began { address: address(), deed: Deed::Create })),
            ("CREATE_IN_PROGRESS", Some("Resource creation Initiated"), None),
            ("UPDATE_COMPLETE", None, Some(InfraEvent::Done { address: address(), deed: Deed::Change })),
            ("DELETE_COMPLETE", None, Some(InfraEvent::Done { address: address(), deed: Deed::Destroy })),
            ("UPDATE_FAILED", Some("no"), Some(InfraEvent::Failed { address: address(), why: "no".into() })),
            ("REVIEW_IN_PROGRESS", None, None),
        ] {
            assert_eq!(told(&event(status, reason), "shop"), expected, "{status}");
        }
        let itself = StackEvent::builder()
            .stack_id("arn")
            .event_id("1")
            .stack_name("shop")
            .logical_resource_id("shop")
            .resource_type("AWS::CloudFormation::Stack")
            .resource_status("CREATE_COMPLETE".into())
            .build();
        assert!(is_of_stack(&itself, "shop") && told(&itself, "shop").is_none());
    }
}
