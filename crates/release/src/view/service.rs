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
use crate::steering::Steering;
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
    pub steering: Steering,
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
    let known = seen.revisions.iter().filter_map(|(id, known)| Some((id.clone(), known.task_definition.clone()?)));
    let names = Names::of_service(&seen.service).and(known);
    let events = events(&seen.service, &names);
    let status = seen.service.status().map(ToOwned::to_owned);
    let deployment = seen.deployment.map(|deployment| {
        let look = Look { deployment, service: seen.service, tasks: seen.tasks, facts: seen.facts };
        named(deployment::view(&look, &seen.steering, seen.entered, time_scale, now), &names)
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

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        Deployment, LoadBalancer, Rollback, ServiceCurrentRevisionSummary, ServiceDeploymentStatus, ServiceEvent,
        ServiceRevisionSummary,
    };
    use aws_smithy_types::DateTime;

    use super::*;
    use crate::watch::health::tests::task;
    use crate::watch::verdict::Verdict;

    fn arn(number: u32) -> String {
        format!("arn:aws:ecs:us-east-1:0:service-revision/c/web/{number}")
    }

    fn seen(status: ServiceDeploymentStatus, groups: [&str; 2]) -> Seen {
        let current =
            |number| ServiceCurrentRevisionSummary::builder().arn(arn(number)).requested_task_count(1).build();
        let summary = |number| ServiceRevisionSummary::builder().arn(arn(number)).build();
        let event = ServiceEvent::builder()
            .id("e")
            .created_at(DateTime::from_secs(1))
            .message("(service web) (deployment ecs-svc/1) deployment completed.");
        let service = Service::builder()
            .status("ACTIVE")
            .current_service_revisions(current(1))
            .current_service_revisions(current(2))
            .load_balancers(LoadBalancer::builder().target_group_arn("one").build())
            .deployments(Deployment::builder().id("ecs-svc/2").status("PRIMARY").desired_count(1).build())
            .events(event.build())
            .build();
        let deployment = ServiceDeployment::builder()
            .status(status)
            .status_reason("(service web) circuit breaker")
            .created_at(DateTime::from_secs(100))
            .source_service_revisions(summary(1))
            .target_service_revision(summary(2))
            .build();
        let known = |number: u32, group: &str| {
            let known = Known {
                task_definition: Some(format!("arn:aws:ecs:us-east-1:1:task-definition/web:{number}")),
                version: None,
                group: Some(group.to_owned()),
            };
            (format!("ecs-svc/{number}"), known)
        };
        let rates = |rate| Rates { requests_per_second: rate, ..Rates::default() };
        Seen {
            steering: Steering::default(),
            name: "web".parse().expect("a name"),
            urls: Vec::new(),
            service,
            deployment: Some(deployment),
            tasks: vec![
                task("ecs-svc/1", "RUNNING", "RUNNING", "10.0.0.1"),
                task("ecs-svc/2", "RUNNING", "RUNNING", "10.0.0.2"),
            ],
            facts: HealthFacts::default(),
            revisions: [known(1, groups[0]), known(2, groups[1])].into(),
            rates: [("one".to_owned(), rates(1.0)), ("two".to_owned(), rates(2.0))].into(),
            entered: None,
            alarms: Vec::new(),
            failures: Vec::new(),
            remarks: Vec::new(),
        }
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(110).expect("a time")
    }

    #[test]
    fn revisions_with_a_target_group_each_have_rates_of_their_own_and_share_them_otherwise() {
        let told = |groups| {
            let view = view(seen(ServiceDeploymentStatus::InProgress, groups), 1, now());
            let rate = |rates: &Option<Rates>| rates.as_ref().map(|rates| rates.requests_per_second);
            let own: Vec<Option<f64>> = view.revisions.iter().map(|revision| rate(&revision.rates)).collect();
            (own, rate(&view.shared_rates))
        };
        assert_eq!(told(["one", "two"]), (vec![Some(2.0), Some(1.0)], None), "the new revision is first");
        assert_eq!(told(["one", "one"]), (vec![None, None], Some(1.0)));
    }

    #[test]
    fn a_deployment_going_on_tells_how_long_it_takes_so_far_and_a_rolled_back_one_why() {
        let running = view(seen(ServiceDeploymentStatus::InProgress, ["one", "two"]), 1, now());
        let deployment = running.running().expect("it is going on");
        assert_eq!((deployment.id.as_str(), deployment.elapsed.as_secs()), ("ecs-svc/2", 10));
        assert!(!deployment.is_rolling_back());

        let mut seen = seen(ServiceDeploymentStatus::RollbackSuccessful, ["one", "two"]);
        let rollback = Rollback::builder().reason("an alarm").service_revision_arn(arn(1)).build();
        seen.deployment = seen.deployment.map(|mut deployment| {
            deployment.rollback = Some(rollback);
            deployment
        });
        let over = view(seen, 1, now());
        let deployment = over.deployment.as_ref().expect("it was there");
        assert_eq!((deployment.verdict, over.running()), (Some(Verdict::RolledBack), None));
        assert_eq!(deployment.reason.as_deref(), Some("circuit breaker"));
        assert_eq!(deployment.rollback.as_ref().and_then(|back| back.to.as_deref()), Some("ecs-svc/1"));
    }

    #[test]
    fn events_name_deployments_by_what_they_deploy() {
        let view = view(seen(ServiceDeploymentStatus::InProgress, ["one", "two"]), 1, now());
        assert_eq!(view.events[0].message, "(web:1) deployment completed.");
    }

    #[test]
    fn a_view_is_a_document() {
        let view = view(seen(ServiceDeploymentStatus::InProgress, ["one", "two"]), 1, now());
        insta::assert_json_snapshot!(view);
    }
}
