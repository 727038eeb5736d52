//! Owns what a rule may know of a request; how it is stored is the proxy's affair.

use std::net::IpAddr;

/// A request, as far as rules look at it.
pub trait RequestFacts {
    /// The method as sent.
    fn method(&self) -> &[u8];

    /// The host asked for, without a port.
    fn host(&self) -> &[u8];

    /// The path as sent, without the query.
    fn path(&self) -> &[u8];

    /// The query without its `?`, if there is one.
    fn query(&self) -> Option<&[u8]>;

    /// Tells whether `fits` accepts a value of the header; names compare without case.
    fn any_header(&self, name: &str, fits: &mut dyn FnMut(&[u8]) -> bool) -> bool;

    /// The peer's own address.
    fn source(&self) -> IpAddr;
}

/// Cuts the port off a `Host` value; an IPv6 literal keeps its brackets.
pub fn host_without_port(host: &[u8]) -> &[u8] {
    let name_end = match host.first() {
        Some(b'[') => host.iter().position(|byte| *byte == b']').map_or(host.len(), |end| end + 1),
        _ => 0,
    };
    match host[name_end..].iter().position(|byte| *byte == b':') {
        Some(colon) => &host[..name_end + colon],
        None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_cut_off_names_and_addresses() {
        for (host, name) in [("a.test:80", "a.test"), ("a.test", "a.test"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")] {
            assert_eq!(host_without_port(host.as_bytes()), name.as_bytes());
        }
    }
}
