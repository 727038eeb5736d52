//! The guard against foreign host names.
//!
//! A web page can make a browser send requests to a loopback address under a name of its own (DNS rebinding). The front therefore
//! answers only to the names it was told are its own, whatever address a request came in on.

use std::collections::BTreeSet;
use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

/// The host names the front answers to, without ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts(BTreeSet<String>);

/// A text that is neither a host name nor an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a host name nor an address")]
pub struct InvalidHost(String);

impl AllowedHosts {
    /// Returns the names by which a client on the same machine reaches a front on a loopback address.
    pub fn loopback() -> Self {
        AllowedHosts(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).into())
    }

    /// Adds a host name or an address; IPv6 addresses with or without brackets.
    pub fn with(mut self, host: &str) -> Result<Self, InvalidHost> {
        let host = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(address)) => address.to_string(),
            Err(_) => host.to_ascii_lowercase(),
        };
        let is_bare = host.parse::<Authority>().is_ok_and(|authority| authority.host() == host);
        if !is_bare {
            return Err(InvalidHost(host));
        }
        self.0.insert(host);
        Ok(self)
    }

    /// Tells whether a request is for this front: one `Host` header with an allowed name, and no other name in its request line.
    pub(super) fn admit(&self, head: &Parts) -> bool {
        let mut hosts = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let Ok(authority) = Authority::try_from(host.as_bytes()) else {
            return false;
        };
        self.allows(&authority) && head.uri.authority().is_none_or(|authority| self.allows(authority))
    }

    fn allows(&self, authority: &Authority) -> bool {
        !authority.as_str().contains('@') && self.0.contains(&authority.host().to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn admits(hosts: &AllowedHosts, uri: &str, values: &[&str]) -> bool {
        let mut request = Request::builder().uri(uri);
        for value in values {
            request = request.header(HOST, *value);
        }
        hosts.admit(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn only_known_names_are_admitted_on_any_port() {
        let hosts = AllowedHosts::loopback().with("engine.internal").expect("a name").with("::2").expect("an address");
        for host in ["127.0.0.1", "127.0.0.1:4600", "LOCALHOST:1", "[::1]:80", "Engine.Internal", "[::2]"] {
            assert!(admits(&hosts, "/", &[host]), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "127.0.0.2",
            "[::3]",
            "",
            "localhost@evil.example",
            "evil.example@localhost",
            "local host",
            "localhost:80:80",
        ] {
            assert!(!admits(&hosts, "/", &[host]), "{host}");
        }
    }

    #[test]
    fn a_request_must_name_exactly_one_host() {
        let hosts = AllowedHosts::loopback();
        assert!(!admits(&hosts, "/", &[]));
        assert!(!admits(&hosts, "/", &["localhost", "localhost"]));
        assert!(!admits(&hosts, "http://evil.example/", &["localhost"]));
        assert!(admits(&hosts, "http://localhost:80/", &["localhost"]));
    }

    #[test]
    fn what_is_no_host_cannot_be_allowed() {
        for host in ["", "a b", "host:80", "user@host", "http://host"] {
            assert!(AllowedHosts::loopback().with(host).is_err(), "{host}");
        }
    }
}
