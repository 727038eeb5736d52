//! One request over a connection: sent once, with limits on every wait.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::address;
use super::body::{self, RequestBody, Sending};
use super::call::Call;
use super::proxy::Connector;
use crate::error::DistributionError;
use crate::options::Patience;

const SEATRIAL: HeaderValue = HeaderValue::from_static(concat!("seatrial/", env!("CARGO_PKG_VERSION")));

/// How long an unused connection is kept. Load balancers close theirs after a minute.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How far errors are looked into for the one at their bottom.
const CAUSES_MAX: usize = 16;

/// Connections to whatever is asked.
#[derive(Clone)]
pub(super) struct Connections {
    client: Client<HttpsConnector<Connector>, RequestBody>,
    patience: Patience,
}

/// Whether the operating system's authorities are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    OfSystem,
    /// None: nothing behind TLS is going to be asked, and a machine without authorities will do.
    IfThere,
}

impl Connections {
    /// Prepares connections; reading the authorities' certificates may wait for the disk.
    pub async fn prepare(patience: &Patience, roots: Roots) -> Result<Self, DistributionError> {
        let made = spawn_blocking(move || tls(roots)).await;
        let configuration = made.map_err(io::Error::other).and_then(|made| made).map_err(DistributionError::Tls)?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(patience.connect_max));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(configuration)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector::new(http));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Ok(Connections { client, patience: patience.clone() })
    }

    /// Sends a request once, to an address that may be another than the request's own after a redirection.
    pub async fn send(
        &self,
        call: &Call,
        target: &Uri,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, DistributionError> {
        let sending = Sending::default();
        let request = build(call, target, authorization, &sending)?;
        let mut answer = pin!(self.client.request(request));
        loop {
            let before = sending.moved();
            let is_committing = call.is_commit && sending.is_sent();
            let limit = if is_committing { self.patience.commit_max } else { self.patience.still_max };
            match timeout(limit, &mut answer).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => return Err(explain(call, target, error, &sending)),
                Err(_) if sending.moved() != before => {}
                Err(_) => {
                    return Err(DistributionError::TimedOut {
                        host: address::host(target),
                        doing: call.doing.clone(),
                        limit,
                    });
                }
            }
        }
    }
}

fn tls(roots: Roots) -> io::Result<ClientConfig> {
    use hyper_rustls::ConfigBuilderExt;
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    match (builder.clone().with_native_roots(), roots) {
        (Ok(builder), _) => Ok(builder.with_no_client_auth()),
        (Err(_), Roots::IfThere) => Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()),
        (Err(error), Roots::OfSystem) => Err(error),
    }
}

fn build(
    call: &Call,
    target: &Uri,
    authorization: Option<&HeaderValue>,
    sending: &Sending,
) -> Result<Request<RequestBody>, DistributionError> {
    let (body, length) = body::make(&call.payload, sending);
    let mut request = Request::builder().method(&call.method).uri(target).header(USER_AGENT, SEATRIAL);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if call.method != Method::GET && call.method != Method::HEAD {
        request = request.header(CONTENT_LENGTH, length);
    }
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request.body(body).map_err(|error| DistributionError::Protocol {
        host: address::host(target),
        doing: call.doing.clone(),
        what: error.to_string(),
    })
}

/// Finds the words for a request that got no answer.
fn explain(call: &Call, target: &Uri, error: legacy::Error, sending: &Sending) -> DistributionError {
    let (host, doing) = (address::host(target), call.doing.clone());
    if let Some(source) = sending.take_failure() {
        return DistributionError::Source { doing, source };
    }
    let is_connecting = error.is_connect();
    let is_untrusted = is_certificate_at_fault(&error);
    let source = error.into();
    match (is_untrusted, is_connecting) {
        (true, _) => DistributionError::Untrusted { host, doing, source },
        (false, true) => DistributionError::Unreachable { host, doing, source },
        (false, false) => DistributionError::Broken { host, doing, source },
    }
}

fn is_certificate_at_fault(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    for _ in 0..CAUSES_MAX {
        let Some(error) = cause else { return false };
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
