//! Answers that say no, in words: what the registry itself says, shortened and without what a terminal could act on.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::address;
use super::body::{ReadError, read_small};
use super::call::Answered;
use crate::error::DistributionError;
use crate::options::Patience;

/// How much of an answer that says no is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How much of what a registry says is shown.
const SAID_LENGTH_MAX: usize = 400;

/// The form of the protocol's errors.
#[derive(Deserialize)]
struct Document {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    message: Option<String>,
    #[serde(default)]
    detail: serde_json::Value,
}

/// What a registry said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    code: String,
    text: String,
}

/// Reads an answer that says no.
pub(super) async fn read(answered: Answered, patience: &Patience) -> DistributionError {
    let status = answered.status;
    let retry_after = answered.header(&RETRY_AFTER).and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let (host, doing) = (address::host(&answered.from), answered.doing.clone());
    let bytes = read_small(answered.body, ANSWER_BYTES_MAX, patience.still_max).await.unwrap_or_default();
    let Said { code, text: said } = Said::parse(&bytes);
    let is_immutable = code == "TAG_INVALID" || said.to_ascii_lowercase().contains("immutable");
    match status {
        StatusCode::UNAUTHORIZED => DistributionError::Unauthorised { registry: host, doing, shown: said },
        StatusCode::TOO_MANY_REQUESTS => DistributionError::TooManyRequests { host, doing, said, retry_after },
        StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => DistributionError::Unavailable { host, doing, status, said, retry_after },
        _ if status.is_client_error() && is_immutable => {
            DistributionError::TagImmutable { registry: host, doing, said }
        }
        StatusCode::FORBIDDEN => DistributionError::Denied { registry: host, doing, said },
        StatusCode::PAYLOAD_TOO_LARGE => DistributionError::TooLargeForRegistry { registry: host, doing, said },
        StatusCode::NOT_FOUND if code == "NAME_UNKNOWN" => {
            DistributionError::RepositoryUnknown { registry: host, repository: String::new(), doing }
        }
        _ => DistributionError::Refused { host, doing, status, said },
    }
}

/// Finds the words for an answer that could not be read.
pub(crate) fn broken(
    error: ReadError,
    from: &Uri,
    doing: &str,
    what: &str,
    limit: usize,
    patience: &Patience,
) -> DistributionError {
    let (host, doing) = (address::host(from), doing.to_owned());
    match error {
        ReadError::TooLarge => DistributionError::TooLarge { doing, what: what.to_owned(), limit: limit as u64 },
        ReadError::TimedOut => DistributionError::TimedOut { host, doing, limit: patience.still_max },
        ReadError::Broken(source) => DistributionError::Broken { host, doing, source: source.into() },
    }
}

impl Said {
    fn parse(bytes: &[u8]) -> Self {
        let Ok(document) = serde_json::from_slice::<Document>(bytes) else {
            return Said { code: String::new(), text: printable(&String::from_utf8_lossy(bytes)) };
        };
        let Some(entry) = document.errors.into_iter().next() else { return Said::default() };
        let detail = entry.detail.as_str().map(str::to_owned);
        let text = entry.message.filter(|message| !message.is_empty()).or(detail).unwrap_or_default();
        Said { text: printable(&format!("{}: {text}", entry.code)), code: entry.code }
    }
}

fn printable(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_LENGTH_MAX).collect();
    match text.trim() {
        "" => "it did not say why".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, String) {
        let said = Said::parse(text.as_bytes());
        (said.code, said.text)
    }

    #[test]
    fn what_a_registry_says_is_shown_with_its_code() {
        let own = |code: &str, text: &str| (code.to_owned(), text.to_owned());
        let text =
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository","detail":{"name":"x"}},{"code":"B"}]}"#;
        assert_eq!(parse(text), own("NAME_UNKNOWN", "NAME_UNKNOWN: no such repository"));
        let text = r#"{"errors":[{"code":"DENIED","detail":"not you\u001b[31m"}]}"#;
        assert_eq!(parse(text), own("DENIED", "DENIED: not you [31m"));
        assert_eq!(parse("<html>\nBad Gateway"), own("", "<html> Bad Gateway"));
        assert_eq!(parse(""), own("", "it did not say why"));
        assert_eq!(parse(r#"{"errors":[]}"#), own("", ""));
        assert_eq!(parse(r#"{"errors":"x"}"#).0, "");
        assert_eq!(parse(&"é".repeat(5000)).1.chars().count(), SAID_LENGTH_MAX);
    }
}
