//! Alarms through the engine's tables: evaluated by the driver, watched by deployments, kept over a restart.

mod common;
mod fixtures;

use std::time::Duration;

use common::{World, wait};
use fixtures::{balancer, cluster_and_service, fixed, forward, group, listener, object, rule, service, tags, weighted};
use seatrial_cloudwatch::alarm::{Actions, CompositeAlarmSpec, HistoryItemType, MetricAlarmSpec};
use seatrial_cloudwatch::metric::DatumSpec;
use seatrial_cloudwatch::{AlarmName, AlarmState, CompositeAlarm, Datum, MetricAlarm, Namespace, StateValue};
use seatrial_controller::MonitorStatus;
use seatrial_engine::cloudwatch::alarms;
use seatrial_engine::services::{self, ForceNewDeployment, ServiceChange};
use seatrial_engine::state::{Document, ServiceLoadBalancer, Tags};
use seatrial_engine::{ServiceDeployment, ServiceDeploymentStatus, clusters, task_definitions};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{ContainerName, TargetGroupArn};
use seatrial_ports::balancer::TargetIntent;
use serde_json::{Value, json};

/// Long enough for the period in which data were put to be over.
const TWO_PERIODS: Duration = Duration::from_secs(120);

/// More than five errors in a minute.
fn errors_spec() -> MetricAlarmSpec {
    MetricAlarmSpec {
        alarm_name: "errors".to_owned(),
        namespace: Some("Web".to_owned()),
        metric_name: Some("Errors".to_owned()),
        statistic: Some("Sum".to_owned()),
        period: Some(60),
        evaluation_periods: Some(1),
        threshold: Some(5.0),
        comparison_operator: Some("GreaterThanThreshold".to_owned()),
        ..MetricAlarmSpec::default()
    }
}

fn put_alarm(world: &World, spec: MetricAlarmSpec) {
    let alarm = MetricAlarm::parse(spec).expect("an alarm");
    world.run(|tx| alarms::put_metric(tx, alarm, tags(&[("team", "web")])));
}

fn name(text: &str) -> AlarmName {
    AlarmName::parse(text).expect("a name")
}

fn put_errors(world: &World, count: f64) {
    let spec = DatumSpec { metric_name: "Errors".to_owned(), value: Some(count), ..DatumSpec::default() };
    let namespace = Namespace::parse("Web").expect("a namespace");
    let datum = Datum::parse(&namespace, &spec, world.engine.now()).expect("a datum");
    world.engine.put_metric_data(&[datum]).expect("there is room");
}

fn set_state(world: &World, alarm: &str, value: &str) {
    let state = AlarmState::parse(value, "a test", None).expect("a state");
    world.run(|tx| alarms::set_state(tx, &name(alarm), state));
}

fn state(world: &World, alarm: &str) -> Option<StateValue> {
    world.engine.read(|state| state.alarms.get(alarm).map(|alarm| alarm.state().value))
}

fn until_state(world: &World, alarm: &str, value: StateValue) {
    wait(value.as_str(), || state(world, alarm) == Some(value));
}

/// Moves the clock and wakes the driver.
fn pass(world: &World, time: Duration) {
    world.clock.advance(time);
    world.run(|_| Ok(()));
}

fn current(world: &World) -> ServiceDeployment {
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| {
        let service = state.service(&cluster, &name).expect("the service");
        service.controller.service_deployment().expect("it was deployed").clone()
    })
}

fn until_ended(world: &World, status: ServiceDeploymentStatus) {
    wait(status.as_str(), || current(world).status == status);
}

fn bring_up(world: &World, count: usize, group: &str) {
    wait("a task to be started", || world.runtime.started().len() >= count);
    let task = world.runtime.started().remove(count - 1);
    world.runtime.report_running(&task, world.engine.now());
    let waiting = || {
        let group = world.balancer.group(group)?;
        let waits = |target: &&seatrial_ports::balancer::TargetConfig| {
            target.intent == TargetIntent::Registered
                && target.last_health.as_ref().is_none_or(|health| *health != TargetHealth::healthy())
        };
        group.targets.iter().find(waits).map(|target| target.id)
    };
    wait("a target", || waiting().is_some());
    world.balancer.report_health(group, waiting().expect("just seen"), TargetHealth::healthy());
}

fn redeploy(world: &World, configuration: Value) {
    let (cluster, name) = cluster_and_service();
    let change = ServiceChange {
        deployment_configuration: Some(object(configuration)),
        force_new_deployment: ForceNewDeployment::Yes,
        ..ServiceChange::default()
    };
    world.run(|tx| services::update(tx, &cluster, &name, change));
}

fn watching(names: &[&str]) -> Value {
    json!({ "alarms": { "alarmNames": names, "enable": true, "rollback": true } })
}

/// Runs the service `web` behind one target group, or behind a pair when it is to shift traffic; returns the first group it is in.
fn deployed(world: &World) -> String {
    let group = service(world);
    bring_up(world, 1, &group);
    until_ended(world, ServiceDeploymentStatus::Successful);
    group
}

#[test]
fn an_alarm_fires_when_its_data_breach_and_is_ok_again_afterwards() {
    let world = World::new();
    let _driver = world.drive();
    put_alarm(&world, MetricAlarmSpec { treat_missing_data: Some("notBreaching".to_owned()), ..errors_spec() });
    until_state(&world, "errors", StateValue::Ok);
    put_errors(&world, 4.0);
    put_errors(&world, 2.0);
    pass(&world, Duration::from_secs(60));
    until_state(&world, "errors", StateValue::Alarm);
    pass(&world, 2 * TWO_PERIODS);
    until_state(&world, "errors", StateValue::Ok);
    let reason = world.engine.read(|state| state.alarms.get("errors").expect("it is kept").state().reason.clone());
    assert!(reason.starts_with("Threshold Crossed: no datapoints were received for 1 period"), "{reason}");
}

#[test]
fn an_alarm_that_fires_rolls_a_rolling_deployment_back() {
    let world = World::new();
    let _driver = world.drive();
    let group = deployed(&world);
    put_alarm(&world, errors_spec());
    redeploy(&world, watching(&["errors"]));
    bring_up(&world, 2, &group);
    assert_eq!(current(&world).alarms.status, MonitorStatus::Monitoring);
    put_errors(&world, 6.0);
    pass(&world, Duration::from_secs(60));
    until_state(&world, "errors", StateValue::Alarm);
    wait("the rollback", || current(&world).rollback.is_some());
    let deployment = current(&world);
    assert_eq!(deployment.alarms.status, MonitorStatus::Triggered);
    assert_eq!(deployment.alarms.triggered, ["errors"]);
    let reason = deployment.status_reason.or(deployment.rollback.map(|rollback| rollback.reason)).unwrap_or_default();
    assert!(reason.contains("alarms were triggered: [errors]"), "{reason}");
}

#[test]
fn a_composite_alarm_forced_into_alarm_takes_a_blue_green_deployment_back_in_the_same_transaction() {
    let world = World::new();
    let _driver = world.drive();
    let (blue, green) = shifting(&world);
    put_alarm(&world, errors_spec());
    let spec = CompositeAlarmSpec {
        alarm_name: "bad".to_owned(),
        alarm_rule: "ALARM(errors) OR ALARM(\"errors\")".to_owned(),
        ..CompositeAlarmSpec::default()
    };
    let composite = CompositeAlarm::parse(spec).expect("a composite alarm");
    world.run(|tx| alarms::put_composite(tx, composite, Tags::new()));
    assert_eq!(state(&world, "bad"), Some(StateValue::Ok));

    redeploy(
        &world,
        json!({ "bakeTimeInMinutes": 5, "alarms": { "alarmNames": ["bad"], "enable": true, "rollback": true } }),
    );
    bring_up(&world, 2, &blue);
    wait("the shift", || share(&world, &blue) == 100);
    set_state(&world, "errors", "ALARM");
    assert_eq!(state(&world, "bad"), Some(StateValue::Alarm));
    assert_eq!(share(&world, &green), 100, "traffic is back");
    assert_eq!(current(&world).alarms.triggered, ["bad"]);
}

#[test]
fn an_alarm_that_fires_at_the_start_is_not_watched() {
    let world = World::new();
    let _driver = world.drive();
    let group = deployed(&world);
    put_alarm(&world, errors_spec());
    put_alarm(&world, MetricAlarmSpec { alarm_name: "other".to_owned(), ..errors_spec() });
    set_state(&world, "errors", "ALARM");
    redeploy(&world, watching(&["other", "errors"]));
    assert_eq!(current(&world).alarms.status, MonitorStatus::Disabled);
    bring_up(&world, 2, &group);
    set_state(&world, "other", "ALARM");
    assert!(current(&world).rollback.is_none());
    assert_eq!(current(&world).status, ServiceDeploymentStatus::InProgress);
}

#[test]
fn alarms_survive_a_restart_and_keep_their_state_until_there_can_be_data() {
    let mut world = World::new();
    let driver = world.drive();
    put_alarm(
        &world,
        MetricAlarmSpec {
            treat_missing_data: Some("breaching".to_owned()),
            evaluation_periods: Some(3),
            actions: Actions {
                alarm: vec!["arn:aws:sns:us-east-1:123456789012:pager".to_owned()],
                ..Actions::default()
            },
            ..errors_spec()
        },
    );
    until_state(&world, "errors", StateValue::Alarm);
    let history = |world: &World| -> Vec<_> {
        world.engine.read_monitoring(|monitoring| {
            monitoring.alarms().history(&name("errors")).map(|item| item.item_type).collect()
        })
    };
    let expected = [HistoryItemType::ConfigurationUpdate, HistoryItemType::StateUpdate, HistoryItemType::Action];
    assert_eq!(history(&world), expected);
    set_state(&world, "errors", "OK");

    drop(driver);
    world.restart();
    let _driver = world.drive();
    assert_eq!(state(&world, "errors"), Some(StateValue::Ok));
    assert_eq!(history(&world).len(), 4);
    let tags = world.engine.read(|state| state.tags.values().next().cloned());
    assert_eq!(tags, Some(fixtures::tags(&[("team", "web")])));
    pass(&world, Duration::from_secs(179));
    assert_eq!(state(&world, "errors"), Some(StateValue::Ok));
    pass(&world, Duration::from_secs(1));
    until_state(&world, "errors", StateValue::Alarm);
    world.run(|tx| alarms::delete(tx, &[name("errors"), name("nobody")]));
    assert_eq!(world.records(&["alarms", "tags"]), Vec::<String>::new());
}

#[test]
fn an_alarm_that_cannot_be_stored_is_as_it_was() {
    let world = World::new();
    put_alarm(&world, errors_spec());
    world.journal.set_room(Some(0));
    let state = AlarmState::parse("ALARM", "a test", None).expect("a state");
    let refused = world.refusal(|tx| alarms::set_state(tx, &name("errors"), state));
    assert_eq!(refused.0, "ServerException");
    let known = world
        .engine
        .read_monitoring(|monitoring| monitoring.alarms().get(&name("errors")).map(|alarm| alarm.state().value));
    assert_eq!(known, Some(StateValue::InsufficientData));
    world.journal.set_room(None);
    set_state(&world, "errors", "ALARM");
    let refused = world.refusal(|tx| {
        let state = AlarmState::parse("OK", "a test", None).expect("a state");
        alarms::set_state(tx, &name("nobody"), state)
    });
    assert_eq!(refused.0, "ResourceNotFound");
}

#[test]
fn a_rolling_deployment_with_alarms_bakes_as_long_as_they_look_back() {
    let world = World::with_scale(60);
    let _driver = world.drive();
    let _group = deployed(&world);
    put_alarm(&world, MetricAlarmSpec { evaluation_periods: Some(3), ..errors_spec() });
    redeploy(&world, watching(&["errors", "not there yet"]));
    assert_eq!(current(&world).bake_time, Duration::from_secs(3));
    put_alarm(&world, MetricAlarmSpec { evaluation_periods: Some(30), ..errors_spec() });
    redeploy(&world, watching(&["errors"]));
    assert_eq!(current(&world).bake_time, Duration::from_secs(5));
    redeploy(&world, json!({ "bakeTimeInMinutes": 0 }));
    assert_eq!(current(&world).bake_time, Duration::ZERO);
    redeploy(&world, watching(&["errors"]));
    assert_eq!(current(&world).bake_time, Duration::ZERO, "the default does not come back");
}

/// Runs the service `web` BLUE_GREEN, in its second target group; returns both groups.
fn shifting(world: &World) -> (String, String) {
    let load_balancer = balancer(world, "web");
    let (blue, green) = (group(world, "blue"), group(world, "green"));
    let listener = listener(world, &load_balancer, 8080, fixed(404));
    let production = rule(world, &listener, 10, weighted(&[(&blue, 1), (&green, 0)], None));
    let test = rule(world, &listener, 5, forward(&green));
    let advanced = json!({ "advancedConfiguration": {
        "alternateTargetGroupArn": green,
        "productionListenerRule": production,
        "testListenerRule": test,
        "roleArn": "arn:aws:iam::123456789012:role/ecs",
    }});
    let change = ServiceChange {
        task_definition: Some("web".to_owned()),
        desired_count: Some(1),
        deployment_configuration: Some(object(json!({ "strategy": "BLUE_GREEN" }))),
        load_balancers: Some(vec![ServiceLoadBalancer {
            target_group: TargetGroupArn::new(blue.clone()),
            container_name: ContainerName::parse("app").expect("a name"),
            container_port: 8080,
            document: object(advanced),
        }]),
        ..ServiceChange::default()
    };
    let (cluster, name) = cluster_and_service();
    let container =
        json!({"name": "app", "image": "app", "command": ["app"], "portMappings": [{"containerPort": 8080}]});
    world.run(|tx| {
        clusters::create(tx, cluster.clone(), Document::new())?;
        task_definitions::register(
            tx,
            object(json!({"family": "web", "memory": "512", "containerDefinitions": [container]})),
        )?;
        services::create(tx, &cluster, &name, change, None, Tags::new())
    });
    bring_up(world, 1, &green);
    until_ended(world, ServiceDeploymentStatus::Successful);
    (blue, green)
}

/// Returns the weight of a target group in the production rule.
fn share(world: &World, group: &str) -> u32 {
    use seatrial_model::load_balancing::Action;
    let config = world.balancer.config();
    // Lowest priority number first: the test rule, then the production rule.
    match config.listeners.first().and_then(|listener| listener.rules.last()).map(|rule| rule.action.clone()) {
        Some(Action::Forward(forward)) => {
            let mut groups = forward.target_groups.into_iter();
            groups.find(|known| known.target_group.as_str() == group).map_or(0, |known| known.weight)
        }
        other => panic!("the rule forwards: {other:?}"),
    }
}
