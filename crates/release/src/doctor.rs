//! `doctor`: looks at everything an environment needs, and touches nothing.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::aws::Connection;
use crate::config_schema::broken;
use crate::error::ReleaseError;
use crate::firing;
use crate::fix::what_is_wrong;
use crate::images::{conflicts, lacking, provided_by_build};
use crate::plan::Plan;
use crate::preflight::silent_alarms;
use crate::secrets;
use crate::status::status;

/// What came of looking at something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    pub finding: Finding,
}

/// How something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Finding {
    Good {
        detail: String,
    },
    /// It stops no release, and is worth knowing.
    Doubtful {
        detail: String,
        instead: String,
    },
    /// A release would fail for it, or a service has no tasks.
    Bad {
        detail: String,
        instead: String,
    },
    /// It could not be looked at.
    Unknown {
        detail: String,
    },
}

impl Finding {
    fn good(detail: impl Into<String>) -> Self {
        Finding::Good { detail: detail.into() }
    }
}

/// Looks at everything. What cannot be looked at keeps nothing else from being.
pub async fn doctor(connection: &Connection, plan: &Plan) -> Vec<Check> {
    let mut checks = vec![account(connection).await];
    checks.extend(standing(connection, plan).await);
    checks.extend(listed("images", images(connection, plan).await, "every image is there, or is built by a release"));
    checks.extend(listed("repositories", repositories(connection, plan).await, "none is somebody else's"));
    checks.extend(listed(
        "secrets",
        secrets_of(connection, plan).await,
        "every parameter and secret that containers ask for is there; their values were not read",
    ));
    if plan.config_schema.is_some() {
        let broken = configuration(connection, plan).await;
        checks.extend(listed(
            "configuration",
            broken,
            "what the schema wants, values that were put beside the file among it",
        ));
    }
    checks.extend(listed(
        "alarms",
        alarms(connection, plan).await,
        "none that a deployment would watch fires or is missing",
    ));
    checks
}

async fn account(connection: &Connection) -> Check {
    let finding = match connection.account().await {
        Ok(account) => Finding::good(format!("account {account}, region {}", connection.region())),
        Err(error) => {
            let instead = error.advice().unwrap_or_else(|| "look at the credentials and the network".to_owned());
            Finding::Bad { detail: error.to_string(), instead }
        }
    };
    Check { what: "endpoint".to_owned(), finding }
}

/// Lock, freeze and services.
async fn standing(connection: &Connection, plan: &Plan) -> Vec<Check> {
    let found = match status(connection, plan).await {
        Ok(found) => found,
        Err(error) => return vec![unknown("services", &error)],
    };
    let releases = match (&found.locked, &found.frozen) {
        (Some(locked), _) => Finding::Doubtful {
            detail: format!("the environment is locked by {locked}"),
            instead: "wait for it; `seatrial lock` shows more of it".to_owned(),
        },
        (None, Some(frozen)) => Finding::Doubtful {
            detail: format!("nothing is released to this environment {frozen}"),
            instead: "wait until it is over, or deploy with --break-freeze \"why\"".to_owned(),
        },
        (None, None) => Finding::good("nobody holds the lock, and nothing is frozen"),
    };
    let mut checks = vec![Check { what: "releases".to_owned(), finding: releases }];
    for service in &found.services {
        let name = &service.service;
        let finding = match (what_is_wrong(service), service.status.is_some(), service.version.as_deref()) {
            (Some(_), false, _) => Finding::Doubtful {
                detail: "it is not deployed".to_owned(),
                instead: format!("seatrial deploy {name}"),
            },
            (Some(wrong), true, _) => Finding::Bad { detail: wrong, instead: format!("seatrial fix {name}") },
            (None, _, Some(crate::images::STAND_IN_VERSION)) => Finding::Doubtful {
                detail: "something stands in for its image".to_owned(),
                instead: format!("push the image and run: seatrial deploy {name}"),
            },
            (None, _, _) => {
                let tasks = &service.tasks;
                Finding::good(format!("{} of {} tasks run", tasks.running, tasks.desired))
            }
        };
        checks.push(Check { what: format!("service {name}"), finding });
    }
    checks
}

async fn images(connection: &Connection, plan: &Plan) -> Result<Vec<Finding>, ReleaseError> {
    let missing = lacking(connection, &provided_by_build(plan), &[]).await?;
    let finding = |missing: &crate::images::Missing| Finding::Bad {
        detail: missing.in_words(),
        instead: missing.ways_out(false),
    };
    Ok(missing.iter().map(finding).collect())
}

async fn repositories(connection: &Connection, plan: &Plan) -> Result<Vec<Finding>, ReleaseError> {
    let conflicts = conflicts(connection, plan).await?;
    Ok(conflicts.iter().map(|one| Finding::Bad { detail: one.in_words(), instead: one.instead() }).collect())
}

async fn configuration(connection: &Connection, plan: &Plan) -> Result<Vec<Finding>, ReleaseError> {
    let broken = broken(connection, plan).await?.into_iter();
    Ok(broken.map(|one| Finding::Bad { detail: one.what, instead: one.instead }).collect())
}

async fn secrets_of(connection: &Connection, plan: &Plan) -> Result<Vec<Finding>, ReleaseError> {
    let secrets::Looked { missing, unseen } = secrets::look(connection, plan).await?;
    let finding = |one: crate::preflight::Finding| Finding::Bad {
        detail: format!("service {}: {}", one.service, one.what),
        instead: one.instead,
    };
    let unseen = unseen.into_iter().map(|detail| Finding::Unknown { detail });
    Ok(missing.into_iter().map(finding).chain(unseen).collect())
}

async fn alarms(connection: &Connection, plan: &Plan) -> Result<Vec<Finding>, ReleaseError> {
    let mut findings = Vec::new();
    for service in &plan.services {
        let names: BTreeSet<String> = service.named_alarms().into_iter().collect();
        let names: Vec<String> = names.into_iter().collect();
        if !names.is_empty() {
            let standings = firing::look(connection, &names).await?;
            findings.extend(standings.missing(&names).into_iter().map(|name| Finding::Bad {
                detail: format!(
                    "service {}: there is no alarm {name}, which its deployments are to watch",
                    service.name
                ),
                instead: "make it, or take it out of `alarms`".to_owned(),
            }));
            findings.extend(standings.firing(&service.name).into_iter().map(|alarm| Finding::Doubtful {
                detail: firing::in_words(std::slice::from_ref(&alarm)),
                instead: "find out why; no release begins while it does".to_owned(),
            }));
        }
        findings.extend(silent_alarms(connection, service).await?.into_iter().map(|one| Finding::Doubtful {
            detail: format!("service {}: {}", one.service, one.what),
            instead: one.instead,
        }));
    }
    Ok(findings)
}

/// What was found, or that nothing was.
fn listed(what: &str, found: Result<Vec<Finding>, ReleaseError>, nothing: &str) -> Vec<Check> {
    let check = |finding: Finding| Check { what: what.to_owned(), finding };
    match found {
        Ok(findings) if findings.is_empty() => vec![check(Finding::good(nothing))],
        Ok(findings) => findings.into_iter().map(check).collect(),
        Err(error) => vec![unknown(what, &error)],
    }
}

fn unknown(what: &str, error: &ReleaseError) -> Check {
    Check { what: what.to_owned(), finding: Finding::Unknown { detail: error.to_string() } }
}
