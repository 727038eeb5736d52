//! A service behind several target groups: a task serves in all of them or does not count.

mod common;
mod fixtures;

use common::{World, wait};
use fixtures::{balancer, cluster_and_service, forward, group, listener, object};
use seatrial_engine::services::{self, ForceNewDeployment, ServiceChange};
use seatrial_engine::state::{Document, ServiceLoadBalancer, Tags};
use seatrial_engine::{ServiceDeploymentStatus, clusters, task_definitions};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{ContainerName, TargetGroupArn, TargetId};
use seatrial_ports::balancer::TargetIntent;
use serde_json::json;

fn attachment(target_group: &str, container_port: u16) -> ServiceLoadBalancer {
    ServiceLoadBalancer {
        target_group: TargetGroupArn::new(target_group),
        container_name: ContainerName::parse("app").expect("a name"),
        container_port,
        document: Document::new(),
    }
}

/// Creates a service with a public and an admin port, each behind a group and a listener of its own.
fn create(world: &World) -> [String; 2] {
    let load_balancer = balancer(world, "web");
    let groups = [group(world, "public"), group(world, "admin")];
    listener(world, &load_balancer, 8080, forward(&groups[0]));
    listener(world, &load_balancer, 9090, forward(&groups[1]));
    let (cluster, name) = cluster_and_service();
    let container = json!({
        "name": "app", "image": "app", "command": ["app"],
        "portMappings": [{"containerPort": 80}, {"containerPort": 90}],
    });
    let change = ServiceChange {
        task_definition: Some("web".to_owned()),
        desired_count: Some(1),
        load_balancers: Some(vec![attachment(&groups[0], 80), attachment(&groups[1], 90)]),
        ..ServiceChange::default()
    };
    world.run(|tx| {
        clusters::create(tx, cluster.clone(), Document::new())?;
        let definition = json!({"family": "web", "memory": "512", "containerDefinitions": [container]});
        task_definitions::register(tx, object(definition))?;
        services::create(tx, &cluster, &name, change, None, Tags::new())
    });
    groups
}

fn targets(world: &World, group: &str, intent: TargetIntent) -> Vec<TargetId> {
    let group = world.balancer.group(group).expect("the group is in use");
    group.targets.iter().filter(|target| target.intent == intent).map(|target| target.id).collect()
}

fn status(world: &World) -> ServiceDeploymentStatus {
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| {
        let service = state.service(&cluster, &name).expect("the service");
        service.controller.service_deployment().expect("a deployment").status
    })
}

/// Runs the `count`th task and returns its target in each group.
fn run_task(world: &World, count: usize, groups: &[String; 2]) -> [TargetId; 2] {
    wait("the task to be started", || world.runtime.launches().len() >= count);
    let launch = world.runtime.launches().remove(count - 1);
    world.runtime.report_running(&launch.task, world.engine.now());
    let port = |container_port: u16| {
        launch.ports.iter().find(|port| port.container_port == container_port).expect("a port").host_port
    };
    let registered = |group: &str, port: u16| {
        targets(world, group, TargetIntent::Registered).into_iter().find(|target| target.port == port)
    };
    wait("its targets", || registered(&groups[0], port(80)).is_some() && registered(&groups[1], port(90)).is_some());
    [(0, 80), (1, 90)].map(|(index, number)| registered(&groups[index], port(number)).expect("just seen"))
}

#[test]
fn a_task_counts_when_it_is_healthy_in_every_group_and_leaves_all_of_them_before_it_is_stopped() {
    let world = World::new();
    let _driver = world.drive();
    let groups = create(&world);
    let first = run_task(&world, 1, &groups);
    world.balancer.report_health(&groups[0], first[0], TargetHealth::healthy());
    world.until("the report", |state| {
        let group = state.target_groups.get(&groups[0]).expect("the group");
        group.targets.iter().all(|target| target.health.is_healthy())
    });
    assert_eq!(status(&world), ServiceDeploymentStatus::InProgress, "it is not healthy in the other group");
    world.balancer.report_health(&groups[1], first[1], TargetHealth::healthy());
    wait("the deployment", || status(&world) == ServiceDeploymentStatus::Successful);

    let (cluster, name) = cluster_and_service();
    let again = ServiceChange { force_new_deployment: ForceNewDeployment::Yes, ..ServiceChange::default() };
    world.run(|tx| services::update(tx, &cluster, &name, again));
    let second = run_task(&world, 2, &groups);
    for (group, target) in groups.iter().zip(second) {
        assert_eq!(targets(&world, group, TargetIntent::Draining), [], "the old task serves until the new one can");
        world.balancer.report_health(group, target, TargetHealth::healthy());
    }
    for (group, target) in groups.iter().zip(first) {
        wait("the old target to drain", || targets(&world, group, TargetIntent::Draining) == [target]);
    }
    let old = world.runtime.launches().remove(0).task;
    let stops = || world.runtime.orders().contains(&common::RuntimeOrder::Stop(old.clone()));
    world.balancer.report_drained(&groups[0], first[0]);
    world.until("the first to be drained", |state| {
        state.target_groups.get(&groups[0]).expect("the group").targets.len() == 1 || !stops()
    });
    assert!(!stops(), "it still has requests in the other group");
    world.balancer.report_drained(&groups[1], first[1]);
    wait("the task to be stopped", stops);
    world.runtime.report_stopped(&old, world.engine.now(), None);
    wait("the deployment", || status(&world) == ServiceDeploymentStatus::Successful);
}
