//! Rules, a listener's default action among them.

use seatrial_engine::load_balancing::arn::default_rule;
use seatrial_engine::load_balancing::rules::RuleRef;
use seatrial_engine::state::{Listener, Rule};
use serde_json::{Value, json};

use super::action::actions;
use super::condition::condition;

pub(in crate::elbv2) fn rule_ref(reference: RuleRef<'_>) -> Value {
    match reference {
        RuleRef::Numbered(numbered) => rule(numbered),
        RuleRef::Default(listener) => default(listener),
    }
}

pub(in crate::elbv2) fn rule(rule: &Rule) -> Value {
    json!({
        "RuleArn": rule.arn,
        "Priority": rule.priority.to_string(),
        "Conditions": rule.conditions.iter().map(condition).collect::<Vec<_>>(),
        "Actions": actions(&rule.action),
        "IsDefault": false,
        "Transforms": [],
    })
}

fn default(listener: &Listener) -> Value {
    json!({
        "RuleArn": default_rule(&listener.arn),
        "Priority": "default",
        "Conditions": [],
        "Actions": actions(&listener.default_action),
        "IsDefault": true,
        "Transforms": [],
    })
}
