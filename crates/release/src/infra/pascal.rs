//! ECS's documents in CloudFormation's spelling: the same members with a capital letter, and the few that have another name.

use serde_json::{Map, Value as Json};

/// Maps whose keys are data and stay as they are written.
const FREE_FORM: [&str; 5] = ["options", "dockerLabels", "driverOpts", "labels", "hookDetails"];

/// Members that are not spelled alike.
const OTHERWISE: [(&str, &str); 6] = [
    ("efsVolumeConfiguration", "EFSVolumeConfiguration"),
    ("fsxWindowsFileServerVolumeConfiguration", "FSxWindowsFileServerVolumeConfiguration"),
    ("s3filesVolumeConfiguration", "S3FilesVolumeConfiguration"),
    ("managedEBSVolume", "ManagedEBSVolume"),
    ("iam", "IAM"),
    ("placementStrategy", "PlacementStrategies"),
];

/// Translates a RegisterTaskDefinition or CreateService request.
pub(super) fn pascal(document: &Json) -> Json {
    match document {
        Json::Object(members) => {
            let translated = members.iter().map(|(key, value)| (spelled(key), inner(key, value)));
            Json::Object(translated.collect::<Map<String, Json>>())
        }
        Json::Array(items) => items.iter().map(pascal).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => document.clone(),
    }
}

fn inner(key: &str, value: &Json) -> Json {
    match (key, value) {
        (key, value) if FREE_FORM.contains(&key) => value.clone(),
        ("efsVolumeConfiguration", Json::Object(_)) => {
            let mut translated = pascal(value);
            rename(&mut translated, "FileSystemId", "FilesystemId");
            translated
        }
        ("proxyConfiguration", Json::Object(_)) => {
            let mut translated = pascal(value);
            rename(&mut translated, "Properties", "ProxyConfigurationProperties");
            translated
        }
        (_, value) => pascal(value),
    }
}

fn rename(value: &mut Json, from: &str, to: &str) {
    if let Json::Object(members) = value
        && let Some(member) = members.remove(from)
    {
        members.insert(to.to_owned(), member);
    }
}

fn spelled(key: &str) -> String {
    if let Some((_, other)) = OTHERWISE.iter().find(|(ecs, _)| *ecs == key) {
        return (*other).to_owned();
    }
    let mut letters = key.chars();
    letters.next().map(|first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_get_a_capital_letter_and_data_stays() {
        let cases = [
            (
                json!({ "containerDefinitions": [{ "name": "a" }] }),
                json!({ "ContainerDefinitions": [{ "Name": "a" }] }),
            ),
            (
                json!({ "logConfiguration": { "options": { "awslogs-group": "g" } } }),
                json!({ "LogConfiguration": { "Options": { "awslogs-group": "g" } } }),
            ),
            (
                json!({ "dockerLabels": { "seatrial.version": "v" } }),
                json!({ "DockerLabels": { "seatrial.version": "v" } }),
            ),
            (json!({ "placementStrategy": [] }), json!({ "PlacementStrategies": [] })),
            (
                json!({ "efsVolumeConfiguration": { "fileSystemId": "fs-1", "authorizationConfig": { "iam": "ENABLED" } } }),
                json!({ "EFSVolumeConfiguration": { "FilesystemId": "fs-1", "AuthorizationConfig": { "IAM": "ENABLED" } } }),
            ),
            (
                json!({ "proxyConfiguration": { "properties": [{ "name": "a", "value": "b" }] } }),
                json!({ "ProxyConfiguration": { "ProxyConfigurationProperties": [{ "Name": "a", "Value": "b" }] } }),
            ),
        ];
        for (ecs, cloudformation) in cases {
            assert_eq!(pascal(&ecs), cloudformation);
        }
    }
}
