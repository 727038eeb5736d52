//! What a service waits for, as DescribeServices and DescribeServiceDeployments say it: an extension of the engine's own.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
#[path = "../../engine/tests/fixtures/mod.rs"]
mod fixtures;
mod support;

use std::sync::Arc;
use std::time::Duration;

use common::{World, wait};
use fixtures::{balancer, fixed, forward, group, listener, rule, weighted};
use seatrial_aws_api::Limits;
use seatrial_aws_api::ecs::Ecs;
use seatrial_aws_wire::Service;
use seatrial_model::load_balancing::TargetHealth;
use seatrial_ports::balancer::TargetIntent;
use seatrial_ports::runtime::{EndCause, TaskEnd};
use serde_json::{Value, json};
use support::{Endpoint, Request};

struct Harbour {
    world: World,
    front: Endpoint,
    _driver: common::Driver,
}

async fn start() -> Harbour {
    let world = World::new();
    let operations = Arc::new(Ecs::new(world.engine.clone()));
    let front = support::start(Limits::default(), vec![(Service::Ecs, operations)]).await;
    let driver = world.drive();
    let it = Harbour { world, front, _driver: driver };
    it.ok("CreateCluster", json!({})).await;
    let container = json!({"name": "app", "image": "i", "portMappings": [{"containerPort": 8080}]});
    it.ok("RegisterTaskDefinition", json!({"family": "web", "memory": "512", "containerDefinitions": [container]}))
        .await;
    it
}

impl Harbour {
    async fn ok(&self, operation: &str, body: Value) -> Value {
        let answer = self.front.send(&Request::json(operation, &body.to_string())).await;
        assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.json());
        answer.json()
    }

    async fn create(&self, members: Value) {
        let mut service = json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 1});
        service.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        self.ok("CreateService", service).await;
    }

    /// Returns what the service waits for, having seen that its deployment says the same.
    async fn waits(&self) -> Vec<Value> {
        loop {
            let before = self.service().await["seatrial:waitingFor"].clone();
            let deployments = self.ok("ListServiceDeployments", json!({"service": "web"})).await;
            let newest = &deployments["serviceDeployments"][0]["serviceDeploymentArn"];
            let described = self.ok("DescribeServiceDeployments", json!({"serviceDeploymentArns": [newest]})).await;
            if self.service().await["seatrial:waitingFor"] != before {
                continue; // The engine went on meanwhile.
            }
            let deployment = &described["serviceDeployments"][0];
            let is_over = !matches!(deployment["status"].as_str(), Some("PENDING" | "IN_PROGRESS"));
            let expected = if is_over { &Value::Null } else { &before };
            assert_eq!(&deployment["seatrial:waitingFor"], expected, "{deployment}");
            return before.as_array().expect("a service says what it waits for").clone();
        }
    }

    async fn service(&self) -> Value {
        self.ok("DescribeServices", json!({"services": ["web"]})).await["services"][0].clone()
    }

    /// Waits until one of the waits begins with these words, and returns it with its times relative to now, in seconds.
    async fn until_waiting(&self, what: &str) -> (Value, f64, Option<f64>) {
        for _ in 0..5000 {
            let waits = self.waits().await;
            let found =
                waits.iter().find(|waiting| waiting["what"].as_str().is_some_and(|text| text.starts_with(what)));
            if let Some(waiting) = found {
                let now = self.world.engine.now().as_epoch_seconds();
                let since = waiting["since"].as_f64().expect("an instant") - now;
                return (waiting.clone(), since, waiting["until"].as_f64().map(|until| until - now));
            }
        }
        panic!("nothing waits for {what:?}: {:?}", self.waits().await);
    }

    /// Makes the newest task run, and healthy in a target group.
    fn bring_up(&self, count: usize, group: &str) {
        let world = &self.world;
        wait("the task to be started", || world.runtime.launches().len() >= count);
        let launch = world.runtime.launches().remove(count - 1);
        world.runtime.report_running(&launch.task, world.engine.now());
        let port = launch.ports[0].host_port;
        let target = || {
            let group = world.balancer.group(group)?;
            let registered = group.targets.into_iter().filter(|target| target.intent == TargetIntent::Registered);
            registered.map(|target| target.id).find(|id| id.port == port)
        };
        wait("its target", || target().is_some());
        world.balancer.report_health(group, target().expect("just seen"), TargetHealth::healthy());
    }

    async fn until_deployed(&self) {
        for _ in 0..5000 {
            let deployments = self.ok("ListServiceDeployments", json!({"service": "web"})).await;
            if deployments["serviceDeployments"][0]["status"] == "SUCCESSFUL" {
                return;
            }
        }
        panic!("not deployed; it waits for {:?}", self.waits().await);
    }
}

fn near(seconds: f64, expected: f64) -> bool {
    (seconds - expected).abs() < 0.01
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_rollout_says_that_its_configuration_allows_no_step() {
    let it = start().await;
    let balancer = balancer(&it.world, "web");
    let group = group(&it.world, "g");
    listener(&it.world, &balancer, 8080, forward(&group));
    let attached = json!([{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]);
    it.create(json!({"loadBalancers": attached})).await;
    let (waiting, _, _) = it.until_waiting("task ").await;
    assert_eq!(waiting["why"], "its containers have not all been started");
    it.bring_up(1, &group);
    it.until_deployed().await;
    assert_eq!(it.waits().await, [] as [Value; 0], "a steady service waits for nothing");

    let stuck = json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
    it.ok("UpdateService", json!({"service": "web", "deploymentConfiguration": stuck, "forceNewDeployment": true}))
        .await;
    let (waiting, since, until) = it.until_waiting("a change of the deployment configuration").await;
    assert_eq!(waiting["why"], "minimumHealthyPercent 100 and maximumPercent 100 allow neither a start nor a stop");
    assert!(near(since, 0.0) && until.is_none(), "{waiting}");
    it.front.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_start_says_until_when() {
    let it = start().await;
    it.create(json!({})).await;
    for failed in 1..=3 {
        wait("the next task", || it.world.runtime.launches().len() >= failed);
        let task = it.world.runtime.launches().remove(failed - 1).task;
        let end = TaskEnd { cause: EndCause::FailedToStart, reason: "CannotStartContainerError: no".to_owned() };
        it.world.runtime.report_stopped(&task, it.world.engine.now(), Some(end));
        let (waiting, since, until) = it.until_waiting("the next start of a task of ecs-svc/").await;
        let why = match failed {
            1 => "its last task failed to start; the wait doubles with each failure".to_owned(),
            _ => format!("{failed} tasks in a row failed; the wait doubles with each"),
        };
        assert_eq!(waiting["why"], why);
        assert!(since <= 0.01 && until.is_some_and(|until| until > 0.0), "{waiting}");
        it.world.clock.advance(Duration::from_secs(60));
        it.world.run(|_| Ok(()));
    }
    it.front.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bake_and_a_pause_say_what_they_are_and_when_they_end() {
    let it = start().await;
    let balancer = balancer(&it.world, "web");
    let (blue, green) = (group(&it.world, "blue"), group(&it.world, "green"));
    let listener = listener(&it.world, &balancer, 8080, fixed(404));
    let production = rule(&it.world, &listener, 10, weighted(&[(&blue, 1), (&green, 0)], None));
    let advanced = json!({
        "alternateTargetGroupArn": green, "productionListenerRule": production,
        "roleArn": "arn:aws:iam::123456789012:role/ecs",
    });
    let attached = json!([{"targetGroupArn": blue, "containerName": "app", "containerPort": 8080, "advancedConfiguration": advanced}]);
    let configuration = json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5});
    it.create(json!({"loadBalancers": attached, "deploymentConfiguration": configuration})).await;
    it.bring_up(1, &green);
    let (waiting, since, until) = it.until_waiting("the bake time to end").await;
    assert_eq!(waiting["why"], "alarms are watched while both revisions could still serve");
    assert!(near(since, 0.0) && until.is_some_and(|until| near(until, 300.0)), "{waiting}");
    it.world.clock.advance(Duration::from_secs(100));
    let (_, since, until) = it.until_waiting("the bake time to end").await;
    assert!(near(since, -100.0) && until.is_some_and(|until| near(until, 200.0)), "since {since}, until {until:?}");
    it.world.clock.advance(Duration::from_secs(201));
    it.world.run(|_| Ok(()));
    it.until_deployed().await;

    let hook = json!([{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"],
        "timeoutConfiguration": {"timeoutInMinutes": 30, "action": "ROLLBACK"}}]);
    let configuration = json!({"lifecycleHooks": hook});
    it.ok(
        "UpdateService",
        json!({"service": "web", "deploymentConfiguration": configuration, "forceNewDeployment": true}),
    )
    .await;
    let (waiting, since, until) = it.until_waiting("hook ecs-").await;
    assert_eq!(waiting["why"], "the deployment pauses at PRE_SCALE_UP");
    assert!(waiting["what"].as_str().is_some_and(|what| what.ends_with(" to be continued")), "{waiting}");
    assert!(near(since, 0.0) && until.is_some_and(|until| near(until, 1800.0)), "{waiting}");
    it.front.stop().await;
}
