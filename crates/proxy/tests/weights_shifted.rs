//! Weights that move while requests flow, as in a canary: from the `Applied` report on, no request begins on a target group of weight
//! zero; not on any worker, on no kept connection, in no burst, and with no cookie but one that binds as ELB's do.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "split/http2.rs"]
mod http2;
mod split;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use common::{until, within};
use split::SECOND;
use split::clients::{BURST, Visitor};
use split::field::{Change, Field, STICKY};
use tokio::task::JoinSet;

/// A canary, finished or called back at different points, with the sharpest of changes between.
const SHIFTS: [[u32; 2]; 12] = [
    [100, 0],
    [999, 1],
    [90, 10],
    [50, 50],
    [0, 100],
    [100, 0],
    [1, 999],
    [100, 0],
    [0, 100],
    [10, 90],
    [0, 100],
    [1, 1],
];
const ROUNDS: usize = 2;
/// Answers between two changes.
const ANSWERS: u64 = 60;
/// Clients of each kind; the two workers share them out.
const CLIENTS: usize = 2;
/// Clients that wait on kept connections for a change and ask the moment it has been applied.
const PROBES: usize = 6;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    KeptAlive,
    Bursts,
    Fresh,
    Http2,
    /// Comes with the cookies it was given last.
    Sticky,
    /// Asks right after each change only.
    Probe,
}

/// The kinds that ask all the time.
const KINDS: [Kind; 5] = [Kind::KeptAlive, Kind::Bursts, Kind::Fresh, Kind::Http2, Kind::Sticky];

/// One request and its answer.
#[derive(Clone, Debug)]
struct Asked {
    kind: Kind,
    sent_at: Instant,
    answered_at: Instant,
    target: String,
}

#[derive(Default)]
struct Progress {
    answers: AtomicU64,
    ended: AtomicBool,
}

impl Progress {
    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }
}

/// Everything a client asked until the end.
async fn ask(kind: Kind, address: SocketAddr, progress: Arc<Progress>) -> Vec<Asked> {
    let mut asked = Vec::new();
    let mut note = |sent_at, target| {
        progress.answers.fetch_add(1, Ordering::Relaxed);
        asked.push(Asked { kind, sent_at, answered_at: Instant::now(), target });
    };
    let mut visitor = Visitor::connect(address).await;
    match kind {
        Kind::KeptAlive => {
            while progress.goes_on() {
                let sent_at = Instant::now();
                note(sent_at, visitor.ask("").await.target);
            }
        }
        Kind::Bursts => {
            while progress.goes_on() {
                let sent_at = Instant::now();
                visitor.send(BURST, "").await;
                for _ in 0..BURST {
                    note(sent_at, visitor.answer().await.target);
                }
            }
        }
        Kind::Fresh => {
            while progress.goes_on() {
                let mut visitor = Visitor::connect(address).await;
                let sent_at = Instant::now();
                note(sent_at, visitor.ask("").await.target);
                visitor.hang_up();
            }
        }
        Kind::Http2 => {
            let mut client = http2::connect(address).await;
            while progress.goes_on() {
                let sent_at = Instant::now();
                let streams: Vec<_> = (0..BURST).map(|_| http2::ask(&mut client)).collect();
                for stream in streams {
                    note(sent_at, within("an answer", stream).await);
                }
            }
        }
        Kind::Sticky | Kind::Probe => {
            let mut jar = Jar::default();
            while progress.goes_on() {
                let sent_at = Instant::now();
                let answer = visitor.ask(&jar.cookies()).await;
                jar.take(&answer.cookies);
                note(sent_at, answer.target);
            }
        }
    }
    asked
}

/// A client's cookies.
#[derive(Debug, Default)]
struct Jar(std::collections::BTreeMap<String, String>);

impl Jar {
    fn take(&mut self, cookies: &str) {
        let pairs = cookies.split("; ").filter_map(|cookie| cookie.split_once('='));
        self.0.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    fn cookies(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

/// Shifts the weights to and fro under requests of every kind; returns them with the changes.
async fn shift(arguments: &[&str]) -> (Vec<Asked>, Vec<Change>) {
    let mut field = Field::start(&common::process::program(), arguments).await;
    field.weigh([1, 0], STICKY).await;
    let progress = Arc::new(Progress::default());
    let mut clients = JoinSet::new();
    for kind in KINDS.into_iter().flat_map(|kind| [kind; CLIENTS]) {
        clients.spawn(ask(kind, field.address, Arc::clone(&progress)));
    }
    let mut probes = Vec::new();
    for _ in 0..PROBES {
        let mut visitor = Visitor::connect(field.address).await;
        visitor.ask("").await;
        probes.push(visitor);
    }
    let mut asked = Vec::new();
    for weights in (0..ROUNDS).flat_map(|_| SHIFTS) {
        let seen = progress.answers.load(Ordering::Relaxed);
        until("answers", || progress.answers.load(Ordering::Relaxed) >= seen + ANSWERS).await;
        field.weigh(weights, STICKY).await;
        let sent_at = Instant::now();
        for probe in &mut probes {
            probe.send(1, "").await;
        }
        for probe in &mut probes {
            let target = probe.answer().await.target;
            asked.push(Asked { kind: Kind::Probe, sent_at, answered_at: Instant::now(), target });
        }
    }
    progress.ended.store(true, Ordering::Relaxed);
    asked.extend(within("the last answers", clients.join_all()).await.concat());
    (asked, field.changes.clone())
}

/// Finds the requests that began on a group that had no weight in any configuration they could have been decided by.
fn wrong<'a>(asked: &'a [Asked], changes: &[Change]) -> Vec<&'a Asked> {
    let is_wrong = |asked: &&Asked| {
        let group = usize::from(asked.target.starts_with(SECOND));
        let first = changes.iter().rposition(|change| change.applied_at <= asked.sent_at).unwrap_or(0);
        let possible = changes[first..].iter().take_while(|change| change.called_at <= asked.answered_at);
        possible.clone().all(|change| change.weights[group] == 0)
    };
    asked.iter().filter(is_wrong).collect()
}

fn assert_all_took_part(asked: &[Asked]) {
    for kind in KINDS {
        let count = asked.iter().filter(|asked| asked.kind == kind).count();
        assert!(count >= SHIFTS.len(), "{kind:?} asked only {count} times");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_applied_on_no_request_begins_on_a_group_without_weight() {
    let (asked, changes) = shift(&["--workers", "2", "--pins", "while-serving"]).await;
    assert_all_took_part(&asked);
    let wrong = wrong(&asked, &changes);
    assert!(wrong.is_empty(), "{} of {}: {:?} {changes:?}", wrong.len(), asked.len(), wrong[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_with_elb_only_a_cookie_that_lasts_outweighs_a_weight_of_zero() {
    let (asked, changes) = shift(&["--workers", "2"]).await;
    assert_all_took_part(&asked);
    let (sticky, others): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.kind == Kind::Sticky);
    let wrong = wrong(&others, &changes);
    assert!(wrong.is_empty(), "{} of {}: {:?} {changes:?}", wrong.len(), others.len(), wrong[0]);
    let strayed = sticky.iter().filter(|asked| asked.target.starts_with(SECOND)).count();
    assert_eq!(strayed, 0, "of {}: they began while only the first group had weight", sticky.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_a_group_that_lost_its_weight_are_moved_once_and_then_stay() {
    let mut field = Field::start(&common::process::program(), &["--workers", "2", "--pins", "while-serving"]).await;
    field.weigh([100, 0], STICKY).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let (mut visitor, mut jar) = (Visitor::connect(field.address).await, Jar::default());
        jar.take(&visitor.ask("").await.cookies);
        clients.push((visitor, jar));
    }
    field.weigh([1, 99], STICKY).await;
    for (visitor, jar) in &mut clients {
        let answer = visitor.ask(&jar.cookies()).await;
        assert!(!answer.is_second() && !answer.cookies.contains("AWSALBTG"), "it stays while its group has weight");
    }
    field.weigh([0, 100], STICKY).await;
    for (visitor, jar) in &mut clients {
        let moved = visitor.ask(&jar.cookies()).await;
        assert!(moved.is_second() && moved.cookies.contains("AWSALBTG="), "{moved:?}");
        jar.take(&moved.cookies);
    }
    field.weigh([100, 1], STICKY).await;
    for (visitor, jar) in &mut clients {
        for _ in 0..10 {
            assert!(visitor.ask(&jar.cookies()).await.is_second(), "it stays where it was moved to");
        }
    }
}
