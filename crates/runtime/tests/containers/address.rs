//! Every task has an address of its own.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use seatrial_model::{ContainerName, TaskId};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::{ContainerAddress, PortAssignment, Runtime, RuntimeError, TaskPhase};
use seatrial_runtime::{ContainerEngineOptions, ProcessRuntime};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::engines::Engine;
use crate::support::{World, container, engine_test, shell, supervisor_command, wait_until, with};

const CONTAINER_PORT: u16 = 8080;

fn server() -> Value {
    // As the first process of a container it does not heed SIGTERM.
    json!({ "name": "app", "image": "i", "command": ["server"], "stopTimeout": 2, "portMappings": [{ "containerPort": CONTAINER_PORT }] })
}

fn launch(world: &World, containers: Value, host_port: u16) -> TaskLaunch {
    let app = ContainerName::parse("app").expect("a name");
    let ports = vec![PortAssignment { container: app, container_port: CONTAINER_PORT, host_port }];
    TaskLaunch { ports, ..world.launch(containers) }
}

fn answers(address: IpAddr, port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1)) else {
        return false;
    };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1")
}

fn run(world: &World, launch: TaskLaunch) -> TaskId {
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.wait_for_phase(&task, TaskPhase::Running);
    task
}

engine_test!(two_tasks_listen_at_the_same_port_of_different_addresses, |engine: &Engine| {
    let world = World::of_containers(engine);
    let launches = [(); 2].map(|()| launch(&world, json!([server()]), CONTAINER_PORT));
    assert_ne!(launches[0].address, launches[1].address);
    for launch in launches {
        let address = launch.address;
        let task = run(&world, launch);
        wait_until("the task answers", || answers(address, CONTAINER_PORT).then_some(()));
        assert!(!world.containers().is_empty());
        world.recorder.wait(&task, "usage", |report| {
            report.usage.is_some_and(|usage| usage.memory > 0 && !usage.cpu_time.is_zero())
        });
    }
});

engine_test!(containers_of_a_task_reach_each_other_at_the_loopback_address, |engine: &Engine| {
    let world = World::of_containers(engine);
    let check =
        json!({ "command": ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080"], "interval": 5, "retries": 10 });
    let side = with(shell("side", "sleep 300"), json!({ "healthCheck": check, "stopTimeout": 2 }));
    let task = run(&world, launch(&world, json!([server(), side]), CONTAINER_PORT));
    world.recorder.wait(&task, "it answers", |report| {
        container(report, "side").health == seatrial_model::task_definition::HealthStatus::Healthy
    });
});

engine_test!(a_container_that_is_started_again_keeps_the_address, |engine: &Engine| {
    let world = World::of_containers(engine);
    let policy = json!({ "enabled": true, "restartAttemptPeriod": 60 });
    let app = with(
        server(),
        json!({ "command": ["sh", "-c", "server & sleep 1.5; kill $!; exit 1"], "restartPolicy": policy }),
    );
    let launch = launch(&world, json!([app]), CONTAINER_PORT);
    let address = launch.address;
    let task = run(&world, launch);
    world.recorder.wait(&task, "it runs again", |report| container(report, "app").restart_count >= 1);
    wait_until("the task answers", || answers(address, CONTAINER_PORT).then_some(()));
});

engine_test!(ports_are_published_where_addresses_cannot_be_reached, |engine: &Engine| {
    let options = ContainerEngineOptions { publish: true, ..engine.options() };
    let world = World::with_options(engine, options);
    assert_eq!(world.runtime().container_address(&|_| false).expect("an engine"), ContainerAddress::Published);
    let port = world.runtime().free_port(&|_| false).expect("a free port");
    let launch = launch(&world, json!([server()]), port);
    assert!(launch.address.is_loopback());
    run(&world, launch);
    wait_until("the task answers", || answers(IpAddr::from([127, 0, 0, 1]), port).then_some(()));
});

#[test]
fn without_a_container_engine_that_is_said_at_once() {
    let home = tempfile::tempdir().expect("a directory");
    let options = ContainerEngineOptions { socket: Some(home.path().join("none.sock")), publish: false };
    let reports = Arc::new(|_| {});
    let runtime = ProcessRuntime::open_with(home.path(), supervisor_command(), options, reports).expect("it opens");
    let error = runtime.container_address(&|_| false).expect_err("there is none");
    assert!(matches!(error, RuntimeError::NoContainerEngine(_)));
    let text = error.to_string();
    assert!(text.contains("none.sock") && text.contains("systemctl start docker"), "{text}");
}

#[test]
fn an_engine_that_does_not_answer_is_waited_for_once() {
    let home = tempfile::tempdir().expect("a directory");
    let socket = home.path().join("deaf.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let options = ContainerEngineOptions { socket: Some(socket), publish: false };
    let runtime =
        ProcessRuntime::open_with(home.path(), supervisor_command(), options, Arc::new(|_| {})).expect("it opens");
    let _ = runtime.container_address(&|_| false).expect_err("it does not answer");
    let asked = std::time::Instant::now();
    let error = runtime.container_address(&|_| false).expect_err("it does not answer");
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert!(error.to_string().contains("still being looked for"), "{error}");
}
