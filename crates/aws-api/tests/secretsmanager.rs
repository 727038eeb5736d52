//! Secrets Manager over the wire, on an engine whose machine is in memory.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;
use std::time::Duration;

use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::secretsmanager::SecretsManager;
use seatrial_aws_wire::Service;
use serde_json::{Value, json};
use support::{Answer, Endpoint, Request};

const TOKEN: &str = "11111111-1111-1111-1111-111111111111";
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Secrets {
    world: World,
    front: Endpoint,
}

async fn start() -> Secrets {
    let world = World::new();
    let operations = Arc::new(SecretsManager::new(world.engine.clone()));
    let front = support::start(Limits::default(), vec![(Service::SecretsManager, operations)]).await;
    Secrets { world, front }
}

impl Secrets {
    async fn ask(&self, operation: &str, body: Value) -> Answer {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("secretsmanager.{operation}")),
        ];
        let request = Request { service: "secretsmanager", headers, ..Request::json("", &body.to_string()) };
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
        assert_eq!(answer.status, 400, "{operation}: {}", answer.body);
        answer.json()["__type"].as_str().expect("a code").to_owned()
    }

    async fn value(&self, body: Value) -> Value {
        self.call("GetSecretValue", body).await["SecretString"].clone()
    }
}

#[tokio::test]
async fn a_secret_is_told_by_name_and_by_arn_and_is_not_in_the_tables() {
    let it = start().await;
    let made = it.call("CreateSecret", json!({"Name": "app/db", "SecretString": "hunter2"})).await;
    let arn = made["ARN"].as_str().expect("an ARN").to_owned();
    let partial = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db";
    assert_eq!(arn.len(), partial.len() + 7);
    for id in ["app/db", &arn, partial] {
        assert_eq!(it.value(json!({"SecretId": id})).await, "hunter2", "{id}");
    }
    let binary = json!({"Name": "binary", "SecretBinary": "aHVudGVyMg=="});
    it.call("CreateSecret", binary).await;
    let got = it.call("GetSecretValue", json!({"SecretId": "binary"})).await;
    assert_eq!((&got["SecretBinary"], got.get("SecretString")), (&json!("aHVudGVyMg=="), None));
    let rows = it.world.records(&["secrets"]).join("\n");
    assert!(rows.contains("app/db") && !rows.contains("hunter2") && !rows.contains("aHVudGVyMg"), "{rows}");
    for (body, code) in [
        (json!({"Name": "app/db", "SecretString": "x"}), "ResourceExistsException"),
        (json!({"Name": "a b"}), "InvalidParameterException"),
        (json!({"Name": "x", "SecretString": "a", "SecretBinary": "YQ=="}), "InvalidParameterException"),
        (json!({"Name": "x", "SecretBinary": "no base64"}), "InvalidParameterException"),
        (json!({"Name": "x", "SecretString": "x".repeat(65_537)}), "InvalidParameterException"),
        (json!({"Name": "x", "SecretString": ""}), "InvalidParameterException"),
        (json!({"Name": "x", "ClientRequestToken": "short"}), "InvalidParameterException"),
    ] {
        assert_eq!(it.refused("CreateSecret", body).await, code);
    }
    assert_eq!(it.refused("GetSecretValue", json!({"SecretId": "none"})).await, "ResourceNotFoundException");
}

#[tokio::test]
async fn the_same_request_twice_is_one_and_another_value_under_its_token_is_refused() {
    let it = start().await;
    let create = json!({"Name": "db", "SecretString": "one", "ClientRequestToken": TOKEN});
    assert_eq!(it.call("CreateSecret", create.clone()).await, it.call("CreateSecret", create).await);
    let second = "22222222-2222-2222-2222-222222222222";
    let put = json!({"SecretId": "db", "SecretString": "two", "ClientRequestToken": second});
    let first = it.call("PutSecretValue", put.clone()).await;
    assert_eq!(first["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(it.call("PutSecretValue", put).await, first);
    let other = json!({"SecretId": "db", "SecretString": "other", "ClientRequestToken": second});
    assert_eq!(it.refused("PutSecretValue", other).await, "ResourceExistsException");
    assert_eq!(it.refused("PutSecretValue", json!({"SecretId": "db"})).await, "InvalidRequestException");
    assert_eq!(it.value(json!({"SecretId": "db", "VersionStage": "AWSPREVIOUS"})).await, "one");
    assert_eq!(it.value(json!({"SecretId": "db", "VersionId": TOKEN})).await, "one");
    assert_eq!(it.value(json!({"SecretId": "db"})).await, "two");
    let back = json!({"SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": TOKEN, "RemoveFromVersionId": second});
    it.call("UpdateSecretVersionStage", back).await;
    assert_eq!(it.value(json!({"SecretId": "db"})).await, "one");
    let described = it.call("DescribeSecret", json!({"SecretId": "db"})).await;
    assert_eq!(described["VersionIdsToStages"], json!({TOKEN: ["AWSCURRENT"], second: ["AWSPREVIOUS"]}));
}

#[tokio::test]
async fn a_secret_is_updated_listed_and_tagged() {
    let it = start().await;
    for name in ["a", "b", "c"] {
        it.call("CreateSecret", json!({"Name": name, "Tags": [{"Key": "team", "Value": name}]})).await;
        it.world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(it.refused("GetSecretValue", json!({"SecretId": "a"})).await, "ResourceNotFoundException");
    let updated = it.call("UpdateSecret", json!({"SecretId": "a", "Description": "the first"})).await;
    assert_eq!(updated.get("VersionId"), None);
    let updated = it.call("UpdateSecret", json!({"SecretId": "a", "SecretString": "x"})).await;
    assert!(updated["VersionId"].is_string());
    it.call("UntagResource", json!({"SecretId": "b", "TagKeys": ["team"]})).await;
    it.call("TagResource", json!({"SecretId": "b", "Tags": [{"Key": "x", "Value": "y"}]})).await;
    let names = |page: &Value| -> Vec<String> {
        let list = page["SecretList"].as_array().expect("a list");
        list.iter().map(|secret| secret["Name"].as_str().expect("a name").to_owned()).collect()
    };
    let first = it.call("ListSecrets", json!({"MaxResults": 2})).await;
    assert_eq!(names(&first), ["c", "b"]);
    let second = it.call("ListSecrets", json!({"MaxResults": 2, "NextToken": first["NextToken"]})).await;
    assert_eq!((names(&second), second.get("NextToken")), (vec!["a".to_owned()], None));
    let ascending = it.call("ListSecrets", json!({"SortOrder": "asc"})).await;
    assert_eq!(names(&ascending), ["a", "b", "c"]);
    let filters = json!([{"Key": "tag-key", "Values": ["x"]}]);
    let filtered = it.call("ListSecrets", json!({"Filters": filters})).await;
    assert_eq!(names(&filtered), ["b"]);
    assert_eq!(it.refused("ListSecrets", json!({"NextToken": "x"})).await, "InvalidNextTokenException");
    let versions = it.call("ListSecretVersionIds", json!({"SecretId": "a"})).await;
    assert_eq!(versions["Versions"][0]["VersionStages"], json!(["AWSCURRENT"]));
    let answer = it.ask("RotateSecret", json!({"SecretId": "a"})).await;
    assert!(answer.status == 400 && answer.body.contains("No rotation is configured"), "{}", answer.body);
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_until_its_window_has_passed() {
    let it = start().await;
    it.call("CreateSecret", json!({"Name": "db", "SecretString": "x"})).await;
    let deleted = it.call("DeleteSecret", json!({"SecretId": "db", "RecoveryWindowInDays": 7})).await;
    assert!(deleted["DeletionDate"].is_number());
    for operation in ["GetSecretValue", "DeleteSecret"] {
        assert_eq!(it.refused(operation, json!({"SecretId": "db"})).await, "InvalidRequestException");
    }
    let again = json!({"Name": "db", "SecretString": "x"});
    assert_eq!(it.refused("CreateSecret", again).await, "InvalidRequestException");
    assert_eq!(it.call("ListSecrets", json!({})).await["SecretList"], json!([]));
    let planned = it.call("ListSecrets", json!({"IncludePlannedDeletion": true})).await;
    assert!(planned["SecretList"][0]["DeletedDate"].is_number());
    it.call("RestoreSecret", json!({"SecretId": "db"})).await;
    assert_eq!(it.value(json!({"SecretId": "db"})).await, "x");

    it.call("DeleteSecret", json!({"SecretId": "db", "RecoveryWindowInDays": 7})).await;
    it.world.clock.advance(DAY * 7);
    let driver = it.world.drive();
    it.call("CreateSecret", json!({"Name": "other"})).await;
    it.world.until("the secret to be gone", |state| !state.secrets.contains("db"));
    drop(driver);
    assert_eq!(it.refused("DescribeSecret", json!({"SecretId": "db"})).await, "ResourceNotFoundException");
    let force = json!({"SecretId": "db", "ForceDeleteWithoutRecovery": true});
    it.call("DeleteSecret", force).await;
}

#[tokio::test]
async fn without_the_key_a_secret_is_neither_told_nor_lost() {
    let it = start().await;
    it.call("CreateSecret", json!({"Name": "db", "SecretString": "x"})).await;
    it.world.vault.take_key_away();
    assert_eq!(it.refused("GetSecretValue", json!({"SecretId": "db"})).await, "DecryptionFailure");
    let put = json!({"SecretId": "db", "SecretString": "y"});
    assert_eq!(it.refused("PutSecretValue", put).await, "EncryptionFailure");
    let versions = it.call("ListSecretVersionIds", json!({"SecretId": "db"})).await;
    assert_eq!(versions["Versions"].as_array().map(Vec::len), Some(1));
}
