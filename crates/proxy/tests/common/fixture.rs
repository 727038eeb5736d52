//! A data plane in this process, with one listener and what a test adds.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatrial_model::load_balancing::{
    Action, Algorithm, CodeSet, Forward, Matcher, ProtocolVersion, TargetHealthCheck, TargetState, WeightedTargetGroup,
};
use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::{
    BalancerConfig, BalancerReport, CLIENT_KEEP_ALIVE_DEFAULT, ListenerConfig, ListenerMetrics, TargetConfig,
    TargetGroupConfig, TargetIntent, TargetMetrics,
};
use seatrial_proxy::{DataPlane, DataPlaneOptions, Limits};
use seatrial_routing::PinPolicy;

use super::client::Client;
use super::until;

pub const LISTENER: &str = "listener";
pub const GROUP: &str = "group";

pub struct Fixture {
    pub plane: DataPlane,
    pub address: SocketAddr,
    pub config: BalancerConfig,
    pub reports: Arc<Mutex<Vec<BalancerReport>>>,
    sockets: BTreeMap<SocketAddr, TcpListener>,
}

impl Fixture {
    /// One listener forwarding to one group of these targets, without health checks; in effect on return.
    pub async fn new(targets: &[SocketAddr]) -> Self {
        Self::with(targets, limits(), |_| {}).await
    }

    pub async fn with(targets: &[SocketAddr], limits: Limits, change: impl FnOnce(&mut BalancerConfig)) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let config = config(address, targets);
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        let options = DataPlaneOptions { workers: 2, limits, pin_policy: PinPolicy::default() };
        let plane = DataPlane::start(options, Arc::new(move |_, report| sink.lock().unwrap().push(report))).unwrap();
        let sockets = BTreeMap::from([(address, socket)]);
        let mut fixture = Fixture { plane, address, config, reports, sockets };
        fixture.apply(change).await;
        fixture
    }

    /// Changes the configuration; in effect on return.
    pub async fn apply(&mut self, change: impl FnOnce(&mut BalancerConfig)) {
        change(&mut self.config);
        self.config.generation += 1;
        self.plane.apply(self.config.clone(), std::mem::take(&mut self.sockets));
        let generation = self.config.generation;
        self.until_reported("applied", |report| *report == BalancerReport::Applied { generation }).await;
    }

    pub async fn until_reported(&self, what: &str, mut wanted: impl FnMut(&BalancerReport) -> bool) {
        until(what, || self.reports.lock().unwrap().iter().any(&mut wanted)).await;
    }

    pub async fn until_state(&self, target: SocketAddr, state: TargetState) {
        until(&format!("{target} {}", state.as_str()), || self.state(target) == Some(state)).await;
    }

    pub fn state(&self, address: SocketAddr) -> Option<TargetState> {
        let reports = self.reports.lock().unwrap();
        reports.iter().rev().find_map(|report| match report {
            BalancerReport::Health { target, health, .. } if target.socket() == address => Some(health.state),
            _ => None,
        })
    }

    pub fn is_drained(&self, address: SocketAddr) -> bool {
        let reports = self.reports.lock().unwrap();
        reports
            .iter()
            .any(|report| matches!(report, BalancerReport::Drained { target, .. } if target.socket() == address))
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub fn listener_metrics(&self) -> ListenerMetrics {
        self.plane.metrics().listeners[LISTENER].clone()
    }

    pub fn target_metrics(&self, address: SocketAddr) -> TargetMetrics {
        let metrics = self.plane.metrics();
        metrics.targets.into_iter().find(|target| target.target.socket() == address).expect("a known target")
    }
}

/// Limits for tests.
pub fn limits() -> Limits {
    Limits::for_descriptors(4096)
}

pub fn config(address: SocketAddr, targets: &[SocketAddr]) -> BalancerConfig {
    let listener = ListenerConfig {
        arn: LISTENER.to_owned(),
        address,
        idle_timeout: Duration::from_secs(60),
        client_keep_alive: CLIENT_KEEP_ALIVE_DEFAULT,
        rules: Vec::new(),
        default_action: forward(&[(GROUP, 1)]),
        default_mirror: None,
    };
    BalancerConfig { generation: 0, listeners: vec![listener], target_groups: vec![group(GROUP, targets)] }
}

pub fn forward(groups: &[(&str, u32)]) -> Action {
    let groups = groups
        .iter()
        .map(|(name, weight)| WeightedTargetGroup { target_group: TargetGroupArn::new(*name), weight: *weight });
    Action::Forward(Forward { target_groups: groups.collect(), stickiness: None })
}

pub fn group(name: &str, targets: &[SocketAddr]) -> TargetGroupConfig {
    TargetGroupConfig {
        arn: TargetGroupArn::new(name),
        protocol_version: ProtocolVersion::Http1,
        health_check: health_check(false),
        deregistration_delay: Duration::from_secs(10),
        slow_start: Duration::ZERO,
        settle_time: Duration::ZERO,
        algorithm: Algorithm::RoundRobin,
        stickiness: None,
        targets: targets.iter().map(|address| target(*address, TargetIntent::Registered)).collect(),
    }
}

pub fn health_check(enabled: bool) -> TargetHealthCheck {
    TargetHealthCheck {
        enabled,
        port: None,
        path: "/health".to_owned(),
        interval: Duration::from_millis(200),
        timeout: Duration::from_secs(2),
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        matcher: Matcher::Http(CodeSet::parse("200", 200, 499).unwrap()),
    }
}

pub fn target(address: SocketAddr, intent: TargetIntent) -> TargetConfig {
    let id = TargetId { address: address.ip(), port: address.port() };
    TargetConfig { id, registration: u64::from(address.port()), intent, last_health: None }
}
