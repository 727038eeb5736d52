//! The HTTP front all services share.
//!
//! `server` owns sockets and connections, `room` who of them may stay, `exchange` one request from head to answer, `body` the reading of bodies, `host` the
//! guard against foreign host names, `limits` every number. The image registry has paths of its own (`registry`) and its own way to tell
//! who asks; everything else is AWS's.

mod body;
mod exchange;
mod host;
mod limits;
mod registry;
mod request_id;
mod room;
mod sending;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use seatrial_aws_wire::Service;
use seatrial_model::{Region, TimeScale, Timestamp};
use seatrial_registry::{AnswerBody, Registry};
use tokio::sync::Semaphore;

use crate::identity::Identities;
use crate::operations::Operations;

pub use host::{AllowedHosts, InvalidHost};
pub use limits::Limits;
pub use request_id::RequestId;
use request_id::RequestIds;

/// Tells the real time. Signatures are judged by it, so it must not be a scaled or simulated clock.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The header of an answer that says how many times shorter the engine makes durations. AWS has none, which means once.
pub const TIME_SCALE_HEADER: &str = "x-seatrial-time-scale";

/// Why the front cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    #[error("drawing the first request id from the operating system's random source")]
    RandomSource(#[source] getrandom::Error),
}

/// The AWS endpoint of an engine: services behind signatures.
pub struct Front {
    region: Region,
    identities: Identities,
    hosts: AllowedHosts,
    clock: WallClock,
    limits: Limits,
    services: BTreeMap<Service, Arc<dyn Operations>>,
    registry: Option<Registry>,
    request_ids: RequestIds,
    scale: TimeScale,
    /// One permit per running operation, whether or not its client still waits.
    running: Arc<Semaphore>,
}

impl Front {
    /// Makes a front without services for one Region.
    pub fn new(
        region: Region,
        identities: Identities,
        hosts: AllowedHosts,
        clock: WallClock,
        limits: Limits,
    ) -> Result<Self, FrontError> {
        let request_ids = RequestIds::random().map_err(FrontError::RandomSource)?;
        let running = Arc::new(Semaphore::new(limits.operations));
        let (services, scale) = (BTreeMap::new(), TimeScale::REAL);
        let registry = None;
        Ok(Front { region, identities, hosts, clock, limits, services, registry, request_ids, scale, running })
    }

    /// Tells clients in every answer how many times shorter this engine makes durations; see [`TIME_SCALE_HEADER`].
    #[must_use]
    pub fn with_time_scale(mut self, scale: TimeScale) -> Self {
        self.scale = scale;
        self
    }

    /// Adds a service.
    #[must_use]
    pub fn with_service(mut self, service: Service, operations: Arc<dyn Operations>) -> Self {
        self.services.insert(service, operations);
        self
    }

    /// Adds an image registry, below `/v2/`.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("region", &self.region)
            .field("hosts", &self.hosts)
            .field("services", &self.services.keys())
            .finish_non_exhaustive()
    }
}
