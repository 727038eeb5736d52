//! Alarms that fire before a deployment begins. ECS would silently watch none of the deployment's alarms then, so somebody has to say
//! that this is meant.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::aws::server_time::ServerTime;
use crate::aws::times::timestamp;
use crate::aws::{CallError, Connection, DoingExt};
use crate::config::ServiceName;

/// Most names one DescribeAlarms takes.
const NAMES_PER_CALL: usize = 100;

/// What to do when an alarm of a deployment fires before it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FiringAlarms {
    /// Nothing is deployed.
    #[default]
    Refuse,
    /// It is deployed, and ECS watches none of its alarms.
    Ignore,
}

/// An alarm that fires, and the service that would watch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FiringAlarm {
    pub service: ServiceName,
    pub alarm: String,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// CloudWatch's reason.
    pub reason: String,
}

/// Names all alarms, each with its reason.
pub(crate) fn in_words(alarms: &[FiringAlarm]) -> String {
    let one = |FiringAlarm { service, alarm, since, reason }: &FiringAlarm| {
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
        let since = since.and_then(|since| since.to_offset(time::UtcOffset::UTC).format(&form).ok());
        let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
        let reason = reason.trim_end_matches('.');
        format!("alarm {alarm} of service {service} is firing{since}: {reason}")
    };
    alarms.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The state of an alarm of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlarmStanding {
    pub name: String,
    pub is_firing: bool,
    pub since: Option<OffsetDateTime>,
    pub reason: String,
}

/// What CloudWatch says of alarms, and when it said so.
#[derive(Clone, Debug)]
pub(crate) struct Standings {
    pub alarms: Vec<AlarmStanding>,
    pub at: OffsetDateTime,
}

impl Standings {
    /// Those of the names that no alarm has.
    pub fn missing(&self, names: &[String]) -> Vec<String> {
        let known: BTreeSet<&str> = self.alarms.iter().map(|alarm| alarm.name.as_str()).collect();
        names.iter().filter(|name| !known.contains(name.as_str())).cloned().collect()
    }

    /// The alarms that fire.
    pub fn firing(&self, service: &ServiceName) -> Vec<FiringAlarm> {
        let firing = |alarm: &AlarmStanding| FiringAlarm {
            service: service.clone(),
            alarm: alarm.name.clone(),
            since: alarm.since,
            reason: alarm.reason.clone(),
        };
        self.alarms.iter().filter(|alarm| alarm.is_firing).map(firing).collect()
    }
}

/// Looks at alarms by their names; none of an unknown name.
pub(crate) async fn look(connection: &Connection, names: &[String]) -> Result<Standings, CallError> {
    let clock = ServerTime::default();
    let mut alarms = Vec::new();
    for names in names.chunks(NAMES_PER_CALL) {
        let described = connection
            .cloudwatch
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .max_records(100)
            .customize()
            .interceptor(clock.clone())
            .send()
            .await
            .doing(|| "looking at the alarms".into())?;
        alarms.extend(described.metric_alarms().iter().map(|alarm| {
            let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
            standing(alarm.alarm_name(), alarm.state_value(), timestamp(since), alarm.state_reason())
        }));
        alarms.extend(described.composite_alarms().iter().map(|alarm| {
            let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
            standing(alarm.alarm_name(), alarm.state_value(), timestamp(since), alarm.state_reason())
        }));
    }
    Ok(Standings { alarms, at: clock.now() })
}

fn standing(
    name: Option<&str>,
    value: Option<&StateValue>,
    since: Option<OffsetDateTime>,
    reason: Option<&str>,
) -> AlarmStanding {
    AlarmStanding {
        name: name.unwrap_or_default().to_owned(),
        is_firing: value == Some(&StateValue::Alarm),
        since,
        reason: reason.unwrap_or("CloudWatch gives no reason").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standings() -> Standings {
        let alarm = |name: &str, is_firing| AlarmStanding {
            name: name.into(),
            is_firing,
            since: OffsetDateTime::from_unix_timestamp(1_763_700_312).ok(),
            reason: "Threshold Crossed: 1 datapoint.".into(),
        };
        Standings { alarms: vec![alarm("a", false), alarm("b", true)], at: OffsetDateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_firing_alarm_is_told_with_its_age_and_reason() {
        let firing = standings().firing(&"web".parse().expect("name"));
        assert_eq!(
            in_words(&firing),
            "alarm b of service web is firing since 2025-11-21 04:45:12Z: Threshold Crossed: 1 datapoint"
        );
    }

    #[test]
    fn names_of_no_alarm_are_found() {
        assert_eq!(standings().missing(&["b".into(), "c".into()]), ["c"]);
    }
}
