//! What an engine itself says a service waits for, beside what ECS's answers let one conclude. AWS says nothing of the kind. Pure.

use serde::Serialize;
use serde_json::Value as Json;
use time::OffsetDateTime;

/// The member of a service, an extension of the embedded engine.
const MEMBER: &str = "seatrial:waitingFor";

/// Something that is waited for, in the controller's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedWait {
    pub what: String,
    pub why: String,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// At most; none where nothing limits it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

/// The waits in a service as it was described; none where the endpoint does not tell.
pub(crate) fn explained(service: &Json) -> Vec<ExplainedWait> {
    let waits = service[MEMBER].as_array().into_iter().flatten();
    let text = |wait: &Json, member: &str| Some(wait[member].as_str()?.to_owned());
    waits
        .filter_map(|wait| {
            Some(ExplainedWait {
                what: text(wait, "what")?,
                why: text(wait, "why")?,
                since: instant(&wait["since"]),
                until: instant(&wait["until"]),
            })
        })
        .collect()
}

/// Seconds since 1970, as ECS writes instants.
#[allow(clippy::cast_possible_truncation)] // a float that is too large becomes the largest number, and no instant
fn instant(seconds: &Json) -> Option<OffsetDateTime> {
    let milliseconds = (seconds.as_f64()? * 1000.0) as i128;
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds.checked_mul(1_000_000)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn an_engine_explains_and_aws_does_not() {
        let wait = json!({ "what": "a decision", "why": "a pause is open", "since": 1_764_244_800.5, "until": null });
        let told = explained(&json!({ "serviceName": "web", "seatrial:waitingFor": [wait, { "what": "no why" }] }));
        assert_eq!(
            told,
            [ExplainedWait {
                what: "a decision".into(),
                why: "a pause is open".into(),
                since: Some(datetime!(2025-11-27 12:00:00.5 UTC)),
                until: None,
            }]
        );
        assert_eq!(explained(&json!({ "serviceName": "web" })), []);
    }
}
