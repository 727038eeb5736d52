//! One request, one connection: the engine is a neighbour, and a connection that is left alone is one less thing to go stale.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use super::EngineError;

pub(crate) use hyper::Method;

/// How long an ordinary request may take: creating and starting a container on a busy machine is seconds, never this much.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// The largest answer that is read into memory.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// How many characters of an engine's own words are kept.
const WORDS_MAX: usize = 1000;

/// How much of an answer that is no JSON is quoted.
const QUOTE_CHARACTERS_MAX: usize = 300;

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// A container engine behind a socket.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    socket: PathBuf,
    limit: Duration,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Bytes,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        serde_json::from_slice(&self.body).map_err(|error| EngineError::Garbled(error.to_string()))
    }
}

impl Client {
    pub fn new(socket: &Path) -> Self {
        Client { socket: socket.to_owned(), limit: REQUEST_LIMIT }
    }

    /// Gives requests another limit.
    pub fn within(&self, limit: Duration) -> Self {
        Client { socket: self.socket.clone(), limit }
    }

    /// Asks, and reads the whole answer; what is no success is an error.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, EngineError> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        self.within_limit(self.exchange(method, path, "application/json", whole(bytes))).await
    }

    pub async fn get(&self, path: &str) -> Result<Answer, EngineError> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends an archive, and reads the whole answer.
    pub async fn send_archive(&self, path: &str, archive: Body) -> Result<Answer, EngineError> {
        self.within_limit(self.exchange(Method::POST, path, "application/x-tar", archive)).await
    }

    /// Asks for an answer that goes on for as long as there is something to say. Only its beginning is waited for with a limit.
    pub async fn follow(&self, path: &str, body: Option<&Value>) -> Result<Incoming, EngineError> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder().method(Method::POST).uri(path).header(CONTENT_TYPE, "application/json");
        self.followed(request.body(whole(bytes))).await
    }

    /// Asks for a pull, whose progress is told for as long as it lasts.
    pub async fn pull(&self, path: &str, credential: Option<&str>) -> Result<Incoming, EngineError> {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if let Some(credential) = credential {
            request = request.header("X-Registry-Auth", credential);
        }
        self.followed(request.body(whole(String::new()))).await
    }

    async fn followed(&self, request: hyper::http::Result<Request<Body>>) -> Result<Incoming, EngineError> {
        let response = self.within_limit(self.open(request)).await?;
        let status = response.status().as_u16();
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        Err(refused(status, &self.within_limit(read(response)).await?))
    }

    async fn exchange(&self, method: Method, path: &str, kind: &str, body: Body) -> Result<Answer, EngineError> {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, kind).body(body);
        let response = self.open(request).await?;
        let status = response.status();
        let body = read(response).await?;
        // "Not modified": what was asked for is so already.
        if status.is_success() || status.as_u16() == 304 {
            Ok(Answer { status: status.as_u16(), body })
        } else {
            Err(refused(status.as_u16(), &body))
        }
    }

    async fn open(&self, request: hyper::http::Result<Request<Body>>) -> Result<Response<Incoming>, EngineError> {
        let mut request = request.map_err(|error| EngineError::Garbled(error.to_string()))?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("container-engine"));
        let unreachable = |source| EngineError::Unreachable { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, whose reader hears of what goes wrong.
        tokio::spawn(async move { connection.await.is_ok() });
        Ok(sender.send_request(request).await?)
    }

    async fn within_limit<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        match tokio::time::timeout(self.limit, work).await {
            Ok(result) => result,
            Err(_) => Err(EngineError::Silent(self.limit)),
        }
    }
}

/// A body that is there as a whole.
fn whole(text: String) -> Body {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed()
}

async fn read(response: Response<Incoming>) -> Result<Bytes, EngineError> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| EngineError::Garbled(error.to_string()))
}

fn refused(status: u16, body: &[u8]) -> EngineError {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|value| value["message"].as_str());
    let message = match message {
        Some(message) => shortened(message.trim()),
        None => String::from_utf8_lossy(body).chars().take(QUOTE_CHARACTERS_MAX).collect(),
    };
    EngineError::Refused { status, message }
}

/// The words of an engine or a registry, which may quote whole pages: as much of them as a reason of ECS's has.
pub(super) fn shortened(words: &str) -> String {
    words.chars().take(WORDS_MAX).collect()
}

/// Makes a text part of a path or query.
pub(crate) fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
