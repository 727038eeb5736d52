//! Requests on task definitions. What a task definition may say is for `seatrial-model` to judge.

use seatrial_aws_wire::{Input, ServiceError};
use serde::Deserialize;

use super::listing::{PageRequest, WirePage};
use super::tags::{Tags, WireTag, check_tags};
use super::{Document, IncludeTags, Request, bounded, one_of, other_members, required};

/// The most task definitions in one DeleteTaskDefinitions call.
pub const DELETE_TASK_DEFINITIONS_MAX: usize = 10;

/// RegisterTaskDefinition.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterTaskDefinition {
    pub tags: Tags,
    /// Everything but the tags.
    pub document: Document,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireRegisterTaskDefinition {
    family: Option<String>,
    container_definitions: Vec<Document>,
    tags: Vec<WireTag>,
}

impl Request for RegisterTaskDefinition {
    type Wire = WireRegisterTaskDefinition;

    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError> {
        let client = |message: &str| ServiceError::sender("ClientException", message);
        required(wire.family, "").map_err(|_| client("Family should not be null or empty."))?;
        if wire.container_definitions.is_empty() {
            return Err(client("Container definitions should not be null or empty."));
        }
        Ok(RegisterTaskDefinition { tags: check_tags(wire.tags)?, document: other_members(input, &["tags"]) })
    }
}

/// DescribeTaskDefinition.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTaskDefinition {
    pub task_definition: String,
    pub include_tags: IncludeTags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireTaskDefinition {
    task_definition: Option<String>,
    include: Vec<String>,
}

impl Request for DescribeTaskDefinition {
    type Wire = WireTaskDefinition;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(DescribeTaskDefinition {
            task_definition: required(wire.task_definition, "Task definition can not be blank.")?,
            include_tags: IncludeTags::parse(&wire.include),
        })
    }
}

/// DeregisterTaskDefinition.
#[derive(Clone, Debug, PartialEq)]
pub struct DeregisterTaskDefinition {
    /// Has a revision: a family alone would be too easily meant otherwise.
    pub task_definition: String,
}

impl Request for DeregisterTaskDefinition {
    type Wire = WireTaskDefinition;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let task_definition = required(wire.task_definition, "Task definition can not be blank.")?;
        require_revision(&task_definition)?;
        Ok(DeregisterTaskDefinition { task_definition })
    }
}

/// DeleteTaskDefinitions.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteTaskDefinitions {
    /// 1 to 10, each with a revision.
    pub task_definitions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDeleteTaskDefinitions {
    task_definitions: Vec<String>,
}

impl Request for DeleteTaskDefinitions {
    type Wire = WireDeleteTaskDefinitions;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        let task_definitions = bounded(wire.task_definitions, "Task definitions", DELETE_TASK_DEFINITIONS_MAX)?;
        task_definitions.iter().try_for_each(|reference| require_revision(reference))?;
        Ok(DeleteTaskDefinitions { task_definitions })
    }
}

fn require_revision(reference: &str) -> Result<(), ServiceError> {
    let short = reference.rsplit('/').next().unwrap_or_default();
    if short.contains(':') { Ok(()) } else { Err(ServiceError::sender("ClientException", "Revision is missing.")) }
}

/// `sort` of ListTaskDefinitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    Ascending,
    Descending,
}

/// Which task definitions or families are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    Active,
    Inactive,
    DeleteInProgress,
    All,
}

/// ListTaskDefinitions.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTaskDefinitions {
    /// The whole name of a family, despite its name in the API.
    pub family: Option<String>,
    pub status: StatusFilter,
    pub sort: SortOrder,
    pub page: PageRequest,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireListTaskDefinitions {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Request for ListTaskDefinitions {
    type Wire = WireListTaskDefinitions;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.status.as_deref(), "status", &["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"])?;
        one_of(wire.sort.as_deref(), "sort", &["ASC", "DESC"])?;
        Ok(ListTaskDefinitions {
            family: wire.family_prefix,
            status: status_filter(wire.status.as_deref(), StatusFilter::Active),
            sort: if wire.sort.as_deref() == Some("DESC") { SortOrder::Descending } else { SortOrder::Ascending },
            page: WirePage { next_token: wire.next_token, max_results: wire.max_results }.check(100)?,
        })
    }
}

/// ListTaskDefinitionFamilies.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTaskDefinitionFamilies {
    pub prefix: Option<String>,
    pub status: StatusFilter,
    pub page: PageRequest,
}

impl Request for ListTaskDefinitionFamilies {
    type Wire = WireListTaskDefinitions;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.status.as_deref(), "status", &["ACTIVE", "INACTIVE", "ALL"])?;
        Ok(ListTaskDefinitionFamilies {
            prefix: wire.family_prefix,
            status: status_filter(wire.status.as_deref(), StatusFilter::All),
            page: WirePage { next_token: wire.next_token, max_results: wire.max_results }.check(100)?,
        })
    }
}

fn status_filter(status: Option<&str>, default: StatusFilter) -> StatusFilter {
    match status {
        Some("ACTIVE") => StatusFilter::Active,
        Some("INACTIVE") => StatusFilter::Inactive,
        Some("DELETE_IN_PROGRESS") => StatusFilter::DeleteInProgress,
        Some("ALL") => StatusFilter::All,
        Some(_) | None => default,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{read, refusal};
    use super::*;

    #[test]
    fn a_task_definition_is_kept_whole_but_for_its_tags() {
        let request: RegisterTaskDefinition = read(json!({
            "family": "web", "containerDefinitions": [{"name": "app"}], "tags": [{"key": "a", "value": "b"}],
            "brandNew": {"x": 1},
        }))
        .expect("a request");
        assert_eq!(request.document.keys().collect::<Vec<_>>(), ["brandNew", "containerDefinitions", "family"]);
        assert_eq!(request.tags.len(), 1);
        let (code, message) = refusal::<RegisterTaskDefinition>(json!({"family": "web"}));
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("ClientException", "Container definitions should not be null or empty.")
        );
        assert_eq!(refusal::<RegisterTaskDefinition>(json!({"family": 1})).0, "SerializationException");
    }

    #[test]
    fn only_a_revision_can_be_deregistered_or_deleted() {
        assert_eq!(refusal::<DeregisterTaskDefinition>(json!({"taskDefinition": "web"})).1, "Revision is missing.");
        let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web";
        assert_eq!(refusal::<DeleteTaskDefinitions>(json!({"taskDefinitions": [arn]})).1, "Revision is missing.");
        assert!(read::<DeleteTaskDefinitions>(json!({"taskDefinitions": [format!("{arn}:3")]})).is_ok());
        let many: Vec<String> = (1..=11).map(|n| format!("web:{n}")).collect();
        assert!(refusal::<DeleteTaskDefinitions>(json!({"taskDefinitions": many})).1.contains("10"));
    }

    #[test]
    fn listings_have_their_own_defaults() {
        let definitions: ListTaskDefinitions = read(json!({})).expect("a request");
        assert_eq!((definitions.status, definitions.sort), (StatusFilter::Active, SortOrder::Ascending));
        let families: ListTaskDefinitionFamilies = read(json!({})).expect("a request");
        assert_eq!(families.status, StatusFilter::All);
        assert_eq!(refusal::<ListTaskDefinitions>(json!({"sort": "UP"})).1, "sort should be one of [ASC,DESC]");
    }
}
