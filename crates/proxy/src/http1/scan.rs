//! Owns finding the end of a message head in bytes that arrive piece by piece, looking at each byte once.
//!
//! Lines end in CR LF; a lone LF is refused, since not every server agrees on what it means.

/// How far a head has been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadScan {
    seen: usize,
    line: usize,
    /// A line that is not empty has been seen.
    begun: bool,
}

/// What the bytes so far hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// A whole head of this many bytes, its empty line included.
    Complete(usize),
    Partial,
    /// A line ended in a lone LF.
    Malformed,
}

impl HeadScan {
    /// Looks at what has arrived since; `bytes` always begins with the head's first byte.
    pub fn advance(&mut self, bytes: &[u8]) -> Scanned {
        while let Some(distance) = memchr::memchr(b'\n', &bytes[self.seen..]) {
            let end = self.seen + distance;
            if end == self.line || bytes[end - 1] != b'\r' {
                return Scanned::Malformed;
            }
            let is_empty = end - self.line == 1;
            (self.seen, self.line) = (end + 1, end + 1);
            // Empty lines before a message are skipped, as RFC 9112 asks of servers.
            if is_empty && self.begun {
                return Scanned::Complete(end + 1);
            }
            self.begun |= !is_empty;
        }
        self.seen = bytes.len();
        Scanned::Partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_however_it_arrives() {
        let message = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nbody\n";
        let head = message.len() - 5;
        for step in 1..=message.len() {
            let mut scan = HeadScan::default();
            let arrived = (step..=message.len()).step_by(step).chain([message.len()]);
            let found =
                arrived.map(|count| scan.advance(&message[..count])).find(|scanned| *scanned != Scanned::Partial);
            assert_eq!(found, Some(Scanned::Complete(head)), "in steps of {step}");
        }
    }

    #[test]
    fn a_lone_line_feed_is_refused() {
        for message in [
            &b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nHost: a\n\r\n",
            b"GET / HTTP/1.1\r\n\n",
            b"\n",
        ] {
            assert_eq!(HeadScan::default().advance(message), Scanned::Malformed);
        }
    }
}
