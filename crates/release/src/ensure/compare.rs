//! Whether something that exists is what the plan wants.
//!
//! Two questions are asked. Of a task definition, which is immutable: do both documents mean the same? Of a service, which
//! is adjusted: does what exists have everything the document says? Members the document does not mention are left alone.

use serde_json::{Map, Value as Json, json};

use crate::difference::{Difference, Members, differences};

/// Whether two task definitions mean the same: order where there is none, defaults and notation set aside.
pub(crate) fn same_task_definition(wanted: &Json, existing: &Json) -> bool {
    normal_task_definition(wanted) == normal_task_definition(existing)
}

/// In which settings a task definition means something else than an existing one; all of them when there is none.
pub(crate) fn task_definition_differences(wanted: &Json, existing: &Json) -> Vec<Difference> {
    differences(&normal_task_definition(existing), &normal_task_definition(wanted), Members::All)
}

/// A task definition in one notation: what ECS adds removed, defaults left out, sets sorted.
fn normal_task_definition(document: &Json) -> Json {
    const ADDED_BY_ECS: [&str; 10] = [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
        "tags",
    ];
    let Json::Object(mut members) = document.clone() else { return document.clone() };
    for member in ADDED_BY_ECS {
        members.remove(member);
    }
    for (member, default) in [("networkMode", json!("bridge")), ("ipcMode", json!("none"))] {
        remove_default(&mut members, member, &default);
    }
    for (member, per_unit) in [("cpu", 1024.0), ("memory", 1024.0)] {
        if let Some(size) = members.get(member).and_then(|size| units(size, per_unit)) {
            members.insert(member.into(), json!(size));
        }
    }
    let awsvpc = members.get("networkMode") == Some(&json!("awsvpc"));
    if let Some(Json::Array(containers)) = members.get_mut("containerDefinitions") {
        for container in containers.iter_mut() {
            normalise_container(container, awsvpc);
        }
    }
    for set in ["requiresCompatibilities", "volumes", "placementConstraints"] {
        sort(&mut members, set);
    }
    without_empty(&Json::Object(members))
}

fn normalise_container(container: &mut Json, awsvpc: bool) {
    let Json::Object(members) = container else { return };
    for (member, default) in [("essential", json!(true)), ("cpu", json!(0)), ("versionConsistency", json!("enabled"))] {
        remove_default(members, member, &default);
    }
    if let Some(Json::Array(mappings)) = members.get_mut("portMappings") {
        for mapping in mappings.iter_mut().filter_map(Json::as_object_mut) {
            remove_default(mapping, "protocol", &json!("tcp"));
            if mapping.get("hostPort") == mapping.get("containerPort") && awsvpc
                || mapping.get("hostPort") == Some(&json!(0))
            {
                mapping.remove("hostPort");
            }
        }
    }
    if let Some(Json::Object(check)) = members.get_mut("healthCheck") {
        for (member, default) in [("interval", 30), ("timeout", 5), ("retries", 3), ("startPeriod", 0)] {
            remove_default(check, member, &json!(default));
        }
    }
    for set in ["environment", "secrets", "portMappings", "environmentFiles", "ulimits", "systemControls"] {
        sort(members, set);
    }
}

/// Whether `existing` has everything that `wanted` says. Lists are compared as sets, which is what they are in a service.
pub(crate) fn covers(existing: &Json, wanted: &Json) -> bool {
    match (wanted, existing) {
        (Json::Object(wanted), _) => wanted.iter().all(|(member, value)| covers(&existing[member], value)),
        (Json::Array(wanted), Json::Array(existing)) => {
            wanted.len() == existing.len() && wanted.iter().all(|item| existing.iter().any(|other| covers(other, item)))
        }
        (Json::Number(wanted), Json::Number(existing)) => wanted.as_f64() == existing.as_f64(),
        (wanted, Json::Null) => is_empty(wanted) || *wanted == json!(false),
        (wanted, existing) => wanted == existing,
    }
}

/// CPU units or MiB of what may be written `256`, `"256"`, `".25 vCPU"` or `"0.5 GB"`.
fn units(size: &Json, per_unit: f64) -> Option<i64> {
    if let Some(number) = size.as_i64() {
        return Some(number);
    }
    let text = size.as_str()?.trim().to_ascii_lowercase();
    let (digits, factor) = match text.strip_suffix("vcpu").or_else(|| text.strip_suffix("gb")) {
        Some(digits) => (digits.trim(), per_unit),
        None => (text.as_str(), 1.0),
    };
    let number: f64 = digits.parse().ok()?;
    #[allow(clippy::cast_possible_truncation)] // sizes are small whole numbers once multiplied
    Some((number * factor).round() as i64)
}

fn remove_default(members: &mut Map<String, Json>, member: &str, default: &Json) {
    if members.get(member) == Some(default) {
        members.remove(member);
    }
}

fn sort(members: &mut Map<String, Json>, member: &str) {
    if let Some(Json::Array(items)) = members.get_mut(member) {
        items.sort_by_key(Json::to_string);
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Drops members that are null or empty: ECS adds such freely.
fn without_empty(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members
                .iter()
                .map(|(name, value)| (name.clone(), without_empty(value)))
                .filter(|(_, value)| !is_empty(value));
            Json::Object(kept.collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(without_empty).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Json {
        json!({"family": "f", "networkMode": "awsvpc", "cpu": "256", "memory": "0.5 GB", "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": "web", "image": "i", "essential": true, "command": ["a", "b"],
                "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
                "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "healthCheck": {"command": ["CMD", "x"], "interval": 30}}]})
    }

    /// The same as ECS describes it.
    fn described() -> Json {
        json!({"taskDefinitionArn": "arn:…:3", "family": "f", "revision": 3, "status": "ACTIVE", "networkMode": "awsvpc",
            "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"], "compatibilities": ["EC2", "FARGATE"],
            "requiresAttributes": [{"name": "x"}], "registeredAt": 1.0, "registeredBy": "me", "volumes": [], "placementConstraints": [],
            "containerDefinitions": [{"name": "web", "image": "i", "cpu": 0, "essential": true, "command": ["a", "b"],
                "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
                "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                "healthCheck": {"command": ["CMD", "x"], "interval": 30, "timeout": 5, "retries": 3},
                "mountPoints": [], "volumesFrom": [], "systemControls": []}]})
    }

    #[test]
    fn what_ecs_adds_and_reorders_is_no_difference() {
        assert!(same_task_definition(&wanted(), &described()));
    }

    #[test]
    fn every_real_difference_is_seen() {
        let changes: [fn(&mut Json); 7] = [
            |document| document["containerDefinitions"][0]["image"] = json!("i:2"),
            |document| document["containerDefinitions"][0]["command"] = json!(["b", "a"]),
            |document| document["containerDefinitions"][0]["environment"][0]["value"] = json!("3"),
            |document| document["containerDefinitions"][0]["portMappings"][0]["containerPort"] = json!(81),
            |document| document["containerDefinitions"][0]["essential"] = json!(false),
            |document| document["cpu"] = json!("512"),
            |document| document["taskRoleArn"] = json!("arn:role"),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = wanted();
            change(&mut changed);
            assert!(!same_task_definition(&changed, &described()), "change {index}");
            assert!(!task_definition_differences(&changed, &described()).is_empty(), "change {index}");
        }
    }

    #[test]
    fn a_service_covers_a_document_when_it_has_all_the_document_says() {
        let existing = json!({"a": {"b": 1, "c": 2}, "list": ["x", "y"], "set": [{"k": 1, "more": 2}]});
        for (document, expected) in [
            (json!({"a": {"b": 1}}), true),
            (json!({"a": {"b": 1.0}}), true),
            (json!({"a": {"b": 2}}), false),
            (json!({"list": ["y", "x"]}), true),
            (json!({"list": ["x"]}), false),
            (json!({"set": [{"k": 1}]}), true),
            (json!({"none": [], "off": false}), true),
            (json!({"none": true}), false),
        ] {
            assert_eq!(covers(&existing, &document), expected, "{document}");
        }
    }
}
