//! What is shown to the registry: nothing at first, and then what it asked for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use seatrial_model::SecretText;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::address;
use super::challenge::Challenge;
use super::connection::Connections;
use super::scopes::Scopes;
use super::token::{Token, TokenServer};
use crate::credentials::{Credential, Login};
use crate::error::DistributionError;
use crate::options::Patience;

/// The most tokens that are kept. One for each repository that something is mounted from, and one for pushing.
const TOKENS_MAX: usize = 64;

/// What lets a client into its registry.
pub(super) struct Authority {
    login: Login,
    /// Held while a token is asked for: requests that need the same one wait for it.
    known: Mutex<Known>,
}

/// What is known of a registry's ways.
#[derive(Default)]
struct Known {
    way: Option<Way>,
    tokens: BTreeMap<Scopes, Token>,
}

#[derive(Clone)]
enum Way {
    Basic(HeaderValue),
    Bearer(TokenServer),
}

/// What a registry answered with 401, and to what.
pub(super) struct Rejected<'a> {
    pub challenge: Option<Challenge>,
    /// What had been shown.
    pub shown: Option<&'a HeaderValue>,
    pub registry: &'a http::Uri,
}

impl Authority {
    pub fn new(login: Login) -> Self {
        Authority { login, known: Mutex::default() }
    }

    /// Returns what to show with a request, as far as the registry's ways are known.
    pub async fn present(
        &self,
        connections: &Connections,
        patience: &Patience,
        scopes: &Scopes,
        doing: &str,
    ) -> Result<Option<HeaderValue>, DistributionError> {
        let mut known = self.known.lock().await;
        match known.way.clone() {
            None => Ok(None),
            Some(Way::Basic(header)) => Ok(Some(header)),
            Some(Way::Bearer(server)) => {
                if let Some(token) = known.find(scopes, Instant::now()) {
                    return Ok(Some(token.header.clone()));
                }
                let token = server.ask(connections, patience, self.login.credential.as_ref(), scopes, doing).await?;
                Ok(Some(known.keep(scopes, token)))
            }
        }
    }

    /// Returns what to show after a request was rejected; `None` when there is nothing that was not shown already.
    pub async fn answer(
        &self,
        connections: &Connections,
        patience: &Patience,
        scopes: &Scopes,
        doing: &str,
        rejected: Rejected<'_>,
    ) -> Result<Option<HeaderValue>, DistributionError> {
        let mut known = self.known.lock().await;
        match rejected.challenge {
            None => Ok(None),
            Some(Challenge::Basic) => {
                let Some(Credential::Password { user, password }) = &self.login.credential else { return Ok(None) };
                if rejected.shown.is_some() {
                    return Ok(None);
                }
                let mut header = HeaderValue::from_str(&basic(user, password)).expect("base64 makes a header");
                header.set_sensitive(true);
                known.way = Some(Way::Basic(header.clone()));
                Ok(Some(header))
            }
            Some(Challenge::Bearer { realm, service, scope }) => {
                if let Some(token) = known.find(scopes, Instant::now())
                    && rejected.shown != Some(&token.header)
                {
                    // Another request got it meanwhile.
                    return Ok(Some(token.header.clone()));
                }
                let realm = address::resolve(rejected.registry, &realm).ok_or_else(|| DistributionError::Protocol {
                    host: address::host(rejected.registry),
                    doing: doing.to_owned(),
                    what: "a server of tokens that is no address".to_owned(),
                })?;
                let server = TokenServer { realm, service };
                let wanted = scopes.clone().and_text(scope.as_deref().unwrap_or_default());
                let token = server.ask(connections, patience, self.login.credential.as_ref(), &wanted, doing).await?;
                known.way = Some(Way::Bearer(server));
                Ok(Some(known.keep(scopes, token)))
            }
        }
    }

    /// Tells what was shown, for somebody who was not let in.
    pub fn tell(&self) -> String {
        match &self.login.credential {
            Some(_) => format!("it does not accept the credentials {}", self.login.origin),
            None => format!("there are no credentials for it ({})", self.login.origin),
        }
    }
}

impl Known {
    /// Finds a token that is still good.
    fn find(&self, scopes: &Scopes, now: Instant) -> Option<&Token> {
        self.tokens.get(scopes).filter(|token| now < token.good_until)
    }

    fn keep(&mut self, scopes: &Scopes, token: Token) -> HeaderValue {
        if self.tokens.len() >= TOKENS_MAX {
            self.tokens.clear();
        }
        let header = token.header.clone();
        self.tokens.insert(scopes.clone(), token);
        header
    }
}

/// Returns the value of a header that shows user and password.
pub(super) fn basic(user: &str, password: &SecretText) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reference::RepositoryPath;

    #[test]
    fn a_token_is_shown_until_it_ends_and_for_what_it_allows() {
        let repository = RepositoryPath::parse("shop/web").expect("a repository");
        let (pull, push) = (Scopes::pull(&repository), Scopes::push(&repository));
        let end = Instant::now() + Duration::from_secs(60);
        let mut known = Known::default();
        known.keep(&pull, Token { header: HeaderValue::from_static("Bearer x"), good_until: end });
        assert!(known.find(&pull, end - Duration::from_millis(1)).is_some());
        assert!(known.find(&pull, end).is_none());
        assert!(known.find(&push, end - Duration::from_secs(30)).is_none());
    }
}
