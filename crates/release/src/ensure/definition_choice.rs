//! Which task definition a deployment brings: the configured one, the one in place, or an earlier revision.

use serde::{Deserialize, Serialize};

use super::Ensuring;
use super::service::{describe, in_place};
use super::task_definition::{revision, short, task_definition};
use crate::error::ReleaseError;
use crate::plan::ServicePlan;
use crate::report::{Change, Resource};

/// Which task definition a deployment brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionChoice {
    /// What the configuration says; a revision is registered when none means the same.
    #[default]
    Configured,
    /// The one in place, whatever the configuration says: only the service and what is around it are changed.
    InPlace,
    /// This revision of the service's family, as it was registered.
    Revision(u32),
}

/// Returns the ARN of the task definition that a service shall have.
pub(super) async fn chosen(ensuring: &Ensuring<'_>, service: &ServicePlan) -> Result<String, ReleaseError> {
    let arn = match ensuring.definition {
        DefinitionChoice::Configured => return task_definition(ensuring, service).await,
        DefinitionChoice::InPlace => in_place_of(ensuring, service).await?.ok_or_else(|| nothing_in_place(service))?,
        DefinitionChoice::Revision(number) => {
            let current = in_place_of(ensuring, service).await?;
            let family = current.as_deref().and_then(|arn| short(arn).split(':').next());
            revision(ensuring.connection, family.unwrap_or(&service.family), number).await?
        }
    };
    ensuring.report.ensured(Resource::TaskDefinition, short(&arn), Some(&service.name), Change::Unchanged);
    Ok(arn)
}

async fn in_place_of(ensuring: &Ensuring<'_>, service: &ServicePlan) -> Result<Option<String>, ReleaseError> {
    let existing = describe(ensuring.connection, &service.cluster, &service.service_name).await?;
    Ok(existing.and_then(|(service, _)| in_place(&service).map(ToOwned::to_owned)))
}

fn nothing_in_place(service: &ServicePlan) -> ReleaseError {
    ReleaseError::not_possible(
        format!("service {} is not deployed, so it has no task definition to keep", service.name),
        "deploy it without --skip-task-definition",
    )
}
