//! The pair of alarms of a target tracking policy, named and set as Application Auto Scaling does for ECS: three minutes above the target
//! fire the one, fifteen minutes below nine tenths of it the other.

use seatrial_cloudwatch::alarm::{Actions, MetricAlarmSpec};
use seatrial_cloudwatch::metric::{DimensionSpec, MetricSpec};
use seatrial_cloudwatch::query::{MetricDataQuerySpec, MetricStatSpec};
use seatrial_cloudwatch::{AlarmName, MetricAlarm};

use super::configuration::{CustomizedMetricSpecification, MetricDataQuery, MetricDimension};
use super::policy::{PolicyKind, PredefinedMetric, ScaleIn, ScalingPolicy, TrackedMetric, TrackingAlarms};
use super::refusals::validation;
use super::resource::ScalableResource;
use crate::cloudwatch::alarms;
use crate::refusal::Refusal;
use crate::state::Tags;
use crate::transaction::Transaction;

/// The period of both alarms, in seconds.
const PERIOD: i64 = 60;
const HIGH_PERIODS: i64 = 3;
const LOW_PERIODS: i64 = 15;
/// At which share of the target capacity is taken away: the distance keeps the count from going up and down.
const LOW_SHARE: f64 = 0.9;

/// Makes the alarms of a policy, or adjusts those that `former` names, and notes their names in it.
pub(super) fn put(
    tx: &mut Transaction<'_>,
    policy: &mut ScalingPolicy,
    former: Option<TrackingAlarms>,
) -> Result<(), Refusal> {
    let PolicyKind::TargetTracking(tracking) = &mut policy.kind else { return Ok(()) };
    let name = |tx: &Transaction<'_>, which| format!("TargetTracking-{}-{which}-{}", policy.resource, tx.draw_uuid());
    let (former_high, former_low) = former.map(|alarms| (alarms.high, alarms.low)).unzip();
    let former_low = former_low.flatten();
    let high = former_high.unwrap_or_else(|| name(tx, "AlarmHigh"));
    let low = match tracking.scale_in {
        ScaleIn::Enabled => Some(former_low.clone().unwrap_or_else(|| name(tx, "AlarmLow"))),
        ScaleIn::Disabled => None,
    };
    let base = watched(&tracking.metric, &policy.resource);
    let target = tracking.target();
    let mut wanted = vec![(&high, HIGH_PERIODS, target, "GreaterThanThreshold")];
    wanted.extend(low.as_ref().map(|low| (low, LOW_PERIODS, low_threshold(target), "LessThanThreshold")));
    for (name, periods, threshold, comparison) in wanted {
        let alarm = MetricAlarm::parse(MetricAlarmSpec {
            alarm_name: name.clone(),
            alarm_description: Some(format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}.", policy.arn)),
            actions: Actions { enabled: true, alarm: vec![policy.arn.clone()], ..Actions::default() },
            evaluation_periods: Some(periods),
            threshold: Some(threshold),
            comparison_operator: Some(comparison.to_owned()),
            ..base.clone()
        });
        let alarm = alarm.map_err(|invalid| validation(invalid.message))?;
        alarms::put_metric(tx, alarm, Tags::new())?;
    }
    let gone = former_low.filter(|former| low.as_ref() != Some(former));
    delete(tx, gone.into_iter().collect());
    tracking.alarms = Some(TrackingAlarms { high, low });
    Ok(())
}

/// Deletes the alarms that were made for a policy.
pub(super) fn remove(tx: &mut Transaction<'_>, policy: &ScalingPolicy) {
    delete(tx, policy.own_alarms().map(str::to_owned).collect());
}

/// An alarm that a composite one depends on stays: to let it go would take the composite one away from whoever made it.
fn delete(tx: &mut Transaction<'_>, names: Vec<String>) {
    for name in names.iter().filter_map(|name| AlarmName::parse(name).ok()) {
        if let Err(refusal) = alarms::delete(tx, std::slice::from_ref(&name)) {
            tracing::warn!(alarm = %name, %refusal, "an alarm of a scaling policy stays");
        }
    }
}

/// 90 % of 70 is 63, not the number next to it.
fn low_threshold(target: f64) -> f64 {
    let exact = target * LOW_SHARE;
    let rounded = (exact * 1e6).round() / 1e6;
    if (rounded - exact).abs() <= exact.abs() * 1e-12 { rounded } else { exact }
}

/// What the alarms watch.
fn watched(metric: &TrackedMetric, resource: &ScalableResource) -> MetricAlarmSpec {
    let of_service = |name: &str| {
        let dimensions = [("ClusterName", resource.cluster.as_str()), ("ServiceName", resource.service.as_str())];
        MetricAlarmSpec { unit: Some("Percent".to_owned()), ..single("AWS/ECS", name, &dimensions, "Average") }
    };
    match metric {
        TrackedMetric::Predefined(PredefinedMetric::Cpu) => of_service("CPUUtilization"),
        TrackedMetric::Predefined(PredefinedMetric::Memory) => of_service("MemoryUtilization"),
        TrackedMetric::Predefined(PredefinedMetric::RequestsPerTarget { load_balancer, target_group }) => {
            let dimensions = [("LoadBalancer", load_balancer.as_str()), ("TargetGroup", target_group.as_str())];
            single("AWS/ApplicationELB", "RequestCountPerTarget", &dimensions, "Sum")
        }
        TrackedMetric::Customized(customized) => of_customized(customized),
    }
}

fn single(namespace: &str, name: &str, dimensions: &[(&str, &str)], statistic: &str) -> MetricAlarmSpec {
    let dimension =
        |(name, value): &(&str, &str)| DimensionSpec { name: (*name).to_owned(), value: (*value).to_owned() };
    MetricAlarmSpec {
        namespace: Some(namespace.to_owned()),
        metric_name: Some(name.to_owned()),
        dimensions: dimensions.iter().map(dimension).collect(),
        statistic: Some(statistic.to_owned()),
        period: Some(PERIOD),
        ..MetricAlarmSpec::default()
    }
}

/// What does not fit together is left to CloudWatch's own rules to refuse.
fn of_customized(customized: &CustomizedMetricSpecification) -> MetricAlarmSpec {
    let is_single = customized.metrics.is_empty();
    MetricAlarmSpec {
        namespace: customized.namespace.clone(),
        metric_name: customized.metric_name.clone(),
        dimensions: dimensions(&customized.dimensions),
        statistic: customized.statistic.clone(),
        unit: customized.unit.clone(),
        period: is_single.then_some(PERIOD),
        metrics: customized.metrics.iter().map(query).collect(),
        ..MetricAlarmSpec::default()
    }
}

fn query(query: &MetricDataQuery) -> MetricDataQuerySpec {
    MetricDataQuerySpec {
        id: query.id.clone(),
        metric_stat: query.metric_stat.as_ref().map(|stat| MetricStatSpec {
            metric: MetricSpec {
                namespace: stat.metric.namespace.clone(),
                name: stat.metric.metric_name.clone(),
                dimensions: dimensions(&stat.metric.dimensions),
            },
            period: PERIOD,
            stat: stat.stat.clone(),
            unit: stat.unit.clone(),
        }),
        expression: query.expression.clone(),
        label: query.label.clone(),
        period: None,
        return_data: query.return_data,
    }
}

fn dimensions(list: &[MetricDimension]) -> Vec<DimensionSpec> {
    list.iter().map(|it| DimensionSpec { name: it.name.clone(), value: it.value.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_of_a_target_are_the_number_a_person_expects() {
        for (target, low) in [(70.0, 63.0), (80.0, 72.0), (1000.0, 900.0), (0.3, 0.27), (33.0, 29.7)] {
            assert_eq!(low_threshold(target), low);
        }
        assert_eq!(low_threshold(1.0 / 3.0), 1.0 / 3.0 * 0.9);
    }
}
