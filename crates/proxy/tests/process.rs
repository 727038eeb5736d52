//! The proxy as a process of its own: what happens when it, or the engine, or both are killed.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use common::client::Client;
use common::fixture::{LISTENER, health_check};
use common::process::{Engine, free_address, is_running, kill, program};
use common::upstream::Upstream;
use common::{until, within};
use seatrial_model::load_balancing::TargetState;
use seatrial_ports::balancer::{Balancer, BalancerConfig, BalancerReport, TargetIntent};

async fn get(address: SocketAddr) -> String {
    Client::connect(address).await.get("/").await.text().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_goes_on_without_an_engine_and_is_adopted_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (Upstream::saying("one").await, Upstream::saying("two").await);
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[one.address]).await;
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/").await.text(), "one");
    let process = engine.process_id().await;
    engine.leave();
    assert_eq!(client.get("/").await.text(), "one", "on the same connection");
    assert_eq!(get(address).await, "one", "on a new one");

    // The next engine counts its configurations from the beginning.
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[two.address]).await;
    assert_eq!(engine.process_id().await, process, "the same proxy");
    assert_eq!(client.get("/").await.text(), "two");
    assert_eq!(get(address).await, "two");
    drop(engine);
    until("a stopped proxy ends", || !is_running(process)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_made_while_the_proxy_is_dead_wait_and_are_answered() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    for round in 0..4 {
        assert_eq!(get(address).await, "fine");
        kill(engine.process_id().await);
        // At once, and then some more while the next proxy is starting.
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..40 {
            clients.spawn(async move {
                tokio::time::sleep(Duration::from_millis(number)).await;
                // A connection the dying proxy may still have taken is lost with it; one that nobody took must be answered.
                let mut client = Client::connect(address).await;
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
                client.try_answer("GET").await.map(|answer| answer.text().to_owned())
            });
        }
        let mut lost = 0;
        while let Some(answer) = clients.join_next().await {
            match answer.unwrap() {
                Some(text) => assert_eq!(text, "fine"),
                None => lost += 1,
            }
        }
        assert!(lost <= 4, "{lost} of 40 connections lost in round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_in_the_backlog_survives_the_proxys_death() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    for _ in 0..3 {
        let dead = engine.kill_proxy().await;
        let answers = (0..30).map(|_| get(address));
        let answers = within("answers of the next proxy", futures_util::future::join_all(answers)).await;
        assert!(answers.iter().all(|answer| answer == "fine"));
        assert_ne!(engine.process_id().await, dead);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_proxy_knows_which_targets_were_healthy() {
    let home = tempfile::tempdir().unwrap();
    let good = Upstream::saying("good").await;
    let bad = Upstream::answering(|asked| {
        if asked.path() == "/health" {
            b"HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n".to_vec()
        } else {
            common::upstream::ok("bad")
        }
    })
    .await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[good.address, bad.address]).await;
    engine
        .apply(|config| {
            config.target_groups[0].health_check = health_check(true);
            config.target_groups[0].health_check.interval = Duration::from_millis(50);
        })
        .await;
    let is = |wanted: TargetState, of: SocketAddr| move |report: &BalancerReport| matches!(report, BalancerReport::Health { target, health, .. } if target.socket() == of && health.state == wanted);
    engine.until_reported("one is healthy", is(TargetState::Healthy, good.address)).await;
    engine.until_reported("one is not", is(TargetState::Unhealthy, bad.address)).await;
    engine.apply(|config| config.target_groups[0].health_check.interval = Duration::from_secs(300)).await;
    let healths = || {
        engine.reports.lock().unwrap().iter().filter(|report| matches!(report, BalancerReport::Health { .. })).count()
    };
    let before = healths();
    engine.kill_proxy().await;
    for _ in 0..20 {
        assert_eq!(get(address).await, "good", "from its first request");
    }
    assert_eq!(healths(), before, "and nothing is reported that was known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_both_were_killed_the_ports_are_opened_anew() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    let process = engine.process_id().await;
    engine.leave();
    kill(process);
    until("the proxy is gone", || !is_running(process)).await;
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    assert_eq!(get(address).await, "fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_reported_and_opened_once_it_is_free() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let other = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    engine
        .apply(|config| {
            let mut second = config.listeners[0].clone();
            (second.arn, second.address) = ("second".to_owned(), other);
            config.listeners.push(second);
        })
        .await;
    let port = address.port().to_string();
    engine
        .until_reported("the port is in use", |report| {
            matches!(report, BalancerReport::Listener { arn, outcome: Err(problem) } if arn == LISTENER && problem.contains(&port))
        })
        .await;
    assert_eq!(get(other).await, "fine", "the other listener is not affected");
    drop(taken);
    engine
        .until_reported(
            "the port is open",
            |report| matches!(report, BalancerReport::Listener { arn, outcome: Ok(()) } if arn == LISTENER),
        )
        .await;
    assert_eq!(get(address).await, "fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_listener_frees_its_port_and_may_come_back_at_once() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    for _ in 0..5 {
        let listeners = std::mem::take(&mut engine.config.listeners);
        engine.apply(|_| {}).await;
        until("the port is free", || std::net::TcpListener::bind(address).is_ok()).await;
        engine.apply(|config| config.listeners = listeners).await;
        assert_eq!(get(address).await, "fine");
        // Removed and added again before the first is in effect.
        let listeners = std::mem::take(&mut engine.config.listeners);
        engine.config.generation += 1;
        engine.balancer.apply(engine.config.clone());
        engine.apply(|config| config.listeners = listeners).await;
        assert_eq!(get(address).await, "fine");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_configuration_that_comes_late_is_ignored() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    engine.balancer.apply(BalancerConfig::default());
    engine.apply(|config| config.listeners[0].idle_timeout = Duration::from_secs(30)).await;
    assert_eq!(get(address).await, "fine");
    let zeros = engine
        .reports
        .lock()
        .unwrap()
        .iter()
        .filter(|report| **report == BalancerReport::Applied { generation: 0 })
        .count();
    assert_eq!(zeros, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drained_is_reported_across_the_processes_and_only_once() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    assert_eq!(get(address).await, "fine");
    engine.apply(|config| config.target_groups[0].targets[0].intent = TargetIntent::Draining).await;
    let drained = |report: &BalancerReport| matches!(report, BalancerReport::Drained { .. });
    engine.until_reported("drained", drained).await;
    engine.apply(|config| config.target_groups[0].slow_start = Duration::from_secs(30)).await;
    engine.kill_proxy().await;
    engine.apply(|config| config.target_groups[0].slow_start = Duration::ZERO).await;
    assert_eq!(engine.reports.lock().unwrap().iter().filter(|report| drained(report)).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_reach_the_engine_when_asked() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    for _ in 0..10 {
        assert_eq!(get(address).await, "fine");
    }
    engine.balancer.report_metrics();
    engine
        .until_reported("ten requests", |report| match report {
            BalancerReport::Metrics(metrics) => {
                metrics.listeners[LISTENER].requests == 10 && metrics.targets[0].answers[2] == 10
            }
            _ => false,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_with_a_long_path_works() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(&home.path().join("long".repeat(50)));
    engine.listen(address, &[upstream.address]).await;
    assert_eq!(get(address).await, "fine");
    engine.kill_proxy().await;
    assert_eq!(get(address).await, "fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_is_not_in_the_engines_session_and_runs_once_per_home() {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::start(home.path());
    let process = engine.process_id().await;
    let session = |id: &str| -> u32 {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().parse().unwrap()
    };
    assert_eq!(session(&process.to_string()), process);
    assert_ne!(session("self"), process);
    let second = Command::new(program()).arg("--directory").arg(home.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another proxy is running in"), "{second:?}");
}

#[test]
fn a_standalone_proxy_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.json");
    let run = || {
        let output = Command::new(program()).arg("--config").arg(&file).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = run();
    assert!(code == 1 && text.contains("could not read") && text.contains("config.json"), "{code} {text}");
    std::fs::write(&file, "{\"generation\": \"x\"}").unwrap();
    let (code, text) = run();
    assert!(code == 2 && text.contains("is no configuration") && text.contains("line 1"), "{code} {text}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = common::fixture::config(taken.local_addr().unwrap(), &[]);
    std::fs::write(&file, serde_json::to_vec(&config).unwrap()).unwrap();
    let (code, text) = run();
    assert!(code == 1 && text.contains("in use by another program"), "{code} {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute"]
async fn a_proxy_that_hangs_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::saying("fine").await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    let hung = engine.process_id().await;
    let id = rustix::process::Pid::from_raw(hung as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
    let began = std::time::Instant::now();
    while engine.balancer.process_id().is_none_or(|id| id == hung) {
        assert!(began.elapsed() < Duration::from_secs(60), "the hung proxy is noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(get(address).await, "fine");
    until("the hung proxy is gone", || !is_running(hung)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgraded_engine_brings_its_own_proxy_and_no_request_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let upgraded = home.path().join("upgraded");
    std::fs::copy(program(), &upgraded).unwrap();
    let (release, released) = tokio::sync::watch::channel(false);
    let upstream = Upstream::start(move |mut served| {
        let mut released = released.clone();
        async move {
            while let Some(asked) = served.request().await {
                if asked.path() == "/slow" {
                    released.wait_for(|released| *released).await.unwrap();
                }
                served.send(common::upstream::ok("fine")).await;
            }
        }
    })
    .await;
    let address = free_address();
    let mut engine = Engine::start(home.path());
    engine.listen(address, &[upstream.address]).await;
    let former = engine.process_id().await;
    let mut idle = Client::connect(address).await;
    assert_eq!(idle.get("/").await.text(), "fine");
    let mut slow = Client::connect(address).await;
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    engine.leave();

    let mut engine = Engine::start_with(upgraded, home.path());
    let next = engine.process_id().await;
    assert_ne!(next, former);
    assert!(is_running(former), "it finishes what it has");
    // Waits in the backlog until the next proxy is told what to do.
    let early = tokio::spawn(get(address));
    engine.listen(address, &[upstream.address]).await;
    assert_eq!(early.await.unwrap(), "fine");
    assert_eq!(get(address).await, "fine");
    let last = idle.get("/").await;
    assert_eq!((last.text(), last.field("connection")), ("fine", Some("close")), "an old connection may ask once more");
    release.send(true).unwrap();
    assert_eq!(slow.answer("GET").await.text(), "fine");
    drop((idle, slow));
    until("the former proxy has ended", || !is_running(former)).await;
    assert!(is_running(next));
}
