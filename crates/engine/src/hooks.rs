//! Lifecycle hooks' functions: what they are told, and what their answers mean (§4.5 of the ECS semantics).

use std::time::Duration;

use seatrial_controller::{HookAnswer, HookInvocation, Input, Observation, ServiceDeploymentStatus};
use seatrial_model::{HookId, RevisionId, TrafficPercent};
use seatrial_ports::hooks::{self, HookOutcome, HookReport};
use serde_json::{Map, Value, json};

use crate::effects::{feed, follow_up};
use crate::state::{ServiceRecord, State};
use crate::transaction::{Order, Transaction};

/// The longest wait before a function is asked again that it can wish for; ECS ends a hook after a day.
const CALL_BACK_MAX: Duration = Duration::from_secs(24 * 3600);

/// Orders an invocation.
pub(crate) fn invoke(tx: &mut Transaction<'_>, key: &str, invocation: &HookInvocation) {
    let Some(service) = tx.state.services.get(key) else { return };
    let order = Order::Invoke(Box::new(hooks::HookInvocation {
        hook_id: invocation.hook.to_string(),
        attempt: invocation.attempt,
        function: invocation.function.clone(),
        payload: payload(tx.state, service, invocation),
    }));
    tx.order(order);
}

fn payload(state: &State, service: &ServiceRecord, invocation: &HookInvocation) -> Value {
    let revision = |id: RevisionId| state.scope.service_revision(&service.cluster, &service.name, id);
    let weights = |share: Option<TrafficPercent>| {
        let mut weights = Map::new();
        if let Some(share) = share {
            weights.insert(revision(invocation.target).to_string(), json!(share.as_percent()));
            if let Some(source) = invocation.source {
                weights.insert(revision(source).to_string(), json!(share.rest().as_percent()));
            }
        }
        weights
    };
    let deployment = service.controller.service_deployment().map(|deployment| &deployment.id);
    let mut payload = json!({
        "executionId": invocation.hook,
        "lifecycleStage": invocation.stage.as_str(),
        "executionDetails": {
            "serviceArn": state.scope.service(&service.cluster, &service.name),
            "targetServiceRevisionArn": revision(invocation.target),
            "testTrafficWeights": weights(invocation.shares.map(|shares| shares.test)),
            "productionTrafficWeights": weights(invocation.shares.map(|shares| shares.production)),
        },
    });
    if let Some(id) = deployment {
        payload["resourceArn"] = json!(state.scope.service_deployment(&service.cluster, &service.name, id));
    }
    if let Some(details) = &invocation.details {
        payload["hookDetails"] = details.clone();
    }
    payload
}

/// Works in what came of an invocation.
pub(crate) fn work_in(tx: &mut Transaction<'_>, report: &HookReport) {
    let Ok(hook) = HookId::parse(&report.hook_id) else { return };
    let is_waiting = |service: &ServiceRecord| {
        let running = service.controller.service_deployment().filter(|deployment| {
            matches!(
                deployment.status,
                ServiceDeploymentStatus::InProgress | ServiceDeploymentStatus::RollbackInProgress
            )
        });
        let shift = running.and_then(|deployment| deployment.shift.as_ref());
        shift.is_some_and(|shift| shift.runs.iter().any(|run| run.id == hook))
    };
    let Some(key) = tx.state.services.iter().find(|(_, service)| is_waiting(service)).map(|(key, _)| key.clone())
    else {
        return;
    };
    let answer = match &report.outcome {
        HookOutcome::Answered(value) => read_answer(value, tx.scale),
        HookOutcome::Failed(why) => HookAnswer::NotInvoked(why.clone()),
    };
    let seen = Observation::HookAnswered { hook, attempt: report.attempt, answer };
    feed(tx, &key, Input::Observation(seen));
    follow_up(tx);
}

fn read_answer(value: &Value, scale: seatrial_model::TimeScale) -> HookAnswer {
    match value.get("hookStatus") {
        None | Some(Value::Null) => HookAnswer::Unreadable("HookStatus must not be null".to_owned()),
        Some(Value::String(status)) => match status.as_str() {
            "SUCCEEDED" => HookAnswer::Succeeded,
            "FAILED" => HookAnswer::Failed,
            "IN_PROGRESS" => {
                // Both spellings are in use.
                let delay = value.get("callBackDelay").or_else(|| value.get("callBackDelaySeconds"));
                let delay = delay.and_then(Value::as_u64).map(Duration::from_secs);
                let call_back = delay.map(|delay| scale.apply(delay.min(CALL_BACK_MAX)));
                let details = value.get("hookDetails").filter(|details| !details.is_null()).cloned();
                HookAnswer::InProgress { call_back, details }
            }
            other => {
                HookAnswer::Unreadable(format!("HookStatus {other:?}, which is none of SUCCEEDED, FAILED, IN_PROGRESS"))
            }
        },
        Some(other) => HookAnswer::Unreadable(format!("HookStatus {other}, which is no text")),
    }
}
