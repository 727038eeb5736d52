//! Requests on tasks.

use std::collections::BTreeMap;

use seatrial_aws_wire::{Input, ServiceError};
use serde::Deserialize;

use super::listing::{PageRequest, WirePage};
use super::services::LAUNCH_TYPES;
use super::tags::{Tags, WireTag, check_tags};
use super::{Document, IncludeTags, Request, bounded, client_token, invalid, one_of, other_members, required};

/// The most tasks in one DescribeTasks call.
pub const DESCRIBE_TASKS_MAX: usize = 100;
/// The most tasks one RunTask call starts.
pub const RUN_TASK_COUNT_MAX: i64 = 10;
/// The longest `startedBy`.
const STARTED_BY_LENGTH_MAX: usize = 128;

/// RunTask.
#[derive(Clone, Debug, PartialEq)]
pub struct RunTask {
    pub cluster: Option<String>,
    pub task_definition: String,
    /// 1 to 10.
    pub count: u32,
    pub group: Option<String>,
    pub started_by: Option<String>,
    pub client_token: Option<String>,
    /// By container.
    pub overrides: Vec<ContainerOverride>,
    pub tags: Tags,
    /// Every other member, `overrides` included.
    pub document: Document,
}

/// What RunTask changes in one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerOverride {
    pub name: String,
    pub command: Option<Vec<String>>,
    /// Variables added to those of the definition, or put in their place.
    pub environment: BTreeMap<String, String>,
    pub cpu: Option<i64>,
    pub memory: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireRunTask {
    cluster: Option<String>,
    task_definition: Option<String>,
    count: Option<i64>,
    group: Option<String>,
    started_by: Option<String>,
    client_token: Option<String>,
    launch_type: Option<String>,
    overrides: WireOverrides,
    tags: Vec<WireTag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireOverrides {
    container_overrides: Vec<WireContainerOverride>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireContainerOverride {
    name: Option<String>,
    command: Option<Vec<String>>,
    environment: Vec<WireVariable>,
    cpu: Option<i64>,
    memory: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireVariable {
    name: Option<String>,
    value: Option<String>,
}

impl Request for RunTask {
    type Wire = WireRunTask;

    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError> {
        const HANDLED: [&str; 7] = ["cluster", "taskDefinition", "count", "group", "startedBy", "clientToken", "tags"];
        one_of(wire.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
        let count = wire.count.unwrap_or(1);
        if !(1..=RUN_TASK_COUNT_MAX).contains(&count) {
            return Err(invalid(format!("Count must be between 1 and {RUN_TASK_COUNT_MAX}.")));
        }
        if wire.started_by.as_ref().is_some_and(|text| text.len() > STARTED_BY_LENGTH_MAX) {
            return Err(invalid(format!("startedBy can have at most {STARTED_BY_LENGTH_MAX} characters.")));
        }
        let overrides = wire.overrides.container_overrides.into_iter().map(check_override);
        Ok(RunTask {
            cluster: wire.cluster,
            task_definition: required(wire.task_definition, "Task definition can not be blank.")?,
            count: count as u32,
            group: wire.group,
            started_by: wire.started_by,
            client_token: client_token(wire.client_token)?,
            overrides: overrides.collect::<Result<_, _>>()?,
            tags: check_tags(wire.tags)?,
            document: other_members(input, &HANDLED),
        })
    }
}

fn check_override(wire: WireContainerOverride) -> Result<ContainerOverride, ServiceError> {
    let variable = |variable: WireVariable| {
        let name = required(variable.name, "Environment variable name can not be blank.")?;
        Ok((name, variable.value.unwrap_or_default()))
    };
    Ok(ContainerOverride {
        name: required(wire.name, "Container override name can not be blank.")?,
        command: wire.command,
        environment: wire.environment.into_iter().map(variable).collect::<Result<_, ServiceError>>()?,
        cpu: wire.cpu,
        memory: wire.memory,
    })
}

/// StopTask.
#[derive(Clone, Debug, PartialEq)]
pub struct StopTask {
    pub cluster: Option<String>,
    pub task: String,
    pub reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireStopTask {
    cluster: Option<String>,
    task: Option<String>,
    reason: Option<String>,
}

impl Request for StopTask {
    type Wire = WireStopTask;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let task = required(wire.task, "Task can not be blank.")?;
        Ok(StopTask { cluster: wire.cluster, task, reason: wire.reason.filter(|reason| !reason.is_empty()) })
    }
}

/// DescribeTasks.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTasks {
    pub cluster: Option<String>,
    /// 1 to 100.
    pub tasks: Vec<String>,
    pub include_tags: IncludeTags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDescribeTasks {
    cluster: Option<String>,
    tasks: Vec<String>,
    include: Vec<String>,
}

impl Request for DescribeTasks {
    type Wire = WireDescribeTasks;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(DescribeTasks {
            cluster: wire.cluster,
            tasks: bounded(wire.tasks, "Tasks", DESCRIBE_TASKS_MAX)?,
            include_tags: IncludeTags::parse(&wire.include),
        })
    }
}

/// `desiredStatus` of ListTasks. ECS never sets PENDING, so listing by it gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesiredStatusFilter {
    Running,
    Pending,
    Stopped,
}

/// ListTasks.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTasks {
    pub cluster: Option<String>,
    pub family: Option<String>,
    pub service_name: Option<String>,
    pub started_by: Option<String>,
    pub container_instance: Option<String>,
    pub launch_type: Option<String>,
    pub desired_status: DesiredStatusFilter,
    pub page: PageRequest,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireListTasks {
    cluster: Option<String>,
    family: Option<String>,
    service_name: Option<String>,
    started_by: Option<String>,
    container_instance: Option<String>,
    launch_type: Option<String>,
    desired_status: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Request for ListTasks {
    type Wire = WireListTasks;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
        one_of(wire.desired_status.as_deref(), "desiredStatus", &["RUNNING", "PENDING", "STOPPED"])?;
        let others = [&wire.family, &wire.service_name, &wire.container_instance];
        if wire.started_by.is_some() && others.into_iter().any(Option::is_some) {
            return Err(invalid("startedBy must be the only filter of its kind."));
        }
        Ok(ListTasks {
            desired_status: match wire.desired_status.as_deref() {
                Some("STOPPED") => DesiredStatusFilter::Stopped,
                Some("PENDING") => DesiredStatusFilter::Pending,
                Some(_) | None => DesiredStatusFilter::Running,
            },
            cluster: wire.cluster,
            family: wire.family,
            service_name: wire.service_name,
            started_by: wire.started_by,
            container_instance: wire.container_instance,
            launch_type: wire.launch_type,
            page: WirePage { next_token: wire.next_token, max_results: wire.max_results }.check(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{read, refusal};
    use super::*;

    #[test]
    fn a_task_is_run_with_overrides() {
        let request: RunTask = read(json!({
            "taskDefinition": "migrate", "count": 2, "startedBy": "ci",
            "overrides": {"containerOverrides": [
                {"name": "app", "command": ["migrate"], "environment": [{"name": "A", "value": "1"}, {"name": "B"}]},
            ]},
        }))
        .expect("a request");
        assert_eq!((request.count, request.started_by.as_deref()), (2, Some("ci")));
        let app = &request.overrides[0];
        assert_eq!((app.name.as_str(), app.command.as_deref()), ("app", Some(&["migrate".to_owned()][..])));
        assert_eq!(app.environment.get("B").map(String::as_str), Some(""));
        assert!(request.document.contains_key("overrides"), "kept for DescribeTasks");
    }

    #[test]
    fn impossible_requests_on_tasks_are_refused() {
        assert_eq!(refusal::<RunTask>(json!({})).1, "Task definition can not be blank.");
        assert_eq!(
            refusal::<RunTask>(json!({"taskDefinition": "a", "count": 11})).1,
            "Count must be between 1 and 10."
        );
        assert_eq!(refusal::<DescribeTasks>(json!({})).1, "Tasks cannot be empty.");
        assert_eq!(refusal::<StopTask>(json!({})).1, "Task can not be blank.");
        let both = json!({"startedBy": "ci", "family": "web"});
        assert_eq!(refusal::<ListTasks>(both).0, "InvalidParameterException");
    }

    #[test]
    fn tasks_are_listed_by_running_unless_asked_otherwise() {
        let request: ListTasks = read(json!({})).expect("a request");
        assert_eq!((request.desired_status, request.page.size), (DesiredStatusFilter::Running, 100));
        let request: ListTasks = read(json!({"desiredStatus": "STOPPED"})).expect("a request");
        assert_eq!(request.desired_status, DesiredStatusFilter::Stopped);
    }
}
