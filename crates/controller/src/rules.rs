//! Listener rules as a deployment sees them: what they forward to now, what it believes they do, and what is wrong with them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use seatrial_model::{ListenerRuleArn, RevisionId, TargetGroupArn, Timestamp, TrafficPercent};
use serde::{Deserialize, Serialize};

use crate::controller::Controller;
use crate::settings::{Revision, Route};
use crate::shift::{Shift, ShiftRoute};
use crate::step::{Effect, Step};
use crate::task::Task;
use crate::wording;

/// Target groups and their weights.
pub type Weights = BTreeMap<TargetGroupArn, u32>;

/// What a listener rule does at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LiveRule {
    Missing,
    Forwards(Weights),
    /// It answers itself or redirects.
    Elsewhere,
}

impl LiveRule {
    /// Returns the target groups that are given requests, with their weights.
    pub fn serving(&self) -> Vec<(&TargetGroupArn, u32)> {
        match self {
            LiveRule::Missing | LiveRule::Elsewhere => Vec::new(),
            LiveRule::Forwards(weights) => {
                weights.iter().filter(|(_, weight)| **weight > 0).map(|(group, weight)| (group, *weight)).collect()
            }
        }
    }

    fn names(&self, group: &TargetGroupArn) -> bool {
        matches!(self, LiveRule::Forwards(weights) if weights.contains_key(group))
    }

    fn weight(&self, group: &TargetGroupArn) -> u32 {
        match self {
            LiveRule::Missing | LiveRule::Elsewhere => 0,
            LiveRule::Forwards(weights) => weights.get(group).copied().unwrap_or(0),
        }
    }
}

/// What there is of a revision, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Presence {
    None,
    /// It has no task at the moment.
    Wanted,
    /// None of its tasks can answer yet.
    Comes,
    Answers,
}

/// What keeps a deployment from relying on its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NotFound,
    NotAssociated(TargetGroupArn),
    NotOneServing { rule: ListenerRuleArn, count: usize },
    Unexpected { found: TargetGroupArn, expected: TargetGroupArn },
    Changed { rule: ListenerRuleArn, expected: Weights, live: LiveRule },
}

impl Fault {
    /// Completes "Service deployment rolled back because of invalid networking configuration".
    pub fn reason(&self) -> String {
        match self {
            Fault::NotFound => ". One or more rules not found".to_owned(),
            Fault::NotAssociated(group) => format!(
                ": Target group {group} is not associated with either productionListenerRule or testListenerRule."
            ),
            Fault::NotOneServing { rule, count } => format!(
                ". productionListenerRule {rule} should have exactly one target group serving traffic but found \
                 {count} target groups which are serving traffic"
            ),
            Fault::Unexpected { found, expected } => format!(
                ". Production listener rule is forwarding traffic to unexpected target group {found}. Expected {expected}"
            ),
            Fault::Changed { rule, expected, live } => format!(
                ". Listener rule {rule} was changed during the deployment. Expected {}, found {}",
                wording::weights(expected),
                match live {
                    LiveRule::Forwards(weights) => wording::weights(weights),
                    LiveRule::Missing => "no such rule".to_owned(),
                    LiveRule::Elsewhere => "an action that does not forward".to_owned(),
                }
            ),
        }
    }
}

impl Controller {
    /// Tells which of a pair of target groups a new revision's tasks are to be registered in: the one that serves less production
    /// traffic. On a tie, which no rule may be left to decide, the revision that the latest deployment gave most of it keeps its place.
    /// Where the latest deployment was given up in the middle of its traffic, it is the group of the revision that is nearer to answering
    /// that is kept.
    pub fn vacant_target_group<'a>(
        &self,
        target_group: &'a TargetGroupArn,
        alternate: &'a TargetGroupArn,
        production: &LiveRule,
    ) -> &'a TargetGroupArn {
        if self.is_own_doing(production) {
            match self.presence(target_group).cmp(&self.presence(alternate)) {
                Ordering::Less => return target_group,
                Ordering::Greater => return alternate,
                Ordering::Equal => {}
            }
        }
        let (first, second) = (production.weight(target_group), production.weight(alternate));
        match first.cmp(&second) {
            Ordering::Less => target_group,
            Ordering::Greater => alternate,
            Ordering::Equal if self.is_serving(alternate) => target_group,
            Ordering::Equal => alternate,
        }
    }

    /// Tells whether a rule does what the latest deployment has set it to.
    fn is_own_doing(&self, production: &LiveRule) -> bool {
        let LiveRule::Forwards(live) = production else { return false };
        self.shift().is_some_and(|shift| shift.believed.values().any(|believed| believed == live))
    }

    /// Tells how near the revision of a target group is to answering its requests.
    fn presence(&self, group: &TargetGroupArn) -> Presence {
        let is_registered = |revision| {
            let revision = self.revisions.get(&revision);
            revision.is_some_and(|revision| revision.target_groups.iter().any(|attachment| attachment.arn == *group))
        };
        let is_healthy = |task: &Task| task.targets.get(group).is_some_and(|target| target.health.is_healthy());
        let mut live = self.tasks.values().filter(|task| task.is_live() && is_registered(task.revision)).peekable();
        if live.peek().is_some() {
            return if live.any(|task| task.is_running() && is_healthy(task)) {
                Presence::Answers
            } else {
                Presence::Comes
            };
        }
        let has_entry = self.deployments.iter().any(|entry| is_registered(entry.revision));
        if has_entry { Presence::Wanted } else { Presence::None }
    }

    /// Tells whether the latest deployment left most of the traffic to a target group.
    fn is_serving(&self, group: &TargetGroupArn) -> bool {
        let Some(shift) = self.shift() else {
            let primary = self.primary().and_then(|entry| self.revisions.get(&entry.revision));
            return primary.is_some_and(|revision| revision.target_groups.iter().any(|known| known.arn == *group));
        };
        let target_has_most = shift.shares.production > shift.shares.production.rest();
        shift.routes.iter().any(|route| (if target_has_most { &route.target } else { &route.source }) == group)
    }

    /// Returns every listener rule that the running deployment relies on, with what it was last seen to do.
    pub fn watched_rules(&self) -> impl Iterator<Item = (&ListenerRuleArn, &LiveRule)> {
        self.rules.iter()
    }

    pub(crate) fn live_rule(&self, rule: &ListenerRuleArn) -> &LiveRule {
        self.rules.get(rule).unwrap_or(&LiveRule::Missing)
    }

    /// Checks that every route is as a deployment must find it: exactly one target group of the pair serves, the source's. A split that
    /// the deployment before left behind (`believed`) is no fault: it is reconciled.
    pub(crate) fn check_routes(
        &self,
        routes: &[ShiftRoute],
        source: Option<RevisionId>,
        believed: &BTreeMap<ListenerRuleArn, Weights>,
    ) -> Result<(), Fault> {
        routes.iter().try_for_each(|route| {
            let live = self.live_rule(&route.production_rule);
            let test = route.test_rule.as_ref().map(|rule| self.live_rule(rule));
            if *live == LiveRule::Missing || test == Some(&LiveRule::Missing) {
                return Err(Fault::NotFound);
            }
            let is_associated = |group| live.names(group) || test.is_some_and(|test| test.names(group));
            if let Some(group) = [&route.target, &route.source].into_iter().find(|group| !is_associated(group)) {
                return Err(Fault::NotAssociated(group.clone()));
            }
            if matches!(live, LiveRule::Forwards(weights) if believed.get(&route.production_rule) == Some(weights)) {
                return Ok(());
            }
            let serving = live.serving();
            if let Some((found, _)) = serving.iter().find(|(group, _)| !route.pairs(group)) {
                return Err(Fault::Unexpected { found: (*found).clone(), expected: route.source.clone() });
            }
            let [(group, _)] = serving[..] else {
                return Err(Fault::NotOneServing { rule: route.production_rule.clone(), count: serving.len() });
            };
            let registered = source.and_then(|source| self.revisions.get(&source));
            let registered = registered.and_then(|revision| {
                revision.target_groups.iter().map(|attachment| &attachment.arn).find(|group| route.pairs(group))
            });
            match registered {
                Some(expected) if expected != group => {
                    Err(Fault::Unexpected { found: group.clone(), expected: expected.clone() })
                }
                Some(_) | None => Ok(()),
            }
        })
    }

    /// Compares the rules the running deployment has set with what they do now.
    pub(crate) fn check_believed(&self, shift: &Shift) -> Result<(), Fault> {
        shift.believed.iter().try_for_each(|(rule, expected)| match self.live_rule(rule) {
            LiveRule::Forwards(live) if live == expected => Ok(()),
            LiveRule::Missing => Err(Fault::NotFound),
            live => {
                let route = shift.routes.iter().find(|route| route.production_rule == *rule);
                let foreign = route.and_then(|route| {
                    let found = live.serving().into_iter().find(|(group, _)| !route.pairs(group))?.0.clone();
                    Some(Fault::Unexpected { found, expected: route.source.clone() })
                });
                Err(foreign.unwrap_or_else(|| Fault::Changed {
                    rule: rule.clone(),
                    expected: expected.clone(),
                    live: live.clone(),
                }))
            }
        })
    }

    /// Gives the first target group of a pair its share of a rule's traffic and the other the rest; returns what the rule does then.
    pub(crate) fn set_weights(
        &mut self,
        rule: &ListenerRuleArn,
        (first, second): (&TargetGroupArn, &TargetGroupArn),
        share: TrafficPercent,
        step: &mut Step,
    ) -> Weights {
        let (weight, rest) = share.weights();
        let weights = Weights::from([(first.clone(), weight), (second.clone(), rest)]);
        let live = LiveRule::Forwards(weights.clone());
        if *self.live_rule(rule) != live {
            let weights = vec![(first.clone(), weight), (second.clone(), rest)];
            step.effects.push(Effect::SetRuleWeights { rule: rule.clone(), weights });
            self.rules.insert(rule.clone(), live);
        }
        weights
    }

    /// Tells whether production goes past a revision: a listener rule gives its requests to the other target group of a pair.
    pub(crate) fn is_bypassed(&self, revision: &Revision) -> bool {
        let routed = revision.target_groups.iter().filter_map(|group| Some((&group.arn, group.route.as_ref()?)));
        routed.into_iter().any(|(group, route)| {
            let live = self.live_rule(&route.production_rule);
            live.weight(group) == 0 && live.weight(&route.alternate) > 0
        })
    }

    /// Lets production follow a ROLLING rollback whose revision is registered in the other target group of a pair, once it is at full
    /// size (I3, I7).
    pub(crate) fn bring_production_back(&mut self, now: Timestamp, step: &mut Step) {
        let is_rolling = self.shift().is_none() && self.is_rolling_back();
        let Some(revision) = self.primary().map(|entry| entry.revision).filter(|_| is_rolling) else { return };
        if self.is_complete(revision, now) && !self.is_outdone(revision, now) {
            let routes = self.revisions.get(&revision).map(Revision::routes).unwrap_or_default();
            self.end_split(&routes, step);
        }
    }

    /// Ends a split that a traffic-shifting deployment has left behind, before tasks are replaced within one target group.
    pub(crate) fn end_split(&mut self, routes: &[(TargetGroupArn, Route)], step: &mut Step) {
        for (group, route) in routes {
            let serving = self.live_rule(&route.production_rule).serving();
            let is_split = serving.iter().any(|(serving, _)| **serving == route.alternate);
            if is_split && serving.iter().all(|(serving, _)| *serving == group || **serving == route.alternate) {
                self.set_weights(&route.production_rule, (group, &route.alternate), TrafficPercent::ALL, step);
            }
        }
    }
}
