//! Reads ECS documents (task definition, service definition) as they are: from a file or inline, JSON or YAML, also in the
//! form in which ECS's own `describe` prints them.
//!
//! Members keep their names and none is lost, known to this program or not. Two liberties are taken: what only a `describe`
//! has is left out, and a number written where ECS wants text (`cpu: 256`, an environment variable) becomes that text.

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::error::{ConfigError, Fault, Position};
use super::json::to_json;
use super::node::{Key, Node, Value};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    TaskDefinition,
    Service,
}

/// Largest document file: ECS itself takes 64 KiB.
const FILE_MAX: u64 = 1024 * 1024;

/// What `describe-task-definition` adds.
const TASK_DEFINITION_OUTPUT: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// What `describe-services` adds, and what Seatrial fills in itself.
const SERVICE_OUTPUT: [&str; 17] = [
    "serviceArn",
    "clusterArn",
    "status",
    "runningCount",
    "pendingCount",
    "events",
    "deployments",
    "createdAt",
    "createdBy",
    "roleArn",
    "currentServiceDeployment",
    "currentServiceRevisions",
    "taskSets",
    "taskDefinition",
    "platformFamily",
    "resourceManagementType",
    "clientToken",
];

impl Kind {
    fn key(self) -> &'static str {
        match self {
            Kind::TaskDefinition => "task_definition",
            Kind::Service => "service_definition",
        }
    }

    fn output_members(self) -> &'static [&'static str] {
        match self {
            Kind::TaskDefinition => &TASK_DEFINITION_OUTPUT,
            Kind::Service => &SERVICE_OUTPUT,
        }
    }
}

/// Reads the document in `file`.
pub(crate) fn load(kind: Kind, file: &Path) -> Result<Map<String, Json>, ConfigError> {
    let text = read(file).map_err(|error| {
        let fault = Fault::new(format!("the file of `{}` cannot be read: {error}", kind.key()))
            .instead("give a path relative to the configuration file");
        ConfigError::new(file, fault).caused_by(error)
    })?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let node = if is_json { parse_json(&text) } else { Node::parse(&text) };
    node.and_then(|node| normalise(kind, &node)).map_err(|fault| ConfigError::new(file, fault))
}

/// Reads the document below `node`.
pub(crate) fn normalise(kind: Kind, node: &Node) -> Result<Map<String, Json>, Fault> {
    let mut document = match as_ecs_json(kind, unwrapped(kind, node), &mut Vec::new()) {
        Json::Object(document) => document,
        _ => return Err(Fault::new(format!("a {} must be a map of ECS members", kind.key())).at(node.at)),
    };
    for member in kind.output_members() {
        document.remove(*member);
    }
    if let Some(first) = document.keys().find(|name| name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')) {
        return Err(Fault::new(format!("`{first}` is not a member of an ECS document")).at(node.at).instead(
            "use ECS's own names, which begin in lower case (containerDefinitions); CloudFormation's do not",
        ));
    }
    Ok(document)
}

fn read(file: &Path) -> std::io::Result<String> {
    if std::fs::metadata(file)?.len() > FILE_MAX {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("it is larger than {FILE_MAX} bytes"),
        ));
    }
    std::fs::read_to_string(file)
}

/// The document proper inside what `describe` prints.
fn unwrapped(kind: Kind, node: &Node) -> &Node {
    match kind {
        Kind::TaskDefinition => node.get("taskDefinition").unwrap_or(node),
        Kind::Service => match (node.get("service"), node.get("services").map(|services| &services.value)) {
            (Some(service), _) => service,
            (None, Some(Value::List(services))) if services.len() == 1 => &services[0],
            (None, _) => node,
        },
    }
}

fn parse_json(text: &str) -> Result<Node, Fault> {
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let at = Position { line: error.line().max(1), column: error.column().max(1) };
        Fault::new(format!("this is not valid JSON: {error}")).at(at)
    })?;
    Ok(of_json(json))
}

fn of_json(json: Json) -> Node {
    let value = match json {
        Json::Null => Value::Scalar { text: "null".to_owned(), quoted: false },
        Json::Bool(value) => Value::Scalar { text: value.to_string(), quoted: false },
        Json::Number(number) => Value::Scalar { text: number.to_string(), quoted: false },
        Json::String(text) => Value::Scalar { text, quoted: true },
        Json::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        Json::Object(members) => Value::Map(
            members.into_iter().map(|(text, value)| (Key { at: Position::START, text }, of_json(value))).collect(),
        ),
    };
    Node { at: Position::START, value }
}

fn as_ecs_json<'n>(kind: Kind, node: &'n Node, path: &mut Vec<&'n str>) -> Json {
    match &node.value {
        Value::Scalar { text, quoted: false } if !node.is_null() && is_text(kind, path) => Json::String(text.clone()),
        Value::Scalar { .. } => to_json(node),
        Value::List(items) => Json::Array(items.iter().map(|item| as_ecs_json(kind, item, path)).collect()),
        Value::Map(entries) => {
            let members = entries.iter().map(|(key, value)| {
                path.push(&key.text);
                let json = as_ecs_json(kind, value, path);
                path.pop();
                (key.text.clone(), json)
            });
            Json::Object(members.collect())
        }
    }
}

/// Whether ECS wants text at this path even when it looks like a number or a boolean.
fn is_text(kind: Kind, path: &[&str]) -> bool {
    let parent = path.len().checked_sub(2).map(|index| path[index]);
    match (path.last().copied(), parent) {
        (Some("cpu" | "memory" | "family" | "networkMode"), None) => kind == Kind::TaskDefinition,
        (Some("name" | "value" | "key" | "image" | "user" | "valueFrom" | "hostname"), _) => true,
        (
            Some("command" | "entryPoint" | "links" | "dnsServers" | "dnsSearchDomains" | "subnets" | "securityGroups"),
            _,
        ) => true,
        (_, Some("options" | "dockerLabels" | "driverOpts" | "labels")) => true,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn normalised(kind: Kind, text: &str) -> Json {
        Json::Object(normalise(kind, &Node::parse(text).expect("YAML")).expect("a document"))
    }

    #[test]
    fn a_described_task_definition_is_usable_as_it_is() {
        let text = r#"{"taskDefinition": {"taskDefinitionArn": "arn:x", "revision": 3, "status": "ACTIVE", "family": "f",
            "containerDefinitions": [{"name": "c", "image": "i", "memory": 128}], "futureMember": {"a": 1}}, "tags": []}"#;
        assert_eq!(
            normalised(Kind::TaskDefinition, text),
            json!({"family": "f", "containerDefinitions": [{"name": "c", "image": "i", "memory": 128}], "futureMember": {"a": 1}})
        );
    }

    #[test]
    fn numbers_become_text_where_ecs_wants_text() {
        let text = "cpu: 256\nmemory: 512\ncontainerDefinitions:\n  - name: c\n    image: i\n    cpu: 64\n    command: [run, 1.10, true]\n    \
                    environment: [{name: V, value: 1.10}]\n    dockerLabels: {a: 1}\n    logConfiguration: {logDriver: awslogs, options: {mode: 5}}\n";
        assert_eq!(
            normalised(Kind::TaskDefinition, text),
            json!({"cpu": "256", "memory": "512", "containerDefinitions": [{
                "name": "c", "image": "i", "cpu": 64, "command": ["run", "1.10", "true"],
                "environment": [{"name": "V", "value": "1.10"}], "dockerLabels": {"a": "1"},
                "logConfiguration": {"logDriver": "awslogs", "options": {"mode": "5"}}}]})
        );
    }

    #[test]
    fn a_described_service_is_usable_as_it_is() {
        let text = r#"{"services": [{"serviceName": "s", "status": "ACTIVE", "desiredCount": 2, "events": [], "deployments": []}]}"#;
        assert_eq!(normalised(Kind::Service, text), json!({"serviceName": "s", "desiredCount": 2}));
    }

    #[test]
    fn cloudformation_names_are_refused_with_advice() {
        let fault = normalise(Kind::TaskDefinition, &Node::parse("{ContainerDefinitions: []}").expect("YAML"))
            .expect_err("not ECS");
        assert!(fault.what.contains("ContainerDefinitions"));
    }
}
