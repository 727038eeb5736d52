//! Approvals: a release to an environment that asks for one begins when somebody has said yes to exactly its plan, from anywhere.
//!
//! A request is a parameter with the plan's digest; an answer is another, which can be given once. A plan that has changed is another plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::ReleaseId;
use crate::aws::Connection;
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::lock::{self, Owner};
use crate::parameters::{Creation, Depth, Found, Parameters, Realm};
use crate::report::{Event, Reporter};

const PATH: &str = "approvals";
/// How long a request and its answer count.
const LASTING: Duration = Duration::from_secs(24 * 60 * 60);

/// What a release waits for before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nothing: none is needed, or somebody at the terminal has said yes.
    Given,
    /// Somebody's answer, waited for as long as this; otherwise the release ends with the request.
    Asked(Option<Duration>),
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    Approved,
    Rejected,
}

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub who: Owner,
    #[serde(with = "rfc3339")]
    pub at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    pub services: Vec<ServiceName>,
    /// The digest of the plan.
    pub plan: String,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub word: Word,
    pub who: Owner,
    #[serde(with = "rfc3339")]
    pub at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A request and its answer, if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pending {
    pub id: ReleaseId,
    pub request: Request,
    pub answer: Option<Answer>,
}

/// Lists what is asked for, newest first; what counts no longer is left out.
pub async fn pending(connection: &Connection, realm: &Realm) -> Result<Vec<Pending>, ReleaseError> {
    let now = lock::now(connection).await?;
    let found = Parameters { connection, realm }.below(PATH, Depth::Everything).await?;
    let requests = found.iter().filter_map(|one| Some((one.name.strip_suffix("/request")?.parse().ok()?, one)));
    let mut all = Vec::new();
    for (id, request) in requests {
        let id: ReleaseId = id;
        let answer = found.iter().find(|one| one.name == format!("{id}/answer"));
        let pending = Pending { answer: answer.map(Found::json).transpose()?, request: request.json()?, id };
        if pending.request.at + LASTING > now {
            all.push(pending);
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.request.at));
    Ok(all)
}

/// Answers a request: the one named, or the only one that has no answer.
pub async fn answer(
    connection: &Connection,
    realm: &Realm,
    id: Option<&ReleaseId>,
    word: Word,
    reason: Option<String>,
) -> Result<Pending, ReleaseError> {
    let all = pending(connection, realm).await?;
    let open: Vec<&Pending> = all.iter().filter(|one| one.answer.is_none()).collect();
    let chosen = match (id, open.as_slice()) {
        (Some(id), _) => all.iter().find(|one| one.id == *id),
        (None, [only]) => Some(*only),
        (None, []) => None,
        (None, several) => {
            let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
            return Err(ReleaseError::not_possible(
                "several releases wait for an answer",
                format!("name one of {}", ids.join(", ")),
            ));
        }
    };
    let none = || {
        ReleaseError::not_possible(
            match id {
                Some(id) => format!("no release waits for an answer to {id}"),
                None => format!("no release to {} waits for an answer", realm.environment),
            },
            "`seatrial deploy` asks, where the environment requires an approval; a request counts for a day",
        )
    };
    let mut chosen = chosen.ok_or_else(none)?.clone();
    let answer = Answer { word, who: Owner::of_process(), at: lock::now(connection).await?, reason };
    let parameters = Parameters { connection, realm };
    let name = format!("{PATH}/{}/answer", chosen.id);
    match (parameters.create(&name, &answer).await?, word) {
        (Creation::Created, _) => {}
        // A yes can be taken back as long as it has not been used.
        (Creation::Exists, Word::Rejected) => drop(parameters.put(&name, &answer).await?),
        (Creation::Exists, Word::Approved) => {
            let what = format!("{} has an answer already", chosen.id);
            return Err(ReleaseError::not_possible(
                what,
                "if it was rejected: run `seatrial deploy` once more, which asks anew",
            ));
        }
    }
    chosen.answer = Some(answer);
    Ok(chosen)
}

/// Returns who has approved a plan, asking and waiting if nobody has.
pub(super) async fn approved(
    connection: &Connection,
    realm: &Realm,
    request: Request,
    wait: Option<Duration>,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<Approval, ReleaseError> {
    let parameters = Parameters { connection, realm };
    let known = pending(connection, realm).await?.into_iter().find(|one| one.request.plan == request.plan);
    let id = match known {
        Some(Pending { id, answer: Some(answer), .. }) => return settled(&parameters, &id, answer).await,
        Some(Pending { id, .. }) => id,
        None => {
            let id = ReleaseId::at(request.at);
            parameters.put(&format!("{PATH}/{id}/request"), &request).await?;
            id
        }
    };
    let how = format!("seatrial approve {id} --env {0}, or seatrial reject {id} --env {0}", realm.environment);
    let Some(wait) = wait else {
        return Err(ReleaseError::AwaitsApproval { what: format!("{} asks for an approval", realm.environment), how });
    };
    report.send(Event::Note(format!("waiting for an approval: {how}")));
    let began = tokio::time::Instant::now();
    while began.elapsed() < wait {
        if interrupt.sleep(connection.poll_interval()).await {
            return Err(ReleaseError::Interrupted { before: "anybody has approved".to_owned() });
        }
        if let Some(found) = parameters.get(&format!("{PATH}/{id}/answer")).await? {
            return settled(&parameters, &id, found.json()?).await;
        }
    }
    Err(ReleaseError::TookTooLong { what: format!("an approval of {id}"), limit: wait })
}

/// A yes, which is good for one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Approval {
    id: ReleaseId,
    pub who: Owner,
}

impl Approval {
    /// Uses it up.
    pub async fn used(&self, connection: &Connection, realm: &Realm) -> Result<(), ReleaseError> {
        forget(&Parameters { connection, realm }, &self.id).await
    }
}

async fn settled(parameters: &Parameters<'_>, id: &ReleaseId, answer: Answer) -> Result<Approval, ReleaseError> {
    match answer.word {
        Word::Approved => Ok(Approval { id: id.clone(), who: answer.who }),
        Word::Rejected => {
            forget(parameters, id).await?;
            let reason = answer.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            Err(ReleaseError::Rejected { by: answer.who.name, reason })
        }
    }
}

async fn forget(parameters: &Parameters<'_>, id: &ReleaseId) -> Result<(), ReleaseError> {
    Ok(parameters.delete(&[format!("{PATH}/{id}/request"), format!("{PATH}/{id}/answer")]).await?)
}
