//! The variables a container starts with.
//!
//! From weakest to strongest: the few inherited from the engine, `HOST`, the launch's, the container's own and its secrets, and last
//! what only the engine can know: `PORT` and its kin. A task definition often sets `PORT` to its container port, as it must on ECS; here that port is
//! another one, and a container that listened where its definition says would never be reached.

use std::collections::BTreeMap;

use seatrial_model::SecretText;
use seatrial_model::task_definition::ContainerDefinition;
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::PortAssignment;

/// The variables of the engine's own environment that containers see: what programs need to find each other and to speak to people.
pub(crate) const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// Names the task in the environment of all its processes, so that one that got away can be recognised.
pub(crate) const TASK_VARIABLE: &str = "SEATRIAL_TASK";

/// Names the container likewise.
pub(crate) const CONTAINER_VARIABLE: &str = "SEATRIAL_CONTAINER";

/// The search path where neither engine nor container has one; Docker's.
const PATH_DEFAULT: &str = super::image::SEARCH_PATH_DEFAULT;

/// Builds the environment of a container. `inherited` gives the engine's variables; `home` is that of the container's user, when it
/// is not the engine's.
pub(super) fn environment(
    launch: &TaskLaunch,
    container: &ContainerDefinition,
    secrets: BTreeMap<&str, &SecretText>,
    inherited: impl Fn(&str) -> Option<String>,
    home: Option<&str>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([("PATH".to_owned(), PATH_DEFAULT.to_owned())]);
    variables.extend(INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), inherited(name)?))));
    if let Some(home) = home {
        variables.insert("HOME".to_owned(), home.to_owned());
    }
    variables.extend(launch.environment.clone());
    finish(&mut variables, launch, container, secrets, |port| port.host_port);
    variables
}

/// Builds the environment of a container that is started from an image: of the engine's own variables it sees none, and what the image says
/// is in their place.
pub(super) fn environment_in_image(
    launch: &TaskLaunch,
    container: &ContainerDefinition,
    secrets: BTreeMap<&str, &SecretText>,
    of_image: &[(String, String)],
    home: Option<&str>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([
        ("PATH".to_owned(), PATH_DEFAULT.to_owned()),
        ("HOME".to_owned(), home.unwrap_or("/").to_owned()),
    ]);
    let of_engine = launch.environment.iter().filter(|(name, _)| !INHERITED.contains(&name.as_str()));
    variables.extend(of_engine.map(|(name, value)| (name.clone(), value.clone())));
    variables.extend(of_image.iter().cloned());
    finish(&mut variables, launch, container, secrets, |port| port.host_port);
    variables
}

/// Builds what is added to the environment that an image gives its container in a container engine. The ports are the container's own.
pub(super) fn environment_in_container(
    launch: &TaskLaunch,
    container: &ContainerDefinition,
    secrets: BTreeMap<&str, &SecretText>,
) -> BTreeMap<String, String> {
    let of_engine = launch.environment.iter().filter(|(name, _)| !INHERITED.contains(&name.as_str()));
    let mut variables: BTreeMap<String, String> =
        of_engine.map(|(name, value)| (name.clone(), value.clone())).collect();
    // What listens at one address of several would not be reached at the task's, or not where its ports are published.
    variables.insert("HOST".to_owned(), "0.0.0.0".to_owned());
    finish(&mut variables, launch, container, secrets, |port| port.container_port);
    variables
}

/// Adds what is stronger than anything the engine or an image says.
fn finish(
    variables: &mut BTreeMap<String, String>,
    launch: &TaskLaunch,
    container: &ContainerDefinition,
    secrets: BTreeMap<&str, &SecretText>,
    listens_at: impl Fn(&PortAssignment) -> u16,
) {
    variables.entry("HOST".to_owned()).or_insert_with(|| launch.address.to_string());
    variables.extend(container.environment.clone());
    variables.extend(secrets.into_iter().map(|(name, value)| (name.to_owned(), value.expose().to_owned())));
    for port in &launch.ports {
        variables.insert(format!("PORT_{}", port.container_port), listens_at(port).to_string());
    }
    if let Some(first) = launch.ports.iter().find(|port| port.container == container.name) {
        variables.insert("PORT".to_owned(), listens_at(first).to_string());
    }
    variables.insert(TASK_VARIABLE.to_owned(), launch.task.to_string());
    variables.insert(CONTAINER_VARIABLE.to_owned(), container.name.to_string());
}
