//! What a function writes, read within limits: an answer as a whole or not at all, of everything else the end.

use std::collections::VecDeque;
use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest answer. It becomes part of the deployment's record; hook details of AWS are far shorter.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How much of what a function wrote beside its answer is kept for the message about it.
pub(crate) const TAIL_BYTES_MAX: usize = 2048;

/// How much is read at a time.
const BUFFER_BYTES: usize = 8192;

/// An answer is longer than [`ANSWER_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads an answer to its end. What cannot be read counts as not written.
pub(crate) async fn read_answer(mut source: impl AsyncRead + Unpin, answer: &mut Vec<u8>) -> Result<(), TooLong> {
    let mut buffer = [0; BUFFER_BYTES];
    while let Ok(length @ 1..) = source.read(&mut buffer).await {
        if answer.len() + length > ANSWER_BYTES_MAX {
            return Err(TooLong);
        }
        answer.extend_from_slice(&buffer[..length]);
    }
    Ok(())
}

/// The end of what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    is_cut: bool,
}

impl Tail {
    /// Reads to the end and keeps the last bytes.
    pub async fn read(&mut self, mut source: impl AsyncRead + Unpin) {
        let mut buffer = [0; BUFFER_BYTES];
        while let Ok(length @ 1..) = source.read(&mut buffer).await {
            self.push(&buffer[..length]);
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES_MAX);
        self.bytes.drain(..surplus);
        self.is_cut |= surplus > 0;
    }
}

impl From<&[u8]> for Tail {
    fn from(bytes: &[u8]) -> Self {
        let mut tail = Tail::default();
        tail.push(bytes);
        tail
    }
}

/// Writes the text in one piece, without what a terminal could act on.
impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (front, back) = self.bytes.as_slices();
        let text = String::from_utf8_lossy(&[front, back].concat()).into_owned();
        let printable: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        match printable.trim() {
            "" => f.write_str("(nothing)"),
            text if self.is_cut => write!(f, "…{text}"),
            text => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end_without_control_characters() {
        let mut tail = Tail::default();
        assert_eq!(tail.to_string(), "(nothing)");
        tail.push(b"  \x1b[31mno\r\n such table\n");
        assert_eq!(tail.to_string(), "[31mno\n such table");
        tail.push("é".repeat(TAIL_BYTES_MAX).as_bytes());
        let text = tail.to_string();
        assert!(text.starts_with("…é") && text.len() <= TAIL_BYTES_MAX + "…".len(), "{text}");
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_or_refused() {
        let mut answer = Vec::new();
        assert_eq!(read_answer(&vec![b' '; ANSWER_BYTES_MAX][..], &mut answer).await, Ok(()));
        assert_eq!(answer.len(), ANSWER_BYTES_MAX);
        assert_eq!(read_answer(&vec![b' '; ANSWER_BYTES_MAX + 1][..], &mut Vec::new()).await, Err(TooLong));
    }
}
