//! What an environment's target is to this machine: the endpoint behind it, and what no configuration file says about it.
//!
//! This is the only place where the embedded engine and AWS differ.

use std::path::PathBuf;

use anyhow::Result;
use seatrial_release::aws::Connection;
use seatrial_release::config::Scheme;
use seatrial_release::plan::{Network, PublicAddress, Target, TargetDefaults};

use crate::engine::process::ensure_endpoint;

/// The region of an engine that was told none; also shown by commands that need no engine.
const EMBEDDED_REGION: &str = "us-east-1";

/// The subnet of the embedded engine: a name that its API accepts, for there is no network to divide.
const EMBEDDED_SUBNET: &str = "subnet-embedded";

/// The image of a command without one: the engine runs it as a process of this machine.
const PROCESS_IMAGE: &str = "process";

/// Connects to a target; the embedded engine is started when it is not running.
pub async fn connect(target: &Target, home: Option<PathBuf>) -> Result<Connection> {
    match target {
        Target::Embedded => {
            let endpoint = tokio::task::spawn_blocking(move || ensure_endpoint(home)).await??;
            Ok(Connection::to_endpoint(&endpoint))
        }
        Target::Aws { region, profile } => Ok(Connection::to_aws(region, profile.as_deref()).await),
    }
}

/// What a target adds to a configuration; without a connection its region is the usual one.
pub fn defaults(target: &Target, connection: Option<&Connection>) -> TargetDefaults {
    match target {
        Target::Embedded => TargetDefaults {
            region: connection.map_or(EMBEDDED_REGION, Connection::region).to_owned(),
            network: Some(Network {
                subnets: vec![EMBEDDED_SUBNET.to_owned()],
                security_groups: Vec::new(),
                public_address: PublicAddress::None,
                scheme: Scheme::Internal,
            }),
            process_image: Some(PROCESS_IMAGE.to_owned()),
        },
        Target::Aws { region, .. } => TargetDefaults { region: region.clone(), network: None, process_image: None },
    }
}

/// A target in words.
pub fn describe(target: &Target) -> String {
    match target {
        Target::Embedded => "the embedded engine".to_owned(),
        Target::Aws { region, .. } => format!("AWS {region}"),
    }
}
