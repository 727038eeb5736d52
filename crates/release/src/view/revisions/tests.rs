use aws_sdk_ecs::types::{
    AdvancedConfiguration, LoadBalancer, ResolvedConfiguration, ServiceCurrentRevisionSummary as Current,
    ServiceRevisionLoadBalancer, ServiceRevisionSummary,
};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum::{Healthy, Unhealthy};

use super::*;
use crate::watch::health::tests::{facts, task};

fn arn(number: u32) -> String {
    format!("arn:aws:ecs:us-east-1:0:service-revision/c/web/{number}")
}

fn service(current: &[(u32, i32)]) -> Service {
    let current =
        current.iter().map(|(number, count)| Current::builder().arn(arn(*number)).requested_task_count(*count).build());
    Service::builder()
        .service_arn("arn:aws:ecs:us-east-1:0:service/c/web")
        .cluster_arn("arn:aws:ecs:us-east-1:0:cluster/c")
        .service_name("web")
        .set_current_service_revisions(Some(current.collect()))
        .build()
}

fn deployment(source: Option<u32>, target: u32) -> ServiceDeployment {
    let summary = |number| ServiceRevisionSummary::builder().arn(arn(number)).build();
    ServiceDeployment::builder()
        .set_source_service_revisions(source.map(|number| vec![summary(number)]))
        .target_service_revision(summary(target))
        .build()
}

/// The fixture makes the task definition out of the deployment's name.
fn known(numbers: &[u32]) -> BTreeMap<String, Known> {
    let known = |number: &u32| {
        let id = format!("ecs-svc/{number}");
        let definition = format!("arn:aws:ecs:us-east-1:1:task-definition/{id}:1");
        (id, Known { task_definition: Some(definition), version: Some(format!("v{number}")), group: None })
    };
    numbers.iter().map(known).collect()
}

#[test]
fn the_target_of_a_deployment_is_new_and_everything_else_old() {
    let told = |service: &Service, deployment: Option<&ServiceDeployment>| {
        ids(service, deployment).into_iter().map(|(id, role)| format!("{id} {role:?}")).collect::<Vec<_>>().join(", ")
    };
    let both = service(&[(1, 2), (2, 2)]);
    assert_eq!(told(&both, Some(&deployment(Some(1), 2))), "ecs-svc/2 New, ecs-svc/1 Old");
    assert_eq!(told(&service(&[]), Some(&deployment(None, 1))), "ecs-svc/1 New");
    assert_eq!(told(&service(&[(1, 0), (2, 2)]), None), "ecs-svc/2 Serving, ecs-svc/1 Old");
    assert_eq!(
        told(&service(&[(3, 1), (1, 2)]), Some(&deployment(Some(1), 2))),
        "ecs-svc/2 New, ecs-svc/1 Old, ecs-svc/3 Old"
    );
}

#[test]
fn tasks_and_targets_are_told_by_revision_and_old_ones_without_any_left_out() {
    let service = service(&[(1, 2), (2, 1), (3, 0)]);
    let deployment = deployment(Some(1), 2);
    let tasks = [
        task("ecs-svc/2", "RUNNING", "RUNNING", "10.0.0.2"),
        task("ecs-svc/1", "RUNNING", "RUNNING", "10.0.0.1"),
        task("ecs-svc/1", "STOPPED", "STOPPED", "10.0.0.9"),
    ];
    let facts = facts(&[("10.0.0.1", 80, Healthy, None), ("10.0.0.2", 80, Unhealthy, Some("codes: [503]"))]);
    let shown = revisions(&service, &ids(&service, Some(&deployment)), &tasks, &facts, &known(&[1, 2, 3]));
    let told: Vec<_> = shown
        .iter()
        .map(|revision| {
            let target = revision.targets.first().expect("each has one");
            let counts = (revision.tasks.desired, revision.tasks.running, revision.tasks.healthy);
            (revision.role, revision.version.as_deref(), counts, target.address.as_str(), target.description.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            (Role::New, Some("v2"), (1, 1, 0), "10.0.0.2:80", Some("codes: [503]")),
            (Role::Old, Some("v1"), (2, 1, 1), "10.0.0.1:80", None),
        ]
    );
}

#[test]
fn a_task_that_a_rollback_started_belongs_to_the_revision_it_restores() {
    let service = service(&[(1, 2)]);
    let restored = task("ecs-svc/1", "RUNNING", "RUNNING", "10.0.0.1");
    let started_by_the_rollback = Task::builder()
        .task_definition_arn(restored.task_definition_arn().unwrap_or_default())
        .started_by("ecs-svc/9")
        .last_status("PENDING")
        .desired_status("RUNNING")
        .build();
    let ids = ids(&service, None);
    let shown = revisions(&service, &ids, &[restored, started_by_the_rollback], &HealthFacts::default(), &known(&[1]));
    assert_eq!((shown[0].tasks.running, shown[0].tasks.pending), (1, 1));
}

#[test]
fn a_revision_has_the_target_group_it_was_given_or_the_only_one_there_is() {
    let balancer = |alternate: Option<&str>| {
        let advanced =
            alternate.map(|group| AdvancedConfiguration::builder().alternate_target_group_arn(group).build());
        LoadBalancer::builder().target_group_arn("blue").set_advanced_configuration(advanced).build()
    };
    let of = |alternate| Service::builder().load_balancers(balancer(alternate)).build();
    let resolved = ServiceRevisionLoadBalancer::builder().target_group_arn("green").build();
    let revision = ServiceRevision::builder()
        .resolved_configuration(ResolvedConfiguration::builder().load_balancers(resolved).build())
        .build();
    let given = Known::of(&revision);
    assert_eq!(group(&of(Some("green")), Some(&given)), Some("green"));
    assert_eq!(group(&of(Some("green")), None), None, "which of the two is not known yet");
    assert_eq!(group(&of(None), None), Some("blue"));
}

#[test]
fn the_arn_of_a_revision_is_made_of_its_services_and_its_number() {
    assert_eq!(revision_arn(&service(&[]), "ecs-svc/7"), Some(arn(7)));
    assert_eq!(id_of(&arn(7)).as_deref(), Some("ecs-svc/7"));
    assert_eq!(group_name("arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/web-dev/0123"), "web-dev");
}
