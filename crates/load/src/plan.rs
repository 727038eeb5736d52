//! What load to make.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName};

use crate::target::Target;
use crate::values::{Fraction, Rate};

/// How long requests are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// For this long.
    Duration(Duration),
    /// Until this many were started.
    Requests(u64),
    /// Until the load is stopped by hand.
    UntilStopped,
}

/// The protocol spoken; WebSockets are always opened over HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 with keep-alive connections.
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    Http2,
}

/// The share of requests that go to a slow path instead.
#[derive(Debug, Clone, PartialEq)]
pub struct SlowRequests {
    /// Which share of all requests.
    pub fraction: Fraction,
    /// Where they go.
    pub path: PathAndQuery,
}

/// WebSockets kept open throughout; whatever they send must come back.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSockets {
    /// How many are open at a time.
    pub count: NonZeroUsize,
    /// Where they are opened.
    pub path: PathAndQuery,
    /// Time between two messages on each.
    pub interval: Duration,
}

/// Streamed answers read throughout, each on a connection of its own. They must
/// be whole: lines `chunk K/N TEXT` with K from 1 to N, then
/// `end chunks=N bytes=B`, B being the bytes before the end line.
#[derive(Debug, Clone, PartialEq)]
pub struct Streams {
    /// How many are read at a time.
    pub count: NonZeroUsize,
    /// Where they come from.
    pub path: PathAndQuery,
}

/// A load to make.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadPlan {
    /// Where ordinary requests go.
    pub target: Target,
    /// How many requests are started per second, at constant distance.
    pub rate: Rate,
    /// How long.
    pub length: Length,
    /// The protocol of requests and streams.
    pub protocol: Protocol,
    /// Most connections open for requests at a time (WebSockets and streams have their own).
    pub max_connections: NonZeroUsize,
    /// Longest time from a request's scheduled start to the end of its answer;
    /// for WebSockets, from a message to its echo; for streams, between two pieces.
    pub timeout: Duration,
    /// Longest time to open a connection.
    pub connect_timeout: Duration,
    /// Bytes in the body of each request, which is a POST then; none: requests are GETs. Streams and WebSockets are always GETs.
    pub post: Option<NonZeroUsize>,
    /// Slow requests in the mix.
    pub slow: Option<SlowRequests>,
    /// WebSockets beside the requests.
    pub websockets: Option<WebSockets>,
    /// Streamed answers beside the requests.
    pub streams: Option<Streams>,
    /// The response header by whose value answers are counted.
    pub version_header: HeaderName,
    /// Headers sent with everything; a `Host` here replaces that of the URL.
    pub headers: HeaderMap,
}

impl LoadPlan {
    /// Makes a plan of plain requests with the command line's defaults.
    pub fn new(target: Target, rate: Rate, length: Length) -> Self {
        LoadPlan {
            target,
            rate,
            length,
            protocol: Protocol::Http1,
            max_connections: DEFAULT_CONNECTIONS,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            post: None,
            slow: None,
            websockets: None,
            streams: None,
            version_header: HeaderName::from_static(DEFAULT_VERSION_HEADER),
            headers: HeaderMap::new(),
        }
    }
}

/// Connections by default: enough for 500 requests/s of which 1 % take 2 s,
/// several times over, and below the usual limit of 1024 open files.
pub(crate) const DEFAULT_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

/// The header by which the demonstration service names its version.
pub(crate) const DEFAULT_VERSION_HEADER: &str = "x-demo-version";
