use serde_json::{Value, json};

use super::*;
use seatrial_model::load_balancing::RedirectStatus;

fn parse(members: Value) -> Result<Action, Refusal> {
    action(serde_json::from_value(members).expect("members of an action"))
}

fn refused(members: Value) -> &'static str {
    match parse(members.clone()) {
        Ok(action) => panic!("{members} is refused, not read as {action:?}"),
        Err(refusal) => refusal.code,
    }
}

fn groups(action: &Action) -> Vec<(&str, u32)> {
    match action {
        Action::Forward(forward) => {
            forward.target_groups.iter().map(|entry| (entry.target_group.as_str(), entry.weight)).collect()
        }
        Action::FixedResponse(_) | Action::Redirect(_) => panic!("a forward"),
    }
}

#[test]
fn a_forward_is_given_by_arn_or_by_configuration() {
    let by_arn = parse(json!([{"Type": "forward", "TargetGroupArn": "g", "Order": 1}])).expect("an action");
    assert_eq!(groups(&by_arn), [("g", 1)]);
    let config = json!({"TargetGroups": [{"TargetGroupArn": "g"}]});
    let both = json!([{"Type": "forward", "TargetGroupArn": "g", "ForwardConfig": config}]);
    assert_eq!(parse(both), Ok(by_arn));
    let weighted = json!({
        "TargetGroups": [{"TargetGroupArn": "a", "Weight": 999}, {"TargetGroupArn": "b", "Weight": 0}],
        "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 60},
    });
    let weighted = parse(json!([{"Type": "forward", "ForwardConfig": weighted}])).expect("an action");
    assert_eq!(groups(&weighted), [("a", 999), ("b", 0)]);
    assert!(matches!(weighted, Action::Forward(forward) if forward.stickiness == Some(Duration::from_secs(60))));
}

#[test]
fn forwards_that_cannot_be_are_refused() {
    let config = |config: Value| json!([{"Type": "forward", "ForwardConfig": config}]);
    let group = |arn: &str| json!({"TargetGroupArn": arn});
    let six: Vec<Value> = (0..6).map(|n| group(&n.to_string())).collect();
    let sticky =
        |stickiness: Value| config(json!({"TargetGroups": [group("a")], "TargetGroupStickinessConfig": stickiness}));
    let cases = [
        ("InvalidLoadBalancerAction", json!([])),
        ("InvalidLoadBalancerAction", json!([{"Type": "forward"}])),
        ("InvalidLoadBalancerAction", config(json!({"TargetGroups": []}))),
        ("InvalidLoadBalancerAction", config(json!({"TargetGroups": [group("a"), group("a")]}))),
        ("TooManyTargetGroups", config(json!({"TargetGroups": six}))),
        ("ValidationError", config(json!({"TargetGroups": [{"TargetGroupArn": "a", "Weight": 1000}]}))),
        ("ValidationError", config(json!({"TargetGroups": [{"TargetGroupArn": "a", "Weight": -1}]}))),
        ("ValidationError", sticky(json!({"Enabled": true}))),
        ("ValidationError", sticky(json!({"Enabled": true, "DurationSeconds": 0}))),
        ("ValidationError", sticky(json!({"Enabled": true, "DurationSeconds": 604_801}))),
        (
            "InvalidLoadBalancerAction",
            json!([{"Type": "forward", "TargetGroupArn": "b", "ForwardConfig": {"TargetGroups": [group("a")]}}]),
        ),
        (
            "InvalidLoadBalancerAction",
            json!([{"Type": "forward", "TargetGroupArn": "a"}, {"Type": "forward", "TargetGroupArn": "b"}]),
        ),
        ("ValidationError", json!([{"Type": "forward", "TargetGroupArn": "a", "Order": 0}])),
        ("ValidationError", json!([{"Type": "teleport"}])),
        ("ValidationError", json!([{}])),
        ("InvalidConfigurationRequest", json!([{"Type": "authenticate-oidc"}])),
        ("InvalidConfigurationRequest", json!([{"Type": "jwt-validation"}])),
    ];
    for (code, members) in cases {
        assert_eq!(refused(members.clone()), code, "{members}");
    }
}

#[test]
fn fixed_responses_have_elbs_limits() {
    let fixed = |config: Value| json!([{"Type": "fixed-response", "FixedResponseConfig": config}]);
    let body = "x".repeat(1024);
    let read = parse(fixed(json!({"StatusCode": "503", "ContentType": "text/html", "MessageBody": body})));
    let expected = FixedResponse { status_code: 503, content_type: Some("text/html".to_owned()), message_body: body };
    assert_eq!(read, Ok(Action::FixedResponse(expected)));
    for code in ["301", "199", "600", "20", "2000", "", "2xx", "+20"] {
        assert_eq!(refused(fixed(json!({"StatusCode": code}))), "ValidationError", "{code}");
    }
    assert_eq!(refused(fixed(json!({"StatusCode": "200", "ContentType": "image/png"}))), "ValidationError");
    assert_eq!(refused(fixed(json!({"StatusCode": "200", "MessageBody": "x".repeat(1025)}))), "ValidationError");
    assert_eq!(refused(json!([{"Type": "fixed-response"}])), "InvalidLoadBalancerAction");
}

#[test]
fn redirects_repeat_what_they_do_not_change() {
    let redirect = |config: Value| json!([{"Type": "redirect", "RedirectConfig": config}]);
    let read = parse(redirect(json!({"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"})));
    let Ok(Action::Redirect(read)) = read else { panic!("a redirect, not {read:?}") };
    assert_eq!((read.host.as_str(), read.path.as_str(), read.query.as_str()), ("#{host}", "/#{path}", "#{query}"));
    assert_eq!((read.protocol.as_str(), read.status_code), ("HTTPS", RedirectStatus::Permanent301));
    let cases = [
        ("InvalidLoadBalancerAction", json!({"StatusCode": "HTTP_301"})),
        ("InvalidLoadBalancerAction", json!({"StatusCode": "HTTP_302", "Query": "a=b"})),
        ("ValidationError", json!({"StatusCode": "HTTP_303", "Port": "81"})),
        ("ValidationError", json!({"Port": "81"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Port": "0"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Port": "65536"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Protocol": "ftp"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Path": "x"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Path": "/a b"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Host": ""})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Host": "x".repeat(129)})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Port": "81", "Query": "?a"})),
        ("ValidationError", json!({"StatusCode": "HTTP_301", "Host": "a\r\nb"})),
    ];
    for (code, config) in cases {
        assert_eq!(refused(redirect(config.clone())), code, "{config}");
    }
    assert_eq!(refused(json!([{"Type": "redirect"}])), "InvalidLoadBalancerAction");
}
