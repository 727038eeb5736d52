//! A request as it can be sent several times, and what came of it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Method, StatusCode, Uri};
use hyper::body::Incoming;
use seatrial_model::image::Digest;

use super::scopes::Scopes;
use crate::progress::Progress;

/// Opens the file of a blob; called again for each attempt.
pub type OpenFile = Arc<dyn Fn() -> io::Result<File> + Send + Sync>;

/// A request.
#[derive(Clone)]
pub(crate) struct Call {
    pub method: Method,
    pub target: Uri,
    pub headers: Vec<(HeaderName, String)>,
    pub payload: Payload,
    /// What a token has to allow.
    pub scopes: Scopes,
    /// What the request is for, in words that follow on "could not".
    pub doing: String,
    /// The answer may take as long as the registry needs to hash a large blob.
    pub is_commit: bool,
}

impl Call {
    pub fn new(method: Method, target: Uri, scopes: &Scopes, doing: impl Into<String>) -> Self {
        Call {
            method,
            target,
            headers: Vec::new(),
            payload: Payload::Empty,
            scopes: scopes.clone(),
            doing: doing.into(),
            is_commit: false,
        }
    }

    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    pub fn commits(mut self) -> Self {
        self.is_commit = true;
        self
    }

    /// Tells whether the request may be sent elsewhere when the answer says so.
    pub fn follows(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// The body of a request.
#[derive(Clone)]
pub(crate) enum Payload {
    Empty,
    Bytes(Bytes),
    File(Part),
}

/// A part of a blob's file, from a byte to the end.
#[derive(Clone)]
pub(crate) struct Part {
    pub open: OpenFile,
    pub digest: Digest,
    pub first: u64,
    pub size: u64,
    pub progress: Arc<dyn Progress>,
}

/// An answer.
pub(crate) struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Incoming,
    /// The address that answered, after redirections.
    pub from: Uri,
    /// What the request was for.
    pub doing: String,
}

impl Answered {
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
