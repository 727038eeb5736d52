//! A server of a test's own that answers the SDK as AWS would, and keeps what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use super::Endpoint;

/// An answer: status and body.
pub(crate) type Answer = (u16, Json);

/// The server, gone with its test's runtime.
#[derive(Clone)]
pub(crate) struct Answering {
    pub endpoint: Endpoint,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    /// Answers each operation of a JSON protocol, by its name and its input; those of other protocols have no input here.
    pub async fn start(answer: impl Fn(&str, &Json) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, kept) = (Arc::new(answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                tokio::spawn(async move {
                    let service = service_fn(|request| one(request, &*answer, &kept));
                    // A client that has gone is none of a test's business.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        let endpoint = Endpoint {
            url,
            region: "eu-west-1".to_owned(),
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "hush".to_owned(),
        };
        Answering { endpoint, asked }
    }

    /// The operations that were asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A refusal in AWS's form.
pub(crate) fn refusal(code: &str, message: &str) -> Answer {
    (400, json!({ "__type": code, "message": message }))
}

async fn one(
    request: Request<Incoming>,
    answer: &(dyn Fn(&str, &Json) -> Answer + Send + Sync),
    asked: &Mutex<Vec<String>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).map(ToOwned::to_owned);
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let of_form = || {
        let form = String::from_utf8_lossy(&body).into_owned();
        form.split('&').find_map(|pair| pair.strip_prefix("Action=").map(ToOwned::to_owned)).unwrap_or_default()
    };
    let operation = target.map_or_else(of_form, |target| target.rsplit('.').next().unwrap_or_default().to_owned());
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(operation.clone());
    let (status, answered) = answer(&operation, &serde_json::from_slice(&body).unwrap_or(Json::Null));
    // A text is an answer of a protocol that speaks XML.
    let (kind, text) = match answered {
        Json::String(xml) => ("text/xml", xml),
        other => ("application/x-amz-json-1.1", other.to_string()),
    };
    let response = Response::builder().status(status).header("content-type", kind).body(Full::from(text));
    Ok(response.expect("status and header are valid"))
}
