//! Deployments that shift traffic, through the engine's tables: weights in the data plane, rules that somebody changes, hooks over a
//! restart, and everything that is refused.

mod common;
mod fixtures;

use std::time::Duration;

use common::{World, wait};
use fixtures::{any_path, balancer, cluster_and_service, fixed, forward, group, listener, object, rule, weighted};
use seatrial_engine::load_balancing::rules::{self, RuleChange};
use seatrial_engine::services::{self, ForceNewDeployment, ServiceChange};
use seatrial_engine::state::{Document, ServiceLoadBalancer, Tags};
use seatrial_engine::{
    PauseAction, ServiceDeployment, ServiceDeploymentStatus, StopType, clusters, service_deployments, tags,
    task_definitions,
};
use seatrial_model::load_balancing::{Action, TargetHealth};
use seatrial_model::{ContainerName, HookId, LifecycleStage, SHIFT_BACK_TAG, ServiceDeploymentId, TargetGroupArn};
use seatrial_ports::balancer::TargetIntent;
use serde_json::{Value, json};

/// A load balancer with a pair of target groups, a production rule and a test rule.
struct Site {
    blue: String,
    green: String,
    production: String,
    test: String,
    listener: String,
}

fn site(world: &World) -> Site {
    let load_balancer = balancer(world, "web");
    let (blue, green) = (group(world, "blue"), group(world, "green"));
    let listener = listener(world, &load_balancer, 8080, fixed(404));
    let production = rule(world, &listener, 10, weighted(&[(&blue, 1), (&green, 0)], Some(Duration::from_secs(60))));
    let test = rule(world, &listener, 5, forward(&green));
    Site { blue, green, production, test, listener }
}

fn attachment(target_group: &str, advanced: Option<Value>) -> ServiceLoadBalancer {
    ServiceLoadBalancer {
        target_group: TargetGroupArn::new(target_group),
        container_name: ContainerName::parse("app").expect("a name"),
        container_port: 8080,
        document: advanced.map(|advanced| object(json!({ "advancedConfiguration": advanced }))).unwrap_or_default(),
    }
}

fn advanced(site: &Site) -> Value {
    json!({
        "alternateTargetGroupArn": site.green,
        "productionListenerRule": site.production,
        "testListenerRule": site.test,
        "roleArn": "arn:aws:iam::123456789012:role/ecs",
    })
}

fn change(site: &Site, configuration: Value) -> ServiceChange {
    ServiceChange {
        task_definition: Some("web".to_owned()),
        desired_count: Some(1),
        deployment_configuration: Some(object(configuration)),
        load_balancers: Some(vec![attachment(&site.blue, Some(advanced(site)))]),
        ..ServiceChange::default()
    }
}

fn prepare(world: &World) {
    let (cluster, _) = cluster_and_service();
    let container =
        json!({"name": "app", "image": "app", "command": ["app"], "portMappings": [{"containerPort": 8080}]});
    world.run(|tx| {
        clusters::create(tx, cluster, Document::new())?;
        task_definitions::register(
            tx,
            object(json!({"family": "web", "memory": "512", "containerDefinitions": [container]})),
        )
    });
}

fn create(world: &World, change: ServiceChange) {
    let (cluster, name) = cluster_and_service();
    world.run(|tx| services::create(tx, &cluster, &name, change, None, Tags::new()));
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

/// Makes the `count`th task run and pass its checks in a target group.
fn bring_up(world: &World, count: usize, group: &str) {
    wait("a task to be started", || world.runtime.started().len() >= count);
    let task = world.runtime.started().remove(count - 1);
    world.runtime.report_running(&task, world.engine.now());
    let registered = || {
        let group = world.balancer.group(group)?;
        group.targets.iter().find(|target| target.intent == TargetIntent::Registered).map(|target| target.id)
    };
    wait("a target", || registered().is_some());
    world.balancer.report_health(group, registered().expect("just seen"), TargetHealth::healthy());
}

/// Ends the tasks that were ordered to stop.
fn take_down(world: &World, count: usize, group: &str) {
    let draining = || {
        let group = world.balancer.group(group)?;
        group.targets.iter().find(|target| target.intent == TargetIntent::Draining).map(|target| target.id)
    };
    wait("a draining target", || draining().is_some());
    world.balancer.report_drained(group, draining().expect("just seen"));
    let task = world.runtime.started().remove(count - 1);
    wait("the task to be signalled", || {
        world
            .runtime
            .orders()
            .iter()
            .any(|order| matches!(order, common::RuntimeOrder::Stop(stopped) if *stopped == task))
    });
    world.runtime.report_stopped(&task, world.engine.now(), None);
}

/// Returns the weights of a rule in the data plane.
fn weights(world: &World, rule: &str) -> Vec<(String, u32)> {
    let config = world.balancer.config();
    let rules = config.listeners.iter().flat_map(|listener| &listener.rules);
    let action = rules.into_iter().find(|known| known.arn == rule).map(|rule| rule.action.clone());
    match action {
        Some(Action::Forward(forward)) => {
            let weights = forward.target_groups.into_iter();
            weights.map(|group| (group.target_group.as_str().to_owned(), group.weight)).collect()
        }
        other => panic!("the rule forwards: {other:?}"),
    }
}

fn share(world: &World, rule: &str, group: &str) -> u32 {
    weights(world, rule).into_iter().find(|(known, _)| known == group).map_or(0, |(_, weight)| weight)
}

#[test]
fn a_blue_green_deployment_moves_weights_and_keeps_the_rule_otherwise() {
    let world = World::new();
    let site = site(&world);
    prepare(&world);
    let _driver = world.drive();
    create(&world, change(&site, json!({ "strategy": "BLUE_GREEN" })));
    bring_up(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
    assert_eq!(share(&world, &site.production, &site.green), 100);

    redeploy(&world, json!({}));
    bring_up(&world, 2, &site.blue);
    wait("the shift", || share(&world, &site.production, &site.blue) == 100);
    assert_eq!(share(&world, &site.test, &site.blue), 100);
    take_down(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
    let rule = world.engine.read(|state| state.rules.get(&site.production).expect("the rule").clone());
    assert_eq!(rule.conditions, any_path());
    let Action::Forward(forward) = rule.action else { panic!("it forwards") };
    assert_eq!(forward.stickiness, Some(Duration::from_secs(60)));
    let (cluster, name) = cluster_and_service();
    world.engine.read(|state| {
        let resolved = state.service_revisions.values().filter(|revision| revision.service == name);
        let mut resolved: Vec<_> = resolved.map(|revision| revision.resolved[0].arn.as_str().to_owned()).collect();
        resolved.sort();
        let mut expected = vec![site.blue.clone(), site.green.clone()];
        expected.sort();
        assert_eq!(resolved, expected, "target groups alternate");
        assert_eq!(
            state.service(&cluster, &name).expect("the service").load_balancers[0].target_group.as_str(),
            site.blue
        );
    });
}

#[test]
fn a_rule_that_is_modified_during_a_canary_fails_it() {
    let world = World::new();
    let site = site(&world);
    prepare(&world);
    let _driver = world.drive();
    create(&world, change(&site, json!({ "strategy": "BLUE_GREEN" })));
    bring_up(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
    redeploy(&world, json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 2.5 } }));
    bring_up(&world, 2, &site.blue);
    wait("the canary", || share(&world, &site.production, &site.blue) == 25);
    assert_eq!(share(&world, &site.production, &site.green), 975);

    let action = weighted(&[(&site.blue, 1), (&site.green, 1)], None);
    let tampering = RuleChange { conditions: None, action: Some(action) };
    world.run(|tx| rules::modify(tx, &site.production, tampering));
    assert_eq!(share(&world, &site.production, &site.green), 100, "traffic is back in the same transaction");
    take_down(&world, 2, &site.blue);
    until_ended(&world, ServiceDeploymentStatus::RollbackSuccessful);
    let reason = current(&world).status_reason.unwrap_or_default();
    assert!(reason.contains("invalid networking configuration. Listener rule"), "{reason}");
}

#[test]
fn a_function_is_asked_again_after_a_restart_and_a_pause_is_continued_once() {
    let mut world = World::new();
    let site = site(&world);
    prepare(&world);
    let driver = world.drive();
    let hooks = json!([
        { "hookTargetArn": "arn:aws:lambda:us-east-1:123456789012:function:check", "lifecycleStages": ["PRE_SCALE_UP"],
          "hookDetails": { "suite": "smoke" } },
        { "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"], "timeoutConfiguration": { "timeoutInMinutes": 5 } },
    ]);
    create(&world, change(&site, json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": hooks })));
    let asked = world.hooks.invoked().remove(0);
    assert_eq!(asked.attempt, 1);
    assert_eq!(asked.payload["lifecycleStage"], "PRE_SCALE_UP");
    assert_eq!(asked.payload["hookDetails"], json!({ "suite": "smoke" }));
    assert_eq!(asked.payload["executionDetails"]["productionTrafficWeights"], json!({}));
    let arn = asked.payload["resourceArn"].as_str().expect("the service deployment");
    assert!(arn.contains(":service-deployment/c/web/"), "{arn}");

    drop(driver);
    world.restart();
    let _driver = world.drive();
    assert_eq!(world.hooks.invoked(), [asked.clone(), asked.clone()]);
    world.hooks.answer(&asked, json!({ "hookStatus": "SUCCEEDED" }));
    bring_up(&world, 1, &site.green);
    let stage = || current(&world).shift.expect("it shifts traffic").stage;
    wait("the pause", || stage() == LifecycleStage::PostScaleUp);

    let deployment = current(&world);
    let pause = deployment.shift.as_ref().expect("it shifts traffic").runs[0].id.clone();
    let unknown = HookId::parse("ecs-pause-nobody").expect("the form is right");
    let refused =
        world.refusal(|tx| service_deployments::continue_paused(tx, &deployment.id, &unknown, PauseAction::Continue));
    assert!(refused.1.starts_with("Provided hookId is either completed"), "{refused:?}");
    world.run(|tx| service_deployments::continue_paused(tx, &deployment.id, &pause, PauseAction::Continue));
    until_ended(&world, ServiceDeploymentStatus::Successful);
    let refused =
        world.refusal(|tx| service_deployments::continue_paused(tx, &deployment.id, &pause, PauseAction::Continue));
    assert!(refused.1.contains("not allowed for service deployment in terminal states"), "{refused:?}");
}

#[test]
fn what_cannot_work_is_refused_in_ecs_words() {
    let world = World::new();
    let site = site(&world);
    prepare(&world);
    let (cluster, name) = cluster_and_service();
    let refused =
        |change: ServiceChange| world.refusal(|tx| services::create(tx, &cluster, &name, change, None, Tags::new())).1;
    let with_balancers = |load_balancers: Vec<ServiceLoadBalancer>| {
        refused(ServiceChange {
            load_balancers: Some(load_balancers),
            ..change(&site, json!({ "strategy": "CANARY" }))
        })
    };
    let with_advanced = |member: &str, value: Value| {
        let mut advanced = advanced(&site);
        advanced[member] = value;
        with_balancers(vec![attachment(&site.blue, Some(advanced))])
    };
    let with_configuration = |configuration: Value| refused(change(&site, configuration));
    let expected = [
        (with_balancers(vec![attachment(&site.blue, None)]), "advancedConfiguration field is required for all"),
        (
            with_balancers(vec![attachment(&site.blue, Some(advanced(&site))), attachment(&site.green, None)]),
            "Either all or none of the provided loadBalancers must have advancedConfiguration defined",
        ),
        (with_balancers(Vec::new()), "needs a load balancer"),
        (with_advanced("alternateTargetGroupArn", json!(site.blue)), "Duplicate targetGroupArn found:"),
        (
            with_advanced("productionListenerRule", json!("nonsense")),
            "productionListenerRule has an invalid ARN format.",
        ),
        (with_advanced("productionListenerRule", json!(site.listener)), "Network Load Balancers are not implemented"),
        (
            with_advanced("testListenerRule", json!(site.production)),
            "The following rules cannot be used as both production and test listener rules:",
        ),
        (with_configuration(json!({ "strategy": "PURPLE" })), "Invalid deployment strategy: PURPLE"),
        (
            with_configuration(json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 0.05 } })),
            "canaryPercent must be between 0.1 and 100.0",
        ),
        (
            with_configuration(json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 2.9 } })),
            "stepPercent must be between 3.0 and 100.0",
        ),
        (
            with_configuration(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441 })),
            "bakeTimeInMinutes must be a whole number between 0 and 1440",
        ),
        (
            with_configuration(json!({ "strategy": "BLUE_GREEN",
                "lifecycleHooks": [{ "targetType": "LATER", "lifecycleStages": ["PRE_SCALE_UP"] }] })),
            "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE",
        ),
        (
            with_configuration(json!({ "strategy": "BLUE_GREEN",
                "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["TEST_TRAFFIC_SHIFT"] }] })),
            "Invalid lifecycle stage provided for Pause Hook",
        ),
        (
            with_configuration(json!({ "strategy": "BLUE_GREEN", "alarms": { "alarmNames": [], "enable": true } })),
            "At least one alarm name",
        ),
    ];
    for (message, wanted) in expected {
        assert!(message.contains(wanted), "{message:?} has {wanted:?}");
    }
    let single = rule(&world, &site.listener, 20, forward(&site.blue));
    let mut advanced = advanced(&site);
    advanced["productionListenerRule"] = json!(single);
    advanced.as_object_mut().expect("an object").remove("testListenerRule");
    let message = with_balancers(vec![attachment(&site.blue, Some(advanced))]);
    assert!(message.starts_with("For Application LoadBalancer, testListenerRule is required when"), "{message}");
}

#[test]
fn bake_times_are_scaled_with_everything_else_the_engine_waits_for() {
    let world = World::with_scale(60);
    let site = site(&world);
    prepare(&world);
    let _driver = world.drive();
    create(&world, change(&site, json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 })));
    let shift = current(&world).shift.expect("it shifts traffic");
    assert_eq!(shift.bake_time, Duration::from_secs(5));
}

/// A second deployment of a blue/green service, in its bake time, with its tasks' target groups.
fn baking(world: &World, site: &Site) -> seatrial_engine::ServiceDeployment {
    prepare(world);
    create(world, change(site, json!({ "strategy": "BLUE_GREEN" })));
    bring_up(world, 1, &site.green);
    until_ended(world, ServiceDeploymentStatus::Successful);
    redeploy(world, json!({ "bakeTimeInMinutes": 60 }));
    bring_up(world, 2, &site.blue);
    wait("the shift", || share(world, &site.production, &site.blue) == 100);
    let deployment = current(world);
    assert_eq!(deployment.shift.as_ref().map(|shift| shift.stage), Some(LifecycleStage::BakeTime));
    deployment
}

fn tagged(world: &World, value: &str) -> Result<(), (String, String)> {
    let (cluster, name) = cluster_and_service();
    let arn = world.engine.read(|state| state.scope.service(&cluster, &name));
    let given = Tags::from([(SHIFT_BACK_TAG.to_owned(), value.to_owned())]);
    let set = world.engine.transact(|tx| seatrial_engine::tags::set(tx, arn.as_str(), given));
    set.map_err(|error| ("refused".to_owned(), error.to_string()))
}

#[test]
fn a_stop_reads_how_to_go_back_from_the_services_tag_and_goes_on_after_a_restart() {
    let mut world = World::with_scale(2);
    let site = site(&world);
    let driver = world.drive();
    let deployment = baking(&world, &site);
    let (_, refusal) = tagged(&world, "quickly").expect_err("no steps");
    assert!(
        refusal.contains("The tag seatrial:shift-back is wrong: `quickly`") && refusal.contains("25%/30s"),
        "{refusal}"
    );
    tagged(&world, "40%/30s").expect("steps");
    world.run(|tx| service_deployments::stop(tx, &deployment.id, StopType::Rollback));
    assert_eq!(share(&world, &site.production, &site.blue), 60, "the first step is made at once");

    drop(driver);
    world.restart();
    let _driver = world.drive();
    world.clock.advance(Duration::from_secs(14));
    world.engine.transact(|_| Ok::<_, seatrial_engine::Refusal>(())).expect("nothing is asked");
    assert_eq!(share(&world, &site.production, &site.blue), 60);
    world.clock.advance(Duration::from_secs(1));
    wait("the second step", || share(&world, &site.production, &site.blue) == 20);

    world.run(|tx| service_deployments::stop(tx, &deployment.id, StopType::Rollback));
    assert_eq!(share(&world, &site.production, &site.blue), 0, "a second stop gives back what is left");
    take_down(&world, 2, &site.blue);
    until_ended(&world, ServiceDeploymentStatus::RollbackSuccessful);
    let refused = world.refusal(|tx| service_deployments::stop(tx, &deployment.id, StopType::Rollback));
    assert_eq!(refused.0, "ConflictException");
}

#[test]
fn a_service_cannot_be_created_with_a_way_back_that_nobody_can_go() {
    let world = World::new();
    let site = site(&world);
    prepare(&world);
    let (cluster, name) = cluster_and_service();
    let tags = Tags::from([(SHIFT_BACK_TAG.to_owned(), "25%".to_owned())]);
    let change = change(&site, json!({ "strategy": "BLUE_GREEN" }));
    let refused = world.refusal(|tx| services::create(tx, &cluster, &name, change, None, tags));
    assert!(refused.0 == "InvalidParameterException" && refused.1.contains("`25%` is no way back"), "{refused:?}");
}

#[test]
fn a_bake_is_ended_while_there_is_one_and_refused_otherwise() {
    let world = World::new();
    let site = site(&world);
    let _driver = world.drive();
    let deployment = baking(&world, &site);
    world.run(|tx| service_deployments::skip_bake(tx, &deployment.id));
    assert_eq!(current(&world).shift.map(|shift| shift.stage), Some(LifecycleStage::CleanUp));
    let refused = world.refusal(|tx| service_deployments::skip_bake(tx, &deployment.id));
    let code = "InvalidParameterException".to_owned();
    assert_eq!(
        refused,
        (code.clone(), "There is no bake time to end: the service deployment is at CLEAN_UP.".to_owned())
    );
    take_down(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
    let refused = world.refusal(|tx| service_deployments::skip_bake(tx, &deployment.id));
    assert_eq!(refused, (code, "There is no bake time to end: the service deployment is SUCCESSFUL.".to_owned()));
    let nobody = ServiceDeploymentId::from_bits(7);
    let refused = world.refusal(|tx| service_deployments::skip_bake(tx, &nobody));
    assert_eq!(refused.0, "ServiceDeploymentNotFoundException");
}

/// Where the data plane sends copies of a rule's requests, and how many tenths of a percent of them.
fn mirrored(world: &World, rule: &str) -> Option<(String, u16)> {
    let config = world.balancer.config();
    let mut rules = config.listeners.into_iter().flat_map(|listener| listener.rules);
    let mirror = rules.find(|known| known.arn == rule).expect("the rule").mirror?;
    Some((mirror.target_group.as_str().to_owned(), mirror.percent.tenths()))
}

fn tag_mirror(world: &World, value: &str) {
    let service = world.engine.read(|state| {
        let (cluster, name) = cluster_and_service();
        state.scope.service(&cluster, &name)
    });
    world.run(|tx| tags::set(tx, service.as_str(), fixtures::tags(&[("seatrial:mirror", value)])));
}

fn continue_at(world: &World, stage: LifecycleStage) {
    let pause = || {
        let shift = current(world).shift?;
        shift.runs.iter().find(|run| run.status.is_open() && run.stage == stage).map(|run| run.id.clone())
    };
    wait(stage.as_str(), || pause().is_some());
    let (deployment, pause) = (current(world).id, pause().expect("just seen"));
    world.run(|tx| service_deployments::continue_paused(tx, &deployment, &pause, PauseAction::Continue));
}

/// A canary that pauses before and after the test stage and before each step.
fn mirrored_canary() -> Value {
    let stages = ["POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"];
    json!({
        "strategy": "CANARY",
        "canaryConfiguration": { "canaryPercent": 20, "canaryBakeTimeInMinutes": 0 },
        "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": stages }],
    })
}

#[test]
fn requests_are_mirrored_while_a_new_revision_is_tried_and_no_longer() {
    let mut world = World::new();
    let site = site(&world);
    prepare(&world);
    let driver = world.drive();
    create(&world, change(&site, json!({ "strategy": "BLUE_GREEN" })));
    tag_mirror(&world, "12.5");
    bring_up(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
    let config_has_mirror = |config: &seatrial_ports::BalancerConfig| {
        config.listeners.iter().flat_map(|listener| &listener.rules).any(|rule| rule.mirror.is_some())
    };
    assert!(!world.balancer.applied().iter().any(config_has_mirror), "there was nothing to copy from");

    redeploy(&world, mirrored_canary());
    bring_up(&world, 2, &site.blue);
    wait("full size", || current(&world).shift.is_some_and(|shift| shift.stage == LifecycleStage::PostScaleUp));
    assert_eq!(mirrored(&world, &site.production), None, "not before its tasks are looked at");
    continue_at(&world, LifecycleStage::PostScaleUp);
    let expected = Some((site.blue.clone(), 125));
    wait("the mirror", || mirrored(&world, &site.production) == expected);
    assert_eq!(mirrored(&world, &site.test), None);
    tag_mirror(&world, "50");
    drop(driver);
    world.restart();
    let _driver = world.drive();
    assert_eq!(mirrored(&world, &site.production), expected, "as when the deployment began, over a restart too");

    continue_at(&world, LifecycleStage::PostTestTrafficShift);
    continue_at(&world, LifecycleStage::PreProductionTrafficShift);
    wait("the canary", || share(&world, &site.production, &site.blue) == 20);
    assert_eq!(mirrored(&world, &site.production), expected, "a canary's other requests are mirrored on");
    continue_at(&world, LifecycleStage::PreProductionTrafficShift);
    wait("all traffic", || share(&world, &site.production, &site.blue) == 100);
    assert_eq!(mirrored(&world, &site.production), None);
    take_down(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
}

#[test]
fn a_rollback_ends_a_mirror_in_the_same_change() {
    let world = World::new();
    let site = site(&world);
    prepare(&world);
    let _driver = world.drive();
    create(&world, change(&site, json!({ "strategy": "BLUE_GREEN" })));
    bring_up(&world, 1, &site.green);
    until_ended(&world, ServiceDeploymentStatus::Successful);
    tag_mirror(&world, "10");
    redeploy(&world, mirrored_canary());
    bring_up(&world, 2, &site.blue);
    continue_at(&world, LifecycleStage::PostScaleUp);
    wait("the mirror", || mirrored(&world, &site.production) == Some((site.blue.clone(), 100)));
    world.run(|tx| service_deployments::stop(tx, &current_id(tx), StopType::Rollback));
    assert_eq!(mirrored(&world, &site.production), None);
    take_down(&world, 2, &site.blue);
    until_ended(&world, ServiceDeploymentStatus::RollbackSuccessful);
}

fn current_id(tx: &seatrial_engine::Transaction<'_>) -> seatrial_model::ServiceDeploymentId {
    let (cluster, name) = cluster_and_service();
    let service = tx.state.service(&cluster, &name).expect("the service");
    service.controller.service_deployment().expect("it was deployed").id.clone()
}

#[test]
fn a_share_to_mirror_that_means_nothing_is_refused() {
    let world = World::new();
    let site = site(&world);
    prepare(&world);
    let (cluster, name) = cluster_and_service();
    let tags = fixtures::tags(&[("seatrial:mirror", "all")]);
    let change = change(&site, json!({ "strategy": "BLUE_GREEN" }));
    let refused = world.refusal(|tx| services::create(tx, &cluster, &name, change.clone(), None, tags.clone()));
    let message = "The tag seatrial:mirror must be a percentage from 0.1 to 100 in steps of 0.1, such as 10. Got: all";
    assert_eq!(refused, ("InvalidParameterException".to_owned(), message.to_owned()));
    create(&world, change);
    let service = world.engine.read(|state| state.scope.service(&cluster, &name));
    assert_eq!(world.refusal(|tx| tags::set(tx, service.as_str(), tags)).1, message);
}
