//! Asks CloudWatch about target groups. On the embedded engine there is a point a second, on AWS one a minute: both are asked for
//! until it is clear which come back.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use aws_smithy_types::DateTime;
use time::OffsetDateTime;

use super::rates::{HISTORY_MAX, Points, RECENT_LATENCY, Rates, Series, Spacing, rates};
use crate::aws::times::timestamp;
use crate::aws::{CallError, CallErrorKind, Connection, DoingExt};
use crate::plan::NAMESPACE;

/// What is asked of each target group: an id, a metric and a statistic.
const METRICS: [(&str, &str, &str); 9] = [
    ("requests", "RequestCount", "Sum"),
    ("answers2", "HTTPCode_Target_2XX_Count", "Sum"),
    ("answers3", "HTTPCode_Target_3XX_Count", "Sum"),
    ("answers4", "HTTPCode_Target_4XX_Count", "Sum"),
    ("answers5", "HTTPCode_Target_5XX_Count", "Sum"),
    ("errors", "TargetConnectionErrorCount", "Sum"),
    ("p50", "TargetResponseTime", "p50"),
    ("p95", "TargetResponseTime", "p95"),
    ("p99", "TargetResponseTime", "p99"),
];

/// How far back coarse points are asked for: CloudWatch on AWS is minutes late.
const COARSE_WINDOW: Duration = Duration::from_secs(15 * 60);

/// The period of coarse points, in seconds of the endpoint.
const COARSE_PERIOD: u32 = 60;

/// Time between two questions where points come once a minute. Every metric asked for costs on AWS.
const COARSE_INTERVAL: Duration = Duration::from_secs(15);

/// Time between two questions where points come once a second.
const FINE_INTERVAL: Duration = Duration::from_secs(1);

/// Most pages of an answer that are read; two groups fill a third of one.
const PAGES_MAX: usize = 5;

/// How fine the points are that an endpoint has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Resolution {
    /// No point has come yet.
    #[default]
    Unknown,
    Fine,
    Coarse,
}

impl Resolution {
    /// Time until it is worth asking again.
    pub fn interval(self, connection: &Connection) -> Duration {
        match self {
            Resolution::Unknown => connection.poll_interval() * 4,
            Resolution::Fine => FINE_INTERVAL,
            Resolution::Coarse => COARSE_INTERVAL,
        }
    }
}

/// A target group and the load balancer before it, by ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub group: String,
    pub balancer: String,
}

/// The rates of target groups by ARN, and how fine they are.
pub(super) async fn rates_of(
    connection: &Connection,
    groups: &[Group],
    resolution: Resolution,
    time_scale: u32,
    now: OffsetDateTime,
) -> Result<(BTreeMap<String, Rates>, Resolution), CallError> {
    match resolution {
        Resolution::Unknown | Resolution::Fine => {
            let asked = fine(time_scale);
            match ask(connection, groups, asked, now - history_window(asked), now).await {
                // Where they have come once, having none means that there are no requests.
                Ok(points) if resolution == Resolution::Fine || is_fine(&points) => {
                    return Ok((judged(&points, asked, now), Resolution::Fine));
                }
                Ok(_) => {}
                // An endpoint that has only coarse points may refuse to be asked for fine ones.
                Err(error) if error.kind() == CallErrorKind::Refused => {}
                Err(error) => return Err(error),
            }
        }
        Resolution::Coarse => {}
    }
    let asked = coarse(time_scale);
    let points = ask(connection, groups, asked, now - COARSE_WINDOW, now).await?;
    let found = if points.values().any(|points| !points.requests.is_empty()) {
        Resolution::Coarse
    } else {
        Resolution::Unknown
    };
    Ok((judged(&points, asked, now), found))
}

fn judged(points: &BTreeMap<String, Points>, asked: Asked, now: OffsetDateTime) -> BTreeMap<String, Rates> {
    points.iter().map(|(group, points)| (group.clone(), rates(points, asked.spacing(), now))).collect()
}

/// Periods to ask for, in seconds of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    period: u32,
    latency_period: u32,
    time_scale: u32,
}

impl Asked {
    fn spacing(self) -> Spacing {
        let real = |seconds: u32| Duration::from_secs(u64::from(seconds)) / self.time_scale.max(1);
        Spacing { period: real(self.period), latency_period: real(self.latency_period) }
    }
}

/// Periods of about a second of real time, and for percentiles, which cannot be put together later, of ten.
fn fine(time_scale: u32) -> Asked {
    let scale = time_scale.max(1);
    #[allow(clippy::cast_possible_truncation)] // ten seconds
    let recent = RECENT_LATENCY.as_secs() as u32;
    Asked { period: valid(scale), latency_period: valid(scale.saturating_mul(recent)), time_scale }
}

fn coarse(time_scale: u32) -> Asked {
    Asked { period: COARSE_PERIOD, latency_period: COARSE_PERIOD, time_scale }
}

/// The shortest period CloudWatch accepts that is not shorter than this.
fn valid(seconds: u32) -> u32 {
    [1, 5, 10, 20, 30].into_iter().find(|period| *period >= seconds).unwrap_or(seconds.div_ceil(60).saturating_mul(60))
}

fn history_window(asked: Asked) -> Duration {
    #[allow(clippy::cast_possible_truncation)] // sixty points
    let points = HISTORY_MAX as u32 + 5;
    asked.spacing().period * points
}

/// Whether points lie elsewhere than at whole minutes. Coarse points asked for by the second would be taken for a second's.
fn is_fine(points: &BTreeMap<String, Points>) -> bool {
    let all = points.values().flat_map(|points| points.requests.iter().chain(&points.connection_errors));
    all.into_iter().any(|(at, _)| at.unix_timestamp_nanos() % (60 * NANOSECONDS_PER_SECOND) != 0)
}

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

async fn ask(
    connection: &Connection,
    groups: &[Group],
    asked: Asked,
    from: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<BTreeMap<String, Points>, CallError> {
    let mut results: Vec<MetricDataResult> = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let answer = connection
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries(groups, asked)))
            .start_time(date(from))
            .end_time(date(now))
            .set_next_token(token.take())
            .send()
            .await
            .doing(|| "reading the metrics of target groups".into())?;
        results.extend(answer.metric_data_results.unwrap_or_default());
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(points(groups, &results))
}

fn queries(groups: &[Group], asked: Asked) -> Vec<MetricDataQuery> {
    let of_group = |(number, group): (usize, &Group)| {
        let dimensions =
            [("LoadBalancer", balancer_dimension(&group.balancer)), ("TargetGroup", group_dimension(&group.group))];
        let dimensions: Vec<Dimension> =
            dimensions.into_iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
        METRICS
            .into_iter()
            .map(|(id, name, stat)| {
                let metric =
                    Metric::builder().namespace(NAMESPACE).metric_name(name).set_dimensions(Some(dimensions.clone()));
                let period = if stat == "Sum" { asked.period } else { asked.latency_period };
                let stat = MetricStat::builder()
                    .metric(metric.build())
                    .period(i32::try_from(period).unwrap_or(i32::MAX))
                    .stat(stat)
                    .build();
                MetricDataQuery::builder().id(query_id(id, number)).metric_stat(stat).build()
            })
            .collect::<Vec<_>>()
    };
    groups.iter().enumerate().flat_map(of_group).collect()
}

fn query_id(metric: &str, group: usize) -> String {
    format!("{metric}_{group}")
}

/// Sorts an answer by target groups. Results of one id on several pages are one series.
fn points(groups: &[Group], results: &[MetricDataResult]) -> BTreeMap<String, Points> {
    let series = |metric: usize, group: usize| -> Series {
        let id = query_id(METRICS[metric].0, group);
        let mut series: Series = results
            .iter()
            .filter(|result| result.id() == Some(&id))
            .flat_map(|result| result.timestamps().iter().zip(result.values()))
            .filter_map(|(at, value)| Some((timestamp(Some(at))?, *value)))
            .collect();
        series.sort_by_key(|(at, _)| *at);
        series
    };
    groups
        .iter()
        .enumerate()
        .map(|(number, group)| {
            let points = Points {
                requests: series(0, number),
                answers: [1, 2, 3, 4].map(|metric| series(metric, number)),
                connection_errors: series(5, number),
                latency: [6, 7, 8].map(|metric| series(metric, number)),
            };
            (group.group.clone(), points)
        })
        .collect()
}

/// `app/NAME/ID`.
fn balancer_dimension(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name)
}

/// `targetgroup/NAME/ID`.
fn group_dimension(arn: &str) -> &str {
    arn.rsplit_once(':').map_or(arn, |(_, name)| name)
}

fn date(at: OffsetDateTime) -> DateTime {
    DateTime::from_secs_f64(at.unix_timestamp() as f64 + f64::from(at.millisecond()) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<Group> {
        ["blue", "green"]
            .map(|name| Group {
                group: format!("arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/{name}/1"),
                balancer: "arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/app/shop-dev/2".into(),
            })
            .to_vec()
    }

    #[test]
    fn periods_are_a_second_and_ten_of_real_time_as_near_as_cloudwatch_allows() {
        for (scale, period, latency_period) in [(1, 1, 10), (5, 5, 60), (7, 10, 120), (60, 60, 600), (100, 120, 1020)] {
            assert_eq!(fine(scale), Asked { period, latency_period, time_scale: scale }, "{scale}");
        }
        assert_eq!(fine(60).spacing().period, Duration::from_secs(1));
        assert_eq!(coarse(1).spacing().period, Duration::from_secs(60));
    }

    #[test]
    fn every_target_group_is_asked_for_by_its_load_balancer_and_itself() {
        let queries = queries(&groups(), fine(1));
        assert_eq!(queries.len(), 18);
        let last = queries.last().expect("there are queries");
        let stat = last.metric_stat().expect("a metric");
        let dimensions: Vec<_> = stat
            .metric()
            .expect("a metric")
            .dimensions()
            .iter()
            .map(|dimension| (dimension.name().unwrap_or_default(), dimension.value().unwrap_or_default()))
            .collect();
        assert_eq!(last.id(), Some("p99_1"));
        assert_eq!((stat.stat(), stat.period()), (Some("p99"), Some(10)));
        assert_eq!(dimensions, [("LoadBalancer", "app/shop-dev/2"), ("TargetGroup", "targetgroup/green/1")]);
    }

    #[test]
    fn results_find_their_groups_also_across_pages() {
        let result = |id: &str, seconds: i64, value: f64| {
            MetricDataResult::builder().id(id).timestamps(DateTime::from_secs(seconds)).values(value).build()
        };
        let results = [result("requests_1", 61, 2.0), result("requests_1", 60, 1.0), result("p99_0", 60, 0.5)];
        let points = points(&groups(), &results);
        let values = |series: &Series| series.iter().map(|(_, value)| *value).collect::<Vec<_>>();
        assert_eq!(values(&points[&groups()[1].group].requests), [1.0, 2.0]);
        assert_eq!(values(&points[&groups()[0].group].latency[2]), [0.5]);
    }

    #[test]
    fn points_at_whole_minutes_alone_are_coarse() {
        let of = |seconds: &[i64]| {
            let series = seconds
                .iter()
                .map(|second| (OffsetDateTime::from_unix_timestamp(*second).expect("a time"), 1.0))
                .collect();
            [("g".to_owned(), Points { requests: series, ..Points::default() })].into()
        };
        assert!(!is_fine(&of(&[])));
        assert!(!is_fine(&of(&[60, 120])));
        assert!(is_fine(&of(&[60, 61])));
    }
}
