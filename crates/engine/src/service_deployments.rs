//! Service deployments: finding, stopping, forgetting.

use std::time::Duration;

use seatrial_controller::{
    Command, HookRun, HookStatus, Input, PauseAction, ServiceDeployment, ServiceDeploymentStatus, StopType,
};
use seatrial_model::skip_bake::NO_BAKE;
use seatrial_model::{HookId, ServiceDeploymentId};

use crate::effects::feed;
use crate::refusal::Refusal;
use crate::state::{ServiceDeploymentRecord, State, service_key};
use crate::transaction::Transaction;

/// How long ECS keeps a service's deployments.
pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);
/// The most service deployments kept of one service; a deployment a minute for a day.
pub const KEPT_MAX: usize = 1440;

/// Returns a service deployment as it stands now: the controller knows the running one best.
pub fn current(state: &State, record: &ServiceDeploymentRecord) -> ServiceDeployment {
    let service = state.services.get(&service_key(&record.cluster, &record.service));
    let running = service.and_then(|service| service.controller.service_deployment());
    running.filter(|running| running.id == record.deployment.id).unwrap_or(&record.deployment).clone()
}

/// Stops a running service deployment.
pub fn stop(tx: &mut Transaction<'_>, id: &ServiceDeploymentId, stop_type: StopType) -> Result<(), Refusal> {
    let record = tx.state.service_deployments.get(id.as_str()).ok_or_else(not_found)?;
    let key = service_key(&record.cluster, &record.service);
    match current(tx.state, record).status {
        // One that is given back in steps is given back at once when it is stopped again.
        ServiceDeploymentStatus::Pending
        | ServiceDeploymentStatus::InProgress
        | ServiceDeploymentStatus::RollbackInProgress => {
            feed(tx, &key, Input::Command(Command::StopServiceDeployment { id: id.clone(), stop_type }));
            Ok(())
        }
        ServiceDeploymentStatus::StopRequested | ServiceDeploymentStatus::RollbackRequested => Ok(()),
        status @ (ServiceDeploymentStatus::Stopped
        | ServiceDeploymentStatus::Successful
        | ServiceDeploymentStatus::RollbackSuccessful
        | ServiceDeploymentStatus::RollbackFailed) => Err(Refusal::new(
            "ConflictException",
            format!("The service deployment cannot be stopped: it has already ended ({}).", status.as_str()),
        )),
    }
}

/// Answers a paused service deployment.
pub fn continue_paused(
    tx: &mut Transaction<'_>,
    id: &ServiceDeploymentId,
    hook: &HookId,
    action: PauseAction,
) -> Result<(), Refusal> {
    let record = tx.state.service_deployments.get(id.as_str()).ok_or_else(not_found)?;
    let key = service_key(&record.cluster, &record.service);
    let deployment = current(tx.state, record);
    if deployment.status.is_terminal() {
        return Err(Refusal::invalid(
            "Continuing a service deployment is not allowed for service deployment in terminal states.",
        ));
    }
    let is_open = |run: &HookRun| run.id == *hook && run.status == HookStatus::AwaitingAction;
    let is_waiting = deployment.status == ServiceDeploymentStatus::InProgress
        && deployment.shift.is_some_and(|shift| shift.runs.iter().any(is_open));
    if !is_waiting {
        return Err(Refusal::invalid(
            "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN",
        ));
    }
    let command = Command::ContinueServiceDeployment { id: id.clone(), hook: hook.clone(), action };
    feed(tx, &key, Input::Command(command));
    Ok(())
}

/// Ends the bake that a service deployment is in, before its time: an engine extension.
pub fn skip_bake(tx: &mut Transaction<'_>, id: &ServiceDeploymentId) -> Result<(), Refusal> {
    let record = tx.state.service_deployments.get(id.as_str()).ok_or_else(not_found)?;
    let key = service_key(&record.cluster, &record.service);
    let deployment = current(tx.state, record);
    if deployment.bakes_until().is_none_or(|until| until <= tx.now) {
        return Err(Refusal::invalid(format!("{NO_BAKE}: {}.", why_no_bake(&deployment))));
    }
    feed(tx, &key, Input::Command(Command::SkipBake { id: id.clone() }));
    Ok(())
}

fn why_no_bake(deployment: &ServiceDeployment) -> String {
    match (deployment.status, &deployment.shift) {
        (ServiceDeploymentStatus::InProgress, _) if deployment.bakes_until().is_some() || deployment.bake_skipped => {
            "it is over, and the deployment waits for its tasks or hooks".to_owned()
        }
        (ServiceDeploymentStatus::InProgress, Some(shift)) => {
            format!("the service deployment is at {}", shift.stage.as_str())
        }
        (ServiceDeploymentStatus::InProgress, None) => "the service deployment still replaces tasks".to_owned(),
        (status, _) => format!("the service deployment is {}", status.as_str()),
    }
}

fn not_found() -> Refusal {
    Refusal::new("ServiceDeploymentNotFoundException", "The service deployment does not exist.")
}

pub(crate) fn forget_old(tx: &mut Transaction<'_>, key: &str) {
    let mut known: Vec<_> = tx
        .state
        .service_deployments
        .iter()
        .filter(|(_, record)| service_key(&record.cluster, &record.service) == key)
        .map(|(id, record)| (record.deployment.created_at, id.clone()))
        .collect();
    known.sort();
    let too_many = known.len().saturating_sub(KEPT_MAX);
    for (index, (created_at, id)) in known.into_iter().enumerate() {
        if index < too_many || created_at + RETENTION <= tx.now {
            tx.state.service_deployments.remove(&id);
        }
    }
}
