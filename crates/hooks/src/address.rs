//! Asks an address as a function: the request in a POST, the answer in its body.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::error::InvokeError;
use crate::output::{ANSWER_BYTES_MAX, Tail};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const SEATRIAL: HeaderValue = HeaderValue::from_static("seatrial");

/// By this header Lambda tells that a function was invoked and failed.
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");

/// Posts the request and returns the answer. Redirections are not followed.
pub(crate) async fn ask(address: &Uri, request: Vec<u8>, limit: Duration) -> Result<Value, InvokeError> {
    let answered = timeout(limit, exchange(address, request)).await;
    let (head, body) = answered.map_err(|_| InvokeError::TimedOut { limit })??;
    let address = || address.clone();
    let said = || Tail::from(body.as_slice());
    if !head.status.is_success() {
        return Err(InvokeError::Status { address: address(), status: head.status, body: said() });
    }
    if let Some(kind) = head.headers.get(FUNCTION_ERROR) {
        let kind = String::from_utf8_lossy(kind.as_bytes()).into_owned();
        return Err(InvokeError::FunctionError { address: address(), kind, body: said() });
    }
    serde_json::from_slice(&body).map_err(|source| InvokeError::BodyNotJson {
        address: address(),
        body: said(),
        source,
    })
}

async fn exchange(address: &Uri, request: Vec<u8>) -> Result<(http::response::Parts, Vec<u8>), InvokeError> {
    let request = Request::post(address)
        .header(CONTENT_TYPE, JSON)
        .header(ACCEPT, JSON)
        .header(USER_AGENT, SEATRIAL)
        .body(Full::new(Bytes::from(request)))
        .expect("an address that was checked and headers that are fixed make a request");
    let sent = match address.scheme_str() {
        Some("https") => send(tls_connector(address).await?, request).await,
        Some(_) | None => send(HttpConnector::new(), request).await,
    };
    let response =
        sent.map_err(|source| InvokeError::Unreachable { address: address.clone(), source: source.into() })?;
    let (head, body) = response.into_parts();
    Ok((head, read(address, body).await?))
}

/// Sends on a connection of its own: hooks are too rare to keep one, and an old one might be closed by now.
async fn send<C>(connector: C, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, legacy::Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector).request(request).await
}

/// Makes a connector that trusts whom the operating system trusts; reading those certificates may wait for the disk.
async fn tls_connector(address: &Uri) -> Result<HttpsConnector<HttpConnector>, InvokeError> {
    let made = spawn_blocking(|| {
        let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(aws_lc_rs::default_provider())?;
        Ok(builder.https_only().enable_http1().build())
    });
    made.await.map_err(InvokeError::Internal)?.map_err(|source| InvokeError::Tls { address: address.clone(), source })
}

async fn read(address: &Uri, mut body: Incoming) -> Result<Vec<u8>, InvokeError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|source| InvokeError::Unreachable { address: address.clone(), source: source.into() })?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > ANSWER_BYTES_MAX {
            return Err(InvokeError::TooLong);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
