//! Small services, all of them: every order in which tasks start, pass, fail, exit and drain, and users interfere, up to a depth.
//!
//! States are compared by what can still make a difference (tasks without their identities, instants relative to now), so that each is
//! explored once. Every step is checked for I1, I2, I4 and I8 by [`Watch`], which knows nothing of the controller's state; beside that the two
//! must agree on what there is, and a step must leave nothing undone.
//!
//! `SEATRIAL_TEST_DEPTH=2` explores two inputs deeper; each doubles or trebles the time.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use common::happenings::happenings;
use common::{Checks, START, change, controller, deploy, deployment_id, from_environment, guarded, secs, settings};
use seatrial_controller::{
    Command, Controller, FailFast, Input, Observation, Policy, ServiceDeploymentStatus, Settings, StopType, Task,
    TaskStatus,
};
use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{RevisionId, Threshold, Timestamp};
use seatrial_sim::checkers::{Watch, audit};

/// One state of the world.
#[derive(Clone)]
struct Node {
    controller: Controller,
    watch: Watch,
    now: Timestamp,
    /// Which of the world's commands have not been given yet.
    commands: Vec<usize>,
}

/// A service to explore: how it begins, and what users may do to it once each, in any order at any time.
struct Scope {
    name: &'static str,
    opening: Vec<(Timestamp, Input)>,
    commands: Vec<Input>,
    checks: Checks,
    depth: usize,
    /// How service deployments must be seen to end, so that the exploration is known to go far enough.
    ends: &'static [ServiceDeploymentStatus],
}

impl Scope {
    fn explore(self) {
        let deeper = from_environment("SEATRIAL_TEST_DEPTH").unwrap_or(0) as usize;
        let mut node = Node {
            controller: controller(),
            watch: Watch::new(settings(0, 100, 200), Policy::engine()),
            now: START,
            commands: (0..self.commands.len()).collect(),
        };
        for (now, input) in &self.opening {
            node = self.step(&node, input.clone(), *now, &[]);
        }
        let mut seen = BTreeSet::from([node.key()]);
        let mut ends = BTreeSet::new();
        let mut layer = vec![(node, Vec::new())];
        for _ in 0..self.depth + deeper {
            let mut next_layer = Vec::new();
            for (node, path) in layer {
                for (now, input, command) in self.inputs(&node) {
                    let mut path: Vec<String> = path.clone();
                    path.push(format!("{:?} {input:?}", now.since(START)));
                    let mut next = self.step(&node, input, now, &path);
                    next.commands.retain(|index| Some(*index) != command);
                    ends.extend(next.controller.service_deployment().map(|deployment| deployment.status));
                    if seen.insert(next.key()) {
                        next_layer.push((next, path));
                    }
                }
            }
            layer = next_layer;
        }
        println!("{}: {} states", self.name, seen.len());
        assert!(self.ends.iter().all(|end| ends.contains(end)), "{}: only {ends:?} were reached", self.name);
    }

    fn step(&self, node: &Node, input: Input, now: Timestamp, path: &[String]) -> Node {
        let mut next = node.clone();
        next.now = now;
        let step = next.controller.handle(now, input.clone());
        let outcome = next.watch.follow(now, &input, &step).and_then(|()| audit(&next.controller, &next.watch, now));
        if let Err(what) = outcome {
            panic!("{}: {what}\nafter {input:?}, which answered\n{step}\non the way\n{}", self.name, path.join("\n"));
        }
        next
    }

    /// Everything that can happen next.
    fn inputs(&self, node: &Node) -> Vec<(Timestamp, Input, Option<usize>)> {
        let now = node.now;
        let mut inputs: Vec<_> =
            node.commands.iter().map(|index| (now, self.commands[*index].clone(), Some(*index))).collect();
        for task in node.controller.tasks() {
            let happenings = happenings(task, self.checks);
            inputs.extend(happenings.into_iter().map(|observation| (now, Input::Observation(observation), None)));
        }
        if let Some((at, _)) = node.controller.wake_at(now) {
            inputs.push((at, Input::Tick, None));
        }
        inputs
    }
}

impl Node {
    /// What can still make a difference, as text.
    fn key(&self) -> String {
        let (controller, now) = (&self.controller, self.now);
        let ahead = |at: Timestamp| at.since(now).as_millis();
        let ranks: BTreeMap<RevisionId, usize> =
            controller.deployments().iter().enumerate().map(|(rank, entry)| (entry.revision, rank)).collect();
        let rank = |revision: RevisionId| ranks.get(&revision).copied();
        let mut key = format!("{:?} {} {:?} ", self.commands, controller.is_steady(), controller.lifecycle());
        let mut tasks: Vec<String> = controller.tasks().map(|task| self.task_key(task, rank(task.revision))).collect();
        tasks.sort();
        key.push_str(&tasks.concat());
        for entry in controller.deployments() {
            let throttled = entry.throttle.blocked_until(now).map(ahead);
            let counts = (entry.desired_count, entry.failed_tasks, entry.unhealthy_to_replace);
            let _ = write!(key, "{counts:?} {:?} {throttled:?};", entry.rollout_state);
        }
        if let Some(deployment) = controller.service_deployment() {
            let target = rank(deployment.target);
            let flags = (deployment.target_was_healthy, deployment.failure_count, deployment.rollback.is_some());
            let _ = write!(key, "{target:?} {:?} {:?} {flags:?}", deployment.status, deployment.circuit_breaker);
        }
        let candidate = controller.last_completed().map(rank);
        let desired = controller.settings().desired_count;
        let _ = write!(key, "{candidate:?} {desired} {}", controller.waiting(now).len());
        key
    }

    fn task_key(&self, task: &Task, rank: Option<usize>) -> String {
        let status = match &task.status {
            TaskStatus::Pending => "P".to_owned(),
            TaskStatus::Running => "R".to_owned(),
            TaskStatus::Deactivating(leaving) => {
                format!("D{}{:?}", leaving.returnable, leaving.drained_by.since(self.now))
            }
            // Whatever else is known of it no longer matters.
            TaskStatus::Stopping(_) => return format!("{rank:?} S;"),
        };
        let health: Vec<_> = task.targets.values().map(|target| (target.health.state, target.drained)).collect();
        let flags = (task.once_healthy, task.proven, task.condemned_at.is_some());
        // How long it has been running matters up to the longest rule about it.
        let age = task.running_since.map(|since| self.now.since(since).min(secs(40)));
        format!("{rank:?} {status} {health:?} {:?} {flags:?} {age:?};", task.container_health)
    }
}

/// Brings every task of the service's first version up, into rotation, and through its first minute.
fn opened(settings: Settings, checks: Checks) -> Vec<(Timestamp, Input)> {
    let mut inputs = prospered(vec![(START, deploy(settings, 1, checks))], checks);
    inputs.push((START + secs(60), Input::Tick));
    inputs
}

/// Adds to a history what good may happen to the tasks it leaves, until they all serve.
fn prospered(mut inputs: Vec<(Timestamp, Input)>, checks: Checks) -> Vec<(Timestamp, Input)> {
    let mut controller = controller();
    let mut now = START;
    for (at, input) in &inputs {
        now = *at;
        controller.handle(now, input.clone());
    }
    let is_good = |observation: &Observation| match observation {
        Observation::TaskRunning { .. } => true,
        Observation::TargetHealth { health, .. } => health.is_healthy(),
        Observation::TaskHealth { health, .. } => *health == HealthStatus::Healthy,
        Observation::TaskStopped { .. }
        | Observation::TargetDrained { .. }
        | Observation::ListenerRule { .. }
        | Observation::HookAnswered { .. }
        | Observation::AlarmFired { .. } => false,
    };
    loop {
        let next = controller.tasks().flat_map(|task| happenings(task, checks)).find(is_good);
        let Some(good) = next else { break };
        controller.handle(now, Input::Observation(good.clone()));
        inputs.push((now, Input::Observation(good)));
    }
    inputs
}

fn stop(number: u64, stop_type: StopType) -> Input {
    Input::Command(Command::StopServiceDeployment { id: deployment_id(number), stop_type })
}

const BOTH_WAYS: &[ServiceDeploymentStatus] =
    &[ServiceDeploymentStatus::Successful, ServiceDeploymentStatus::RollbackSuccessful];

/// A scope that begins with v1 serving and v2 being deployed.
fn updating(name: &'static str, settings: Settings, checks: Checks, depth: usize) -> Scope {
    let mut opening = opened(settings.clone(), checks);
    opening.push((START + secs(60), deploy(settings, 2, checks)));
    Scope { name, opening, commands: Vec::new(), checks, depth, ends: BOTH_WAYS }
}

#[test]
fn one_task_with_room_is_updated_in_every_way() {
    let settings = guarded(settings(1, 100, 200), Threshold::Count(2));
    updating("1 task, 100/200", settings, Checks::Balancer, 7).explore();
}

#[test]
fn one_task_is_updated_while_users_interfere() {
    let with_breaker = guarded(settings(1, 100, 200), Threshold::Count(1));
    let scope = updating("1 task with commands", with_breaker.clone(), Checks::Balancer, 4);
    let zero = Settings { desired_count: 0, ..with_breaker.clone() };
    let two = Settings { desired_count: 2, ..with_breaker.clone() };
    let commands = vec![
        stop(2, StopType::Rollback),
        stop(2, StopType::Abort),
        deploy(with_breaker, 3, Checks::Balancer),
        change(zero),
        change(two),
        Input::Command(Command::Delete),
    ];
    Scope { commands, ..scope }.explore();
}

#[test]
fn two_tasks_without_room_are_updated_in_every_way() {
    let settings = guarded(settings(2, 50, 100), Threshold::Count(2));
    let scope = updating("2 tasks, 50/100", settings, Checks::Balancer, 6);
    Scope { ends: &[ServiceDeploymentStatus::RollbackSuccessful], ..scope }.explore();
}

#[test]
fn two_tasks_halfway_through_an_update_go_on_in_every_way() {
    let settings = guarded(settings(2, 50, 100), Threshold::Count(2));
    let scope = updating("2 tasks, halfway", settings, Checks::Balancer, 5);
    let opening = prospered(scope.opening, Checks::Balancer);
    let ends = &[ServiceDeploymentStatus::Successful];
    Scope { opening, ends, ..scope }.explore();
}

#[test]
fn two_tasks_with_room_for_one_are_updated_in_every_way() {
    let settings = Settings { fail_fast: FailFast::On, ..guarded(settings(2, 100, 150), Threshold::Count(2)) };
    let scope = updating("2 tasks, 100/150", settings, Checks::Balancer, 5);
    Scope { ends: &[ServiceDeploymentStatus::RollbackSuccessful], ..scope }.explore();
}

#[test]
fn one_task_without_a_floor_is_updated_in_every_way() {
    let settings = guarded(settings(1, 0, 100), Threshold::Count(2));
    updating("1 task, 0/100", settings, Checks::Balancer, 8).explore();
}

#[test]
fn three_tasks_are_created_in_every_way() {
    let opening = vec![(START, deploy(settings(3, 100, 100), 1, Checks::Container))];
    let commands = vec![change(settings(1, 100, 100))];
    let ends = &[ServiceDeploymentStatus::Successful];
    Scope { name: "3 tasks created", opening, commands, checks: Checks::Container, depth: 6, ends }.explore();
}

#[test]
fn tasks_that_nothing_checks_are_updated_in_every_way() {
    let settings = guarded(settings(2, 50, 150), Threshold::Count(2));
    updating("2 tasks, nothing checks", settings, Checks::Nothing, 8).explore();
}

#[test]
fn a_target_state_that_is_no_verdict_changes_no_decision() {
    let mut controller = controller();
    for (now, input) in opened(settings(1, 100, 200), Checks::Balancer) {
        controller.handle(now, input);
    }
    let task = controller.tasks().next().expect("a task").id.clone();
    for state in [TargetState::Initial, TargetState::Unused, TargetState::Unavailable, TargetState::Draining] {
        let health = TargetHealth { state, reason: None, description: None };
        let target_group = common::target_group(0);
        let seen = Observation::TargetHealth { task: task.clone(), target_group, port: 80, health };
        let step = controller.clone().handle(START + secs(60), Input::Observation(seen));
        assert_eq!(step.to_string(), "", "{state:?}");
    }
}
