//! What every request handler may read: the options, prepared so that an
//! ordinary answer costs next to nothing, and the state of the service.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::Notify;

use crate::args::DemoArgs;
use crate::faults::Faults;
use crate::gauge::Gauge;
use crate::log::Log;
use crate::phase::{Phase, Phases};

/// The service as its request handlers see it.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) args: DemoArgs,
    pub(crate) log: Arc<Log>,
    pub(crate) faults: Faults,
    pub(crate) phases: Phases,
    /// Connections that were accepted before the stop signal, WebSockets included.
    pub(crate) early: Gauge,
    /// Connections that were accepted after it.
    pub(crate) late: Gauge,
    /// Told when a request must crash the service.
    pub(crate) crash: Notify,
    /// The answer to `/`.
    pub(crate) greeting: Bytes,
    pub(crate) version_header: HeaderValue,
    ready_at: Instant,
}

impl App {
    /// Prepares the service; from here on its time counts as ready.
    pub(crate) fn new(args: DemoArgs, log: Arc<Log>, phases: Phases) -> Self {
        App {
            faults: Faults::new(&args),
            greeting: Bytes::from(format!("Hello from the demo service, version {}\n", args.version)),
            version_header: args.version.to_header(),
            crash: Notify::new(),
            early: Gauge::default(),
            late: Gauge::default(),
            ready_at: Instant::now(),
            phases,
            log,
            args,
        }
    }

    /// Tells whether this path is a health check's.
    pub(crate) fn is_health_path(&self, path: &str) -> bool {
        self.args.health_paths.iter().any(|health_path| health_path == path)
    }

    /// Tells whether a health check passes now. A service that drains is no
    /// place for new requests and says so.
    pub(crate) fn is_healthy(&self) -> bool {
        self.phases.now() == Phase::Serving && self.args.health.passes(self.ready_at.elapsed())
    }
}
