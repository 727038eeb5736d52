//! One service at one moment, put together. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Service, ServiceDeployment, Task};
use time::OffsetDateTime;

use super::alarms::AlarmView;
use super::deployment::{self, DeploymentView};
use super::failures::FailureView;
use super::rates::Rates;
use super::revisions::{Known, Role, group, ids, revisions};
use super::stages::Entered;
use super::{EventView, ServiceView};
use crate::aws::times::timestamp;
use crate::config::ServiceName;
use crate::urls::ServiceUrl;
use crate::watch::health::HealthFacts;
use crate::watch::look::Look;
use crate::watch::names::Names;
use crate::watch::verdict::ending;

/// Most service events kept; a screen shows fewer, and `seatrial events` all.
const EVENTS_MAX: usize = 50;

/// Everything that was fetched about a service.
pub(super) struct Seen {
    pub name: ServiceName,
    pub urls: Vec<ServiceUrl>,
    pub service: Service,
    /// The one going on, else the last one.
    pub deployment: Option<ServiceDeployment>,
    pub tasks: Vec<Task>,
    pub facts: HealthFacts,
    /// By their ids (`ecs-svc/…`).
    pub revisions: BTreeMap<String, Known>,
    /// By the ARNs of target groups.
    pub rates: BTreeMap<String, Rates>,
    pub entered: Option<Entered>,
    pub alarms: Vec<AlarmView>,
    pub failures: Vec<FailureView>,
    pub remarks: Vec<String>,
}

impl Seen {
    /// The deployment, if it is going on.
    pub fn going_on(&self) -> Option<&ServiceDeployment> {
        going_on(self.deployment.as_ref())
    }

    /// The revisions that are shown.
    pub fn ids(&self) -> Vec<(String, Role)> {
        ids(&self.service, self.going_on())
    }
}

/// The deployment, if it is going on.
pub(super) fn going_on(deployment: Option<&ServiceDeployment>) -> Option<&ServiceDeployment> {
    deployment.filter(|deployment| ending(deployment).is_none())
}

/// The view of a service that is not deployed.
pub(super) fn not_deployed(name: &ServiceName) -> ServiceView {
    ServiceView {
        service: name.clone(),
        status: None,
        urls: Vec::new(),
        deployment: None,
        revisions: Vec::new(),
        shared_rates: None,
        alarms: Vec::new(),
        failures: Vec::new(),
        events: Vec::new(),
        remarks: Vec::new(),
    }
}

/// The view of a service.
pub(super) fn view(seen: Seen, time_scale: u32, now: OffsetDateTime) -> ServiceView {
    let ids = seen.ids();
    let mut shown = revisions(&seen.service, &ids, &seen.tasks, &seen.facts, &seen.revisions);
    let groups: Vec<Option<&str>> =
        shown.iter().map(|revision| group(&seen.service, seen.revisions.get(&revision.id))).collect();
    let distinct: BTreeSet<&str> = groups.iter().flatten().copied().collect();
    let are_apart = distinct.len() == groups.iter().flatten().count();
    let shared_rates = match (are_apart, distinct.first()) {
        (false, Some(group)) => seen.rates.get(*group).cloned(),
        (true, _) | (false, None) => None,
    };
    let own: Vec<Option<Rates>> = groups
        .iter()
        .map(|group| group.filter(|_| are_apart).and_then(|group| seen.rates.get(group).cloned()))
        .collect();
    for (revision, rates) in shown.iter_mut().zip(own) {
        revision.rates = rates;
    }
    let names = Names::of_service(&seen.service);
    let events = events(&seen.service, &names);
    let status = seen.service.status().map(ToOwned::to_owned);
    let deployment = seen.deployment.map(|deployment| {
        let look = Look { deployment, service: seen.service, tasks: seen.tasks, facts: seen.facts };
        named(deployment::view(&look, seen.entered, time_scale, now), &names)
    });
    ServiceView {
        service: seen.name,
        status,
        urls: seen.urls,
        deployment,
        revisions: shown,
        shared_rates,
        alarms: seen.alarms,
        failures: seen.failures,
        events,
        remarks: seen.remarks,
    }
}

/// The newest first, as ECS has them.
fn events(service: &Service, names: &Names) -> Vec<EventView> {
    let event = |event: &aws_sdk_ecs::types::ServiceEvent| EventView {
        id: event.id().unwrap_or_default().to_owned(),
        at: timestamp(event.created_at()),
        message: names.readable(event.message().unwrap_or_default()),
    };
    service.events().iter().take(EVENTS_MAX).map(event).collect()
}

/// Names deployments in reasons by their task definitions.
fn named(view: DeploymentView, names: &Names) -> DeploymentView {
    DeploymentView { reason: view.reason.map(|reason| names.readable(&reason)), ..view }
}
