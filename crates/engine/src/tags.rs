//! Tags of any resource, by ARN.

use crate::mirroring;
use crate::refusal::Refusal;
use crate::services;
use crate::state::{ServiceRecord, Tags};
use crate::transaction::Transaction;

/// The most tags a resource may have.
pub const TAGS_MAX: usize = 50;

/// Adds tags to a resource, or changes their values.
pub fn set(tx: &mut Transaction<'_>, arn: &str, tags: Tags) -> Result<(), Refusal> {
    if service_of(tx, arn).is_some() {
        services::check_tags(&tags)?;
    }
    mirroring::check(&tags)?;
    let mut all = tx.state.tags.get(arn).cloned().unwrap_or_default();
    all.extend(tags);
    if all.len() > TAGS_MAX {
        return Err(Refusal::invalid(format!("A resource may have at most {TAGS_MAX} tags.")));
    }
    tx.state.tags.insert(arn, all);
    refresh(tx, arn);
    Ok(())
}

/// Removes tags from a resource; keys it does not have are passed over.
pub fn unset(tx: &mut Transaction<'_>, arn: &str, keys: &[String]) {
    if let Some(tags) = tx.state.tags.get_mut(arn) {
        tags.retain(|key, _| !keys.contains(key));
    }
    refresh(tx, arn);
}

/// A service's tags can be settings.
fn refresh(tx: &mut Transaction<'_>, arn: &str) {
    if let Some(key) = service_of(tx, arn) {
        services::refresh_settings(tx, &key);
    }
}

fn service_of(tx: &Transaction<'_>, arn: &str) -> Option<String> {
    let scope = &tx.state.scope;
    let is_it = |service: &ServiceRecord| scope.service(&service.cluster, &service.name).as_str() == arn;
    tx.state.services.iter().find(|(_, service)| is_it(service)).map(|(key, _)| key.clone())
}
