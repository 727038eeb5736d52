//! CloudWatch over the wire, driven by the AWS SDK for Rust.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, DimensionFilter, HistoryItemType, Metric, MetricDataQuery, MetricDatum,
    MetricStat, ScanBy, StandardUnit, StateValue, Statistic, StatusCode, Tag,
};
use aws_sdk_cloudwatch::{Client, Config};
use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::cloudwatch::CloudWatch;
use seatrial_aws_wire::Service;
use serde_json::json;
use support::{ACCESS_KEY_ID, Endpoint, REGION, Request, SECRET};

struct Watching {
    world: World,
    front: Endpoint,
    cloudwatch: Client,
}

async fn start() -> Watching {
    let world = World::new();
    let operations = Arc::new(CloudWatch::new(world.engine.clone()));
    let front = support::start(Limits::default(), vec![(Service::CloudWatch, operations)]).await;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{}", front.address))
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "test"))
        .build();
    Watching { world, front, cloudwatch: Client::from_conf(config) }
}

impl Watching {
    /// An instant so many seconds after the world's first minute.
    fn at(&self, seconds: i64) -> DateTime {
        let now = self.world.engine.now().as_millis();
        DateTime::from_millis(now - now.rem_euclid(60_000) + seconds * 1000)
    }

    async fn put(&self, name: &str, values: &[f64], seconds: i64) {
        let data = values.iter().map(|value| {
            MetricDatum::builder()
                .metric_name(name)
                .dimensions(service("web"))
                .timestamp(self.at(seconds))
                .unit(StandardUnit::Seconds)
                .storage_resolution(1)
                .value(*value)
                .build()
        });
        let sent = self.cloudwatch.put_metric_data().namespace("Web").set_metric_data(Some(data.collect()));
        sent.send().await.expect("taken");
    }

    async fn alarm(&self, name: &str) {
        let put = self.cloudwatch.put_metric_alarm().alarm_name(name).namespace("Web").metric_name("Latency");
        let put = put.dimensions(service("web")).extended_statistic("p95").unit(StandardUnit::Seconds);
        let put = put.period(60).evaluation_periods(1).threshold(2.0);
        let put = put.comparison_operator(ComparisonOperator::GreaterThanThreshold);
        let put = put.alarm_actions("arn:aws:sns:us-east-1:123456789012:pager");
        put.tags(Tag::builder().key("team").value("web").build()).send().await.expect("an alarm");
    }

    async fn state(&self, name: &str) -> Option<StateValue> {
        let alarms = self.cloudwatch.describe_alarms().alarm_names(name).alarm_types(AlarmType::MetricAlarm);
        let alarms = alarms.alarm_types(AlarmType::CompositeAlarm).send().await.expect("alarms");
        let metric = alarms.metric_alarms().iter().filter_map(|alarm| alarm.state_value().cloned());
        metric.chain(alarms.composite_alarms().iter().filter_map(|alarm| alarm.state_value().cloned())).next()
    }
}

fn service(name: &str) -> Dimension {
    Dimension::builder().name("Service").value(name).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_put_evaluated_described_overridden_and_deleted() {
    let it = start().await;
    let driver = it.world.drive();
    it.alarm("slow").await;
    it.put("Latency", &[0.1, 3.0, 3.0], 30).await;
    it.world.clock.advance(Duration::from_secs(60));
    it.world.run(|_| Ok(()));
    let is_alarm = |state: &seatrial_engine::State| {
        state.alarms.get("slow").is_some_and(|alarm| alarm.state().value.as_str() == "ALARM")
    };
    it.world.until("the alarm", is_alarm);

    let alarms = it.cloudwatch.describe_alarms().alarm_name_prefix("sl").send().await.expect("alarms");
    let alarm = &alarms.metric_alarms()[0];
    assert_eq!(alarm.alarm_arn(), Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:slow"));
    assert_eq!((alarm.extended_statistic(), alarm.statistic()), (Some("p95"), None));
    assert_eq!((alarm.threshold(), alarm.period(), alarm.actions_enabled()), (Some(2.0), Some(60), Some(true)));
    assert_eq!(alarm.dimensions(), [service("web")]);
    assert!(alarm.state_reason().unwrap_or_default().starts_with("Threshold Crossed: 1 datapoint [3.0"));
    let moment = DateTime::from_millis(it.world.engine.now().as_millis());
    assert_eq!(alarm.state_updated_timestamp(), Some(&moment));

    let history = it.cloudwatch.describe_alarm_history().alarm_name("slow").max_records(2).send().await.expect("items");
    let kinds: Vec<_> = history.alarm_history_items().iter().filter_map(|item| item.history_item_type()).collect();
    assert_eq!(kinds, [&HistoryItemType::Action, &HistoryItemType::StateUpdate]);
    let rest = it.cloudwatch.describe_alarm_history().alarm_name("slow");
    let rest = rest.next_token(history.next_token().expect("there is more")).send().await.expect("items");
    assert_eq!(rest.alarm_history_items()[0].history_summary(), Some("Alarm \"slow\" created"));
    assert_eq!(rest.next_token(), None);

    let set = it.cloudwatch.set_alarm_state().alarm_name("slow").state_value(StateValue::Ok).state_reason("a test");
    set.send().await.expect("set");
    assert_eq!(it.state("slow").await, Some(StateValue::Ok));
    let set = it.cloudwatch.set_alarm_state().alarm_name("nobody").state_value(StateValue::Ok).state_reason("a test");
    let error = set.send().await.expect_err("no such alarm");
    assert_eq!(error.code(), Some("ResourceNotFound"));
    assert!(error.into_service_error().is_resource_not_found());

    it.cloudwatch.disable_alarm_actions().alarm_names("slow").send().await.expect("disabled");
    let for_metric = it.cloudwatch.describe_alarms_for_metric().namespace("Web").metric_name("Latency");
    let found = for_metric.clone().dimensions(service("web")).extended_statistic("p95").send().await.expect("alarms");
    assert_eq!(found.metric_alarms()[0].actions_enabled(), Some(false));
    assert!(for_metric.send().await.expect("alarms").metric_alarms().is_empty(), "another metric");
    it.cloudwatch.enable_alarm_actions().alarm_names("slow").send().await.expect("enabled");

    it.cloudwatch.delete_alarms().alarm_names("slow").send().await.expect("deleted");
    assert_eq!(it.state("slow").await, None);
    drop(driver);
    it.front.stop().await;
}

#[tokio::test]
async fn composite_alarms_follow_their_children() {
    let it = start().await;
    for name in ["a", "b"] {
        it.alarm(name).await;
    }
    let put = it.cloudwatch.put_composite_alarm().alarm_name("both").alarm_rule("ALARM(a) AND ALARM(b)");
    put.send().await.expect("an alarm");
    assert_eq!(it.state("both").await, Some(StateValue::Ok));
    for name in ["a", "b"] {
        let set = it.cloudwatch.set_alarm_state().alarm_name(name).state_value(StateValue::Alarm);
        set.state_reason("a test").state_reason_data("{\"by\":\"hand\"}").send().await.expect("set");
    }
    assert_eq!(it.state("both").await, Some(StateValue::Alarm));
    let children = it.cloudwatch.describe_alarms().children_of_alarm_name("both").send().await.expect("alarms");
    assert_eq!(children.metric_alarms().len(), 2);
    assert_eq!(children.metric_alarms()[0].metric_name(), None);
    let parents = it.cloudwatch.describe_alarms().parents_of_alarm_name("a").send().await.expect("alarms");
    assert_eq!(parents.composite_alarms()[0].alarm_name(), Some("both"));
    let error = it.cloudwatch.delete_alarms().alarm_names("a").send().await.expect_err("depended upon");
    assert!(error.message().unwrap_or_default().contains("composite alarms depending on it: [both]"), "{error:?}");
    let alarming = it.cloudwatch.describe_alarms().state_value(StateValue::Alarm).max_records(1);
    let first = alarming.clone().send().await.expect("a page");
    assert_eq!(first.metric_alarms()[0].alarm_name(), Some("a"));
    let token = first.next_token().expect("there is more").to_owned();
    let rest = alarming.next_token(token.clone()).send().await.expect("a page");
    assert_eq!((rest.metric_alarms()[0].alarm_name(), rest.next_token()), (Some("b"), None));
    let error = it.cloudwatch.describe_alarms().next_token(token).send().await.expect_err("of another listing");
    assert_eq!(error.code(), Some("InvalidNextToken"));
    it.front.stop().await;
}

#[tokio::test]
async fn metrics_are_listed_and_computed_with() {
    let it = start().await;
    it.put("Errors", &[1.0, 2.0], 0).await;
    it.put("Errors", &[5.0], 60).await;
    it.put("Requests", &[10.0], 0).await;
    it.put("Requests", &[20.0], 60).await;
    let listed = it.cloudwatch.list_metrics().namespace("Web");
    let listed = listed.dimensions(DimensionFilter::builder().name("Service").build()).send().await.expect("metrics");
    let names: Vec<_> = listed.metrics().iter().filter_map(|metric| metric.metric_name()).collect();
    assert_eq!(names, ["Errors", "Requests"]);

    let sum = |id: &str, name: &str| {
        let metric = Metric::builder().namespace("Web").metric_name(name).dimensions(service("web")).build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
        MetricDataQuery::builder().id(id).metric_stat(stat).return_data(false).build()
    };
    let rate = MetricDataQuery::builder().id("rate").expression("100 * e / r").label("error rate").build();
    let get = it.cloudwatch.get_metric_data().start_time(it.at(0)).end_time(it.at(120));
    let get = get.metric_data_queries(sum("e", "Errors")).metric_data_queries(sum("r", "Requests"));
    let get = get.metric_data_queries(rate);
    let data = get.clone().send().await.expect("data");
    let result = &data.metric_data_results()[0];
    assert_eq!((result.label(), result.values()), (Some("error rate"), &[25.0, 30.0][..]));
    assert_eq!(result.timestamps(), [it.at(60), it.at(0)]);
    assert_eq!(result.status_code(), Some(&StatusCode::Complete));

    let get = get.scan_by(ScanBy::TimestampAscending).max_datapoints(1);
    let first = get.clone().send().await.expect("a page");
    assert_eq!(first.metric_data_results()[0].values(), [30.0]);
    assert_eq!(first.metric_data_results()[0].status_code(), Some(&StatusCode::PartialData));
    let rest = get.next_token(first.next_token().expect("there is more")).send().await.expect("a page");
    assert_eq!((rest.metric_data_results()[0].values(), rest.next_token()), (&[25.0][..], None));

    let statistics = it.cloudwatch.get_metric_statistics().namespace("Web").metric_name("Errors");
    let statistics = statistics.dimensions(service("web")).start_time(it.at(0)).end_time(it.at(120)).period(60);
    let error = statistics.clone().send().await.expect_err("no statistic");
    assert_eq!(error.code(), Some("InvalidParameterCombination"));
    let statistics = statistics.statistics(Statistic::Average).statistics(Statistic::SampleCount);
    let points = statistics.extended_statistics("p50").send().await.expect("statistics");
    let point = &points.datapoints()[0];
    assert_eq!((point.average(), point.sample_count()), (Some(1.5), Some(2.0)));
    assert_eq!(point.unit(), Some(&StandardUnit::Seconds));
    assert!(point.extended_statistics().is_some_and(|statistics| statistics.contains_key("p50")));
    it.front.stop().await;
}

#[tokio::test]
async fn alarms_have_tags() {
    let it = start().await;
    it.alarm("slow").await;
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:slow";
    let tag = Tag::builder().key("stage").value("dev").build();
    it.cloudwatch.tag_resource().resource_arn(arn).tags(tag).send().await.expect("tagged");
    it.cloudwatch.untag_resource().resource_arn(arn).tag_keys("team").send().await.expect("untagged");
    let tags = it.cloudwatch.list_tags_for_resource().resource_arn(arn).send().await.expect("tags");
    let keys: Vec<_> = tags.tags().iter().filter_map(|tag| tag.key()).collect();
    assert_eq!(keys, ["stage"]);
    let error = it.cloudwatch.list_tags_for_resource().resource_arn("arn:nothing").send().await.expect_err("nothing");
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
    it.cloudwatch.delete_alarms().alarm_names("slow").send().await.expect("deleted");
    assert_eq!(it.world.engine.read(|state| state.tags.len()), 0);
    it.front.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_under_cloudwatchs_codes() {
    let it = start().await;
    let datum = MetricDatum::builder().metric_name("RequestCount").value(1.0).build();
    let put = it.cloudwatch.put_metric_data().namespace("AWS/ApplicationELB").metric_data(datum.clone());
    assert_eq!(put.send().await.expect_err("reserved").code(), Some("InvalidParameterValue"));
    let put =
        it.cloudwatch.put_metric_data().namespace("Web").metric_data(MetricDatum::builder().metric_name("A").build());
    let error = put.send().await.expect_err("no value");
    assert_eq!(error.code(), Some("MissingParameter"));
    assert!(error.into_service_error().is_missing_required_parameter_exception());
    let many = vec![datum; 1001];
    let put = it.cloudwatch.put_metric_data().namespace("Web").set_metric_data(Some(many));
    assert_eq!(put.send().await.expect_err("too many").code(), Some("InvalidParameterValue"));
    let put = it.cloudwatch.put_metric_alarm().alarm_name("a").namespace("Web").metric_name("A").period(60);
    let put = put.evaluation_periods(1).threshold(1.0).comparison_operator(ComparisonOperator::LessThanThreshold);
    let both = put.statistic(Statistic::Sum).extended_statistic("p50");
    assert_eq!(both.send().await.expect_err("both").code(), Some("InvalidParameterCombination"));
    let get = it.cloudwatch.get_metric_data().start_time(it.at(60)).end_time(it.at(0));
    let query = MetricDataQuery::builder().id("a").expression("1").build();
    assert_eq!(get.metric_data_queries(query).send().await.expect_err("backwards").code(), Some("ValidationError"));
    let error = it.cloudwatch.list_dashboards().send().await.expect_err("not there");
    assert_eq!(error.code(), Some("InvalidAction"));
    it.front.stop().await;
}

#[tokio::test]
async fn the_query_and_json_protocols_reach_the_same_alarms() {
    let it = start().await;
    let form = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=old&Namespace=Web&MetricName=Errors&Statistic=Sum\
                &Period=60&EvaluationPeriods=2&DatapointsToAlarm=1&Threshold=5&ActionsEnabled=false\
                &ComparisonOperator=GreaterThanThreshold&Dimensions.member.1.Name=Service&Dimensions.member.1.Value=web";
    let answer = it.front.send(&Request::form("monitoring", form)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let headers = vec![
        ("content-type", "application/x-amz-json-1.0".to_owned()),
        ("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms".to_owned()),
    ];
    let request = Request { service: "monitoring", headers, ..Request::json("", "{}") };
    let alarm = it.front.send(&request).await.json()["MetricAlarms"][0].clone();
    assert_eq!(alarm["Dimensions"], json!([{ "Name": "Service", "Value": "web" }]));
    assert_eq!((&alarm["Threshold"], &alarm["ActionsEnabled"]), (&json!(5.0), &json!(false)));
    assert_eq!(alarm["DatapointsToAlarm"], 1);
    it.front.stop().await;
}
