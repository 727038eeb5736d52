//! What ECS says of all the deployments that are watched, in as few calls as it takes: so that a deployment is looked at as soon as something
//! happens to it, also where it is one of hundreds whose next look is minutes away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::ServiceDeployment;

use crate::aws::{CallError, Connection, DoingExt};

/// Most deployments in one DescribeServiceDeployments.
const DEPLOYMENTS_MAX: usize = 20;
/// What each call adds to the time between two bulletins: 1.75 of them a second leave room for looks in a quarter of ECS's 20.
pub(crate) const INTERVAL_OF_CALL: Duration = Duration::from_millis(572);

/// The part of a deployment that tells whether something has happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    status: Option<String>,
    stage: Option<String>,
}

impl Standing {
    pub fn of(deployment: &ServiceDeployment) -> Self {
        Standing {
            status: deployment.status().map(|status| status.as_str().to_owned()),
            stage: deployment.lifecycle_stage().map(|stage| stage.as_str().to_owned()),
        }
    }
}

/// The bulletin of one connection. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bulletin {
    /// How each watched deployment was, by its ARN; none while it was not read.
    standings: Arc<Mutex<BTreeMap<String, Option<Standing>>>>,
    /// When they were read; whoever holds it reads.
    read_at: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// A deployment that is in the bulletin, until this is dropped.
pub(super) struct Entry {
    arn: String,
    bulletin: Bulletin,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.bulletin.with(|standings| standings.remove(&self.arn));
    }
}

impl Bulletin {
    /// Puts a deployment in.
    pub(super) fn enter(&self, arn: &str) -> Entry {
        self.with(|standings| standings.insert(arn.to_owned(), None));
        Entry { arn: arn.to_owned(), bulletin: self.clone() }
    }

    /// Reads the bulletin if that is due and nobody else is at it.
    async fn refresh(&self, connection: &Connection) -> Result<(), CallError> {
        let Ok(mut read_at) = self.read_at.try_lock() else { return Ok(()) };
        let arns: Vec<String> = self.with(|standings| standings.keys().cloned().collect());
        let calls = u32::try_from(arns.len().div_ceil(DEPLOYMENTS_MAX)).unwrap_or(u32::MAX);
        let interval = connection.poll_interval().max(INTERVAL_OF_CALL.saturating_mul(calls));
        if read_at.is_some_and(|at| at.elapsed() < interval) {
            return Ok(());
        }
        *read_at = Some(Instant::now());
        for some in arns.chunks(DEPLOYMENTS_MAX) {
            let described = connection.ecs.describe_service_deployments();
            let described = described.set_service_deployment_arns(Some(some.to_vec())).send().await;
            let described = described.doing(|| "looking at the service deployments".into())?;
            self.with(|standings| {
                for deployment in described.service_deployments() {
                    let arn = deployment.service_deployment_arn().unwrap_or_default();
                    if let Some(standing) = standings.get_mut(arn) {
                        *standing = Some(Standing::of(deployment));
                    }
                }
            });
        }
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Option<Standing>>) -> T) -> T {
        work(&mut self.standings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entry {
    /// Whether the deployment is no longer as it was seen to be. A bulletin that cannot be read says nothing: the next look will tell why.
    pub async fn has_changed(&self, connection: &Connection, seen: Option<&Standing>) -> bool {
        if let Err(error) = self.bulletin.refresh(connection).await {
            tracing::debug!("{error}");
        }
        let standing = self.bulletin.with(|standings| standings.get(&self.arn).cloned().flatten());
        standing.is_some_and(|standing| seen != Some(&standing))
    }
}
