//! Service deployments.

use seatrial_engine::service_deployments::current;
use seatrial_engine::state::ServiceDeploymentRecord;
use seatrial_engine::{HookRun, ServiceDeployment, Shift, State};
use seatrial_model::{HookTarget, LifecycleStage};
use serde_json::{Value, json};

use super::{Object, deployment_configuration, instant, put};

/// Shows a service deployment as ListServiceDeployments does.
pub fn service_deployment_brief(state: &State, record: &ServiceDeploymentRecord) -> Value {
    let deployment = current(state, record);
    let mut object = common(state, record, &deployment);
    let target = state.scope.service_revision(&record.cluster, &record.service, deployment.target);
    object.insert("targetServiceRevisionArn".to_owned(), json!(target));
    Value::Object(object)
}

/// Shows a service deployment as DescribeServiceDeployments does.
pub fn service_deployment(state: &State, record: &ServiceDeploymentRecord) -> Value {
    let deployment = current(state, record);
    let revision = |id| json!(state.scope.service_revision(&record.cluster, &record.service, id));
    let counts = deployment.target_counts;
    let mut object = common(state, record, &deployment);
    object.insert("updatedAt".to_owned(), instant(deployment.updated_at));
    put(&mut object, "stoppedAt", deployment.stopped_at.map(instant));
    let sources = deployment.sources.iter().map(|source| {
        json!({
            "arn": revision(source.revision),
            "requestedTaskCount": source.counts.requested,
            "runningTaskCount": source.counts.running,
            "pendingTaskCount": source.counts.pending,
        })
    });
    object.insert("sourceServiceRevisions".to_owned(), sources.collect());
    let mut target = json!({
        "arn": revision(deployment.target),
        "requestedTaskCount": counts.requested,
        "runningTaskCount": counts.running,
        "pendingTaskCount": counts.pending,
    });
    if let Some(shift) = &deployment.shift {
        target["requestedTestTrafficWeight"] = json!(shift.shares.test.as_percent());
        target["requestedProductionTrafficWeight"] = json!(shift.shares.production.as_percent());
        object.insert("lifecycleStage".to_owned(), json!(stage(shift)));
        object.insert("lifecycleHookDetails".to_owned(), shift.runs.iter().map(|run| hook(shift, run)).collect());
    }
    object.insert("targetServiceRevision".to_owned(), target);
    let configuration = deployment_configuration(&record.deployment_configuration, &record.deployment_document);
    object.insert("deploymentConfiguration".to_owned(), configuration);
    let breaker = json!({
        "status": deployment.circuit_breaker.as_str(),
        "failureCount": deployment.failure_count,
        "threshold": deployment.threshold.unwrap_or(0),
    });
    object.insert("deploymentCircuitBreaker".to_owned(), breaker);
    let alarms = json!({
        "status": deployment.alarms.status.as_str(),
        "alarmNames": deployment.alarms.names,
        "triggeredAlarmNames": deployment.alarms.triggered,
    });
    object.insert("alarms".to_owned(), alarms);
    if let Some(rollback) = &deployment.rollback {
        let shown = json!({
            "reason": rollback.reason,
            "startedAt": instant(rollback.started_at),
            "serviceRevisionArn": revision(rollback.revision),
        });
        object.insert("rollback".to_owned(), shown);
    }
    Value::Object(object)
}

/// The status knows no stage of its own for what comes before a shift of production traffic.
fn stage(shift: &Shift) -> &'static str {
    match shift.stage {
        LifecycleStage::PreProductionTrafficShift if shift.steps_taken == 0 => {
            LifecycleStage::PostTestTrafficShift.as_str()
        }
        LifecycleStage::PreProductionTrafficShift => LifecycleStage::ProductionTrafficShift.as_str(),
        LifecycleStage::ReconcileService
        | LifecycleStage::PreScaleUp
        | LifecycleStage::ScaleUp
        | LifecycleStage::PostScaleUp
        | LifecycleStage::TestTrafficShift
        | LifecycleStage::PostTestTrafficShift
        | LifecycleStage::ProductionTrafficShift
        | LifecycleStage::PostProductionTrafficShift
        | LifecycleStage::BakeTime
        | LifecycleStage::CleanUp => shift.stage.as_str(),
    }
}

fn hook(shift: &Shift, run: &HookRun) -> Value {
    let configured = &shift.hooks[run.hook];
    let mut object = json!({
        "hookId": run.id,
        "status": run.status.as_str(),
        "expiresAt": instant(run.expires_at),
        "timeoutAction": configured.on_timeout.as_str(),
    });
    match &configured.target {
        HookTarget::Function(function) => {
            object["targetType"] = json!("AWS_LAMBDA");
            object["targetArn"] = json!(function);
        }
        HookTarget::Pause => object["targetType"] = json!("PAUSE"),
    }
    object
}

fn common(state: &State, record: &ServiceDeploymentRecord, deployment: &ServiceDeployment) -> Object {
    let scope = &state.scope;
    let mut object = Object::new();
    let members = [
        ("serviceDeploymentArn", json!(scope.service_deployment(&record.cluster, &record.service, &deployment.id))),
        ("serviceArn", json!(scope.service(&record.cluster, &record.service))),
        ("clusterArn", json!(scope.cluster(&record.cluster))),
        ("createdAt", instant(deployment.created_at)),
        ("startedAt", instant(deployment.started_at)),
        ("status", json!(deployment.status.as_str())),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    put(&mut object, "finishedAt", deployment.finished_at.map(instant));
    put(&mut object, "statusReason", deployment.status_reason.clone());
    object
}
