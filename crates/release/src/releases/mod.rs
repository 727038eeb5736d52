//! Releases and what is kept of them: who released what, step by step, and what came of it. The environment itself remembers, under
//! `releases/`, so that everybody with access to it sees the same.
//!
//! A record is a head, `releases/<id>`, and a parameter for each step below it, each within the 4 KB of a standard parameter: a list of
//! releases is one of heads and costs a call for ten of them.

mod abandoned;
mod approval;
mod asked;
mod attempt;
mod carry_out;
mod id;
mod in_order;
mod infra_alone;
mod infrastructure;
mod preparation;
mod recorder;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

pub use approval::{Answer, Consent, Pending, Request, Word, answer, pending};
pub use asked::Asked;
pub use carry_out::{Permission, ReleaseOptions, Resumption, carry_out, fingerprint};
pub use id::{ReleaseId, ReleaseIdError};
pub use infra_alone::{InfraOptions, apply_infra};
pub use infrastructure::Resolve;
pub use preparation::{Preparation, note_failure};

use crate::aws::Connection;
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::lock::Owner;
use crate::parameters::{Depth, Found, Parameters, Realm};
use crate::watch::verdict::Verdict;

const PATH: &str = "releases";
/// Where the steps are, below a release.
const STEPS: &str = "steps";
/// Where the images of services are, below a release.
const IMAGES: &str = "images";
/// The most releases kept of an environment; older ones are forgotten at the end of the next.
const KEPT_MAX: usize = 50;
/// And of those that did not begin, because a test or a build failed.
const NOT_BEGUN_KEPT_MAX: usize = 10;

/// What is known of a release without its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub who: Owner,
    #[serde(with = "rfc3339")]
    pub began_at: OffsetDateTime,
    /// Where the configuration is under version control: the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Those of the plan.
    pub services: Vec<ServiceName>,
    #[serde(default)]
    pub asked: Asked,
    /// The version of each published value of configuration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, i64>,
    /// Of those that this release has changed, the version before; none for what is new.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config_before: BTreeMap<String, Option<i64>>,
    /// Of everything that was to be deployed.
    pub plan: String,
    /// Who has approved it, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Owner>,
    pub state: State,
    /// How often it was taken up again.
    #[serde(default)]
    pub resumed: u32,
}

/// Where a release stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    Running,
    Ended {
        verdict: Verdict,
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// It ended without a verdict.
    Stopped {
        why: String,
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
    /// Its tests or its builds failed: it has touched nothing.
    NotBegun {
        why: String,
        #[serde(with = "rfc3339")]
        at: OffsetDateTime,
    },
}

/// A step of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    pub name: String,
    #[serde(with = "rfc3339")]
    pub began_at: OffsetDateTime,
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<OffsetDateTime>,
    /// None while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// A digest of what it was made of, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// What it did, or why it failed; a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// A release in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub id: ReleaseId,
    #[serde(flatten)]
    pub head: Head,
}

/// A release with its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    #[serde(flatten)]
    pub head: Head,
    /// The images of services that were chosen for it, by digest.
    pub images: BTreeMap<ServiceName, String>,
    /// In the order in which they began.
    pub steps: Vec<StepRecord>,
}

/// Lists the releases of an environment, newest first.
pub async fn releases(connection: &Connection, realm: &Realm) -> Result<Vec<Summary>, ReleaseError> {
    let found = Parameters { connection, realm }.below(PATH, Depth::OneLevel).await?;
    let heads = found.iter().filter_map(|one| Some((one.name.parse().ok()?, one)));
    let mut all =
        heads.map(|(id, one)| Ok(Summary { id, head: one.json()? })).collect::<Result<Vec<_>, ReleaseError>>()?;
    all.sort_by_key(|one| std::cmp::Reverse(one.head.began_at));
    Ok(all)
}

/// Reads a release; the newest one where none is named.
pub async fn release(connection: &Connection, realm: &Realm, id: Option<&ReleaseId>) -> Result<Release, ReleaseError> {
    let none = || {
        let what = match id {
            Some(id) => format!("there is no release {id} of {} in {}", realm.app, realm.environment),
            None => format!("nothing of {} has been released to {} yet", realm.app, realm.environment),
        };
        ReleaseError::not_possible(what, "`seatrial audit` lists the releases")
    };
    let id = match id {
        Some(id) => id.clone(),
        None => releases(connection, realm).await?.into_iter().next().ok_or_else(none)?.id,
    };
    let parameters = Parameters { connection, realm };
    let head = parameters.get(&format!("{PATH}/{id}")).await?.ok_or_else(none)?.json()?;
    let found = parameters.below(&format!("{PATH}/{id}/{STEPS}"), Depth::OneLevel).await?;
    let steps = found.iter().map(Found::json).collect::<Result<_, _>>()?;
    let found = parameters.below(&format!("{PATH}/{id}/{IMAGES}"), Depth::OneLevel).await?;
    let images = found.iter().filter_map(|one| Some((one.name.parse().ok()?, one)));
    let images = images.map(|(service, one)| Ok((service, one.json()?))).collect::<Result<_, ReleaseError>>()?;
    Ok(Release { id, head, images, steps })
}

impl Head {
    /// Whether it has touched anything, or may have.
    pub fn has_begun(&self) -> bool {
        !matches!(self.state, State::NotBegun { .. })
    }

    /// Whether there may be something to go on with.
    pub fn can_go_on(&self) -> bool {
        match &self.state {
            State::Running | State::Stopped { .. } => true,
            State::NotBegun { .. } => false,
            State::Ended { verdict, .. } => {
                matches!(verdict, Verdict::Interrupted | Verdict::Paused | Verdict::TimedOut | Verdict::Started)
            }
        }
    }
}

/// Forgets the oldest releases, where there are too many.
async fn forget_old(connection: &Connection, realm: &Realm) -> Result<(), ReleaseError> {
    let parameters = Parameters { connection, realm };
    // Those that did not begin do not push out those that did, nor what still runs.
    let (begun, not_begun): (Vec<_>, Vec<_>) =
        releases(connection, realm).await?.into_iter().partition(|one| one.head.has_begun());
    let old = begun.iter().skip(KEPT_MAX).filter(|one| one.head.state != State::Running);
    for old in old.chain(not_begun.iter().skip(NOT_BEGUN_KEPT_MAX)) {
        forget(&parameters, &old.id).await?;
    }
    Ok(())
}

/// Forgets a release; its head last, so that one that is half forgotten is still found.
async fn forget(parameters: &Parameters<'_>, id: &ReleaseId) -> Result<(), ReleaseError> {
    for part in [STEPS, IMAGES] {
        let path = format!("{PATH}/{id}/{part}");
        let found = parameters.below(&path, Depth::OneLevel).await?;
        let names: Vec<String> = found.iter().map(|one| format!("{path}/{}", one.name)).collect();
        parameters.delete(&names).await?;
    }
    Ok(parameters.delete(&[format!("{PATH}/{id}")]).await?)
}
