//! What copies of requests have told of a new version so far: read from the metrics in which the engine publishes it.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::types::{Dimension, DimensionFilter, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_sdk_ecs::types::ServiceDeployment;
use serde::Serialize;

use crate::aws::Connection;

/// Where the engine publishes it.
const NAMESPACE: &str = "Seatrial/Mirror";
/// Percentiles are those of the newest minute: there is no telling of those of a longer time from shorter ones.
const RECENT_PERIOD: i32 = 60;
/// A deployment younger than this is counted to the second, so that what the one before it counted is not in it.
const COUNTED_TO_THE_SECOND: Duration = Duration::from_secs(3600);

/// The copies of one deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mirrored {
    /// How many were sent to the new version.
    pub requests: u64,
    /// How many were answered with another status than their originals.
    pub mismatches: u64,
    /// How much longer the new version takes for the same requests, in milliseconds: the difference of the two 95th percentiles.
    pub p95_difference: Option<f64>,
}

/// Reads what is known of a running deployment's copies; nothing before the first, or when it cannot be read.
pub(crate) async fn mirrored(connection: &Connection, deployment: &ServiceDeployment) -> Option<Mirrored> {
    let began: SystemTime = (*deployment.started_at()?).try_into().ok()?;
    let dimensions = dimensions(connection, deployment).await?;
    let now = SystemTime::now();
    let is_young = now.duration_since(began).is_ok_and(|age| age < COUNTED_TO_THE_SECOND);
    let counted = if is_young { 1 } else { RECENT_PERIOD };
    let queries = [
        ("requests", "MirroredRequestCount", "Sum", counted),
        ("mismatches", "StatusMismatchCount", "Sum", counted),
        ("copies", "MirrorResponseTime", "p95", RECENT_PERIOD),
        ("originals", "OriginalResponseTime", "p95", RECENT_PERIOD),
    ];
    let query = |(id, name, statistic, period): (&str, &str, &str, i32)| {
        let metric = Metric::builder().namespace(NAMESPACE).metric_name(name).set_dimensions(Some(dimensions.clone()));
        let of = MetricStat::builder().metric(metric.build()).period(period).stat(statistic).build();
        MetricDataQuery::builder().id(id).metric_stat(of).build()
    };
    let asked = connection
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries.map(query).to_vec()))
        .start_time(began.into())
        .end_time((now + Duration::from_secs(1)).into())
        .scan_by(ScanBy::TimestampDescending);
    let answer = asked.send().await.ok()?;
    let values = |id: &str| {
        let result = answer.metric_data_results().iter().find(|result| result.id() == Some(id));
        result.map(|result| result.values().to_vec()).unwrap_or_default()
    };
    let sum = |id: &str| values(id).iter().sum::<f64>().round() as u64;
    let newest = |id: &str| values(id).first().copied();
    let p95_difference =
        newest("copies").zip(newest("originals")).map(|(copies, originals)| (copies - originals) * 1e3);
    Some(Mirrored { requests: sum("requests"), mismatches: sum("mismatches"), p95_difference })
        .filter(|mirrored| mirrored.requests > 0)
}

/// The dimensions of the metrics about the target group that the new version is registered in.
async fn dimensions(connection: &Connection, deployment: &ServiceDeployment) -> Option<Vec<Dimension>> {
    let revision = deployment.target_service_revision()?.arn()?;
    let described = connection.ecs.describe_service_revisions().service_revision_arns(revision).send().await.ok()?;
    let resolved = described.service_revisions().first()?.resolved_configuration()?;
    let group = resolved.load_balancers().first()?.target_group_arn()?;
    let name = group.rsplit(':').next()?;
    let filter = DimensionFilter::builder().name("TargetGroup").value(name).build();
    let listed = connection.cloudwatch.list_metrics().namespace(NAMESPACE).metric_name("MirroredRequestCount");
    let listed = listed.dimensions(filter).send().await.ok()?;
    Some(listed.metrics().first()?.dimensions().to_vec())
}
