//! Parameter Store over the wire, on an engine whose machine is in memory.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;

use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::ssm::Ssm;
use seatrial_aws_wire::Service;
use serde_json::{Value, json};
use support::{Answer, Endpoint, Request};

const ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/app/token";

struct Parameters {
    world: World,
    front: Endpoint,
}

async fn start() -> Parameters {
    let world = World::new();
    let front = support::start(Limits::default(), vec![(Service::Ssm, Arc::new(Ssm::new(world.engine.clone())))]).await;
    Parameters { world, front }
}

impl Parameters {
    async fn ask(&self, operation: &str, body: Value) -> Answer {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("AmazonSSM.{operation}")),
        ];
        let request = Request { service: "ssm", headers, ..Request::json("", &body.to_string()) };
        self.front.send(&request).await
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let answer = self.ask(operation, body).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    /// Returns the code of a refusal.
    async fn refused(&self, operation: &str, body: Value) -> String {
        let answer = self.ask(operation, body).await;
        assert_ne!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()["__type"].as_str().expect("a code").to_owned()
    }

    async fn secure(&self, value: &str) -> Value {
        let body = json!({"Name": "/app/token", "Value": value, "Type": "SecureString", "Overwrite": true});
        self.call("PutParameter", body).await
    }
}

#[tokio::test]
async fn a_secure_string_is_told_only_to_who_asks_for_decryption() {
    let mut it = start().await;
    assert_eq!(it.secure("hunter2").await, json!({"Version": 1, "Tier": "Standard"}));
    let sealed = it.call("GetParameter", json!({"Name": "/app/token"})).await;
    assert_ne!(sealed["Parameter"]["Value"], "hunter2");
    let opened = it.call("GetParameter", json!({"Name": ARN, "WithDecryption": true})).await;
    assert_eq!(opened["Parameter"]["Value"], "hunter2");
    assert_eq!(opened["Parameter"]["ARN"], ARN);
    assert_eq!(opened["Parameter"].get("Selector"), None);
    let described = it.call("DescribeParameters", json!({})).await;
    assert_eq!(described["Parameters"][0]["KeyId"], "alias/aws/ssm");
    assert_eq!(described["Parameters"][0]["LastModifiedUser"], "arn:aws:iam::123456789012:user/seatrial");
    let rows = it.world.records(&["parameters", "sealing_keys"]).join("\n");
    assert!(rows.contains("/app/token") && !rows.contains("hunter2"), "{rows}");

    it.world.restart();
    let again = Ssm::new(it.world.engine.clone());
    let front = support::start(Limits::default(), vec![(Service::Ssm, Arc::new(again))]).await;
    let after = Parameters { front, ..it };
    let opened = after.call("GetParameter", json!({"Name": "/app/token", "WithDecryption": true})).await;
    assert_eq!(opened["Parameter"]["Value"], "hunter2");
}

#[tokio::test]
async fn without_the_key_nothing_is_lost_and_the_error_says_what_to_do() {
    let it = start().await;
    it.secure("hunter2").await;
    it.call("PutParameter", json!({"Name": "plain", "Value": "x", "Type": "String"})).await;
    it.world.vault.take_key_away();
    let answer = it.ask("GetParameter", json!({"Name": "/app/token", "WithDecryption": true})).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("put it back from a backup"), "{}", answer.body);
    let body = json!({"Name": "/app/token", "Value": "other", "Overwrite": true});
    assert_eq!(it.refused("PutParameter", body).await, "InternalServerError");
    let history = it.call("GetParameterHistory", json!({"Name": "/app/token"})).await;
    assert_eq!(history["Parameters"].as_array().map(Vec::len), Some(1));
    it.call("GetParameter", json!({"Name": "plain", "WithDecryption": true})).await;
}

#[tokio::test]
async fn versions_and_labels_choose_what_is_got() {
    let it = start().await;
    it.secure("one").await;
    it.secure("two").await;
    let labels = json!({"Name": "/app/token", "ParameterVersion": 1, "Labels": ["prod", "9"]});
    let labelled = it.call("LabelParameterVersion", labels).await;
    assert_eq!(labelled, json!({"InvalidLabels": ["9"], "ParameterVersion": 1}));
    for (name, value) in [("/app/token:1", "one"), ("/app/token:prod", "one"), ("/app/token:2", "two")] {
        let got = it.call("GetParameter", json!({"Name": name, "WithDecryption": true})).await;
        assert_eq!(got["Parameter"]["Value"], value);
        assert_eq!(got["Parameter"]["Selector"], name.strip_prefix("/app/token").expect("a selector"));
    }
    assert_eq!(it.refused("GetParameter", json!({"Name": "/app/token:7"})).await, "ParameterVersionNotFound");
    assert_eq!(it.refused("GetParameter", json!({"Name": "/app/none"})).await, "ParameterNotFound");
    assert_eq!(it.refused("GetParameter", json!({"Name": "no name"})).await, "ValidationException");
    let several = json!({"Names": ["/app/token:prod", "/app/none", "no name"]});
    let several = it.call("GetParameters", several).await;
    assert_eq!(several["InvalidParameters"], json!(["/app/none", "no name"]));
    assert_eq!(several["Parameters"].as_array().map(Vec::len), Some(1));
    let history = it.call("GetParameterHistory", json!({"Name": "/app/token", "WithDecryption": true})).await;
    assert_eq!(history["Parameters"][0]["Labels"], json!(["prod"]));
    assert_eq!(history["Parameters"][1]["Value"], "two");
    let labels = json!({"Name": "/app/token", "ParameterVersion": 1, "Labels": ["prod", "x"]});
    let unlabelled = it.call("UnlabelParameterVersion", labels).await;
    assert_eq!(unlabelled, json!({"RemovedLabels": ["prod"], "InvalidLabels": ["x"]}));
}

#[tokio::test]
async fn listings_are_filtered_and_come_in_pages() {
    let it = start().await;
    for number in 0..12 {
        let body = json!({"Name": format!("/app/n{number:02}"), "Value": "x", "Type": "String"});
        it.call("PutParameter", body).await;
    }
    it.secure("deep").await;
    it.call("PutParameter", json!({"Name": "/app/deep/er", "Value": "x", "Type": "String"})).await;
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let body = json!({"Path": "/app", "MaxResults": 5, "NextToken": token});
        let page = it.call("GetParametersByPath", body).await;
        let list = page["Parameters"].as_array().expect("a list");
        assert!(list.len() <= 5);
        names.extend(list.iter().map(|parameter| parameter["Name"].as_str().expect("a name").to_owned()));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((names.len(), names.last().map(String::as_str)), (13, Some("/app/token")));
    let filters = json!([{"Key": "Type", "Values": ["SecureString"]}]);
    let body = json!({"Path": "/", "Recursive": true, "WithDecryption": true, "ParameterFilters": filters});
    let secure = it.call("GetParametersByPath", body).await;
    assert_eq!(secure["Parameters"][0]["Value"], "deep");
    let filters = json!([{"Key": "Path", "Option": "Recursive", "Values": ["/app/deep"]}]);
    let described = it.call("DescribeParameters", json!({"ParameterFilters": filters})).await;
    assert_eq!(described["Parameters"][0]["Name"], "/app/deep/er");
    assert_eq!(it.call("DescribeParameters", json!({})).await["Parameters"].as_array().map(Vec::len), Some(10));
    for (operation, body, code) in [
        ("DescribeParameters", json!({"MaxResults": 51}), "ValidationException"),
        ("DescribeParameters", json!({"NextToken": "made up"}), "InvalidNextToken"),
        ("DescribeParameters", json!({"ParameterFilters": [{"Key": "Label", "Values": ["x"]}]}), "InvalidFilterKey"),
        ("GetParametersByPath", json!({"Path": "/", "MaxResults": 11}), "ValidationException"),
        ("GetParametersByPath", json!({"Path": "app"}), "ValidationException"),
        ("GetParameters", json!({"Names": []}), "ValidationException"),
    ] {
        assert_eq!(it.refused(operation, body.clone()).await, code, "{operation} {body}");
    }
}

#[tokio::test]
async fn parameters_are_tagged_and_deleted() {
    let it = start().await;
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let body = json!({"Name": "a", "Value": "x", "Type": "String", "Tags": tags});
    it.call("PutParameter", body).await;
    let of = json!({"ResourceType": "Parameter", "ResourceId": "a"});
    assert_eq!(it.call("ListTagsForResource", of.clone()).await["TagList"], tags);
    let more = json!({"ResourceType": "Parameter", "ResourceId": "a", "Tags": [{"Key": "x", "Value": ""}]});
    it.call("AddTagsToResource", more).await;
    let fewer = json!({"ResourceType": "Parameter", "ResourceId": "a", "TagKeys": ["team"]});
    it.call("RemoveTagsFromResource", fewer).await;
    assert_eq!(it.call("ListTagsForResource", of.clone()).await["TagList"], json!([{"Key": "x", "Value": ""}]));
    let deleted = it.call("DeleteParameters", json!({"Names": ["a", "b"]})).await;
    assert_eq!(deleted, json!({"DeletedParameters": ["a"], "InvalidParameters": ["b"]}));
    assert_eq!(it.refused("DeleteParameter", json!({"Name": "a"})).await, "ParameterNotFound");
    assert_eq!(it.refused("ListTagsForResource", of).await, "InvalidResourceId");
    let document = json!({"ResourceType": "Document", "ResourceId": "a"});
    assert_eq!(it.refused("ListTagsForResource", document).await, "InvalidResourceType");
}

#[tokio::test]
async fn a_malformed_value_is_not_repeated_in_the_refusal() {
    let it = start().await;
    let answer = it.ask("PutParameter", json!({"Name": "a", "Type": "SecureString", "Value": 271_828})).await;
    assert_eq!(answer.status, 400);
    assert!(!answer.body.contains("271828"), "{}", answer.body);
}
