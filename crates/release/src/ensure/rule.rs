//! The rules of a listener that several services share: one each, told apart by host and path.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    Action, HostHeaderConditionConfig, HttpHeaderConditionConfig, PathPatternConditionConfig, Rule, RuleCondition,
};
use serde_json::{Value as Json, json};

use super::listener::{Groups, Rules, ServiceGroups, forward, forward_pair, forward_targets, in_words};
use super::stickiness::{stick, stickiness_of, without_change_of_weights};
use super::tags::{for_elb, tags};
use super::{Ensuring, to_come};
use crate::aws::DoingExt;
use crate::difference::Difference;
use crate::error::ReleaseError;
use crate::plan::{ListenerPlan, RulePlan, RulePurpose};
use crate::report::{Change, Resource};

/// Distance between the priorities given to rules, so that others fit in between by hand.
const PRIORITY_STEP: i32 = 10;

/// Highest priority a rule may have.
const PRIORITY_MAX: i32 = 50_000;

/// Makes or adjusts the rules of the services that share a listener.
pub(super) async fn rules(
    ensuring: &Ensuring<'_>,
    listener_arn: &str,
    plan: &ListenerPlan,
    existing: &[Rule],
    groups: &Groups,
) -> Result<Rules, ReleaseError> {
    let mut made = Rules::new();
    let mut taken: BTreeSet<i32> =
        existing.iter().filter_map(|rule| rule.priority().and_then(|number| number.parse().ok())).collect();
    for (index, wanted) in plan.rules.iter().enumerate() {
        let Some(group) = groups.get(&wanted.service) else { continue };
        let own = existing.iter().find(|rule| is_own(rule, wanted, group));
        let mut created = None;
        let change = match own {
            None => {
                let below = wanted.header.as_ref().and_then(|_| production_priority(existing, wanted, group));
                let free = || below.map_or_else(|| free_priority(index, &taken), |limit| free_below(limit, &taken));
                let priority = wanted.priority.or_else(free).unwrap_or(PRIORITY_MAX);
                taken.insert(priority);
                created = if ensuring.carries_out() {
                    create_rule(ensuring, listener_arn, wanted, group, priority).await?
                } else {
                    Some(to_come(Resource::ListenerRule, &format!("port {}", plan.port)))
                };
                Change::Created(settings(wanted, group, priority))
            }
            Some(rule) => {
                let adjusted = adjust_rule(ensuring, rule, wanted, group).await?;
                if adjusted.is_empty() { Change::Unchanged } else { Change::Updated(adjusted) }
            }
        };
        let arn = own.and_then(Rule::rule_arn).map(ToOwned::to_owned).or(created);
        let arn = arn.ok_or(ReleaseError::Incomplete("the listener rule's ARN"))?;
        made.insert((wanted.service.clone(), wanted.purpose), arn);
        let purpose = if wanted.purpose == RulePurpose::Test { " (test)" } else { "" };
        let name = format!("port {} → {}{purpose}", plan.port, wanted.service);
        ensuring.report.ensured(Resource::ListenerRule, &name, Some(&wanted.service), change);
    }
    Ok(made)
}

async fn create_rule(
    ensuring: &Ensuring<'_>,
    listener_arn: &str,
    wanted: &RulePlan,
    groups: &ServiceGroups,
    priority: i32,
) -> Result<Option<String>, ReleaseError> {
    let created = ensuring
        .connection
        .elb
        .create_rule()
        .listener_arn(listener_arn)
        .priority(priority)
        .set_conditions(Some(conditions(wanted)))
        .actions(first_action(wanted, groups))
        .set_tags(Some(for_elb(tags(ensuring.plan, Some(&wanted.service)))))
        .send()
        .await
        .doing(|| format!("creating the listener rule of service {}", wanted.service))?;
    Ok(created.rules().first().and_then(Rule::rule_arn).map(ToOwned::to_owned))
}

/// What a new rule is made with.
fn settings(wanted: &RulePlan, groups: &ServiceGroups, priority: i32) -> Vec<Difference> {
    let mut settings = vec![Difference::new("priority", Json::Null, priority)];
    settings.extend(condition_differences(&Conditions::new(), &wanted_conditions(wanted)));
    let action = first_action(wanted, groups);
    settings
        .extend(stickiness_of(std::slice::from_ref(&action)).map(|seconds| stickiness_difference(None, Some(seconds))));
    settings.push(Difference::new("actions", Json::Null, in_words(&[action])));
    settings
}

fn condition_differences(before: &Conditions, after: &Conditions) -> Vec<Difference> {
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let values = |conditions: &Conditions, field: &String| conditions.get(field).map(|values| json!(values));
    let difference = |field: &String| {
        let (before, after) = (values(before, field), values(after, field));
        (before != after).then(|| Difference::new(format!("conditions[{field}]"), before, after))
    };
    fields.into_iter().filter_map(difference).collect()
}

fn stickiness_difference(before: Option<i32>, after: Option<i32>) -> Difference {
    Difference::new("targetGroupStickinessConfig.durationSeconds", before, after)
}

/// Brings a rule to what is wanted of it, and names what differed. Weights are the deployments' and stay.
async fn adjust_rule(
    ensuring: &Ensuring<'_>,
    rule: &Rule,
    wanted: &RulePlan,
    groups: &ServiceGroups,
) -> Result<Vec<Difference>, ReleaseError> {
    let (present, wanted_conditions) = (conditions_of(rule), wanted_conditions(wanted));
    let has_conditions = present == wanted_conditions;
    let lacks_alternate = wanted.purpose == RulePurpose::Production
        && groups.alternate.as_deref().is_some_and(|other| !forward_targets(rule.actions()).contains(&other));
    let has_stickiness =
        wanted.purpose != RulePurpose::Production || stickiness_of(rule.actions()) == wanted.stickiness;
    if has_conditions && !lacks_alternate && has_stickiness {
        return Ok(Vec::new());
    }
    let actions = match (lacks_alternate, has_stickiness) {
        (true, _) => Some(vec![first_action(wanted, groups)]),
        (false, true) => None,
        (false, false) => Some(without_change_of_weights(rule.actions(), wanted.stickiness)),
    };
    let mut differences = condition_differences(&present, &wanted_conditions);
    if let Some(actions) = actions.as_ref().filter(|_| lacks_alternate) {
        differences.push(Difference::new("actions", in_words(rule.actions()), in_words(actions)));
    }
    if !has_stickiness {
        differences.push(stickiness_difference(stickiness_of(rule.actions()), wanted.stickiness));
    }
    if ensuring.carries_out() {
        let modify = ensuring.connection.elb.modify_rule().set_rule_arn(rule.rule_arn().map(ToOwned::to_owned));
        modify
            .set_conditions((!has_conditions).then(|| conditions(wanted)))
            .set_actions(actions)
            .send()
            .await
            .doing(|| format!("adjusting the listener rule of service {}", wanted.service))?;
    }
    Ok(differences)
}

/// Whether a rule is the one wanted: it forwards to the service, and asks for a header if that one does.
fn is_own(rule: &Rule, wanted: &RulePlan, groups: &ServiceGroups) -> bool {
    let asks_for_header = rule.conditions().iter().any(|condition| condition.field() == Some("http-header"));
    rule.is_default() != Some(true)
        && asks_for_header == wanted.header.is_some()
        && groups.are_served_by(rule.actions())
}

/// Where a new rule forwards to; later its weights are moved by deployments.
fn first_action(wanted: &RulePlan, groups: &ServiceGroups) -> Action {
    match (wanted.purpose, groups.alternate.as_deref()) {
        (RulePurpose::Production, Some(other)) => stick(forward_pair(&groups.own, other), wanted.stickiness),
        (RulePurpose::Test, Some(other)) => forward_pair(other, &groups.own),
        (RulePurpose::Service | RulePurpose::Production | RulePurpose::Test, _) => forward(&groups.own),
    }
}

/// The first free priority for the rule at this place among the planned ones.
fn free_priority(index: usize, taken: &BTreeSet<i32>) -> Option<i32> {
    let preferred = i32::try_from(index + 1).ok()?.checked_mul(PRIORITY_STEP)?;
    (preferred..=PRIORITY_MAX).chain(1..preferred).find(|priority| !taken.contains(priority))
}

/// The highest free priority before another rule.
fn free_below(limit: i32, taken: &BTreeSet<i32>) -> Option<i32> {
    (1..limit).rev().find(|priority| !taken.contains(priority))
}

/// The priority of the rule that takes the service's requests without the header: one with it has to come before.
fn production_priority(existing: &[Rule], wanted: &RulePlan, groups: &ServiceGroups) -> Option<i32> {
    let without_header = RulePlan { header: None, ..wanted.clone() };
    let rule = existing.iter().find(|rule| is_own(rule, &without_header, groups))?;
    rule.priority()?.parse().ok()
}

fn conditions(wanted: &RulePlan) -> Vec<RuleCondition> {
    let mut conditions = Vec::new();
    if !wanted.hosts.is_empty() {
        let config = HostHeaderConditionConfig::builder().set_values(Some(wanted.hosts.clone())).build();
        conditions.push(RuleCondition::builder().field("host-header").host_header_config(config).build());
    }
    if !wanted.paths.is_empty() {
        let config = PathPatternConditionConfig::builder().set_values(Some(wanted.paths.clone())).build();
        conditions.push(RuleCondition::builder().field("path-pattern").path_pattern_config(config).build());
    }
    if let Some((name, value)) = &wanted.header {
        let config = HttpHeaderConditionConfig::builder().http_header_name(name).values(value).build();
        conditions.push(RuleCondition::builder().field("http-header").http_header_config(config).build());
    }
    conditions
}

type Conditions = BTreeMap<String, BTreeSet<String>>;

fn wanted_conditions(wanted: &RulePlan) -> Conditions {
    let pairs = [("host-header", &wanted.hosts), ("path-pattern", &wanted.paths)];
    let given = pairs.into_iter().filter(|(_, values)| !values.is_empty());
    let header = wanted
        .header
        .iter()
        .map(|(name, value)| ("http-header".to_owned(), BTreeSet::from([name.to_ascii_lowercase(), value.clone()])));
    given.map(|(field, values)| (field.to_owned(), values.iter().cloned().collect())).chain(header).collect()
}

/// The conditions of a rule; ELB gives the values of a condition in one or two places.
fn conditions_of(rule: &Rule) -> Conditions {
    let mut found = Conditions::new();
    for condition in rule.conditions() {
        let hosts = condition.host_header_config().map(|config| config.values()).unwrap_or_default();
        let paths = condition.path_pattern_config().map(|config| config.values()).unwrap_or_default();
        let values = found.entry(condition.field().unwrap_or_default().to_owned()).or_default();
        values.extend(condition.values().iter().chain(hosts).chain(paths).cloned());
        if let Some(header) = condition.http_header_config() {
            values.extend(header.http_header_name().map(str::to_ascii_lowercase));
            values.extend(header.values().iter().cloned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_equal_however_elb_writes_them() {
        let wanted = RulePlan {
            service: "api".parse().expect("name"),
            priority: None,
            hosts: vec![],
            paths: vec!["/b".into(), "/a".into()],
            header: None,
            purpose: RulePurpose::Service,
            stickiness: None,
        };
        let echoed = RuleCondition::builder().field("path-pattern").values("/a").values("/b").build();
        assert_eq!(conditions_of(&Rule::builder().conditions(echoed).build()), wanted_conditions(&wanted));
        let rule = Rule::builder().set_conditions(Some(conditions(&wanted))).build();
        assert_eq!(conditions_of(&rule), wanted_conditions(&wanted));
    }

    #[test]
    fn priorities_are_spread_and_never_taken_twice() {
        assert_eq!(free_priority(0, &BTreeSet::new()), Some(10));
        assert_eq!(free_priority(1, &BTreeSet::from([20, 21])), Some(22));
        assert_eq!(free_below(10, &BTreeSet::from([9])), Some(8));
        assert_eq!(free_below(1, &BTreeSet::new()), None);
    }
}
