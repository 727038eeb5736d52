//! The health check of a target group: ELBv2's defaults, and changes laid over a check.

use std::time::Duration;

use seatrial_model::load_balancing::{CodeSet, Matcher, ProtocolVersion, TargetHealthCheck};

use super::refusals::validation;
use crate::refusal::Refusal;

/// The HTTP codes a matcher can name, for an Application Load Balancer.
pub const HTTP_CODES: std::ops::RangeInclusive<u16> = 200..=499;
/// The gRPC codes a matcher can name.
pub const GRPC_CODES: std::ops::RangeInclusive<u16> = 0..=99;

/// Where targets are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckPort {
    /// `traffic-port`: where each target is sent its requests.
    Traffic,
    Fixed(u16),
}

/// The settings of a health check that a request names, each within its own range; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheckChange {
    pub port: Option<CheckPort>,
    pub path: Option<String>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub healthy_threshold: Option<u32>,
    pub unhealthy_threshold: Option<u32>,
    pub matcher: Option<Matcher>,
}

/// Returns ELBv2's default health check.
pub fn default(version: ProtocolVersion) -> TargetHealthCheck {
    let (path, matcher) = match version {
        ProtocolVersion::Http1 | ProtocolVersion::Http2 => ("/", ("200", HTTP_CODES, Matcher::Http as fn(_) -> _)),
        ProtocolVersion::Grpc => ("/AWS.ALB/healthcheck", ("12", GRPC_CODES, Matcher::Grpc as fn(_) -> _)),
    };
    let (codes, range, matcher) = matcher;
    let codes = CodeSet::parse(codes, *range.start(), *range.end()).expect("the default codes are within their range");
    TargetHealthCheck {
        enabled: true,
        port: None,
        path: path.to_owned(),
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        matcher: matcher(codes),
    }
}

/// Lays a change over a health check.
pub(super) fn changed(
    check: &TargetHealthCheck,
    version: ProtocolVersion,
    change: HealthCheckChange,
) -> Result<TargetHealthCheck, Refusal> {
    let changed = TargetHealthCheck {
        enabled: check.enabled,
        port: match change.port {
            Some(CheckPort::Traffic) => None,
            Some(CheckPort::Fixed(port)) => Some(port),
            None => check.port,
        },
        path: change.path.unwrap_or_else(|| check.path.clone()),
        interval: change.interval.unwrap_or(check.interval),
        timeout: change.timeout.unwrap_or(check.timeout),
        healthy_threshold: change.healthy_threshold.unwrap_or(check.healthy_threshold),
        unhealthy_threshold: change.unhealthy_threshold.unwrap_or(check.unhealthy_threshold),
        matcher: change.matcher.unwrap_or_else(|| check.matcher.clone()),
    };
    if changed.timeout >= changed.interval {
        return Err(validation(format!(
            "Health check timeout '{}' must be smaller than the interval '{}'",
            changed.timeout.as_secs(),
            changed.interval.as_secs()
        )));
    }
    match (&changed.matcher, version) {
        (Matcher::Http(_), ProtocolVersion::Http1 | ProtocolVersion::Http2)
        | (Matcher::Grpc(_), ProtocolVersion::Grpc) => Ok(changed),
        (Matcher::Http(_), ProtocolVersion::Grpc) => {
            Err(validation("A target group with protocol version GRPC needs a GrpcCode matcher"))
        }
        (Matcher::Grpc(_), ProtocolVersion::Http1 | ProtocolVersion::Http2) => {
            Err(validation("A GrpcCode matcher needs a target group with protocol version GRPC"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let before = default(ProtocolVersion::Http1);
        let change = HealthCheckChange {
            path: Some("/ready".to_owned()),
            port: Some(CheckPort::Fixed(81)),
            ..Default::default()
        };
        let after = changed(&before, ProtocolVersion::Http1, change).expect("a health check");
        assert_eq!(after, TargetHealthCheck { path: "/ready".to_owned(), port: Some(81), ..before });
    }

    #[test]
    fn the_timeout_stays_below_the_interval_and_the_matcher_fits_the_protocol() {
        let check = default(ProtocolVersion::Http1);
        let seconds = |n| Some(Duration::from_secs(n));
        let too_long = HealthCheckChange { interval: seconds(5), timeout: seconds(5), ..Default::default() };
        let refusal = changed(&check, ProtocolVersion::Http1, too_long).expect_err("too long");
        assert_eq!(refusal.message, "Health check timeout '5' must be smaller than the interval '5'");
        let grpc = HealthCheckChange { matcher: Some(default(ProtocolVersion::Grpc).matcher), ..Default::default() };
        assert!(changed(&check, ProtocolVersion::Http1, grpc.clone()).is_err());
        assert!(changed(&default(ProtocolVersion::Grpc), ProtocolVersion::Grpc, grpc).is_ok());
    }
}
