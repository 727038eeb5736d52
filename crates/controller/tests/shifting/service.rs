//! A service with two target groups, a production rule and a test rule, and short ways to look at it.

use std::time::Duration;

use seatrial_controller::{Input, LiveRule, Observation, ServiceDeployment, ServiceDeploymentStatus, Settings};
use seatrial_model::{
    HookTarget, LifecycleHook, LifecycleStage, ListenerRuleArn, RevisionId, Strategy, TargetGroupArn, Threshold,
    TimeoutAction, TrafficPercent,
};
use seatrial_sim::routed::share_of;
pub use seatrial_sim::routed::{blue, forwards, green, production, test};

use crate::common::routed::{Routing, attached, deploy_attached};
use crate::common::world::{Behaviour, World};
use crate::common::{Checks, controller, guarded, secs, settings};

pub const STRATEGIES: [Strategy; 3] = [
    Strategy::BlueGreen,
    Strategy::Canary { percent: TrafficPercent::from_tenths(50), bake_time: secs(600) },
    Strategy::Linear { step: TrafficPercent::from_tenths(300), bake_time: secs(360) },
];
pub const BAKE: Duration = secs(300);

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
    let shape = (Checks::Nothing, Routing::ProductionAndTest);
    let revision = attached(&world.controller, &world.rules, &settings, number, shape);
    let input = deploy_attached(&world.rules, settings, number, revision, &[]);
    world.command(&format!("UpdateService v{number}"), input);
}

/// A service that nobody has deployed to yet.
pub fn fresh() -> World {
    let mut world = World::new(controller());
    world.rules = Routing::ProductionAndTest.rules();
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

/// Returns a target group's share of a rule, in tenths of a percent.
pub fn share(world: &World, rule: &ListenerRuleArn, group: &TargetGroupArn) -> u32 {
    share_of(&world.rules[rule], group)
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
