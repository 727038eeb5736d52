//! The cluster, the log groups, and of each service its task definition and the service itself, as planned.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::balancing::{Balanced, target_group};
use super::network::{self, Place};
use super::pascal::pascal;
use super::roles::Roles;
use super::template::{Resource, logical, reference};
use super::{Draft, Part, SERVICES_PARAMETER, SIDES, WITH_SERVICES, observation, scaling};
use crate::config::Stage;
use crate::plan::{PairSide, RulePurpose, ServicePlan};

/// How long logs are kept, in days.
const LOG_DAYS_OF_PROD: i32 = 90;
const LOG_DAYS_OF_OTHERS: i32 = 14;

/// What CloudWatch Logs takes for a retention.
const LOG_DAYS: [i32; 12] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 180, 365, 731];

/// The logical ids of the log groups, by their names.
pub(super) type Logs = BTreeMap<String, String>;

/// Adds the log groups that the services write to.
pub(super) fn log_groups(draft: &mut Draft<'_>) -> Logs {
    let mut logs = Logs::new();
    for service in &draft.plan.services {
        for name in &service.log_groups {
            if logs.contains_key(name) {
                continue;
            }
            let number = logs.len() + 1;
            let plain = format!("{}LogGroup", logical(service.name.as_str()));
            let id = if draft.template.has(&plain) { format!("{plain}{number}") } else { plain };
            log_days(draft);
            let properties = json!({
                "LogGroupName": name, "RetentionInDays": reference("LogDays"), "Tags": draft.tags(Some(&service.name)),
            });
            draft.template.resource(&id, Resource::new("AWS::Logs::LogGroup", properties).retained());
            logs.insert(name.clone(), id);
        }
    }
    logs
}

fn log_days(draft: &mut Draft<'_>) {
    let days = match draft.plan.environment.stage {
        Stage::Prod => LOG_DAYS_OF_PROD,
        Stage::Dev | Stage::Custom => LOG_DAYS_OF_OTHERS,
    };
    let description = "How many days logs are kept";
    let properties =
        json!({ "Type": "Number", "AllowedValues": LOG_DAYS, "Default": days, "Description": description });
    draft.template.parameter("LogDays", properties);
}

/// Adds cluster, task definitions and services.
pub(super) fn add(draft: &mut Draft<'_>, place: &Place, balanced: &Balanced, roles: &Roles, logs: &Logs) {
    let plan = draft.plan;
    add_cluster(draft);
    draft.template.parameter(
        SERVICES_PARAMETER,
        json!({
            "Type": "String", "AllowedValues": ["make", "omit"], "Default": "make",
            "Description": "Whether the stack makes the services; omit them until their images are pushed",
        }),
    );
    draft.template.condition(WITH_SERVICES, json!({ "Fn::Equals": [reference(SERVICES_PARAMETER), "make"] }));
    for service in &plan.services {
        let task_definition = task_definition(draft, service, roles, logs);
        let id = logical(service.name.as_str());
        draft.template.resource(format!("{id}TaskDefinition"), task_definition);
        let resource = service_resource(draft, service, place, balanced, roles);
        draft.template.resource(format!("{id}Service"), resource);
        remark(draft, service);
    }
}

fn add_cluster(draft: &mut Draft<'_>) {
    let properties = json!({
        "ClusterName": draft.plan.environment.cluster,
        "ClusterSettings": [{ "Name": "containerInsights", "Value": "enabled" }],
        "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "Tags": draft.tags(None),
    });
    let id = draft.template.resource("Cluster", Resource::new("AWS::ECS::Cluster", properties));
    draft.template.output("ClusterName", "The cluster", reference(&id));
}

fn task_definition(draft: &Draft<'_>, service: &ServicePlan, roles: &Roles, logs: &Logs) -> Resource {
    let mut document = service.task_definition.clone();
    for container in document["containerDefinitions"].as_array_mut().into_iter().flatten() {
        if let Some(group) = container.pointer_mut("/logConfiguration/options/awslogs-group")
            && let Some(id) = group.as_str().and_then(|name| logs.get(name))
        {
            *group = reference(id);
        }
    }
    let mut properties = pascal(&document);
    properties["Tags"] = joined(&properties["Tags"], draft.tags(Some(&service.name)));
    for (member, part, made) in
        [("ExecutionRoleArn", Part::ExecutionRole, &roles.execution), ("TaskRoleArn", Part::TaskRole, &roles.task)]
    {
        let is_replaced = properties[member].as_str().is_none_or(|named| draft.replaces(part, named));
        if let (true, Some(made)) = (is_replaced, made) {
            properties[member] = made.clone();
        }
    }
    without_nulls(&mut properties);
    // Running tasks and the way back need the one before.
    Resource::new("AWS::ECS::TaskDefinition", properties).retained()
}

fn service_resource(
    draft: &Draft<'_>,
    service: &ServicePlan,
    place: &Place,
    balanced: &Balanced,
    roles: &Roles,
) -> Resource {
    let mut document = service.service.clone();
    // The first revision of a service gets the alternate target group of a pair.
    let first = if service.pair().is_some() { PairSide::Alternate } else { PairSide::Own };
    service.name_alarms(&mut document, first);
    let planned_network = document["networkConfiguration"].take();
    for member in ["clientToken", "networkConfiguration", "forceNewDeployment"] {
        document.as_object_mut().map(|members| members.remove(member));
    }
    let mut properties = pascal(&document);
    if planned_network.is_object() {
        properties["NetworkConfiguration"] = network::configuration(draft, place, &planned_network);
    }
    if service.cluster == draft.plan.environment.cluster {
        properties["Cluster"] = reference("Cluster");
    }
    let id = logical(service.name.as_str());
    properties["TaskDefinition"] = reference(&format!("{id}TaskDefinition"));
    let is_daemon = service.service["schedulingStrategy"] == "DAEMON";
    if !is_daemon && scaling::scaling(draft.plan.environment.stage, service).is_none() {
        // A scaled service has no count here, so that an update of the stack does not undo the scaling.
        properties["DesiredCount"] = json!(service.desired_count.at_creation());
    }
    properties["Tags"] = joined(&properties["Tags"], draft.tags(Some(&service.name)));
    if let Some(attachment) = attachment(draft, service, balanced, roles) {
        properties["LoadBalancers"] = json!([attachment]);
    }
    refer_to_alarms(&mut properties, service);
    without_nulls(&mut properties);
    // Rules that the service refers to are there before it anyway.
    let referred = [RulePurpose::Production, RulePurpose::Test];
    let referred = referred.map(|purpose| balanced.rules.get(&(service.name.clone(), purpose)));
    let after = balanced.served_by.get(&service.name).into_iter().flatten();
    let after = after.filter(|id| service.pair().is_none() || !referred.contains(&Some(id))).cloned();
    let ways_in = service.balancing.iter().flat_map(|balancing| network::ways_in(balancing.container_port));
    let ways_in = ways_in.filter(|id| draft.template.has(id));
    let after = after.chain(place.ways_out.iter().cloned()).chain(ways_in).collect();
    Resource::new("AWS::ECS::Service", properties).only_if(WITH_SERVICES).after(after)
}

fn attachment(draft: &Draft<'_>, service: &ServicePlan, balanced: &Balanced, roles: &Roles) -> Option<Json> {
    let balancing = service.balancing.as_ref()?;
    let mut attachment = json!({
        "TargetGroupArn": reference(&target_group(&service.name, PairSide::Own)),
        "ContainerName": balancing.container,
        "ContainerPort": balancing.container_port,
    });
    let Some(pair) = &balancing.pair else { return Some(attachment) };
    let rule = |purpose| balanced.rules.get(&(service.name.clone(), purpose)).map(|id| reference(id));
    let mut advanced = json!({
        "AlternateTargetGroupArn": reference(&target_group(&service.name, PairSide::Alternate)),
        "ProductionListenerRule": rule(RulePurpose::Production),
    });
    if let Some(test) = rule(RulePurpose::Test) {
        advanced["TestListenerRule"] = test;
    }
    let named = pair.infrastructure_role.as_deref().filter(|role| !draft.replaces(Part::InfrastructureRole, role));
    advanced["RoleArn"] = named.map(|role| json!(role)).or_else(|| roles.infrastructure.clone()).unwrap_or(Json::Null);
    attachment["AdvancedConfiguration"] = advanced;
    Some(attachment)
}

/// The names of alarms that the template makes become references, so that they are there before the service.
fn refer_to_alarms(properties: &mut Json, service: &ServicePlan) {
    let names = properties.pointer_mut("/DeploymentConfiguration/Alarms/AlarmNames").and_then(Json::as_array_mut);
    for name in names.into_iter().flatten() {
        let sides = SIDES.into_iter().flat_map(|side| service.alarms.iter().map(move |alarm| (alarm, side)));
        let made = sides.into_iter().find(|(alarm, side)| *name == alarm.name_on(*side));
        if let Some((alarm, side)) = made {
            *name = reference(&observation::alarm_id(service, alarm, side));
        }
    }
}

fn remark(draft: &mut Draft<'_>, service: &ServicePlan) {
    let name = &service.name;
    let hooks = service.service["deploymentConfiguration"]["lifecycleHooks"].as_array();
    if hooks.into_iter().flatten().any(|hook| hook["targetType"] == "PAUSE") {
        draft.remarks.push(format!(
            "service {name}: its deployments pause, and the stack would wait with them; make it with {SERVICES_PARAMETER}=omit and let `seatrial deploy` make the service"
        ));
    }
    let runs_on_fargate = service.service["launchType"] == "FARGATE"
        || service.service["capacityProviderStrategy"].as_array().is_some_and(|list| {
            list.iter().all(|item| item["capacityProvider"].as_str().is_some_and(|name| name.starts_with("FARGATE")))
        });
    if !runs_on_fargate {
        draft.remarks.push(format!("service {name} runs on container instances, which the template does not make"));
    }
    if service.cluster != draft.plan.environment.cluster {
        draft
            .remarks
            .push(format!("service {name} is in cluster {}, which the template does not make", service.cluster));
    }
}

/// Written tags and ours, which win.
fn joined(written: &Json, own: Json) -> Json {
    let own: Vec<Json> = own.as_array().cloned().unwrap_or_default();
    let written = written.as_array().into_iter().flatten();
    let others = written.filter(|tag| own.iter().all(|known| known["Key"] != tag["Key"])).cloned();
    others.chain(own.iter().cloned()).collect()
}

fn without_nulls(properties: &mut Json) {
    if let Json::Object(members) = properties {
        members.retain(|_, value| !value.is_null());
    }
}
