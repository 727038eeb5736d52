//! Applying policies to repositories.

use std::collections::BTreeSet;

use seatrial_model::image::{Digest, RepositoryName};
use seatrial_model::{TimeScale, Timestamp};

use super::evaluate::{Candidate, Expiry, evaluate};
use super::policy::LifecyclePolicy;
use crate::images::{deleting, finding};
use crate::state::State;
use crate::transaction::Transaction;

/// Applies the policy of every repository that has one; returns how many images are gone.
pub fn apply_all(tx: &mut Transaction<'_>) -> usize {
    let with_policy = tx.state.repositories.values().filter(|repository| repository.lifecycle_policy.is_some());
    let names: Vec<RepositoryName> = with_policy.map(|repository| repository.name.clone()).collect();
    names.iter().map(|name| apply(tx, name)).sum()
}

/// Applies a repository's policy; returns how many images are gone.
pub fn apply(tx: &mut Transaction<'_>, name: &RepositoryName) -> usize {
    let (now, scale) = (tx.now, tx.scale);
    let Some(record) = tx.state.repositories.get_mut(name.as_str()).and_then(|row| row.lifecycle_policy.as_mut())
    else {
        return 0;
    };
    record.evaluated_at = Some(now);
    let policy = match LifecyclePolicy::parse(&record.text) {
        Ok(policy) => policy,
        Err(error) => {
            tracing::warn!(repository = %name, %error, "a lifecycle policy of another version is not applied");
            return 0;
        }
    };
    let expired = expiring(tx.state, name, &policy, now, scale);
    expired.iter().filter(|expiry| deleting::delete(tx, name, &expiry.digest).is_ok()).count()
}

/// Returns the images of a repository that a policy would let go now.
pub fn expiring(
    state: &State,
    name: &RepositoryName,
    policy: &LifecyclePolicy,
    now: Timestamp,
    scale: TimeScale,
) -> Vec<Expiry> {
    let mut tags = finding::tags_by_digest(state, name);
    let children: BTreeSet<&Digest> = finding::images(state, name)
        .flat_map(|image| image.manifest.children.iter().map(|child| &child.digest))
        .collect();
    let candidates: Vec<Candidate<'_>> = finding::images(state, name)
        .map(|image| Candidate {
            digest: &image.digest,
            tags: tags.remove(&image.digest).unwrap_or_default(),
            pushed_at: image.pushed_at,
            is_child: children.contains(&image.digest),
        })
        .collect();
    evaluate(policy, &candidates, now, scale)
}
