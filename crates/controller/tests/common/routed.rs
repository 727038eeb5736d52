//! A service whose traffic moves between two target groups: its rules, and revisions attached to them the way the engine attaches them.

use seatrial_controller::{Command, Controller, Input, LiveRule, NewDeployment, Revision, Settings, Update, Weights};
use seatrial_model::{ListenerRuleArn, TargetGroupArn};
use seatrial_sim::routed::attachment;
pub use seatrial_sim::routed::{Rules, blue, green, production};

use super::{Checks, deployment_id, revision};

/// What shares a service's traffic between its revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// No load balancer.
    Headless,
    Production,
    ProductionAndTest,
}

/// A target group that is none of the service's.
pub fn foreign() -> TargetGroupArn {
    TargetGroupArn::new("tg-maintenance")
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
    let attachment = attachment(controller, rules, settings, routing.test_rule());
    Revision { target_groups: vec![attachment], ..revision(number, checks) }
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
