use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookStage, LinearConfiguration,
    ServiceDeploymentLifecycleStage, ServiceEvent, ServiceRevisionSummary,
};
use aws_smithy_types::DateTime;

use super::super::hooks::HookKind;
use super::*;

const BEGUN: i64 = 1000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
}

fn canary() -> DeploymentConfiguration {
    let canary = CanaryConfiguration::builder().canary_percent(10.0).canary_bake_time_in_minutes(10).build();
    DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::Canary)
        .canary_configuration(canary)
        .bake_time_in_minutes(20)
        .build()
}

fn deployment(stage: ServiceDeploymentLifecycleStage, share: f64) -> ServiceDeployment {
    let target = ServiceRevisionSummary::builder()
        .arn("arn:aws:ecs:us-east-1:0:service-revision/c/web/2")
        .requested_production_traffic_weight(share)
        .build();
    ServiceDeployment::builder()
        .created_at(DateTime::from_secs(BEGUN))
        .lifecycle_stage(stage)
        .target_service_revision(target)
        .deployment_configuration(canary())
        .build()
}

/// Newest first, as ECS has them.
fn service(events: &[(i64, &str)]) -> Service {
    let event = |(at, message): &(i64, &str)| {
        ServiceEvent::builder().created_at(DateTime::from_secs(*at)).message(*message).build()
    };
    Service::builder().set_events(Some(events.iter().map(event).collect())).build()
}

#[test]
fn the_event_of_this_deployment_tells_since_when_a_stage_lasts() {
    use ServiceDeploymentLifecycleStage::{BakeTime, PostTestTrafficShift, ProductionTrafficShift};
    let shift =
        "(service web) (deployment ecs-svc/2) has entered lifecycle stage PRODUCTION_TRAFFIC_SHIFT: it is given 10 %.";
    let before = "(service web) (deployment ecs-svc/2) has entered lifecycle stage PRE_PRODUCTION_TRAFFIC_SHIFT.";
    let other = "(service web) (deployment ecs-svc/1) has entered lifecycle stage BAKE_TIME.";
    let is = |stage, seconds| Some((stage, Some(Entered { stage, at: at(seconds) })));
    let cases: [(_, &[(i64, &str)], _); 6] = [
        (
            ProductionTrafficShift,
            &[(1020, "has done something"), (1010, shift)],
            is(LifecycleStage::ProductionTrafficShift, 1010),
        ),
        // ECS's answer has no word for the stage before a shift, the event does.
        (PostTestTrafficShift, &[(1009, before)], is(LifecycleStage::PreProductionTrafficShift, 1009)),
        (ProductionTrafficShift, &[(1030, before), (1010, shift)], is(LifecycleStage::PreProductionTrafficShift, 1030)),
        (BakeTime, &[(1010, shift)], Some((LifecycleStage::BakeTime, None))),
        (BakeTime, &[(1010, other)], Some((LifecycleStage::BakeTime, None))),
        (ProductionTrafficShift, &[(900, shift)], Some((LifecycleStage::ProductionTrafficShift, None))),
    ];
    for (stage, events, expected) in cases {
        assert_eq!(entered(&deployment(stage.clone(), 10.0), &service(events)), expected, "{stage} {events:?}");
    }
}

#[test]
fn stages_are_behind_present_or_ahead_and_have_their_hooks() {
    let hook = |stage| {
        DeploymentLifecycleHook::builder()
            .hook_target_arn("arn:aws:lambda:r:0:function:f")
            .lifecycle_stages(stage)
            .build()
    };
    let configuration =
        DeploymentConfiguration::builder().lifecycle_hooks(hook(DeploymentLifecycleHookStage::PostScaleUp)).build();
    let shown = |course| {
        let stages = stages(Some(&configuration), Some(LifecycleStage::PostScaleUp), course);
        stages[2..5].iter().map(|stage| (stage.state, stage.hooks.join(","))).collect::<Vec<_>>()
    };
    let hooked = "f".to_owned();
    let none = String::new;
    use StageState::{Ahead, Done, LeftForRollback, Now};
    assert_eq!(shown(Course::GoingOn), [(Done, none()), (Now, hooked.clone()), (Ahead, none())]);
    assert_eq!(shown(Course::GoneBack), [(Done, none()), (LeftForRollback, hooked.clone()), (Ahead, none())]);
    assert_eq!(shown(Course::Succeeded), [(Done, none()), (Done, hooked), (Done, none())]);
}

#[test]
fn a_step_and_a_bake_time_end_at_a_time_that_the_scale_brings_nearer() {
    use ServiceDeploymentLifecycleStage::{BakeTime, ProductionTrafficShift, ScaleUp};
    let cases = [
        (ProductionTrafficShift, LifecycleStage::ProductionTrafficShift, 10.0, 1, Some((1600, "the next step"))),
        (ProductionTrafficShift, LifecycleStage::ProductionTrafficShift, 10.0, 60, Some((1010, "the next step"))),
        (ProductionTrafficShift, LifecycleStage::ProductionTrafficShift, 100.0, 1, None),
        (BakeTime, LifecycleStage::BakeTime, 100.0, 60, Some((1020, "the old version leaves"))),
        (ScaleUp, LifecycleStage::ScaleUp, 0.0, 1, None),
    ];
    for (told, stage, share, scale, expected) in cases {
        let entered = Entered { stage, at: at(BEGUN) };
        let limit = present(&deployment(told, share), entered, &[], scale).limit;
        let told = limit.as_ref().map(|limit| (limit.at.unix_timestamp(), limit.then.as_str()));
        assert_eq!(told, expected, "{stage:?} at scale {scale}");
    }
}

#[test]
fn an_open_hook_ends_a_stage_before_anything_else_does() {
    let hook = |expires_at, waits_for: Option<&str>| HookView {
        id: "h".into(),
        kind: HookKind::Pause,
        stage: None,
        status: "AWAITING_ACTION".into(),
        waits_for: waits_for.map(ToOwned::to_owned),
        expires_at: Some(at(expires_at)),
        on_timeout: "ROLLBACK".into(),
    };
    let hooks = [hook(1500, Some("you")), hook(1400, Some("you")), hook(1100, None)];
    let entered = Entered { stage: LifecycleStage::PostTestTrafficShift, at: at(BEGUN) };
    let deployment = deployment(ServiceDeploymentLifecycleStage::PostTestTrafficShift, 0.0);
    let limit = present(&deployment, entered, &hooks, 1).limit.expect("a hook is open");
    assert_eq!((limit.at, limit.then.as_str()), (at(1400), "it is rolled back"));
}

#[test]
fn a_strategy_has_ecs_defaults_for_what_is_left_out() {
    let of = |strategy: DeploymentStrategy| {
        let strategy = super::strategy(&DeploymentConfiguration::builder().strategy(strategy).build());
        (
            strategy.as_str(),
            strategy.shares().first().map(|share| share.as_percent()),
            strategy.step_bake_time().as_secs(),
        )
    };
    assert_eq!(of(DeploymentStrategy::Rolling), ("ROLLING", Some(100.0), 0));
    assert_eq!(of(DeploymentStrategy::BlueGreen), ("BLUE_GREEN", Some(100.0), 0));
    assert_eq!(of(DeploymentStrategy::Canary), ("CANARY", Some(5.0), 600));
    assert_eq!(of(DeploymentStrategy::Linear), ("LINEAR", Some(10.0), 360));
    let linear = LinearConfiguration::builder().step_percent(30.0).step_bake_time_in_minutes(2).build();
    let configuration =
        DeploymentConfiguration::builder().strategy(DeploymentStrategy::Linear).linear_configuration(linear).build();
    assert_eq!(super::strategy(&configuration).shares().len(), 4);
}
