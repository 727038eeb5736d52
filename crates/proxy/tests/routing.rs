//! Rules, weights and stickiness, as a client meets them.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::client::Answer;
use common::fixture::{Fixture, forward, group, limits};
use common::upstream::Upstream;
use seatrial_model::load_balancing::{Action, Algorithm, Condition};
use seatrial_ports::balancer::{RuleConfig, TargetIntent};

fn rule(condition: Condition, action: Action) -> RuleConfig {
    RuleConfig { arn: "rule".to_owned(), conditions: vec![condition], action, mirror: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_follow_the_first_rule_that_matches() {
    let (web, api, admin) =
        (Upstream::saying("web").await, Upstream::saying("api").await, Upstream::saying("admin").await);
    let fixture = Fixture::with(&[web.address], limits(), |config| {
        config.target_groups.push(group("api", &[api.address]));
        config.target_groups.push(group("admin", &[admin.address]));
        config.listeners[0].rules = vec![
            rule(Condition::HostHeader(vec!["admin.*".to_owned()]), forward(&[("admin", 1)])),
            rule(Condition::PathPattern(vec!["/api/*".to_owned()]), forward(&[("api", 1)])),
            rule(Condition::PathPattern(vec!["/lost".to_owned()]), forward(&[("unknown", 1)])),
        ];
    })
    .await;
    let mut client = fixture.client().await;
    let table = [
        ("test", "/", "web"),
        ("test", "/api/x?y", "api"),
        ("ADMIN.test:80", "/api/x", "admin"),
        ("test", "/API/x", "web"),
    ];
    for (host, path, expected) in table {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.answer("GET").await.text(), expected, "{host}{path}");
    }
    assert_eq!(client.get("/lost").await.status, 503, "a target group nobody has configured has no targets");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_share_requests_out() {
    let (blue, green) = (Upstream::saying("blue").await, Upstream::saying("green").await);
    let mut fixture = Fixture::with(&[blue.address], limits(), |config| {
        config.target_groups.push(group("green", &[green.address]));
        config.listeners[0].default_action = forward(&[("group", 75), ("green", 25)]);
    })
    .await;
    let mut client = fixture.client().await;
    let mut greens = 0;
    for _ in 0..1000 {
        greens += usize::from(client.get("/").await.text() == "green");
    }
    // Six standard deviations.
    assert!((170..=330).contains(&greens), "{greens} of 1000 at a weight of a quarter");
    fixture.apply(|config| config.listeners[0].default_action = forward(&[("group", 0), ("green", 1)])).await;
    for _ in 0..50 {
        assert_eq!(client.get("/").await.text(), "green");
    }
    fixture.apply(|config| config.listeners[0].default_action = forward(&[("group", 0), ("green", 0)])).await;
    assert_eq!(client.get("/").await.status, 503);
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let cookies = answer.fields("set-cookie");
    let cookie = cookies.into_iter().find(|cookie| cookie.starts_with(&format!("{name}=")))?;
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_keeps_its_target_by_cookie() {
    let servers = [Upstream::saying("0").await, Upstream::saying("1").await, Upstream::saying("2").await];
    let addresses = [0, 1, 2].map(|index: usize| servers[index].address);
    let mut fixture = Fixture::with(&addresses, limits(), |config| {
        config.target_groups[0].stickiness = Some(Duration::from_secs(3600));
    })
    .await;
    let mut client = fixture.client().await;
    let first = client.get("/").await;
    let kept = cookie(&first, "AWSALB").expect("a cookie");
    assert!(!kept.contains("127"), "{kept} tells nothing");
    let with = |cookie: &str| format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=y; {cookie}\r\n\r\n");
    for _ in 0..10 {
        client.send(with(&kept)).await;
        let answer = client.answer("GET").await;
        assert_eq!(answer.text(), first.text());
        assert_eq!(cookie(&answer, "AWSALB"), Some(kept.clone()), "renewed");
    }
    let mut seen = std::collections::BTreeSet::new();
    for forged in ["AWSALB=127.0.0.1:22", "AWSALB=10123456789abcdef", "AWSALB=", "AWSALB=\u{fffd}"] {
        client.send(with(forged)).await;
        let answer = client.answer("GET").await;
        assert_eq!(answer.status, 200);
        seen.insert(answer.text().to_owned());
    }
    assert!(seen.len() > 1, "a forged cookie chooses nothing");
    let index: usize = first.text().parse().unwrap();
    fixture.apply(|config| config.target_groups[0].targets[index].intent = TargetIntent::Draining).await;
    client.send(with(&kept)).await;
    let moved = client.answer("GET").await;
    assert_ne!(moved.text(), first.text(), "a draining target keeps nobody");
    assert_ne!(cookie(&moved, "AWSALB"), Some(kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_keeps_its_target_group_by_cookie_even_at_weight_zero() {
    let (blue, green) = (Upstream::saying("blue").await, Upstream::saying("green").await);
    let sticky = |groups: &[(&str, u32)]| match forward(groups) {
        Action::Forward(mut forward) => {
            forward.stickiness = Some(Duration::from_secs(3600));
            Action::Forward(forward)
        }
        other => other,
    };
    let mut fixture = Fixture::with(&[blue.address], limits(), |config| {
        config.target_groups.push(group("green", &[green.address]));
        config.listeners[0].default_action = sticky(&[("group", 1), ("green", 0)]);
    })
    .await;
    let mut client = fixture.client().await;
    let kept = cookie(&client.get("/").await, "AWSALBTG").expect("a cookie");
    fixture.apply(|config| config.listeners[0].default_action = sticky(&[("group", 0), ("green", 1)])).await;
    for _ in 0..10 {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {kept}\r\n\r\n")).await;
        let answer = client.answer("GET").await;
        assert_eq!(answer.text(), "blue");
        assert_eq!(cookie(&answer, "AWSALBTG"), None, "its end is fixed, so that a busy client does not stay forever");
    }
    assert_eq!(client.get("/").await.text(), "green", "without the cookie the weights decide");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn least_outstanding_requests_avoids_the_busy_target() {
    let busy = Upstream::start(|mut served| async move {
        while let Some(asked) = served.request().await {
            if asked.path() == "/stay" {
                std::future::pending::<()>().await;
            }
            served.send(common::upstream::ok("busy")).await;
        }
    })
    .await;
    let idle = Upstream::saying("idle").await;
    let mut fixture = Fixture::with(&[busy.address], limits(), |config| {
        config.target_groups[0].algorithm = Algorithm::LeastOutstandingRequests;
    })
    .await;
    let mut staying = fixture.client().await;
    staying.send("GET /stay HTTP/1.1\r\nHost: a\r\n\r\n").await;
    common::until("in flight", || fixture.target_metrics(busy.address).in_flight == 1).await;
    fixture
        .apply(|config| {
            config.target_groups[0].targets.push(common::fixture::target(idle.address, TargetIntent::Registered));
        })
        .await;
    let mut client = fixture.client().await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "idle");
    }
}
