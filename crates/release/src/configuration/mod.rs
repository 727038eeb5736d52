//! The configuration of an environment in Parameter Store: what the file says under `config`, and what was put beside it, secrets above all.
//!
//! A release publishes what the file says. Its own containers do not depend on that: they are given these values in their task
//! definition, so that a version always runs with the configuration it was deployed with, on every way back, too.

mod publish;

use aws_sdk_ssm::types::{ParameterStringFilter, ParameterType};
use serde::Serialize;
use time::OffsetDateTime;

pub use publish::refuse_conflicts;
pub(crate) use publish::{Published, pending};

use crate::aws::{CallError, Connection, DoingExt};
use crate::error::ReleaseError;
use crate::lock::Force;
use crate::naming::CONFIG_PATH;
use crate::parameters::{Realm, tags};

/// Most values in one answer.
const PAGE: i32 = 10;
/// Most parameters in one DescribeParameters.
const DESCRIBED: i32 = 50;

/// How a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secrecy {
    Plain,
    /// As a SecureString.
    Secret,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Value {
    pub name: String,
    /// None for a secret that was not asked for by name.
    pub value: Option<String>,
    pub secrecy: Secrecy,
    pub version: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    pub changed_at: Option<OffsetDateTime>,
    /// Whose doing it was, as the endpoint tells.
    pub changed_by: Option<String>,
}

/// A value as it was. It may be a secret's, so that nothing prints it.
pub struct Earlier {
    pub version: i64,
    pub text: String,
    pub secrecy: Secrecy,
}

/// Checks a name: it becomes part of a parameter's.
fn checked(name: &str) -> Result<&str, ReleaseError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (1..=128).contains(&name.len()) && name.chars().all(allowed) {
        Ok(name)
    } else {
        Err(ReleaseError::not_possible(
            format!("`{name}` is not a name of configuration"),
            "use letters, digits, `_`, `-` and `.`, up to 128 of them",
        ))
    }
}

/// The parameter that a name stands for.
fn parameter(realm: &Realm, name: &str) -> String {
    realm.parameter(&format!("{CONFIG_PATH}/{name}"))
}

/// Lists the values of an environment in the order of their names; those of secrets stay where they are.
pub async fn list(connection: &Connection, realm: &Realm) -> Result<Vec<Value>, ReleaseError> {
    let path = realm.parameter(CONFIG_PATH);
    let mut pages = connection.ssm.get_parameters_by_path().path(&path).max_results(PAGE).into_paginator().send();
    let mut values = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.doing(|| format!("reading the parameters below {path}"))?;
        values.extend(page.parameters.unwrap_or_default().into_iter().map(|one| value(one, &path)));
    }
    values.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(values)
}

/// Reads one value, a secret in clear.
pub async fn get(connection: &Connection, realm: &Realm, name: &str) -> Result<Value, ReleaseError> {
    let (path, full) = (realm.parameter(CONFIG_PATH), parameter(realm, checked(name)?));
    let answer = connection.ssm.get_parameter().name(&full).with_decryption(true).send().await;
    match answer.doing(|| format!("reading the parameter {full}")) {
        Ok(answer) => {
            let one = answer.parameter.ok_or(ReleaseError::Incomplete("a parameter"))?;
            let clear = one.value.clone();
            Ok(Value { value: clear, ..value(one, &path) })
        }
        Err(error) if error.has_code("ParameterNotFound") => Err(missing(realm, name)),
        Err(error) => Err(error.into()),
    }
}

fn missing(realm: &Realm, name: &str) -> ReleaseError {
    ReleaseError::not_possible(
        format!("{} of {} has no configuration `{name}`", realm.environment, realm.app),
        "`seatrial config list` shows what there is",
    )
}

/// Puts a value; returns its version. One that somebody else has put there is taken over only by force.
pub async fn set(
    connection: &Connection,
    realm: &Realm,
    name: &str,
    text: &str,
    secrecy: Secrecy,
    force: Force,
) -> Result<i64, ReleaseError> {
    let full = parameter(realm, checked(name)?);
    if force == Force::No {
        refuse_foreign(connection, realm, &[name.to_owned()]).await?;
    }
    put(connection, realm, &full, text, secrecy).await.map_err(Into::into)
}

/// Takes a value away.
pub async fn unset(connection: &Connection, realm: &Realm, name: &str) -> Result<(), ReleaseError> {
    let full = parameter(realm, checked(name)?);
    let answer = connection.ssm.delete_parameter().name(&full).send().await;
    match answer.doing(|| format!("deleting the parameter {full}")) {
        Ok(_) => Ok(()),
        Err(error) if error.has_code("ParameterNotFound") => Err(missing(realm, name)),
        Err(error) => Err(error.into()),
    }
}

/// Lists the versions of a value, newest first; those of secrets stay where they are.
pub async fn history(connection: &Connection, realm: &Realm, name: &str) -> Result<Vec<Value>, ReleaseError> {
    let full = parameter(realm, checked(name)?);
    let mut pages = connection.ssm.get_parameter_history().name(&full).into_paginator().send();
    let mut versions = Vec::new();
    while let Some(page) = pages.next().await {
        let page = match page.doing(|| format!("reading the versions of {full}")) {
            Err(error) if error.has_code("ParameterNotFound") => return Err(missing(realm, name)),
            other => other?,
        };
        versions.extend(page.parameters.unwrap_or_default().into_iter().map(|one| {
            let secrecy = secrecy(one.r#type.as_ref());
            Value {
                name: name.to_owned(),
                value: one.value.filter(|_| secrecy == Secrecy::Plain),
                secrecy,
                version: one.version,
                changed_at: one.last_modified_date.and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok()),
                changed_by: one.last_modified_user,
            }
        }));
    }
    versions.sort_by_key(|one| std::cmp::Reverse(one.version));
    Ok(versions)
}

/// Finds an earlier value: the one before, or a version.
pub async fn earlier(
    connection: &Connection,
    realm: &Realm,
    name: &str,
    to: Option<i64>,
) -> Result<Earlier, ReleaseError> {
    let versions = history(connection, realm, name).await?;
    let wanted = match to {
        Some(to) => versions.iter().find(|one| one.version == to),
        None => versions.get(1),
    };
    let wanted = wanted.ok_or_else(|| {
        let what = match to {
            Some(to) => format!("`{name}` has no version {to}"),
            None => format!("`{name}` has no version before this one"),
        };
        ReleaseError::not_possible(what, format!("`seatrial config history {name}` shows what there is"))
    })?;
    let text = version_of(connection, &parameter(realm, name), wanted.version).await?;
    Ok(Earlier { version: wanted.version, text, secrecy: wanted.secrecy })
}

/// Puts a value again as it was in an earlier version; returns the version that it has now.
pub async fn put_again(
    connection: &Connection,
    realm: &Realm,
    name: &str,
    earlier: &Earlier,
) -> Result<i64, ReleaseError> {
    Ok(put(connection, realm, &parameter(realm, name), &earlier.text, earlier.secrecy).await?)
}

/// Reads a version in clear.
async fn version_of(connection: &Connection, full: &str, version: i64) -> Result<String, ReleaseError> {
    let answer = connection.ssm.get_parameter().name(format!("{full}:{version}")).with_decryption(true).send().await;
    let answer = answer.doing(|| format!("reading version {version} of {full}"))?;
    answer.parameter.and_then(|one| one.value).ok_or(ReleaseError::Incomplete("a parameter's value"))
}

/// Creates or changes a parameter, and marks one that it creates as this application's.
async fn put(
    connection: &Connection,
    realm: &Realm,
    full: &str,
    text: &str,
    secrecy: Secrecy,
) -> Result<i64, CallError> {
    let kind = match secrecy {
        Secrecy::Plain => ParameterType::String,
        Secrecy::Secret => ParameterType::SecureString,
    };
    let request = connection.ssm.put_parameter().name(full).value(text).r#type(kind);
    let created = request.clone().set_tags(Some(tags(realm))).send().await;
    match created.doing(|| format!("creating the parameter {full}")) {
        Ok(answer) => Ok(answer.version()),
        Err(error) if error.has_code("ParameterAlreadyExists") => {
            let changed = request.overwrite(true).send().await;
            Ok(changed.doing(|| format!("writing the parameter {full}"))?.version())
        }
        Err(error) => Err(error),
    }
}

/// Refuses to touch parameters that are there and that neither this application nor anybody for it has made.
async fn refuse_foreign(connection: &Connection, realm: &Realm, names: &[String]) -> Result<(), ReleaseError> {
    let there = list(connection, realm).await?;
    if !there.iter().any(|one| names.contains(&one.name)) {
        return Ok(());
    }
    let ours = ours(connection, realm).await?;
    let foreign = there.iter().find(|one| names.contains(&one.name) && !ours.contains(&parameter(realm, &one.name)));
    match foreign {
        None => Ok(()),
        Some(one) => {
            let full = parameter(realm, &one.name);
            Err(ReleaseError::not_possible(
                format!(
                    "the parameter {full} exists, and was made by somebody else: it lacks the tag seatrial:app={}",
                    realm.app
                ),
                format!(
                    "adopt it (aws ssm add-tags-to-resource --resource-type Parameter --resource-id {full} --tags \
                     Key=seatrial:app,Value={}), give yours another name, or delete it (aws ssm delete-parameter --name {full})",
                    realm.app
                ),
            ))
        }
    }
}

/// The parameters of this application in this environment, by their tag.
async fn ours(connection: &Connection, realm: &Realm) -> Result<Vec<String>, CallError> {
    let filter = |key: &str, value: &str| {
        ParameterStringFilter::builder().key(key).option("Equals").values(value).build().expect("it has a key")
    };
    let by_path = ParameterStringFilter::builder().key("Path").option("OneLevel").values(realm.parameter(CONFIG_PATH));
    let request = connection.ssm.describe_parameters().max_results(DESCRIBED);
    let request = request
        .parameter_filters(by_path.build().expect("it has a key"))
        .parameter_filters(filter("tag:seatrial:app", realm.app.as_str()));
    let mut pages = request.into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.doing(|| format!("looking whose the parameters of {} are", realm.environment))?;
        names.extend(page.parameters.unwrap_or_default().into_iter().filter_map(|one| one.name));
    }
    Ok(names)
}

fn value(one: aws_sdk_ssm::types::Parameter, path: &str) -> Value {
    let secrecy = secrecy(one.r#type.as_ref());
    let name = one.name.unwrap_or_default();
    Value {
        name: name.strip_prefix(&format!("{path}/")).unwrap_or(&name).to_owned(),
        value: one.value.filter(|_| secrecy == Secrecy::Plain),
        secrecy,
        version: one.version,
        changed_at: one.last_modified_date.and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok()),
        changed_by: None,
    }
}

fn secrecy(kind: Option<&ParameterType>) -> Secrecy {
    if kind == Some(&ParameterType::SecureString) { Secrecy::Secret } else { Secrecy::Plain }
}
