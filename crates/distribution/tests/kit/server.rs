//! A server that answers as a test tells it to, also wrongly.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// An answer; an error ends the connection without one.
pub type Answer = Result<Response<Body>, std::io::Error>;

type Handler = dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync;

/// A request as it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
}

/// A running server; ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn start<F>(handler: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Handler> = Arc::new(move |request| Box::pin(handler(request)));
        let serving = tokio::spawn({
            let asked = Arc::clone(&asked);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (handler, asked) = (Arc::clone(&handler), Arc::clone(&asked));
                    let service = service_fn(move |request: Request<Incoming>| {
                        note(&asked, &request);
                        handler(request)
                    });
                    let serving =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::spawn(async move {
                        // Clients and tests break connections off.
                        let _ = serving.await;
                    });
                }
            }
        });
        Server { address, asked, serving }
    }

    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often something was asked, as `METHOD TARGET` begins.
    pub fn count(&self, beginning: &str) -> usize {
        self.asked().iter().filter(|asked| format!("{} {}", asked.method, asked.target).starts_with(beginning)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn note(asked: &Mutex<Vec<Asked>>, request: &Request<Incoming>) {
    let header =
        |name: &str| request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let noted = Asked {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        authorization: header("authorization"),
        range: header("range"),
    };
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
}

/// Makes an answer with headers and a body.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {}).boxed_unsync();
    Ok(build(status, headers, body))
}

/// Makes an answer that breaks off after its body's bytes.
pub fn broken_off(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let pieces = [Ok(Frame::data(body.into())), Err(std::io::ErrorKind::BrokenPipe.into())];
    Ok(build(status, headers, StreamBody::new(stream::iter(pieces)).boxed_unsync()))
}

/// Makes an answer that never ends.
pub fn endless(status: u16, headers: &[(&str, &str)]) -> Answer {
    let pieces = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b' '; 64 * 1024]))));
    Ok(build(status, headers, StreamBody::new(pieces).boxed_unsync()))
}

/// Makes an answer of so many zeros, a multiple of a mebibyte.
pub fn zeros(length: u64) -> Response<Body> {
    let piece = Bytes::from(vec![0; 1 << 20]);
    let pieces = stream::iter((0..length >> 20).map(move |_| Ok(Frame::data(piece.clone()))));
    build(200, &[], StreamBody::new(pieces).boxed_unsync())
}

fn build(status: u16, headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).expect("an answer")
}

/// Reads a request's body up to some bytes; tells whether that was all of it.
pub async fn receive(request: Request<Incoming>, limit: usize) -> (Vec<u8>, bool) {
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
        if bytes.len() > limit {
            bytes.truncate(limit);
            return (bytes, false);
        }
    }
    (bytes, true)
}

/// Reads a request's body and keeps none of it.
pub async fn forget(request: Request<Incoming>) {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
}

/// Reads a request's body.
pub async fn collect(request: Request<Incoming>) -> Vec<u8> {
    receive(request, usize::MAX).await.0
}
