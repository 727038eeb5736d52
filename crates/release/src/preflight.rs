//! What is known to fail or to stall before anything is touched: settings that contradict each other, the application or the traffic. That an
//! alarm needs longer than a version is watched is remarked when the file is read.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, StateValue, Statistic};
use serde::Serialize;
use serde_json::Value as Json;
use time::OffsetDateTime;

use crate::aws::times::timestamp;
use crate::aws::{Connection, DoingExt};
use crate::config::ServiceName;
use crate::ensure::{load_balancer, target_group};
use crate::error::ReleaseError;
use crate::forecast::{Application, Ending, Timeline};
use crate::plan::{AlarmSubject, ListenerPlan, NAMESPACE, Plan, RulePlan, ServicePlan};

/// How far back traffic is looked at.
const WINDOW: Duration = Duration::from_secs(3600);
/// A version has to have answered this many requests for its error rate to mean anything.
const REQUESTS_MIN: f64 = 100.0;
/// ECS's own time from SIGTERM to SIGKILL.
const STOP_TIMEOUT: u64 = 30;
/// An alarm without data for this long will not begin to have some.
const SILENCE_MAX: Duration = Duration::from_secs(3600);
/// The distance between rules whose priority nobody wrote.
const PRIORITY_STEP: i32 = 10;

/// Something that will not work as it is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub service: ServiceName,
    pub what: String,
    /// What to do about it.
    pub instead: String,
}

/// What a service's traffic has been lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    pub requests_per_second: f64,
    /// The slowest answer.
    #[serde(rename = "slowest_ms", serialize_with = "crate::report::as_milliseconds")]
    pub slowest: Duration,
}

/// Looks at what a service has had to do; none when it has had nothing to do, or is not there.
pub async fn traffic(
    connection: &Connection,
    plan: &Plan,
    service: &ServicePlan,
) -> Result<Option<Traffic>, ReleaseError> {
    let (Some(balancing), Some(balancer)) = (&service.balancing, &plan.load_balancer) else { return Ok(None) };
    let Some(balancer) = load_balancer::find(connection, &balancer.name).await? else { return Ok(None) };
    let alternate = balancing.pair.as_ref().map(|pair| pair.alternate.name.as_str());
    let mut traffic = Traffic::default();
    for name in [Some(balancing.target_group.name.as_str()), alternate].into_iter().flatten() {
        let Some(group) = target_group::find(connection, name).await? else { continue };
        let (balancer, group) =
            (balancer.load_balancer_arn().unwrap_or_default(), group.target_group_arn().unwrap_or_default());
        let subject = AlarmSubject::of_arns(balancer, group);
        let requests = statistic(connection, &subject, "RequestCount", Statistic::Sum).await?;
        traffic.requests_per_second += requests.iter().sum::<f64>() / connection.really(WINDOW).as_secs_f64();
        let slowest = statistic(connection, &subject, "TargetResponseTime", Statistic::Maximum).await?;
        let slowest = slowest.into_iter().fold(0.0, f64::max);
        traffic.slowest = traffic.slowest.max(Duration::try_from_secs_f64(slowest).unwrap_or_default());
    }
    Ok((traffic != Traffic::default()).then_some(traffic))
}

async fn statistic(
    connection: &Connection,
    subject: &AlarmSubject,
    metric: &str,
    statistic: Statistic,
) -> Result<Vec<f64>, ReleaseError> {
    let now = OffsetDateTime::now_utc();
    let instant = |at: OffsetDateTime| aws_smithy_types::DateTime::from_secs(at.unix_timestamp());
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let answered = connection
        .cloudwatch
        .get_metric_statistics()
        .namespace(NAMESPACE)
        .metric_name(metric)
        .dimensions(dimension("LoadBalancer", &subject.load_balancer))
        .dimensions(dimension("TargetGroup", &subject.target_group))
        .start_time(instant(now - connection.really(WINDOW)))
        .end_time(instant(now))
        .period(60)
        .statistics(statistic.clone())
        .send()
        .await
        .doing(|| format!("looking at {metric}"))?;
    let value = |point: &aws_sdk_cloudwatch::types::Datapoint| match statistic {
        Statistic::Maximum => point.maximum(),
        _ => point.sum(),
    };
    Ok(answered.datapoints().iter().filter_map(value).collect())
}

/// Finds what will not work, in the settings of a service and in what is known of its traffic.
pub fn settings(
    plan: &Plan,
    service: &ServicePlan,
    timeline: &Timeline,
    application: &Application,
    traffic: Option<Traffic>,
) -> Vec<Finding> {
    let known = Known { plan, service, timeline, application, traffic };
    let all = [
        known.cannot_move(),
        known.never_healthy(),
        known.cut_off(),
        known.killed(),
        known.shadowed(),
        known.too_few_requests(),
    ];
    let finding = |(what, instead)| Finding { service: service.name.clone(), what, instead };
    all.into_iter().flatten().map(finding).collect()
}

/// Finds alarms that a deployment names and that see nothing.
pub async fn silent_alarms(connection: &Connection, service: &ServicePlan) -> Result<Vec<Finding>, ReleaseError> {
    let names = service.named_alarms();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let described = connection.cloudwatch.describe_alarms().set_alarm_names(Some(names)).max_records(100).send().await;
    let described = described.doing(|| "looking at the alarms".into())?;
    let now = OffsetDateTime::now_utc();
    let silent = described.metric_alarms().iter().filter(|alarm| {
        let since = timestamp(alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()));
        let long = since.is_some_and(|since| now - since > SILENCE_MAX);
        alarm.state_value() == Some(&StateValue::InsufficientData) && long
    });
    let finding = |alarm: &aws_sdk_cloudwatch::types::MetricAlarm| Finding {
        service: service.name.clone(),
        what: format!(
            "alarm {} has had no data for an hour, so it will hardly fire",
            alarm.alarm_name().unwrap_or_default()
        ),
        instead: "look at its metric and dimensions, or write the alarm in short-hand: { errors: 5%, for: 2m }"
            .to_owned(),
    };
    Ok(silent.map(finding).collect())
}

type Found = Option<(String, String)>;

struct Known<'a> {
    plan: &'a Plan,
    service: &'a ServicePlan,
    timeline: &'a Timeline,
    application: &'a Application,
    traffic: Option<Traffic>,
}

impl Known<'_> {
    fn configuration(&self) -> &Json {
        &self.service.service["deploymentConfiguration"]
    }

    /// A minimum and a maximum between which no task can be replaced.
    fn cannot_move(&self) -> Found {
        let percent = |member: &str, default: u64| self.configuration()[member].as_u64().unwrap_or(default);
        let (minimum, maximum) = (percent("minimumHealthyPercent", 100), percent("maximumPercent", 200));
        let desired = u64::from(self.timeline.desired);
        let (floor, cap) = ((desired * minimum).div_ceil(100), desired * maximum / 100);
        let stuck = self.service.pair().is_none() && desired > 0 && floor >= desired && cap <= desired;
        stuck.then(|| {
            (
                format!("of {desired} tasks {floor} have to stay healthy (minimum {minimum} %) and there may be {cap} in all (maximum {maximum} %), so none can be replaced"),
                "raise `maximum_percent` to 200, or lower `minimum_healthy_percent`".to_owned(),
            )
        })
    }

    /// A good version that is taken for a bad one.
    fn never_healthy(&self) -> Found {
        if self.timeline.success.ending == Ending::Successful || self.cannot_move().is_some() {
            return None;
        }
        let grace = self.service.service["healthCheckGracePeriodSeconds"].as_u64().unwrap_or(0);
        let boot = self.application.boot.as_secs_f64();
        Some((
            format!(
                "a version that takes {boot} s to boot is taken for broken: its grace period is {grace} s, and it fails its checks before it is ready"
            ),
            format!("set `health_check.grace_period` to {}s or more", self.application.boot.as_secs() + 30),
        ))
    }

    /// Requests that outlast the deregistration delay.
    fn cut_off(&self) -> Found {
        let delay = self.service.balancing.as_ref()?.target_group.deregistration_delay.unwrap_or(300);
        let slowest =
            self.traffic.map_or(Duration::ZERO, |traffic| traffic.slowest).max(self.application.slowest_request);
        (slowest > Duration::from_secs(u64::from(delay.unsigned_abs()))).then(|| {
            (
                format!(
                    "a request may take {:.1} s, and a leaving task has {delay} s for those it is answering",
                    slowest.as_secs_f64()
                ),
                format!("set `deregistration_delay` to {}s or more", slowest.as_secs() + 1),
            )
        })
    }

    /// An application that needs longer to end than it is given.
    fn killed(&self) -> Found {
        let containers = self.service.task_definition["containerDefinitions"].as_array()?;
        let given =
            containers.iter().map(|container| container["stopTimeout"].as_u64().unwrap_or(STOP_TIMEOUT)).min()?;
        (self.application.stops_in > Duration::from_secs(given)).then(|| {
            (
                format!(
                    "the application takes {:.1} s to end after SIGTERM and is killed after {given} s (stopTimeout)",
                    self.application.stops_in.as_secs_f64()
                ),
                "raise `stop_timeout` (120 s at most on Fargate), or have it end sooner".to_owned(),
            )
        })
    }

    /// A rule behind another one that takes all of its requests.
    fn shadowed(&self) -> Found {
        let listeners = &self.plan.load_balancer.as_ref()?.listeners;
        listeners.iter().find_map(|listener| self.shadowed_on(listener))
    }

    fn shadowed_on(&self, listener: &ListenerPlan) -> Found {
        let mut rules: Vec<(i32, &RulePlan)> = listener
            .rules
            .iter()
            .zip(1..)
            .map(|(rule, place): (&RulePlan, i32)| (rule.priority.unwrap_or(PRIORITY_STEP.saturating_mul(place)), rule))
            .collect();
        rules.sort_by_key(|(priority, _)| *priority);
        let own = rules.iter().enumerate().filter(|(_, (_, rule))| rule.service == self.service.name);
        let mut hidden = own.filter_map(|(place, (_, rule))| {
            rules[..place]
                .iter()
                .find(|(_, before)| before.service != rule.service && takes_all(before, rule))
                .map(|(_, before)| before)
        });
        hidden.next().map(|before| {
            (
                format!(
                    "no request on port {} reaches it: the rule of service {} comes before and takes them all",
                    listener.port, before.service
                ),
                format!("give it a `host` or `path` of its own, or a lower `priority` than {}", before.service),
            )
        })
    }

    /// A share of traffic too small to judge by.
    fn too_few_requests(&self) -> Found {
        let (configuration, rate) = (self.configuration(), self.traffic?.requests_per_second);
        let (percent, minutes) = match configuration["strategy"].as_str()? {
            "CANARY" => {
                let canary = &configuration["canaryConfiguration"];
                (canary["canaryPercent"].as_f64()?, canary["canaryBakeTimeInMinutes"].as_f64()?)
            }
            "LINEAR" => {
                let linear = &configuration["linearConfiguration"];
                (linear["stepPercent"].as_f64()?, linear["stepBakeTimeInMinutes"].as_f64()?)
            }
            _ => return None,
        };
        let requests = rate * 60.0 * minutes * percent / 100.0;
        (rate > 0.0 && minutes > 0.0 && requests < REQUESTS_MIN).then(|| {
            let needed = (REQUESTS_MIN / (rate * 60.0 * percent / 100.0)).ceil();
            (
                format!("at {rate:.2} requests a second, {percent} % for {minutes} min are {requests:.0} requests: too few to judge by"),
                format!("raise `percent`, or watch it for {needed:.0} min (`step_bake`)"),
            )
        })
    }
}

/// Whether a rule takes every request that another one is for.
fn takes_all(before: &RulePlan, rule: &RulePlan) -> bool {
    let covers = |patterns: &[String], others: &[String]| {
        patterns.is_empty()
            || !others.is_empty()
                && others.iter().all(|other| patterns.iter().any(|pattern| matches_all(pattern, other)))
    };
    let header = before.header.is_none() || before.header == rule.header;
    header
        && covers(&before.hosts, &rule.hosts)
        && (covers(&before.paths, &rule.paths) || before.paths.iter().any(|path| path == "/*"))
}

/// Whether a pattern matches whatever another one does.
fn matches_all(pattern: &str, other: &str) -> bool {
    let lower = |text: &str| text.to_ascii_lowercase();
    pattern == other
        || pattern
            .strip_suffix('*')
            .is_some_and(|prefix| !prefix.contains(['*', '?']) && lower(other).starts_with(&lower(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Overrides, Variables};
    use crate::forecast::{Circumstances, Known, Platform, Prior, timeline};
    use crate::plan::TargetDefaults;

    fn findings(services: &str, service: &str, application: Application, traffic: Option<Traffic>) -> Vec<String> {
        let text = format!("app: a\nservices:\n{services}");
        let file =
            ConfigFile::parse("seatrial.yml".as_ref(), &text, &Variables::of_process()).expect("a configuration");
        let environment = file.environment(None).expect("an environment");
        let plan = file.plan(&environment, &TargetDefaults::embedded(), &Overrides::default()).expect("a plan");
        let service = plan.service(&service.parse().expect("a name")).expect("the service");
        let circumstances = Circumstances {
            platform: Platform::Fargate,
            application,
            known: Known::default(),
            prior: Prior::Steady,
            desired: None,
        };
        let timeline = timeline(service, &circumstances);
        settings(&plan, service, &timeline, &application, traffic).into_iter().map(|finding| finding.what).collect()
    }

    fn quick() -> Application {
        Application {
            boot: Duration::from_secs(1),
            stops_in: Duration::from_secs(1),
            slowest_request: Duration::ZERO,
            image_megabytes: 100.0,
        }
    }

    const PLAIN: &str = "  web: { command: x, port: 80, listener: { port: 80 } }\n";

    #[test]
    fn a_sound_service_has_no_findings() {
        assert_eq!(findings(PLAIN, "web", quick(), None), Vec::<String>::new());
    }

    #[test]
    fn an_application_that_does_not_fit_its_settings_is_told() {
        let cases = [
            (Application { boot: Duration::from_secs(300), ..quick() }, "takes 300 s to boot"),
            (Application { slowest_request: Duration::from_secs(400), ..quick() }, "a request may take 400.0 s"),
            (Application { stops_in: Duration::from_secs(45), ..quick() }, "is killed after 30 s"),
        ];
        for (application, expected) in cases {
            let found = findings(PLAIN, "web", application, None);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
    }

    #[test]
    fn traffic_that_does_not_fit_the_settings_is_told() {
        let slow = Traffic { requests_per_second: 50.0, slowest: Duration::from_secs(99) };
        let found = findings(PLAIN, "web", quick(), Some(slow));
        assert!(found.len() == 1 && found[0].contains("a request may take 99.0 s"), "{found:?}");
        let canary = "  web: { command: x, port: 80, listener: { port: 80 }, deployment: { strategy: canary, percent: 5, step_bake: 5m } }\n";
        let few = |requests_per_second| Some(Traffic { requests_per_second, slowest: Duration::ZERO });
        let found = findings(canary, "web", quick(), few(2.0));
        assert!(found.len() == 1 && found[0].contains("are 30 requests: too few to judge by"), "{found:?}");
        assert_eq!(findings(canary, "web", quick(), few(20.0)), Vec::<String>::new());
    }

    #[test]
    fn a_rule_behind_one_that_takes_everything_is_told() {
        let services = "  all: { command: x, port: 80, listener: { port: 80, path: '/*', priority: 1 } }\n  api: { command: x, port: 80, listener: { port: 80, path: '/api/*', priority: 2 } }\n";
        let found = findings(services, "api", quick(), None);
        assert!(found.len() == 1 && found[0].contains("the rule of service all comes before"), "{found:?}");
        assert_eq!(findings(services, "all", quick(), None), Vec::<String>::new());
        let ordered = services.replace("priority: 1", "priority: 3");
        assert_eq!(findings(&ordered, "api", quick(), None), Vec::<String>::new());
    }

    #[test]
    fn patterns_cover_one_another() {
        for (pattern, other, expected) in [
            ("/*", "/api/*", true),
            ("/api/*", "/api/v1", true),
            ("/api/v?", "/api/v1", false),
            ("/api/*", "/*", false),
            ("*.example.com", "a.example.com", false),
            ("a.example.com", "a.example.com", true),
        ] {
            assert_eq!(matches_all(pattern, other), expected, "{pattern} {other}");
        }
    }
}
