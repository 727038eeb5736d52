//! From a request to its answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::app::App;
use crate::body::{DemoBody, Lines};
use crate::burn::burn;
use crate::faults::Fate;
use crate::gauge::Held;
use crate::websocket;

/// Most bytes of one `/bytes` answer: enough for any transfer test.
const MAX_BYTES: u64 = 16 << 30;

/// Longest `/slow` wait: no client or balancer waits longer than ten minutes.
const MAX_SLOW: Duration = Duration::from_secs(600);

/// Longest work of one `/burn`: enough to fill a processor with few requests.
const MAX_BURN: Duration = Duration::from_secs(10);

/// Most lines of one `/stream` answer.
const MAX_CHUNKS: u64 = 1_000_000;

/// Longest pause between two lines of `/stream`.
const MAX_INTERVAL: Duration = Duration::from_secs(60);

const ECHO: &str = "/echo";

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-demo-version");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Where a request comes from: its peer, and what keeps its connection counted
/// when it becomes a WebSocket.
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    pub(crate) hold: fn(&App) -> Held,
}

/// Answers one request.
pub(crate) async fn answer(
    app: Arc<App>,
    origin: Arc<Origin>,
    request: Request<Incoming>,
) -> Result<Response<DemoBody>, Infallible> {
    let mut response =
        if app.is_health_path(request.uri().path()) { health(&app) } else { ordinary(&app, &origin, request).await };
    response.headers_mut().insert(VERSION_HEADER, app.version_header.clone());
    Ok(response)
}

fn health(app: &App) -> Response<DemoBody> {
    if app.is_healthy() {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "unhealthy, as ordered or because the service is stopping\n")
    }
}

/// Answers a request that is not a health check, unless another fate is ordered for it.
async fn ordinary(app: &Arc<App>, origin: &Origin, mut request: Request<Incoming>) -> Response<DemoBody> {
    match app.faults.next() {
        Fate::Answer(delay) => {
            pause(delay).await;
            if request.uri().path() != ECHO {
                discard(request.body_mut()).await;
            }
            route(app, origin, request).await
        }
        Fate::Fail(delay) => {
            pause(delay).await;
            discard(request.body_mut()).await;
            app.log.error(format_args!("answered 500 to {}, as ordered", request.uri().path()));
            text(StatusCode::INTERNAL_SERVER_ERROR, "an error, as ordered\n")
        }
        Fate::Crash => {
            app.crash.notify_one();
            std::future::pending().await
        }
    }
}

/// A zero delay costs nothing: not even a turn of the timer.
async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// Reads a body nobody asked for to its end; HTTP/1.1 could not keep the
/// connection otherwise.
async fn discard(body: &mut Incoming) {
    while !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(_)) => {}
            // The connection is broken, and whoever writes the answer will notice.
            Some(Err(_)) | None => return,
        }
    }
}

async fn route(app: &Arc<App>, origin: &Origin, request: Request<Incoming>) -> Response<DemoBody> {
    let path = request.uri().path();
    match path {
        "/" => text(StatusCode::OK, app.greeting.clone()),
        "/burn" => burned(app, &request).await,
        "/bytes" => bytes(&request),
        ECHO => body(StatusCode::OK, OCTETS, DemoBody::Echo(request.into_body())),
        "/headers" => headers(&request, origin.peer),
        "/slow" => slow(app, &request).await,
        "/stream" => stream(app, &request),
        "/ws" => websocket::accept(app, origin, request),
        _ => match path.strip_prefix("/status/") {
            Some(code) => status(code),
            None => text(StatusCode::NOT_FOUND, "no such path\n"),
        },
    }
}

fn bytes(request: &Request<Incoming>) -> Response<DemoBody> {
    match number(request, "n", 1024, MAX_BYTES) {
        Ok(count) => body(StatusCode::OK, OCTETS, DemoBody::Bytes(count)),
        Err(response) => response,
    }
}

async fn burned(app: &App, request: &Request<Incoming>) -> Response<DemoBody> {
    let milliseconds = match number(request, "ms", 10, MAX_BURN.as_millis() as u64) {
        Ok(milliseconds) => milliseconds,
        Err(response) => return response,
    };
    match tokio::task::spawn_blocking(move || burn(Duration::from_millis(milliseconds))).await {
        Ok(()) => text(StatusCode::OK, app.greeting.clone()),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the work was broken off\n"),
    }
}

async fn slow(app: &App, request: &Request<Incoming>) -> Response<DemoBody> {
    match number(request, "ms", 1000, MAX_SLOW.as_millis() as u64) {
        Ok(milliseconds) => {
            pause(Duration::from_millis(milliseconds)).await;
            text(StatusCode::OK, app.greeting.clone())
        }
        Err(response) => response,
    }
}

fn stream(app: &App, request: &Request<Incoming>) -> Response<DemoBody> {
    let chunks = number(request, "chunks", 10, MAX_CHUNKS);
    let interval = number(request, "interval_ms", 100, MAX_INTERVAL.as_millis() as u64);
    match (chunks, interval) {
        (Ok(chunks), Ok(interval)) => {
            let lines = Lines::new(app.args.version.as_str(), chunks, Duration::from_millis(interval));
            body(StatusCode::OK, TEXT, DemoBody::Lines(lines))
        }
        (Err(response), _) | (_, Err(response)) => response,
    }
}

fn status(code: &str) -> Response<DemoBody> {
    let code = code.parse().ok().filter(|code| (200..600).contains(code));
    match code.and_then(|code: u16| StatusCode::from_u16(code).ok()) {
        Some(status @ (StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)) => {
            let mut response = Response::new(DemoBody::empty());
            *response.status_mut() = status;
            response
        }
        Some(status) => text(status, format!("{status}\n")),
        None => text(StatusCode::BAD_REQUEST, "a status is a number from 200 to 599\n"),
    }
}

/// Shows the request as it arrived. Header names cannot begin with a colon, so
/// what is not a header does.
fn headers(request: &Request<Incoming>, peer: SocketAddr) -> Response<DemoBody> {
    let mut shown: BTreeMap<String, String> = BTreeMap::from([
        (":method".to_owned(), request.method().to_string()),
        (":path".to_owned(), request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned()),
        (":version".to_owned(), format!("{:?}", request.version())),
        (":peer".to_owned(), peer.to_string()),
    ]);
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        shown
            .entry(name.as_str().to_owned())
            .and_modify(|values| {
                values.push_str(", ");
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    let mut json = serde_json::to_vec_pretty(&shown).expect("a map of strings is valid JSON");
    json.push(b'\n');
    body(StatusCode::OK, JSON, DemoBody::Whole(Bytes::from(json)))
}

/// Reads a number from the query.
#[allow(clippy::result_large_err, reason = "the error is the answer to send")]
fn number(request: &Request<Incoming>, name: &str, default: u64, most: u64) -> Result<u64, Response<DemoBody>> {
    let query = request.uri().query().unwrap_or_default();
    let Some((_, value)) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name) else {
        return Ok(default);
    };
    match value.parse() {
        Ok(number) if number <= most => Ok(number),
        Ok(_) | Err(_) => {
            Err(text(StatusCode::BAD_REQUEST, format!("{name} must be a whole number from 0 to {most}\n")))
        }
    }
}

pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<DemoBody> {
    body(status, TEXT, DemoBody::Whole(text.into()))
}

fn body(status: StatusCode, content_type: HeaderValue, body: DemoBody) -> Response<DemoBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
