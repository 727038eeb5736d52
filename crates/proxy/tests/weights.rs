//! Weights are true: over a real proxy process every split passes a chi-squared test and looks like chance, on kept-alive and fresh
//! connections, in bursts, with stickiness, over HTTP/2, with any number of workers. The benchmark `weights` asks 100,000 times each.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "split/http2.rs"]
mod http2;
mod split;

use common::within;
use split::clients::{self, CONNECTIONS, Visitor};
use split::field::{Field, STICKY};
use split::statistics::judge;
use split::{SECOND, SPLITS, Split};

/// Requests for each split: enough for the arithmetic, few enough for seconds in all.
const COUNT: usize = 1_000;
/// A whole cycle of the splits that take the longest to measure.
const FEW_SPLITS: [Split; 4] = [Split(1), Split(100), Split(500), Split(990)];

async fn field() -> Field {
    Field::start(&common::process::program(), &["--workers", "2"]).await
}

#[track_caller]
fn assert_true(choices: &[bool], split: Split, what: &str) {
    let judgement = judge(choices, split.share());
    assert!(judgement.faults.is_empty(), "{} %, {what}: {judgement:?}", split.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_alive_connections_are_split_as_the_weights_say() {
    let mut field = field().await;
    for split in SPLITS {
        field.weigh(split.weights(), None).await;
        assert_true(&clients::kept_alive(field.address, COUNT).await, split, "kept alive");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_connections_are_split_as_the_weights_say() {
    let mut field = field().await;
    for split in SPLITS {
        field.weigh(split.weights(), None).await;
        assert_true(&clients::fresh(field.address, COUNT).await, split, "fresh");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_clients_are_split_as_the_weights_say_and_find_their_target_again() {
    let mut field = field().await;
    for split in SPLITS {
        field.weigh(split.weights(), STICKY).await;
        let seen = clients::sticky(field.address, COUNT).await;
        assert_true(&seen.new, split, "new clients");
        assert!(seen.returned >= COUNT / clients::RETURNING && seen.strayed == 0, "{} %: {seen:?}", split.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_stays_with_its_group_while_the_weights_move_and_follows_them_once_its_cookie_has_gone() {
    let mut field = field().await;
    field.weigh([1, 0], STICKY).await;
    let mut visitor = Visitor::connect(field.address).await;
    let first = visitor.ask("").await;
    for split in SPLITS {
        field.weigh(split.weights(), STICKY).await;
        for _ in 0..10 {
            assert_eq!(visitor.ask(&first.cookies).await.target, first.target, "{} %", split.name());
        }
        let group_only = first.cookies.split("; ").find(|cookie| cookie.starts_with("AWSALBTG=")).unwrap();
        assert!(!visitor.ask(group_only).await.is_second());
        let target_only = first.cookies.split("; ").find(|cookie| cookie.starts_with("AWSALB=")).unwrap();
        let seen: Vec<_> = visitor_of(&mut visitor, target_only, COUNT / 10).await;
        assert_true(&seen, split, "pinned to a target, but to no group");
    }
}

async fn visitor_of(visitor: &mut Visitor, cookies: &str, count: usize) -> Vec<bool> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(visitor.ask(cookies).await.is_second());
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_workers_gives_the_same_split() {
    for workers in ["1", "3"] {
        let mut field = Field::start(&common::process::program(), &["--workers", workers]).await;
        for split in FEW_SPLITS {
            field.weigh(split.weights(), None).await;
            assert_true(&clients::kept_alive(field.address, COUNT).await, split, "kept alive");
            assert_true(&clients::fresh(field.address, COUNT / 2).await, split, "fresh");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_burst_is_split_too() {
    const LONG_BURST: usize = 200;
    let mut field = field().await;
    for split in SPLITS {
        field.weigh(split.weights(), None).await;
        let mut visitor = Visitor::connect(field.address).await;
        visitor.send(LONG_BURST, "").await;
        let mut seen = Vec::new();
        for _ in 0..LONG_BURST {
            seen.push(visitor.answer().await.is_second());
        }
        assert_true(&seen, split, "one burst");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_streams_of_http2_connections_are_split_as_the_weights_say() {
    /// Streams at once on one connection.
    const STREAMS: usize = 25;
    let mut field = field().await;
    for split in FEW_SPLITS {
        field.weigh(split.weights(), None).await;
        let connections = (0..CONNECTIONS / 2).map(async |_| {
            let mut client = http2::connect(field.address).await;
            let mut seen = Vec::new();
            for _ in 0..COUNT * 2 / CONNECTIONS / STREAMS {
                let asked: Vec<_> = (0..STREAMS).map(|_| http2::ask(&mut client)).collect();
                let answers = within("the answers", futures_util::future::join_all(asked)).await;
                seen.extend(answers.into_iter().map(|target| target.starts_with(SECOND)));
            }
            seen
        });
        let seen = futures_util::future::join_all(connections).await.concat();
        assert_eq!(seen.len(), COUNT);
        assert_true(&seen, split, "HTTP/2");
    }
}
