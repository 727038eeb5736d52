//! Whether a task is healthy, by ECS's rule. Pure.
//!
//! A task counts when it is RUNNING, its target is healthy in every target group of its service, and its container health checks
//! pass if it has any. ECS says UNKNOWN both of a task whose checks have not passed yet and of one that has none, so the task
//! definition is asked which it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecs::types::{HealthStatus, Task};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealth, TargetHealthDescription, TargetHealthStateEnum};
use time::OffsetDateTime;

use crate::aws::times::{between, timestamp};

/// How long a task without any check must have been running before ECS counts it as healthy.
pub(crate) const PROVEN_AFTER: Duration = Duration::from_secs(40);

/// What there is to know about the health of a service's tasks at one moment, beside the tasks themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealthFacts {
    /// One entry per load balancer of the service; the two target groups of a blue/green pair are one.
    pub target_groups: Vec<TargetGroupHealth>,
    /// Ids of the EC2 instances by the ARNs of the container instances they are, where targets are instances.
    pub instances: BTreeMap<String, String>,
    /// ARNs of the task definitions whose tasks have container health checks.
    pub checked: BTreeSet<String>,
    /// The deployments (`ecs-svc/…`) of tasks that nothing checks and that ECS does not count yet, one entry per task.
    pub unproven: Vec<String>,
}

/// The health of a target group's targets.
#[derive(Clone, Debug)]
pub(crate) struct TargetGroupHealth {
    pub targets: Vec<TargetHealthDescription>,
}

/// Where a load balancer finds a task.
struct Address<'a> {
    host: &'a str,
    /// None where the host is the task's own, so that every port of it is.
    port: Option<i32>,
}

impl HealthFacts {
    /// Whether a task is healthy.
    pub fn is_healthy(&self, task: &Task) -> bool {
        let is_serving = |group: &TargetGroupHealth| {
            self.target_health(task, group).and_then(TargetHealth::state) == Some(&TargetHealthStateEnum::Healthy)
        };
        task.last_status() == Some("RUNNING")
            && self.passes_own_checks(task)
            && self.target_groups.iter().all(is_serving)
    }

    /// The deployments of tasks that nothing checks and that have been running shorter than `enough`.
    pub fn unproven(&self, tasks: &[Task], now: OffsetDateTime, enough: Duration) -> Vec<String> {
        let is_unproven = |task: &&Task| {
            let is_checked = task.health_status() == Some(&HealthStatus::Healthy)
                || task.task_definition_arn().is_some_and(|arn| self.checked.contains(arn));
            let age = timestamp(task.started_at()).and_then(|start| between(start, now));
            self.target_groups.is_empty() && self.is_healthy(task) && !is_checked && age.is_some_and(|age| age < enough)
        };
        let stays = |task: &&Task| task.desired_status() != Some("STOPPED");
        let unproven = tasks.iter().filter(stays).filter(is_unproven);
        unproven.filter_map(|task| task.started_by().map(ToOwned::to_owned)).collect()
    }

    /// The load balancer's words about a task that is not healthy, such as "Health checks failed with these codes: [503]".
    pub fn answer(&self, task: &Task) -> Option<String> {
        let describe = |health: &TargetHealth| {
            let reason = || health.reason().map(|reason| reason.as_str().to_owned());
            health.description().map(ToOwned::to_owned).or_else(reason)
        };
        self.target_groups.iter().filter_map(|group| self.target_health(task, group)).find_map(describe)
    }

    /// What the load balancers know of a task, one by one.
    pub fn targets_of<'a>(&'a self, task: &'a Task) -> impl Iterator<Item = &'a TargetHealthDescription> + 'a {
        self.target_groups.iter().filter_map(|group| self.target(task, group))
    }

    fn passes_own_checks(&self, task: &Task) -> bool {
        match task.health_status() {
            Some(HealthStatus::Healthy) => true,
            Some(HealthStatus::Unhealthy) => false,
            // Also a status that is newer than this program.
            Some(_) | None => !task.task_definition_arn().is_some_and(|arn| self.checked.contains(arn)),
        }
    }

    fn target_health<'g>(&self, task: &Task, group: &'g TargetGroupHealth) -> Option<&'g TargetHealth> {
        self.target(task, group)?.target_health()
    }

    fn target<'g>(&self, task: &Task, group: &'g TargetGroupHealth) -> Option<&'g TargetHealthDescription> {
        let addresses = self.addresses(task);
        let is_of_task = |description: &&TargetHealthDescription| {
            let target = description.target();
            let (id, port) = (target.and_then(|target| target.id()), target.and_then(|target| target.port()));
            addresses.iter().any(|address| {
                Some(address.host) == id && (address.port.is_none() || port.is_none() || address.port == port)
            })
        };
        group.targets.iter().filter(is_of_task).find(|description| description.target_health().is_some())
    }

    /// The addresses of a task: of its own network interface, or those of the machine that its ports are bound to.
    fn addresses<'a>(&'a self, task: &'a Task) -> Vec<Address<'a>> {
        let attached = task
            .attachments()
            .iter()
            .flat_map(|attachment| attachment.details())
            .filter(|detail| detail.name() == Some("privateIPv4Address"))
            .filter_map(|detail| detail.value());
        let interfaces = task.containers().iter().flat_map(|container| container.network_interfaces());
        let own = attached
            .chain(interfaces.filter_map(|interface| interface.private_ipv4_address()))
            .map(|host| Address { host, port: None });
        let instance = task.container_instance_arn().and_then(|arn| self.instances.get(arn)).map(String::as_str);
        let bound = task.containers().iter().flat_map(|container| container.network_bindings()).flat_map(|binding| {
            let at = |host| Address { host, port: binding.host_port() };
            binding.bind_ip().into_iter().chain(instance).map(at).collect::<Vec<_>>()
        });
        own.chain(bound).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_sdk_ecs::types::{Attachment, Container, KeyValuePair, NetworkBinding};
    use aws_sdk_elasticloadbalancingv2::types::TargetDescription;

    pub(crate) fn task(deployment: &str, last: &str, desired: &str, address: &str) -> Task {
        let detail = KeyValuePair::builder().name("privateIPv4Address").value(address).build();
        Task::builder()
            .task_arn(format!("arn:aws:ecs:us-east-1:1:task/c/{address}"))
            .task_definition_arn(format!("arn:aws:ecs:us-east-1:1:task-definition/{deployment}:1"))
            .started_by(deployment)
            .last_status(last)
            .desired_status(desired)
            .attachments(Attachment::builder().details(detail).build())
            .build()
    }

    pub(crate) fn facts(states: &[(&str, i32, TargetHealthStateEnum, Option<&str>)]) -> HealthFacts {
        let describe = |(id, port, state, description): &(&str, i32, TargetHealthStateEnum, Option<&str>)| {
            TargetHealthDescription::builder()
                .target(TargetDescription::builder().id(*id).port(*port).build())
                .target_health(
                    TargetHealth::builder().state(state.clone()).set_description(description.map(Into::into)).build(),
                )
                .build()
        };
        let group = TargetGroupHealth { targets: states.iter().map(describe).collect() };
        HealthFacts { target_groups: vec![group], ..HealthFacts::default() }
    }

    fn bound(bind_ip: &str, host_port: i32) -> Task {
        let binding = NetworkBinding::builder().bind_ip(bind_ip).host_port(host_port).build();
        Task::builder()
            .last_status("RUNNING")
            .health_status(HealthStatus::UnknownValue)
            .container_instance_arn("arn:instance/1")
            .containers(Container::builder().network_bindings(binding).build())
            .build()
    }

    #[test]
    fn a_task_is_found_among_the_targets_by_its_own_address_or_by_the_port_it_is_bound_to() {
        use TargetHealthStateEnum::{Healthy, Initial};
        let own = facts(&[("10.0.0.1", 80, Healthy, None), ("10.0.0.2", 80, Initial, None)]);
        assert!(own.is_healthy(&task("new", "RUNNING", "RUNNING", "10.0.0.1")));
        assert!(!own.is_healthy(&task("new", "RUNNING", "RUNNING", "10.0.0.2")));
        assert!(!own.is_healthy(&task("new", "RUNNING", "RUNNING", "10.0.0.3")), "not registered");
        let shared = facts(&[("127.0.0.1", 2001, Initial, None), ("127.0.0.1", 2002, Healthy, None)]);
        assert!(shared.is_healthy(&bound("127.0.0.1", 2002)));
        assert!(!shared.is_healthy(&bound("127.0.0.1", 2001)));
        let mut instances = facts(&[("i-1", 2002, Initial, None), ("i-2", 2002, Healthy, None)]);
        instances.instances.insert("arn:instance/1".into(), "i-2".into());
        assert!(instances.is_healthy(&bound("0.0.0.0", 2002)));
    }

    #[test]
    fn a_task_must_be_healthy_in_every_target_group() {
        use TargetHealthStateEnum::{Healthy, Unhealthy};
        let running = task("new", "RUNNING", "RUNNING", "10.0.0.1");
        let mut both = facts(&[("10.0.0.1", 80, Healthy, None)]);
        both.target_groups.extend(facts(&[("10.0.0.1", 81, Unhealthy, Some("Request timed out"))]).target_groups);
        assert!(!both.is_healthy(&running));
        assert_eq!(both.answer(&running).as_deref(), Some("Request timed out"));
        both.target_groups.pop();
        assert!(both.is_healthy(&running));
        assert!(!both.is_healthy(&task("new", "DEACTIVATING", "STOPPED", "10.0.0.1")), "no longer running");
    }

    #[test]
    fn a_young_task_is_unproven_when_nothing_checks_it() {
        let now = OffsetDateTime::from_unix_timestamp(1000).expect("a time");
        let task = |definition: &str, started: i64| {
            Task::builder()
                .last_status("RUNNING")
                .desired_status("RUNNING")
                .started_by("ecs-svc/1")
                .started_at(aws_smithy_types::DateTime::from_secs(started))
                .task_definition_arn(definition)
                .build()
        };
        let unchecked = HealthFacts { checked: ["arn:checked:1".to_owned()].into(), ..HealthFacts::default() };
        let count = |facts: &HealthFacts, task: Task| facts.unproven(&[task], now, PROVEN_AFTER).len();
        assert_eq!(count(&unchecked, task("arn:f:1", 990)), 1);
        assert_eq!(count(&unchecked, task("arn:f:1", 960)), 0, "it has run for long enough");
        assert_eq!(count(&unchecked, task("arn:checked:1", 990)), 0, "its checks count");
        assert_eq!(count(&facts(&[]), task("arn:f:1", 990)), 0, "its target counts");
    }

    #[test]
    fn an_unknown_health_counts_against_a_task_only_if_it_has_container_checks() {
        let task = |status: HealthStatus| {
            Task::builder().last_status("RUNNING").task_definition_arn("arn:f:1").health_status(status).build()
        };
        let (plain, mut checked) = (HealthFacts::default(), HealthFacts::default());
        checked.checked.insert("arn:f:1".into());
        for (facts, status, expected) in [
            (&plain, HealthStatus::UnknownValue, true),
            (&plain, HealthStatus::Unhealthy, false),
            (&checked, HealthStatus::UnknownValue, false),
            (&checked, HealthStatus::Healthy, true),
            (&checked, HealthStatus::Unhealthy, false),
        ] {
            assert_eq!(facts.is_healthy(&task(status.clone())), expected, "{status:?}");
        }
    }
}
