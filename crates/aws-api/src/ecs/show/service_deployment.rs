//! Service deployments.

use seatrial_engine::ServiceDeployment;
use seatrial_engine::State;
use seatrial_engine::service_deployments::current;
use seatrial_engine::state::ServiceDeploymentRecord;
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
    let target = json!({
        "arn": revision(deployment.target),
        "requestedTaskCount": counts.requested,
        "runningTaskCount": counts.running,
        "pendingTaskCount": counts.pending,
    });
    object.insert("targetServiceRevision".to_owned(), target);
    let configuration = deployment_configuration(&record.deployment_configuration, &record.deployment_document);
    object.insert("deploymentConfiguration".to_owned(), configuration);
    let breaker = json!({
        "status": deployment.circuit_breaker.as_str(),
        "failureCount": deployment.failure_count,
        "threshold": deployment.threshold.unwrap_or(0),
    });
    object.insert("deploymentCircuitBreaker".to_owned(), breaker);
    object.insert("alarms".to_owned(), json!({ "status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": [] }));
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
