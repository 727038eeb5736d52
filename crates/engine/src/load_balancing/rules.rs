//! Commands on rules. A listener's default action shows as a rule of its own, the last one, and is changed through its listener.

use std::collections::{BTreeMap, BTreeSet};

use seatrial_model::load_balancing::{Action, Condition};

use super::arn::{self, Kind};
use super::quotas::RULES_PER_LOAD_BALANCER_MAX;
use super::refusals::{not_permitted, priority_in_use, rule_not_found, validation};
use super::{forwarding, listeners};
use crate::refusal::Refusal;
use crate::state::{Listener, Rule, State, Tags};
use crate::transaction::Transaction;

/// The priorities a rule can have.
pub const PRIORITIES: std::ops::RangeInclusive<u32> = 1..=50_000;

/// A rule as DescribeRules knows them.
#[derive(Clone, Copy, Debug)]
pub enum RuleRef<'a> {
    Numbered(&'a Rule),
    /// The default action of a listener.
    Default(&'a Listener),
}

/// A rule to be.
#[derive(Clone, Debug)]
pub struct NewRule {
    pub listener: String,
    /// Within [`PRIORITIES`].
    pub priority: u32,
    pub conditions: Vec<Condition>,
    pub action: Action,
}

/// What changes of a rule; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct RuleChange {
    pub conditions: Option<Vec<Condition>>,
    pub action: Option<Action>,
}

/// Finds a rule by ARN, a listener's default included.
pub fn find<'a>(state: &'a State, arn: &str) -> Result<RuleRef<'a>, Refusal> {
    Kind::Rule.check(arn)?;
    if let Some(rule) = state.rules.get(arn) {
        return Ok(RuleRef::Numbered(rule));
    }
    let listener = arn::listener_of_rule(arn).and_then(|listener| state.listeners.get(&listener));
    match listener.filter(|listener| arn::default_rule(&listener.arn) == arn) {
        Some(listener) => Ok(RuleRef::Default(listener)),
        None => Err(rule_not_found(arn)),
    }
}

/// Returns the rules of a listener in order of evaluation, the default last.
pub fn of<'a>(state: &'a State, listener: &'a Listener) -> Vec<RuleRef<'a>> {
    let mut rules: Vec<&Rule> = state.rules.values().filter(|rule| rule.listener == listener.arn).collect();
    rules.sort_by_key(|rule| rule.priority);
    rules.into_iter().map(RuleRef::Numbered).chain([RuleRef::Default(listener)]).collect()
}

/// Creates a rule.
pub fn create(tx: &mut Transaction<'_>, new: NewRule, tags: Tags) -> Result<Rule, Refusal> {
    let listener = listeners::find(tx.state, &new.listener)?.clone();
    let is_taken = |rule: &Rule| rule.listener == listener.arn && rule.priority == new.priority;
    if tx.state.rules.values().any(is_taken) {
        return Err(priority_in_use(new.priority));
    }
    forwarding::check(tx.state, &listener.load_balancer, &new.action)?;
    if count(tx.state, &listener.load_balancer) >= RULES_PER_LOAD_BALANCER_MAX {
        let message = format!("A load balancer can have at most {RULES_PER_LOAD_BALANCER_MAX} rules");
        return Err(Refusal::new("TooManyRules", message));
    }
    let rule = Rule {
        arn: arn::rule(&listener.arn, &tx.draw_hex16()),
        listener: listener.arn,
        priority: new.priority,
        conditions: new.conditions,
        action: new.action,
    };
    super::tagging::put_new(tx, &rule.arn, tags);
    tx.state.rules.insert(rule.arn.clone(), rule.clone());
    Ok(rule)
}

/// Changes a rule's conditions or action.
pub fn modify(tx: &mut Transaction<'_>, arn: &str, change: RuleChange) -> Result<Rule, Refusal> {
    let rule = find_numbered(tx.state, arn, "modified; modify its listener instead")?;
    if let Some(action) = &change.action {
        let listener = listeners::find(tx.state, &rule.listener)?;
        forwarding::check(tx.state, &listener.load_balancer, action)?;
    }
    let rule = tx.state.rules.get_mut(arn).ok_or_else(|| rule_not_found(arn))?;
    if let Some(conditions) = change.conditions {
        rule.conditions = conditions;
    }
    if let Some(action) = change.action {
        rule.action = action;
    }
    Ok(rule.clone())
}

/// Deletes a rule.
pub fn delete(tx: &mut Transaction<'_>, arn: &str) -> Result<(), Refusal> {
    find_numbered(tx.state, arn, "deleted")?;
    tx.state.rules.remove(arn);
    tx.state.tags.remove(arn);
    Ok(())
}

/// Gives rules new priorities, all at once, so that two can change places. Returns the rules in the order given.
pub fn set_priorities(tx: &mut Transaction<'_>, priorities: &[(String, u32)]) -> Result<Vec<Rule>, Refusal> {
    let mut wanted = BTreeMap::new();
    let mut concerned = BTreeSet::new();
    for (arn, priority) in priorities {
        let rule = find_numbered(tx.state, arn, "given a priority")?;
        concerned.insert(rule.listener.clone());
        if wanted.insert(arn.clone(), *priority).is_some() {
            return Err(validation(format!("Rule '{arn}' cannot be given two priorities")));
        }
    }
    let mut taken = BTreeSet::new();
    for rule in tx.state.rules.values().filter(|rule| concerned.contains(&rule.listener)) {
        let priority = wanted.get(&rule.arn).copied().unwrap_or(rule.priority);
        if !taken.insert((rule.listener.clone(), priority)) {
            return Err(priority_in_use(priority));
        }
    }
    let mut changed = Vec::new();
    for (arn, priority) in priorities {
        let rule = tx.state.rules.get_mut(arn).ok_or_else(|| rule_not_found(arn))?;
        rule.priority = *priority;
        changed.push(rule.clone());
    }
    Ok(changed)
}

fn find_numbered<'a>(state: &'a State, arn: &str, done: &str) -> Result<&'a Rule, Refusal> {
    match find(state, arn)? {
        RuleRef::Numbered(rule) => Ok(rule),
        RuleRef::Default(_) => Err(not_permitted(format!("Default rule '{arn}' cannot be {done}"))),
    }
}

fn count(state: &State, load_balancer: &str) -> usize {
    let of_balancer = |rule: &&Rule| {
        state.listeners.get(&rule.listener).is_some_and(|listener| listener.load_balancer == load_balancer)
    };
    state.rules.values().filter(of_balancer).count()
}
