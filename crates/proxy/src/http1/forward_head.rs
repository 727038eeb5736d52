//! Owns writing a request's head for the target: the client's fields, less those meant for this connection, plus what a load balancer adds.
//!
//! `X-Forwarded-For` is appended to; `X-Forwarded-Proto` and `-Port` are ours alone; `X-Amzn-Trace-Id` is begun or continued. All like ELB.
//! The head does not depend on the target, so a retry sends the same bytes.

use crate::http1::fields::{Field, Framing, is_end_to_end, list};
use crate::http1::request::RequestHead;
use crate::trace::TraceId;

/// What the hop through the balancer adds to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop<'a> {
    pub client_address: &'a str,
    /// `X-Forwarded-Proto` and `X-Forwarded-Port` as whole lines.
    pub listener_lines: &'a [u8],
    /// Host and port of the listener, for clients too old to send a `Host`.
    pub listener_host: &'a str,
    pub trace: TraceId,
}

/// Appends the head to `out`.
pub(crate) fn write_request_head(head: &RequestHead<'_, '_>, hop: &Hop<'_>, out: &mut Vec<u8>) {
    put(out, &[head.method.as_bytes(), b" ", head.target.as_bytes(), b" HTTP/1.1\r\nHost: "]);
    let host = if head.host.is_empty() { hop.listener_host } else { head.host };
    put(out, &[host.as_bytes(), b"\r\n"]);
    for (header, field) in head.headers.iter().zip(head.fields) {
        let passes = match field {
            Field::Other if head.options.names_fields => !is_named(head, header.name, *field),
            Field::Other | Field::Cookie | Field::Expect => true,
            // Written on their own.
            Field::Connection | Field::ContentLength | Field::Host | Field::KeepAlive | Field::ProxyConnection => false,
            Field::Te | Field::TransferEncoding => false,
            Field::Upgrade => head.upgrade,
            Field::XAmznTraceId | Field::XForwardedFor | Field::XForwardedPort | Field::XForwardedProto => false,
            // A client cannot pass its request off as a copy.
            Field::XSeatrialMirror => false,
        };
        if passes {
            put(out, &[header.name.as_bytes(), b": ", header.value, b"\r\n"]);
        }
    }
    write_framing(head, out);
    out.extend_from_slice(match (head.upgrade, head.is_idempotent()) {
        (true, _) => b"Connection: upgrade\r\n",
        // It gets a connection of its own (see `exchange`), which the target shall close: whoever closes first keeps the port for a while,
        // and the target has but one.
        (false, false) => b"Connection: close\r\n",
        (false, true) => b"",
    });
    out.extend_from_slice(b"X-Forwarded-For: ");
    for former in values(head, Field::XForwardedFor) {
        put(out, &[former, b", "]);
    }
    put(out, &[hop.client_address.as_bytes(), b"\r\n", hop.listener_lines, b"X-Amzn-Trace-Id: "]);
    hop.trace.write(values(head, Field::XAmznTraceId).next(), out);
    out.extend_from_slice(b"\r\n\r\n");
}

fn write_framing(head: &RequestHead<'_, '_>, out: &mut Vec<u8>) {
    match head.framing {
        Framing::Length(length) => put(out, &[b"Content-Length: ", length.to_string().as_bytes(), b"\r\n"]),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {
            if head.fields.contains(&Field::ContentLength) {
                out.extend_from_slice(b"Content-Length: 0\r\n");
            }
        }
    }
}

fn values<'b>(head: &RequestHead<'b, '_>, wanted: Field) -> impl Iterator<Item = &'b [u8]> {
    let fields = head.headers.iter().zip(head.fields);
    fields.filter(move |(_, field)| **field == wanted).map(|(header, _)| header.value)
}

/// Whether a `Connection` field names this one as meant for this connection only.
fn is_named(head: &RequestHead<'_, '_>, name: &str, field: Field) -> bool {
    let mut named = values(head, Field::Connection).flat_map(list);
    !is_end_to_end(field) && named.any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
}

/// Appends the parts.
pub(crate) fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::request::HeadSpace;

    fn forward(head: &str) -> String {
        let mut space = HeadSpace::new();
        let source = "10.0.0.9".parse().expect("an address");
        let head = RequestHead::parse(head.as_bytes(), &mut space, source).expect("a right head");
        let hop = Hop {
            client_address: "10.0.0.9",
            listener_lines: b"X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n",
            listener_host: "127.0.0.1:80",
            trace: TraceId { seconds: 0x6789_1233, high: 0xabcd_ef01, low: 0x2345_678a_bcde_f012 },
        };
        let mut out = Vec::new();
        write_request_head(&head, &hop, &mut out);
        String::from_utf8(out).expect("text")
    }

    const ADDED: &str = "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n\
                         X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678abcdef012\r\n\r\n";

    #[test]
    fn fields_of_this_connection_stay_here_and_the_rest_passes_as_it_came() {
        let head = "GET /a?b HTTP/1.1\r\nhost: h:1\r\nX-Keep: 1\r\nX-keep:  2 \r\nX-Hop: no\r\nConnection: close, x-hop, host\r\n\
                    Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: websocket\r\nCookie: c\r\n\r\n";
        let expected = format!("GET /a?b HTTP/1.1\r\nHost: h:1\r\nX-Keep: 1\r\nX-keep: 2\r\nCookie: c\r\n{ADDED}");
        assert_eq!(forward(head), expected);
    }

    #[test]
    fn forwarding_fields_are_appended_to_or_replaced() {
        let head = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n\
                    X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nx-seatrial-mirror: true\r\nX-Amzn-Trace-Id: Root=1-1-2;Foo=bar\r\n\r\n";
        let forwarded = forward(head);
        assert!(forwarded.contains("\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.9\r\n"));
        assert!(forwarded.contains("\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n"));
        assert!(!forwarded.contains("443"));
        assert!(!forwarded.to_ascii_lowercase().contains("mirror"));
        assert!(forwarded.contains("Trace-Id: Self=1-67891233-abcdef012345678abcdef012;Root=1-1-2;Foo=bar\r\n"));
    }

    #[test]
    fn framing_is_written_anew() {
        assert!(
            forward("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n\r\n").contains("\r\nContent-Length: 7\r\n")
        );
        assert!(
            forward("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").contains("\r\nContent-Length: 0\r\n")
        );
        assert!(
            forward("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: CHUNKED\r\n\r\n")
                .contains("\r\nTransfer-Encoding: chunked\r\n")
        );
    }

    #[test]
    fn an_old_client_without_a_host_gets_the_listeners() {
        assert!(forward("GET / HTTP/1.0\r\n\r\n").starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"));
    }

    #[test]
    fn a_request_that_may_not_be_repeated_asks_for_a_connection_of_its_own() {
        assert!(forward("POST / HTTP/1.1\r\nHost: h\r\n\r\n").contains("\r\nConnection: close\r\n"));
        assert!(!forward("PUT / HTTP/1.1\r\nHost: h\r\n\r\n").contains("\r\nConnection: "));
    }

    #[test]
    fn an_upgrade_is_asked_for_anew() {
        let head = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert!(forward(head).contains("\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"));
    }
}
