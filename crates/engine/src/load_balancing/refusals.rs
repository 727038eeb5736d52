//! The refusals several commands share, with ELBv2's codes and messages.

use crate::refusal::Refusal;

pub(super) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

pub(super) fn invalid_configuration(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidConfigurationRequest", message)
}

pub(super) fn not_permitted(message: impl Into<String>) -> Refusal {
    Refusal::new("OperationNotPermitted", message)
}

pub(super) fn load_balancer_not_found(arn: &str) -> Refusal {
    Refusal::new("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"))
}

pub(super) fn listener_not_found(arn: &str) -> Refusal {
    Refusal::new("ListenerNotFound", format!("Listener '{arn}' not found"))
}

pub(super) fn rule_not_found(arn: &str) -> Refusal {
    Refusal::new("RuleNotFound", format!("Rule '{arn}' not found"))
}

pub(super) fn target_group_not_found(arn: &str) -> Refusal {
    Refusal::new("TargetGroupNotFound", format!("Target group '{arn}' not found"))
}

pub(super) fn priority_in_use(priority: u32) -> Refusal {
    Refusal::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}
