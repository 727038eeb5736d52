//! Prints, for every set of settings in the documents that Seatrial answers to, how long a deployment takes and what the advice saves.
#![allow(clippy::expect_used, reason = "the settings are constants")]

use std::time::Duration;

use seatrial_release::config::{ConfigFile, Overrides, Scheme, Setting, Variables};
use seatrial_release::forecast::{Application, Circumstances, Known, Platform, Prior, Timeline, advise, timeline};
use seatrial_release::plan::{Network, PublicAddress, ServicePlan, TargetDefaults};

/// The name of a set of settings, and the settings of its service.
const SOURCES: [(&str, &str); 5] = [
    (
        "stages: production",
        "desired_count: 2, minimum_healthy_percent: 50, maximum_percent: 200, deregistration_delay: 30s, health_check: { interval: 30s, timeout: 10s, healthy_threshold: 2, unhealthy_threshold: 3, grace_period: 60s }",
    ),
    (
        "stages: development",
        "desired_count: 1, minimum_healthy_percent: 0, maximum_percent: 100, deregistration_delay: 10s, health_check: { interval: 15s, timeout: 5s, healthy_threshold: 2, unhealthy_threshold: 2, grace_period: 30s }",
    ),
    (
        "faster deployments: improved health checks, ELB's delay of 300 s",
        "desired_count: 2, minimum_healthy_percent: 100, maximum_percent: 200, deregistration_delay: 300s, health_check: { interval: 15s, timeout: 5s, healthy_threshold: 2, unhealthy_threshold: 2, grace_period: 60s }",
    ),
    (
        "pipeline: fast rollback (grace 60 s), ELB's defaults otherwise",
        "desired_count: 2, minimum_healthy_percent: 100, maximum_percent: 200, deregistration_delay: 300s, health_check: { interval: 30s, timeout: 5s, healthy_threshold: 5, unhealthy_threshold: 2, grace_period: 60s }",
    ),
    (
        "pipeline: before (grace 120 s)",
        "desired_count: 2, minimum_healthy_percent: 100, maximum_percent: 200, deregistration_delay: 300s, health_check: { interval: 30s, timeout: 5s, healthy_threshold: 5, unhealthy_threshold: 2, grace_period: 120s }",
    ),
];

fn main() {
    println!(
        "| settings | a deployment | with all advice | saved | given up when it fails its checks | with all advice |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, settings) in SOURCES {
        let plan = |more: &[Setting]| planned(settings, more);
        let service = plan(&[]).expect("the settings are valid");
        let circumstances = Circumstances {
            platform: Platform::Fargate,
            application: Application {
                boot: Duration::from_secs(1),
                stops_in: Duration::from_millis(100),
                slowest_request: Duration::from_millis(100),
                image_megabytes: 125.0,
            },
            known: Known { boot: true, slowest_request: true },
            prior: Prior::Steady,
            desired: None,
        };
        let before = timeline(&service, &circumstances);
        let advised = advise(&service, &circumstances, plan);
        println!(
            "| {name} | {} | {} | {:.0} % | {} | {} |",
            total(&before),
            total(&advised.tuned),
            100.0 * advised.share_saved(&before),
            given_up(&before),
            given_up(&advised.tuned)
        );
    }
}

fn planned(settings: &str, more: &[Setting]) -> Option<ServicePlan> {
    let text = format!(
        "app: a\nservices:\n  web: {{ image: x, port: 80, circuit_breaker: true, listener: {{ port: 80 }}, {settings} }}\nenvironments:\n  e: {{ target: {{ region: r }}, execution_role: 'arn:aws:iam::123456789012:role/e' }}\n"
    );
    let file =
        ConfigFile::parse("sources.yml".as_ref(), &text, &Variables::fixed::<String, String>([])).expect("valid");
    let environment = file.environment(None).expect("one environment");
    let network = Network {
        subnets: vec!["subnet-1".into()],
        security_groups: vec![],
        public_address: PublicAddress::None,
        scheme: Scheme::Internal,
    };
    let defaults =
        TargetDefaults { region: "r".into(), network: Some(network), process_image: None, infrastructure_role: None };
    let overrides = Overrides { settings: more.to_vec(), ..Overrides::default() };
    file.plan(&environment, &defaults, &overrides).ok()?.services.pop()
}

fn total(timeline: &Timeline) -> String {
    timeline.success.total.map_or_else(|| "never over".to_owned(), |range| seconds(range.median))
}

fn given_up(timeline: &Timeline) -> String {
    let failure = timeline.failures.iter().find(|failure| failure.mishap.in_words() == "fails its checks");
    let given_up = failure.and_then(|failure| failure.forecast.given_up);
    given_up.map_or_else(|| "never".to_owned(), |range| seconds(range.median))
}

fn seconds(duration: Duration) -> String {
    format!("{:.0} s", duration.as_secs_f64())
}
