//! Where a task's containers are, and by what they are known for the task's.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use seatrial_model::{ContainerName, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Client;

/// The file in which a home keeps its identity.
const IDENTITY_FILE: &str = "container-identity";

/// Names the home whose engine may touch a container, and no other.
pub(crate) const HOME_LABEL: &str = "seatrial.home";
pub(crate) const TASK_LABEL: &str = "seatrial.task";
const CONTAINER_LABEL: &str = "seatrial.container";
/// Tells the runs of a container apart.
pub(crate) const RUN_LABEL: &str = "seatrial.run";

/// How many random bytes tell homes apart.
const IDENTITY_BYTES: usize = 6;

/// A container engine and the part of it that is a home's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContainerPlace {
    pub socket: PathBuf,
    /// The identity of the home.
    pub home: String,
}

impl ContainerPlace {
    pub fn client(&self) -> Client {
        Client::new(&self.socket)
    }

    pub fn network(&self) -> String {
        format!("seatrial-{}", self.home)
    }
}

/// Tells whether a home has ever had a container, or was about to.
pub(crate) fn has_identity(home: &Path) -> bool {
    home.join(IDENTITY_FILE).is_file()
}

/// Returns the identity of a home, which it keeps in a file from the first time on.
pub(crate) fn identity(home: &Path) -> io::Result<String> {
    let file = home.join(IDENTITY_FILE);
    match std::fs::read_to_string(&file) {
        Ok(identity) if is_identity(identity.trim()) => return Ok(identity.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut random = [0; IDENTITY_BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let identity = hex::encode(random);
    let new = home.join("container-identity.new");
    std::fs::write(&new, &identity)?;
    std::fs::rename(&new, &file)?;
    Ok(identity)
}

fn is_identity(text: &str) -> bool {
    text.len() == 2 * IDENTITY_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name of the images of a home's registry, each of which has a tag. No other home has one of this name, so that they can go with it.
pub(crate) fn image_name(place: &ContainerPlace) -> String {
    format!("localhost/seatrial-{}", place.home)
}

/// The name of the image of the containers that hold networks.
pub(crate) fn pause_image_name(place: &ContainerPlace) -> String {
    format!("localhost/seatrial-{}-pause", place.home)
}

/// The name of a task's container.
pub(crate) fn container_name(task: &TaskId, container: &ContainerName) -> String {
    format!("seatrial-{task}-{container}")
}

/// The name of the container that holds a task's network.
pub(crate) fn pause_name(task: &TaskId) -> String {
    format!("seatrial-{task}")
}

/// The name of a volume of a task's own.
pub(crate) fn volume_name(task: &TaskId, volume: &str) -> String {
    format!("seatrial-{task}-volume-{volume}")
}

/// The labels of a container; none of the task's network is a container's.
pub(crate) fn labels(place: &ContainerPlace, task: &TaskId, container: Option<&ContainerName>) -> Value {
    let mut labels = json!({ HOME_LABEL: place.home, TASK_LABEL: task.as_str() });
    if let Some(container) = container {
        labels[CONTAINER_LABEL] = container.as_str().into();
    }
    labels
}

/// The address a task's network has; none where ports are published.
pub(crate) fn own_address(address: IpAddr) -> Option<IpAddr> {
    (!address.is_loopback()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_keeps_its_identity_and_no_two_have_the_same() {
        let (one, two) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let first = identity(one.path()).expect("writable");
        assert_eq!(identity(one.path()).expect("readable"), first);
        assert_ne!(identity(two.path()).expect("writable"), first);
        std::fs::write(one.path().join("container-identity"), "../evil").expect("writable");
        assert!(is_identity(&identity(one.path()).expect("writable")));
    }
}
