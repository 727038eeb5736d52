//! The two ranges of the protocol: which part of a blob is wanted (`Range`), and which part of one is sent (`Content-Range`).

/// Which bytes of a blob are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// From the first to the last, both included, and both there.
    Part {
        first: u64,
        last: u64,
    },
    Unsatisfiable,
}

impl Wanted {
    /// Reads `Range: bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH` of a blob of some size. As HTTP has it, what cannot be
    /// read, or asks for several parts, asks for everything.
    pub fn parse(header: Option<&str>, size: u64) -> Self {
        let Some((first, last)) = header.and_then(|header| header.trim().strip_prefix("bytes=")?.split_once('-'))
        else {
            return Wanted::All;
        };
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Wanted::from(first, last, size),
            (Some(first), None) if last.is_empty() => Wanted::from(first, u64::MAX, size),
            (None, Some(0)) if first.is_empty() => Wanted::Unsatisfiable,
            (None, Some(length)) if first.is_empty() => Wanted::from(size.saturating_sub(length), u64::MAX, size),
            (Some(_) | None, Some(_) | None) => Wanted::All,
        }
    }

    fn from(first: u64, last: u64, size: u64) -> Self {
        if first >= size { Wanted::Unsatisfiable } else { Wanted::Part { first, last: last.min(size - 1) } }
    }
}

/// Which bytes of a blob a chunk is: from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkRange {
    pub first: u64,
    pub last: u64,
}

impl ChunkRange {
    /// Reads `Content-Range: FIRST-LAST`, as the protocol has it, or `bytes FIRST-LAST/SIZE`, as HTTP has it.
    pub fn parse(header: &str) -> Option<Self> {
        let range = header.trim();
        let range = range.strip_prefix("bytes ").or_else(|| range.strip_prefix("bytes=")).unwrap_or(range);
        let range = range.split('/').next().unwrap_or_default();
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        (first <= last && last < u64::MAX).then_some(ChunkRange { first, last })
    }

    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// Reads digits and nothing else.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Returns the `Range` of an upload of some length: what has arrived.
pub(super) fn arrived(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_is_within_the_blob() {
        let part = |first, last| Wanted::Part { first, last };
        for (header, wanted) in [
            ("bytes=0-9", part(0, 9)),
            ("bytes=5-5", part(5, 5)),
            ("bytes=90-200", part(90, 99)),
            ("bytes=90-", part(90, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=100-110", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=9-0", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("bytes=99999999999999999999-", Wanted::All),
            ("items=0-9", Wanted::All),
            ("", Wanted::All),
        ] {
            assert_eq!(Wanted::parse(Some(header), 100), wanted, "{header}");
        }
        assert_eq!(Wanted::parse(None, 100), Wanted::All);
        assert_eq!(Wanted::parse(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn a_chunk_says_where_it_begins_and_ends() {
        for header in ["10-19", "bytes 10-19/*", "bytes 10-19/100", "bytes=10-19", " 10-19 "] {
            let range = ChunkRange::parse(header).expect(header);
            assert_eq!((range.first, range.last, range.length()), (10, 19, 10));
        }
        for header in ["", "10", "-19", "10-", "19-10", "a-b", "+1-2", "0-18446744073709551615", "1 -2"] {
            assert_eq!(ChunkRange::parse(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_within_the_blob(header in "(bytes=)?[0-9]{0,22}-?[0-9]{0,22}.{0,3}", size in any::<u64>()) {
            if let Wanted::Part { first, last } = Wanted::parse(Some(&header), size) {
                prop_assert!(first <= last && last < size);
            }
            if let Some(range) = ChunkRange::parse(&header) {
                prop_assert!(range.length() > 0);
            }
        }
    }
}
