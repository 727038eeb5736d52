//! The rules of a task's life, without a process: inputs in, actions out, in virtual time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use seatrial_model::task_definition::TaskDefinition;
use seatrial_ports::{TaskReport, TaskRuntime};
use serde_json::{Value, json};

use super::*;

const START: ContainerIndex = ContainerIndex(0);

/// A machine with the processes it believes in.
struct Bench {
    machine: TaskMachine,
    origin: Instant,
    elapsed: Duration,
    /// What was asked for, in order, as text.
    trace: Vec<String>,
    running: Vec<bool>,
    refuse: Option<ContainerIndex>,
}

impl Bench {
    fn new(containers: Value) -> Self {
        let document = json!({ "family": "test", "memory": "512", "containerDefinitions": containers });
        let definition = TaskDefinition::parse(&document).expect("a valid definition");
        let count = definition.containers.len();
        let launch = TaskLaunch {
            task: TaskId::from_bits(1),
            definition,
            runtime: TaskRuntime::Process,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: Vec::new(),
            environment: [].into(),
            time_scale: TimeScale::REAL,
            images: Default::default(),
            secrets: Default::default(),
        };
        let machine = TaskMachine::new(&launch);
        let origin = Instant::now();
        let trace = Vec::new();
        Bench { machine, origin, elapsed: Duration::ZERO, trace, running: vec![false; count], refuse: None }
    }

    fn launched(containers: Value) -> Self {
        let mut bench = Bench::new(containers);
        bench.feed(Input::Launched);
        bench
    }

    fn feed(&mut self, input: Input) {
        let millis = i64::try_from(self.elapsed.as_millis()).expect("a short test");
        let now = Now { instant: self.origin + self.elapsed, wall: Timestamp::from_millis(millis) };
        for action in self.machine.handle(now, input) {
            self.trace.push(format!("{action:?}").replace("ContainerIndex(", "").replace("))", ")"));
            match action {
                Action::Start(container) if self.refuse == Some(container) => {
                    self.feed(Input::Refused { container, refusal: Refusal::permanent("no") });
                }
                Action::Start(container) => {
                    self.running[container.0] = true;
                    self.feed(Input::Started { container, process: 100 + container.0 as u32 });
                }
                Action::Check(_) | Action::AbandonCheck(_) | Action::Terminate(_) | Action::Kill(_) | Action::Sweep => {
                }
            }
        }
    }

    fn exit(&mut self, container: usize, code: i32) {
        self.running[container] = false;
        let exit = Exit { code, reason: None, refusal: None };
        self.feed(Input::Exited { container: ContainerIndex(container), exit });
    }

    fn after(&mut self, time: Duration) {
        self.elapsed += time;
        self.feed(Input::Tick);
    }

    fn take_trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    fn report(&self) -> TaskReport {
        self.machine.report(1, None)
    }
}

fn container(name: &str) -> Value {
    json!({ "name": name, "image": "i", "command": ["x"], "stopTimeout": 10 })
}

fn with(mut container: Value, members: Value) -> Value {
    let members = members.as_object().expect("an object").clone();
    container.as_object_mut().expect("an object").extend(members);
    container
}

fn after(name: &str, on: &str, condition: &str) -> Value {
    with(container(name), json!({ "dependsOn": [{ "containerName": on, "condition": condition }] }))
}

#[test]
fn containers_start_one_after_the_other_and_then_the_task_runs() {
    let mut bench = Bench::launched(json!([container("a"), container("b")]));
    assert_eq!(bench.take_trace(), ["Start(0)", "Start(1)"]);
    assert_eq!(bench.report().phase, TaskPhase::Running);
    assert_eq!(bench.report().started_at, Some(Timestamp::from_millis(0)));
}

#[test]
fn a_refused_essential_container_keeps_the_rest_from_starting() {
    let mut bench = Bench::new(json!([container("a"), container("b"), container("c")]));
    bench.refuse = Some(ContainerIndex(1));
    bench.feed(Input::Launched);
    assert_eq!(bench.take_trace(), ["Start(0)", "Start(1)", "Terminate(0)"]);
    bench.exit(0, 143);
    assert_eq!(bench.take_trace(), ["Sweep"]);
    bench.feed(Input::Swept);
    let report = bench.report();
    assert!(bench.machine.is_stopped());
    assert_eq!(report.end.map(|end| end.reason).as_deref(), Some("CannotStartContainerError: no"));
    assert_eq!(report.started_at, None);
    assert_eq!(report.containers[2].exit_code, None);
}

#[test]
fn termination_goes_against_the_dependencies_and_ends_in_killing() {
    let mut bench = Bench::launched(json!([container("db"), after("app", "db", "START")]));
    bench.take_trace();
    bench.feed(Input::StopOrdered);
    assert_eq!(bench.take_trace(), ["Terminate(1)"]);
    bench.after(Duration::from_secs(9));
    assert_eq!(bench.take_trace(), [""; 0]);
    assert_eq!(bench.machine.wake_at(), Some(bench.origin + Duration::from_secs(10)));
    bench.after(Duration::from_secs(1));
    assert_eq!(bench.take_trace(), ["Kill(1)"]);
    bench.exit(1, 137);
    assert_eq!(bench.take_trace(), ["Terminate(0)"]);
    bench.exit(0, 0);
    assert_eq!(bench.take_trace(), ["Sweep"]);
    bench.feed(Input::Swept);
    let report = bench.report();
    assert_eq!((report.phase, report.end), (TaskPhase::Stopped, None));
}

#[test]
fn the_first_reason_to_stop_stays() {
    let mut bench = Bench::launched(json!([container("a"), container("b")]));
    bench.exit(0, 1);
    bench.feed(Input::StopOrdered);
    bench.exit(1, 9);
    let end = bench.report().end.expect("a reason");
    assert_eq!((end.cause, end.reason.as_str()), (EndCause::EssentialContainerExited, REASON_ESSENTIAL_EXITED));
}

#[test]
fn an_end_after_the_order_to_stop_is_no_failure() {
    let mut bench = Bench::launched(json!([container("a")]));
    bench.feed(Input::StopOrdered);
    let refusal = Some(Refusal::permanent("address already in use"));
    bench.feed(Input::Exited { container: START, exit: Exit { code: 1, reason: None, refusal } });
    bench.feed(Input::Swept);
    assert_eq!(bench.report().end, None);
}

#[test]
fn proof_of_a_refusal_is_the_reason_of_the_end() {
    let mut bench = Bench::launched(json!([container("a")]));
    let refusal = Some(Refusal::permanent("address already in use"));
    bench.feed(Input::Exited { container: START, exit: Exit { code: 1, reason: None, refusal } });
    let end = bench.report().end.expect("a reason");
    assert_eq!(
        (end.cause, end.reason.as_str()),
        (EndCause::CannotStart, "CannotStartContainerError: address already in use")
    );
}

#[test]
fn a_start_timeout_counts_from_the_start_of_the_container_waited_for() {
    let slow = with(container("slow"), json!({ "essential": false, "startTimeout": 30 }));
    let mut bench = Bench::launched(json!([slow, after("app", "slow", "COMPLETE")]));
    assert_eq!(bench.take_trace(), ["Start(0)"]);
    assert_eq!(bench.machine.wake_at(), Some(bench.origin + Duration::from_secs(30)));
    bench.after(Duration::from_secs(30));
    assert_eq!(bench.take_trace(), ["Terminate(0)"]);
    let end = bench.report().end.expect("a reason");
    assert_eq!((end.cause, end.reason.as_str()), (EndCause::FailedToStart, REASON_FAILED_TO_START));
}

#[test]
fn a_check_that_runs_is_abandoned_when_the_task_stops() {
    let check = json!({ "healthCheck": { "command": ["CMD", "true"] } });
    let mut bench = Bench::launched(json!([with(container("a"), check)]));
    bench.after(Duration::from_secs(1));
    assert_eq!(bench.take_trace(), ["Start(0)", "Check(0)"]);
    bench.feed(Input::StopOrdered);
    assert_eq!(bench.take_trace(), ["AbandonCheck(0)", "Terminate(0)"]);
    bench.feed(Input::CheckEnded { container: START, verdict: Verdict::Passed });
    bench.after(Duration::from_secs(5));
    assert_eq!(bench.take_trace(), [""; 0], "no further check");
}

/// One thing that can happen in a task of three containers.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Exit(usize, i32),
    Stop,
    TimePasses,
}

/// Plays every sequence of happenings and looks at what must hold whatever comes.
#[test]
fn every_order_of_ends_stops_and_delays_leads_to_one_orderly_end() {
    let happenings = [
        Happening::Exit(0, 0),
        Happening::Exit(0, 1),
        Happening::Exit(1, 0),
        Happening::Exit(2, 1),
        Happening::Stop,
        Happening::TimePasses,
    ];
    let depth = 4_u32;
    for number in 0..happenings.len().pow(depth) {
        let sequence: Vec<Happening> =
            (0..depth).map(|place| happenings[number / happenings.len().pow(place) % happenings.len()]).collect();
        play(&sequence);
    }
}

/// `init` must succeed before `app` starts; `log` is there for both and need not live.
fn play(sequence: &[Happening]) {
    let init = with(container("init"), json!({ "essential": false, "startTimeout": 15 }));
    let app = json!({ "dependsOn": [
        { "containerName": "init", "condition": "SUCCESS" },
        { "containerName": "log", "condition": "START" },
    ] });
    let log = with(container("log"), json!({ "essential": false }));
    let mut bench = Bench::launched(json!([init, with(container("app"), app), log]));
    for happening in sequence {
        match *happening {
            Happening::Exit(container, code) if bench.running[container] => bench.exit(container, code),
            Happening::Exit(..) => {}
            Happening::Stop => bench.feed(Input::StopOrdered),
            Happening::TimePasses => bench.after(Duration::from_secs(8)),
        }
    }
    // From here on everything obeys.
    bench.feed(Input::StopOrdered);
    for _ in 0..3 {
        for container in [1, 0, 2] {
            let asked = [format!("Terminate({container})"), format!("Kill({container})")];
            if bench.running[container] && bench.trace.iter().any(|action| asked.contains(action)) {
                bench.exit(container, 143);
            }
        }
    }
    let trace = bench.take_trace();
    let position = |action: &str| trace.iter().position(|other| other == action);
    let count = |action: &str| trace.iter().filter(|other| *other == action).count();
    assert!(!bench.running.contains(&true), "{sequence:?} {trace:?}");
    assert_eq!(trace.last().map(String::as_str), Some("Sweep"), "{sequence:?}");
    for action in ["Sweep", "Start(0)", "Start(2)"] {
        assert_eq!(count(action), 1, "{sequence:?} {trace:?}");
    }
    assert!(count("Start(1)") <= 1);
    if let (Some(app), Some(log)) = (position("Terminate(1)"), position("Terminate(2)")) {
        assert!(app < log, "the dependent first: {sequence:?} {trace:?}");
    }
    bench.feed(Input::Swept);
    let report = bench.report();
    let started = position("Start(1)").is_some();
    assert_eq!(report.started_at.is_some(), started, "{sequence:?}");
    assert!(report.containers.iter().all(|container| container.process_id.is_none()));
    if started {
        assert_eq!(report.containers[0].exit_code, Some(0), "init succeeded first: {sequence:?}");
    }
}

fn restarting(name: &str, members: Value) -> Value {
    let policy = with(json!({ "enabled": true, "restartAttemptPeriod": 60 }), members);
    with(container(name), json!({ "restartPolicy": policy }))
}

#[test]
fn a_container_that_ran_long_enough_is_started_again_in_its_task() {
    let check = json!({ "healthCheck": { "command": ["CMD", "true"] } });
    let mut bench = Bench::launched(json!([with(restarting("a", json!({})), check), container("b")]));
    bench.after(Duration::from_secs(1));
    bench.feed(Input::CheckEnded { container: START, verdict: Verdict::Passed });
    bench.after(Duration::from_secs(59));
    bench.take_trace();
    bench.exit(0, 1);
    assert_eq!(bench.take_trace(), ["AbandonCheck(0)", "Start(0)"]);
    let report = bench.report();
    assert_eq!((report.phase, report.end), (TaskPhase::Running, None));
    let restarted = &report.containers[0];
    assert_eq!((restarted.restart_count, restarted.exit_code, restarted.process_id), (1, None, Some(100)));
    assert_eq!(restarted.health, seatrial_model::task_definition::HealthStatus::Unknown, "it has to pass anew");
    bench.after(Duration::from_secs(60));
    bench.exit(0, 0);
    assert_eq!(bench.report().containers[0].restart_count, 2, "an exit of 0 is an end like any other");
}

#[test]
fn a_container_that_ended_too_early_or_as_allowed_is_not_started_again() {
    let ends = |container: Value, ran: u64, code: i32| {
        let mut bench = Bench::launched(json!([container]));
        bench.after(Duration::from_secs(ran));
        bench.exit(0, code);
        bench.take_trace().last().map(String::as_str) == Some("Sweep")
    };
    assert!(ends(restarting("a", json!({})), 59, 1), "it must have run for the whole period");
    assert!(!ends(restarting("a", json!({})), 60, 1));
    assert!(ends(restarting("a", json!({ "ignoredExitCodes": [0, 3] })), 60, 3));
    assert!(!ends(restarting("a", json!({ "ignoredExitCodes": [0, 3] })), 60, 4));
    assert!(ends(restarting("a", json!({ "enabled": false })), 60, 1));
}

#[test]
fn the_period_begins_anew_with_each_start() {
    let mut bench = Bench::launched(json!([restarting("a", json!({}))]));
    bench.after(Duration::from_secs(60));
    bench.exit(0, 1);
    bench.after(Duration::from_secs(59));
    bench.exit(0, 1);
    let end = bench.report().end.expect("the second end came too early");
    assert_eq!(end.cause, EndCause::EssentialContainerExited);
}

#[test]
fn nothing_is_started_again_while_the_task_stops_or_when_it_cannot_start() {
    let mut bench = Bench::launched(json!([restarting("a", json!({}))]));
    bench.after(Duration::from_secs(100));
    bench.feed(Input::StopOrdered);
    bench.exit(0, 143);
    assert_eq!(bench.take_trace(), ["Start(0)", "Terminate(0)", "Sweep"]);

    let mut bench = Bench::launched(json!([restarting("a", json!({}))]));
    bench.after(Duration::from_secs(100));
    bench.refuse = Some(START);
    bench.exit(0, 1);
    assert_eq!(bench.report().end.map(|end| end.reason).as_deref(), Some("CannotStartContainerError: no"));
}
