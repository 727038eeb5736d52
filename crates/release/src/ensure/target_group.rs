//! The target group of a service: made when missing, its health check and attributes adjusted when they differ.

use aws_sdk_elasticloadbalancingv2::types::{Matcher, ProtocolEnum, TargetGroup, TargetGroupAttribute, TargetTypeEnum};

use super::load_balancer::Balancer;
use super::tags::{for_elb, tags};
use super::{Ensuring, to_come};
use crate::aws::{Connection, DoingExt};
use crate::config::ServiceName;
use crate::difference::Difference;
use crate::error::ReleaseError;
use crate::plan::{TargetGroupPlan, TargetType};
use crate::report::{Change, Resource};

/// Code of the answer to a name that nobody has.
pub(crate) const MISSING: &str = "TargetGroupNotFound";

/// The attribute that says how long a leaving target may finish its requests.
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// The attribute that says how long the share of a new target grows.
const SLOW_START: &str = "slow_start.duration_seconds";

/// The engine's attribute that says how long a new target must keep passing its checks.
const SETTLE_TIME: &str = "seatrial.settle_time.seconds";

/// The value of the attributes above where they are not shown.
const UNSET: &str = "0";

/// Finds the target group of this name.
pub(crate) async fn find(connection: &Connection, name: &str) -> Result<Option<TargetGroup>, ReleaseError> {
    let described = connection.elb.describe_target_groups().names(name).send().await;
    match described.doing(|| format!("looking for target group {name}")) {
        Ok(output) => Ok(output.target_groups().first().cloned()),
        Err(error) if error.has_code(MISSING) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes or adjusts the target group of a service and returns its ARN.
pub(super) async fn target_group(
    ensuring: &Ensuring<'_>,
    service: &ServiceName,
    wanted: &TargetGroupPlan,
    balancer: &Balancer,
) -> Result<String, ReleaseError> {
    let (arn, change) = match find(ensuring.connection, &wanted.name).await? {
        None => {
            let mut settings = check_differences(wanted, &TargetGroup::builder().build());
            settings.extend(attribute_changes(wanted, &[]).iter().map(|change| change.difference(false)));
            let arn = if ensuring.carries_out() {
                let arn = create(ensuring, service, wanted, balancer).await?;
                adjust_attributes(ensuring, &arn, wanted).await?;
                arn
            } else {
                to_come(Resource::TargetGroup, &wanted.name)
            };
            (arn, Change::Created(settings))
        }
        Some(existing) => {
            let arn = arn_of(&existing)?;
            let mut adjusted = adjust_check(ensuring, &arn, wanted, &existing).await?;
            adjusted.extend(adjust_attributes(ensuring, &arn, wanted).await?);
            (arn, if adjusted.is_empty() { Change::Unchanged } else { Change::Updated(adjusted) })
        }
    };
    ensuring.report.ensured(Resource::TargetGroup, &wanted.name, Some(service), change);
    Ok(arn)
}

fn arn_of(group: &TargetGroup) -> Result<String, ReleaseError> {
    group.target_group_arn().map(ToOwned::to_owned).ok_or(ReleaseError::Incomplete("the target group's ARN"))
}

async fn create(
    ensuring: &Ensuring<'_>,
    service: &ServiceName,
    wanted: &TargetGroupPlan,
    balancer: &Balancer,
) -> Result<String, ReleaseError> {
    let target_type = match wanted.target_type {
        TargetType::Ip => TargetTypeEnum::Ip,
        TargetType::Instance => TargetTypeEnum::Instance,
    };
    let created = ensuring
        .connection
        .elb
        .create_target_group()
        .name(&wanted.name)
        .protocol(ProtocolEnum::Http)
        .port(wanted.port)
        .target_type(target_type)
        .set_vpc_id(balancer.vpc.clone())
        .health_check_path(&wanted.health_check_path)
        .set_health_check_interval_seconds(wanted.health_check_interval)
        .set_health_check_timeout_seconds(wanted.health_check_timeout)
        .set_healthy_threshold_count(wanted.healthy_threshold)
        .set_unhealthy_threshold_count(wanted.unhealthy_threshold)
        .set_matcher(matcher(wanted))
        .set_tags(Some(for_elb(tags(ensuring.plan, Some(service)))))
        .send()
        .await
        .doing(|| format!("creating target group {}", wanted.name))?;
    arn_of(created.target_groups().first().ok_or(ReleaseError::Incomplete("the new target group"))?)
}

fn matcher(wanted: &TargetGroupPlan) -> Option<Matcher> {
    wanted.matcher.as_ref().map(|codes| Matcher::builder().http_code(codes).build())
}

async fn adjust_check(
    ensuring: &Ensuring<'_>,
    arn: &str,
    wanted: &TargetGroupPlan,
    existing: &TargetGroup,
) -> Result<Vec<Difference>, ReleaseError> {
    let differing = check_differences(wanted, existing);
    if ensuring.carries_out() && !differing.is_empty() {
        let modify = ensuring.connection.elb.modify_target_group().target_group_arn(arn);
        modify
            .health_check_path(&wanted.health_check_path)
            .set_health_check_interval_seconds(wanted.health_check_interval)
            .set_health_check_timeout_seconds(wanted.health_check_timeout)
            .set_healthy_threshold_count(wanted.healthy_threshold)
            .set_unhealthy_threshold_count(wanted.unhealthy_threshold)
            .set_matcher(matcher(wanted))
            .send()
            .await
            .doing(|| format!("adjusting target group {}", wanted.name))?;
    }
    Ok(differing)
}

/// The health-check settings that the plan states and the target group has otherwise.
fn check_differences(wanted: &TargetGroupPlan, existing: &TargetGroup) -> Vec<Difference> {
    let number = |name: &str, wanted: Option<i32>, existing: Option<i32>| {
        (wanted.is_some() && wanted != existing).then(|| Difference::new(name, existing, wanted))
    };
    let text = |name: &str, wanted: Option<&str>, existing: Option<&str>| {
        (wanted.is_some() && wanted != existing).then(|| Difference::new(name, existing, wanted))
    };
    [
        text("healthCheckPath", Some(&wanted.health_check_path), existing.health_check_path()),
        number("healthCheckIntervalSeconds", wanted.health_check_interval, existing.health_check_interval_seconds()),
        number("healthCheckTimeoutSeconds", wanted.health_check_timeout, existing.health_check_timeout_seconds()),
        number("healthyThresholdCount", wanted.healthy_threshold, existing.healthy_threshold_count()),
        number("unhealthyThresholdCount", wanted.unhealthy_threshold, existing.unhealthy_threshold_count()),
        text("matcher", wanted.matcher.as_deref(), existing.matcher().and_then(|matcher| matcher.http_code())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn adjust_attributes(
    ensuring: &Ensuring<'_>,
    arn: &str,
    wanted: &TargetGroupPlan,
) -> Result<Vec<Difference>, ReleaseError> {
    let described = ensuring
        .connection
        .elb
        .describe_target_group_attributes()
        .target_group_arn(arn)
        .send()
        .await
        .doing(|| format!("reading the attributes of target group {}", wanted.name))?;
    let changes = attribute_changes(wanted, described.attributes());
    if ensuring.carries_out() && !changes.is_empty() {
        let attribute = |change: &AttributeChange| {
            TargetGroupAttribute::builder().key(change.key).value(change.wanted.to_string()).build()
        };
        ensuring
            .connection
            .elb
            .modify_target_group_attributes()
            .target_group_arn(arn)
            .set_attributes(Some(changes.iter().map(attribute).collect()))
            .send()
            .await
            .doing(|| format!("adjusting target group {}", wanted.name))?;
    }
    Ok(changes.iter().map(|change| change.difference(true)).collect())
}

/// An attribute that the plan states and the target group has otherwise.
#[derive(Debug, PartialEq, Eq)]
struct AttributeChange {
    key: &'static str,
    before: String,
    wanted: i32,
}

impl AttributeChange {
    /// Of a target group that is there already, or of a new one.
    fn difference(&self, is_there: bool) -> Difference {
        Difference::new(self.key, is_there.then(|| self.before.clone()), self.wanted.to_string())
    }
}

fn attribute_changes(wanted: &TargetGroupPlan, existing: &[TargetGroupAttribute]) -> Vec<AttributeChange> {
    let stated = [
        (DEREGISTRATION_DELAY, wanted.deregistration_delay),
        (SLOW_START, Some(wanted.slow_start)),
        (SETTLE_TIME, wanted.settle_time),
    ];
    let change = |(key, wanted): (&'static str, Option<i32>)| {
        let wanted = wanted?;
        let found = existing.iter().find(|attribute| attribute.key() == Some(key));
        let before = found.and_then(TargetGroupAttribute::value).unwrap_or(UNSET);
        (before != wanted.to_string()).then(|| AttributeChange { key, before: before.to_owned(), wanted })
    };
    stated.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> TargetGroupPlan {
        TargetGroupPlan {
            name: "g".into(),
            port: 8080,
            target_type: TargetType::Ip,
            health_check_path: "/ready".into(),
            health_check_interval: Some(5),
            health_check_timeout: None,
            healthy_threshold: Some(2),
            unhealthy_threshold: Some(2),
            matcher: None,
            deregistration_delay: Some(10),
            slow_start: 0,
            settle_time: None,
        }
    }

    #[test]
    fn only_stated_settings_that_differ_are_adjusted() {
        let existing = TargetGroup::builder()
            .health_check_path("/")
            .health_check_interval_seconds(30)
            .health_check_timeout_seconds(6)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(2)
            .build();
        let differences: Vec<String> = check_differences(&plan(), &existing).iter().map(ToString::to_string).collect();
        assert_eq!(differences, ["healthCheckPath / → /ready", "healthCheckIntervalSeconds 30 → 5"]);
    }

    #[test]
    fn a_slow_start_is_sent_where_it_differs_and_taken_back_where_it_is_no_longer_written() {
        let existing = |value: &str| vec![TargetGroupAttribute::builder().key(SLOW_START).value(value).build()];
        let changes = |slow_start: i32, existing: &[TargetGroupAttribute]| {
            let wanted = TargetGroupPlan { slow_start, deregistration_delay: None, ..plan() };
            attribute_changes(&wanted, existing).iter().map(|change| change.wanted).collect::<Vec<_>>()
        };
        assert_eq!(changes(0, &[]), Vec::<i32>::new(), "a target group that shows none has none");
        assert_eq!(changes(0, &existing("0")), Vec::<i32>::new());
        assert_eq!(changes(30, &existing("0")), [30]);
        assert_eq!(changes(30, &existing("30")), Vec::<i32>::new());
        assert_eq!(changes(0, &existing("30")), [0]);
    }

    #[test]
    fn attributes_are_sent_only_where_they_differ_and_extensions_only_where_they_exist() {
        let attribute = |key: &str, value: &str| TargetGroupAttribute::builder().key(key).value(value).build();
        let changes = |settle_time, existing: &[TargetGroupAttribute]| {
            let wanted = TargetGroupPlan { settle_time, ..plan() };
            let changes = attribute_changes(&wanted, existing);
            changes.iter().map(|change| (change.key, change.before.clone(), change.wanted)).collect::<Vec<_>>()
        };
        let fresh = [attribute(DEREGISTRATION_DELAY, "300")];
        let right = [attribute(DEREGISTRATION_DELAY, "10"), attribute(SETTLE_TIME, "2")];
        assert_eq!(changes(None, &fresh), [(DEREGISTRATION_DELAY, "300".into(), 10)]);
        assert_eq!(changes(Some(0), &right[..1]), [], "none at all is zero seconds");
        assert_eq!(changes(Some(2), &right), []);
        assert_eq!(changes(Some(2), &right[..1]), [(SETTLE_TIME, "0".into(), 2)]);
        assert_eq!(changes(Some(0), &right), [(SETTLE_TIME, "2".into(), 0)]);
    }
}
