//! One request in the three protocols of CloudWatch reads as one input. The bytes are what botocore 1.44.5 sends.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use seatrial_aws_wire::sigv4::RequestHead;
use seatrial_aws_wire::{AnyTimestamp, Double, Input, Protocol, Service, ServiceError, route};
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Routes a request to CloudWatch and reads its input, after checking where it leads.
fn read<T: DeserializeOwned>(
    operation: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &[u8],
) -> (Protocol, T) {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")))
        .collect();
    let head = RequestHead { method: &Method::POST, path, query: "", headers: &headers };
    let (route, input) = route(&head, body, "monitoring").expect("a route");
    assert_eq!((route.service, route.operation.as_str()), (Service::CloudWatch, operation));
    (route.protocol, input.read().unwrap_or_else(|error| panic!("{:?}: {error}", route.protocol)))
}

/// Reads the same request in each protocol.
fn read_all<T: DeserializeOwned>(operation: &str, cbor: &str, json: &str, form: &str) -> [(Protocol, T); 3] {
    let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
    let cbor_headers = [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-query-mode", "true"),
        ("accept", "application/cbor"),
        ("content-type", "application/cbor"),
    ];
    let target = format!("GraniteServiceVersion20100801.{operation}");
    let json_headers = [
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amzn-query-mode", "true"),
    ];
    let form_headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let cbor = hex::decode(cbor.replace(' ', "")).expect("hex");
    let all = [
        read(operation, &path, &cbor_headers, &cbor),
        read(operation, "/", &json_headers, json.as_bytes()),
        read(operation, "/", &form_headers, form.as_bytes()),
    ];
    assert_eq!(
        all.each_ref().map(|(protocol, _)| *protocol),
        [Protocol::RpcV2Cbor, Protocol::AwsJson10, Protocol::Query]
    );
    all
}

fn at(millis: i64) -> AnyTimestamp {
    AnyTimestamp(Timestamp::from_millis(millis))
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct PutMetricAlarm {
    alarm_name: String,
    actions_enabled: bool,
    dimensions: Vec<Dimension>,
    period: u32,
    threshold: f64,
    tags: Vec<Dimension>,
    unit: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

#[test]
fn flags_numbers_and_structures_are_the_same_in_each_protocol() {
    let cbor = "ab 69 416c61726d4e616d65 67 77656220357878 6e 416374696f6e73456e61626c6564 f4 \
                6a 4d65747269634e616d65 78 19 48545450436f64655f5461726765745f3558585f436f756e74 \
                69 4e616d657370616365 72 4157532f4170706c69636174696f6e454c42 69 537461746973746963 63 53756d \
                6a 44696d656e73696f6e73 81 a2 64 4e616d65 6b 54617267657447726f7570 \
                65 56616c7565 78 20 74617267657467726f75702f7765622f30313233343536373839616263646566 \
                66 506572696f64 18 3c 71 4576616c756174696f6e506572696f6473 02 69 5468726573686f6c64 fb 4016000000000000 \
                72 436f6d70617269736f6e4f70657261746f72 74 477265617465725468616e5468726573686f6c64 64 54616773 80";
    let json = r#"{"AlarmName": "web 5xx", "ActionsEnabled": false, "MetricName": "HTTPCode_Target_5XX_Count", "Namespace":
        "AWS/ApplicationELB", "Statistic": "Sum", "Dimensions": [{"Name": "TargetGroup", "Value":
        "targetgroup/web/0123456789abcdef"}], "Period": 60, "EvaluationPeriods": 2, "Threshold": 5.5, "ComparisonOperator":
        "GreaterThanThreshold", "Tags": []}"#;
    let form = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=web+5xx&ActionsEnabled=false&\
                MetricName=HTTPCode_Target_5XX_Count&Namespace=AWS%2FApplicationELB&Statistic=Sum&\
                Dimensions.member.1.Name=TargetGroup&Dimensions.member.1.Value=targetgroup%2Fweb%2F0123456789abcdef&\
                Period=60&EvaluationPeriods=2&Threshold=5.5&ComparisonOperator=GreaterThanThreshold&Tags=";
    for (protocol, alarm) in read_all::<PutMetricAlarm>("PutMetricAlarm", cbor, json, form) {
        let dimension =
            Dimension { name: "TargetGroup".to_owned(), value: "targetgroup/web/0123456789abcdef".to_owned() };
        let expected = PutMetricAlarm {
            alarm_name: "web 5xx".to_owned(),
            actions_enabled: false,
            dimensions: vec![dimension],
            period: 60,
            threshold: 5.5,
            tags: Vec::new(),
            unit: None,
        };
        assert_eq!(alarm, expected, "{protocol:?}");
    }
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct PutMetricData {
    namespace: String,
    metric_data: Vec<MetricDatum>,
    entity_metric_data: Vec<EntityMetricData>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct MetricDatum {
    metric_name: String,
    timestamp: AnyTimestamp,
    value: Option<Double>,
    #[serde(default)]
    values: Vec<Double>,
    #[serde(default)]
    counts: Vec<Double>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct EntityMetricData {
    entity: Entity,
    metric_data: Vec<MetricDatum>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Entity {
    key_attributes: BTreeMap<String, String>,
}

#[test]
fn timestamps_doubles_and_maps_are_the_same_in_each_protocol() {
    let cbor = "a3 69 4e616d657370616365 63 576562 6a 4d657472696344617461 82 \
                a5 6a 4d65747269634e616d65 67 4c6174656e6379 69 54696d657374616d70 c1 1a 697deec0 \
                66 56616c756573 83 fb 3fd0000000000000 fb 7e37e43c8800759c fb c008000000000000 \
                66 436f756e7473 83 fb 3ff0000000000000 fb 4000000000000000 fb 40f1170000000000 \
                71 53746f726167655265736f6c7574696f6e 01 \
                a3 6a 4d65747269634e616d65 63 4f6464 69 54696d657374616d70 c1 fb 41da5f7bb0200000 65 56616c7565 f9 7c00 \
                70 456e746974794d657472696344617461 81 a2 66 456e74697479 a1 6d 4b657941747472696275746573 \
                a2 64 54797065 67 53657276696365 64 4e616d65 62 c3a9 6a 4d657472696344617461 80";
    let json = r#"{"Namespace": "Web", "MetricData": [{"MetricName": "Latency", "Timestamp": 1769860800, "Values": [0.25, 1e+300,
        -3.0], "Counts": [1.0, 2.0, 70000.0], "StorageResolution": 1}, {"MetricName": "Odd", "Timestamp": 1769860800.5,
        "Value": "Infinity"}], "EntityMetricData": [{"Entity": {"KeyAttributes": {"Type": "Service", "Name": "\u00e9"}},
        "MetricData": []}]}"#;
    let form = "Action=PutMetricData&Version=2010-08-01&Namespace=Web&MetricData.member.1.MetricName=Latency&\
                MetricData.member.1.Timestamp=2026-01-31T12%3A00%3A00Z&MetricData.member.1.Values.member.1=0.25&\
                MetricData.member.1.Values.member.2=1e%2B300&MetricData.member.1.Values.member.3=-3.0&\
                MetricData.member.1.Counts.member.1=1.0&MetricData.member.1.Counts.member.2=2.0&\
                MetricData.member.1.Counts.member.3=70000.0&MetricData.member.1.StorageResolution=1&\
                MetricData.member.2.MetricName=Odd&MetricData.member.2.Timestamp=2026-01-31T12%3A00%3A00.500000Z&\
                MetricData.member.2.Value=Infinity&EntityMetricData.member.1.Entity.KeyAttributes.entry.1.key=Type&\
                EntityMetricData.member.1.Entity.KeyAttributes.entry.1.value=Service&\
                EntityMetricData.member.1.Entity.KeyAttributes.entry.2.key=Name&\
                EntityMetricData.member.1.Entity.KeyAttributes.entry.2.value=%C3%A9&\
                EntityMetricData.member.1.MetricData=";
    for (protocol, data) in read_all::<PutMetricData>("PutMetricData", cbor, json, form) {
        let attributes = [("Name", "é"), ("Type", "Service")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let expected = PutMetricData {
            namespace: "Web".to_owned(),
            metric_data: vec![
                MetricDatum {
                    metric_name: "Latency".to_owned(),
                    timestamp: at(1_769_860_800_000),
                    value: None,
                    values: [0.25, 1e300, -3.0].map(Double).into(),
                    counts: [1.0, 2.0, 70_000.0].map(Double).into(),
                },
                MetricDatum {
                    metric_name: "Odd".to_owned(),
                    timestamp: at(1_769_860_800_500),
                    value: Some(Double(f64::INFINITY)),
                    values: Vec::new(),
                    counts: Vec::new(),
                },
            ],
            entity_metric_data: vec![EntityMetricData {
                entity: Entity { key_attributes: attributes.into() },
                metric_data: Vec::new(),
            }],
        };
        assert_eq!(data, expected, "{protocol:?}");
    }
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct GetMetricStatistics {
    start_time: AnyTimestamp,
    end_time: AnyTimestamp,
    extended_statistics: Vec<String>,
}

#[test]
fn instants_before_1970_and_with_fractions_are_the_same_in_each_protocol() {
    let cbor = "a6 69 4e616d657370616365 67 4157532f454353 6a 4d65747269634e616d65 6e 4350555574696c697a6174696f6e \
                69 537461727454696d65 c1 38 3b 67 456e6454696d65 c1 fb 41da5f7bb0100000 66 506572696f64 19 012c \
                72 457874656e64656453746174697374696373 81 65 7039392e39";
    let json = r#"{"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "StartTime": -60, "EndTime": 1769860800.25, "Period":
        300, "ExtendedStatistics": ["p99.9"]}"#;
    let form = "Action=GetMetricStatistics&Version=2010-08-01&Namespace=AWS%2FECS&MetricName=CPUUtilization&\
                StartTime=1969-12-31T23%3A59%3A00Z&EndTime=2026-01-31T12%3A00%3A00.250000Z&Period=300&\
                ExtendedStatistics.member.1=p99.9";
    for (protocol, query) in read_all::<GetMetricStatistics>("GetMetricStatistics", cbor, json, form) {
        let expected = GetMetricStatistics {
            start_time: at(-60_000),
            end_time: at(1_769_860_800_250),
            extended_statistics: vec!["p99.9".to_owned()],
        };
        assert_eq!(query, expected, "{protocol:?}");
    }
}

#[test]
fn a_member_that_does_not_fit_is_named_whatever_the_protocol() {
    let wrong = [
        // {"Period": "often"}
        Input::from_cbor(&hex::decode("a166506572696f64656f6674656e").expect("hex")),
        Input::from_json(br#"{"Period": "often"}"#, Protocol::AwsJson10),
    ];
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Periodic {
        #[serde(rename = "Period")]
        _period: u32,
    }
    for input in wrong {
        let error = ServiceError::from(input.expect("an input").read::<Periodic>().expect_err("a wrong type"));
        assert_eq!(error.code(), "SerializationException");
        assert!(error.message().starts_with("Invalid value at 'Period': invalid type: string \"often\""), "{error}");
    }
}
