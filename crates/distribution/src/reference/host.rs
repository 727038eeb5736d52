//! Hosts of registries.

use std::fmt;
use std::net::IpAddr;

/// How Docker Hub is written in names of images.
const DOCKER_HUB: &str = "docker.io";

/// Another way to write it.
const DOCKER_HUB_INDEX: &str = "index.docker.io";

/// Where Docker Hub answers.
const DOCKER_HUB_ENDPOINT: &str = "registry-1.docker.io";

/// What Docker Hub's credentials are kept under in Docker's files.
const DOCKER_HUB_LOGIN: &str = "https://index.docker.io/v1/";

/// The longest host with its port: a domain name has at most 253 characters.
const LENGTH_MAX: usize = 253 + 6;

/// The host of a registry, with its port where one is given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryHost(String);

impl RegistryHost {
    pub fn docker_hub() -> Self {
        RegistryHost(DOCKER_HUB.to_owned())
    }

    /// Parses `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("its host has more than {LENGTH_MAX} characters"));
        }
        let (name, port) = split_port(text);
        let is_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => name.split('.').all(is_label),
        };
        if !is_name {
            return Err(format!("{name:?} is no host"));
        }
        if let Some(port) = port
            && !(port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0))
        {
            return Err(format!("{port:?} is no port"));
        }
        let text = text.to_ascii_lowercase();
        if [DOCKER_HUB_INDEX, DOCKER_HUB_ENDPOINT].contains(&text.as_str()) {
            return Ok(RegistryHost::docker_hub());
        }
        Ok(RegistryHost(text))
    }

    /// Returns the host as names of images have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// Tells whether the registry is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(split_port(&self.0).0)
    }

    /// Returns the host and port that requests go to.
    pub fn authority(&self) -> &str {
        if self.is_docker_hub() { DOCKER_HUB_ENDPOINT } else { &self.0 }
    }

    /// Returns what a credential helper is asked for.
    pub(crate) fn login_server(&self) -> &str {
        if self.is_docker_hub() { DOCKER_HUB_LOGIN } else { &self.0 }
    }

    /// Returns the hosts under which files may keep this registry's credentials.
    pub(crate) fn aliases(&self) -> Vec<&str> {
        if self.is_docker_hub() { vec![DOCKER_HUB, DOCKER_HUB_INDEX, DOCKER_HUB_ENDPOINT] } else { vec![&self.0] }
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells whether a host, without port, is this machine by its very name.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        Some(_) | None => (text, None),
    }
}

fn is_label(label: &str) -> bool {
    let fits = (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    fits && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
