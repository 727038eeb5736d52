//! Shapes that several requests have, and what they are to the parsers of `seatrial-cloudwatch`.

use seatrial_cloudwatch::metric::{DimensionSpec, MetricSpec};
use seatrial_cloudwatch::query::{MetricDataQuerySpec, MetricStatSpec};
use seatrial_cloudwatch::{AlarmName, Invalid, Metric};
use serde::Deserialize;

/// `Dimension`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Dimension {
    name: String,
    value: String,
}

/// `Metric`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct MetricMember {
    namespace: String,
    metric_name: String,
    dimensions: Vec<Dimension>,
}

/// `MetricDataQuery`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct MetricDataQuery {
    id: String,
    metric_stat: Option<MetricStat>,
    expression: Option<String>,
    label: Option<String>,
    return_data: Option<bool>,
    period: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MetricStat {
    metric: MetricMember,
    period: i64,
    stat: String,
    unit: Option<String>,
}

pub(super) fn dimensions(list: Vec<Dimension>) -> Vec<DimensionSpec> {
    list.into_iter().map(|Dimension { name, value }| DimensionSpec { name, value }).collect()
}

/// Parses the identity of a metric.
pub(super) fn metric(namespace: String, name: String, list: Vec<Dimension>) -> Result<Metric, Invalid> {
    Metric::parse(&MetricSpec { namespace, name, dimensions: dimensions(list) })
}

pub(super) fn queries(list: Vec<MetricDataQuery>) -> Vec<MetricDataQuerySpec> {
    list.into_iter().map(query).collect()
}

pub(super) fn alarm_names(list: &[String]) -> Result<Vec<AlarmName>, Invalid> {
    list.iter().map(|name| AlarmName::parse(name)).collect()
}

fn query(query: MetricDataQuery) -> MetricDataQuerySpec {
    let stat = |stat: MetricStat| MetricStatSpec {
        metric: MetricSpec {
            namespace: stat.metric.namespace,
            name: stat.metric.metric_name,
            dimensions: dimensions(stat.metric.dimensions),
        },
        period: stat.period,
        stat: stat.stat,
        unit: stat.unit,
    };
    MetricDataQuerySpec {
        id: query.id,
        metric_stat: query.metric_stat.map(stat),
        expression: query.expression,
        label: query.label,
        period: query.period,
        return_data: query.return_data,
    }
}
