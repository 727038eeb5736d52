//! CloudWatch's three protocols through the front: the AWS SDK for Rust speaks CBOR, the other two are written by hand.

mod support;

use std::sync::{Arc, Mutex};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StateValue, Statistic};
use seatrial_aws_api::{Limits, OperationError, OperationFuture, Operations, RequestContext};
use seatrial_aws_wire::{AnyTimestamp, Double, Input, OperationName, Service, ServiceError};
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use support::{ACCESS_KEY_ID, Endpoint, REGION, Request, SECRET, start};

/// A moment with a fraction: 2026-01-31T12:00:00.250Z.
const MOMENT: Timestamp = Timestamp::from_millis(1_769_860_800_250);

/// Stands for CloudWatch: keeps the data it is given, and answers what every protocol has its own form for.
#[derive(Default)]
struct Probe {
    data: Mutex<Vec<Datum>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Datum {
    metric_name: String,
    timestamp: Option<AnyTimestamp>,
    value: Option<Double>,
    #[serde(default)]
    dimensions: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutMetricData {
    metric_data: Vec<Datum>,
}

impl Probe {
    fn answer(&self, operation: &str, input: &Input) -> Result<Value, OperationError> {
        match operation {
            "PutMetricData" => {
                let request: PutMetricData = input.read()?;
                self.data().extend(request.metric_data);
                Ok(json!({}))
            }
            "DescribeAlarms" => Ok(json!({
                "MetricAlarms": [{
                    "AlarmName": "web 5xx",
                    "ActionsEnabled": true,
                    "StateValue": "ALARM",
                    "StateUpdatedTimestamp": AnyTimestamp(MOMENT),
                    "Threshold": 5.0,
                    "Period": 60,
                    "Dimensions": [],
                }],
                "CompositeAlarms": [],
            })),
            "GetMetricStatistics" => Ok(json!({
                "Label": "Latency",
                "Datapoints": [{"Timestamp": AnyTimestamp(MOMENT), "Average": 0.5, "ExtendedStatistics": {"p99.9": 2.0}}],
            })),
            "SetAlarmState" => Err(ServiceError::sender("ResourceNotFound", "no such alarm: é").into()),
            _ => Err(OperationError::NotImplemented),
        }
    }

    fn data(&self) -> std::sync::MutexGuard<'_, Vec<Datum>> {
        self.data.lock().expect("no test panics while it holds the lock")
    }
}

impl Operations for Probe {
    fn call<'a>(
        &'a self,
        _context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        Box::pin(async move { self.answer(operation.as_str(), input) })
    }
}

async fn start_probe(limits: Limits) -> (Endpoint, Arc<Probe>) {
    let probe = Arc::new(Probe::default());
    (start(limits, vec![(Service::CloudWatch, probe.clone())]).await, probe)
}

fn client(front: &Endpoint, secret: &str) -> Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{}", front.address))
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, secret, None, None, "test"))
        .build();
    Client::from_conf(config)
}

fn form(form: &str) -> Request {
    Request::form("monitoring", form)
}

fn json(operation: &str, body: &str) -> Request {
    let headers = vec![
        ("content-type", "application/x-amz-json-1.0".to_owned()),
        ("x-amz-target", format!("GraniteServiceVersion20100801.{operation}")),
        ("x-amzn-query-mode", "true".to_owned()),
    ];
    Request { service: "monitoring", headers, ..Request::json("", body) }
}

fn cbor(operation: &str, body: &[u8]) -> Request {
    let headers = vec![("smithy-protocol", "rpc-v2-cbor".to_owned()), ("content-type", "application/cbor".to_owned())];
    let target = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
    Request { service: "monitoring", headers, target, body: body.to_vec(), ..Request::json("", "") }
}

#[tokio::test]
async fn the_sdk_sends_metrics_and_reads_statistics() {
    let (front, probe) = start_probe(Limits::default()).await;
    let client = client(&front, SECRET);
    let dimension = Dimension::builder().name("Service").value("web").build();
    let datum = MetricDatum::builder()
        .metric_name("Latency")
        .timestamp(DateTime::from_millis(MOMENT.as_millis()))
        .value(0.75)
        .unit(StandardUnit::Seconds)
        .dimensions(dimension);
    client.put_metric_data().namespace("Web").metric_data(datum.build()).send().await.expect("an answer");
    let expected = Datum {
        metric_name: "Latency".to_owned(),
        timestamp: Some(AnyTimestamp(MOMENT)),
        value: Some(Double(0.75)),
        dimensions: vec![json!({"Name": "Service", "Value": "web"})],
    };
    assert_eq!(*probe.data(), [expected]);

    let statistics = client
        .get_metric_statistics()
        .namespace("Web")
        .metric_name("Latency")
        .start_time(DateTime::from_secs(0))
        .end_time(DateTime::from_secs(60))
        .period(60)
        .statistics(Statistic::Average)
        .send()
        .await
        .expect("statistics");
    let point = &statistics.datapoints()[0];
    assert_eq!(point.timestamp(), Some(&DateTime::from_millis(MOMENT.as_millis())));
    assert_eq!(point.average(), Some(0.5));
    assert_eq!(point.extended_statistics().and_then(|statistics| statistics.get("p99.9")), Some(&2.0));
    front.stop().await;
}

#[tokio::test]
async fn the_sdk_reads_alarms_and_the_codes_of_refusals() {
    let (front, _) = start_probe(Limits::default()).await;
    let alarms = client(&front, SECRET).describe_alarms().send().await.expect("alarms");
    let alarm = &alarms.metric_alarms()[0];
    assert_eq!((alarm.alarm_name(), alarm.state_value()), (Some("web 5xx"), Some(&StateValue::Alarm)));
    assert_eq!((alarm.threshold(), alarm.period()), (Some(5.0), Some(60)));

    let set = client(&front, SECRET).set_alarm_state().alarm_name("a").state_value(StateValue::Ok).state_reason("b");
    let error = set.send().await.expect_err("no such alarm");
    assert_eq!((error.code(), error.message()), (Some("ResourceNotFound"), Some("no such alarm: é")));
    let error = error.into_service_error();
    assert!(error.is_resource_not_found(), "{error:?}");

    let error = client(&front, SECRET).list_dashboards().send().await.expect_err("not there");
    let expected = "The operation ListDashboards of CloudWatch is not implemented by this engine.";
    assert_eq!((error.code(), error.message()), (Some("InvalidAction"), Some(expected)));
    let error = client(&front, "wrong").describe_alarms().send().await.expect_err("a wrong secret");
    assert_eq!(error.code(), Some("InvalidSignatureException"));
    front.stop().await;
}

#[tokio::test]
async fn the_sdk_sends_large_bodies_compressed() {
    let (front, probe) = start_probe(Limits::default()).await;
    let data = (0..1000).map(|number| MetricDatum::builder().metric_name("Latency").value(f64::from(number)).build());
    let sent =
        client(&front, SECRET).put_metric_data().namespace("Web").set_metric_data(Some(data.collect())).send().await;
    sent.expect("an answer");
    let sum: f64 = probe.data().iter().filter_map(|datum| datum.value).map(|Double(value)| value).sum();
    assert_eq!((probe.data().len(), sum), (1000, 499_500.0));
    front.stop().await;
}

#[tokio::test]
async fn an_answer_has_the_form_of_its_protocol() {
    let (front, _) = start_probe(Limits::default()).await;
    let answer = front.send(&json("GetMetricStatistics", "{}")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-amz-json-1.0")));
    let point = json!({"Timestamp": 1_769_860_800.25, "Average": 0.5, "ExtendedStatistics": {"p99.9": 2.0}});
    assert_eq!(answer.json()["Datapoints"], json!([point]));

    let answer = front.send(&form("Action=GetMetricStatistics&Version=2010-08-01")).await;
    let expected = "<GetMetricStatisticsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">\
                    <GetMetricStatisticsResult><Datapoints><member><Average>0.5</Average><ExtendedStatistics><entry>\
                    <key>p99.9</key><value>2.0</value></entry></ExtendedStatistics>\
                    <Timestamp>2026-01-31T12:00:00.250Z</Timestamp></member></Datapoints>";
    assert!(answer.body.starts_with(expected), "{}", answer.body);

    let answer = front.send(&cbor("PutMetricData", b"\xa1\x6aMetricData\x80")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/cbor")));
    assert_eq!((answer.header("smithy-protocol"), answer.bytes.as_slice()), (Some("rpc-v2-cbor"), &[0xa0][..]));
    front.stop().await;
}

#[tokio::test]
async fn an_error_has_its_name_and_status_in_each_protocol() {
    let (front, _) = start_probe(Limits::default()).await;
    let answer = front.send(&json("SetAlarmState", "{}")).await;
    assert_eq!((answer.status, answer.header("x-amzn-query-error")), (404, Some("ResourceNotFound;Sender")));
    assert_eq!(answer.json()["__type"], "ResourceNotFound");
    let answer = front.send(&form("Action=SetAlarmState&Version=2010-08-01")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("<Type>Sender</Type><Code>ResourceNotFound</Code>"), "{}", answer.body);
    let answer = front.send(&cbor("SetAlarmState", b"\xa0")).await;
    assert_eq!((answer.status, answer.header("x-amzn-query-error")), (404, Some("ResourceNotFound;Sender")));

    let answer = front.send(&cbor("SetAlarmState", b"\xa1")).await;
    assert_eq!((answer.status, answer.header("x-amzn-query-error")), (400, Some("ValidationError;Sender")));
    assert!(answer.body.contains("The request body is not valid CBOR"), "{}", answer.body);
    let elsewhere = Request { service: "ecs", ..cbor("DescribeAlarms", b"\xa0") };
    let answer = front.send(&elsewhere).await;
    assert!(answer.body.contains("Credential should be scoped to correct service: 'monitoring'."), "{}", answer.body);
    front.stop().await;
}

/// 5000 spaces and `{}`, as Python's gzip writes them.
const SPACES: &str = "1f8b0800000000000203edc1411100000c02a02af6f4ecbe14fb010900000000f0ad3b0c3f83f48a130000";

fn compressed_spaces() -> Request {
    let mut request = json("DescribeAlarms", "");
    request.headers.push(("content-encoding", "gzip".to_owned()));
    let byte = |index: usize| u8::from_str_radix(&SPACES[index..index + 2], 16).expect("hex");
    request.body = (0..SPACES.len()).step_by(2).map(byte).collect();
    request
}

#[tokio::test]
async fn a_compressed_body_keeps_to_the_limit_when_it_is_read() {
    let (front, _) = start_probe(Limits { body_bytes: 5002, ..Limits::default() }).await;
    assert_eq!(front.send(&compressed_spaces()).await.status, 200);
    let mut cut = compressed_spaces();
    cut.body.truncate(20);
    assert_eq!(front.send(&cut).await.status, 400);
    front.stop().await;

    let (front, _) = start_probe(Limits { body_bytes: 5001, ..Limits::default() }).await;
    let answer = front.send(&compressed_spaces()).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (413, Some("RequestEntityTooLargeException")));
    front.stop().await;
}
