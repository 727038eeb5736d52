//! What a service shows after a deployment has been rolled back.

mod common;
mod fixtures;

use common::{World, wait};
use fixtures::{cluster_and_service, object, service};
use seatrial_engine::ServiceDeploymentStatus;
use seatrial_engine::services::{self, ForceNewDeployment, ServiceChange};
use seatrial_engine::task_definitions;
use seatrial_model::TaskId;
use seatrial_model::load_balancing::TargetHealth;
use seatrial_ports::runtime::{EndCause, TaskEnd};
use serde_json::json;

#[test]
fn after_a_rollback_the_service_shows_the_task_definition_it_went_back_to() {
    let world = World::new();
    let group = service(&world);
    let _driver = world.drive();
    let first = started(&world, 1);
    world.runtime.report_running(&first, world.engine.now());
    wait("the first target", || world.balancer.group(&group).is_some_and(|group| group.targets.len() == 1));
    let target = world.balancer.group(&group).expect("in use").targets[0].id;
    world.balancer.report_health(&group, target, TargetHealth::healthy());
    until_deployed(&world, ServiceDeploymentStatus::Successful);

    let (cluster, name) = cluster_and_service();
    let breaker = json!({"deploymentCircuitBreaker":
        {"enable": true, "rollback": true, "thresholdConfiguration": {"type": "COUNT", "value": 1}}});
    let change = ServiceChange {
        task_definition: Some("web:2".to_owned()),
        deployment_configuration: Some(object(breaker)),
        force_new_deployment: ForceNewDeployment::No,
        ..ServiceChange::default()
    };
    world.run(|tx| {
        let container = json!({"name": "app", "image": "other", "portMappings": [{"containerPort": 8080}]});
        task_definitions::register(
            tx,
            object(json!({"family": "web", "memory": "512", "containerDefinitions": [container]})),
        )?;
        services::update(tx, &cluster, &name, change)
    });
    assert_eq!(shown(&world), "web:2");
    let second = started(&world, 2);
    let end = TaskEnd { cause: EndCause::FailedToStart, reason: "CannotStartContainerError: no".to_owned() };
    world.runtime.report_stopped(&second, world.engine.now(), Some(end));
    until_deployed(&world, ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(shown(&world), "web:1");
}

fn started(world: &World, count: usize) -> TaskId {
    wait("a task to be started", || world.runtime.started().len() == count);
    world.runtime.started().remove(count - 1)
}

fn until_deployed(world: &World, status: ServiceDeploymentStatus) {
    let (cluster, name) = cluster_and_service();
    world.until("the end of the deployment", |state| {
        let service = state.service(&cluster, &name).expect("the service");
        service.controller.service_deployment().is_some_and(|deployment| deployment.status == status)
    });
}

fn shown(world: &World) -> String {
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| state.service(&cluster, &name).expect("the service").task_definition.to_string())
}
