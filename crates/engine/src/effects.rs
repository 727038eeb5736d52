//! What the controller asks for, done in the tables: the one place where effects become records and orders.

use seatrial_controller::{Effect, Event, Input, Observation, StopCause, TaskStatus};
use seatrial_model::{RevisionId, TaskId};
use seatrial_ports::journal::JournalEntry;
use serde_json::json;

use crate::hooks;
use crate::load_balancing::targets;
use crate::logs;
use crate::mirroring;
use crate::propagated_tags;
use crate::service_deployments;
use crate::services::{DEPLOYING_MEMBERS, routes};
use crate::state::{
    DesiredStatus, LastStatus, SERVICE_EVENTS_MAX, ServiceDeploymentRecord, ServiceEvent, ServiceRecord, TaskRecord,
    revision_key, task_definition_key,
};
use crate::task_images;
use crate::task_place;
use crate::tasks;
use crate::transaction::{Order, Transaction};

/// Members that a task shows as its service has them.
const INHERITED_MEMBERS: [&str; 3] = ["launchType", "platformVersion", "enableExecuteCommand"];

/// Feeds one input to a service's controller and does what it asks for.
pub(crate) fn feed(tx: &mut Transaction<'_>, key: &str, input: Input) {
    let now = tx.now;
    let Some(service) = tx.state.services.get_mut(key) else { return };
    let former = primary_revision(service);
    let step = service.controller.handle(now, input.clone());
    service.handled_at = now;
    let primary = primary_revision(service);
    if primary != former {
        describe_revision(tx, key, primary);
    }
    let is_quiet = step.effects.is_empty() && step.events.is_empty();
    if !(is_quiet && input == Input::Tick) {
        let body = json!({ "input": input, "step": step }).to_string();
        tx.entries.push(JournalEntry { stream: key.to_owned(), at: now, body });
    }
    for effect in step.effects {
        apply(tx, key, effect);
    }
    for event in step.events {
        publish(tx, key, event);
    }
}

fn primary_revision(service: &ServiceRecord) -> Option<RevisionId> {
    service.controller.primary().map(|deployment| deployment.revision)
}

/// Makes the service show the revision it is now brought to; after a rollback that is an earlier one than last asked for.
fn describe_revision(tx: &mut Transaction<'_>, key: &str, revision: Option<RevisionId>) {
    let Some(service) = tx.state.services.get(key) else { return };
    let record = revision
        .and_then(|revision| tx.state.service_revisions.get(&revision_key(&service.cluster, &service.name, revision)));
    let Some(record) = record.cloned() else { return };
    let Some(service) = tx.state.services.get_mut(key) else { return };
    service.task_definition = record.task_definition;
    service.load_balancers = record.load_balancers;
    for member in DEPLOYING_MEMBERS {
        match record.document.get(member) {
            Some(value) => service.document.insert(member.to_owned(), value.clone()),
            None => service.document.remove(member),
        };
    }
}

/// Feeds the inputs that effects gave rise to, until there are none left.
pub(crate) fn follow_up(tx: &mut Transaction<'_>) {
    loop {
        while let Some((key, input)) = tx.follow_ups.pop_front() {
            feed(tx, &key, input);
        }
        tx.follow_ups.extend(routes::changes(tx.state));
        if tx.follow_ups.is_empty() {
            return;
        }
    }
}

/// Tells the controllers with tasks that are leaving that the engine is back: their orders may be given only now.
pub(crate) fn tell_restarted(tx: &mut Transaction<'_>) {
    let leaves = |service: &ServiceRecord| {
        service.controller.tasks().any(|task| matches!(task.status, TaskStatus::Deactivating(_)))
    };
    let leaving: Vec<String> =
        tx.state.services.iter().filter(|(_, service)| leaves(service)).map(|(key, _)| key.clone()).collect();
    for key in leaving {
        feed(tx, &key, Input::Restarted);
    }
}

/// Wakes every controller whose time has come.
pub(crate) fn tick_due(tx: &mut Transaction<'_>) {
    let is_due = |service: &ServiceRecord| service.wake_at().is_some_and(|at| at <= tx.now);
    let due: Vec<String> =
        tx.state.services.iter().filter(|(_, service)| is_due(service)).map(|(key, _)| key.clone()).collect();
    for key in due {
        feed(tx, &key, Input::Tick);
    }
}

pub(crate) fn apply(tx: &mut Transaction<'_>, key: &str, effect: Effect) {
    match effect {
        Effect::StartTask { task, deployment, revision } => {
            start_task(tx, key, &task, &deployment.to_string(), revision);
        }
        Effect::DeactivateTask { task, code, reason } => {
            let now = tx.now;
            change_task(tx, &task, |record| {
                record.desired_status = DesiredStatus::Stopped;
                record.stopping_at = Some(now);
                record.stop_code = Some(code);
                record.stopped_reason = Some(reason);
                if record.last_status == LastStatus::Running {
                    record.last_status = LastStatus::Deactivating;
                }
            });
        }
        Effect::ReactivateTask { task } => change_task(tx, &task, |record| {
            record.desired_status = DesiredStatus::Running;
            record.last_status = LastStatus::Running;
            record.stopping_at = None;
            record.stop_code = None;
            record.stopped_reason = None;
        }),
        Effect::RegisterTarget { task, target_group } => targets::register_task(tx, &task, &target_group),
        Effect::DeregisterTarget { task, target_group } => targets::deregister_task(tx, &task, &target_group),
        Effect::StopTask { task } => {
            targets::remove_task(tx, &task);
            change_task(tx, &task, |record| {
                if record.last_status < LastStatus::Stopping {
                    record.last_status = LastStatus::Stopping;
                }
            });
            tx.order(Order::Stop(task));
        }
        Effect::SetRuleWeights { rule, weights } => routes::set_weights(tx, &rule, &weights),
        Effect::InvokeHook(invocation) => hooks::invoke(tx, key, &invocation),
    }
}

fn start_task(tx: &mut Transaction<'_>, key: &str, task: &TaskId, started_by: &str, revision: RevisionId) {
    let launch = tx.state.services.get(key).and_then(|service| {
        let record = tx.state.service_revisions.get(&revision_key(&service.cluster, &service.name, revision))?;
        let registered = tx.state.task_definitions.get(&task_definition_key(&record.task_definition))?;
        let shared = INHERITED_MEMBERS.iter().filter_map(|member| record.document.get_key_value(*member));
        let document = shared.map(|(member, value)| (member.clone(), value.clone())).collect();
        Some((service.cluster.clone(), service.name.clone(), registered.clone(), document))
    });
    let Some((cluster, service, registered, document)) = launch else {
        refuse_start(tx, key, task, "ResourceInitializationError: the task definition no longer exists".to_owned());
        return;
    };
    match task_place::find(tx, &registered.definition) {
        Ok(place) => {
            let mut record = TaskRecord {
                group: format!("service:{service}"),
                started_by: Some(started_by.to_owned()),
                service: Some(service),
                revision: Some(revision),
                document,
                ..tasks::new_record(task.clone(), cluster, &registered, place, tx.now)
            };
            task_images::settle(tx, &mut record);
            let launch = tasks::launch(&record, tx.state, tx.scale);
            logs::create_wanted_groups(tx, &record.definition);
            if let Some(service) = tx.state.services.get(key).cloned() {
                propagated_tags::tag_task_of_service(tx, &service, &record);
            }
            tx.state.tasks.insert(task.as_str(), record);
            tx.order(Order::Start(Box::new(launch)));
        }
        Err(error) => refuse_start(tx, key, task, format!("ResourceInitializationError: {error}")),
    }
}

fn refuse_start(tx: &mut Transaction<'_>, key: &str, task: &TaskId, reason: String) {
    let stopped = Observation::TaskStopped { task: task.clone(), cause: StopCause::FailedToStart, reason };
    tx.follow_ups.push_back((key.to_owned(), Input::Observation(stopped)));
}

pub(crate) fn change_task(tx: &mut Transaction<'_>, task: &TaskId, change: impl FnOnce(&mut TaskRecord)) {
    if let Some(record) = tx.state.tasks.get_mut(task.as_str()) {
        change(record);
        record.version += 1;
    }
}

/// Makes an event visible.
pub(crate) fn publish(tx: &mut Transaction<'_>, key: &str, event: Event) {
    let id = tx.draw_uuid();
    let mirror = tx.state.services.get(key).and_then(|service| mirroring::wanted(tx.state, service));
    let Some(service) = tx.state.services.get_mut(key) else { return };
    match event {
        Event::Service { at, message } => {
            tracing::info!(service = key, "{message}");
            service.events.push_front(ServiceEvent { id, at, message });
            service.events.truncate(SERVICE_EVENTS_MAX);
        }
        Event::ServiceDeployment(deployment) => {
            tracing::info!(service = key, deployment = %deployment.id, status = deployment.status.as_str(), "service deployment");
            let known = tx.state.service_deployments.get(deployment.id.as_str());
            let (deployment_configuration, deployment_document, mirror) = match known {
                Some(record) => {
                    (record.deployment_configuration.clone(), record.deployment_document.clone(), record.mirror)
                }
                None => (service.deployment_configuration.clone(), service.deployment_document.clone(), mirror),
            };
            let record = ServiceDeploymentRecord {
                cluster: service.cluster.clone(),
                service: service.name.clone(),
                deployment: *deployment,
                deployment_configuration,
                deployment_document,
                mirror,
            };
            tx.state.service_deployments.insert(record.deployment.id.as_str().to_owned(), record);
            service_deployments::forget_old(tx, key);
        }
        Event::ServiceInactive { .. } => {
            tracing::info!(service = key, "service is INACTIVE");
        }
    }
}
