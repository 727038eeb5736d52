//! Slow start: a target that has just become healthy is given a growing share beside one that serves already.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::client::Client;
use common::fixture::{Fixture, health_check, limits, target};
use common::until;
use common::upstream::Upstream;
use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_ports::balancer::TargetIntent;

const REQUESTS: usize = 200;

/// Returns how many of so many requests the target that says `new` was given.
async fn share(client: &mut Client) -> usize {
    let mut count = 0;
    for _ in 0..REQUESTS {
        count += usize::from(client.get("/").await.text() == "new");
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_target_is_given_little_at_first_and_its_full_share_when_it_is_warm() {
    let (old, new) = (Upstream::saying("old").await, Upstream::saying("new").await);
    let mut fixture = Fixture::with(&[], limits(), |config| {
        let group = &mut config.target_groups[0];
        group.health_check = health_check(true);
        group.slow_start = Duration::from_secs(900);
        let mut serving = target(old.address, TargetIntent::Registered);
        serving.last_health = Some(TargetHealth::healthy());
        group.targets = vec![serving];
    })
    .await;
    let mut client = fixture.client().await;
    assert_eq!(share(&mut client).await, 0);

    fixture.apply(|config| config.target_groups[0].targets.push(target(new.address, TargetIntent::Registered))).await;
    fixture.until_state(new.address, TargetState::Healthy).await;
    let at_first = share(&mut client).await;
    assert!(at_first <= REQUESTS / 10, "{at_first} of {REQUESTS} within seconds of a slow start of 900 s");

    fixture.apply(|config| config.target_groups[0].slow_start = Duration::from_secs(1)).await;
    let mut warm = 0;
    for _ in 0..100 {
        warm = share(&mut client).await;
        if warm == REQUESTS / 2 {
            break;
        }
    }
    assert_eq!(warm, REQUESTS / 2, "warm, it takes its turn");

    // Alone it takes everything, however new.
    fixture
        .apply(|config| {
            let group = &mut config.target_groups[0];
            group.slow_start = Duration::from_secs(900);
            group.targets.retain(|target| target.id.socket() == new.address);
        })
        .await;
    assert_eq!(share(&mut client).await, REQUESTS);
    until("the target to be idle", || fixture.target_metrics(new.address).in_flight == 0).await;
}
