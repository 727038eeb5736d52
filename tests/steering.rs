//! Steering a deployment from the command line: ending it and going back, at once or in steps, trying again what failed, and ending a bake
//! early. Under load, without one failed request.

#[path = "../benches/support/client.rs"]
mod client;
mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::ServiceDeployment;
use harness::{SEATRIAL, Trial, wait_until};

/// A minute of the configuration takes three seconds.
const TIME_SCALE: &str = "20";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: [sh, -c, "test {{ env('VERSION') }} != fragile -o -e repaired || exit 1; exec @SEATRIAL@ demo-app --version {{ env('VERSION') }} --boot-delay {{ env('BOOT', '100ms') }}"]
    port: 8080
    health_check: { path: /health/ready, interval: 20s, timeout: 2s, unhealthy_threshold: 10, grace_period: 0s }
    deregistration_delay: 200s
    listener: { port: @PORT@ }
    desired_count: 2
@DEPLOYMENT@
environments:
  dev: { target: embedded, stage: prod }
"#;
const BLUE_GREEN: &str = "    deployment: { strategy: blue_green, bake: 20m }";
const CANARY: &str = "    deployment: { strategy: canary, percent: 10, step_bake: 20m, bake: 20m }";
const PATIENCE: Duration = Duration::from_secs(60);

fn start(deployment: &str) -> Trial {
    let trial = Trial::new(&CONFIGURATION.replace("@DEPLOYMENT@", deployment).replace("@SEATRIAL@", SEATRIAL));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial.run(&["deploy", "--no-wait"], &[("VERSION", "v1")]).exits(0);
    trial
}

/// The same, with the first version serving alone.
fn serving(deployment: &str) -> (Trial, Service, tokio::runtime::Runtime) {
    let trial = start(deployment);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let service = Service(client::ecs(&trial.aws_environment()));
    if deployment.contains("bake") {
        wait_until(PATIENCE, "the first bake time", || {
            runtime.block_on(service.stage()).as_deref() == Some("BAKE_TIME")
        });
        trial.run(&["skip-bake"], &[("VERSION", "v1")]).exits(0);
    }
    wait_until(PATIENCE, "the first version", || trial.answers() && trial.answer().body.ends_with("version v1"));
    (trial, service, runtime)
}

#[test]
fn an_aborted_deployment_gives_its_traffic_back_in_steps_and_drops_nothing() {
    let (trial, service, runtime) = serving(BLUE_GREEN);
    let load = runtime.block_on(trial.load("300"));
    let version = [("VERSION", "v2")];
    trial.run(&["deploy", "--no-wait"], &version).exits(0);
    wait_until(PATIENCE, "the bake time", || runtime.block_on(service.stage()).as_deref() == Some("BAKE_TIME"));
    let sampler = Sampler::start(trial.port);
    let aborting = std::thread::scope(|scope| {
        let aborting = scope.spawn(|| trial.run(&["abort", "--gradual=25%/40s"], &version));
        let plateaus = runtime.block_on(service.plateaus());
        (aborting.join().expect("the command ends"), plateaus)
    });
    let (aborted, plateaus) = aborting;
    assert!(aborted.exits(0).says("serves again"));
    let samples = sampler.stop();
    let shares: Vec<f64> = plateaus.iter().map(|plateau| plateau.share).collect();
    assert_eq!(shares, [100.0, 75.0, 50.0, 25.0, 0.0], "ECS's view of the weights");
    for plateau in &plateaus[1..4] {
        let seen = samples.share_within(plateau);
        println!("{} % of production: {:?}, {seen:.1} % of the answers", plateau.share, plateau.until - plateau.since);
        assert!((seen - plateau.share).abs() < 10.0, "{} % was to be given, {seen} % answered", plateau.share);
        assert!(plateau.until - plateau.since > Duration::from_millis(1500), "each step lasts its two seconds");
    }
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
    let events = trial.run(&["events"], &version).exits(0);
    assert!(events.says("in steps: 75 % is left"), "{}", events.stdout);
}

#[test]
fn what_the_file_says_of_the_way_back_holds_for_every_abort_and_a_second_one_ends_it() {
    let slow = "    deployment: { strategy: blue_green, bake: 20m, shift_back: { step: 50%, every: 1h } }";
    let (trial, service, runtime) = serving(slow);
    let version = [("VERSION", "v2")];
    trial.run(&["deploy", "--no-wait"], &version).exits(0);
    wait_until(PATIENCE, "the bake time", || runtime.block_on(service.stage()).as_deref() == Some("BAKE_TIME"));
    trial.run(&["abort", "--no-wait"], &version).exits(0);
    assert_eq!(runtime.block_on(service.share()), 50.0);
    let again = trial.run(&["abort", "--no-wait", "--gradual"], &version).exits(0);
    assert!(again.says("on its way back already"), "{}", again.stderr);
    assert_eq!(runtime.block_on(service.share()), 50.0, "asking for steps again hurries nothing");
    trial.run(&["abort"], &version).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
    let wrong = trial.run(&["abort", "--gradual=everything"], &version).exits(2);
    assert!(wrong.says("such as 25%/30s"), "{}", wrong.stderr);
}

#[test]
fn where_nothing_is_going_on_there_is_nothing_to_abort_to_retry_or_to_skip() {
    let (trial, ..) = serving("");
    let version = [("VERSION", "v1")];
    trial.run(&["deploy"], &version).exits(0);
    let refused = trial.run(&["abort"], &version).exits(1);
    assert!(refused.says("nothing to abort") && refused.says("seatrial rollback web"), "{}", refused.stderr);
    let refused = trial.run(&["retry"], &version).exits(1);
    assert!(refused.says("nothing to retry") && refused.says("seatrial deploy web"), "{}", refused.stderr);
    let refused = trial.run(&["skip-bake"], &version).exits(1);
    assert!(refused.says("no bake time to end"), "{}", refused.stderr);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
}

#[test]
fn a_version_that_failed_is_tried_again_as_it_was() {
    let (trial, ..) = serving("");
    trial.run(&["deploy"], &[("VERSION", "fragile")]).exits(3);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
    // The file means another version by now, which is nobody's business.
    let other = [("VERSION", "v9")];
    let failed = trial.run(&["retry"], &other).exits(3);
    assert!(failed.says("its last deployment was rolled back"), "{}", failed.stderr);
    std::fs::write(trial.directory().join("repaired"), "").expect("written");
    trial.run(&["retry"], &other).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version fragile");
    trial.run(&["retry"], &other).exits(1);
}

#[test]
fn a_bake_is_ended_in_the_first_share_and_at_the_end_and_nowhere_else() {
    let (trial, service, runtime) = serving(BLUE_GREEN);
    let canary = std::fs::read_to_string(trial.directory().join("seatrial.yml")).expect("the configuration");
    std::fs::write(trial.directory().join("seatrial.yml"), canary.replace(BLUE_GREEN, CANARY)).expect("written");
    let load = runtime.block_on(trial.load("300"));
    let version = [("VERSION", "v2"), ("BOOT", "3s")];
    trial.run(&["deploy", "--no-wait"], &version).exits(0);
    let refused = trial.run(&["skip-bake"], &version).exits(1);
    assert!(refused.says("in no bake time: it is at SCALE_UP"), "{}", refused.stderr);
    let at = |stage: &str| runtime.block_on(service.stage()).as_deref() == Some(stage);
    wait_until(PATIENCE, "the first share", || at("PRODUCTION_TRAFFIC_SHIFT"));
    assert_eq!(runtime.block_on(service.share()), 10.0);
    trial.run(&["skip-bake", "--no-wait"], &version).exits(0);
    wait_until(PATIENCE, "all traffic", || at("BAKE_TIME"));
    assert_eq!(runtime.block_on(service.share()), 100.0);
    let done = trial.run(&["skip-bake"], &version).exits(0);
    assert!(done.says("ended the bake time of service web"), "{}", done.stderr);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
}

/// The service as ECS shows it.
struct Service(aws_sdk_ecs::Client);

/// A while in which the share of production did not change.
struct Plateau {
    share: f64,
    since: Instant,
    until: Instant,
}

impl Service {
    async fn last(&self) -> ServiceDeployment {
        let listed = self.0.list_service_deployments().cluster("trial-dev").service("web").max_results(1);
        let listed = listed.send().await.expect("the engine answers");
        let arn = listed.service_deployments()[0].service_deployment_arn().expect("every one has an ARN").to_owned();
        let described = self.0.describe_service_deployments().service_deployment_arns(arn).send().await;
        described.expect("the engine answers").service_deployments()[0].clone()
    }

    async fn stage(&self) -> Option<String> {
        self.last().await.lifecycle_stage().map(|stage| stage.as_str().to_owned())
    }

    async fn share(&self) -> f64 {
        let last = self.last().await;
        let target = last.target_service_revision().expect("it has a target");
        target.requested_production_traffic_weight().expect("it moves traffic")
    }

    /// Watches the share of production until nothing is left of it.
    async fn plateaus(&self) -> Vec<Plateau> {
        let deadline = Instant::now() + PATIENCE;
        let mut plateaus: Vec<Plateau> = Vec::new();
        while plateaus.last().is_none_or(|plateau| plateau.share > 0.0) {
            let share = self.share().await;
            let now = Instant::now();
            assert!(now < deadline, "the traffic went back in time");
            match plateaus.last_mut() {
                Some(plateau) if plateau.share == share => plateau.until = now,
                _ => plateaus.push(Plateau { share, since: now, until: now }),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        plateaus
    }
}

/// Asks again and again on one connection, and remembers when and which version answered.
struct Sampler {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Samples>>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Samples(Vec<(Instant, bool)>);

impl Sampler {
    fn start(port: u16) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Samples::default())));
        let (stopped, told) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the listener is open");
            while !stopped.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let is_new = ask(&mut stream).contains("version v2");
                told.lock().expect("the sampler does not panic").0.push((asked, is_new));
                std::thread::sleep(Duration::from_millis(2)); // A few hundred times a second.
            }
        });
        Sampler { stop, seen, thread }
    }

    fn stop(self) -> Samples {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("every request is answered");
        std::mem::take(&mut *self.seen.lock().expect("the sampler does not panic"))
    }
}

impl Samples {
    /// Returns how many of the answers the new version has given in a while, in percent.
    fn share_within(&self, plateau: &Plateau) -> f64 {
        let within: Vec<bool> = self
            .0
            .iter()
            .filter(|(asked, _)| (plateau.since..plateau.until).contains(asked))
            .map(|(_, is_new)| *is_new)
            .collect();
        assert!(within.len() > 100, "only {} answers at {} %", within.len(), plateau.share);
        100.0 * within.iter().filter(|is_new| **is_new).count() as f64 / within.len() as f64
    }
}

fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: trial\r\n\r\n").expect("the connection is open");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).expect("an answer comes");
        assert!(count > 0, "the connection ended before the answer");
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:").map(|value| value.trim().parse::<usize>())
            });
            let length = length.expect("the answer has a length").expect("a number");
            if body.len() >= length {
                return text.into_owned();
            }
        }
    }
}
