//! What supervisors and shims say to each other: lines of JSON over the socket that is a shim's standard input.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seatrial_model::image::Digest;
use seatrial_model::{ContainerName, TaskId};
use seatrial_ports::runtime::PortAssignment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::container_engine::ContainerPlace;
use crate::supervisor::Refusal;

/// Which process a supervisor's program becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shim {
    Keeper,
    Container,
    Check,
}

impl Shim {
    const ALL: [Shim; 3] = [Shim::Keeper, Shim::Container, Shim::Check];

    /// The word that stands where the directory of a task would.
    pub fn word(self) -> &'static str {
        match self {
            Shim::Keeper => "--container-keeper",
            Shim::Container => "--container",
            Shim::Check => "--container-check",
        }
    }

    pub fn named(word: &Path) -> Option<Self> {
        Shim::ALL.into_iter().find(|shim| word == Path::new(shim.word()))
    }
}

/// What a keeper is told first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeeperOrder {
    pub place: ContainerPlace,
    /// The directory of the home.
    pub home: PathBuf,
    pub task: TaskId,
    pub address: IpAddr,
    pub ports: Vec<PortAssignment>,
    pub images: Vec<(ContainerName, WantedImage)>,
    /// The volumes of its own that its containers have.
    #[serde(default)]
    pub volumes: BTreeSet<String>,
    pub usage_interval: Duration,
}

/// Where a container's image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WantedImage {
    Stored(Digest),
    Named(String),
}

/// What a keeper says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum KeeperNews {
    /// The network is there, and the engine has the image, which it knows by this name.
    Image {
        container: ContainerName,
        name: String,
    },
    Refused {
        container: ContainerName,
        refusal: Refusal,
    },
    Usage {
        cpu_time: Duration,
        memory: u64,
    },
}

/// What the shim of a container is told first.
#[derive(Serialize, Deserialize)]
pub(crate) struct ContainerOrder {
    pub place: ContainerPlace,
    /// The container's name.
    pub name: String,
    /// The request that creates it. Holds the values of secrets.
    pub creation: Value,
}

/// What shims are asked for later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Send the container the signal that asks it to end.
    Stop,
    Kill,
    /// Remove what is left of a run of a container whose shim is gone, and nothing of a later one. For a keeper.
    Remove {
        name: String,
        run: u64,
    },
}

/// What the shim of a container says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ContainerNews {
    Started,
    /// It never ran.
    Refused(Refusal),
    /// It ran and has ended.
    Ended {
        code: i32,
        reason: Option<String>,
        refusal: Option<Refusal>,
    },
}

/// What the shim of a check is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CheckOrder {
    pub place: ContainerPlace,
    pub name: String,
    pub command: Vec<String>,
}
