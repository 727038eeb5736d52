//! Elastic Load Balancing's vocabulary: rules, actions, health checks, target health.
//!
//! The engine keeps these in its tables, the proxy executes them, the ELBv2 API shows them.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::id::TargetGroupArn;

/// One condition of a rule; a rule matches when all of its conditions do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Any of the patterns, case-insensitive; `*` and `?` are wildcards.
    HostHeader(Vec<String>),
    /// Any of the patterns, case-sensitive, on the path alone.
    PathPattern(Vec<String>),
    /// Any of the patterns on the header's value, case-insensitive.
    HttpHeader { name: String, values: Vec<String> },
    /// Any of the key/value patterns, case-insensitive; a missing key matches any key.
    QueryString(Vec<QueryPattern>),
    /// Any of the methods, case-sensitive.
    HttpRequestMethod(Vec<String>),
    /// Any of the networks; the peer's own address, never `X-Forwarded-For`.
    SourceIp(Vec<IpNet>),
}

/// One key/value pair of a `query-string` condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryPattern {
    pub key: Option<String>,
    pub value: String,
}

/// What a listener does with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Forward(Forward),
    FixedResponse(FixedResponse),
    Redirect(Redirect),
}

/// The most target groups one forward action may name.
pub const FORWARD_TARGET_GROUPS_MAX: usize = 5;
/// The largest weight of a target group.
pub const WEIGHT_MAX: u32 = 999;

/// `forward`: one target group, or several by weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub target_groups: Vec<WeightedTargetGroup>,
    /// `TargetGroupStickinessConfig`: how long a client keeps its target group, when enabled.
    pub stickiness: Option<Duration>,
}

/// One target group of a forward action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedTargetGroup {
    pub target_group: TargetGroupArn,
    /// 0 to 999; the share is the weight over the sum of weights.
    pub weight: u32,
}

/// `fixed-response`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    pub status_code: u16,
    pub content_type: Option<String>,
    pub message_body: String,
}

/// `redirect`; the parts may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub protocol: String,
    pub host: String,
    pub port: String,
    pub path: String,
    pub query: String,
    pub status_code: RedirectStatus,
}

/// The two redirects ELB knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectStatus {
    Permanent301,
    Found302,
}

/// `ProtocolVersion` of a target group: how the balancer talks to its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtocolVersion {
    Http1,
    Http2,
    Grpc,
}

/// `load_balancing.algorithm.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    RoundRobin,
    LeastOutstandingRequests,
    WeightedRandom,
}

/// The health-check settings of a target group. Durations are as configured; whoever executes them gets them scaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealthCheck {
    pub enabled: bool,
    /// `None` is `traffic-port`.
    pub port: Option<u16>,
    pub path: String,
    pub interval: Duration,
    pub timeout: Duration,
    /// Consecutive passes from unhealthy to healthy; a new target needs one.
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
    pub matcher: Matcher,
}

/// The answers that pass a health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Matcher {
    /// HTTP status codes.
    Http(CodeSet),
    /// gRPC status codes.
    Grpc(CodeSet),
}

/// A text such as `200,202` or `200-299` that is no set of codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no list of codes such as \"200\", \"200,202\" or \"200-299\" between {low} and {high}")]
pub struct InvalidCodeSet {
    text: String,
    low: u16,
    high: u16,
}

/// A set of codes with the text it was given as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSet {
    text: String,
    codes: BTreeSet<u16>,
}

impl CodeSet {
    /// Parses `200`, `200,202` or `200-299`, every code between `low` and `high`.
    pub fn parse(text: &str, low: u16, high: u16) -> Result<Self, InvalidCodeSet> {
        let invalid = || InvalidCodeSet { text: text.chars().take(64).collect(), low, high };
        let code = |part: &str| part.trim().parse::<u16>().ok().filter(|code| (low..=high).contains(code));
        let mut codes = BTreeSet::new();
        for part in text.split(',') {
            match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (code(first).ok_or_else(invalid)?, code(last).ok_or_else(invalid)?);
                    if first > last {
                        return Err(invalid());
                    }
                    codes.extend(first..=last);
                }
                None => {
                    codes.insert(code(part).ok_or_else(invalid)?);
                }
            }
        }
        Ok(CodeSet { text: text.to_owned(), codes })
    }

    pub fn contains(&self, code: u16) -> bool {
        self.codes.contains(&code)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The state of a target, with ELBv2's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TargetState {
    Initial,
    Healthy,
    Unhealthy,
    Unused,
    Draining,
    Unavailable,
}

impl TargetState {
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetState::Initial => "initial",
            TargetState::Healthy => "healthy",
            TargetState::Unhealthy => "unhealthy",
            TargetState::Unused => "unused",
            TargetState::Draining => "draining",
            TargetState::Unavailable => "unavailable",
        }
    }
}

/// Why a target is in its state, with ELBv2's reason codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TargetReason {
    RegistrationInProgress,
    InitialHealthChecking,
    ResponseCodeMismatch,
    Timeout,
    FailedHealthChecks,
    NotRegistered,
    NotInUse,
    DeregistrationInProgress,
    HealthCheckDisabled,
    InternalError,
}

impl TargetReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetReason::RegistrationInProgress => "Elb.RegistrationInProgress",
            TargetReason::InitialHealthChecking => "Elb.InitialHealthChecking",
            TargetReason::ResponseCodeMismatch => "Target.ResponseCodeMismatch",
            TargetReason::Timeout => "Target.Timeout",
            TargetReason::FailedHealthChecks => "Target.FailedHealthChecks",
            TargetReason::NotRegistered => "Target.NotRegistered",
            TargetReason::NotInUse => "Target.NotInUse",
            TargetReason::DeregistrationInProgress => "Target.DeregistrationInProgress",
            TargetReason::HealthCheckDisabled => "Target.HealthCheckDisabled",
            TargetReason::InternalError => "Elb.InternalError",
        }
    }
}

/// `TargetHealth`: state, reason and the sentence that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    pub state: TargetState,
    pub reason: Option<TargetReason>,
    pub description: Option<String>,
}

impl TargetHealth {
    pub fn healthy() -> Self {
        TargetHealth { state: TargetState::Healthy, reason: None, description: None }
    }

    pub fn because(state: TargetState, reason: TargetReason, description: impl Into<String>) -> Self {
        TargetHealth { state, reason: Some(reason), description: Some(description.into()) }
    }

    pub fn is_healthy(&self) -> bool {
        self.state == TargetState::Healthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_sets_read_lists_and_ranges() {
        let codes = CodeSet::parse("200,202-204", 200, 499).expect("a code set");
        let matches: Vec<_> = (199..=205).map(|code| codes.contains(code)).collect();
        assert_eq!(matches, [false, true, false, true, true, true, false]);
        for bad in ["", "abc", "100", "204-202", "200,", "500"] {
            assert!(CodeSet::parse(bad, 200, 499).is_err(), "{bad:?} is refused");
        }
    }
}
