use serde_json::{Value, json};

use super::*;

fn parse(members: Value) -> Result<Vec<Condition>, Refusal> {
    conditions(serde_json::from_value(members).expect("members of conditions"))
}

fn plain(field: &str, config: &str, values: &[&str]) -> Value {
    json!({"Field": field, config: {"Values": values}})
}

#[test]
fn every_field_is_read() {
    let texts = |values: &[&str]| values.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let read = parse(json!([
        plain("host-header", "HostHeaderConfig", &["*.example.com"]),
        {"Field": "path-pattern", "Values": ["/api/*"]},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Env", "Values": ["test"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}},
        plain("http-request-method", "HttpRequestMethodConfig", &["GET"]),
    ]));
    let expected = vec![
        Condition::HostHeader(texts(&["*.example.com"])),
        Condition::PathPattern(texts(&["/api/*"])),
        Condition::HttpHeader { name: "X-Env".to_owned(), values: texts(&["test"]) },
        Condition::QueryString(vec![QueryPattern { key: Some("v".to_owned()), value: "2".to_owned() }]),
        Condition::HttpRequestMethod(texts(&["GET"])),
    ];
    assert_eq!(read, Ok(expected));
    let read = parse(json!([plain("source-ip", "SourceIpConfig", &["10.0.0.0/8", "2001:db8::/32"])]));
    assert!(matches!(read.as_deref(), Ok([Condition::SourceIp(networks)]) if networks.len() == 2), "{read:?}");
}

#[test]
fn values_may_be_in_the_old_place_the_new_one_or_the_same_in_both() {
    let old = json!([{"Field": "path-pattern", "Values": ["/a"]}]);
    let new = json!([plain("path-pattern", "PathPatternConfig", &["/a"])]);
    let both = json!([{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}]);
    assert_eq!(parse(old), parse(new.clone()));
    assert_eq!(parse(both), parse(new));
    let differing = json!([{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/b"]}}]);
    assert!(parse(differing).is_err());
}

#[test]
fn the_limits_of_one_rule_are_elbs() {
    let path = |values: &[&str]| plain("path-pattern", "PathPatternConfig", values);
    let host = |values: &[&str]| plain("host-header", "HostHeaderConfig", values);
    let header = |name: &str, values: &[&str]| json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": values}});
    let good = [
        json!([path(&["/1", "/2", "/3"]), host(&["a", "b"])]),
        json!([path(&["/*/*/*"]), host(&["*.*.?"])]),
        json!([header("X-A", &["1"]), header("X-A", &["2"]), header("X-B", &["3"])]),
        json!([host(&["localhost"])]),
    ];
    for members in good {
        assert!(parse(members.clone()).is_ok(), "{members}");
    }
    let long = "/".repeat(129);
    let bad = [
        ("ValidationError", json!([])),
        ("ValidationError", json!([{"Field": "moon-phase"}])),
        ("ValidationError", json!([path(&["/1", "/2", "/3"]), host(&["a", "b", "c"])])),
        ("ValidationError", json!([path(&["/*/*/*/*"]), host(&["*.*.?"])])),
        ("ValidationError", json!([path(&["/1"]), path(&["/2"])])),
        ("ValidationError", json!([path(&[])])),
        ("ValidationError", json!([path(&[""])])),
        ("ValidationError", json!([path(&[&long])])),
        ("ValidationError", json!([path(&["/a b"])])),
        ("ValidationError", json!([path(&["/ä"])])),
        ("ValidationError", json!([host(&["a_b"])])),
        ("ValidationError", json!([host(&["a:8080"])])),
        ("ValidationError", json!([header("", &["1"])])),
        ("ValidationError", json!([header("X A", &["1"])])),
        ("ValidationError", json!([header("Host", &["a"])])),
        ("ValidationError", json!([header("X-A", &[])])),
        ("ValidationError", json!([header("X-A", &["a\r\nb"])])),
        ("ValidationError", json!([{"Field": "http-header", "Values": ["1"]}])),
        ("ValidationError", json!([{"Field": "query-string", "QueryStringConfig": {"Values": []}}])),
        ("ValidationError", json!([{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a"}]}}])),
        ("ValidationError", json!([plain("http-request-method", "HttpRequestMethodConfig", &["get"])])),
        ("ValidationError", json!([plain("http-request-method", "HttpRequestMethodConfig", &["GE*"])])),
        ("ValidationError", json!([plain("source-ip", "SourceIpConfig", &["10.0.0.1"])])),
        ("ValidationError", json!([plain("source-ip", "SourceIpConfig", &["10.0.0.0/33"])])),
        ("InvalidConfigurationRequest", json!([{"Field": "path-pattern", "RegexValues": ["^/a"]}])),
        (
            "InvalidConfigurationRequest",
            json!([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/a"]}}]),
        ),
    ];
    for (code, members) in bad {
        assert_eq!(parse(members.clone()).map_err(|refusal| refusal.code), Err(code), "{members}");
    }
}
