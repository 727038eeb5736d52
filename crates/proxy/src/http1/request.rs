//! Owns reading the head of an HTTP/1 request, and refusing every shape that two servers could read differently.
//!
//! What is accepted is written anew for the target (see `forward_head`), so nothing a client sends reaches a target as it came except the
//! names and values of header fields.

use std::mem::MaybeUninit;
use std::net::IpAddr;

use httparse::Header;
use seatrial_routing::RequestFacts;
use seatrial_routing::request::host_without_port;

use crate::http1::fields::{ConnectionOptions, Field, Framing, content_length, list};
use crate::limits::{HEADERS_MAX, TARGET_SIZE_MAX};

/// The head of a request; borrows the bytes it was read from.
#[derive(Debug)]
pub(crate) struct RequestHead<'b, 'h> {
    pub method: &'b str,
    /// Path and query, in origin form (or `*`).
    pub target: &'b str,
    pub path: &'b str,
    pub query: Option<&'b str>,
    /// The `Host`, with its port; empty when an HTTP/1.0 client sent none.
    pub host: &'b str,
    pub is_http10: bool,
    pub headers: &'h [Header<'b>],
    pub fields: &'h [Field],
    pub framing: Framing,
    pub options: ConnectionOptions,
    /// Asks for another protocol that may be passed on (any but HTTP/2).
    pub upgrade: bool,
    pub expects_continue: bool,
    pub source: IpAddr,
}

/// Why a request is refused; the connection is closed behind the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    BadRequest,
    TargetTooLong,
    HeadTooLarge,
    MethodNotAllowed,
}

/// Room for the header fields of one head.
pub(crate) struct HeadSpace<'b> {
    headers: [MaybeUninit<Header<'b>>; HEADERS_MAX],
    fields: [Field; HEADERS_MAX],
}

impl<'b> HeadSpace<'b> {
    pub fn new() -> Self {
        HeadSpace { headers: [const { MaybeUninit::uninit() }; HEADERS_MAX], fields: [Field::Other; HEADERS_MAX] }
    }

    /// The room for the header fields, and for what is known of each.
    pub fn parts(&mut self) -> (&mut [MaybeUninit<Header<'b>>], &mut [Field]) {
        (&mut self.headers, &mut self.fields)
    }
}

impl<'b, 'h> RequestHead<'b, 'h> {
    /// Reads a complete head.
    pub fn parse(bytes: &'b [u8], space: &'h mut HeadSpace<'b>, source: IpAddr) -> Result<Self, Refusal> {
        let (headers, fields) = space.parts();
        let mut request = httparse::Request::new(&mut []);
        let parsed = request.parse_with_uninit_headers(bytes, headers);
        match parsed {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(Refusal::BadRequest),
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
            Err(_) => return Err(Refusal::BadRequest),
        }
        let (method, target) = request.method.zip(request.path).ok_or(Refusal::BadRequest)?;
        let headers: &'h [Header<'b>] = request.headers;
        let fields = &mut fields[..headers.len()];
        if target.len() > TARGET_SIZE_MAX {
            return Err(Refusal::TargetTooLong);
        }
        let (authority, target) = split_target(method, target)?;
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut head = RequestHead {
            method,
            target,
            path,
            query,
            host: "",
            is_http10: request.version == Some(0),
            headers,
            fields: &[],
            framing: Framing::None,
            options: ConnectionOptions::default(),
            upgrade: false,
            expects_continue: false,
            source,
        };
        head.read_fields(fields)?;
        head.fields = fields;
        if let Some(authority) = authority {
            head.host = authority;
        }
        Ok(head)
    }

    /// Whether the client would like to send another request on this connection.
    pub fn keep_alive(&self) -> bool {
        if self.is_http10 { self.options.keep_alive && !self.options.close } else { !self.options.close }
    }

    /// Whether repeating the request has the same effect as sending it once (RFC 9110, 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
    }

    fn read_fields(&mut self, fields: &mut [Field]) -> Result<(), Refusal> {
        let (mut hosts, mut lengths, mut codings) = (0, 0, 0);
        let (mut upgrades, mut chunked) = (false, false);
        for (header, field) in self.headers.iter().zip(fields) {
            *field = Field::of(header.name);
            match *field {
                Field::Host => {
                    hosts += 1;
                    self.host = host(header.value)?;
                }
                Field::ContentLength => {
                    lengths += 1;
                    self.framing = Framing::Length(content_length(header.value).ok_or(Refusal::BadRequest)?);
                }
                Field::TransferEncoding => {
                    codings += 1;
                    chunked = header.value.eq_ignore_ascii_case(b"chunked");
                }
                Field::Connection => self.options.read(header.value),
                Field::Upgrade => upgrades = list(header.value).all(|protocol| !protocol.starts_with(b"h2")),
                Field::Expect if header.value.eq_ignore_ascii_case(b"100-continue") => self.expects_continue = true,
                Field::Expect => return Err(Refusal::BadRequest),
                Field::Cookie | Field::KeepAlive | Field::ProxyConnection | Field::Te | Field::Other => {}
                Field::XAmznTraceId | Field::XForwardedFor | Field::XForwardedPort | Field::XForwardedProto => {}
                Field::XSeatrialMirror => {}
            }
        }
        let host_is_right = hosts == 1 || (hosts == 0 && self.is_http10);
        let framing_is_right = lengths + codings <= 1 && (codings == 0 || (chunked && !self.is_http10));
        if !host_is_right || !framing_is_right {
            return Err(Refusal::BadRequest);
        }
        if chunked {
            self.framing = Framing::Chunked;
        }
        if self.framing == Framing::Length(0) {
            self.framing = Framing::None;
        }
        // HTTP/1.0 knows no interim answers.
        self.expects_continue &= !self.is_http10 && self.framing != Framing::None;
        self.upgrade = upgrades && self.options.upgrade && !self.is_http10 && self.framing == Framing::None;
        Ok(())
    }
}

/// Splits an absolute target into authority and origin form.
fn split_target<'b>(method: &str, target: &'b str) -> Result<(Option<&'b str>, &'b str), Refusal> {
    if target.starts_with('/') {
        return Ok((None, target));
    }
    if method == "CONNECT" {
        return Err(Refusal::MethodNotAllowed);
    }
    if target == "*" && method == "OPTIONS" {
        return Ok((None, target));
    }
    let (scheme, rest) = target.split_once("://").ok_or(Refusal::BadRequest)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Refusal::BadRequest);
    }
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path);
    let authority = host(authority.as_bytes())?;
    match path.as_bytes().first() {
        _ if authority.is_empty() => Err(Refusal::BadRequest),
        None => Ok((Some(authority), "/")),
        Some(b'/') => Ok((Some(authority), path)),
        // A query without a path cannot be written in origin form without copying; nobody sends one.
        Some(_) => Err(Refusal::BadRequest),
    }
}

/// Checks a `Host`: a name or address with an optional port, and nothing that could pass for several.
fn host(value: &[u8]) -> Result<&str, Refusal> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+;=".contains(byte);
    if !value.iter().all(fits) {
        return Err(Refusal::BadRequest);
    }
    std::str::from_utf8(value).map_err(|_| Refusal::BadRequest)
}

impl RequestFacts for RequestHead<'_, '_> {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }

    fn host(&self) -> &[u8] {
        host_without_port(self.host.as_bytes())
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        self.query.map(str::as_bytes)
    }

    fn any_header(&self, name: &str, fits: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name) && fits(header.value))
    }

    fn source(&self) -> IpAddr {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn parse<T>(head: &str, read: impl FnOnce(&RequestHead<'_, '_>) -> T) -> Result<T, Refusal> {
        let mut space = HeadSpace::new();
        let head = RequestHead::parse(head.as_bytes(), &mut space, IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        Ok(read(&head))
    }

    fn framing(fields: &str) -> Result<Framing, Refusal> {
        parse(&format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), |head| head.framing)
    }

    #[test]
    fn shapes_that_smuggle_requests_are_refused() {
        let table = [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "both framings"),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "both framings, the other way round"),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", "two lengths"),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", "a repeated length"),
            ("Content-Length: 5, 5\r\n", "a list of lengths"),
            ("Content-Length: +5\r\n", "a sign"),
            ("Content-Length: 0x5\r\n", "hexadecimal"),
            ("Content-Length: \r\n", "no digits"),
            ("Content-Length: 99999999999999999999\r\n", "an overflow"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "two codings"),
            ("Transfer-Encoding: gzip, chunked\r\n", "a coding we do not know"),
            ("Transfer-Encoding: chunked, identity\r\n", "chunked not last"),
            ("Transfer-Encoding: xchunked\r\n", "nearly chunked"),
            ("Transfer-Encoding: \x0bchunked\r\n", "a control character"),
            ("Transfer-Encoding : chunked\r\n", "a space before the colon"),
            ("X: a\r\n b\r\n", "a folded line"),
            (" X: a\r\n", "a space before the first field"),
            ("X\r\n", "no colon"),
            (": x\r\n", "no name"),
            ("X: a\x00b\r\n", "a zero byte"),
            ("X: a\rb\r\n", "a lone carriage return"),
            ("Host: b\r\n", "two hosts"),
        ];
        for (fields, what) in table {
            assert_eq!(framing(fields), Err(Refusal::BadRequest), "{what}");
        }
        assert_eq!(framing("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
        assert_eq!(framing("Content-Length: 0\r\n"), Ok(Framing::None));
    }

    #[test]
    fn request_lines_that_mean_nothing_are_refused() {
        let bad = Err(Refusal::BadRequest);
        let table = [
            ("GET / HTTP/1.1\r\n\r\n", bad, "no host"),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad, "a space in the host"),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad, "a path in the host"),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", bad, "a list of hosts"),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", bad, "another version"),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", bad, "two spaces"),
            ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", bad, "no slash"),
            ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", bad, "an asterisk without OPTIONS"),
            ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad, "another scheme"),
            ("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", bad, "a control character"),
            ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", bad, "no token"),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", bad, "chunks in HTTP/1.0"),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: else\r\n\r\n", bad, "an unknown expectation"),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", Err(Refusal::MethodNotAllowed), "a tunnel"),
        ];
        for (head, expected, what) in table {
            assert_eq!(parse(head, |_| ()), expected, "{what}");
        }
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(TARGET_SIZE_MAX));
        assert_eq!(parse(&long, |_| ()), Err(Refusal::TargetTooLong));
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX));
        assert_eq!(parse(&many, |_| ()), Err(Refusal::HeadTooLarge));
    }

    #[test]
    fn an_absolute_target_names_the_host() {
        let head = "GET http://b.test:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n";
        let read = |head: &RequestHead<'_, '_>| (head.host.to_owned(), head.target.to_owned(), head.path.to_owned());
        assert_eq!(parse(head, read), Ok(("b.test:81".to_owned(), "/p?q".to_owned(), "/p".to_owned())));
        assert_eq!(
            parse("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", |head| head.target.to_owned()),
            Ok("/".to_owned())
        );
    }

    #[test]
    fn upgrades_are_passed_on_except_to_http2() {
        let upgrade = |fields: &str| parse(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), |head| head.upgrade);
        assert_eq!(upgrade("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"), Ok(true));
        assert_eq!(upgrade("Upgrade: websocket\r\n"), Ok(false));
        assert_eq!(upgrade("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), Ok(false));
        assert_eq!(upgrade("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n"), Ok(false));
    }

    #[test]
    fn keep_alive_follows_the_version() {
        let keep_alive = |version: &str, fields: &str| {
            parse(&format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"), |head| head.keep_alive())
        };
        assert_eq!(keep_alive("1.1", ""), Ok(true));
        assert_eq!(keep_alive("1.1", "Connection: close\r\n"), Ok(false));
        assert_eq!(keep_alive("1.0", ""), Ok(false));
        assert_eq!(keep_alive("1.0", "Connection: keep-alive\r\n"), Ok(true));
    }
}
