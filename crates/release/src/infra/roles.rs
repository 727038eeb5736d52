//! The roles: of ECS when it starts a task, of the task itself, and of ECS when it moves traffic. Each may do what the plan needs and
//! nothing else.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::database::Database;
use super::images::{Images, Repository};
use super::tasks::Logs;
use super::template::{Resource, attribute, reference, substituted};
use super::{Draft, Part};
use crate::plan::ServicePlan;

/// The roles that the template makes; `None` where nobody needs one.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub execution: Option<Json>,
    pub task: Option<Json>,
    pub infrastructure: Option<Json>,
}

/// Adds the roles that the environment does not name.
pub(super) fn add(draft: &mut Draft<'_>, images: &Images, logs: &Logs, database: Option<&Database>) -> Roles {
    let services = &draft.plan.services;
    let lacking = |member: &str, part: Part| -> Vec<&ServicePlan> {
        let named = |service: &&ServicePlan| service.task_definition[member].as_str().map(ToOwned::to_owned);
        services.iter().filter(|service| named(service).is_none_or(|role| draft.replaces(part, &role))).collect()
    };
    let (for_execution, for_tasks) =
        (lacking("executionRoleArn", Part::ExecutionRole), lacking("taskRoleArn", Part::TaskRole));
    let has_pair = services.iter().filter_map(|service| service.pair());
    let moves_traffic = has_pair
        .filter_map(|pair| pair.infrastructure_role.as_deref())
        .any(|role| draft.replaces(Part::InfrastructureRole, role));
    let execution = (!for_execution.is_empty()).then(|| {
        let statements = execution_statements(&for_execution, images, logs, database);
        role(draft, "ExecutionRole", "ecs-tasks.amazonaws.com", "start-tasks", statements)
    });
    let task = (!for_tasks.is_empty()).then(|| {
        let statements = task_statements(&for_tasks);
        role(draft, "TaskRole", "ecs-tasks.amazonaws.com", "be-looked-into", statements)
    });
    let infrastructure = moves_traffic
        .then(|| role(draft, "InfrastructureRole", "ecs.amazonaws.com", "move-traffic", traffic_statements(draft)));
    Roles { execution, task, infrastructure }
}

fn role(draft: &mut Draft<'_>, id: &str, principal: &str, policy: &str, statements: Vec<Json>) -> Json {
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" },
    ]});
    let mut properties = json!({ "AssumeRolePolicyDocument": trust, "Tags": draft.tags(None) });
    if !statements.is_empty() {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        properties["Policies"] = json!([{ "PolicyName": policy, "PolicyDocument": document }]);
    }
    let id = draft.template.resource(id, Resource::new("AWS::IAM::Role", properties));
    let arn = attribute(&id, "Arn");
    draft.template.output(&format!("{id}Arn"), "A role of seatrial.yml", arn.clone());
    arn
}

fn allow(actions: &[&str], resources: impl Into<Json>) -> Json {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources.into() })
}

/// What ECS does before a task runs, and while it writes logs.
fn execution_statements(
    services: &[&ServicePlan],
    images: &Images,
    logs: &Logs,
    database: Option<&Database>,
) -> Vec<Json> {
    let needs = Needs::of(services);
    let mut statements = Vec::new();
    let repositories: Vec<Json> = needs.repositories.iter().filter_map(|found| images.get(found)).cloned().collect();
    if !repositories.is_empty() {
        // The token is the account's: AWS knows no narrower resource for this action.
        statements.push(allow(&["ecr:GetAuthorizationToken"], "*"));
        let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
        statements.push(allow(&pull, repositories));
    }
    let groups: Vec<Json> = services
        .iter()
        .flat_map(|service| &service.log_groups)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|name| logs.get(name))
        .map(|id| attribute(id, "Arn"))
        .collect();
    if !groups.is_empty() {
        statements.push(allow(&["logs:CreateLogStream", "logs:PutLogEvents"], groups));
    }
    let mut secrets: Vec<Json> = needs.secrets.into_iter().map(Json::String).collect();
    secrets.extend(database.map(|database| database.secret.clone()));
    if !secrets.is_empty() {
        statements.push(allow(&["secretsmanager:GetSecretValue"], secrets));
    }
    if !needs.parameters.is_empty() {
        let parameters: Vec<Json> = needs.parameters.iter().map(|source| parameter_arn(source)).collect();
        statements.push(allow(&["ssm:GetParameters"], parameters));
    }
    if !needs.files.is_empty() {
        let files: Vec<&String> = needs.files.iter().collect();
        statements.push(allow(&["s3:GetObject"], json!(files)));
    }
    statements
}

/// What the containers of services are made of, beside what is written into them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    repositories: BTreeSet<Repository>,
    /// ARNs of secrets, without what selects a part of one.
    secrets: BTreeSet<String>,
    /// Names or ARNs of parameters.
    parameters: BTreeSet<String>,
    /// ARNs of files in S3.
    files: BTreeSet<String>,
}

impl Needs {
    fn of(services: &[&ServicePlan]) -> Self {
        let mut needs = Self::default();
        let documents = services.iter().map(|service| &service.task_definition);
        for container in documents.filter_map(|document| document["containerDefinitions"].as_array()).flatten() {
            needs.repositories.extend(container["image"].as_str().and_then(Repository::of));
            let items = |list: &'static str, member: &'static str| {
                let list = container.pointer(list).and_then(Json::as_array).into_iter().flatten();
                list.filter_map(move |item| item[member].as_str())
            };
            let values = items("/secrets", "valueFrom").chain(items("/logConfiguration/secretOptions", "valueFrom"));
            let credentials = container.pointer("/repositoryCredentials/credentialsParameter").and_then(Json::as_str);
            values.chain(credentials).for_each(|source| needs.add_source(source));
            needs.files.extend(items("/environmentFiles", "value").map(ToOwned::to_owned));
        }
        needs
    }

    fn add_source(&mut self, source: &str) {
        // arn:aws:secretsmanager:region:account:secret:name[:key:stage:version]
        let parts: Vec<&str> = source.splitn(8, ':').collect();
        match parts.as_slice() {
            ["arn", _, "secretsmanager", ..] => {
                self.secrets.insert(parts[..parts.len().min(7)].join(":"));
            }
            _ => {
                self.parameters.insert(source.to_owned());
            }
        }
    }
}

/// The ARN of a parameter that a task definition names by its ARN, or by its name in the own region.
fn parameter_arn(source: &str) -> Json {
    if source.starts_with("arn:") {
        return json!(source);
    }
    let name = source.trim_start_matches('/');
    substituted(format!("arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/{name}"))
}

/// Nothing, unless somebody is to look into running containers.
fn task_statements(services: &[&ServicePlan]) -> Vec<Json> {
    if services.iter().all(|service| service.service["enableExecuteCommand"] != true) {
        return Vec::new();
    }
    let channels = [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ];
    // A session has no ARN before it is opened: AWS knows no narrower resource for these actions.
    vec![allow(&channels, "*")]
}

/// What ECS does when it moves traffic between two target groups.
fn traffic_statements(draft: &Draft<'_>) -> Vec<Json> {
    let of_balancer = |kind: &str| {
        let account = "arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}";
        substituted(format!("{account}:{kind}/${{LoadBalancer.LoadBalancerFullName}}/*"))
    };
    let describe = [
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ];
    let register = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"];
    let groups: Vec<Json> = draft
        .plan
        .services
        .iter()
        .filter(|service| service.pair().is_some())
        .flat_map(|service| super::SIDES.map(|side| super::balancing::target_group(&service.name, side)))
        .map(|id| reference(&id))
        .collect();
    vec![
        // Elastic Load Balancing limits what is described to no resource.
        allow(&describe, "*"),
        allow(&["elasticloadbalancing:ModifyListener"], of_balancer("listener")),
        allow(&["elasticloadbalancing:ModifyRule"], of_balancer("listener-rule")),
        allow(&register, groups),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_secrets_are_told_apart() {
        let secret = "arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf";
        let parameter = "arn:aws:ssm:us-east-1:1:parameter/a/b";
        let mut needs = Needs::default();
        for source in [secret, &format!("{secret}:password::"), parameter, "/c", "d"] {
            needs.add_source(source);
        }
        assert_eq!(needs.secrets, BTreeSet::from([secret.to_owned()]));
        assert_eq!(needs.parameters, BTreeSet::from([parameter.to_owned(), "/c".to_owned(), "d".to_owned()]));
        let named = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/c";
        assert_eq!([parameter_arn("/c"), parameter_arn(parameter)], [json!({ "Fn::Sub": named }), json!(parameter)]);
    }
}
