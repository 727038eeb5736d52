//! A service whose traffic moves between two target groups: its rules, and revisions attached to them the way the engine attaches them.

use std::collections::BTreeMap;

use seatrial_controller::{
    Command, Controller, Input, LiveRule, NewDeployment, Revision, Route, Settings, TargetGroupAttachment, Update,
    Weights,
};
use seatrial_model::{ListenerRuleArn, TargetGroupArn};

use super::{Checks, DELAY, deployment_id, revision};

/// Listener rules as they are.
pub type Rules = BTreeMap<ListenerRuleArn, LiveRule>;

/// What shares a service's traffic between its revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// No load balancer.
    Headless,
    Production,
    ProductionAndTest,
}

pub fn blue() -> TargetGroupArn {
    TargetGroupArn::new("tg-blue")
}

pub fn green() -> TargetGroupArn {
    TargetGroupArn::new("tg-green")
}

/// A target group that is none of the service's.
pub fn foreign() -> TargetGroupArn {
    TargetGroupArn::new("tg-maintenance")
}

pub fn production() -> ListenerRuleArn {
    ListenerRuleArn::new("rule-production")
}

pub fn test() -> ListenerRuleArn {
    ListenerRuleArn::new("rule-test")
}

pub fn forwards(blue_weight: u32, green_weight: u32) -> LiveRule {
    LiveRule::Forwards(Weights::from([(blue(), blue_weight), (green(), green_weight)]))
}

impl Routing {
    /// Returns the rules of a service that nobody has deployed to yet.
    pub fn rules(self) -> Rules {
        match self {
            Routing::Headless => Rules::new(),
            Routing::Production => Rules::from([(production(), forwards(1, 0))]),
            Routing::ProductionAndTest => Rules::from([(production(), forwards(1, 0)), (test(), forwards(0, 1))]),
        }
    }

    fn test_rule(self) -> Option<ListenerRuleArn> {
        match self {
            Routing::Headless | Routing::Production => None,
            Routing::ProductionAndTest => Some(test()),
        }
    }
}

/// Returns a new revision, in the target group that the engine would choose for it.
pub fn attached(
    controller: &Controller,
    rules: &Rules,
    settings: &Settings,
    number: u64,
    (checks, routing): (Checks, Routing),
) -> Revision {
    if routing == Routing::Headless {
        return revision(number, checks);
    }
    let (blue, green) = (blue(), green());
    let live = rules.get(&production()).unwrap_or(&LiveRule::Missing);
    let vacant = controller.vacant_target_group(&blue, &green, live).clone();
    let other = if vacant == blue { green } else { blue };
    let shifts = settings.deployment.strategy.shifts_traffic();
    let (arn, alternate) = if shifts { (vacant, other) } else { (other, vacant) };
    let route = Route { production_rule: production(), test_rule: routing.test_rule(), alternate };
    Revision {
        target_groups: vec![TargetGroupAttachment { arn, deregistration_delay: DELAY, route: Some(route) }],
        ..revision(number, checks)
    }
}

/// UpdateService with a new revision.
pub fn deploy_attached(rules: &Rules, settings: Settings, number: u64, revision: Revision, firing: &[String]) -> Input {
    let new = NewDeployment {
        id: deployment_id(number),
        revision,
        rules: rules.clone().into_iter().collect(),
        firing_alarms: firing.to_vec(),
    };
    Input::Command(Command::Update(Update { settings, deploy: Some(Box::new(new)) }))
}

/// Returns how much of a rule's traffic a target group is given, in tenths of a percent.
pub fn share_of(live: &LiveRule, group: &TargetGroupArn) -> u32 {
    match live {
        LiveRule::Forwards(weights) => {
            let sum: u32 = weights.values().sum();
            (1000 * weights.get(group).copied().unwrap_or(0)).checked_div(sum).unwrap_or(0)
        }
        LiveRule::Missing | LiveRule::Elsewhere => 0,
    }
}
