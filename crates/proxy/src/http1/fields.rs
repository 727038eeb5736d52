//! Owns the header fields a proxy has to know: which they are, and the few values with a syntax.

/// A header field, as far as the proxy treats it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Connection,
    ContentLength,
    Cookie,
    Expect,
    Host,
    KeepAlive,
    ProxyConnection,
    Te,
    TransferEncoding,
    Upgrade,
    XAmznTraceId,
    XForwardedFor,
    XForwardedPort,
    XForwardedProto,
    XSeatrialMirror,
    Other,
}

impl Field {
    /// Recognises a field by its name. By length first: most names differ from all of ours in that.
    pub fn of(name: &str) -> Field {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is("te") => Field::Te,
            4 if is("host") => Field::Host,
            6 if is("cookie") => Field::Cookie,
            6 if is("expect") => Field::Expect,
            7 if is("upgrade") => Field::Upgrade,
            10 if is("connection") => Field::Connection,
            10 if is("keep-alive") => Field::KeepAlive,
            14 if is("content-length") => Field::ContentLength,
            15 if is("x-forwarded-for") => Field::XForwardedFor,
            15 if is("x-amzn-trace-id") => Field::XAmznTraceId,
            16 if is("proxy-connection") => Field::ProxyConnection,
            16 if is("x-forwarded-port") => Field::XForwardedPort,
            17 if is("transfer-encoding") => Field::TransferEncoding,
            17 if is("x-forwarded-proto") => Field::XForwardedProto,
            17 if is("x-seatrial-mirror") => Field::XSeatrialMirror,
            _ => Field::Other,
        }
    }
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// Answers only.
    UntilClose,
}

/// Reads a `Content-Length`: digits and nothing else.
pub(crate) fn content_length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// What the `Connection` fields of a message say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionOptions {
    pub close: bool,
    pub keep_alive: bool,
    pub upgrade: bool,
    /// Further names: fields meant for this connection only.
    pub names_fields: bool,
}

impl ConnectionOptions {
    pub fn read(&mut self, value: &[u8]) {
        for option in list(value) {
            match () {
                () if option.eq_ignore_ascii_case(b"close") => self.close = true,
                () if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                () if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
                () => self.names_fields = true,
            }
        }
    }
}

/// The elements of a comma-separated list.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Fields that a `Connection` field must not remove: without them the message would be another.
pub(crate) fn is_end_to_end(field: Field) -> bool {
    match field {
        Field::ContentLength | Field::Cookie | Field::Expect | Field::Host | Field::TransferEncoding => true,
        Field::Connection | Field::KeepAlive | Field::ProxyConnection | Field::Te | Field::Upgrade => false,
        Field::XAmznTraceId | Field::XForwardedFor | Field::XForwardedPort | Field::XForwardedProto => true,
        Field::XSeatrialMirror | Field::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_digits_are_a_content_length() {
        assert_eq!(content_length(b"0"), Some(0));
        assert_eq!(content_length(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+1", "-1", "1 ", "1,1", "0x1", "1e3", "18446744073709551616", "１"] {
            assert_eq!(content_length(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn connection_options_are_read_without_case_from_lists() {
        let mut options = ConnectionOptions::default();
        options.read(b" Keep-Alive ,, UPGRADE");
        assert_eq!(options, ConnectionOptions { keep_alive: true, upgrade: true, ..Default::default() });
        options.read(b"x-hop");
        assert!(options.names_fields);
    }
}
