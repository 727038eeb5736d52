//! Tokens: a registry names a server, which gives out a token for user and password, or for nobody.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use serde::Deserialize;
use tokio::time::Instant;

use super::address;
use super::authority::basic;
use super::body::read_small;
use super::call::{Answered, Call, Payload};
use super::connection::Connections;
use super::refusal;
use super::scopes::Scopes;
use crate::credentials::Credential;
use crate::error::DistributionError;
use crate::options::Patience;

/// The longest answer of a server of tokens. Docker Hub's have some three thousand characters.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long a token is good where nothing is said, and at least: so the specification of tokens has it.
const LIFETIME_MIN: Duration = Duration::from_secs(60);

/// How long a token is kept at most, whatever is said.
const LIFETIME_MAX: Duration = Duration::from_secs(12 * 3600);

/// How long before its end a token is no longer used: a request that is on its way should still find it good.
const MARGIN: Duration = Duration::from_secs(5);

/// Who asks for tokens.
const CLIENT_ID: &str = "seatrial";

/// Where a registry's tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenServer {
    pub realm: Uri,
    pub service: Option<String>,
}

/// A token as it is shown.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub header: HeaderValue,
    pub good_until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    /// Seconds; anything else counts as not said.
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl TokenServer {
    /// Gets a token. Secrets are sent only where nobody can read them on the way.
    pub async fn ask(
        &self,
        connections: &Connections,
        patience: &Patience,
        credential: Option<&Credential>,
        scopes: &Scopes,
        doing: &str,
    ) -> Result<Token, DistributionError> {
        let host = address::host(&self.realm);
        if credential.is_some() && !address::is_private(&self.realm) {
            let to = format!("{}://{host}", self.realm.scheme_str().unwrap_or("http"));
            return Err(DistributionError::Insecure { host, doing: doing.to_owned(), to });
        }
        let call = self.call(credential, scopes, doing);
        let asked_at = Instant::now();
        let response = connections.send(&call, &call.target, None).await?;
        let (head, body) = response.into_parts();
        let answered = Answered {
            status: head.status,
            headers: head.headers,
            body,
            from: self.realm.clone(),
            doing: doing.to_owned(),
        };
        if answered.status != StatusCode::OK {
            return Err(refusal::read(answered, patience).await);
        }
        let wrong = |what: &str| DistributionError::Protocol {
            host: host.clone(),
            doing: doing.to_owned(),
            what: format!("{what} instead of a token"),
        };
        let bytes = read_small(answered.body, ANSWER_BYTES_MAX, patience.still_max).await;
        let bytes = bytes
            .map_err(|error| refusal::broken(error, &self.realm, doing, "the token", ANSWER_BYTES_MAX, patience))?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| wrong("something else"))?;
        let text =
            answer.token.or(answer.access_token).filter(|text| !text.is_empty()).ok_or_else(|| wrong("nothing"))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| wrong("control characters"))?;
        header.set_sensitive(true);
        Ok(Token { header, good_until: asked_at + lifetime(&answer.expires_in) - MARGIN })
    }

    fn call(&self, credential: Option<&Credential>, scopes: &Scopes, doing: &str) -> Call {
        let texts = scopes.texts();
        let service = self.service.iter().map(|service| ("service", service.as_str()));
        if let Some(Credential::IdentityToken(token)) = credential {
            let form = form(service.chain([
                ("grant_type", "refresh_token"),
                ("refresh_token", token.expose()),
                ("client_id", CLIENT_ID),
                ("scope", &texts.join(" ")),
            ]));
            return Call::new(Method::POST, self.realm.clone(), scopes, doing)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .payload(Payload::Bytes(form.into()));
        }
        let user = match credential {
            Some(Credential::Password { user, .. }) => Some(("account", user.as_str())),
            Some(Credential::IdentityToken(_)) | None => None,
        };
        let query = form(service.chain(user).chain(texts.iter().map(|scope| ("scope", scope.as_str()))));
        let separator = if self.realm.query().is_some() { '&' } else { '?' };
        let target = format!("{}{separator}{query}", self.realm).parse().unwrap_or_else(|_| self.realm.clone());
        let call = Call::new(Method::GET, target, scopes, doing).header(ACCEPT, "application/json");
        match credential {
            Some(Credential::Password { user, password }) => call.header(AUTHORIZATION, basic(user, password)),
            Some(Credential::IdentityToken(_)) | None => call,
        }
    }
}

/// Reads how long a token is good.
fn lifetime(expires_in: &serde_json::Value) -> Duration {
    let told = expires_in.as_u64().map_or(LIFETIME_MIN, Duration::from_secs);
    told.clamp(LIFETIME_MIN, LIFETIME_MAX)
}

fn form<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_good_as_long_as_is_said_within_reason() {
        for (expires_in, seconds) in [
            (json!(300), 300),
            (json!(null), 60),
            (json!(5), 60),
            (json!(-1), 60),
            (json!("300"), 60),
            (json!(u64::MAX), 12 * 3600),
        ] {
            assert_eq!(lifetime(&expires_in), Duration::from_secs(seconds), "{expires_in}");
        }
    }
}
