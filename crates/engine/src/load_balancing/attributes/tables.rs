//! The tables of attributes, with ELBv2's keys and defaults.

use super::{Attribute, AttributeTable, Values};
use crate::balancer_config::SETTLE_TIME_ATTRIBUTE;

pub const DELETION_PROTECTION: &str = "deletion_protection.enabled";
pub const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
pub const SLOW_START: &str = "slow_start.duration_seconds";
pub const STICKINESS_ENABLED: &str = "stickiness.enabled";
pub const ALGORITHM: &str = "load_balancing.algorithm.type";

const BOOLEAN: Values = Values::OneOf(&["true", "false"]);
const TEXT: Values = Values::Text;
/// Stickiness lasts a second to a week.
const COOKIE_SECONDS: Values = Values::Number(&[1..=604_800]);

const fn attribute(key: &'static str, default: &'static str, values: Values) -> Attribute {
    Attribute { key, default: Some(default), values }
}

/// An attribute ELB has and this engine does not act on, whose default is the only value that promises nothing.
const fn fixed(key: &'static str, value: &'static str, others: &'static [&'static str]) -> Attribute {
    attribute(key, value, Values::Only { value, others: Some(others) })
}

/// The attributes of an Application Load Balancer.
pub const LOAD_BALANCER: AttributeTable = AttributeTable {
    noun: "Load balancer",
    attributes: &[
        attribute(DELETION_PROTECTION, "false", BOOLEAN),
        attribute("idle_timeout.timeout_seconds", "60", Values::Number(&[1..=4000])),
        attribute("client_keep_alive.seconds", "3600", Values::Number(&[60..=604_800])),
        attribute("access_logs.s3.enabled", "false", BOOLEAN),
        attribute("access_logs.s3.bucket", "", TEXT),
        attribute("access_logs.s3.prefix", "", TEXT),
        attribute("connection_logs.s3.enabled", "false", BOOLEAN),
        attribute("connection_logs.s3.bucket", "", TEXT),
        attribute("connection_logs.s3.prefix", "", TEXT),
        attribute("health_check_logs.s3.enabled", "false", BOOLEAN),
        attribute("health_check_logs.s3.bucket", "", TEXT),
        attribute("health_check_logs.s3.prefix", "", TEXT),
        attribute("ipv6.deny_all_igw_traffic", "false", BOOLEAN),
        attribute("load_balancing.cross_zone.enabled", "true", Values::OneOf(&["true"])),
        attribute("routing.http.preserve_host_header.enabled", "false", BOOLEAN),
        attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", BOOLEAN),
        fixed("routing.http.desync_mitigation_mode", "defensive", &["monitor", "strictest"]),
        fixed("routing.http.drop_invalid_header_fields.enabled", "false", &["true"]),
        fixed("routing.http.xff_client_port.enabled", "false", &["true"]),
        fixed("routing.http.xff_header_processing.mode", "append", &["preserve", "remove"]),
        fixed("routing.http2.enabled", "true", &["false"]),
        attribute("waf.fail_open.enabled", "false", BOOLEAN),
        attribute("zonal_shift.config.enabled", "false", BOOLEAN),
    ],
};

/// A response header the load balancer would set.
const fn response_header(key: &'static str) -> Attribute {
    attribute(key, "", Values::Only { value: "", others: None })
}

/// The attributes of an HTTP listener.
pub const LISTENER: AttributeTable = AttributeTable {
    noun: "Listener",
    attributes: &[
        attribute("routing.http.response.server.enabled", "true", BOOLEAN),
        response_header("routing.http.response.strict_transport_security.header_value"),
        response_header("routing.http.response.access_control_allow_origin.header_value"),
        response_header("routing.http.response.access_control_allow_methods.header_value"),
        response_header("routing.http.response.access_control_allow_headers.header_value"),
        response_header("routing.http.response.access_control_allow_credentials.header_value"),
        response_header("routing.http.response.access_control_expose_headers.header_value"),
        response_header("routing.http.response.access_control_max_age.header_value"),
        response_header("routing.http.response.content_security_policy.header_value"),
        response_header("routing.http.response.x_content_type_options.header_value"),
        response_header("routing.http.response.x_frame_options.header_value"),
    ],
};

/// The attributes of a target group of an Application Load Balancer, and the engine's own.
pub const TARGET_GROUP: AttributeTable = AttributeTable {
    noun: "Target group",
    attributes: &[
        attribute(DEREGISTRATION_DELAY, "300", Values::Number(&[0..=3600])),
        attribute(SLOW_START, "0", Values::Number(&[0..=0, 30..=900])),
        attribute(STICKINESS_ENABLED, "false", BOOLEAN),
        fixed("stickiness.type", "lb_cookie", &["app_cookie"]),
        attribute("stickiness.lb_cookie.duration_seconds", "86400", COOKIE_SECONDS),
        attribute("stickiness.app_cookie.duration_seconds", "86400", COOKIE_SECONDS),
        attribute("stickiness.app_cookie.cookie_name", "", TEXT),
        attribute(
            ALGORITHM,
            "round_robin",
            Values::OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
        ),
        fixed("load_balancing.algorithm.anomaly_mitigation", "off", &["on"]),
        attribute(
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
            Values::OneOf(&["use_load_balancer_configuration", "true", "false"]),
        ),
        attribute(
            "target_group_health.dns_failover.minimum_healthy_targets.count",
            "1",
            Values::NumberOrOff(&[1..=1000]),
        ),
        attribute(
            "target_group_health.dns_failover.minimum_healthy_targets.percentage",
            "off",
            Values::NumberOrOff(&[1..=100]),
        ),
        attribute(
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            "1",
            Values::Only { value: "1", others: None },
        ),
        attribute(
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            "off",
            Values::Only { value: "off", others: None },
        ),
        Attribute { key: SETTLE_TIME_ATTRIBUTE, default: None, values: Values::Number(&[0..=3600]) },
    ],
};
