//! `portMappings`, alone and against those of the other containers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{InvalidTaskDefinition, rule, within};
use crate::id::ContainerName;
use crate::task_definition::{ContainerDefinition, NetworkMode, PortMapping};

/// The longest name of a port mapping.
const NAME_LENGTH_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawPortMapping {
    container_port: Option<i64>,
    host_port: Option<i64>,
    name: Option<String>,
    protocol: Option<String>,
}

pub(super) fn parse_port_mapping(raw: RawPortMapping) -> Result<PortMapping, InvalidTaskDefinition> {
    let Some(container_port) = raw.container_port else {
        return rule("Container.portMappings containerPort should not be null.");
    };
    let container_port = within("containerPort", container_port, 1, 65535)? as u16;
    let host_port = match raw.host_port {
        None | Some(0) => None,
        Some(port) => Some(within("hostPort", port, 1, 65535)? as u16),
    };
    if let Some(name) = raw.name.as_deref().filter(|name| !is_name(name)) {
        return rule(format!(
            "Container.portMappings name '{name}' is not valid: 1 to {NAME_LENGTH_MAX} lowercase letters, digits, hyphens and \
             underscores, not starting with a hyphen."
        ));
    }
    let is_udp = raw.protocol.as_deref() == Some("udp");
    Ok(PortMapping { container_port, host_port, name: raw.name, is_udp })
}

fn is_name(name: &str) -> bool {
    let fits = (1..=NAME_LENGTH_MAX).contains(&name.len()) && !name.starts_with('-');
    fits && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// Refuses ports that two mappings claim, and host ports that the network mode cannot give.
pub(super) fn check(
    containers: &[ContainerDefinition],
    network_mode: NetworkMode,
) -> Result<(), InvalidTaskDefinition> {
    let shares_ports = match network_mode {
        NetworkMode::Awsvpc | NetworkMode::Host => true,
        NetworkMode::Bridge | NetworkMode::None => false,
    };
    let mut of_host: BTreeMap<(u16, bool), &ContainerName> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for container in containers {
        let mut own = BTreeSet::new();
        for mapping in &container.port_mappings {
            let port = mapping.container_port;
            if network_mode == NetworkMode::None {
                return rule("Port mappings are not supported when networkMode=none.");
            }
            if !own.insert((port, mapping.is_udp)) {
                return rule(format!("Container {} maps the container port {port} twice.", container.name));
            }
            if mapping.name.as_ref().is_some_and(|name| !names.insert(name)) {
                return rule("Names of port mappings must be unique in a task definition.");
            }
            if shares_ports && mapping.host_port.is_some_and(|host| host != port) {
                return rule(format!(
                    "When networkMode={}, the host ports and container ports in port mappings must match.",
                    network_mode.as_str()
                ));
            }
            let Some(host) = mapping.host_port.or(shares_ports.then_some(port)) else { continue };
            if let Some(other) = of_host.insert((host, mapping.is_udp), &container.name) {
                return rule(format!(
                    "The host port {host} is mapped twice, by containers {other} and {}.",
                    container.name
                ));
            }
        }
    }
    Ok(())
}
