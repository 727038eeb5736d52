//! Tags of ELBv2's resources.

use super::arn::Kind;
use super::refusals::validation;
use super::{listeners, load_balancers, rules, target_groups};
use crate::refusal::Refusal;
use crate::state::{State, Tags};
use crate::tags;
use crate::transaction::Transaction;

/// Returns the tags of a resource.
pub fn of(state: &State, arn: &str) -> Result<Tags, Refusal> {
    check_exists(state, arn)?;
    Ok(state.tags.get(arn).cloned().unwrap_or_default())
}

/// Adds tags to resources, or changes their values.
pub fn add(tx: &mut Transaction<'_>, arns: &[String], added: &Tags) -> Result<(), Refusal> {
    for arn in arns {
        let mut all = of(tx.state, arn)?;
        all.extend(added.clone());
        if all.len() > tags::TAGS_MAX {
            return Err(too_many());
        }
        tags::set(tx, arn, added.clone())?;
    }
    Ok(())
}

/// Removes tags from resources; keys a resource does not have are passed over.
pub fn remove(tx: &mut Transaction<'_>, arns: &[String], keys: &[String]) -> Result<(), Refusal> {
    for arn in arns {
        check_exists(tx.state, arn)?;
        tags::unset(tx, arn, keys);
    }
    Ok(())
}

/// Makes the refusal of more tags than a resource can have.
pub fn too_many() -> Refusal {
    Refusal::new("TooManyTags", format!("A resource may have at most {} tags", tags::TAGS_MAX))
}

/// Gives a resource that is being created its tags.
pub(super) fn put_new(tx: &mut Transaction<'_>, arn: &str, tags: Tags) {
    if !tags.is_empty() {
        tx.state.tags.insert(arn, tags);
    }
}

fn check_exists(state: &State, arn: &str) -> Result<(), Refusal> {
    match Kind::of(arn) {
        Some(Kind::LoadBalancer) => load_balancers::find(state, arn).map(|_| ()),
        Some(Kind::Listener) => listeners::find(state, arn).map(|_| ()),
        Some(Kind::Rule) => rules::find(state, arn).map(|_| ()),
        Some(Kind::TargetGroup) => target_groups::find(state, arn).map(|_| ()),
        None => {
            let shown: String = arn.chars().take(128).collect();
            Err(validation(format!("'{shown}' is not a valid ARN of a load balancer, listener, rule or target group")))
        }
    }
}
