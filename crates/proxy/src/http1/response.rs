//! Owns reading a target's answer head and writing it for the client.

use httparse::Header;

use crate::http1::fields::{ConnectionOptions, Field, Framing, content_length, list};
use crate::http1::forward_head::put;
use crate::http1::request::HeadSpace;

/// The head of an answer; borrows the bytes it was read from.
#[derive(Debug)]
pub(crate) struct ResponseHead<'b, 'h> {
    pub status: u16,
    reason: &'b str,
    headers: &'h [Header<'b>],
    fields: &'h [Field],
    pub framing: Framing,
    options: ConnectionOptions,
    is_http10: bool,
    /// Framed in two ways; the coding counts, and the connection is not used again.
    is_ambiguous: bool,
}

/// What was asked, as far as the framing of the answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Head,
    Other,
}

/// How the body reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As it comes from the target (a body of known length, chunked, or none).
    AsIs,
    /// As the data of chunks, for a target that delimits by closing.
    Enchunk,
    /// Without the chunks, delimited by closing, for an HTTP/1.0 client.
    Dechunk,
    /// As it comes, delimited by closing.
    UntilClose,
}

/// What becomes of the connection to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    KeepAlive,
    /// Kept, and said so, since an HTTP/1.0 client expects it to be closed.
    KeepAliveHttp10,
    Close,
    /// It becomes a tunnel.
    Upgrade,
}

/// An answer that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the target's answer is not valid HTTP")]
pub(crate) struct BadResponse;

impl<'b, 'h> ResponseHead<'b, 'h> {
    /// Reads a complete head.
    pub fn parse(bytes: &'b [u8], space: &'h mut HeadSpace<'b>, asked: Asked) -> Result<Self, BadResponse> {
        let (headers, fields) = space.parts();
        let mut response = httparse::Response::new(&mut []);
        let parsed =
            httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, headers);
        match parsed {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) | Err(_) => return Err(BadResponse),
        }
        let status = response.code.filter(|code| *code >= 100).ok_or(BadResponse)?;
        let headers: &'h [Header<'b>] = response.headers;
        let fields = &mut fields[..headers.len()];
        let mut head = ResponseHead {
            status,
            reason: response.reason.unwrap_or(""),
            headers,
            fields: &[],
            framing: Framing::UntilClose,
            options: ConnectionOptions::default(),
            is_http10: response.version == Some(0),
            is_ambiguous: false,
        };
        head.read_fields(fields, asked)?;
        head.fields = fields;
        Ok(head)
    }

    /// Whether another request may follow on the connection to the target once the body has been read.
    pub fn keep_alive(&self) -> bool {
        let wanted = if self.is_http10 { self.options.keep_alive } else { !self.options.close };
        wanted && !self.options.close && !self.is_ambiguous && self.framing != Framing::UntilClose
    }

    /// Whether the target agreed to speak another protocol.
    pub fn is_upgrade(&self) -> bool {
        self.status == 101
    }

    /// Whether this is not yet the answer.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    /// Appends the head for the client; `cookies` are whole lines.
    pub fn write(&self, delivery: Delivery, afterwards: Afterwards, cookies: &[u8], out: &mut Vec<u8>) {
        let digits = [self.status / 100, self.status / 10 % 10, self.status % 10].map(|digit| b'0' + digit as u8);
        put(out, &[b"HTTP/1.1 ", &digits, b" ", self.reason.as_bytes(), b"\r\n"]);
        let keeps_length = delivery == Delivery::AsIs && self.framing != Framing::Chunked && self.status != 204;
        for (header, field) in self.headers.iter().zip(self.fields) {
            let passes = match field {
                Field::Connection | Field::KeepAlive | Field::ProxyConnection | Field::TransferEncoding => false,
                Field::ContentLength => keeps_length,
                Field::Upgrade => afterwards == Afterwards::Upgrade || self.status == 426,
                Field::Other if self.options.names_fields => !self.is_named(header.name),
                Field::Other | Field::Cookie | Field::Expect | Field::Host | Field::Te => true,
                Field::XAmznTraceId | Field::XForwardedFor | Field::XForwardedPort | Field::XForwardedProto => true,
                Field::XSeatrialMirror => true,
            };
            if passes {
                put(out, &[header.name.as_bytes(), b": ", header.value, b"\r\n"]);
            }
        }
        let is_chunked = delivery == Delivery::AsIs && self.framing == Framing::Chunked;
        if is_chunked || delivery == Delivery::Enchunk {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        out.extend_from_slice(match afterwards {
            Afterwards::KeepAlive => b"",
            Afterwards::KeepAliveHttp10 => b"Connection: keep-alive\r\n",
            Afterwards::Close => b"Connection: close\r\n",
            Afterwards::Upgrade => b"Connection: upgrade\r\n",
        });
        put(out, &[cookies, b"\r\n"]);
    }

    fn read_fields(&mut self, fields: &mut [Field], asked: Asked) -> Result<(), BadResponse> {
        let (mut length, mut codings, mut chunked) = (None, 0, false);
        for (header, field) in self.headers.iter().zip(fields) {
            *field = Field::of(header.name);
            match *field {
                Field::ContentLength => {
                    // Lists of equal lengths do occur behind careless proxies; unequal ones cannot be understood.
                    for part in header.value.split(|byte| *byte == b',') {
                        let part = content_length(part.trim_ascii()).ok_or(BadResponse)?;
                        if length.replace(part).is_some_and(|former| former != part) {
                            return Err(BadResponse);
                        }
                    }
                }
                Field::TransferEncoding => {
                    codings += 1;
                    chunked = header.value.eq_ignore_ascii_case(b"chunked");
                }
                Field::Connection => self.options.read(header.value),
                Field::Cookie | Field::Expect | Field::Host | Field::KeepAlive | Field::ProxyConnection => {}
                Field::Te | Field::Upgrade | Field::XAmznTraceId | Field::XForwardedFor => {}
                Field::XForwardedPort | Field::XForwardedProto | Field::XSeatrialMirror | Field::Other => {}
            }
        }
        if codings > 1 || (codings == 1 && !chunked) {
            return Err(BadResponse);
        }
        let has_no_body = asked == Asked::Head || self.status < 200 || matches!(self.status, 204 | 304);
        self.is_ambiguous = chunked && length.is_some();
        self.framing = match length {
            _ if has_no_body => Framing::None,
            _ if chunked => Framing::Chunked,
            Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        };
        Ok(())
    }

    fn is_named(&self, name: &str) -> bool {
        let connection = self.headers.iter().zip(self.fields).filter(|(_, field)| **field == Field::Connection);
        let mut named = connection.flat_map(|(header, _)| list(header.value));
        named.any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T>(head: &str, asked: Asked, read: impl FnOnce(&ResponseHead<'_, '_>) -> T) -> Result<T, BadResponse> {
        let mut space = HeadSpace::new();
        let head = ResponseHead::parse(head.as_bytes(), &mut space, asked)?;
        Ok(read(&head))
    }

    fn framing(status: u16, fields: &str, asked: Asked) -> Result<(Framing, bool), BadResponse> {
        parse(&format!("HTTP/1.1 {status} X\r\n{fields}\r\n"), asked, |head| (head.framing, head.keep_alive()))
    }

    #[test]
    fn the_body_is_delimited_as_rfc_9112_says() {
        let table = [
            (200, "Content-Length: 5\r\n", Asked::Other, Framing::Length(5), true),
            (200, "Content-Length: 0\r\n", Asked::Other, Framing::None, true),
            (200, "Content-Length: 5, 5\r\nContent-Length: 5\r\n", Asked::Other, Framing::Length(5), true),
            (200, "Content-Length: 5\r\n", Asked::Head, Framing::None, true),
            (200, "Transfer-Encoding: chunked\r\n", Asked::Other, Framing::Chunked, true),
            (200, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Asked::Other, Framing::Chunked, false),
            (200, "", Asked::Other, Framing::UntilClose, false),
            (204, "", Asked::Other, Framing::None, true),
            (304, "Content-Length: 5\r\n", Asked::Other, Framing::None, true),
            (200, "Content-Length: 5\r\nConnection: Close\r\n", Asked::Other, Framing::Length(5), false),
        ];
        for (status, fields, asked, expected, keep_alive) in table {
            assert_eq!(framing(status, fields, asked), Ok((expected, keep_alive)), "{status} {fields}");
        }
        for fields in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: x\r\n",
            "Transfer-Encoding: gzip\r\n",
            "X : y\r\n",
        ] {
            assert_eq!(framing(200, fields, Asked::Other), Err(BadResponse), "{fields}");
        }
    }

    #[test]
    fn the_head_is_written_for_its_delivery() {
        let head = "HTTP/1.0 200 Fine\r\nServer: x\r\nConnection: x-hop\r\nX-Hop: y\r\nKeep-Alive: 1\r\n\r\n";
        let write = |head: &str, delivery, afterwards| {
            let mut out = Vec::new();
            let written =
                parse(head, Asked::Other, |head| head.write(delivery, afterwards, b"Set-Cookie: a\r\n", &mut out));
            written.map(|()| String::from_utf8(out).expect("text"))
        };
        let expected = "HTTP/1.1 200 Fine\r\nServer: x\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\n\r\n";
        assert_eq!(write(head, Delivery::Enchunk, Afterwards::KeepAlive).as_deref(), Ok(expected));
        let expected = "HTTP/1.1 200 Fine\r\nServer: x\r\nConnection: close\r\nSet-Cookie: a\r\n\r\n";
        assert_eq!(write(head, Delivery::UntilClose, Afterwards::Close).as_deref(), Ok(expected));
        let head = "HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        let expected = "HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSet-Cookie: a\r\n\r\n";
        assert_eq!(write(head, Delivery::AsIs, Afterwards::Upgrade).as_deref(), Ok(expected));
    }
}
