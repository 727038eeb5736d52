//! Commands on alarms, their evaluation, and what follows from a change of state.

use seatrial_cloudwatch::alarm::ActionOutcome;
use seatrial_cloudwatch::{AlarmName, AlarmState, CompositeAlarm, MetricAlarm, StateValue, Transition};

use super::{watching, write};
use crate::auto_scaling::invocation;
use crate::refusal::Refusal;
use crate::state::Tags;
use crate::transaction::Transaction;

/// What the history of an alarm says about its other actions: there is nobody here to notify.
const ACTIONS_NOT_TAKEN: &str = "The engine takes no alarm actions but scaling policies.";

/// Creates a metric alarm, or replaces the definition of one. Tags are those of a new alarm; an existing one keeps its own.
pub fn put_metric(tx: &mut Transaction<'_>, alarm: MetricAlarm, tags: Tags) -> Result<(), Refusal> {
    let name = alarm.name().clone();
    let is_new = tx.monitoring.alarms().get(&name).is_none();
    tx.monitoring.change().put_metric(alarm, tx.now)?;
    finish_put(tx, &name, is_new.then_some(tags), &[]);
    Ok(())
}

/// Creates a composite alarm, or replaces the definition of one, and evaluates it. Tags as in [`put_metric`].
pub fn put_composite(tx: &mut Transaction<'_>, alarm: CompositeAlarm, tags: Tags) -> Result<(), Refusal> {
    let name = alarm.name().clone();
    let is_new = tx.monitoring.alarms().get(&name).is_none();
    let transitions = tx.monitoring.change().put_composite(alarm, tx.now)?;
    finish_put(tx, &name, is_new.then_some(tags), &transitions);
    Ok(())
}

/// Deletes alarms and their tags; names of no alarm are passed over, as CloudWatch does.
pub fn delete(tx: &mut Transaction<'_>, names: &[AlarmName]) -> Result<(), Refusal> {
    let arns: Vec<String> =
        names.iter().filter_map(|name| Some(tx.monitoring.alarms().get(name)?.arn().to_owned())).collect();
    let deleted = tx.monitoring.change().delete(names, tx.now)?;
    write(tx.state, tx.monitoring, &deleted);
    arns.iter().for_each(|arn| {
        tx.state.tags.remove(arn);
    });
    Ok(())
}

/// Overrides the state of an alarm until its next evaluation.
pub fn set_state(tx: &mut Transaction<'_>, name: &AlarmName, state: AlarmState) -> Result<(), Refusal> {
    let transitions = tx.monitoring.change().set_state(name, state, tx.now)?;
    write(tx.state, tx.monitoring, std::slice::from_ref(name));
    follow(tx, &transitions);
    invocation::invoke(tx, &transitions.iter().map(|transition| transition.alarm.clone()).collect());
    Ok(())
}

/// Enables the actions of alarms; names of no alarm are passed over.
pub fn enable_actions(tx: &mut Transaction<'_>, names: &[AlarmName]) {
    tx.monitoring.change().enable_actions(names, tx.now);
    write(tx.state, tx.monitoring, names);
}

/// Disables the actions of alarms; names of no alarm are passed over.
pub fn disable_actions(tx: &mut Transaction<'_>, names: &[AlarmName]) {
    tx.monitoring.change().disable_actions(names, tx.now);
    write(tx.state, tx.monitoring, names);
}

/// Evaluates every alarm whose time has come, and invokes the scaling policies of those that were: an alarm invokes them at every
/// evaluation as long as it is in their state, and not only when it enters it.
pub(crate) fn evaluate_due(tx: &mut Transaction<'_>) {
    if tx.monitoring.next_due().is_none_or(|at| at > tx.now) {
        return;
    }
    let now = tx.now;
    let evaluated = tx.monitoring.alarms().due(now).cloned().collect();
    let transitions = tx.monitoring.evaluate_due(now);
    follow(tx, &transitions);
    invocation::invoke(tx, &evaluated);
}

fn finish_put(tx: &mut Transaction<'_>, name: &AlarmName, tags: Option<Tags>, transitions: &[Transition]) {
    write(tx.state, tx.monitoring, std::slice::from_ref(name));
    let arn = tx.monitoring.alarms().get(name).map(|alarm| alarm.arn().to_owned());
    if let (Some(arn), Some(tags)) = (arn, tags)
        && !tags.is_empty()
    {
        tx.state.tags.insert(arn, tags);
    }
    follow(tx, transitions);
}

/// Keeps the new states, notes what became of their actions and tells the deployments that watch.
fn follow(tx: &mut Transaction<'_>, transitions: &[Transition]) {
    for transition in transitions {
        let Transition { alarm, from, to, actions, .. } = transition;
        tracing::info!(%alarm, from = from.as_str(), to = to.value.as_str(), reason = to.reason, "alarm");
        for action in actions {
            let outcome = match invocation::is_policy(tx.state, action) {
                true => ActionOutcome::Succeeded,
                false => ActionOutcome::Failed(ACTIONS_NOT_TAKEN.to_owned()),
            };
            let noted = tx.monitoring.change().record_action(alarm, action, &outcome, tx.now);
            noted.expect("the alarm has just changed its state");
        }
        write(tx.state, tx.monitoring, std::slice::from_ref(alarm));
    }
    for transition in transitions.iter().filter(|transition| transition.to.value == StateValue::Alarm) {
        watching::tell_deployments(tx, &transition.alarm);
    }
}
