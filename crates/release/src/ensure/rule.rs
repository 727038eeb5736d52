//! The rules of a listener that several services share: one each, told apart by host and path.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, PathPatternConditionConfig, Rule, RuleCondition,
};

use super::Ensuring;
use super::listener::{Groups, forward, forward_targets, rules_of};
use super::tags::{for_elb, tags};
use crate::aws::DoingExt;
use crate::error::ReleaseError;
use crate::plan::{ListenerPlan, RulePlan};
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
    groups: &Groups,
) -> Result<(), ReleaseError> {
    if plan.rules.is_empty() {
        return Ok(());
    }
    let existing = rules_of(ensuring.connection, listener_arn).await?;
    let mut taken: BTreeSet<i32> =
        existing.iter().filter_map(|rule| rule.priority().and_then(|number| number.parse().ok())).collect();
    for (index, wanted) in plan.rules.iter().enumerate() {
        let Some(group) = groups.get(&wanted.service) else { continue };
        let own = existing
            .iter()
            .find(|rule| rule.is_default() != Some(true) && forward_targets(rule.actions()).contains(&group.as_str()));
        let change = match own {
            None => {
                let priority = wanted.priority.or_else(|| free_priority(index, &taken)).unwrap_or(PRIORITY_MAX);
                taken.insert(priority);
                create_rule(ensuring, listener_arn, wanted, group, priority).await?;
                Change::Created
            }
            Some(rule) if conditions_of(rule) == wanted_conditions(wanted) => Change::Unchanged,
            Some(rule) => {
                adjust_rule(ensuring, rule, wanted).await?;
                Change::Updated(vec!["conditions".into()])
            }
        };
        let name = format!("port {} → {}", plan.port, wanted.service);
        ensuring.report.ensured(Resource::ListenerRule, &name, Some(&wanted.service), change);
    }
    Ok(())
}

async fn create_rule(
    ensuring: &Ensuring<'_>,
    listener_arn: &str,
    wanted: &RulePlan,
    group: &str,
    priority: i32,
) -> Result<(), ReleaseError> {
    ensuring
        .connection
        .elb
        .create_rule()
        .listener_arn(listener_arn)
        .priority(priority)
        .set_conditions(Some(conditions(wanted)))
        .actions(forward(group))
        .set_tags(Some(for_elb(tags(ensuring.plan, Some(&wanted.service)))))
        .send()
        .await
        .doing(|| format!("creating the listener rule of service {}", wanted.service))?;
    Ok(())
}

async fn adjust_rule(ensuring: &Ensuring<'_>, rule: &Rule, wanted: &RulePlan) -> Result<(), ReleaseError> {
    let modify = ensuring.connection.elb.modify_rule().set_rule_arn(rule.rule_arn().map(ToOwned::to_owned));
    modify
        .set_conditions(Some(conditions(wanted)))
        .send()
        .await
        .doing(|| format!("adjusting the listener rule of service {}", wanted.service))?;
    Ok(())
}

/// The first free priority for the rule at this place among the planned ones.
fn free_priority(index: usize, taken: &BTreeSet<i32>) -> Option<i32> {
    let preferred = i32::try_from(index + 1).ok()?.checked_mul(PRIORITY_STEP)?;
    (preferred..=PRIORITY_MAX).chain(1..preferred).find(|priority| !taken.contains(priority))
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
    conditions
}

type Conditions = BTreeMap<String, BTreeSet<String>>;

fn wanted_conditions(wanted: &RulePlan) -> Conditions {
    let pairs = [("host-header", &wanted.hosts), ("path-pattern", &wanted.paths)];
    let given = pairs.into_iter().filter(|(_, values)| !values.is_empty());
    given.map(|(field, values)| (field.to_owned(), values.iter().cloned().collect())).collect()
}

/// The conditions of a rule; ELB gives the values of a condition in one or two places.
fn conditions_of(rule: &Rule) -> Conditions {
    let mut found = Conditions::new();
    for condition in rule.conditions() {
        let hosts = condition.host_header_config().map(|config| config.values()).unwrap_or_default();
        let paths = condition.path_pattern_config().map(|config| config.values()).unwrap_or_default();
        let values = found.entry(condition.field().unwrap_or_default().to_owned()).or_default();
        values.extend(condition.values().iter().chain(hosts).chain(paths).cloned());
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
    }
}
