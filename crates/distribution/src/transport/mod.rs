//! The way to a registry: requests that show what lets them in, are sent again when that can help, and follow redirections.
//!
//! `connection` sends one request once, and `proxy` finds the way there; `authority` and `token` know what to show, and `challenge` and `scopes` what is asked for;
//! `attempts` decides on another try; `refusal` finds the words for a no. What lets a client in is shown to the registry alone, and
//! never to where it redirects.

pub(crate) mod address;
pub(crate) mod attempts;
mod authority;
pub(crate) mod body;
pub(crate) mod call;
mod challenge;
mod connection;
mod proxy;
pub(crate) mod refusal;
pub(crate) mod scopes;
mod token;

use http::header::{HeaderValue, LOCATION};
use http::{StatusCode, Uri};

use crate::credentials::Login;
use crate::error::DistributionError;
use crate::options::{Options, Patience, SchemeChoice};
use crate::reference::ImageName;
use attempts::Attempts;
use authority::{Authority, Rejected};
use body::read_small;
use call::{Answered, Call};
use challenge::Challenge;
use connection::{Connections, Roots};

/// How many redirections are followed. Registries need one, to where their layers are.
const REDIRECTIONS_MAX: usize = 5;

/// How much of an answer nobody wants is read, so that its connection can be used again.
const DRAINED_BYTES_MAX: usize = 64 * 1024;

/// The way to one registry.
pub(crate) struct Transport {
    connections: Connections,
    authority: Authority,
    registry: Uri,
    image: ImageName,
    patience: Patience,
}

impl Transport {
    pub async fn open(image: &ImageName, login: Login, options: &Options) -> Result<Self, DistributionError> {
        let registry = registry_address(image, options.scheme);
        let roots = if registry.scheme_str() == Some("https") { Roots::OfSystem } else { Roots::IfThere };
        Ok(Transport {
            connections: Connections::prepare(&options.patience, roots).await?,
            authority: Authority::new(login),
            registry,
            image: image.clone(),
            patience: options.patience.clone(),
        })
    }

    pub fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Returns the address of something in the repository; `path` is encoded already.
    pub fn address(&self, path: &str) -> Uri {
        format!("{}v2/{}/{path}", self.registry, self.image.repository).parse().expect("parsed names make an address")
    }

    pub fn registry(&self) -> &Uri {
        &self.registry
    }

    /// Sends a request, again if need be, until it is answered by one of the expected states. Everything else is an error.
    pub async fn ask(&self, call: &Call, expected: &[StatusCode]) -> Result<Answered, DistributionError> {
        let mut attempts = Attempts::new(&self.patience);
        loop {
            match self.ask_once(call, expected).await {
                Ok(answered) => return Ok(answered),
                Err(error) => attempts.fail(error).await?,
            }
        }
    }

    /// Sends a request once; once more if the registry wants to be shown something.
    pub async fn ask_once(&self, call: &Call, expected: &[StatusCode]) -> Result<Answered, DistributionError> {
        let answered = self.let_in(call).await.map_err(|error| self.complete(error))?;
        if expected.contains(&answered.status) {
            return Ok(answered);
        }
        let error = refusal::read(answered, &self.patience).await;
        Err(self.complete(error))
    }

    /// Reads an answer that nobody wants, so that its connection can be used again.
    pub async fn drain(&self, answered: Answered) {
        // What cannot be read costs a connection, nothing else.
        let _ = read_small(answered.body, DRAINED_BYTES_MAX, self.patience.still_max).await;
    }

    /// Reads a small answer.
    pub async fn read(&self, answered: Answered, what: &str, limit: usize) -> Result<Vec<u8>, DistributionError> {
        let Answered { body, from, doing, .. } = answered;
        let read = read_small(body, limit, self.patience.still_max).await;
        read.map_err(|error| refusal::broken(error, &from, &doing, what, limit, &self.patience))
    }

    async fn let_in(&self, call: &Call) -> Result<Answered, DistributionError> {
        let (connections, patience) = (&self.connections, &self.patience);
        let shown = self.authority.present(connections, patience, &call.scopes, &call.doing).await?;
        let answered = self.follow(call, shown.as_ref()).await?;
        if answered.status != StatusCode::UNAUTHORIZED || !self.is_registry(&answered.from) {
            return Ok(answered);
        }
        let challenge = Challenge::read(&answered.headers);
        let rejected = Rejected { challenge, shown: shown.as_ref(), registry: &self.registry };
        let Some(other) = self.authority.answer(connections, patience, &call.scopes, &call.doing, rejected).await?
        else {
            return Ok(answered);
        };
        self.drain(answered).await;
        self.follow(call, Some(&other)).await
    }

    /// Sends a request, and again to where the answer redirects it.
    async fn follow(&self, call: &Call, shown: Option<&HeaderValue>) -> Result<Answered, DistributionError> {
        let mut target = call.target.clone();
        for _ in 0..=REDIRECTIONS_MAX {
            let shown = shown.filter(|_| self.is_registry(&target));
            let response = self.connections.send(call, &target, shown).await?;
            let (head, body) = response.into_parts();
            let answered =
                Answered { status: head.status, headers: head.headers, body, from: target, doing: call.doing.clone() };
            if !call.follows() || !is_redirection(answered.status) {
                return Ok(answered);
            }
            target = redirection(&answered)?;
            self.drain(answered).await;
        }
        Err(protocol(&target, &call.doing, "one redirection after another"))
    }

    fn is_registry(&self, address: &Uri) -> bool {
        address::is_same_origin(address, &self.registry)
    }

    /// Adds to an error what only the way to the registry knows.
    fn complete(&self, error: DistributionError) -> DistributionError {
        match error {
            DistributionError::Unauthorised { doing, .. } => {
                let registry = self.image.registry.to_string();
                DistributionError::Unauthorised { registry, doing, shown: self.authority.tell() }
            }
            DistributionError::RepositoryUnknown { doing, .. } => {
                let (registry, repository) = (self.image.registry.to_string(), self.image.repository.to_string());
                DistributionError::RepositoryUnknown { registry, repository, doing }
            }
            other => other,
        }
    }
}

/// Returns where the registry answers. Without encryption only on this machine, or when asked for.
fn registry_address(image: &ImageName, scheme: SchemeChoice) -> Uri {
    let is_plain = scheme == SchemeChoice::PlainHttp || image.registry.is_loopback();
    let scheme = if is_plain { "http" } else { "https" };
    let address = format!("{scheme}://{}/", image.registry.authority());
    address.parse().expect("a host that was parsed makes an address")
}

pub(crate) fn protocol(from: &Uri, doing: &str, what: impl Into<String>) -> DistributionError {
    DistributionError::Protocol { host: address::host(from), doing: doing.to_owned(), what: what.into() }
}

fn is_redirection(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// Returns where an answer redirects to. Never from an encrypted connection to one that is not.
fn redirection(answered: &Answered) -> Result<Uri, DistributionError> {
    let given = answered.header(&LOCATION).and_then(|given| address::resolve(&answered.from, given));
    let target = given.ok_or_else(|| protocol(&answered.from, &answered.doing, "a redirection to no address"))?;
    if answered.from.scheme_str() == Some("https") && target.scheme_str() != Some("https") {
        return Err(protocol(&answered.from, &answered.doing, "a redirection to where nothing is encrypted"));
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_encryption_unless_that_is_wanted() {
        for (image, scheme, expected) in [
            ("nginx", SchemeChoice::Automatic, "https://registry-1.docker.io/"),
            ("a.io:5000/web", SchemeChoice::Automatic, "https://a.io:5000/"),
            ("a.io:5000/web", SchemeChoice::PlainHttp, "http://a.io:5000/"),
            ("127.0.0.2:5000/web", SchemeChoice::Automatic, "http://127.0.0.2:5000/"),
            ("[::1]:5000/web", SchemeChoice::Automatic, "http://[::1]:5000/"),
            ("localhost/web", SchemeChoice::Automatic, "http://localhost/"),
        ] {
            let image = ImageName::parse(image).expect("a name");
            assert_eq!(registry_address(&image, scheme).to_string(), expected);
        }
    }
}
