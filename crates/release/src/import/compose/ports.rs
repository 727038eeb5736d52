//! Which port a service listens on, and which one clients connect to.

use super::super::notes::Notes;
use super::super::read;
use super::service::Scene;
use crate::config::node::Node;

/// Ports of protocols other than HTTP, which an Application Load Balancer does not pass on.
const NOT_HTTP: [u16; 10] = [21, 22, 25, 1883, 3306, 5432, 5672, 6379, 9092, 27017];

/// The port of the program and the port of the listener.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Published {
    pub port: Option<u16>,
    pub listener: Option<u16>,
}

/// One entry of `ports`.
struct Mapping {
    host: Option<String>,
    published: Option<u16>,
    target: u16,
    is_tcp: bool,
}

/// Reads `ports` and `expose`.
pub(super) fn published(node: &Node, scene: &mut Scene<'_>, notes: &mut Notes) -> Published {
    let key = scene.at("ports");
    let mut found = Published::default();
    for entry in node.get("ports").map(read::items).unwrap_or_default() {
        let Some(mapping) = mapping(entry) else {
            notes.odd(&key);
            continue;
        };
        if !mapping.is_tcp {
            notes.add(
                &key,
                format!("{} is not TCP and is left out: there is a load balancer for HTTP only", mapping.target),
            );
        } else if found.port.is_some() {
            notes.add(
                &key,
                format!("{} is left out: a service has one port; write a `task_definition` for more", mapping.target),
            );
        } else {
            found = Published { port: Some(mapping.target), listener: listener(&mapping, &key, scene, notes) };
        }
    }
    let exposed = node.get("expose").map(read::scalars).unwrap_or_default();
    for port in exposed {
        let port = port.trim_end_matches("/tcp");
        match (port.parse(), found.port) {
            (Ok(port), None) => found.port = Some(port),
            (Ok(port), Some(known)) if port == known => {}
            (Ok(_), Some(_)) => notes.add(scene.at("expose"), format!("{port} is left out: a service has one port")),
            (Err(_), _) => notes.odd(scene.at("expose")),
        }
    }
    found
}

fn listener(mapping: &Mapping, key: &str, scene: &mut Scene<'_>, notes: &mut Notes) -> Option<u16> {
    let port = mapping.published.unwrap_or(mapping.target);
    if NOT_HTTP.contains(&mapping.target) {
        notes.add(
            key,
            format!(
                "{} gets no `listener`, for the load balancer speaks HTTP only; a managed service may serve better",
                mapping.target
            ),
        );
        return None;
    }
    if !scene.listeners.insert(port) {
        notes.add(
            key,
            format!("{port} is another service's listener already: add `listener` with a `host` or a `path`"),
        );
        return None;
    }
    if let Some(host) = &mapping.host {
        notes.add(
            key,
            format!("the address {host} is left out: on AWS say `scheme: internal` in the environment's `network`"),
        );
    }
    if port < 1024 {
        notes.add(key, format!("the embedded engine may open port {port} only as root: choose another one for it"));
    }
    Some(port)
}

fn mapping(entry: &Node) -> Option<Mapping> {
    if let Some(text) = read::scalar(entry) {
        return short(text);
    }
    let number = |key: &str| read::scalar_at(entry, key).map(|text| with_defaults(text)?.parse().ok());
    let published = match number("published") {
        Some(None) => return None,
        Some(port) => port,
        None => None,
    };
    Some(Mapping {
        host: read::scalar_at(entry, "host_ip").map(ToOwned::to_owned),
        published,
        target: number("target")??,
        is_tcp: read::scalar_at(entry, "protocol").is_none_or(|protocol| protocol == "tcp"),
    })
}

/// `[[host:]published:]target[/protocol]`; ranges are not read.
fn short(text: &str) -> Option<Mapping> {
    let text = with_defaults(text)?;
    let (ports, protocol) = text.rsplit_once('/').unwrap_or((&text, "tcp"));
    let (before, target) = ports.rsplit_once(':').map_or((None, ports), |(before, target)| (Some(before), target));
    let (host, published) = match before {
        Some(before) => before.rsplit_once(':').map_or((None, Some(before)), |(host, port)| (Some(host), Some(port))),
        None => (None, None),
    };
    let published = match published {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok()?),
    };
    let host = host.map(ToOwned::to_owned);
    Some(Mapping { host, published, target: target.parse().ok()?, is_tcp: protocol == "tcp" })
}

/// The text with the defaults of its variables; none if one has no default.
fn with_defaults(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, after) = after.split_once('}')?;
        let default = inner.split_once(":-").or_else(|| inner.split_once('-'))?.1;
        out.push_str(before);
        out.push_str(default);
        rest = after;
    }
    Some(out + rest).filter(|text| !text.contains('$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_in_their_short_form() {
        let cases = [
            ("80", Some((None, None, 80, true))),
            ("8080:80", Some((None, Some(8080), 80, true))),
            ("127.0.0.1:8080:80", Some((Some("127.0.0.1"), Some(8080), 80, true))),
            ("[::1]:8080:80", Some((Some("[::1]"), Some(8080), 80, true))),
            ("53:53/udp", Some((None, Some(53), 53, false))),
            ("${PORT:-9000}:80", Some((None, Some(9000), 80, true))),
            ("3000-3005", None),
            ("${PORT}:80", None),
            ("99999", None),
        ];
        for (text, expected) in cases {
            let read = short(text);
            let read = read.as_ref().map(|m| (m.host.as_deref(), m.published, m.target, m.is_tcp));
            assert_eq!(read, expected, "{text}");
        }
    }
}
