//! Lifecycle hooks: functions that say yes, no or later, and pauses.

use seatrial_controller::{Command, HookAnswer, HookStatus, Input, PauseAction, ServiceDeploymentStatus, StopType};
use seatrial_model::{HookTarget, LifecycleStage, Strategy, TimeoutAction, TrafficPercent};
use serde_json::json;

use super::service::{
    STRATEGIES, current, deploy, green, hook, pause, production, run_to, running, share, stage, status, with,
};
use crate::common::world::World;
use crate::common::{deployment_id, ms, secs};

fn function(name: &str, stage: LifecycleStage) -> seatrial_model::LifecycleHook {
    hook(HookTarget::Function(name.to_owned()), stage, TimeoutAction::Rollback)
}

fn with_hooks(strategy: Strategy, hooks: Vec<seatrial_model::LifecycleHook>) -> World {
    let mut settings = with(strategy, 2);
    settings.deployment.lifecycle_hooks = hooks;
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    world
}

fn answer(world: &mut World, name: &str, answers: &[HookAnswer]) {
    world.answers.insert(name.to_owned(), answers.to_vec());
}

fn open_hook(world: &World) -> Option<seatrial_model::HookId> {
    let shift = current(world).shift.as_ref()?;
    shift.runs.iter().find(|run| run.status.is_open()).map(|run| run.id.clone())
}

fn decide(world: &mut World, action: PauseAction) {
    let hook = open_hook(world).expect("a pause is open");
    let command = Command::ContinueServiceDeployment { id: deployment_id(2), hook, action };
    world.command(&format!("ContinueServiceDeployment {action:?}"), Input::Command(command));
}

#[test]
fn a_function_is_asked_at_each_step_with_the_weights_of_the_step() {
    let settings_hooks = vec![function("check", LifecycleStage::ProductionTrafficShift)];
    let mut settings = with(STRATEGIES[2], 2);
    settings.deployment.lifecycle_hooks = settings_hooks;
    let mut world = running(&settings);
    answer(&mut world, "check", &[HookAnswer::Succeeded]);
    deploy(&mut world, settings, 2);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    let shares: Vec<u16> =
        world.invocations.iter().filter_map(|invocation| Some(invocation.shares?.production.tenths())).collect();
    assert_eq!(shares, [300, 600, 900, 1000]);
    let mut ids: Vec<_> = world.invocations.iter().map(|invocation| invocation.hook.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each step has hooks of its own");
}

#[test]
fn a_function_that_is_not_done_is_asked_again_with_what_it_returned() {
    let later = |details| HookAnswer::InProgress { call_back: Some(secs(7)), details: Some(details) };
    let mut settings = with(Strategy::BlueGreen, 1);
    let mut check = function("check", LifecycleStage::PreScaleUp);
    check.details = Some(json!({ "suite": "smoke" }));
    settings.deployment.lifecycle_hooks = vec![check];
    let mut world = running(&settings);
    answer(
        &mut world,
        "check",
        &[
            later(json!({ "run": 17 })),
            HookAnswer::InProgress { call_back: None, details: None },
            HookAnswer::Succeeded,
        ],
    );
    let began = world.now;
    deploy(&mut world, settings, 2);
    world.run_until(secs(60), |world| stage(world) > LifecycleStage::PreScaleUp);
    assert_eq!(world.now.since(began), secs(7) + secs(30) + ms(900), "told, by default, and three answers");
    let seen: Vec<_> = world.invocations.iter().map(|invocation| invocation.details.clone()).collect();
    let merged = Some(json!({ "suite": "smoke", "run": 17 }));
    assert_eq!(seen, [Some(json!({ "suite": "smoke" })), merged.clone(), merged]);
}

#[test]
fn one_failing_function_of_several_fails_the_stage() {
    let expected = [
        (
            HookAnswer::Failed,
            "POST_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target bad returned FAILED status.",
        ),
        (
            HookAnswer::Unreadable("HookStatus must not be null".to_owned()),
            "ECS was unable to parse the response from bad due to HookStatus must not be null",
        ),
        (HookAnswer::NotInvoked("no such function".to_owned()), "ECS was unable to invoke hook target bad"),
    ];
    for (bad, reason) in expected {
        let mut settings = with(Strategy::BlueGreen, 1);
        settings.deployment.lifecycle_hooks =
            vec![function("good", LifecycleStage::PostScaleUp), function("bad", LifecycleStage::PostScaleUp)];
        let mut world = running(&settings);
        answer(&mut world, "good", &[HookAnswer::Succeeded]);
        answer(&mut world, "bad", &[bad]);
        deploy(&mut world, settings, 2);
        world.run();
        assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
        let told = current(&world).status_reason.clone().unwrap_or_default();
        assert!(told.starts_with("Service deployment rolled back because ") && told.contains(reason), "{told}");
    }
}

#[test]
fn functions_of_the_shifts_are_told_of_the_way_back_and_nobody_waits_for_them() {
    let mut settings = with(STRATEGIES[1], 2);
    settings.deployment.lifecycle_hooks = vec![
        function("test", LifecycleStage::TestTrafficShift),
        function("shift", LifecycleStage::ProductionTrafficShift),
    ];
    let mut world = running(&settings);
    answer(&mut world, "test", &[HookAnswer::Succeeded]);
    answer(&mut world, "shift", &[HookAnswer::Succeeded]);
    deploy(&mut world, settings, 2);
    world.run_until(secs(60), |world| share(world, &production(), &green()) == 950);
    world.answers.clear();
    world.invocations.clear();
    world.stop_deployment(2, StopType::Rollback);
    let told: Vec<_> = world
        .invocations
        .iter()
        .map(|invocation| (invocation.function.as_str(), invocation.shares.map(|shares| shares.production)))
        .collect();
    assert_eq!(told, [("shift", Some(TrafficPercent::NONE)), ("test", Some(TrafficPercent::NONE))]);
    world.run_for(secs(10));
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
}

#[test]
fn a_pause_waits_until_it_is_continued() {
    let mut world = with_hooks(Strategy::BlueGreen, vec![pause(LifecycleStage::PostTestTrafficShift)]);
    run_to(&mut world, LifecycleStage::PostTestTrafficShift);
    world.run_for(secs(1800));
    assert_eq!(stage(&world), LifecycleStage::PostTestTrafficShift);
    decide(&mut world, PauseAction::Continue);
    assert_eq!(stage(&world), LifecycleStage::BakeTime);
}

#[test]
fn a_pause_before_each_step_has_a_new_id_each_time() {
    let mut world = with_hooks(STRATEGIES[2], vec![pause(LifecycleStage::PreProductionTrafficShift)]);
    let mut ids = Vec::new();
    for expected in [1000, 700, 400, 100] {
        world.run_until(secs(1000), |world| open_hook(world).is_some());
        assert_eq!(share(&world, &production(), &green()), expected);
        ids.extend(open_hook(&world));
        decide(&mut world, PauseAction::Continue);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn a_pause_can_be_answered_with_a_rollback() {
    let mut world = with_hooks(STRATEGIES[1], vec![pause(LifecycleStage::PreProductionTrafficShift)]);
    world.run_until(secs(60), |world| open_hook(world).is_some());
    decide(&mut world, PauseAction::Continue);
    world.run_until(secs(700), |world| open_hook(world).is_some());
    decide(&mut world, PauseAction::Rollback);
    assert_eq!(share(&world, &production(), &green()), 1000);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
}

#[test]
fn a_pause_that_nobody_answers_does_what_its_timeout_says() {
    let stage = LifecycleStage::PostTestTrafficShift;
    let mut world = with_hooks(Strategy::BlueGreen, vec![pause(stage)]);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful);
    let reason = current(&world).status_reason.as_deref();
    assert_eq!(reason, Some("Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT pause hook timed out."));
    let mut world = with_hooks(Strategy::BlueGreen, vec![hook(HookTarget::Pause, stage, TimeoutAction::Continue)]);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn a_late_answer_changes_nothing() {
    let mut world = with_hooks(Strategy::BlueGreen, vec![function("silent", LifecycleStage::PreScaleUp)]);
    let hook = open_hook(&world).expect("the function was asked");
    assert_eq!(world.controller.open_invocations().len(), 1);
    world.stop_deployment(2, StopType::Rollback);
    world.run();
    let before = world.controller.clone();
    let late = |attempt| {
        let answer = HookAnswer::Failed;
        Input::Observation(seatrial_controller::Observation::HookAnswered { hook: hook.clone(), attempt, answer })
    };
    world.feed(None, late(1));
    assert!(world.controller == before);
    assert!(world.controller.open_invocations().is_empty());
    let runs = &current(&world).shift.as_ref().expect("it shifts traffic").runs;
    assert!(runs.iter().all(|run| run.status != HookStatus::Failed));
}
