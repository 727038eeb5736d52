//! A service's plan as the subject of a forecast.

use std::time::Duration;

use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::strategy::TrafficPercent;
use seatrial_model::{
    CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, EarlySuccess, Percent, Strategy, Threshold,
};
use seatrial_sim::forecast::{
    Alarm, Balancing, CheckSettings, ContainerCheck, FailFast, Settings, Subject, Thresholds,
};
use serde_json::Value as Json;

use super::{Circumstances, Platform, quickest};
use crate::plan::{self, ServicePlan, TargetGroupPlan};
use crate::steering::Then;

/// Turns a plan into a subject, and tells what is not counted.
pub(super) fn subject(plan: &ServicePlan, circumstances: &Circumstances) -> (Subject, Vec<String>) {
    let Circumstances { platform, application, prior, desired, .. } = *circumstances;
    let balancing = plan.balancing.as_ref().map(|balancing| balancing_of(&balancing.target_group, plan, platform));
    let alarm = quickest(plan);
    let subject = Subject {
        settings: Settings {
            desired_count: desired.unwrap_or(plan.desired_count.at_creation().unsigned_abs()),
            deployment: configuration(plan, alarm),
            health_check_grace_period: seconds(&plan.service["healthCheckGracePeriodSeconds"]).unwrap_or_default(),
            fail_fast: match (plan.fail_fast, platform) {
                (plan::FailFast::On, Platform::Embedded) => FailFast::On,
                (plan::FailFast::On | plan::FailFast::Off, _) => FailFast::Off,
            },
            shift_back: plan.shift_back.filter(|_| platform == Platform::Embedded),
        },
        balancing,
        container_check: container_check(&plan.task_definition),
        application,
        alarm,
        prior,
    };
    (subject, notes(plan))
}

fn balancing_of(group: &TargetGroupPlan, plan: &ServicePlan, platform: Platform) -> Balancing {
    // What a plan leaves open has Elastic Load Balancing's own default.
    let time =
        |seconds: Option<i32>, default: u32| Duration::from_secs(u64::from(seconds.map_or(default, i32::unsigned_abs)));
    let count = |count: Option<i32>, default: u32| count.map_or(default, i32::unsigned_abs);
    Balancing {
        check: CheckSettings {
            interval: time(group.health_check_interval, 30),
            thresholds: Thresholds {
                healthy: count(group.healthy_threshold, 5),
                unhealthy: count(group.unhealthy_threshold, 2),
            },
            settle_time: match platform {
                Platform::Embedded => time(group.settle_time, 0),
                Platform::Fargate => Duration::ZERO,
            },
        },
        deregistration_delay: time(group.deregistration_delay, 300),
        has_pair: plan.pair().is_some(),
    }
}

fn configuration(plan: &ServicePlan, alarm: Option<Alarm>) -> DeploymentConfiguration {
    let document = &plan.service["deploymentConfiguration"];
    let default = DeploymentConfiguration::default();
    let percent = |member: &str, default: Percent| number(&document[member]).map_or(default, Percent::new);
    let breaker = &document["deploymentCircuitBreaker"];
    let circuit_breaker = CircuitBreaker {
        enable: breaker["enable"] == true,
        rollback: breaker["rollback"] == true,
        reset_on_healthy_task: breaker["resetOnHealthyTask"] != false,
        threshold: threshold(&breaker["thresholdConfiguration"]),
    };
    let alarms = &document["alarms"];
    let alarms = DeploymentAlarms {
        names: alarm.iter().map(|_| Alarm::NAME.to_owned()).collect(),
        enable: alarm.is_some() && alarms["enable"] == true,
        rollback: alarms["rollback"] == true,
    };
    DeploymentConfiguration {
        minimum_healthy_percent: percent("minimumHealthyPercent", default.minimum_healthy_percent),
        maximum_percent: percent("maximumPercent", default.maximum_percent),
        circuit_breaker,
        early_success: early_success(&document["earlySuccessCriteria"]),
        strategy: strategy(document),
        // The steps that the coordinator takes itself are waited for like the bake time.
        bake_time: minutes(&document["bakeTimeInMinutes"]) + plan.steering.passing_time(),
        alarms,
        lifecycle_hooks: Vec::new(),
    }
}

fn strategy(document: &Json) -> Strategy {
    let share = |value: &Json, default: f64| {
        TrafficPercent::parse(value.as_f64().unwrap_or(default), 0).unwrap_or(TrafficPercent::ALL)
    };
    match document["strategy"].as_str() {
        Some("BLUE_GREEN") => Strategy::BlueGreen,
        Some("CANARY") => {
            let canary = &document["canaryConfiguration"];
            let bake_time = canary.get("canaryBakeTimeInMinutes").map_or(Duration::from_secs(600), minutes);
            Strategy::Canary { percent: share(&canary["canaryPercent"], 5.0), bake_time }
        }
        Some("LINEAR") => {
            let linear = &document["linearConfiguration"];
            let bake_time = linear.get("stepBakeTimeInMinutes").map_or(Duration::from_secs(360), minutes);
            Strategy::Linear { step: share(&linear["stepPercent"], 10.0), bake_time }
        }
        Some(_) | None => Strategy::Rolling,
    }
}

fn threshold(document: &Json) -> Threshold {
    let value = number(&document["value"]).unwrap_or(50);
    match document["type"].as_str() {
        Some("COUNT") => Threshold::Count(value),
        Some("UNBOUNDED_PERCENT") => Threshold::UnboundedPercent(value),
        Some(_) | None => Threshold::BoundedPercent(value),
    }
}

fn early_success(document: &Json) -> Option<EarlySuccess> {
    let cleanup = match document["sourceServiceRevisionCleanup"].as_str() {
        Some("DEFERRED") => SourceRevisionCleanup::Deferred,
        Some(_) | None => SourceRevisionCleanup::Blocking,
    };
    let healthy_percent = Percent::new(number(&document["healthyPercent"]).unwrap_or(100));
    (document["enable"] == true).then_some(EarlySuccess { healthy_percent, cleanup })
}

fn container_check(task_definition: &Json) -> Option<ContainerCheck> {
    let containers = task_definition["containerDefinitions"].as_array().into_iter().flatten();
    let mut checks = containers.filter(|container| container["essential"] != false).map(|one| &one["healthCheck"]);
    let check = checks.find(|check| check.is_object())?;
    Some(ContainerCheck {
        interval: seconds(&check["interval"]).unwrap_or(Duration::from_secs(30)),
        retries: number(&check["retries"]).unwrap_or(3),
        start_period: seconds(&check["startPeriod"]).unwrap_or_default(),
    })
}

fn notes(plan: &ServicePlan) -> Vec<String> {
    let mut notes = Vec::new();
    let name = &plan.name;
    let hooks = plan.service["deploymentConfiguration"]["lifecycleHooks"].as_array().map_or(0, Vec::len);
    let asks = plan.steering.steps.iter().any(|step| matches!(step.then, Then::Ask { .. }));
    if asks || hooks > 0 && !plan.steering.has_pauses() {
        notes.push(format!(
            "service {name}: the time of its pauses and functions is not counted; it is people's and theirs"
        ));
    }
    if !plan.steering.checks.is_empty() {
        notes.push(format!("service {name}: the time of its `verify` checks is not counted"));
    }
    if !plan.named_alarms().is_empty() {
        notes.push(format!("service {name}: nothing is known of the alarms it names, so they are taken to be silent"));
    }
    notes
}

fn number(value: &Json) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn seconds(value: &Json) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

fn minutes(value: &Json) -> Duration {
    Duration::from_secs(60 * value.as_u64().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Overrides, Variables};
    use crate::forecast::{Application, Known, Prior};
    use crate::plan::TargetDefaults;

    fn subject_of(service: &str, platform: Platform) -> (Subject, Vec<String>) {
        let text = format!("app: a\nservices:\n  web: {{ command: x, port: 80, {service} }}\n");
        let file =
            ConfigFile::parse("seatrial.yml".as_ref(), &text, &Variables::of_process()).expect("a configuration");
        let environment = file.environment(None).expect("an environment");
        let plan = file.plan(&environment, &TargetDefaults::embedded(), &Overrides::default()).expect("a plan");
        let application = Application {
            boot: Duration::from_secs(1),
            stops_in: Duration::ZERO,
            slowest_request: Duration::ZERO,
            image_megabytes: 1.0,
        };
        let circumstances =
            Circumstances { platform, application, known: Known::default(), prior: Prior::Steady, desired: None };
        subject(&plan.services[0], &circumstances)
    }

    #[test]
    fn the_strategies_and_their_times_are_those_of_the_file() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let tenths = TrafficPercent::from_tenths;
        let cases = [
            ("strategy: blue_green, bake: 5m", Strategy::BlueGreen, minutes(5)),
            (
                "strategy: canary, percent: 20, step_bake: 3m",
                Strategy::Canary { percent: tenths(200), bake_time: minutes(3) },
                minutes(0),
            ),
            (
                "strategy: linear, percent: 25, step_bake: 2m, bake: 1m",
                Strategy::Linear { step: tenths(250), bake_time: minutes(2) },
                minutes(1),
            ),
            // The coordinator takes the steps itself; what they take is waited for like the bake time.
            (
                "strategy: canary, steps: [{ percent: 10, bake: 4m }, { percent: 50, bake: 6m }], bake: 1m",
                Strategy::Linear { step: tenths(100), bake_time: minutes(0) },
                minutes(11),
            ),
            ("early_success: { healthy_percent: 100 }", Strategy::Rolling, minutes(0)),
        ];
        for (deployment, strategy, bake_time) in cases {
            let listener = "listener: { port: 80 }";
            let (subject, _) = subject_of(&format!("{listener}, deployment: {{ {deployment} }}"), Platform::Fargate);
            let configuration = &subject.settings.deployment;
            assert_eq!((configuration.strategy, configuration.bake_time), (strategy, bake_time), "{deployment}");
            assert_eq!(configuration.early_success.is_some(), deployment.starts_with("early"), "{deployment}");
            assert_eq!(subject.balancing.is_some_and(|one| one.has_pair), strategy.shifts_traffic(), "{deployment}");
        }
    }

    #[test]
    fn checks_thresholds_and_delays_are_those_of_the_file() {
        let service = "listener: { port: 80 }, deregistration_delay: 7s, settle_time: 2s, desired_count: 3, \
                       health_check: { interval: 11s, timeout: 3s, healthy_threshold: 4, unhealthy_threshold: 5, grace_period: 13s }, \
                       circuit_breaker: { reset_on_healthy_task: false, threshold: { type: count, value: 2 } }, \
                       deployment: { alarms: { errors: 5%, for: 2m } }";
        let (subject, notes) = subject_of(service, Platform::Embedded);
        let balancing = subject.balancing.expect("a listener");
        assert_eq!(balancing.check.interval, Duration::from_secs(11));
        assert_eq!(balancing.check.thresholds, Thresholds { healthy: 4, unhealthy: 5 });
        assert_eq!(balancing.check.settle_time, Duration::from_secs(2));
        assert_eq!(balancing.deregistration_delay, Duration::from_secs(7));
        assert_eq!((subject.settings.desired_count, subject.settings.health_check_grace_period.as_secs()), (3, 13));
        let breaker = subject.settings.deployment.circuit_breaker;
        assert_eq!((breaker.reset_on_healthy_task, breaker.threshold), (false, Threshold::Count(2)));
        assert!(subject.settings.deployment.alarms.enable && subject.alarm.is_some());
        assert_eq!(notes, Vec::<String>::new());
        let (elsewhere, _) = subject_of(service, Platform::Fargate);
        assert_eq!(elsewhere.balancing.map(|one| one.check.settle_time), Some(Duration::ZERO), "the engine's own");
    }

    #[test]
    fn what_is_not_counted_is_told() {
        let paused = "listener: { port: 80 }, deployment: { strategy: blue_green, hooks: [{ stage: pre_scale_up }] }";
        let (_, notes) = subject_of(paused, Platform::Fargate);
        assert!(notes.len() == 1 && notes[0].contains("pauses and functions is not counted"), "{notes:?}");
        let (_, notes) = subject_of("listener: { port: 80 }, deployment: { alarms: pager }", Platform::Fargate);
        assert!(notes.len() == 1 && notes[0].contains("taken to be silent"), "{notes:?}");
    }
}
