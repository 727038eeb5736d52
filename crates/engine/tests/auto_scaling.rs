//! Application Auto Scaling through the engine's tables: alarms fire, desired counts follow, and all of it is kept over a restart.

mod common;
mod fixtures;

use std::time::Duration;

use common::{World, wait};
use fixtures::{cluster_and_service, service};
use seatrial_cloudwatch::alarm::{Actions, MetricAlarmSpec};
use seatrial_cloudwatch::metric::{DatumSpec, DimensionSpec};
use seatrial_cloudwatch::{AlarmName, Datum, MetricAlarm, Namespace, StateValue};
use seatrial_engine::auto_scaling::configuration::{StepConfiguration, TargetTrackingConfiguration};
use seatrial_engine::auto_scaling::policy::{StepPolicy, TrackingPolicy};
use seatrial_engine::auto_scaling::targets::{Registration, SuspendedChange};
use seatrial_engine::auto_scaling::{
    ActivityStatus, PolicyKind, ScalableResource, ScalingActivity, activity, policies, targets,
};
use seatrial_engine::cloudwatch::alarms;
use seatrial_engine::services::{self, ForceDelete, ForceNewDeployment, ServiceChange};
use seatrial_engine::state::Tags;
use seatrial_model::load_balancing::TargetHealth;
use seatrial_ports::balancer::{TargetConfig, TargetIntent};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

fn web() -> ScalableResource {
    ScalableResource::parse("ecs", "service/c/web", "ecs:service:DesiredCount").expect("a service")
}

fn register(world: &World, min: u32, max: u32) -> String {
    let registration = Registration { min: Some(min), max: Some(max), ..Registration::default() };
    world.run(|tx| targets::register(tx, &web(), registration))
}

fn suspend(world: &World, suspended: SuspendedChange) {
    world.run(|tx| targets::register(tx, &web(), Registration { suspended, ..Registration::default() }));
}

fn tracking(metric: &str, target: f64, more: Value) -> PolicyKind {
    let mut document = json!({
        "TargetValue": target,
        "PredefinedMetricSpecification": { "PredefinedMetricType": metric },
    });
    document.as_object_mut().expect("an object").extend(fixtures::object(more));
    let configuration: TargetTrackingConfiguration = serde_json::from_value(document).expect("of the shape");
    PolicyKind::TargetTracking(Box::new(TrackingPolicy::parse(configuration).expect("a policy")))
}

fn cpu(target: f64) -> PolicyKind {
    tracking("ECSServiceAverageCPUUtilization", target, json!({}))
}

fn memory(target: f64) -> PolicyKind {
    tracking("ECSServiceAverageMemoryUtilization", target, json!({}))
}

fn put(world: &World, name: &str, kind: PolicyKind) {
    world.run(|tx| policies::put(tx, &web(), name, Some(kind)));
}

fn desired(world: &World) -> u32 {
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| state.service(&cluster, &name).expect("the service").desired_count)
}

/// The newest first.
fn activities(world: &World) -> Vec<ScalingActivity> {
    world.engine.read(|state| activity::newest_first(state).map(|(_, activity)| activity.clone()).collect())
}

/// The newest first.
fn events(world: &World) -> Vec<String> {
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| {
        let service = state.service(&cluster, &name).expect("the service");
        service.events.iter().map(|event| event.message.clone()).collect()
    })
}

/// The states of the alarms whose names have a part, in the order of their names.
fn alarm_states(world: &World, part: &str) -> Vec<StateValue> {
    world.engine.read(|state| {
        let named = state.alarms.values().filter(|alarm| alarm.name().as_str().contains(part));
        named.map(|alarm| alarm.state().value).collect()
    })
}

/// Lets minutes pass in each of which a metric of the service has a value, and alarms are evaluated at the end of each.
fn minutes(world: &World, count: usize, values: &[(&str, f64)]) {
    for _ in 0..count {
        for (metric, value) in values {
            let dimension = |name: &str, value: &str| DimensionSpec { name: name.to_owned(), value: value.to_owned() };
            let spec = DatumSpec {
                metric_name: (*metric).to_owned(),
                dimensions: vec![dimension("ClusterName", "c"), dimension("ServiceName", "web")],
                value: Some(*value),
                unit: Some("Percent".to_owned()),
                ..DatumSpec::default()
            };
            let namespace = Namespace::parse("AWS/ECS").expect("a namespace");
            let datum = Datum::parse(&namespace, &spec, world.engine.now()).expect("a datum");
            world.engine.put_metric_data(&[datum]).expect("there is room");
        }
        world.clock.advance(MINUTE);
        world.run(|_| Ok(()));
        let now = world.engine.now();
        wait("an evaluation", || {
            world.engine.read_monitoring(|monitoring| monitoring.alarms().next_due().is_none_or(|at| at > now))
        });
    }
}

/// Makes every task that was ordered run, and every target of theirs healthy.
fn bring_up(world: &World, group: &str, count: usize) {
    wait("tasks to be started", || world.runtime.started().len() >= count);
    for task in world.runtime.started() {
        world.runtime.report_running(&task, world.engine.now());
    }
    let targets = || -> Vec<TargetConfig> {
        let targets = world.balancer.group(group).map(|group| group.targets).unwrap_or_default();
        targets.into_iter().filter(|target| target.intent == TargetIntent::Registered).collect()
    };
    wait("targets", || targets().len() >= count);
    for target in targets() {
        world.balancer.report_health(group, target.id, TargetHealth::healthy());
    }
}

fn is_deploying(world: &World) -> bool {
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| {
        let service = state.service(&cluster, &name).expect("the service");
        service.controller.service_deployment().is_some_and(|deployment| !deployment.status.is_terminal())
    })
}

/// A service with one task, deployed.
fn deployed(world: &World) -> String {
    let group = service(world);
    bring_up(world, &group, 1);
    wait("the deployment to end", || !is_deploying(world));
    group
}

#[test]
fn three_minutes_above_the_target_scale_out_in_proportion() {
    let world = World::new();
    let _driver = world.drive();
    let group = deployed(&world);
    register(&world, 1, 10);
    put(&world, "cpu", cpu(70.0));
    minutes(&world, 2, &[("CPUUtilization", 140.0)]);
    assert_eq!(desired(&world), 1, "two are not three");
    minutes(&world, 1, &[("CPUUtilization", 150.0)]);
    assert_eq!(desired(&world), 3, "150 / 70, rounded up");
    let told = &activities(&world)[0];
    assert_eq!(told.description, "Setting desired count to 3.");
    assert!(told.cause.starts_with("monitor alarm TargetTracking-service/c/web-AlarmHigh-"), "{}", told.cause);
    assert!(told.cause.ends_with(" in state ALARM triggered policy cpu"), "{}", told.cause);
    assert_eq!((told.status, told.ended_at), (ActivityStatus::InProgress, None));
    let event = events(&world).into_iter().find(|event| event.contains("desired count")).expect("an event");
    let wanted = format!(
        "Message: Successfully set desired count to 3. Waiting for change to be fulfilled by ecs. Cause: {}",
        told.cause
    );
    assert_eq!(event, wanted);

    bring_up(&world, &group, 3);
    wait("the activity to end", || activities(&world)[0].status == ActivityStatus::Successful);
    let message = activities(&world)[0].status_message.clone().expect("a message");
    assert_eq!(message, "Successfully set desired count to 3. Change successfully fulfilled by ecs.");

    // What was added counts as part of what is asked for, until five minutes have passed.
    minutes(&world, 1, &[("CPUUtilization", 150.0)]);
    assert_eq!(desired(&world), 3);
    minutes(&world, 1, &[("CPUUtilization", 300.0)]);
    assert_eq!(desired(&world), 5, "1 × 300 / 70");
    minutes(&world, 5, &[("CPUUtilization", 75.0)]);
    assert_eq!(desired(&world), 6, "5 × 75 / 70, cooled down");
    minutes(&world, 5, &[("CPUUtilization", 700.0)]);
    assert_eq!(desired(&world), 10, "the maximum");
    let note = activities(&world).into_iter().find(|activity| activity.not_scaled.is_some()).expect("a note");
    assert_eq!(note.not_scaled.expect("just seen").max, Some(10));
}

#[test]
fn fifteen_minutes_below_nine_tenths_scale_in_and_missing_data_do_not() {
    let world = World::new();
    let _driver = world.drive();
    deployed(&world);
    register(&world, 4, 10);
    assert_eq!(desired(&world), 4, "what is below the minimum is raised to it");
    assert_eq!(activities(&world)[0].cause, "minimum capacity was set to 4");
    bring_up(&world, &world.engine.read(|state| state.target_groups.keys().next().expect("a group").clone()), 4);
    register(&world, 1, 10);
    put(&world, "cpu", cpu(70.0));
    minutes(&world, 20, &[]);
    assert_eq!((desired(&world), alarm_states(&world, "AlarmLow")), (4, vec![StateValue::InsufficientData]));
    minutes(&world, 14, &[("CPUUtilization", 30.0)]);
    assert_eq!(desired(&world), 4);
    minutes(&world, 4, &[]);
    assert_eq!(desired(&world), 4, "nothing is decided by data that are old");
    minutes(&world, 15, &[("CPUUtilization", 64.0)]);
    assert_eq!(desired(&world), 4, "64 is not below 63");
    minutes(&world, 1, &[("CPUUtilization", 40.0)]);
    minutes(&world, 14, &[("CPUUtilization", 20.0)]);
    assert_eq!(desired(&world), 3, "4 × 40 / 70: the highest of the fifteen decides");
    minutes(&world, 4, &[("CPUUtilization", 20.0)]);
    assert_eq!(desired(&world), 3, "cooling");
    minutes(&world, 1, &[("CPUUtilization", 20.0)]);
    assert_eq!(desired(&world), 1, "3 × 20 / 70");
    assert_eq!(activities(&world)[0].description, "Setting desired count to 1.");
}

#[test]
fn several_policies_scale_in_only_together_and_a_deployment_holds_it_up() {
    let world = World::new();
    let _driver = world.drive();
    let group = deployed(&world);
    register(&world, 4, 10);
    bring_up(&world, &group, 4);
    register(&world, 1, 10);
    put(&world, "cpu", cpu(70.0));
    put(&world, "memory", memory(80.0));
    put(&world, "only-out", tracking("ECSServiceAverageMemoryUtilization", 99.0, json!({"DisableScaleIn": true})));
    minutes(&world, 20, &[("CPUUtilization", 5.0)]);
    assert_eq!(desired(&world), 4, "nothing is known of the memory");
    minutes(&world, 14, &[("CPUUtilization", 5.0), ("MemoryUtilization", 40.0)]);

    let (cluster, name) = cluster_and_service();
    let again = ServiceChange { force_new_deployment: ForceNewDeployment::Yes, ..ServiceChange::default() };
    world.run(|tx| services::update(tx, &cluster, &name, again));
    minutes(&world, 3, &[("CPUUtilization", 5.0), ("MemoryUtilization", 40.0)]);
    assert_eq!((desired(&world), is_deploying(&world)), (4, true));
    let note = activities(&world)[0].not_scaled.clone().expect("it says why");
    assert_eq!(note.code, "TargetServicePutResourceAsUnscalable");
    minutes(&world, 3, &[("CPUUtilization", 100.0), ("MemoryUtilization", 40.0)]);
    assert_eq!(desired(&world), 6, "scaling out goes on");
}

#[test]
fn several_policies_that_agree_leave_the_larger_count() {
    let world = World::new();
    let _driver = world.drive();
    let group = deployed(&world);
    register(&world, 4, 10);
    bring_up(&world, &group, 4);
    register(&world, 1, 10);
    put(&world, "cpu", cpu(70.0));
    put(&world, "memory", memory(80.0));
    suspend(&world, SuspendedChange { scale_in: Some(true), ..SuspendedChange::default() });
    minutes(&world, 18, &[("CPUUtilization", 5.0), ("MemoryUtilization", 40.0)]);
    assert_eq!(desired(&world), 4, "scaling in is suspended");
    suspend(&world, SuspendedChange { scale_in: Some(false), ..SuspendedChange::default() });
    minutes(&world, 1, &[("CPUUtilization", 5.0), ("MemoryUtilization", 40.0)]);
    assert_eq!(desired(&world), 2, "4 × 40 / 80, not 4 × 5 / 70");
}

#[test]
fn everything_is_as_it_was_after_a_restart() {
    let mut world = World::new();
    let driver = world.drive();
    let group = deployed(&world);
    let arn = register(&world, 1, 10);
    put(&world, "cpu", cpu(70.0));
    minutes(&world, 3, &[("CPUUtilization", 140.0)]);
    assert_eq!(desired(&world), 2);
    bring_up(&world, &group, 2);
    wait("the activity to end", || activities(&world)[0].status == ActivityStatus::Successful);
    let tables = ["scalable_targets", "scaling_policies", "scaling_activities"];
    let before = world.records(&tables);
    drop(driver);
    world.restart();
    assert_eq!(world.records(&tables), before);
    let _driver = world.drive();
    assert_eq!(world.engine.read(|state| targets::find(state, &web()).expect("a target").arn.clone()), arn);
    minutes(&world, 3, &[("CPUUtilization", 140.0)]);
    assert_eq!(desired(&world), 2, "the cool-down still counts from one task");
    minutes(&world, 3, &[("CPUUtilization", 140.0)]);
    assert_eq!(desired(&world), 4);
}

#[test]
fn alarms_come_and_go_with_their_policy() {
    let world = World::new();
    let _driver = world.drive();
    deployed(&world);
    let refused = |kind| world.refusal(|tx| policies::put(tx, &web(), "cpu", kind));
    let (code, message) = refused(Some(cpu(70.0)));
    assert_eq!(code, "ObjectNotFoundException");
    assert_eq!(
        message,
        "No scalable target registered for service namespace: ecs, resource ID: service/c/web, scalable dimension: ecs:service:DesiredCount"
    );
    let arn = register(&world, 1, 10);
    let names = || world.engine.read(|state| state.alarms.keys().cloned().collect::<Vec<_>>());
    put(&world, "cpu", cpu(70.0));
    let both = names();
    assert_eq!(both.len(), 2, "{both:?}");
    put(&world, "cpu", cpu(50.0));
    assert_eq!(names(), both, "a policy that is changed keeps its alarms");
    let low = world.engine.read(|state| state.alarms.get(&both[1]).expect("the low one").definition().clone());
    let seatrial_cloudwatch::Definition::Metric(low) = low else { panic!("a metric alarm") };
    assert_eq!((low.threshold(), low.evaluation_periods()), (45.0, 15));
    put(&world, "cpu", tracking("ECSServiceAverageCPUUtilization", 50.0, json!({"DisableScaleIn": true})));
    assert_eq!(names(), both[..1]);
    put(&world, "cpu", cpu(50.0));
    assert_eq!(names().len(), 2);
    world.run(|tx| policies::delete(tx, &web(), "cpu"));
    assert_eq!(names(), Vec::<String>::new());
    assert_eq!(world.refusal(|tx| policies::delete(tx, &web(), "cpu")).0, "ObjectNotFoundException");

    put(&world, "cpu", cpu(50.0));
    world.run(|tx| seatrial_engine::tags::set(tx, &arn, fixtures::tags(&[("team", "web")])));
    let (cluster, name) = cluster_and_service();
    world.run(|tx| services::delete(tx, &cluster, &name, ForceDelete::Yes));
    let left = world.engine.read(|state| {
        (state.alarms.len(), state.scaling_policies.len(), state.scalable_targets.len(), state.tags.contains(&arn))
    });
    assert_eq!(left, (0, 0, 0, false), "a service that is deleted is not scaled");
}

#[test]
fn a_step_policy_is_invoked_by_whatever_alarm_names_it() {
    let world = World::new();
    let _driver = world.drive();
    deployed(&world);
    register(&world, 1, 10);
    let configuration: StepConfiguration = serde_json::from_value(json!({
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 120,
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 3},
        ],
    }))
    .expect("of the shape");
    put(&world, "steps", PolicyKind::Step(StepPolicy::parse(configuration).expect("a policy")));
    let arn = world.engine.read(|state| state.scaling_policies.values().next().expect("the policy").arn.clone());
    let alarm = MetricAlarm::parse(MetricAlarmSpec {
        alarm_name: "busy".to_owned(),
        actions: Actions { enabled: true, alarm: vec![arn], ..Actions::default() },
        namespace: Some("AWS/ECS".to_owned()),
        metric_name: Some("CPUUtilization".to_owned()),
        dimensions: [("ClusterName", "c"), ("ServiceName", "web")]
            .map(|(name, value)| DimensionSpec { name: name.to_owned(), value: value.to_owned() })
            .to_vec(),
        statistic: Some("Average".to_owned()),
        period: Some(60),
        evaluation_periods: Some(1),
        threshold: Some(60.0),
        comparison_operator: Some("GreaterThanOrEqualToThreshold".to_owned()),
        ..MetricAlarmSpec::default()
    });
    world.run(|tx| alarms::put_metric(tx, alarm.expect("an alarm"), Tags::new()));
    minutes(&world, 1, &[("CPUUtilization", 60.0)]);
    assert_eq!(desired(&world), 2, "at the threshold the first step begins");
    minutes(&world, 1, &[("CPUUtilization", 85.0)]);
    assert_eq!(desired(&world), 4, "three more than the one before, of which one is there");
    minutes(&world, 1, &[("CPUUtilization", 10.0)]);
    minutes(&world, 2, &[("CPUUtilization", 70.0)]);
    assert_eq!(desired(&world), 5);
    let history = world.engine.read_monitoring(|monitoring| {
        let name = AlarmName::parse("busy").expect("a name");
        monitoring.alarms().history(&name).map(|item| item.summary.clone()).collect::<Vec<_>>().join("\n")
    });
    assert!(history.contains("Successfully executed action arn:aws:autoscaling:"), "{history}");
}
