//! CreateRule, DescribeRules, ModifyRule, DeleteRule, SetRulePriorities.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::load_balancing::listeners;
use seatrial_engine::load_balancing::rules::{self, NewRule, PRIORITIES, RuleChange, RuleRef};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, check_named, not_implemented, page, validation, within};
use super::read::{ActionMember, ConditionMember, action, conditions};
use super::{show, tags};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRule {
    listener_arn: String,
    priority: i64,
    conditions: Vec<ConditionMember>,
    actions: Vec<ActionMember>,
    #[serde(default)]
    transforms: Vec<Transform>,
    #[serde(default)]
    tags: tags::TagList,
}

#[derive(Deserialize)]
struct Transform {}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateRule = input.read()?;
    check_transforms(&request.transforms)?;
    let new = NewRule {
        listener: request.listener_arn,
        priority: parse_priority(request.priority)?,
        conditions: conditions(request.conditions)?,
        action: action(request.actions)?,
    };
    let tags = tags::parse(request.tags)?;
    let rule = engine.transact(|tx| rules::create(tx, new, tags))?;
    Ok(json!({ "Rules": [show::rule(&rule)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyRule {
    rule_arn: String,
    conditions: Option<Vec<ConditionMember>>,
    actions: Option<Vec<ActionMember>>,
    #[serde(default)]
    transforms: Vec<Transform>,
}

pub(super) fn modify(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ModifyRule = input.read()?;
    check_transforms(&request.transforms)?;
    let change = RuleChange {
        conditions: request.conditions.map(conditions).transpose()?,
        action: request.actions.map(action).transpose()?,
    };
    let rule = engine.transact(|tx| rules::modify(tx, &request.rule_arn, change))?;
    Ok(json!({ "Rules": [show::rule(&rule)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeRules {
    listener_arn: Option<String>,
    #[serde(default)]
    rule_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeRules = input.read()?;
    check_named(&request.rule_arns)?;
    engine.read(|state| {
        let mut found: Vec<RuleRef<'_>> = match (&request.listener_arn, request.rule_arns.as_slice()) {
            (Some(listener), []) => rules::of(state, listeners::find(state, listener)?),
            (None, arns @ [_, ..]) => arns.iter().map(|arn| rules::find(state, arn)).collect::<Result<_, Refusal>>()?,
            (Some(_), [_, ..]) => {
                return Err(validation("Rule ARNs and a listener ARN cannot be specified at the same time").into());
            }
            (None, []) => return Err(validation("You must specify either listener rule ARNs or a listener ARN").into()),
        };
        found.sort_by_key(place);
        let filters = request.listener_arn.iter().chain(&request.rule_arns).map(String::as_str);
        page(
            &Listing::new("DescribeRules", filters),
            "Rules",
            found,
            place,
            show::rule_ref,
            PageRequest { marker: request.marker.as_deref(), size: request.page_size },
        )
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRule {
    rule_arn: String,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteRule = input.read()?;
    engine.transact(|tx| rules::delete(tx, &request.rule_arn))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetRulePriorities {
    rule_priorities: Vec<RulePriority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RulePriority {
    rule_arn: String,
    priority: i64,
}

pub(super) fn set_priorities(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: SetRulePriorities = input.read()?;
    let parse = |entry: RulePriority| Ok((entry.rule_arn, parse_priority(entry.priority)?));
    let priorities: Vec<(String, u32)> =
        request.rule_priorities.into_iter().map(parse).collect::<Result<_, Refusal>>()?;
    if priorities.is_empty() {
        return Err(validation("At least one rule priority must be specified").into());
    }
    let rules = engine.transact(|tx| rules::set_priorities(tx, &priorities))?;
    Ok(json!({ "Rules": rules.iter().map(show::rule).collect::<Vec<_>>() }))
}

/// Orders rules as they are evaluated, the default last; the ARN tells those of several listeners apart.
fn place(rule: &RuleRef<'_>) -> (u32, String) {
    match rule {
        RuleRef::Numbered(rule) => (rule.priority, rule.arn.clone()),
        RuleRef::Default(listener) => (u32::MAX, listener.arn.clone()),
    }
}

fn parse_priority(priority: i64) -> Result<u32, Refusal> {
    within("Priority", priority, PRIORITIES)
}

fn check_transforms(transforms: &[Transform]) -> Result<(), Refusal> {
    if transforms.is_empty() { Ok(()) } else { Err(not_implemented("A rule with Transforms")) }
}
