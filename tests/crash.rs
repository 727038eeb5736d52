//! Crashes: the engine's processes are killed at any moment, and nobody who uses the service notices.

mod harness;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{Ran, Trial, wait_until};

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --boot-delay 300ms {{ env('OPTIONS', '') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 5s
    listener: { port: @PORT@ }
    minimum_healthy_percent: 100
    maximum_percent: 200
    desired_count: 2
    circuit_breaker: { rollback: true, reset_on_healthy_task: false, threshold: { type: count, value: 2 } }
environments:
  dev: { target: embedded, stage: dev }
"#;

const DESIRED: usize = 2;
/// How often the control plane is killed.
const KILLS: u64 = 30;
/// A deployment of the story takes about this long, so a kill falls anywhere into it, or just before or after it.
const KILL_WITHIN_MILLISECONDS: u64 = 2500;
/// How long everything may take to be as it should be after a crash.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_control_plane_may_die_at_any_moment_of_a_deployment() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[("OPTIONS", "--version v0")]).exits(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("200"));
    let mut serving = "v0".to_owned();
    let mut moments = Moments(0x5EA7_121A);

    for kill in 1..=KILLS {
        let version = format!("v{kill}");
        let is_broken = kill % 3 == 0;
        let broken = if is_broken { " --exit-at-start 3" } else { "" };
        let deployment = start_deployment(&trial, &format!("--version {version}{broken}"));
        let moment = moments.next(KILL_WITHIN_MILLISECONDS);
        std::thread::sleep(Duration::from_millis(moment));
        kill_process(trial.engine_process().expect("the engine runs"));
        let restarted = trial.run(&["engine", "start"], &[]).exits(0);
        let ended = finish(deployment);
        println!("{version}: killed after {moment} ms, back after {:?}, exit code {:?}", restarted.took, ended.code);
        if is_broken {
            ended.exits(3);
        } else {
            ended.exits(0);
            serving = version;
        }
        wait_until(PATIENCE, "exactly the desired tasks to be left", || trial.containers().len() == DESIRED);
        assert_eq!(trial.answer().body, format!("Hello from the demo service, version {serving}"), "after kill {kill}");
        assert_eq!(supervised(&trial), DESIRED, "{:?}", trial.processes());
    }

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
    assert!(report.requests.answered > 1000, "{}", report.render());
}

/// A request that the dying proxy holds is lost with it; one that begins afterwards waits for the next proxy.
#[test]
fn after_the_death_of_the_proxy_new_connections_wait_and_are_answered() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[("OPTIONS", "--version v0")]).exits(0);
    for death in 1..=3 {
        let before = trial.proxy();
        kill_process(before);
        let began = std::time::Instant::now();
        assert_eq!(trial.answer().body, "Hello from the demo service, version v0");
        println!("death {death}: answered after {:?}", began.elapsed());
        assert_ne!(trial.proxy(), before);
    }
    assert_eq!(trial.containers().len(), DESIRED);
}

/// With both gone, the tasks run on, and the next engine takes everything up again.
#[test]
fn tasks_survive_the_death_of_engine_and_proxy() {
    let trial = Trial::new(CONFIGURATION);
    trial.deploy(&[("OPTIONS", "--version v0")]).exits(0);
    let tasks = trial.containers();
    // The engine first: it would start another proxy.
    kill_process(trial.engine_process().expect("the engine runs"));
    kill_process(trial.proxy());
    trial.run(&["engine", "start"], &[]).exits(0);
    wait_until(PATIENCE, "the listener to be open again", || trial.answers());
    assert_eq!(trial.answer().body, "Hello from the demo service, version v0");
    assert_eq!(trial.containers(), tasks);
}

/// A splitmix64 sequence: the same moments every time.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }
}

fn start_deployment(trial: &Trial, options: &str) -> Child {
    let mut command = trial.command(&["deploy", "--timeout", "2m"], &[("OPTIONS", options)]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary under trial can be started")
}

fn finish(deployment: Child) -> Ran {
    let output = deployment.wait_with_output().expect("a child can be waited for");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: Duration::ZERO,
    }
}

fn kill_process(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "process {process} could not be killed");
}

fn supervised(trial: &Trial) -> usize {
    trial.processes().iter().filter(|(_, line)| line.contains(" supervise ")).count()
}
