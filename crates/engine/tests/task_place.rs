//! Where tasks are run: as processes unless they ask for containers, or have nothing else that could be run.

mod common;
mod fixtures;

use std::net::{IpAddr, Ipv4Addr};

use common::World;
use fixtures::object;
use seatrial_engine::state::Document;
use seatrial_engine::tasks::{self, RunTask};
use seatrial_engine::{clusters, task_definitions};
use seatrial_model::ClusterName;
use seatrial_ports::TaskLaunch;
use seatrial_ports::TaskRuntime::{self, Container, Process};
use serde_json::{Value, json};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn address(last: u8) -> IpAddr {
    IpAddr::from([172, 31, 0, last])
}

fn request(world: &World, members: Value) -> RunTask {
    let mut container = json!({"name": "app", "image": "nginx", "portMappings": [{"containerPort": 8080}]});
    container.as_object_mut().expect("an object").extend(object(members));
    let cluster = ClusterName::parse("default").expect("a name");
    world.run(|tx| {
        clusters::create(tx, cluster.clone(), Document::new())?;
        let definition = json!({"family": "app", "memory": "512", "containerDefinitions": [container]});
        task_definitions::register(tx, object(definition))
    });
    RunTask {
        cluster,
        task_definition: "app".to_owned(),
        group: None,
        started_by: None,
        overridden: None,
        document: Document::new(),
        network_configuration: None,
    }
}

fn launch(world: &World, members: Value) -> TaskLaunch {
    let request = request(world, members);
    world.run(|tx| tasks::run(tx, request));
    world.runtime.launches().pop().expect("a launch")
}

fn asking(runtime: &str) -> Value {
    json!({"command": ["server"], "dockerLabels": {"seatrial.runtime": runtime}})
}

#[track_caller]
fn placed(launch: &TaskLaunch, runtime: TaskRuntime, address: IpAddr) {
    assert_eq!((launch.runtime, launch.address), (runtime, address));
}

#[test]
fn a_task_in_containers_has_an_address_of_its_own_and_the_ports_it_listens_on() {
    let world = World::new();
    world.runtime.have_addresses([address(2), address(3)]);
    let (first, second) = (launch(&world, asking("container")), launch(&world, asking("container")));
    placed(&first, Container, address(2));
    placed(&second, Container, address(3));
    assert_eq!((first.ports[0].host_port, second.ports[0].host_port), (8080, 8080));
}

#[test]
fn an_address_is_given_again_when_its_task_has_stopped() {
    let world = World::new();
    let _driver = world.drive();
    world.runtime.have_addresses([address(2)]);
    let first = launch(&world, asking("container"));
    let (code, message) = {
        let request = request(&world, asking("container"));
        world.refusal(|tx| tasks::run(tx, request))
    };
    assert_eq!((code.as_str(), message.as_str()), ("ClientException", "no container engine: start one and try again"));
    world.runtime.report_stopped(&first.task, seatrial_model::Timestamp::EPOCH, None);
    world.until("the first to stop", |state| state.tasks.values().all(|task| task.stopped_at.is_some()));
    placed(&launch(&world, asking("container")), Container, address(2));
}

#[test]
fn what_can_be_a_process_is_one_unless_it_asks() {
    let world = World::new();
    world.runtime.have_addresses([address(2), address(3)]);
    placed(&launch(&world, json!({"command": ["server"]})), Process, LOOPBACK);
    placed(&launch(&world, asking("process")), Process, LOOPBACK);
    placed(&launch(&world, asking("auto")), Process, LOOPBACK);
    placed(&launch(&world, json!({})), Container, address(2));
    placed(&launch(&world, json!({"dockerLabels": {"seatrial.runtime": "process"}})), Process, LOOPBACK);
}

#[test]
fn without_a_container_engine_what_has_no_command_is_left_to_say_so_itself() {
    let world = World::new();
    let launch = launch(&world, json!({}));
    placed(&launch, Process, LOOPBACK);
    assert_ne!(launch.ports[0].host_port, 8080);
}
