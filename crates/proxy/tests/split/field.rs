//! A proxy process with one listener and two target groups behind it, whose weights are moved.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seatrial_model::load_balancing::{
    Action, Algorithm, CodeSet, Forward, Matcher, ProtocolVersion, TargetHealthCheck, WeightedTargetGroup,
};
use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::{
    Balancer, BalancerConfig, BalancerReport, CLIENT_KEEP_ALIVE_DEFAULT, ListenerConfig, TargetConfig,
    TargetGroupConfig, TargetIntent,
};
use seatrial_proxy::{ProxyBalancer, ProxyCommand, ProxySettings};
use tokio::sync::watch;

use super::targets::Targets;
use super::{FIRST, SECOND};

/// A stickiness that outlasts every test.
pub const STICKY: Option<Duration> = Some(Duration::from_secs(3600));
/// A configuration is in effect sooner, however loaded the machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a proxy may take to end.
const END_TIME: Duration = Duration::from_secs(5);

/// The process and what is behind it; all ends when it is dropped.
pub struct Field {
    pub address: SocketAddr,
    /// Every change of the weights, in order.
    pub changes: Vec<Change>,
    balancer: ProxyBalancer,
    /// The generation that was applied last, and when that was heard.
    applied: watch::Receiver<Option<(u64, Instant)>>,
    config: BalancerConfig,
    _targets: [Targets; 2],
    _home: tempfile::TempDir,
}

/// One change of the weights.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub weights: [u32; 2],
    /// Before this instant nothing could have followed it.
    pub called_at: Instant,
    /// Everything that begins after this instant has to follow it.
    pub applied_at: Instant,
}

impl Drop for Field {
    fn drop(&mut self) {
        self.balancer.stop(END_TIME);
    }
}

impl Field {
    /// Starts the targets and a proxy: a program with these arguments.
    pub async fn start(program: &Path, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let targets = [Targets::start(FIRST).await, Targets::start(SECOND).await];
        let (sink, applied) = watch::channel(None);
        let report = move |report| {
            if let BalancerReport::Applied { generation } = report {
                sink.send_replace(Some((generation, Instant::now())));
            }
        };
        let arguments = arguments.iter().map(OsString::from).collect();
        let command = ProxyCommand { program: program.to_owned(), arguments };
        let settings = ProxySettings { directory: home.path().to_owned(), command };
        let balancer = ProxyBalancer::start(settings, Arc::new(report)).expect("a thread");
        let address = free_address();
        let listener = ListenerConfig {
            arn: "listener".to_owned(),
            address,
            idle_timeout: Duration::from_secs(60),
            client_keep_alive: CLIENT_KEEP_ALIVE_DEFAULT,
            rules: Vec::new(),
            default_action: forward([1, 1], None),
            default_mirror: None,
        };
        let target_groups = vec![group(FIRST, &targets[0].addresses), group(SECOND, &targets[1].addresses)];
        let config = BalancerConfig { generation: 0, listeners: vec![listener], target_groups };
        let changes = Vec::new();
        Field { address, changes, balancer, applied, config, _targets: targets, _home: home }
    }

    /// Gives the groups new weights, and both kinds of stickiness or none; in effect on return.
    pub async fn weigh(&mut self, weights: [u32; 2], sticky: Option<Duration>) {
        self.config.target_groups.iter_mut().for_each(|group| group.stickiness = sticky);
        self.config.listeners[0].default_action = forward(weights, sticky);
        self.config.generation += 1;
        let called_at = Instant::now();
        self.balancer.apply(self.config.clone());
        let generation = self.config.generation;
        let is_applied = |applied: &Option<(u64, Instant)>| applied.is_some_and(|(known, _)| known == generation);
        let applied = tokio::time::timeout(PATIENCE, self.applied.wait_for(is_applied)).await;
        let applied = applied.expect("a configuration in effect in time").expect("a balancer that lives");
        let applied_at = applied.expect("waited for a generation").1;
        self.changes.push(Change { weights, called_at, applied_at });
    }
}

/// A port that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address")
}

fn forward(weights: [u32; 2], stickiness: Option<Duration>) -> Action {
    let groups = [FIRST, SECOND].into_iter().zip(weights);
    let weighted = |(name, weight)| WeightedTargetGroup { target_group: TargetGroupArn::new(name), weight };
    Action::Forward(Forward { target_groups: groups.map(weighted).collect(), stickiness })
}

fn group(name: &str, targets: &[SocketAddr]) -> TargetGroupConfig {
    let target = |address: &SocketAddr| TargetConfig {
        id: TargetId { address: address.ip(), port: address.port() },
        registration: 1,
        intent: TargetIntent::Registered,
        last_health: None,
    };
    TargetGroupConfig {
        arn: TargetGroupArn::new(name),
        protocol_version: ProtocolVersion::Http1,
        health_check: TargetHealthCheck {
            enabled: false,
            port: None,
            path: "/".to_owned(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            matcher: Matcher::Http(CodeSet::parse("200", 200, 499).expect("the default of ELB")),
        },
        deregistration_delay: Duration::from_secs(10),
        slow_start: Duration::ZERO,
        settle_time: Duration::ZERO,
        algorithm: Algorithm::RoundRobin,
        stickiness: None,
        targets: targets.iter().map(target).collect(),
    }
}
