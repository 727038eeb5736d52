//! The environment's own memory: parameters under `/<app>/<environment>/` in SSM Parameter Store, wherever the environment is.
//!
//! Parameter Store has no compare-and-set. What it does have is used: creating a parameter that is there already is refused, and every
//! change counts its version up.

use aws_sdk_ssm::types::{ParameterType, Tag};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::{CallError, Connection, DoingExt};
use crate::config::{AppName, EnvironmentName};
use crate::error::ReleaseError;
use crate::plan::Plan;

/// Largest value of a standard parameter, in bytes.
pub(crate) const VALUE_MAX: usize = 4096;
/// Most names in one DeleteParameters.
const DELETE_MAX: usize = 10;
/// Most parameters in one answer.
const PAGE: i32 = 10;

const EXISTS: &str = "ParameterAlreadyExists";
const MISSING: &str = "ParameterNotFound";

/// An environment of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    pub app: AppName,
    pub environment: EnvironmentName,
}

impl Realm {
    /// The environment that a plan is for.
    pub fn of(plan: &Plan) -> Self {
        Realm { app: plan.app.clone(), environment: plan.environment.name.clone() }
    }

    /// The name of a parameter of this environment.
    pub(crate) fn parameter(&self, name: &str) -> String {
        format!("/{}/{}/{name}", self.app, self.environment)
    }
}

/// A parameter as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Without the path that was asked for.
    pub name: String,
    /// With it.
    full: String,
    pub value: String,
}

impl Found {
    /// Reads the value as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ReleaseError> {
        serde_json::from_str(&self.value).map_err(|cause| {
            ReleaseError::not_possible(
                format!("the parameter {} is not what Seatrial writes there: {cause}", self.full),
                format!(
                    "look at it with `aws ssm get-parameter --name {0}`; if nobody needs it: aws ssm delete-parameter --name {0}",
                    self.full
                ),
            )
        })
    }
}

/// What became of a parameter that was to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    Created,
    /// Somebody was faster.
    Exists,
}

/// How far below a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only what is right below it.
    OneLevel,
    Everything,
}

/// The parameters of one environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    pub connection: &'a Connection,
    pub realm: &'a Realm,
}

impl Parameters<'_> {
    /// Creates a parameter, unless there is one.
    pub async fn create(&self, name: &str, value: &impl Serialize) -> Result<Creation, CallError> {
        let full = self.realm.parameter(name);
        let request = self.connection.ssm.put_parameter().name(&full).value(text(value)).r#type(ParameterType::String);
        let answer = request.set_tags(Some(tags(self.realm))).send().await;
        match answer.doing(|| format!("creating the parameter {full}")) {
            Ok(_) => Ok(Creation::Created),
            Err(error) if error.has_code(EXISTS) => Ok(Creation::Exists),
            Err(error) => Err(error),
        }
    }

    /// Writes a parameter; returns its version.
    pub async fn put(&self, name: &str, value: &impl Serialize) -> Result<i64, CallError> {
        let full = self.realm.parameter(name);
        let request = self.connection.ssm.put_parameter().name(&full).value(text(value)).r#type(ParameterType::String);
        let answer = request.overwrite(true).send().await.doing(|| format!("writing the parameter {full}"))?;
        Ok(answer.version())
    }

    /// Reads a parameter.
    pub async fn get(&self, name: &str) -> Result<Option<Found>, CallError> {
        let full = self.realm.parameter(name);
        let answer = self.connection.ssm.get_parameter().name(&full).send().await;
        match answer.doing(|| format!("reading the parameter {full}")) {
            Ok(answer) => Ok(answer.parameter.map(|parameter| found(parameter, &full))),
            Err(error) if error.has_code(MISSING) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads parameters below a path, in the order of their names.
    pub async fn below(&self, path: &str, depth: Depth) -> Result<Vec<Found>, CallError> {
        let full = self.realm.parameter(path);
        let full = full.trim_end_matches('/');
        let request = self.connection.ssm.get_parameters_by_path().path(full).max_results(PAGE);
        let request = request.recursive(depth == Depth::Everything);
        let mut pages = request.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.doing(|| format!("reading the parameters below {full}"))?;
            all.extend(page.parameters.unwrap_or_default().into_iter().map(|parameter| {
                let found = found(parameter, "");
                let name = found.full.strip_prefix(&format!("{full}/")).unwrap_or(&found.full).to_owned();
                Found { name, ..found }
            }));
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Deletes parameters; those that are gone already are no matter.
    pub async fn delete(&self, names: &[String]) -> Result<(), CallError> {
        for some in names.chunks(DELETE_MAX) {
            let full = some.iter().map(|name| self.realm.parameter(name)).collect();
            let request = self.connection.ssm.delete_parameters().set_names(Some(full));
            request.send().await.doing(|| format!("deleting parameters below {}", self.realm.parameter("")))?;
        }
        Ok(())
    }
}

/// What marks a parameter as this application's.
pub(crate) fn tags(realm: &Realm) -> Vec<Tag> {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().expect("it has key and value");
    vec![tag("seatrial:app", realm.app.as_str()), tag("seatrial:environment", realm.environment.as_str())]
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is kept has string keys only")
}

fn found(parameter: aws_sdk_ssm::types::Parameter, asked: &str) -> Found {
    let full = parameter.name.unwrap_or_else(|| asked.to_owned());
    Found { name: full.clone(), full, value: parameter.value.unwrap_or_default() }
}
