//! Extended headers (POSIX pax): what the fixed fields of the next entry have no room for.

use super::error::LayerError;
use super::numbers::decimal;

/// What an extended header says of the next entry, as far as it is used here. Extended attributes are not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub user: Option<u64>,
    pub group: Option<u64>,
    pub modified: Option<Modified>,
    pub is_sparse: bool,
}

/// When a file was modified: seconds since 1970, and nanoseconds on top of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Modified {
    pub seconds: i64,
    pub nanoseconds: u32,
}

impl Extensions {
    /// Reads records of the form `LENGTH KEY=VALUE`, each ended by a line feed; the length counts the whole record.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), LayerError> {
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or(LayerError::Malformed("an extended header is damaged"))?;
            self.set(key, value)?;
            bytes = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), LayerError> {
        match key {
            b"path" => self.path = Some(value.to_owned()),
            b"linkpath" => self.link = Some(value.to_owned()),
            b"size" => self.size = Some(decimal(value)?),
            b"uid" => self.user = Some(decimal(value)?),
            b"gid" => self.group = Some(decimal(value)?),
            b"mtime" => self.modified = Some(Modified::parse(value)?),
            key if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
            _ => {}
        }
        Ok(())
    }
}

impl Modified {
    /// Reads seconds with an optional fraction, such as `1700000000.25`; before 1970 the fraction is left out.
    fn parse(value: &[u8]) -> Result<Self, LayerError> {
        let malformed = || LayerError::Malformed("a time in an extended header is none");
        let text = std::str::from_utf8(value).map_err(|_| malformed())?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds = seconds.parse().map_err(|_| malformed())?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        Ok(Modified { seconds, nanoseconds: if seconds < 0 { 0 } else { nanoseconds } })
    }
}

/// Splits the first record off.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;

    fn read(bytes: &[u8]) -> Result<Extensions, LayerError> {
        let mut extensions = Extensions::default();
        extensions.read(bytes).map(|()| extensions)
    }

    #[test]
    fn records_are_split_by_their_lengths() {
        let records = [
            record("path", "a\nb"),
            record("size", "8589934592"),
            record("SCHILY.xattr.user.a", "b"),
            record("mtime", "1700000000.25"),
        ];
        let extensions = read(&records.concat());
        let modified = Some(Modified { seconds: 1_700_000_000, nanoseconds: 250_000_000 });
        let wanted =
            Extensions { path: Some(b"a\nb".to_vec()), size: Some(8_589_934_592), modified, ..Extensions::default() };
        assert_eq!(extensions.expect("records"), wanted);
        assert!(read(&record("GNU.sparse.numblocks", "1")).expect("a record").is_sparse);
    }

    #[test]
    fn damaged_records_are_refused() {
        let cases: [&[u8]; 9] = [
            b"path=a",
            b"9 path=a",
            b"99 path=a\n",
            b"0 path=a\n",
            b"2 path=a\n",
            b"18446744073709551615 path=a\n",
            b"7 patha\n",
            b"10 size=a\n",
            b"12 mtime=1x\n",
        ];
        for bytes in cases {
            assert!(read(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
