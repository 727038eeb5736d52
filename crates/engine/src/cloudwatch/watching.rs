//! Deployments and the alarms they watch (§3 of the semantics).

use std::collections::BTreeSet;
use std::time::Duration;

use seatrial_cloudwatch::{AlarmName, Definition, StateValue};
use seatrial_controller::{Input, MonitorStatus, Observation};

use crate::auto_scaling::ScalingPolicy;
use crate::effects::feed;
use crate::state::{ServiceRecord, State};
use crate::transaction::Transaction;

/// The longest bake time that is computed for a ROLLING deployment with alarms (nominal). ECS says only that it computes one from the
/// alarms' configuration, and that it is less than five minutes in general.
pub const COMPUTED_BAKE_TIME_MAX: Duration = Duration::from_secs(5 * 60);

/// The longest time (nominal) after a start of the engine during which alarms keep their states. The metrics did not survive; an alarm that
/// treats missing data as breaching would fail a deployment for want of data alone. Longer would leave deployments unwatched.
pub const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// Returns those of the alarms that are in ALARM.
pub(crate) fn firing(state: &State, names: &[String]) -> Vec<String> {
    let is_firing =
        |name: &&String| state.alarms.get(name.as_str()).is_some_and(|alarm| alarm.state().value == StateValue::Alarm);
    names.iter().filter(is_firing).cloned().collect()
}

/// Computes the bake time (nominal) of a ROLLING deployment that was never given one: as long as the slowest of its alarms looks back, so
/// that each has judged the new revision alone, at most [`COMPUTED_BAKE_TIME_MAX`].
pub(crate) fn computed_bake_time(state: &State, names: &[String]) -> Duration {
    longest_range(state, names.iter().map(String::as_str)).min(COMPUTED_BAKE_TIME_MAX)
}

/// Returns how long (nominal) alarms keep their states after a start: until the slowest has whole periods of new data. Those of scaling
/// policies do not count: they look back far, and do nothing without data.
pub(crate) fn restart_pause(state: &State) -> Duration {
    let of_policies: BTreeSet<&str> = state.scaling_policies.values().flat_map(ScalingPolicy::own_alarms).collect();
    let watched = state.alarms.keys().map(String::as_str).filter(|name| !of_policies.contains(name));
    longest_range(state, watched).min(RESTART_PAUSE_MAX)
}

/// Tells every deployment that watches an alarm that it has entered ALARM.
pub(crate) fn tell_deployments(tx: &mut Transaction<'_>, alarm: &AlarmName) {
    let watches = |service: &ServiceRecord| {
        service.controller.service_deployment().is_some_and(|deployment| {
            deployment.alarms.status == MonitorStatus::Monitoring
                && deployment.alarms.names.iter().any(|name| name == alarm.as_str())
        })
    };
    let watching: Vec<String> =
        tx.state.services.iter().filter(|(_, service)| watches(service)).map(|(key, _)| key.clone()).collect();
    for key in watching {
        feed(tx, &key, Input::Observation(Observation::AlarmFired { name: alarm.as_str().to_owned() }));
    }
}

/// Returns the longest Period times EvaluationPeriods among alarms and those that composite ones of them watch.
fn longest_range<'a>(state: &'a State, names: impl Iterator<Item = &'a str>) -> Duration {
    let mut unseen: Vec<&str> = names.collect();
    let mut seen = BTreeSet::new();
    let mut longest = Duration::ZERO;
    while let Some(name) = unseen.pop() {
        if !seen.insert(name) {
            continue;
        }
        match state.alarms.get(name).map(|alarm| alarm.definition()) {
            Some(Definition::Metric(alarm)) => {
                let period = Duration::from_secs(u64::from(alarm.period().seconds()));
                longest = longest.max(period * alarm.evaluation_periods());
            }
            Some(Definition::Composite(alarm)) => unseen.extend(alarm.rule().children().iter().map(AlarmName::as_str)),
            None => {}
        }
    }
    longest
}
