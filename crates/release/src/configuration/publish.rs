//! The `config` step of a release: parameters become what the file says, and become what they were if the release is taken back.

use std::collections::BTreeMap;

use super::{Secrecy, list, parameter, put, refuse_foreign, version_of};
use crate::aws::{Connection, DoingExt};
use crate::error::ReleaseError;
use crate::parameters::Realm;

/// What a release has published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// The version of each value of the file.
    pub versions: BTreeMap<String, i64>,
    /// What was changed, with the version before; none for what is new.
    changed: BTreeMap<String, Option<i64>>,
}

/// What the file says and the environment does not have, by name, with the version there.
async fn differing(
    connection: &Connection,
    realm: &Realm,
    config: &BTreeMap<String, String>,
) -> Result<(Published, Vec<String>), ReleaseError> {
    let there = list(connection, realm).await?;
    let mut published = Published::default();
    for (name, wanted) in config {
        let found = there.iter().find(|one| one.name == *name);
        match found {
            Some(one) if one.value.as_ref() == Some(wanted) => {
                published.versions.insert(name.clone(), one.version);
            }
            _ => {
                published.changed.insert(name.clone(), found.map(|one| one.version));
            }
        }
    }
    let names = published.changed.keys().cloned().collect();
    Ok((published, names))
}

/// Makes the parameters what the file says; nothing is touched if one of them is somebody else's. `before` is what an earlier attempt of the
/// same release has changed already.
pub(crate) async fn publish(
    connection: &Connection,
    realm: &Realm,
    config: &BTreeMap<String, String>,
    before: &BTreeMap<String, Option<i64>>,
) -> Result<Published, ReleaseError> {
    let (mut published, names) = differing(connection, realm, config).await?;
    refuse_foreign(connection, realm, &names).await?;
    let wanted = std::mem::take(&mut published.changed);
    for (name, version_before) in wanted {
        match put(connection, realm, &parameter(realm, &name), &config[&name], Secrecy::Plain).await {
            Ok(version) => {
                published.versions.insert(name.clone(), version);
                published.changed.insert(name, version_before);
            }
            Err(error) => {
                // All of them or none.
                published.take_back(connection, realm).await?;
                return Err(error.into());
            }
        }
    }
    // What was there before the first attempt counts.
    published.changed.extend(before.iter().map(|(name, version)| (name.clone(), *version)));
    Ok(published)
}

impl Published {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Of what was changed, the version before.
    pub fn before(&self) -> &BTreeMap<String, Option<i64>> {
        &self.changed
    }

    /// A line for each change; values are not told.
    pub fn details(&self) -> Vec<String> {
        let line = |(name, before): (&String, &Option<i64>)| {
            let now = self.versions.get(name).copied().unwrap_or_default();
            match before {
                Some(before) => format!("changed {name} (version {before} → {now})"),
                None => format!("created {name} (version {now})"),
            }
        };
        self.changed.iter().map(line).collect()
    }

    /// Puts back what was there before; returns a line for each.
    pub async fn take_back(&self, connection: &Connection, realm: &Realm) -> Result<Vec<String>, ReleaseError> {
        let mut lines = Vec::new();
        for (name, before) in &self.changed {
            let full = parameter(realm, name);
            match before {
                Some(before) => {
                    let text = version_of(connection, &full, *before).await?;
                    let now = put(connection, realm, &full, &text, Secrecy::Plain).await?;
                    lines.push(format!("{name} is again what it was in version {before} (version {now})"));
                }
                None => {
                    let deleted = connection.ssm.delete_parameter().name(&full).send().await;
                    deleted.doing(|| format!("deleting the parameter {full}"))?;
                    lines.push(format!("{name} is deleted again"));
                }
            }
        }
        Ok(lines)
    }
}
