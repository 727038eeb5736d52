//! What the data plane has counted since its last report. Its counters begin at zero whenever it starts, and so do those of a listener
//! that is opened anew: a counter that went back is counted from zero.

use std::collections::BTreeMap;

use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::{BalancerMetrics, ListenerMetrics, MirrorMetrics, TargetMetrics};

type TargetKey = (TargetGroupArn, TargetId, u64);

/// Remembers the last report.
#[derive(Debug, Default)]
pub(super) struct Increments {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    listeners: BTreeMap<String, ListenerMetrics>,
    targets: BTreeMap<TargetKey, TargetMetrics>,
    mirrors: BTreeMap<TargetGroupArn, MirrorMetrics>,
}

impl Increments {
    /// Returns a report with increments for counters, and remembers it. The first one gives nothing: the data plane may have counted for
    /// days before this engine was started.
    pub fn of(&mut self, report: &BalancerMetrics) -> Option<BalancerMetrics> {
        let increments = self.last.as_ref().map(|last| BalancerMetrics {
            at: report.at,
            listeners: report
                .listeners
                .iter()
                .map(|(arn, now)| (arn.clone(), since(now, last.listeners.get(arn), listener_since)))
                .collect(),
            targets: report.targets.iter().map(|now| since(now, last.targets.get(&key(now)), target_since)).collect(),
            mirrors: report
                .mirrors
                .iter()
                .map(|now| since(now, last.mirrors.get(&now.target_group), mirror_since))
                .collect(),
        });
        self.last = Some(Last {
            listeners: report.listeners.clone(),
            targets: report.targets.iter().map(|target| (key(target), target.clone())).collect(),
            mirrors: report.mirrors.iter().map(|mirror| (mirror.target_group.clone(), mirror.clone())).collect(),
        });
        increments
    }
}

fn key(target: &TargetMetrics) -> TargetKey {
    (target.target_group.clone(), target.target, target.registration)
}

fn since<T: Clone>(now: &T, before: Option<&T>, subtract: fn(&T, &T) -> Option<T>) -> T {
    before.and_then(|before| subtract(now, before)).unwrap_or_else(|| now.clone())
}

/// Subtracts; `None` when a counter went back.
fn listener_since(now: &ListenerMetrics, before: &ListenerMetrics) -> Option<ListenerMetrics> {
    Some(ListenerMetrics {
        requests: now.requests.checked_sub(before.requests)?,
        connections: now.connections.checked_sub(before.connections)?,
        open_connections: now.open_connections,
        balancer_answers: each(now.balancer_answers, before.balancer_answers)?,
        balancer_502: now.balancer_502.checked_sub(before.balancer_502)?,
        balancer_503: now.balancer_503.checked_sub(before.balancer_503)?,
        balancer_504: now.balancer_504.checked_sub(before.balancer_504)?,
        clients_gone: now.clients_gone.checked_sub(before.clients_gone)?,
    })
}

fn target_since(now: &TargetMetrics, before: &TargetMetrics) -> Option<TargetMetrics> {
    Some(TargetMetrics {
        requests: now.requests.checked_sub(before.requests)?,
        answers: each(now.answers, before.answers)?,
        connection_errors: now.connection_errors.checked_sub(before.connection_errors)?,
        latency: buckets(&now.latency, &before.latency)?,
        ..now.clone()
    })
}

fn mirror_since(now: &MirrorMetrics, before: &MirrorMetrics) -> Option<MirrorMetrics> {
    Some(MirrorMetrics {
        target_group: now.target_group.clone(),
        requests: now.requests.checked_sub(before.requests)?,
        dropped: now.dropped.checked_sub(before.dropped)?,
        answers: each(now.answers, before.answers)?,
        unanswered: now.unanswered.checked_sub(before.unanswered)?,
        mismatches: now.mismatches.checked_sub(before.mismatches)?,
        latency: buckets(&now.latency, &before.latency)?,
        original_latency: buckets(&now.original_latency, &before.original_latency)?,
    })
}

/// Subtracts histograms; buckets that nothing fell into are left out.
fn buckets(now: &[(u64, u64)], before: &[(u64, u64)]) -> Option<Vec<(u64, u64)>> {
    let known: BTreeMap<u64, u64> = before.iter().copied().collect();
    let bucket =
        |(bound, count): &(u64, u64)| Some((*bound, count.checked_sub(known.get(bound).copied().unwrap_or_default())?));
    let increments: Vec<(u64, u64)> = now.iter().map(bucket).collect::<Option<_>>()?;
    Some(increments.into_iter().filter(|(_, count)| *count > 0).collect())
}

fn each(now: [u64; 6], before: [u64; 6]) -> Option<[u64; 6]> {
    let mut increments = [0; 6];
    for (index, increment) in increments.iter_mut().enumerate() {
        *increment = now[index].checked_sub(before[index])?;
    }
    Some(increments)
}
