//! Secrets of Secrets Manager: whether they are there and have what is asked for, by what DescribeSecret tells. No value is read, so
//! whether a value has the JSON key that a container asks for is found out by ECS as it starts the task.

use std::collections::BTreeMap;

use super::place::Place;
use crate::aws::{CallError, Connection, DoingExt};

/// Secrets Manager's code for a secret that is not there.
const SECRET_MISSING: &str = "ResourceNotFoundException";
/// The stage of the value that is asked for when no other is.
const CURRENT: &str = "AWSCURRENT";

/// What is known of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    Missing,
    /// It is there until it is deleted, and gives no value.
    Leaving,
    /// The stages of each version that has one.
    Stored(BTreeMap<String, Vec<String>>),
    /// Why it is not known.
    Unseen(String),
}

/// What is wrong with a place: what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad {
        what: String,
        instead: String,
    },
    /// It cannot be told; why.
    Unknown(String),
}

/// Looks at a secret.
pub(super) async fn look(connection: &Connection, place: &Place) -> Result<Secret, CallError> {
    if place.region.as_ref().is_some_and(|region| region != connection.region()) {
        return Ok(Secret::Unseen("it is in another Region".to_owned()));
    }
    let described = connection.secrets.describe_secret().secret_id(&place.id).send().await;
    let described = match described.doing(|| format!("looking whether the secret {} is there", place.id)) {
        Err(error) if error.has_code(SECRET_MISSING) => return Ok(Secret::Missing),
        // Whoever deploys need not be able to see what the tasks' role reads.
        Err(error) if error.is_closed() => {
            let advice = error.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
            return Ok(Secret::Unseen(format!("it could not be looked at ({error}){advice}")));
        }
        described => described?,
    };
    if described.deleted_date().is_some() {
        return Ok(Secret::Leaving);
    }
    let versions = described.version_ids_to_stages().into_iter().flatten();
    Ok(Secret::Stored(versions.map(|(version, stages)| (version.clone(), stages.clone())).collect()))
}

/// Judges whether a container would get its value from a place.
pub(super) fn judge(place: &Place, secret: &Secret) -> Verdict {
    let id = &place.id;
    let bad = |what: String, instead: String| Verdict::Bad { what, instead };
    let versions = match secret {
        Secret::Unseen(why) => return Verdict::Unknown(why.clone()),
        Secret::Missing => {
            return bad(
                "does not exist".to_owned(),
                format!(
                    "make it and write its ARN there: aws secretsmanager create-secret --name {} --secret-string …; or correct \
                     what is written: aws secretsmanager list-secrets",
                    place.name()
                ),
            );
        }
        Secret::Leaving => {
            return bad(
                "is scheduled for deletion".to_owned(),
                format!("bring it back: aws secretsmanager restore-secret --secret-id {id}"),
            );
        }
        Secret::Stored(versions) => versions,
    };
    let has_stage = |stage: &str| versions.values().flatten().any(|one| one == stage);
    let versions_listed = format!("see what there is: aws secretsmanager list-secret-version-ids --secret-id {id}");
    match (&place.version, place.stage.as_deref()) {
        (None, None | Some(CURRENT)) if !has_stage(CURRENT) => bad(
            "has no value".to_owned(),
            format!("give it one: aws secretsmanager put-secret-value --secret-id {id} --secret-string …"),
        ),
        (None, Some(stage)) if !has_stage(stage) => {
            bad(format!("has no version with the stage {stage}"), versions_listed)
        }
        (Some(version), stage) => match (versions.get(version), stage) {
            (Some(stages), Some(stage)) if !stages.iter().any(|one| one == stage) => {
                bad(format!("has a version {version}, which is not the one with the stage {stage}"), versions_listed)
            }
            (Some(_), _) => Verdict::Good,
            // DescribeSecret leaves out versions without a stage. They may still be there.
            (None, _) => Verdict::Unknown(format!(
                "its version {version} has no stage, so it may be gone already, or soon; {versions_listed} --include-deprecated"
            )),
        },
        (None, None | Some(_)) => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCd3f";

    fn judged(suffix: &str, secret: &Secret) -> String {
        let place = Place::parse(&format!("{ARN}{suffix}")).expect("well formed").expect("a secret");
        match judge(&place, secret) {
            Verdict::Good => "good".to_owned(),
            Verdict::Bad { what, instead } => format!("{what} | {instead}"),
            Verdict::Unknown(why) => format!("? {why}"),
        }
    }

    fn stored(versions: &[(&str, &str)]) -> Secret {
        Secret::Stored(versions.iter().map(|(id, stage)| ((*id).to_owned(), vec![(*stage).to_owned()])).collect())
    }

    #[test]
    fn every_place_is_judged_by_what_is_known_of_its_secret() {
        let both = stored(&[("v-2", "AWSCURRENT"), ("v-1", "AWSPREVIOUS")]);
        for (suffix, secret, expected) in [
            (
                "",
                &Secret::Missing,
                "does not exist | make it and write its ARN there: aws secretsmanager create-secret --name db ",
            ),
            (
                "",
                &Secret::Leaving,
                "is scheduled for deletion | bring it back: aws secretsmanager restore-secret --secret-id arn:",
            ),
            ("", &stored(&[]), "has no value | give it one: aws secretsmanager put-secret-value --secret-id arn:"),
            (":k:AWSCURRENT:", &stored(&[("v-1", "AWSPREVIOUS")]), "has no value"),
            ("", &both, "good"),
            (":k::", &both, "good"),
            ("::AWSPREVIOUS:", &both, "good"),
            ("::BLUE:", &both, "has no version with the stage BLUE | see what there is: aws secretsmanager list-"),
            (":::v-1", &both, "good"),
            ("::AWSPREVIOUS:v-1", &both, "good"),
            ("::AWSCURRENT:v-1", &both, "has a version v-1, which is not the one with the stage AWSCURRENT"),
            (":::v-0", &both, "? its version v-0 has no stage"),
            ("", &Secret::Unseen("no sight".to_owned()), "? no sight"),
        ] {
            let judged = judged(suffix, secret);
            assert!(judged.starts_with(expected), "{suffix} {secret:?}: {judged}");
        }
    }
}
