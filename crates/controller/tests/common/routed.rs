//! A service whose traffic moves between two target groups: its rules, and revisions attached to them the way the engine attaches them.

use seatrial_controller::{Command, Controller, Input, NewDeployment, Revision, Settings, Update};
use seatrial_model::TargetGroupArn;
pub use seatrial_sim::routed::{Routing, Rules};

use super::{Checks, DELAY, deployment_id, revision};

/// A target group that is none of the service's.
pub fn foreign() -> TargetGroupArn {
    TargetGroupArn::new("tg-maintenance")
}

/// Returns a new revision, in the target group that the engine would choose for it.
pub fn attached(
    controller: &Controller,
    rules: &Rules,
    settings: &Settings,
    number: u64,
    (checks, routing): (Checks, Routing),
) -> Revision {
    match routing {
        Routing::Headless => revision(number, checks),
        Routing::OneGroup | Routing::Production | Routing::ProductionAndTest => {
            Revision { target_groups: routing.attach(controller, rules, settings, DELAY), ..revision(number, checks) }
        }
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
