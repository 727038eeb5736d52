//! The CloudWatch alarms that a service's deployments are watched by.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, MetricAlarm, StateValue};
use aws_sdk_ecs::types::{Service, ServiceDeployment};
use serde::Serialize;
use time::OffsetDateTime;

use crate::aws::times::timestamp;
use crate::aws::{CallError, Connection, DoingExt};

/// Most alarms asked for: one call's worth.
const ALARMS_MAX: usize = 100;

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmView {
    pub name: String,
    pub state: AlarmState,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// CloudWatch's reason for the state.
    pub reason: Option<String>,
}

/// What an alarm says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    Alarm,
    Ok,
    InsufficientData,
    /// It is configured and not there.
    Missing,
}

/// The names of the alarms that watch a service and its deployment.
pub(super) fn names(service: &Service, deployment: Option<&ServiceDeployment>) -> Vec<String> {
    let configured = service.deployment_configuration().and_then(|configuration| configuration.alarms());
    let configured = configured.filter(|alarms| alarms.enable()).map(|alarms| alarms.alarm_names()).unwrap_or_default();
    let watched = deployment.and_then(ServiceDeployment::alarms).map(|alarms| alarms.alarm_names()).unwrap_or_default();
    let names: BTreeSet<&String> = configured.iter().chain(watched).collect();
    names.into_iter().take(ALARMS_MAX).cloned().collect()
}

/// The alarms of these names, those that fire first.
pub(super) async fn alarms(connection: &Connection, names: &[String]) -> Result<Vec<AlarmView>, CallError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let described = connection
        .cloudwatch
        .describe_alarms()
        .set_alarm_names(Some(names.to_vec()))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .send()
        .await
        .doing(|| "reading the deployment alarms".into())?;
    Ok(views(names, described.metric_alarms(), described.composite_alarms()))
}

fn views(names: &[String], metric: &[MetricAlarm], composite: &[CompositeAlarm]) -> Vec<AlarmView> {
    let of_metric = |alarm: &MetricAlarm| AlarmView {
        name: alarm.alarm_name().unwrap_or_default().to_owned(),
        state: state(alarm.state_value()),
        since: timestamp(alarm.state_transitioned_timestamp().or_else(|| alarm.state_updated_timestamp())),
        reason: alarm.state_reason().map(ToOwned::to_owned),
    };
    let of_composite = |alarm: &CompositeAlarm| AlarmView {
        name: alarm.alarm_name().unwrap_or_default().to_owned(),
        state: state(alarm.state_value()),
        since: timestamp(alarm.state_transitioned_timestamp().or_else(|| alarm.state_updated_timestamp())),
        reason: alarm.state_reason().map(ToOwned::to_owned),
    };
    let found: Vec<AlarmView> = metric.iter().map(of_metric).chain(composite.iter().map(of_composite)).collect();
    let missing = names.iter().filter(|name| found.iter().all(|alarm| alarm.name != **name));
    let missing =
        missing.map(|name| AlarmView { name: name.clone(), state: AlarmState::Missing, since: None, reason: None });
    let mut views: Vec<AlarmView> = found.iter().cloned().chain(missing).collect();
    views.sort_by_key(|alarm| (alarm.state != AlarmState::Alarm, alarm.name.clone()));
    views
}

fn state(value: Option<&StateValue>) -> AlarmState {
    match value {
        Some(StateValue::Alarm) => AlarmState::Alarm,
        Some(StateValue::Ok) => AlarmState::Ok,
        // Also a state that is newer than this program.
        Some(_) | None => AlarmState::InsufficientData,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{DeploymentAlarms, DeploymentConfiguration, ServiceDeploymentAlarms};
    use aws_smithy_types::DateTime;

    #[test]
    fn alarms_that_fire_come_first_and_missing_ones_are_told() {
        let alarm = |name: &str, state: StateValue| {
            let since = DateTime::from_secs(100);
            MetricAlarm::builder().alarm_name(name).state_value(state).state_transitioned_timestamp(since).build()
        };
        let names = ["a", "b", "c", "d"].map(ToOwned::to_owned);
        let composite = CompositeAlarm::builder().alarm_name("c").state_value(StateValue::InsufficientData).build();
        let seen = views(&names, &[alarm("a", StateValue::Ok), alarm("b", StateValue::Alarm)], &[composite]);
        let told: Vec<_> = seen.iter().map(|alarm| (alarm.name.as_str(), alarm.state)).collect();
        assert_eq!(
            told,
            [
                ("b", AlarmState::Alarm),
                ("a", AlarmState::Ok),
                ("c", AlarmState::InsufficientData),
                ("d", AlarmState::Missing)
            ]
        );
        assert_eq!(seen[0].since, OffsetDateTime::from_unix_timestamp(100).ok());
    }

    #[test]
    fn the_alarms_of_the_service_and_of_its_deployment_are_asked_for_once() {
        let configuration = |enable: bool| {
            let alarms = DeploymentAlarms::builder().alarm_names("a").enable(enable).rollback(true);
            let alarms = alarms.build().expect("complete");
            let configuration = DeploymentConfiguration::builder().alarms(alarms).build();
            Service::builder().deployment_configuration(configuration).build()
        };
        let watched = ServiceDeploymentAlarms::builder().alarm_names("a").alarm_names("b").build();
        let deployment = ServiceDeployment::builder().alarms(watched).build();
        assert_eq!(names(&configuration(true), Some(&deployment)), ["a", "b"]);
        assert_eq!(names(&configuration(true), None), ["a"]);
        assert!(names(&configuration(false), None).is_empty());
    }
}
