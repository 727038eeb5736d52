//! What an environment's target is to this machine: the endpoint behind it, and what no configuration file says about it.
//!
//! This is the only place where the embedded engine and AWS differ.

use anyhow::Result;
use seatrial_release::aws::Connection;
use seatrial_release::config::Scheme;
use seatrial_release::plan::{Network, PublicAddress, Target, TargetDefaults};

use crate::arguments::Common;
use crate::engine::process::{Started, reach_endpoint};
use crate::printer::Printer;

/// The region of an engine that was told none; also shown by commands that need no engine.
const EMBEDDED_REGION: &str = "us-east-1";

/// The subnet of the embedded engine: a name that its API accepts, for there is no network to divide.
const EMBEDDED_SUBNET: &str = "subnet-embedded";

/// The image of a command without one: the engine runs it as a process of this machine.
const PROCESS_IMAGE: &str = "process";

/// What to do when the embedded engine is not running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Start,
    /// Whoever asks or takes away does not want everything brought back.
    Refuse,
}

/// Connects to a target.
pub async fn connect(target: &Target, common: &Common, absent: Absent, printer: &Printer) -> Result<Connection> {
    match target {
        Target::Embedded => {
            if common.assume_role_arn.is_some() {
                printer.remark(
                    "--assume-role-arn changes nothing here: the embedded engine has one identity and no roles",
                );
            }
            let home = common.home.clone();
            let (endpoint, started) = tokio::task::spawn_blocking(move || reach_endpoint(home, absent)).await??;
            if started == Started::Now {
                printer.remark(&format!("the engine is started at {}", endpoint.url));
            }
            Ok(Connection::to_endpoint(&endpoint))
        }
        Target::Aws { region, profile } => {
            Ok(Connection::to_aws(region, profile.as_deref(), common.assume_role_arn.as_ref()).await)
        }
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
            infrastructure_role: None,
        },
        Target::Aws { region, .. } => {
            TargetDefaults { region: region.clone(), network: None, process_image: None, infrastructure_role: None }
        }
    }
}

/// A target in words.
pub fn describe(target: &Target) -> String {
    match target {
        Target::Embedded => "the embedded engine".to_owned(),
        Target::Aws { region, .. } => format!("AWS {region}"),
    }
}
