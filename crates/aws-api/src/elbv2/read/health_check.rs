//! The health-check members of CreateTargetGroup and ModifyTargetGroup, each within ELBv2's range.

use std::time::Duration;

use seatrial_engine::Refusal;
use seatrial_engine::load_balancing::health_check::{CheckPort, GRPC_CODES, HTTP_CODES, HealthCheckChange};
use seatrial_model::load_balancing::{CodeSet, Matcher};
use serde::Deserialize;

use crate::elbv2::answer::{cut, not_implemented, validation, within};

/// The longest path of a health check.
const PATH_LENGTH_MAX: usize = 1024;

/// `Matcher`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::elbv2) struct MatcherMember {
    http_code: Option<String>,
    grpc_code: Option<String>,
}

/// The members the two operations share.
#[derive(Clone, Debug, Default)]
pub(in crate::elbv2) struct HealthCheckMembers {
    pub protocol: Option<String>,
    pub enabled: Option<bool>,
    pub port: Option<String>,
    pub path: Option<String>,
    pub interval_seconds: Option<i64>,
    pub timeout_seconds: Option<i64>,
    pub healthy_threshold_count: Option<i64>,
    pub unhealthy_threshold_count: Option<i64>,
    pub matcher: Option<MatcherMember>,
}

impl HealthCheckMembers {
    /// Reads the members; those absent are absent in the change.
    pub fn parse(self) -> Result<HealthCheckChange, Refusal> {
        if let Some(protocol) = &self.protocol {
            check_protocol("HealthCheckProtocol", protocol)?;
        }
        if self.enabled == Some(false) {
            let message = "Health checks cannot be disabled for target groups with target type 'ip'";
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        let seconds = |member: &str, value: Option<i64>, low: u32, high: u32| {
            let number = value.map(|value| within(member, value, low..=high)).transpose()?;
            Ok::<_, Refusal>(number.map(|number| Duration::from_secs(number.into())))
        };
        let threshold =
            |member: &str, value: Option<i64>| value.map(|value| within(member, value, 2..=10_u32)).transpose();
        Ok(HealthCheckChange {
            port: self.port.as_deref().map(parse_port).transpose()?,
            path: self.path.map(parse_path).transpose()?,
            interval: seconds("HealthCheckIntervalSeconds", self.interval_seconds, 5, 300)?,
            timeout: seconds("HealthCheckTimeoutSeconds", self.timeout_seconds, 2, 120)?,
            healthy_threshold: threshold("HealthyThresholdCount", self.healthy_threshold_count)?,
            unhealthy_threshold: threshold("UnhealthyThresholdCount", self.unhealthy_threshold_count)?,
            matcher: self.matcher.map(parse_matcher).transpose()?.flatten(),
        })
    }
}

/// Refuses every protocol but plain HTTP.
pub(in crate::elbv2) fn check_protocol(member: &str, protocol: &str) -> Result<(), Refusal> {
    match protocol {
        "HTTP" => Ok(()),
        "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP" | "GENEVE" | "QUIC" | "TCP_QUIC" => {
            Err(not_implemented(format_args!("{member} '{protocol}'")))
        }
        other => Err(validation(format!("'{}' is not a valid {member}", cut(other)))),
    }
}

fn parse_port(text: &str) -> Result<CheckPort, Refusal> {
    if text == "traffic-port" {
        return Ok(CheckPort::Traffic);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(CheckPort::Fixed(port)),
        Ok(_) | Err(_) => {
            let message = format!("HealthCheckPort '{}' must be 'traffic-port' or between 1 and 65535", cut(text));
            Err(validation(message))
        }
    }
}

fn parse_path(path: String) -> Result<String, Refusal> {
    let fits = path.starts_with('/') && path.len() <= PATH_LENGTH_MAX && path.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(path);
    }
    let rule = format!("must begin with '/' and have at most {PATH_LENGTH_MAX} printable characters");
    Err(validation(format!("HealthCheckPath '{}' {rule}", cut(&path))))
}

fn parse_matcher(member: MatcherMember) -> Result<Option<Matcher>, Refusal> {
    let codes = |text: &str, range: std::ops::RangeInclusive<u16>| {
        CodeSet::parse(text, *range.start(), *range.end()).map_err(|error| validation(format!("Matcher: {error}")))
    };
    match (member.http_code, member.grpc_code) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(Matcher::Http(codes(&text, HTTP_CODES)?))),
        (None, Some(text)) => Ok(Some(Matcher::Grpc(codes(&text, GRPC_CODES)?))),
        (Some(_), Some(_)) => Err(validation("Matcher cannot have both HttpCode and GrpcCode")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(change: impl FnOnce(&mut HealthCheckMembers)) -> Result<HealthCheckChange, Refusal> {
        let mut members = HealthCheckMembers::default();
        change(&mut members);
        members.parse()
    }

    #[test]
    fn members_within_their_ranges_are_read() {
        let change = parse(|members| {
            members.protocol = Some("HTTP".to_owned());
            members.port = Some("traffic-port".to_owned());
            members.path = Some("/health?deep=1".to_owned());
            members.interval_seconds = Some(300);
            members.timeout_seconds = Some(2);
            members.healthy_threshold_count = Some(10);
            members.matcher = Some(MatcherMember { http_code: Some("200-299".to_owned()), grpc_code: None });
        })
        .expect("a health check");
        assert_eq!(change.port, Some(CheckPort::Traffic));
        assert_eq!(change.interval, Some(Duration::from_secs(300)));
        assert_eq!(change.unhealthy_threshold, None);
        assert!(matches!(change.matcher, Some(Matcher::Http(codes)) if codes.contains(250)));
    }

    #[test]
    fn members_outside_their_ranges_are_refused() {
        type Change = fn(&mut HealthCheckMembers);
        let bad: [(&str, Change); 12] = [
            ("InvalidConfigurationRequest", |m| m.protocol = Some("HTTPS".to_owned())),
            ("ValidationError", |m| m.protocol = Some("http".to_owned())),
            ("InvalidConfigurationRequest", |m| m.enabled = Some(false)),
            ("ValidationError", |m| m.port = Some("0".to_owned())),
            ("ValidationError", |m| m.port = Some("65536".to_owned())),
            ("ValidationError", |m| m.path = Some("health".to_owned())),
            ("ValidationError", |m| m.path = Some("/a b".to_owned())),
            ("ValidationError", |m| m.interval_seconds = Some(4)),
            ("ValidationError", |m| m.timeout_seconds = Some(121)),
            ("ValidationError", |m| m.healthy_threshold_count = Some(1)),
            ("ValidationError", |m| m.unhealthy_threshold_count = Some(11)),
            ("ValidationError", |m| {
                m.matcher = Some(MatcherMember { http_code: Some("500".to_owned()), grpc_code: None });
            }),
        ];
        for (index, (code, change)) in bad.into_iter().enumerate() {
            assert_eq!(parse(change).map_err(|refusal| refusal.code), Err(code), "case {index}");
        }
    }
}
