//! The `config` step of a release: parameters become what the file says, and become what they were if the release is taken back.

use std::collections::BTreeMap;

use super::{Secrecy, list, parameter, put, refuse_foreign, version_of};
use crate::aws::{Connection, DoingExt};
use crate::error::ReleaseError;
use crate::parameters::Realm;
use crate::plan::Plan;

/// What a release has published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// The version of each value of the file.
    pub versions: BTreeMap<String, i64>,
    /// What was changed, with the version before; none for what is new.
    changed: BTreeMap<String, Option<i64>>,
}

/// What is to be published: found, and nothing of it done.
pub(crate) struct Pending {
    /// Values that are there already.
    versions: BTreeMap<String, i64>,
    /// Those to be put, with the version there.
    wanted: BTreeMap<String, Option<i64>>,
    /// Of those that this release changes, in this attempt or one before, the version before it.
    before: BTreeMap<String, Option<i64>>,
}

/// Finds out what the file says and the environment does not have. Refuses what is somebody else's, and secrets that the file has in clear.
/// `before` is what an earlier attempt of the same release has changed already.
pub(crate) async fn pending(
    connection: &Connection,
    realm: &Realm,
    config: &BTreeMap<String, String>,
    before: &BTreeMap<String, Option<i64>>,
) -> Result<Pending, ReleaseError> {
    let there = list(connection, realm).await?;
    let (mut versions, mut wanted) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in config {
        match there.iter().find(|one| one.name == *name) {
            Some(one) if one.secrecy == Secrecy::Secret => {
                let what = format!("`{name}` is a secret in {}, and the file has it in clear", realm.environment);
                let instead = format!(
                    "give it to containers by `secrets` and take it out of `config`, or take the secret away: seatrial config unset {name} --env {}",
                    realm.environment
                );
                return Err(ReleaseError::not_possible(what, instead));
            }
            Some(one) if one.value.as_ref() == Some(value) => {
                versions.insert(name.clone(), one.version);
            }
            found => {
                wanted.insert(name.clone(), found.map(|one| one.version));
            }
        }
    }
    let names: Vec<String> = wanted.keys().cloned().collect();
    refuse_foreign(connection, realm, &names).await?;
    // What was there before the first attempt counts.
    let mut all = wanted.clone();
    all.extend(before.iter().map(|(name, version)| (name.clone(), *version)));
    Ok(Pending { versions, wanted, before: all })
}

/// Refuses a plan whose configuration cannot be published, before anything is touched.
pub async fn refuse_conflicts(connection: &Connection, plan: &Plan) -> Result<(), ReleaseError> {
    if plan.config.is_empty() {
        return Ok(());
    }
    pending(connection, &Realm::of(plan), &plan.config, &BTreeMap::new()).await.map(drop)
}

impl Pending {
    /// Whether nothing is to be put.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Of what this release changes, the version before.
    pub fn before(&self) -> &BTreeMap<String, Option<i64>> {
        &self.before
    }

    /// Makes the parameters what the file says: all of them or none.
    pub async fn publish(
        self,
        connection: &Connection,
        realm: &Realm,
        config: &BTreeMap<String, String>,
    ) -> Result<Published, ReleaseError> {
        let mut published = Published { versions: self.versions, changed: BTreeMap::new() };
        for (name, version_before) in self.wanted {
            match put(connection, realm, &parameter(realm, &name), &config[&name], Secrecy::Plain).await {
                Ok(version) => {
                    published.versions.insert(name.clone(), version);
                    published.changed.insert(name, version_before);
                }
                Err(error) => {
                    published.take_back(connection, realm).await;
                    return Err(error.into());
                }
            }
        }
        published.changed = self.before;
        Ok(published)
    }
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

    /// Puts back what was there before; returns a line for each, also for what could not be put back.
    pub async fn take_back(&self, connection: &Connection, realm: &Realm) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, before) in &self.changed {
            let put_back = put_back(connection, realm, name, *before).await;
            lines.push(put_back.unwrap_or_else(|error| {
                format!("{name} could not be put back ({error}); `seatrial config diff` shows what it is now")
            }));
        }
        lines
    }
}

async fn put_back(
    connection: &Connection,
    realm: &Realm,
    name: &str,
    before: Option<i64>,
) -> Result<String, ReleaseError> {
    let full = parameter(realm, name);
    let Some(before) = before else {
        let deleted = connection.ssm.delete_parameter().name(&full).send().await;
        return match deleted.doing(|| format!("deleting the parameter {full}")) {
            Err(error) if !error.has_code("ParameterNotFound") => Err(error.into()),
            // Where the release did not come to it.
            Ok(_) | Err(_) => Ok(format!("{name} is deleted again")),
        };
    };
    let text = version_of(connection, &full, before).await?;
    let now = put(connection, realm, &full, &text, Secrecy::Plain).await?;
    Ok(format!("{name} is again what it was in version {before} (version {now})"))
}
