//! Request ids: unique across engine starts, in order within one.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id that a request's answer carries in `x-amzn-RequestId` and its log lines in `request_id`. Has the form of a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    start: u64,
    number: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestId { start, number } = self;
        let (a, b, c) = (start >> 32, (start >> 16) & 0xffff, start & 0xffff);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", number >> 48, number & 0xffff_ffff_ffff)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// The source of request ids of one engine start.
#[derive(Debug)]
pub(super) struct RequestIds {
    start: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        Ok(RequestIds { start: getrandom::u64()?, next: AtomicU64::new(1) })
    }

    pub(super) fn next(&self) -> RequestId {
        RequestId { start: self.start, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_uuids_and_count_up() {
        let ids = RequestIds { start: 0x0123_4567_89ab_cdef, next: AtomicU64::new(1) };
        assert_eq!(ids.next().to_string(), "01234567-89ab-cdef-0000-000000000001");
        assert_eq!(ids.next().to_string(), "01234567-89ab-cdef-0000-000000000002");
    }
}
