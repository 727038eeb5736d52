//! Policies invoked by alarms: the facts are gathered here, decided on in [`super::decision`], and acted upon.

use std::collections::{BTreeMap, BTreeSet};

use seatrial_cloudwatch::alarm::{Slot, evaluation_grid};
use seatrial_cloudwatch::{AlarmName, Definition, MetricAlarm, MetricStat, StateValue, Statistic};
use seatrial_controller::Lifecycle;

use super::activity::NotScaledReason;
use super::adjustment::Adjustment;
use super::change;
use super::decision::{Asks, Decision, Deployment, Facts, Scale, Trackers, Why, Wish, decide};
use super::policy::{PolicyKind, ScaleIn, ScalingPolicy, StepPolicy, TrackingPolicy};
use super::resource::ScalableResource;
use super::target::Bounds;
use crate::state::State;
use crate::transaction::Transaction;

/// How many periods old the newest point may be for anything to be decided by it. At high time scales a period can be shorter than the
/// time between two readings; beyond that, data that are missing decide nothing.
const FRESH_PERIODS: usize = 3;

/// Tells whether an action of an alarm is a scaling policy.
pub(crate) fn is_policy(state: &State, action: &str) -> bool {
    state.scaling_policies.values().any(|policy| policy.arn == action)
}

/// Invokes the policies among the actions of alarms, for the states they are in.
pub(crate) fn invoke(tx: &mut Transaction<'_>, alarms: &BTreeSet<AlarmName>) {
    if tx.state.scaling_policies.is_empty() {
        return;
    }
    let mut wishes: BTreeMap<ScalableResource, Vec<Wish>> = BTreeMap::new();
    for name in alarms {
        for (policy, alarm) in invoked(tx.state, name) {
            let of_resource = wishes.entry(policy.resource.clone()).or_default();
            of_resource.extend(wish(tx, policy, alarm));
        }
    }
    for (resource, wishes) in wishes {
        follow(tx, &resource, &wishes);
    }
}

/// The policies that an alarm invokes.
fn invoked<'a>(state: &'a State, name: &AlarmName) -> Vec<(&'a ScalingPolicy, &'a MetricAlarm)> {
    let Some(record) = state.alarms.get(name.as_str()) else { return Vec::new() };
    let Definition::Metric(alarm) = record.definition() else { return Vec::new() };
    let actions = alarm.actions();
    let wanted = match record.state().value {
        StateValue::Ok => &actions.ok,
        StateValue::Alarm => &actions.alarm,
        StateValue::InsufficientData => &actions.insufficient_data,
    };
    let policies = state.scaling_policies.values();
    policies.filter(|policy| actions.enabled && wanted.contains(&policy.arn)).map(|policy| (policy, alarm)).collect()
}

/// What a policy asks for; nothing without fresh data.
fn wish(tx: &Transaction<'_>, policy: &ScalingPolicy, alarm: &MetricAlarm) -> Option<Wish> {
    let (asks, cooldown) = match &policy.kind {
        PolicyKind::TargetTracking(tracking) => {
            let asks = tracking_asks(tx, tracking, alarm)?;
            let cooldown = match asks {
                Asks::Less(_) => tracking.scale_in_cooldown(),
                Asks::More(_) | Asks::Step(_) => tracking.scale_out_cooldown(),
            };
            (asks, cooldown)
        }
        PolicyKind::Step(step) => (step_asks(tx, step, alarm)?, step.cooldown()),
    };
    let (policy, alarm) = (policy.name.clone(), alarm.name().as_str().to_owned());
    Some(Wish { policy, alarm, asks, cooldown: tx.scale.apply(cooldown) })
}

/// Scaling out goes by the newest point. Scaling in goes by the highest of those that made the alarm fire, so that what is left would have
/// been enough for each of them, and by nothing when some are missing: CloudWatch lets an alarm fire for fewer.
fn tracking_asks(tx: &Transaction<'_>, tracking: &TrackingPolicy, alarm: &MetricAlarm) -> Option<Asks> {
    let alarms = tracking.alarms.as_ref()?;
    let points = points(tx, alarm)?;
    let ratio = |value: f64| Adjustment::Proportional(value / tracking.target());
    let name = alarm.name().as_str();
    if alarms.high == name {
        return Some(Asks::More(ratio(*points.first()?)));
    }
    let is_low = alarms.low.as_deref() == Some(name) && points.len() == alarm.evaluation_periods() as usize;
    is_low.then(|| Asks::Less(ratio(points.iter().copied().fold(f64::NEG_INFINITY, f64::max))))
}

fn step_asks(tx: &Transaction<'_>, step: &StepPolicy, alarm: &MetricAlarm) -> Option<Asks> {
    let grid = evaluation_grid(alarm, tx.now, tx.scale);
    let metrics = tx.monitoring.metrics();
    let newest = match (alarm.watched().metric(), Statistic::parse_simple(step.aggregation())) {
        (Some(stat), Ok(statistic)) => {
            let aggregated = MetricStat { statistic, ..stat.clone() };
            let point = aggregated.points(metrics, &grid).into_iter().next_back()?;
            let oldest_fresh = grid.timestamp(grid.count().saturating_sub(FRESH_PERIODS));
            Some(point.value).filter(|_| point.timestamp >= oldest_fresh)
        }
        (_, _) => points(tx, alarm)?.first().copied(),
    };
    step.change_at(newest? - alarm.threshold()).map(Asks::Step)
}

/// The points that an alarm judges by, newest first; none when the newest is not fresh.
fn points(tx: &Transaction<'_>, alarm: &MetricAlarm) -> Option<Vec<f64>> {
    let grid = evaluation_grid(alarm, tx.now, tx.scale);
    let slots = alarm.watched().slots(tx.monitoring.metrics(), &grid).ok()?;
    if !slots.iter().rev().take(FRESH_PERIODS).any(|slot| slot.point.is_some()) {
        return None;
    }
    let value = |slot: &Slot| slot.point.map(|point| point.value);
    Some(slots.iter().rev().filter_map(value).take(alarm.evaluation_periods() as usize).collect())
}

fn follow(tx: &mut Transaction<'_>, resource: &ScalableResource, wishes: &[Wish]) {
    let Some(facts) = facts(tx, resource) else { return };
    match decide(&facts, wishes) {
        Decision::Idle => {}
        Decision::Scale(Scale { to, wish, cooldowns }) => {
            if let Some(target) = tx.state.scalable_targets.get_mut(&resource.to_string()) {
                target.cooldowns = cooldowns;
            }
            change::scale(tx, resource, to, cause(tx.state, &wish));
        }
        Decision::Stay(why, wish) => {
            tracing::debug!(%resource, ?why, policy = wish.policy, "not scaled");
            if let Some(reason) = not_scaled(why, facts.current, facts.bounds) {
                let cause = cause(tx.state, &wish);
                change::note_not_scaled(tx, resource, cause, reason);
            }
        }
    }
}

fn facts(tx: &Transaction<'_>, resource: &ScalableResource) -> Option<Facts> {
    let service = tx.state.service(&resource.cluster, &resource.service)?;
    if service.controller.lifecycle() != Lifecycle::Active {
        return None;
    }
    let target = tx.state.scalable_targets.get(&resource.to_string())?;
    let is_underway = |deployment: &seatrial_controller::ServiceDeployment| !deployment.status.is_terminal();
    Some(Facts {
        now: tx.now,
        current: service.desired_count,
        bounds: target.bounds,
        suspended: target.suspended,
        cooldowns: target.cooldowns,
        deployment: match service.controller.service_deployment().is_some_and(is_underway) {
            true => Deployment::Underway,
            false => Deployment::None,
        },
        trackers: trackers(tx.state, resource),
    })
}

/// A policy is ready to scale in while its low alarm fires.
fn trackers(state: &State, resource: &ScalableResource) -> Trackers {
    let is_firing = |name: &String| state.alarms.get(name).is_some_and(|it| it.state().value == StateValue::Alarm);
    let holds_back = |policy: &ScalingPolicy| match &policy.kind {
        PolicyKind::TargetTracking(tracking) => match tracking.scale_in {
            ScaleIn::Enabled => !tracking.alarms.iter().filter_map(|it| it.low.as_ref()).any(is_firing),
            ScaleIn::Disabled => false,
        },
        PolicyKind::Step(_) => false,
    };
    let mut policies = state.scaling_policies.under(&format!("{resource}:")).map(|(_, policy)| policy);
    if policies.any(holds_back) { Trackers::SomeNot } else { Trackers::AllReady }
}

fn cause(state: &State, wish: &Wish) -> String {
    let value = state.alarms.get(&wish.alarm).map_or(StateValue::Alarm, |alarm| alarm.state().value);
    format!("monitor alarm {} in state {} triggered policy {}", wish.alarm, value.as_str(), wish.policy)
}

/// The reasons that the API has a code for; a cool-down or a suspension is not told.
fn not_scaled(why: Why, current: u32, bounds: Bounds) -> Option<NotScaledReason> {
    let reason = |code: &str| NotScaledReason { code: code.to_owned(), max: None, min: None, current: None };
    match why {
        Why::AtMax => Some(NotScaledReason { max: Some(bounds.max), ..reason("AlreadyAtMaxCapacity") }),
        Why::AtMin => Some(NotScaledReason { min: Some(bounds.min), ..reason("AlreadyAtMinCapacity") }),
        Why::AtDesired => Some(NotScaledReason { current: Some(current), ..reason("AlreadyAtDesiredCapacity") }),
        Why::Deploying => Some(reason("TargetServicePutResourceAsUnscalable")),
        Why::Cooling | Why::Suspended | Why::OthersNotReady => None,
    }
}
