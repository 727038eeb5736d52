//! Environments as they may be seen, for tests of what is shown.

use std::time::Duration;

use seatrial_model::LifecycleStage;
use seatrial_release::Verdict;
use seatrial_release::report::TaskCounts;
use seatrial_release::view::{
    AlarmState, AlarmView, BreakerView, DeploymentView, EventView, FailureView, HookKind, HookView, Limit,
    PresentStage, Rates, RevisionView, Role, RollbackView, ServiceView, StageState, StageView, TargetView, WatchView,
    WeightsView,
};
use time::OffsetDateTime;

/// 2026-11-21 10:13:28 UTC.
const NOW: i64 = 1_795_256_008;

/// The hooks of the canary.
const HOOKS: [(LifecycleStage, &str); 2] =
    [(LifecycleStage::PostScaleUp, "check-orders"), (LifecycleStage::PostTestTrafficShift, "pause")];

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).expect("a time")
}

fn ago(seconds: u64) -> OffsetDateTime {
    now() - Duration::from_secs(seconds)
}

/// A canary in its first step, with a target that answers badly and an alarm that fires.
pub fn canary() -> WatchView {
    let mut service = deploying(LifecycleStage::ProductionTrafficShift, StageState::Now);
    let deployment = service.deployment.as_mut().expect("it is deploying");
    deployment.waiting_for = Some("the next step of the shift".into());
    deployment.present = Some(PresentStage {
        stage: LifecycleStage::ProductionTrafficShift,
        since: ago(3),
        limit: Some(Limit {
            at: now() + Duration::from_secs(7),
            nominal: Some(Duration::from_secs(600)),
            then: "the next step".into(),
        }),
    });
    deployment.weights = Some(WeightsView { production: 10.0, test: 100.0 });
    deployment.breaker = Some(BreakerView { status: "MONITORING".into(), failures: 1, threshold: 3 });
    let new = &mut service.revisions[0];
    new.tasks.healthy = 1;
    new.targets[1].state = "unhealthy".into();
    new.targets[1].description = Some("Health checks failed with these codes: [503]".into());
    new.rates = Some(Rates {
        requests_per_second: 49.8,
        error_percent: Some(6.4),
        p99_ms: Some(1250.0),
        history: (0..20).map(f64::from).collect(),
        ..rates()
    });
    service.revisions[1].rates = Some(Rates { requests_per_second: 450.2, history: vec![450.0; 60], ..rates() });
    service.alarms = vec![
        AlarmView {
            name: "canary-dev-web-5xx".into(),
            state: AlarmState::Alarm,
            since: Some(ago(2)),
            reason: Some("Threshold Crossed: 2 datapoints were greater than the threshold (5.0).".into()),
        },
        AlarmView { name: "canary-dev-web-p95".into(), state: AlarmState::Ok, since: Some(ago(600)), reason: None },
    ];
    service.failures = vec![FailureView {
        task: "b3c7dce6".into(),
        what: "container web of task b3c7dce6 exited with code 1 after 4.1 s".into(),
        next: "read the log lines above".into(),
        log: vec!["listening on 127.0.0.1:31003".into(), "panicked: no database".into()],
    }];
    environment(60, vec![service, other()])
}

/// A canary that waits at POST_TEST_TRAFFIC_SHIFT for somebody's word.
pub fn paused() -> WatchView {
    let mut service = deploying(LifecycleStage::PostTestTrafficShift, StageState::Now);
    let deployment = service.deployment.as_mut().expect("it is deploying");
    let expires_at = now() + Duration::from_secs(2679);
    deployment.waiting_for = Some("a decision: paused at POST_TEST_TRAFFIC_SHIFT".into());
    deployment.asks = true;
    deployment.present = Some(PresentStage {
        stage: LifecycleStage::PostTestTrafficShift,
        since: ago(65),
        limit: Some(Limit { at: expires_at, nominal: None, then: "it is rolled back".into() }),
    });
    deployment.weights = Some(WeightsView { production: 0.0, test: 100.0 });
    deployment.hooks = vec![
        HookView {
            id: "hook-1".into(),
            kind: HookKind::Pause,
            stage: Some(LifecycleStage::PostTestTrafficShift),
            status: "AWAITING_ACTION".into(),
            waits_for: Some("you".into()),
            expires_at: Some(expires_at),
            on_timeout: "ROLLBACK".into(),
        },
        HookView {
            id: "hook-2".into(),
            kind: HookKind::Function("check-orders".into()),
            stage: None,
            status: "SUCCEEDED".into(),
            waits_for: None,
            expires_at: None,
            on_timeout: "ROLLBACK".into(),
        },
    ];
    service.revisions[0].rates = Some(Rates { requests_per_second: 0.0, error_percent: None, ..Rates::default() });
    service.revisions[1].rates = Some(Rates { requests_per_second: 500.0, history: vec![500.0; 60], ..rates() });
    environment(1, vec![service])
}

/// A canary on its way back.
pub fn rolling_back() -> WatchView {
    let mut service = deploying(LifecycleStage::ProductionTrafficShift, StageState::LeftForRollback);
    let deployment = service.deployment.as_mut().expect("it is deploying");
    deployment.status = "ROLLBACK_IN_PROGRESS".into();
    deployment.waiting_for = Some("the rollback: 2 tasks of the failed version to stop".into());
    deployment.weights = Some(WeightsView { production: 0.0, test: 0.0 });
    deployment.rollback = Some(RollbackView {
        reason: Some(
            "Service deployment rolled back because one or more CloudWatch alarms were detected in ALARM state.".into(),
        ),
        since: Some(ago(1)),
        to: Some("ecs-svc/1".into()),
    });
    service.revisions[0].tasks = TaskCounts { desired: 0, pending: 0, running: 0, healthy: 0, leaving: 2 };
    service.revisions[0].targets.iter_mut().for_each(|target| {
        target.state = "draining".into();
        target.description = Some("Target deregistration is in progress".into());
    });
    service.revisions[1].rates = Some(rates());
    environment(1, vec![service])
}

/// A service that nothing happens to.
pub fn steady() -> WatchView {
    let mut service = deploying(LifecycleStage::CleanUp, StageState::Done);
    let deployment = service.deployment.as_mut().expect("it was deploying");
    deployment.status = "SUCCESSFUL".into();
    deployment.verdict = Some(Verdict::Deployed);
    deployment.since = Some(ago(3600));
    deployment.elapsed = Duration::from_millis(20_500);
    service.revisions.truncate(1);
    service.revisions[0].role = Role::Serving;
    service.revisions[0].rates = Some(rates());
    environment(1, vec![service])
}

/// A service that is deployed for the first time.
pub fn first() -> WatchView {
    let mut service = deploying(LifecycleStage::ScaleUp, StageState::Now);
    let deployment = service.deployment.as_mut().expect("it is deploying");
    deployment.waiting_for = Some("2 tasks to start".into());
    deployment.present = Some(PresentStage { stage: LifecycleStage::ScaleUp, since: ago(1), limit: None });
    deployment.weights = Some(WeightsView { production: 0.0, test: 0.0 });
    service.revisions.truncate(1);
    service.revisions[0].tasks = TaskCounts { desired: 2, pending: 2, running: 0, healthy: 0, leaving: 0 };
    service.revisions[0].targets = Vec::new();
    service.revisions[0].rates = None;
    environment(1, vec![service])
}

/// A rolling update: both versions behind one target group.
pub fn rolling() -> WatchView {
    let mut service = deploying(LifecycleStage::ScaleUp, StageState::Now);
    let deployment = service.deployment.as_mut().expect("it is deploying");
    deployment.strategy = "ROLLING".into();
    deployment.stages = Vec::new();
    deployment.shares = vec![100.0];
    deployment.waiting_for = Some("1 task of the old version to finish requests and stop".into());
    service.revisions[1].tasks = TaskCounts { desired: 1, pending: 0, running: 1, healthy: 1, leaving: 1 };
    service.shared_rates = Some(rates());
    service.remarks =
        vec!["reading the deployment alarms: AccessDenied: not authorized to perform cloudwatch:DescribeAlarms".into()];
    environment(1, vec![service])
}

fn environment(time_scale: u32, services: Vec<ServiceView>) -> WatchView {
    WatchView {
        app: "canary".parse().expect("a name"),
        environment: "dev".parse().expect("a name"),
        at: now(),
        time_scale,
        services,
    }
}

fn deploying(stage: LifecycleStage, state: StageState) -> ServiceView {
    let stages = LifecycleStage::ALL.into_iter().map(|each| StageView {
        stage: each,
        state: match each.cmp(&stage) {
            std::cmp::Ordering::Less => StageState::Done,
            std::cmp::Ordering::Equal => state,
            std::cmp::Ordering::Greater => StageState::Ahead,
        },
        hooks: HOOKS.iter().filter(|(at, _)| *at == each).map(|(_, name)| (*name).to_owned()).collect(),
    });
    let deployment = DeploymentView {
        id: "ecs-svc/2".into(),
        arn: "arn:aws:ecs:us-east-1:000000000000:service-deployment/canary-dev/web/x".into(),
        status: "IN_PROGRESS".into(),
        reason: None,
        strategy: "CANARY".into(),
        shares: vec![10.0, 100.0],
        since: Some(ago(12)),
        elapsed: Duration::from_millis(12_300),
        waiting_for: None,
        asks: false,
        is_held: false,
        is_steered: false,
        stages: stages.collect(),
        present: None,
        weights: None,
        hooks: Vec::new(),
        alarms: None,
        breaker: None,
        rollback: None,
        verdict: None,
    };
    ServiceView {
        service: "web".parse().expect("a name"),
        status: Some("ACTIVE".into()),
        urls: vec![
            seatrial_release::ServiceUrl {
                service: "web".parse().expect("a name"),
                url: "http://127.0.0.1:8090/".into(),
                test: None,
            },
            seatrial_release::ServiceUrl {
                service: "web".parse().expect("a name"),
                url: "http://127.0.0.1:8091/".into(),
                test: Some(String::new()),
            },
        ],
        deployment: Some(deployment),
        revisions: vec![revision(Role::New, 2), revision(Role::Old, 1)],
        shared_rates: None,
        alarms: Vec::new(),
        failures: Vec::new(),
        events: (0..12)
            .map(|number: u64| EventView {
                id: format!("event-{number}"),
                at: Some(ago(8 + number)),
                message: format!("(canary-dev-web:2) has done something, {number} before the last."),
            })
            .collect(),
        remarks: Vec::new(),
    }
}

fn other() -> ServiceView {
    let steady = steady().services.remove(0);
    ServiceView { service: "api".parse().expect("a name"), ..steady }
}

fn revision(role: Role, number: u16) -> RevisionView {
    let target = |index: u16| TargetView {
        task: format!("{number}{index}c7dce6"),
        address: format!("127.0.0.1:{}", 31_000 + 2 * number - 1 + index),
        state: "healthy".into(),
        reason: None,
        description: None,
    };
    RevisionView {
        role,
        id: format!("ecs-svc/{number}"),
        task_definition: Some(format!("canary-dev-web:{number}")),
        version: Some(format!("v{number}")),
        tasks: TaskCounts { desired: 2, pending: 0, running: 2, healthy: 2, leaving: 0 },
        targets: vec![target(0), target(1)],
        target_group: Some(format!("canary-dev-web-{number}")),
        rates: None,
    }
}

fn rates() -> Rates {
    Rates {
        requests_per_second: 500.0,
        answers_per_second: [500.0, 0.0, 0.0, 0.0],
        error_percent: Some(0.0),
        p50_ms: Some(1.2),
        p95_ms: Some(3.4),
        p99_ms: Some(12.0),
        seconds: 10.0,
        history: vec![500.0; 30],
    }
}
