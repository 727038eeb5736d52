//! How a service's revisions are attached to target groups and rules.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::{Controller, LiveRule, Revision, Route, Settings, TargetGroupAttachment, Weights};
use seatrial_model::{Family, ListenerRuleArn, RevisionId, TargetGroupArn, TaskDefinitionRevision};

/// Listener rules as they are.
pub type Rules = BTreeMap<ListenerRuleArn, LiveRule>;

/// The deregistration delay of every target group.
pub const DELAY: Duration = Duration::from_secs(10);

pub fn blue() -> TargetGroupArn {
    TargetGroupArn::new("tg-blue")
}

pub fn green() -> TargetGroupArn {
    TargetGroupArn::new("tg-green")
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

/// What shares a service's traffic between its revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// No load balancer.
    Headless,
    /// One target group, in which new tasks take the places of old ones.
    OneGroup,
    Production,
    ProductionAndTest,
}

impl Routing {
    /// Returns the rules of a service that nobody has deployed to yet.
    pub fn rules(self) -> Rules {
        match self {
            Routing::Headless | Routing::OneGroup => Rules::new(),
            Routing::Production => Rules::from([(production(), forwards(1, 0))]),
            Routing::ProductionAndTest => Rules::from([(production(), forwards(1, 0)), (test(), forwards(0, 1))]),
        }
    }

    /// Attaches a new revision to the target groups that the engine would choose for it.
    pub fn attach(
        self,
        controller: &Controller,
        rules: &Rules,
        settings: &Settings,
        deregistration_delay: Duration,
    ) -> Vec<TargetGroupAttachment> {
        let shared = |test_rule| TargetGroupAttachment {
            deregistration_delay,
            ..attachment(controller, rules, settings, test_rule)
        };
        match self {
            Routing::Headless => Vec::new(),
            Routing::OneGroup => vec![TargetGroupAttachment { arn: blue(), deregistration_delay, route: None }],
            Routing::Production => vec![shared(None)],
            Routing::ProductionAndTest => vec![shared(Some(test()))],
        }
    }
}

/// Returns a new revision whose containers have no health check.
pub fn revision(number: u64, target_groups: Vec<TargetGroupAttachment>) -> Revision {
    let family = Family::parse("web").expect("a family name");
    Revision {
        id: RevisionId::from_bits(number),
        task_definition: TaskDefinitionRevision { family, revision: number as u32 },
        target_groups,
        has_health_check: false,
    }
}

fn attachment(
    controller: &Controller,
    rules: &Rules,
    settings: &Settings,
    test_rule: Option<ListenerRuleArn>,
) -> TargetGroupAttachment {
    let (blue, green) = (blue(), green());
    let live = rules.get(&production()).unwrap_or(&LiveRule::Missing);
    let vacant = controller.vacant_target_group(&blue, &green, live).clone();
    let other = if vacant == blue { green } else { blue };
    let shifts = settings.deployment.strategy.shifts_traffic();
    let (arn, alternate) = if shifts { (vacant, other) } else { (other, vacant) };
    let route = Route { production_rule: production(), test_rule, alternate };
    TargetGroupAttachment { arn, deregistration_delay: DELAY, route: Some(route) }
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
