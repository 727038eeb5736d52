//! What an engine was last started with, so that it comes back the same when the next command starts it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::{Context, Result};
use seatrial_model::TimeScale;
use serde::{Deserialize, Serialize};

use super::Home;
use super::files;

/// The remembered settings. The Region is kept with the credentials, for it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The port last listened on. It is tried first, so that clients find the engine where it was.
    pub port: Option<u16>,
    pub time_scale: TimeScale,
    /// Where load balancers listen.
    #[serde(default = "listen_default")]
    pub listen: IpAddr,
    /// The socket of the container engine that was named; none looks at the usual places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_engine: Option<PathBuf>,
}

/// Load balancers are reached from this machine alone unless told otherwise.
fn listen_default() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

impl Default for Settings {
    fn default() -> Self {
        Settings { port: None, time_scale: TimeScale::REAL, listen: listen_default(), container_engine: None }
    }
}

impl Settings {
    /// Returns what is remembered when the engine and all it ran are stopped: the port alone.
    pub fn after_stop(self) -> Self {
        Settings { port: self.port, ..Settings::default() }
    }

    pub fn load(home: &Home) -> Result<Self> {
        let path = home.settings_file();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged; remove it to start with the defaults", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
        }
    }

    pub fn save(&self, home: &Home) -> Result<()> {
        files::replace(&home.settings_file(), &serde_json::to_vec_pretty(self)?)
    }
}
