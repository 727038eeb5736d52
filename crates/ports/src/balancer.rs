//! Balancing traffic: the configuration the engine wants executed and what it is told back.
//!
//! The configuration is declarative and always whole: applying the same one twice changes nothing. Durations in it are already
//! scaled, where they scale at all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use seatrial_model::load_balancing::{Action, Algorithm, Condition, ProtocolVersion, TargetHealth, TargetHealthCheck};
use seatrial_model::{TargetGroupArn, TargetId, Timestamp, TrafficPercent};
use serde::{Deserialize, Serialize};

/// Everything the data plane has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerConfig {
    /// Grows with each configuration of one engine run; an older one arriving late is ignored.
    pub generation: u64,
    pub listeners: Vec<ListenerConfig>,
    pub target_groups: Vec<TargetGroupConfig>,
}

/// One listener with its rules in order of evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerConfig {
    pub arn: String,
    pub address: SocketAddr,
    /// A connection without a request for this long is closed.
    pub idle_timeout: Duration,
    /// A connection this old is closed after the answer to its next request.
    #[serde(default = "client_keep_alive_default")]
    pub client_keep_alive: Duration,
    /// Lowest priority number first; the first match wins.
    pub rules: Vec<RuleConfig>,
    pub default_action: Action,
    /// Where copies of requests go that the default action forwards.
    #[serde(default)]
    pub default_mirror: Option<MirrorConfig>,
}

/// ELB's default of `client_keep_alive.seconds`.
pub const CLIENT_KEEP_ALIVE_DEFAULT: Duration = Duration::from_secs(3600);

/// What an engine that does not say wants.
const fn client_keep_alive_default() -> Duration {
    CLIENT_KEEP_ALIVE_DEFAULT
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleConfig {
    pub arn: String,
    pub conditions: Vec<Condition>,
    pub action: Action,
    /// Where copies of requests go that the rule forwards.
    #[serde(default)]
    pub mirror: Option<MirrorConfig>,
}

/// Copies of a share of the safe requests (GET, HEAD, OPTIONS without a body) that a rule forwards to other target groups: sent to a
/// healthy target of this one as well, marked by a header, the answers thrown away and compared. An engine extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorConfig {
    pub target_group: TargetGroupArn,
    pub percent: TrafficPercent,
}

/// One target group and its targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroupConfig {
    pub arn: TargetGroupArn,
    pub protocol_version: ProtocolVersion,
    pub health_check: TargetHealthCheck,
    pub deregistration_delay: Duration,
    pub slow_start: Duration,
    /// How long a new target must keep passing its checks (probed quickly meanwhile) before it becomes `healthy` and is given requests;
    /// a failure starts the wait anew. Zero is ELB's own behaviour: the first pass makes it healthy. An engine extension: a version
    /// that crashes right after its first healthy answer never sees production traffic.
    pub settle_time: Duration,
    pub algorithm: Algorithm,
    /// `lb_cookie` stickiness: how long a client keeps its target, when enabled.
    pub stickiness: Option<Duration>,
    pub targets: Vec<TargetConfig>,
}

/// One registered or draining target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetConfig {
    pub id: TargetId,
    /// Distinguishes two registrations of the same address and port.
    pub registration: u64,
    pub intent: TargetIntent,
    /// What was last reported of this registration, so that a restarted data plane begins where the old one stood.
    pub last_health: Option<TargetHealth>,
}

/// What the engine wants of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetIntent {
    /// Checked, and given requests while healthy.
    Registered,
    /// Given no new request while the group has any registered target that can be tried; reported as drained when its last one has
    /// ended. When the group has no registered target left at all, or none of them accepts the connection, a draining one still
    /// answers: an answer from a leaving task beats a 503. The engine may turn a draining target back to `Registered` (same
    /// `registration`): it keeps its health and takes requests at once.
    Draining,
}

/// What the data plane tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BalancerReport {
    /// A target's health changed (or is repeated after a reconnection).
    Health { target_group: TargetGroupArn, target: TargetId, registration: u64, health: TargetHealth },
    /// A target that is draining in the configuration of this generation has no request in flight.
    Drained { target_group: TargetGroupArn, target: TargetId, registration: u64, generation: u64 },
    /// A listener is accepting connections, or could not be opened.
    Listener { arn: String, outcome: Result<(), String> },
    /// A configuration is in effect for every request that begins after this report.
    Applied { generation: u64 },
    /// Counters since the data plane started.
    Metrics(BalancerMetrics),
}

/// Counters of the whole data plane, since it started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BalancerMetrics {
    pub at: Timestamp,
    /// By listener ARN.
    pub listeners: BTreeMap<String, ListenerMetrics>,
    pub targets: Vec<TargetMetrics>,
    #[serde(default)]
    pub mirrors: Vec<MirrorMetrics>,
}

/// Counters of one listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerMetrics {
    pub requests: u64,
    pub connections: u64,
    pub open_connections: u64,
    /// Answers made by the balancer itself, by class: index 3 is 3xx, 4 is 4xx, 5 is 5xx.
    pub balancer_answers: [u64; 6],
    /// 502, 503 and 504 made by the balancer.
    pub balancer_502: u64,
    pub balancer_503: u64,
    pub balancer_504: u64,
    /// Requests whose client left before they were answered; ELB logs them with 460.
    #[serde(default)]
    pub clients_gone: u64,
}

/// Counters of one registration of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetMetrics {
    pub target_group: TargetGroupArn,
    pub target: TargetId,
    pub registration: u64,
    pub requests: u64,
    /// Answers of the target by class: index 2 is 2xx.
    pub answers: [u64; 6],
    pub connection_errors: u64,
    pub in_flight: u64,
    /// Response-time histogram: upper bound of a bucket in microseconds, and how many answers fell into it; at most 1 % wide.
    pub latency: Vec<(u64, u64)>,
}

/// Counters of the copies sent to one target group. None of them is in the counters of its targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorMetrics {
    pub target_group: TargetGroupArn,
    /// Copies sent.
    pub requests: u64,
    /// Copies that were to be sent and were not: too many were under way, or no target was healthy.
    pub dropped: u64,
    /// Answers to copies by class: index 2 is 2xx.
    pub answers: [u64; 6],
    /// Copies that were refused, broken off, or not answered in time.
    pub unanswered: u64,
    /// Copies whose answer and whose original's have different status codes, or that alone were not answered.
    pub mismatches: u64,
    /// Response-time histogram of the answers that were compared with their originals', as in [`TargetMetrics::latency`].
    pub latency: Vec<(u64, u64)>,
    /// That of their originals' answers.
    pub original_latency: Vec<(u64, u64)>,
}

/// Where reports go. Called from the balancer's own tasks; must not block.
pub type BalancerReports = Arc<dyn Fn(BalancerReport) + Send + Sync>;

/// The data plane, as the engine sees it.
pub trait Balancer: Send + Sync {
    /// Asks for a configuration; returns at once. Every later report is about this configuration or a newer one's state.
    fn apply(&self, config: BalancerConfig);

    /// Tells why a listener could not be opened at an address that no listener of the configuration has, as far as can be known
    /// beforehand. Binds the address for a moment.
    fn check_listen(&self, address: SocketAddr) -> Result<(), String> {
        match std::net::TcpListener::bind(address) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
