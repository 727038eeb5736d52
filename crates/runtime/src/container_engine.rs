//! Speaks to a container engine (Docker, Podman) by the Docker Engine API, over its Unix socket.
//!
//! What is asked is a part of the API that Docker 20.10 and Podman 4.3 have in common. Answers are read as far as they are needed:
//! the two differ in the rest.

mod archive;
mod client;
mod error;
mod frames;
mod images;
mod leftovers;
mod network;
mod place;
mod search;
mod subnets;
mod volumes;

pub(crate) use client::{Client, Method, escaped};
pub(crate) use error::EngineError;
pub(crate) use frames::FrameReader;
pub(crate) use images::{Shared, StoredImage, ensure_named, ensure_pause, ensure_stored, remove_images, turn};
pub(crate) use leftovers::{remove_container, remove_inhabitants, remove_of_home, remove_of_task, remove_run};
pub(crate) use network::Network;
pub(crate) use place::{
    ContainerPlace, RUN_LABEL, container_name, has_identity, identity, labels, own_address, pause_name, volume_name,
};
use place::{HOME_LABEL, TASK_LABEL};
pub use search::ContainerEngineOptions;
pub(crate) use search::{Found, Reach, find};
pub(crate) use volumes::ensure_volume;
