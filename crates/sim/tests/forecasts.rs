//! The timelines that the source documents of this project state and that public reports observed, foreseen.

use std::time::Duration;

use seatrial_model::{CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, Percent, Strategy, TrafficPercent};
use seatrial_sim::forecast::causes::Wait;
use seatrial_sim::forecast::{
    Alarm, Application, Balancing, CheckSettings, ContainerCheck, Ending, FailFast, Fate, Prior, Profile, Settings,
    Subject, Thresholds, foresee,
};

const LIVES: u32 = 201;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A service behind a load balancer whose image has 125 MB, as the document about stages has it.
fn service(desired_count: u32, (minimum, maximum): (u32, u32), interval: u64, delay: u64, grace: u64) -> Subject {
    Subject {
        settings: Settings {
            desired_count,
            deployment: DeploymentConfiguration {
                minimum_healthy_percent: Percent::new(minimum),
                maximum_percent: Percent::new(maximum),
                circuit_breaker: CircuitBreaker { enable: true, rollback: true, ..CircuitBreaker::default() },
                ..DeploymentConfiguration::default()
            },
            health_check_grace_period: seconds(grace),
            fail_fast: FailFast::Off,
            shift_back: None,
        },
        balancing: Some(Balancing {
            check: CheckSettings {
                interval: seconds(interval),
                thresholds: Thresholds { healthy: 2, unhealthy: 3 },
                settle_time: Duration::ZERO,
            },
            deregistration_delay: seconds(delay),
            has_pair: false,
        }),
        container_check: None,
        application: Application {
            boot: seconds(1),
            stops_in: seconds(1),
            slowest_request: Duration::ZERO,
            image_megabytes: 125.0,
        },
        alarm: None,
        prior: Prior::Steady,
    }
}

fn production() -> Subject {
    service(2, (50, 200), 30, 30, 60)
}

fn development() -> Subject {
    service(1, (0, 100), 15, 10, 30)
}

fn observed() -> Subject {
    service(2, (100, 200), 10, 30, 60)
}

fn median(subject: &Subject, fate: Fate) -> f64 {
    let total = foresee(subject, &Profile::fargate(), fate, LIVES).total.expect("it ends");
    total.median.as_secs_f64()
}

#[test]
fn the_production_timeline_of_the_document_comes_out_within_ten_percent() {
    let seconds = median(&production(), Fate::Good);
    assert!((126.0..=154.0).contains(&seconds), "2:20 are stated, {seconds} s foreseen");
}

#[test]
fn the_claim_for_development_comes_out_within_ten_percent() {
    let seconds = median(&development(), Fate::Good);
    assert!((40.5..=66.0).contains(&seconds), "45 to 60 s are claimed, {seconds} s foreseen");
}

#[test]
fn the_observed_rolling_update_comes_out_within_fifteen_percent() {
    let seconds = median(&observed(), Fate::Good);
    assert!((126.6..=171.4).contains(&seconds), "149 s were observed, {seconds} s foreseen");
}

/// About 51 s were observed from one crash to the next.
#[test]
fn a_version_that_ends_at_its_start_is_tried_about_every_fifty_seconds() {
    let forecast = foresee(&development(), &Profile::fargate(), Fate::EndsAtStart, LIVES);
    let given_up = forecast.given_up.expect("the circuit breaker trips").median.as_secs_f64();
    let attempts = 3.0;
    assert!((45.0..=58.0).contains(&(given_up / attempts)), "{given_up} s for three attempts");
    assert_eq!(forecast.ending, Ending::RolledBack);
}

#[test]
fn the_critical_path_is_the_whole_time_without_gaps() {
    for subject in [production(), development(), observed()] {
        for fate in [Fate::Good, Fate::CannotBePulled, Fate::FailsChecks, Fate::EndsAtStart] {
            let forecast = foresee(&subject, &Profile::fargate(), fate, 21);
            let total = forecast.total.expect("it ends").median;
            assert_eq!(forecast.phases.iter().map(|phase| phase.took()).sum::<Duration>(), total, "{fate:?}");
            assert!(forecast.phases.windows(2).all(|pair| pair[0].end == pair[1].begin), "{fate:?}");
            let other = forecast.phases.iter().filter(|phase| phase.wait == Wait::Other).map(|phase| phase.took());
            assert_eq!(other.sum::<Duration>(), Duration::ZERO, "everything has a name: {:?}", forecast.phases);
        }
    }
}

#[test]
fn the_same_is_foreseen_twice() {
    let foreseen = || foresee(&production(), &Profile::fargate(), Fate::Crashes(seconds(20)), 51);
    assert_eq!(foreseen(), foreseen());
}

#[test]
fn capacity_and_cost_are_those_of_the_settings() {
    let rolling = foresee(&observed(), &Profile::fargate(), Fate::Good, 21);
    assert_eq!((rolling.fewest_healthy, rolling.most_tasks), (2, 4));
    let gap = foresee(&development(), &Profile::fargate(), Fate::Good, 21);
    assert_eq!(gap.fewest_healthy, 0, "the old task makes room first");
    let seconds = rolling.total.expect("it ends").median.as_secs_f64();
    assert!((rolling.task_seconds - rolling.extra_task_seconds - 2.0 * seconds).abs() < 1.0);
}

#[test]
fn an_alarm_is_the_only_thing_that_notices_errors() {
    let mut subject = observed();
    subject.settings.deployment.bake_time = seconds(600);
    let unwatched = foresee(&subject, &Profile::fargate(), Fate::Errs, 21);
    assert_eq!((unwatched.ending, unwatched.given_up), (Ending::Successful, None));
    subject.alarm = Some(Alarm { period: seconds(60), periods: 2 });
    subject.settings.deployment.alarms =
        DeploymentAlarms { names: vec![Alarm::NAME.to_owned()], enable: true, rollback: true };
    let watched = foresee(&subject, &Profile::fargate(), Fate::Errs, 21);
    assert_eq!(watched.ending, Ending::RolledBack);
    let (given_up, back) = (watched.given_up.expect("noticed"), watched.traffic_back.expect("it comes back"));
    assert!(given_up.median > seconds(120) && back.median >= given_up.median, "{watched:?}");
}

#[test]
fn traffic_is_back_at_once_where_both_versions_stand() {
    let mut subject = observed();
    subject.balancing = subject.balancing.map(|balancing| Balancing { has_pair: true, ..balancing });
    subject.settings.deployment.strategy =
        Strategy::Canary { percent: TrafficPercent::from_tenths(100), bake_time: seconds(300) };
    subject.alarm = Some(Alarm { period: seconds(60), periods: 1 });
    subject.settings.deployment.alarms =
        DeploymentAlarms { names: vec![Alarm::NAME.to_owned()], enable: true, rollback: true };
    let forecast = foresee(&subject, &Profile::fargate(), Fate::Errs, 21);
    assert_eq!(forecast.ending, Ending::RolledBack);
    assert_eq!(forecast.given_up, forecast.traffic_back);
    assert!(forecast.points.iter().all(|point| point.share <= 0.1), "the canary's share is all it gets");
}

#[test]
fn without_a_load_balancer_a_task_counts_after_forty_seconds_or_its_containers_own_check() {
    let mut subject = observed();
    subject.balancing = None;
    let unchecked = foresee(&subject, &Profile::fargate(), Fate::Good, 21);
    assert!(unchecked.waits.get(&Wait::CountsAsHealthy).is_some_and(|range| range.median >= seconds(40)));
    assert!(!unchecked.waits.contains_key(&Wait::Draining), "there is nothing to drain");
    subject.container_check = Some(ContainerCheck { interval: seconds(5), retries: 3, start_period: Duration::ZERO });
    let checked = foresee(&subject, &Profile::fargate(), Fate::Good, 21);
    assert_eq!(checked.ending, Ending::Successful);
    assert!(checked.total.expect("it ends").median + seconds(25) < unchecked.total.expect("it ends").median);
    let failing = foresee(&subject, &Profile::fargate(), Fate::FailsChecks, 21);
    assert_eq!(failing.ending, Ending::RolledBack);
}

#[test]
fn a_new_service_waits_for_nothing_to_leave() {
    let mut subject = production();
    subject.prior = Prior::None;
    let first = foresee(&subject, &Profile::fargate(), Fate::Good, 51);
    assert_eq!((first.ending, first.fewest_healthy, first.most_tasks), (Ending::Successful, 0, 2));
    assert!(!first.waits.contains_key(&Wait::Draining) && !first.waits.contains_key(&Wait::Deprovisioning));
    // A created service was observed to be complete after 88 s.
    let took = first.total.expect("it ends").median.as_secs_f64();
    assert!((70.0..=101.0).contains(&took), "{took}");
}

#[test]
fn a_boot_longer_than_grace_and_checks_never_ends_well() {
    let mut subject = production();
    subject.application.boot = seconds(400);
    let forecast = foresee(&subject, &Profile::fargate(), Fate::Good, 5);
    assert_ne!(forecast.ending, Ending::Successful);
    subject.settings.health_check_grace_period = seconds(500);
    assert_eq!(foresee(&subject, &Profile::fargate(), Fate::Good, 5).ending, Ending::Successful);
}
