//! Owns what rules see of a request in hyper's form, and its header fields on their way through.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use seatrial_model::load_balancing::ProtocolVersion;
use seatrial_routing::RequestFacts;
use seatrial_routing::request::host_without_port;

use crate::http1::fields::list;
use crate::mirror::MIRROR_FIELD;
use crate::random::random_bits;
use crate::trace::TraceId;

/// A request as rules see it.
pub(crate) struct PartsFacts<'a> {
    pub parts: &'a Parts,
    pub source: IpAddr,
}

impl RequestFacts for PartsFacts<'_> {
    fn method(&self) -> &[u8] {
        self.parts.method.as_str().as_bytes()
    }

    fn host(&self) -> &[u8] {
        host_without_port(authority(self.parts).as_bytes())
    }

    fn path(&self) -> &[u8] {
        self.parts.uri.path().as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        self.parts.uri.query().map(str::as_bytes)
    }

    fn any_header(&self, name: &str, fits: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.parts.headers.get_all(name).iter().any(|value| fits(value.as_bytes()))
    }

    fn source(&self) -> IpAddr {
        self.source
    }
}

/// The host asked for, with its port.
pub(crate) fn authority(parts: &Parts) -> &str {
    let header = || parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    parts.uri.authority().map(http::uri::Authority::as_str).or_else(header).unwrap_or("")
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What the hop adds to a request.
pub(crate) struct Hop<'a> {
    pub client_address: &'a str,
    pub port: u16,
    pub seconds: u32,
}

/// Adds the fields a load balancer adds.
pub(crate) fn add_forwarding_fields(headers: &mut HeaderMap, hop: &Hop<'_>) {
    let former: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let forwarded_for = former.into_iter().chain([hop.client_address]).collect::<Vec<_>>().join(", ");
    insert(headers, FORWARDED_FOR, forwarded_for.as_bytes());
    headers.remove(MIRROR_FIELD);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(FORWARDED_PORT, HeaderValue::from(hop.port));
    let mut trace = Vec::new();
    let id = TraceId { seconds: hop.seconds, high: random_bits() as u32, low: random_bits() };
    id.write(headers.get(TRACE_ID).map(HeaderValue::as_bytes), &mut trace);
    insert(headers, TRACE_ID, &trace);
}

/// Removes the fields meant for one connection only, and those the protocol of the target has other means for.
pub(crate) fn prepare_for(protocol: ProtocolVersion, headers: &mut HeaderMap) {
    let wants_trailers = headers.get_all(TE).iter().flat_map(|te| list(te.as_bytes())).any(|te| te == b"trailers");
    remove_hop_fields(headers);
    headers.remove(EXPECT);
    match protocol {
        ProtocolVersion::Http1 => {
            let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
            if cookies.len() > 1 {
                let joined = cookies.join(&b"; "[..]);
                insert(headers, COOKIE, &joined);
            }
        }
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => {
            headers.remove(HOST);
            if wants_trailers {
                headers.insert(TE, HeaderValue::from_static("trailers"));
            }
        }
    }
}

/// Removes the fields meant for one connection only.
pub(crate) fn remove_hop_fields(headers: &mut HeaderMap) {
    let kept = [CONTENT_LENGTH, HOST, COOKIE];
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| list(value.as_bytes()))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| !kept.contains(name))
        .collect();
    let known = [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE];
    for name in named.into_iter().chain(known) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}
