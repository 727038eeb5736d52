//! A service with two target groups, a production rule and a test rule, and short ways to look at it.

use std::time::Duration;

use seatrial_controller::{
    Command, Input, LiveRule, NewDeployment, Observation, Revision, Route, ServiceDeployment, ServiceDeploymentStatus,
    Settings, TargetGroupAttachment, Update, Weights,
};
use seatrial_model::{
    HookTarget, LifecycleHook, LifecycleStage, ListenerRuleArn, RevisionId, Strategy, TargetGroupArn, Threshold,
    TimeoutAction, TrafficPercent,
};

use crate::common::world::{Behaviour, World};
use crate::common::{Checks, DELAY, controller, deployment_id, guarded, revision, secs, settings};

pub const STRATEGIES: [Strategy; 3] = [
    Strategy::BlueGreen,
    Strategy::Canary { percent: TrafficPercent::from_tenths(50), bake_time: secs(600) },
    Strategy::Linear { step: TrafficPercent::from_tenths(300), bake_time: secs(360) },
];
pub const BAKE: Duration = secs(300);

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

/// Settings with a breaker, a strategy and the bake time [`BAKE`].
pub fn with(strategy: Strategy, desired: u32) -> Settings {
    let mut settings = guarded(settings(desired, 100, 200), Threshold::BoundedPercent(50));
    settings.deployment.strategy = strategy;
    settings.deployment.bake_time = BAKE;
    settings
}

pub fn hook(target: HookTarget, stage: LifecycleStage, on_timeout: TimeoutAction) -> LifecycleHook {
    let timeout = secs(3600);
    LifecycleHook { target, stages: vec![stage], details: None, timeout, on_timeout }
}

pub fn pause(stage: LifecycleStage) -> LifecycleHook {
    hook(HookTarget::Pause, stage, TimeoutAction::Rollback)
}

/// Starts a deployment of the `number`th revision, its target group chosen as the engine does.
pub fn deploy(world: &mut World, settings: Settings, number: u64) {
    let live = world.rules[&production()].clone();
    let (blue, green) = (blue(), green());
    let vacant = world.controller.vacant_target_group(&blue, &green, &live).clone();
    let other = if vacant == blue { green } else { blue };
    let (arn, alternate) =
        if settings.deployment.strategy.shifts_traffic() { (vacant, other) } else { (other, vacant) };
    let route = Route { production_rule: production(), test_rule: Some(test()), alternate };
    let revision = Revision {
        target_groups: vec![TargetGroupAttachment { arn, deregistration_delay: DELAY, route: Some(route) }],
        ..revision(number, Checks::Nothing)
    };
    let rules = world.rules.clone().into_iter().collect();
    let new = NewDeployment { id: deployment_id(number), revision, rules, firing_alarms: Vec::new() };
    let update = Update { settings, deploy: Some(Box::new(new)) };
    world.command(&format!("UpdateService v{number}"), Input::Command(Command::Update(update)));
}

/// A service that nobody has deployed to yet.
pub fn fresh() -> World {
    let mut world = World::new(controller());
    world.rules.insert(production(), forwards(1, 0));
    world.rules.insert(test(), forwards(0, 1));
    world
}

/// A service whose first version has been deployed with a strategy, at rest for a while.
pub fn running(settings: &Settings) -> World {
    let mut world = fresh();
    let mut first = settings.clone();
    first.deployment.lifecycle_hooks.clear();
    deploy(&mut world, first, 1);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    world.run_for(secs(60));
    world.log.clear();
    world
}

pub fn current(world: &World) -> &ServiceDeployment {
    world.controller.service_deployment().expect("a service was deployed")
}

pub fn status(world: &World) -> ServiceDeploymentStatus {
    current(world).status
}

pub fn stage(world: &World) -> LifecycleStage {
    current(world).shift.as_ref().expect("the strategy shifts traffic").stage
}

/// Runs until a stage is reached.
pub fn run_to(world: &mut World, wanted: LifecycleStage) {
    world.run_until(secs(7200), |world| stage(world) == wanted);
}

/// Returns the green target group's share of a rule, in tenths of a percent.
pub fn share(world: &World, rule: &ListenerRuleArn, group: &TargetGroupArn) -> u32 {
    match &world.rules[rule] {
        LiveRule::Forwards(weights) => {
            let sum: u32 = weights.values().sum();
            1000 * weights.get(group).copied().unwrap_or(0) / sum
        }
        LiveRule::Missing | LiveRule::Elsewhere => 0,
    }
}

pub fn revisions_with_tasks(world: &World) -> Vec<RevisionId> {
    let mut revisions: Vec<_> = world.controller.tasks().map(|task| task.revision).collect();
    revisions.sort();
    revisions.dedup();
    revisions
}

/// Somebody changes a rule.
pub fn tamper(world: &mut World, rule: ListenerRuleArn, live: LiveRule) {
    world.rules.insert(rule.clone(), live.clone());
    let observation = Observation::ListenerRule { rule, live };
    world.feed(Some("ModifyRule by somebody".to_owned()), Input::Observation(observation));
}

/// The stages that the running deployment has entered, from its events.
pub fn stages_told(world: &World) -> Vec<String> {
    let told = world.log.lines().filter_map(|line| line.split_once("has entered lifecycle stage "));
    told.map(|(_, rest)| rest.trim_end_matches('.').to_owned()).collect()
}

pub const NEVER_HEALTHY: &[Behaviour] = &[Behaviour::NEVER_HEALTHY];
