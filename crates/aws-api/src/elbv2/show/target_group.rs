//! Target groups and the health of targets.

use seatrial_engine::State;
use seatrial_engine::load_balancing::forwarding::load_balancers_of;
use seatrial_engine::load_balancing::target_health::TargetHealthDescription;
use seatrial_engine::state::TargetGroup;
use seatrial_model::load_balancing::{Matcher, ProtocolVersion};
use serde_json::{Value, json};

use super::{Object, put};

pub(in crate::elbv2) fn target_group(state: &State, group: &TargetGroup) -> Value {
    let check = &group.health_check;
    let mut object = Object::new();
    put(&mut object, "VpcId", group.vpc_id.clone());
    put(&mut object, "Port", group.port);
    let rest = json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "ProtocolVersion": match group.protocol_version {
            ProtocolVersion::Http1 => "HTTP1",
            ProtocolVersion::Http2 => "HTTP2",
            ProtocolVersion::Grpc => "GRPC",
        },
        "TargetType": group.target_type,
        "IpAddressType": "ipv4",
        "HealthCheckProtocol": group.protocol,
        "HealthCheckPort": check.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        "HealthCheckEnabled": check.enabled,
        "HealthCheckPath": check.path,
        "HealthCheckIntervalSeconds": check.interval.as_secs(),
        "HealthCheckTimeoutSeconds": check.timeout.as_secs(),
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "Matcher": match &check.matcher {
            Matcher::Http(codes) => json!({ "HttpCode": codes.as_str() }),
            Matcher::Grpc(codes) => json!({ "GrpcCode": codes.as_str() }),
        },
        "LoadBalancerArns": load_balancers_of(state, group.arn.as_str()),
    });
    if let Value::Object(rest) = rest {
        object.extend(rest);
    }
    Value::Object(object)
}

pub(in crate::elbv2) fn target_health(description: &TargetHealthDescription) -> Value {
    let mut health = Object::new();
    health.insert("State".to_owned(), json!(description.health.state.as_str()));
    put(&mut health, "Reason", description.health.reason.map(|reason| reason.as_str()));
    put(&mut health, "Description", description.health.description.clone());
    json!({
        "Target": { "Id": description.target.address, "Port": description.target.port },
        "HealthCheckPort": description.health_check_port.to_string(),
        "TargetHealth": health,
    })
}
