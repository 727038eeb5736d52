//! Which alarms failed a deployment, and why they fired. By the time a deployment is rolled back they may be quiet again, so the reason is
//! looked up in their history.

use aws_sdk_cloudwatch::types::{AlarmHistoryItem, HistoryItemType, ScanBy};
use aws_sdk_ecs::types::{ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus};
use aws_smithy_types::DateTime;
use serde_json::Value as Json;

use super::cause::{Cause, CauseKind};
use crate::aws::{CallError, Connection, DoingExt};

/// Most changes of state looked at: the one that counts is among the last.
const CHANGES_MAX: i32 = 20;

/// A cause for each alarm that failed a deployment. One whose history cannot be read is told without its reason.
pub(crate) async fn of_alarms(connection: &Connection, deployment: &ServiceDeployment) -> Vec<Cause> {
    let mut causes = Vec::new();
    for name in triggered(deployment) {
        let reason = reason(connection, name, deployment.created_at()).await.ok().flatten();
        let reason = reason.map(|reason| format!(": {}", reason.trim_end_matches('.'))).unwrap_or_default();
        causes.push(Cause::of_deployment(CauseKind::AlarmFired, format!("alarm {name} fired{reason}")));
    }
    causes
}

fn triggered(deployment: &ServiceDeployment) -> &[String] {
    match deployment.alarms() {
        Some(alarms) if alarms.status() == Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered) => {
            alarms.triggered_alarm_names()
        }
        Some(_) | None => &[],
    }
}

async fn reason(connection: &Connection, name: &str, since: Option<&DateTime>) -> Result<Option<String>, CallError> {
    let history = connection
        .cloudwatch
        .describe_alarm_history()
        .alarm_name(name)
        .history_item_type(HistoryItemType::StateUpdate)
        .set_start_date(since.copied())
        .scan_by(ScanBy::TimestampDescending)
        .max_records(CHANGES_MAX)
        .send()
        .await
        .doing(|| format!("reading the history of alarm {name}"))?;
    Ok(history.alarm_history_items().iter().find_map(reason_to_fire))
}

/// CloudWatch's reason, when this is a change into ALARM.
fn reason_to_fire(item: &AlarmHistoryItem) -> Option<String> {
    let data: Json = serde_json::from_str(item.history_data()?).ok()?;
    let new = &data["newState"];
    (new["stateValue"] == "ALARM").then(|| new["stateReason"].as_str().map(ToOwned::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ServiceDeploymentAlarms;

    use super::*;

    #[test]
    fn the_reason_is_that_of_the_change_into_alarm() {
        let item = |state: &str| {
            let data = format!(r#"{{"newState":{{"stateValue":"{state}","stateReason":"Threshold Crossed"}}}}"#);
            AlarmHistoryItem::builder().history_data(data).build()
        };
        assert_eq!(reason_to_fire(&item("ALARM")).as_deref(), Some("Threshold Crossed"));
        assert_eq!(reason_to_fire(&item("OK")), None);
        assert_eq!(reason_to_fire(&AlarmHistoryItem::builder().history_data("?").build()), None);
    }

    #[test]
    fn only_alarms_that_failed_the_deployment_are_causes() {
        let deployment = |status: ServiceDeploymentRollbackMonitorsStatus| {
            let alarms = ServiceDeploymentAlarms::builder().status(status).triggered_alarm_names("errors").build();
            ServiceDeployment::builder().alarms(alarms).build()
        };
        assert_eq!(triggered(&deployment(ServiceDeploymentRollbackMonitorsStatus::Triggered)), ["errors"]);
        assert!(triggered(&deployment(ServiceDeploymentRollbackMonitorsStatus::Monitoring)).is_empty());
    }
}
