//! Measures how long tasks take to start and stop and what their supervisors weigh:
//! `cargo run -p seatrial-runtime --example start_latency -- SUPERVISOR [ARGUMENT…]`, where SUPERVISOR is `seatrial-supervise` beside it,
//! or `seatrial supervise`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use seatrial_model::task_definition::TaskDefinition;
use seatrial_model::{TaskId, TimeScale};
use seatrial_ports::runtime::{Runtime, TaskPhase};
use seatrial_ports::{TaskLaunch, TaskReport, TaskRuntime};
use seatrial_runtime::{ProcessRuntime, SupervisorCommand};
use serde_json::json;

const ONE_BY_ONE: u128 = 50;
const AT_ONCE: u128 = 20;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let program = PathBuf::from(arguments.next().expect("the supervisor's program is the first argument"));
    let program = std::path::absolute(program).expect("a current directory");
    let supervisor = SupervisorCommand { program, arguments: arguments.collect() };
    let home = tempfile::tempdir().expect("a temporary directory");
    let (sender, reports) = channel();
    let told = Arc::new(move |report| drop(sender.send((Instant::now(), report))));
    let runtime = ProcessRuntime::open(home.path(), supervisor, told).expect("the runtime opens");

    let mut starts = Vec::new();
    let mut stops = Vec::new();
    for number in 0..ONE_BY_ONE {
        let task = TaskId::from_bits(number);
        let begun = Instant::now();
        runtime.start(launch(&task));
        starts.push(wait(&reports, TaskPhase::Running, 1) - begun);
        let begun = Instant::now();
        runtime.stop(&task);
        stops.push(wait(&reports, TaskPhase::Stopped, 1) - begun);
    }
    describe("start to Running, one by one", starts);
    describe("stop to Stopped, one by one", stops);

    let tasks: Vec<TaskId> = (0..AT_ONCE).map(|number| TaskId::from_bits(1000 + number)).collect();
    let begun = Instant::now();
    for task in &tasks {
        runtime.start(launch(task));
    }
    println!("{AT_ONCE} orders to start: {:.2} ms", milliseconds(begun.elapsed()));
    let all = wait(&reports, TaskPhase::Running, tasks.len()) - begun;
    println!("{AT_ONCE} tasks at once, all Running: {:.1} ms", milliseconds(all));
    weigh(home.path().to_string_lossy().as_ref());
    let begun = Instant::now();
    for task in &tasks {
        runtime.stop(task);
    }
    let all = wait(&reports, TaskPhase::Stopped, tasks.len()) - begun;
    println!("{AT_ONCE} tasks at once, all Stopped: {:.1} ms", milliseconds(all));
}

fn launch(task: &TaskId) -> TaskLaunch {
    let document = json!({
        "family": "sleep",
        "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": "unused", "command": ["sleep", "1000"] }],
    });
    TaskLaunch {
        task: task.clone(),
        definition: TaskDefinition::parse(&document).expect("a valid definition"),
        runtime: TaskRuntime::Process,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ports: Vec::new(),
        environment: BTreeMap::new(),
        time_scale: TimeScale::REAL,
        images: Default::default(),
        secrets: Default::default(),
    }
}

/// Waits until so many reports of a phase have come; returns when the last one did.
fn wait(reports: &Receiver<(Instant, TaskReport)>, phase: TaskPhase, mut missing: usize) -> Instant {
    loop {
        let (at, report) = reports.recv_timeout(Duration::from_secs(30)).expect("reports keep coming");
        if report.phase == phase {
            missing -= 1;
        }
        if missing == 0 {
            return at;
        }
    }
}

fn describe(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: f64| milliseconds(latencies[((latencies.len() - 1) as f64 * share) as usize]);
    println!("{what}: median {:.1} ms, p90 {:.1} ms, largest {:.1} ms", at(0.5), at(0.9), at(1.0));
}

/// Prints the resident, proportional and private memory of the supervisors of a home, on average.
fn weigh(home: &str) {
    let mut sums = BTreeMap::from([("Rss:", 0_u64), ("Pss:", 0), ("Private_Dirty:", 0)]);
    let mut count = 0_u64;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let command = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let Ok(rollup) = std::fs::read_to_string(entry.path().join("smaps_rollup")) else { continue };
        if !command.contains(home) {
            continue;
        }
        count += 1;
        for (name, sum) in &mut sums {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            *sum += line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        }
    }
    for (name, sum) in sums {
        println!("supervisor, {name} {} kB", sum / count.max(1));
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
