//! I5, persist before act: whatever the engine orders is in the journal first, and an engine that dies at any commit of a deployment is
//! followed by one that finishes it.

mod common;
mod fixtures;

use std::time::{Duration, Instant};

use common::{RuntimeOrder, World};
use fixtures::{balancer, forward, group, listener};
use seatrial_engine::services::{self, ServiceChange};
use seatrial_engine::state::{DesiredStatus, Document, ServiceLoadBalancer, Tags, TaskRecord};
use seatrial_engine::{Refusal, State, TargetIntent, Transaction, clusters, task_definitions};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{ClusterName, ContainerName, ServiceName, TargetGroupArn, TaskId};
use serde_json::{Value, json};

/// The longest one engine takes to get as far as it can.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn an_engine_that_dies_at_any_commit_has_ordered_nothing_it_would_not_know_of() {
    let mut commits = 0;
    loop {
        let mut story = Story::begin();
        story.world.journal.set_room(Some(commits));
        let first = story.play();
        story.check_orders_are_durable();
        if first == Ending::Finished {
            break;
        }
        story.world.journal.set_room(None);
        story.world.restart();
        assert_eq!(story.play(), Ending::Finished, "after dying at commit {commits}");
        story.check_the_end();
        commits += 1;
    }
    assert!(commits >= 6, "the deployment has many commits, not {commits}");
}

#[test]
fn a_command_that_cannot_be_stored_changes_nothing_and_says_so() {
    let story = Story::begin();
    let world = &story.world;
    world.journal.set_room(Some(0));
    let before = world.engine.read(|state| state.services.len());
    let (code, message) = world.refusal(|tx| story.create_service(tx));
    assert_eq!(code, "ServerException");
    assert!(message.contains("full") && message.contains("nothing was changed"), "{message}");
    assert_eq!(world.engine.read(|state| state.services.len()), before);
    assert_eq!(world.runtime.orders(), []);
    world.journal.set_room(None);
    world.run(|tx| story.create_service(tx));
    assert_eq!(world.runtime.started().len(), 1);
}

#[test]
fn after_a_restart_a_task_that_is_leaving_has_its_whole_deregistration_delay() {
    const DELAY: Duration = Duration::from_secs(300);
    let mut story = Story::begin();
    let driver = story.world.drive();
    story.world.run(|tx| story.create_service(tx));
    assert_eq!(story.run_until(|state| story.runs(state, 1)), Ending::Finished);
    let none = ServiceChange { desired_count: Some(0), ..ServiceChange::default() };
    story.world.run(|tx| services::update(tx, &story.cluster, &story.service, none));
    let is_stopped = |world: &World| world.runtime.orders().iter().any(|order| matches!(order, RuntimeOrder::Stop(_)));
    drop(driver);

    // Whether the target was taken out of rotation before the engine died, nobody knows.
    story.world.clock.advance(DELAY * 2);
    story.world.restart();
    let _driver = story.world.drive();
    story.world.clock.advance(DELAY / 2);
    story.world.run(|_| Ok(()));
    assert!(!is_stopped(&story.world), "it may have a request of a moment ago");
    story.world.clock.advance(DELAY);
    story.world.run(|_| Ok(()));
    common::wait("its end to be ordered", || is_stopped(&story.world));
}

/// A service is created, then updated to another task definition, on a machine on which everything goes well.
struct Story {
    world: World,
    group: String,
    cluster: ClusterName,
    service: ServiceName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Finished,
    /// A change could not be stored.
    Refused,
}

impl Story {
    fn begin() -> Self {
        let world = World::new();
        let (lb, group) = (balancer(&world, "web"), group(&world, "g"));
        listener(&world, &lb, 8080, forward(&group));
        let cluster = ClusterName::parse("c").expect("a name");
        world.run(|tx| {
            clusters::create(tx, cluster.clone(), Document::new())?;
            task_definitions::register(tx, definition("one"))?;
            task_definitions::register(tx, definition("two"))
        });
        Story { world, group, cluster, service: ServiceName::parse("web").expect("a name") }
    }

    fn create_service(&self, tx: &mut Transaction<'_>) -> Result<(), Refusal> {
        let attachment = ServiceLoadBalancer {
            target_group: TargetGroupArn::new(self.group.clone()),
            container_name: ContainerName::parse("app").expect("a name"),
            container_port: 8080,
            document: Document::new(),
        };
        let change = ServiceChange {
            task_definition: Some("web:1".to_owned()),
            desired_count: Some(1),
            load_balancers: Some(vec![attachment]),
            ..ServiceChange::default()
        };
        services::create(tx, &self.cluster, &self.service, change, None, Tags::new())
    }

    /// Plays on from wherever the engine stands.
    fn play(&self) -> Ending {
        let _driver = self.world.drive();
        let engine = &self.world.engine;
        if engine.read(|state| state.service(&self.cluster, &self.service).is_none())
            && engine.transact(|tx| self.create_service(tx)).is_err()
        {
            return Ending::Refused;
        }
        if self.run_until(|state| self.runs(state, 1) || self.runs(state, 2)) == Ending::Refused {
            return Ending::Refused;
        }
        let change = || ServiceChange { task_definition: Some("web:2".to_owned()), ..ServiceChange::default() };
        if engine.transact(|tx| services::update(tx, &self.cluster, &self.service, change())).is_err() {
            return Ending::Refused;
        }
        self.run_until(|state| {
            self.runs(state, 2) && state.tasks.values().filter(|task| task.stopped_at.is_none()).count() == 1
        })
    }

    /// Does what a machine does until the state is as wanted.
    fn run_until(&self, is_so: impl Fn(&State) -> bool) -> Ending {
        let deadline = Instant::now() + PATIENCE;
        while !self.world.engine.read(&is_so) {
            if self.world.journal.is_full() {
                return Ending::Refused;
            }
            assert!(Instant::now() < deadline, "the deployment stands still");
            self.obey();
            std::thread::sleep(Duration::from_millis(1));
        }
        Ending::Finished
    }

    /// Starts and stops tasks as ordered; every target is healthy at once, and idle as soon as it drains.
    fn obey(&self) {
        let World { runtime, balancer, engine, .. } = &self.world;
        let orders = runtime.orders();
        let stopped = |task: &TaskId| orders.contains(&RuntimeOrder::Stop(task.clone()));
        for task in runtime.started() {
            if stopped(&task) {
                runtime.report_stopped(&task, engine.now(), None);
            } else {
                runtime.report_running(&task, engine.now());
            }
        }
        balancer.report_applied();
        let targets = balancer.group(&self.group).map(|group| group.targets).unwrap_or_default();
        for target in targets {
            match target.intent {
                TargetIntent::Registered => {
                    balancer.report_health(&self.group, target.id, TargetHealth::healthy());
                }
                TargetIntent::Draining => balancer.report_drained(&self.group, target.id),
            }
        }
    }

    /// Tells whether the newest deployment is of this task definition and completed.
    fn runs(&self, state: &State, revision: u32) -> bool {
        let Some(service) = state.service(&self.cluster, &self.service) else { return false };
        let wanted = format!("web:{revision}");
        let is_wanted = |task: &TaskRecord| task.task_definition.to_string() == wanted;
        let running = |task: &&TaskRecord| task.desired_status == DesiredStatus::Running;
        let tasks: Vec<_> = state.tasks.values().filter(running).collect();
        tasks.len() == 1 && tasks.iter().all(|task| is_wanted(task)) && service.controller.is_steady()
    }

    /// Every order is one the journal has the reason for.
    fn check_orders_are_durable(&self) {
        let records = self.world.records(&["tasks"]);
        let durable = |task: &TaskId| -> Option<Value> {
            let prefix = format!("tasks {task} ");
            records.iter().find_map(|record| serde_json::from_str(record.strip_prefix(&prefix)?).ok())
        };
        for order in self.world.runtime.orders() {
            match order {
                RuntimeOrder::Start(launch) => assert!(durable(&launch.task).is_some(), "{} is unknown", launch.task),
                RuntimeOrder::Stop(task) => {
                    let record = durable(&task).expect("the task is known");
                    assert_eq!(record["desired_status"], json!("STOPPED"), "{record}");
                }
                RuntimeOrder::Forget(task) => assert!(durable(&task).is_none(), "{task} is still known"),
            }
        }
    }

    /// One task of the new version runs; all others have been stopped.
    fn check_the_end(&self) {
        let running = self.world.engine.read(|state| {
            let tasks = state.tasks.values().filter(|task| task.desired_status == DesiredStatus::Running);
            tasks.map(|task| task.task_definition.to_string()).collect::<Vec<_>>()
        });
        assert_eq!(running, ["web:2"]);
        self.check_orders_are_durable();
    }
}

fn definition(version: &str) -> Document {
    let container = json!({
        "name": "app", "image": version, "command": ["app"], "portMappings": [{"containerPort": 8080}]
    });
    match json!({"family": "web", "memory": "512", "containerDefinitions": [container]}) {
        Value::Object(object) => object,
        _ => unreachable!("an object was written"),
    }
}
