//! What the operations of CloudWatch Logs share: refusals, limits, the ways a request names a log group.

use std::time::Duration;

use seatrial_aws_wire::ServiceError;
use seatrial_engine::logs::find_group;
use seatrial_engine::{Engine, Refusal, RuntimeError};
use seatrial_model::{Arn, Timestamp};

use crate::operations::OperationError;

/// The longest name of a log group.
const GROUP_NAME_LENGTH_MAX: usize = 512;
/// The most bytes of events in one answer, each counted with [`EVENT_OVERHEAD`]: 1 MiB, as in CloudWatch Logs.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What CloudWatch Logs counts for an event beside its message.
const EVENT_OVERHEAD: usize = 26;

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

pub(super) fn unreadable(error: &RuntimeError) -> OperationError {
    let text = format!("The engine could not read the log: {error}");
    ServiceError::receiver("ServiceUnavailableException", text).into()
}

/// Checks the name of a log group.
pub(super) fn check_group_name(name: &str) -> Result<(), Refusal> {
    let fits = (1..=GROUP_NAME_LENGTH_MAX).contains(&name.len());
    if fits && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_/#".contains(&b)) {
        return Ok(());
    }
    Err(invalid(format!(
        "Value at 'logGroupName' failed to satisfy constraint: 1 to {GROUP_NAME_LENGTH_MAX} letters, digits and . - _ / #"
    )))
}

/// Reads the log group a request names, by name or by name or ARN.
pub(super) fn group_name(name: Option<String>, identifier: Option<String>) -> Result<String, Refusal> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => Ok(name_in(&identifier).to_owned()),
        (Some(_), Some(_)) => Err(invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")),
        (None, None) => Err(invalid("Either logGroupName or logGroupIdentifier must be specified.")),
    }
}

/// Returns the name of a log group in its ARN; a name is returned as it is.
pub(super) fn name_in(identifier: &str) -> &str {
    let Some((_, resource)) = identifier.split_once(":log-group:") else { return identifier };
    if Arn::new(identifier).resource().is_none() {
        return identifier;
    }
    resource.strip_suffix(":*").unwrap_or(resource)
}

/// Reads `limit`.
pub(super) fn limit(asked: Option<i64>, highest: usize) -> Result<usize, Refusal> {
    match asked {
        None => Ok(highest),
        Some(limit) if (1..=highest as i64).contains(&limit) => Ok(limit as usize),
        Some(limit) => {
            Err(invalid(format!("Value '{limit}' at 'limit' failed to satisfy constraint: between 1 and {highest}")))
        }
    }
}

/// Reads a time in milliseconds since the epoch.
pub(super) fn instant(member: &str, millis: Option<i64>) -> Result<Option<Timestamp>, Refusal> {
    match millis {
        Some(millis) if millis < 0 => {
            Err(invalid(format!("Value '{millis}' at '{member}' failed to satisfy constraint: not negative")))
        }
        millis => Ok(millis.map(Timestamp::from_millis)),
    }
}

pub(super) fn invalid_token() -> Refusal {
    invalid("The specified nextToken is invalid.")
}

/// Returns from when on the lines of a log group are to be read: never from before its retention.
pub(super) fn readable_from(engine: &Engine, group: &str, start: Option<Timestamp>) -> Result<Timestamp, Refusal> {
    let days = engine.read(|state| find_group(state, group).map(|group| group.retention_days))?;
    let retained = days.map(|days| engine.now() - Duration::from_secs(u64::from(days) * 24 * 3600));
    Ok(start.unwrap_or(Timestamp::EPOCH).max(retained.unwrap_or(Timestamp::EPOCH)))
}

/// Counts the bytes of an answer's events.
#[derive(Debug, Default)]
pub(super) struct Budget(usize);

impl Budget {
    /// Tells whether there is room for another event and takes it. The first always has room.
    pub fn take(&mut self, message: &str) -> bool {
        let bytes = message.len() + EVENT_OVERHEAD;
        let fits = self.0 == 0 || self.0 + bytes <= ANSWER_BYTES_MAX;
        if fits {
            self.0 += bytes;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_group_is_named_by_name_or_arn() {
        let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web";
        assert_eq!(name_in(arn), "/ecs/web");
        assert_eq!(name_in(&format!("{arn}:*")), "/ecs/web");
        assert_eq!(name_in("/ecs/web"), "/ecs/web");
        assert!(group_name(Some("a".to_owned()), Some("a".to_owned())).is_err());
        assert!(group_name(None, None).is_err());
    }

    #[test]
    fn an_answer_holds_a_mebibyte_of_events() {
        let mut budget = Budget::default();
        let line = "x".repeat(1000 - EVENT_OVERHEAD);
        let taken = (0..2000).take_while(|_| budget.take(&line)).count();
        assert_eq!(taken, ANSWER_BYTES_MAX / 1000);
        assert!(Budget::default().take(&"x".repeat(2 << 20)), "a single long event is given out");
    }
}
