//! Clients that keep their version while two of them are served: on every request of a split, and not a moment longer once their version
//! is given up or has left.

#[path = "../benches/support/client.rs"]
mod client;
mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::{Trial, wait_until};

/// Everything ECS counts in minutes takes three seconds for each.
const TIME_SCALE: &str = "20";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 20s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 200s
    listener: { port: @PORT@{{ env('STICKY', '') }} }
    desired_count: 2
    deployment:
      strategy: canary
      percent: 50
      step_bake: 1m
      bake: 1m
      hooks: [{ stage: pre_production_traffic_shift }]
environments:
  dev: { target: embedded, stage: prod }
"#;
const STICKY: (&str, &str) = ("STICKY", ", stickiness: 1h");
const PATIENCE: Duration = Duration::from_secs(60);
/// How long after the decision a request may still be sent to the version that was given up.
const LAST_REQUEST: Duration = Duration::from_millis(100);

#[test]
fn a_client_keeps_its_version_during_a_split_and_loses_it_with_the_version() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial.deploy(&[("VERSION", "v1")]).exits(6);
    trial.run(&["promote"], &[("VERSION", "v1")]).exits(0);
    let mut early = Visitor::with_jar(trial.port);
    early.ask();
    assert_eq!(early.cookie, None, "nobody asked for stickiness yet");

    // An existing rule is given stickiness; its first visitors belong to the only version there is.
    let bad = [("VERSION", "bad"), STICKY];
    trial.deploy(&bad).exits(6);
    early.ask();
    assert!(early.cookie.as_deref().is_some_and(|cookie| cookie.starts_with("AWSALBTG=")), "{:?}", early.cookie);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("200"));

    trial.run(&["promote"], &bad).exits(6);
    let crowd = visit_during_a_split(&trial, "bad");
    assert!((0..50).all(|_| early.ask() == "v1"), "who was there before the split stays where they were");

    let sampler = Sampler::start(crowd);
    wait_until(PATIENCE, "pinned visitors of the bad version", || sampler.has_seen("bad"));
    trial.run(&["rollback"], &bad).exits(0);
    let decided = runtime.block_on(rollback_began(&trial));
    let (mut crowd, last) = sampler.stop("bad");
    let after = last.saturating_sub(decided);
    println!("the last request of a pinned client to the version given up was sent {after:?} after the decision");
    assert!(after <= LAST_REQUEST, "{after:?}");
    assert!(
        crowd.iter_mut().all(|visitor| visitor.ask() == "v1"),
        "after a rollback nobody is left on the version given up"
    );

    let good = [("VERSION", "v2"), STICKY];
    trial.deploy(&good).exits(6);
    trial.run(&["promote"], &good).exits(6);
    let crowd = visit_during_a_split(&trial, "v2");
    let sampler = Sampler::start(crowd);
    trial.run(&["promote"], &good).exits(0);
    let (mut crowd, _) = sampler.stop("v2");
    assert!(
        crowd.iter_mut().chain([&mut early]).all(|visitor| visitor.ask() == "v2"),
        "all follow when the old version leaves"
    );

    // What is taken out of the file is taken from the rule.
    let free = [("VERSION", "v3")];
    trial.deploy(&free).exits(6);
    let mut late = Visitor::with_jar(trial.port);
    late.ask();
    assert_eq!(late.cookie, None);
    trial.run(&["promote", "--full"], &free).exits(0);

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
}

/// New visitors while two versions have half of the traffic each; returns them.
fn visit_during_a_split(trial: &Trial, new: &str) -> Vec<Visitor> {
    const VISITORS: usize = 40;
    const REQUESTS: usize = 25;
    let mut crowd: Vec<Visitor> = (0..VISITORS).map(|_| Visitor::with_jar(trial.port)).collect();
    let kept: Vec<String> = crowd.iter_mut().map(Visitor::ask).collect();
    for (visitor, kept) in crowd.iter_mut().zip(&kept) {
        assert!((0..REQUESTS).all(|_| visitor.ask() == *kept), "a visitor keeps its version on every request");
    }
    // The chance that forty visitors are all on one side is two in a million million.
    let on_new = kept.iter().filter(|version| *version == new).count();
    assert!((1..VISITORS).contains(&on_new), "{on_new} of {VISITORS} have the new version");
    let mut stranger = Visitor::without_jar(trial.port);
    let draws = VISITORS * REQUESTS;
    let drawn = (0..draws).filter(|_| stranger.ask() == new).count();
    // Five standard deviations around a half.
    let slack = 5.0 * (draws as f64 / 4.0).sqrt();
    assert!(
        (drawn as f64 - draws as f64 / 2.0).abs() <= slack,
        "{drawn} of {draws} without a jar have the new version"
    );
    crowd
}

async fn rollback_began(trial: &Trial) -> Duration {
    let ecs = client::ecs(&trial.aws_environment());
    let listed = ecs.list_service_deployments().cluster("trial-dev").service("web").max_results(1).send().await;
    let arn =
        listed.expect("the engine answers").service_deployments()[0].service_deployment_arn().map(ToOwned::to_owned);
    let described =
        ecs.describe_service_deployments().set_service_deployment_arns(arn.map(|arn| vec![arn])).send().await;
    let described = described.expect("the engine answers");
    let began = described.service_deployments()[0].rollback().and_then(|rollback| rollback.started_at());
    let millis = began.expect("it was rolled back").to_millis().expect("in range");
    Duration::from_millis(u64::try_from(millis).expect("after 1970"))
}

/// A client on a kept-alive connection, with or without a cookie jar.
struct Visitor {
    stream: TcpStream,
    keeps_cookies: bool,
    cookie: Option<String>,
}

impl Visitor {
    fn with_jar(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the listener is open");
        Visitor { stream, keeps_cookies: true, cookie: None }
    }

    fn without_jar(port: u16) -> Self {
        Visitor { keeps_cookies: false, ..Visitor::with_jar(port) }
    }

    /// Asks once and returns the version that answered.
    fn ask(&mut self) -> String {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        let request = format!("GET / HTTP/1.1\r\nHost: trial\r\n{cookie}\r\n");
        self.stream.write_all(request.as_bytes()).expect("the connection is open");
        let mut answer = String::new();
        let mut buffer = [0; 4096];
        while !answer.contains("\r\n\r\n") || !answer.trim_end().contains(", version ") {
            let read = self.stream.read(&mut buffer).expect("an answer comes");
            assert!(read > 0, "the connection was closed: {answer}");
            answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let fields = answer.lines().filter_map(|line| line.split_once(": "));
        let mut given = fields.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).map(|(_, value)| value);
        if let Some(cookie) = given.next_back().filter(|_| self.keeps_cookies) {
            self.cookie = cookie.split(';').next().map(ToOwned::to_owned);
        }
        let version = answer.trim_end().rsplit(", version ").next().unwrap_or_default();
        version.to_owned()
    }
}

/// Visitors that ask again and again; remembers when each request was sent and which version answered it.
struct Sampler {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<(Duration, String)>>>,
    threads: Vec<std::thread::JoinHandle<Vec<Visitor>>>,
}

const SAMPLERS: usize = 4;
const SAMPLE_INTERVAL: Duration = Duration::from_micros(200);

impl Sampler {
    fn start(crowd: Vec<Visitor>) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let mut parts: Vec<Vec<Visitor>> = (0..SAMPLERS).map(|_| Vec::new()).collect();
        crowd.into_iter().enumerate().for_each(|(place, visitor)| parts[place % SAMPLERS].push(visitor));
        let thread = |mut part: Vec<Visitor>| {
            let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    for visitor in &mut part {
                        let sent = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
                        let version = visitor.ask();
                        seen.lock().expect("no sampler panics").push((sent, version));
                        std::thread::sleep(SAMPLE_INTERVAL);
                    }
                }
                part
            })
        };
        let threads = parts.into_iter().map(thread).collect();
        Sampler { stop, seen, threads }
    }

    fn has_seen(&self, wanted: &str) -> bool {
        self.seen.lock().expect("no sampler panics").iter().any(|(_, version)| version == wanted)
    }

    /// Returns the visitors, and when the last request was sent that a version answered, since 1970.
    fn stop(self, wanted: &str) -> (Vec<Visitor>, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let parts = self.threads.into_iter().map(|thread| thread.join().expect("every request is answered"));
        let crowd = parts.flatten().collect();
        let seen = self.seen.lock().expect("no sampler panics");
        let last = seen.iter().filter(|(_, version)| version == wanted).map(|(sent, _)| *sent).max();
        (crowd, last.expect("it was seen"))
    }
}
