//! Listeners.

use seatrial_engine::state::Listener;
use serde_json::{Value, json};

use super::action::actions;

pub(in crate::elbv2) fn listener(listener: &Listener) -> Value {
    json!({
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": actions(&listener.default_action),
    })
}
