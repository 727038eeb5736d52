//! An image's configuration: for which machines it is, what runs in it and how, and what its layers are.
//!
//! OCI's and Docker's configurations have the same form. They are other people's bytes: what is not used here may be anything, a member
//! that is null is as good as missing, and what is used cannot hold what a process could not be given (NUL).

pub(crate) mod document;
mod exposed_port;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatrial_model::image::Digest;

pub use exposed_port::{ExposedPort, PortProtocol};

use crate::platform::Platform;
use document::Document;

/// The largest configuration. They have some kilobytes, most of it history; a manifest may have as much.
pub const CONFIGURATION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most layers of an image. Docker makes at most 127, and file systems stack hardly more.
pub const LAYERS_MAX: usize = 1024;

/// The configuration of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfiguration {
    pub platform: Platform,
    /// When the image was made, as it says itself.
    pub created: Option<String>,
    pub run: RunConfiguration,
    /// The digests of the uncompressed layers, the lowest first.
    pub diff_ids: Vec<Digest>,
    pub history: Vec<HistoryEntry>,
}

/// What runs in a container unless the container says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunConfiguration {
    pub entry_point: Vec<String>,
    pub command: Vec<String>,
    /// Names and values in their order; of the same name the last one counts. One without a value has an empty one.
    pub environment: Vec<(String, String)>,
    pub working_directory: Option<String>,
    /// `user`, `uid`, `user:group`, `uid:gid` and so on, to be looked up in the image.
    pub user: Option<String>,
    /// Ports that could be understood; they are hints for people.
    pub exposed_ports: BTreeSet<ExposedPort>,
    /// A name such as `SIGTERM`, or a number.
    pub stop_signal: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub healthcheck: Option<Healthcheck>,
}

/// How Docker would look whether a container is healthy. ECS does not use it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", text]`.
    pub test: Vec<String>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub start_period: Option<Duration>,
    pub start_interval: Option<Duration>,
    pub retries: Option<u32>,
}

/// How a layer, or a change of the configuration alone, came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    pub created: Option<String>,
    pub created_by: Option<String>,
    pub comment: Option<String>,
    pub is_empty_layer: bool,
}

/// Why bytes are no configuration of an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfiguration {
    #[error("an image's configuration has at most {CONFIGURATION_BYTES_MAX} bytes; this one has {0}")]
    TooLarge(usize),
    #[error("the image's configuration cannot be read: {0}; is it an image, or an artifact of another kind?")]
    Malformed(String),
    #[error("the image's configuration does not say for which {0} it is")]
    Missing(&'static str),
    #[error("the image's configuration names {0} layers; at most {LAYERS_MAX} are taken")]
    TooManyLayers(usize),
    #[error("`{0}` in the image's configuration has a NUL in it, which no process can be given")]
    Nul(&'static str),
}

impl ImageConfiguration {
    /// Reads the configuration blob of an image.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidConfiguration> {
        if bytes.len() > CONFIGURATION_BYTES_MAX {
            return Err(InvalidConfiguration::TooLarge(bytes.len()));
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| InvalidConfiguration::Malformed(error.to_string()))?;
        let diff_ids = document.rootfs.and_then(|rootfs| rootfs.diff_ids).unwrap_or_default();
        if diff_ids.len() > LAYERS_MAX {
            return Err(InvalidConfiguration::TooManyLayers(diff_ids.len()));
        }
        let stated = |text: Option<String>| text.filter(|text| !text.is_empty());
        let platform = Platform {
            os: stated(document.os).ok_or(InvalidConfiguration::Missing("os"))?,
            architecture: stated(document.architecture).ok_or(InvalidConfiguration::Missing("architecture"))?,
            variant: stated(document.variant),
        };
        let run = RunConfiguration::from(document.config.unwrap_or_default());
        run.check()?;
        let history = document.history.unwrap_or_default().into_iter().map(HistoryEntry::from).collect();
        Ok(ImageConfiguration { platform, created: document.created, run, diff_ids, history })
    }
}

impl RunConfiguration {
    fn check(&self) -> Result<(), InvalidConfiguration> {
        let environment = self.environment.iter().flat_map(|(name, value)| [name, value]);
        let texts = (self.entry_point.iter().map(|text| ("Entrypoint", text)))
            .chain(self.command.iter().map(|text| ("Cmd", text)))
            .chain(environment.map(|text| ("Env", text)))
            .chain(self.working_directory.iter().map(|text| ("WorkingDir", text)))
            .chain(self.user.iter().map(|text| ("User", text)));
        match texts.into_iter().find(|(_, text)| text.contains('\0')) {
            Some((member, _)) => Err(InvalidConfiguration::Nul(member)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
