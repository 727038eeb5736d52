//! Owns the chunked transfer coding of one body: finds data, framing and the end, and refuses whatever two readers might read
//! differently.
//!
//! Bodies are passed on as they came, chunk by chunk, so nothing may get through that another server could take for something else:
//! sizes are plain hexadecimal digits, lines end in CR LF, extensions and trailers hold no control characters, and trailers name no
//! field that frames or routes a message.

use crate::limits::{CHUNK_EXTENSION_MAX, TRAILERS_SIZE_MAX};

/// Where in a chunked body a reader is.
#[derive(Clone, Debug)]
pub(crate) struct ChunkScanner {
    state: State,
    /// Bytes of data left in the chunk.
    left: u64,
    digits: u32,
    extension: usize,
    trailers: usize,
    name: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    LineStart,
    FieldName,
    FieldValue,
    FieldEnd,
    LastEnd,
    Done,
}

/// What the next bytes of a body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Size lines, line ends and trailers.
    Framing(usize),
    Data(usize),
}

impl Piece {
    pub fn length(self) -> usize {
        match self {
            Piece::Framing(length) | Piece::Data(length) => length,
        }
    }
}

/// A body that is not validly chunked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not validly chunked")]
pub(crate) struct BadChunk;

/// More hexadecimal digits would overflow a length.
const SIZE_DIGITS_MAX: u32 = 15;
/// Fields that have no place in a trailer (RFC 9110, 6.5.1): they frame, route or authorise.
const FORBIDDEN_TRAILERS: [&[u8]; 14] = [
    b"authorization",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"host",
    b"keep-alive",
    b"set-cookie",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];
const NAME_KEPT: usize = 20;

impl ChunkScanner {
    pub fn new() -> Self {
        ChunkScanner { state: State::Size, left: 0, digits: 0, extension: 0, trailers: 0, name: Vec::new() }
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Tells what the first bytes of `input` are; nothing of an empty input or once the body has ended.
    pub fn next(&mut self, input: &[u8]) -> Result<Option<Piece>, BadChunk> {
        if self.state == State::Data {
            let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
            self.left -= length as u64;
            if self.left == 0 {
                self.state = State::DataReturn;
            }
            return Ok((length > 0).then_some(Piece::Data(length)));
        }
        let mut length = 0;
        while self.state != State::Data && self.state != State::Done && length < input.len() {
            self.framing(input[length])?;
            length += 1;
        }
        Ok((length > 0).then_some(Piece::Framing(length)))
    }

    /// Returns how many bytes of `input` belong to the body.
    pub fn advance(&mut self, input: &[u8]) -> Result<usize, BadChunk> {
        let mut length = 0;
        while let Some(piece) = self.next(&input[length..])? {
            length += piece.length();
        }
        Ok(length)
    }

    fn framing(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.state = match (self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if self.digits < SIZE_DIGITS_MAX => {
                let digit = (byte as char).to_digit(16).ok_or(BadChunk)?;
                self.left = self.left << 4 | u64::from(digit);
                self.digits += 1;
                State::Size
            }
            (State::Size, b';' | b' ' | b'\t') if self.digits > 0 => State::Extension,
            (State::Size, b'\r') if self.digits > 0 => State::SizeEnd,
            (State::Extension, b'\t' | b' '..=b'~') if self.extension < CHUNK_EXTENSION_MAX => {
                self.extension += 1;
                State::Extension
            }
            (State::Extension, b'\r') => State::SizeEnd,
            (State::SizeEnd, b'\n') if self.left == 0 => State::LineStart,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataReturn, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => {
                (self.digits, self.extension) = (0, 0);
                State::Size
            }
            (State::LineStart, b'\r') => State::LastEnd,
            (State::LastEnd, b'\n') => State::Done,
            (State::LineStart | State::FieldName | State::FieldValue | State::FieldEnd, _) => {
                return self.trailer(byte);
            }
            (State::Size | State::Extension | State::SizeEnd, _) => return Err(BadChunk),
            (State::Data | State::DataReturn | State::DataEnd | State::LastEnd | State::Done, _) => {
                return Err(BadChunk);
            }
        };
        Ok(())
    }

    fn trailer(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.trailers += 1;
        if self.trailers > TRAILERS_SIZE_MAX {
            return Err(BadChunk);
        }
        self.state = match (self.state, byte) {
            (State::LineStart | State::FieldName, byte) if is_token(byte) => {
                if self.state == State::LineStart {
                    self.name.clear();
                }
                if self.name.len() < NAME_KEPT {
                    self.name.push(byte.to_ascii_lowercase());
                }
                State::FieldName
            }
            (State::FieldName, b':') if !FORBIDDEN_TRAILERS.contains(&&self.name[..]) => State::FieldValue,
            (State::FieldValue, b'\t' | b' '..=b'~' | 0x80..) => State::FieldValue,
            (State::FieldValue, b'\r') => State::FieldEnd,
            (State::FieldEnd, b'\n') => State::LineStart,
            (_, _) => return Err(BadChunk),
        };
        Ok(())
    }
}

/// A character of a field name.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8], step: usize) -> Result<(usize, Vec<u8>, bool), BadChunk> {
        let (mut scanner, mut at, mut data) = (ChunkScanner::new(), 0, Vec::new());
        let mut arrived = 0;
        while arrived < bytes.len() {
            arrived = (arrived + step).min(bytes.len());
            while let Some(piece) = scanner.next(&bytes[at..arrived])? {
                if let Piece::Data(length) = piece {
                    data.extend_from_slice(&bytes[at..at + length]);
                }
                at += piece.length();
            }
        }
        Ok((at, data, scanner.is_done()))
    }

    #[test]
    fn bodies_are_read_however_they_arrive() {
        let table: [(&[u8], &[u8]); 5] = [
            (b"0\r\n\r\n", b""),
            (b"5\r\nhello\r\n6;a=\"b\"\r\n world\r\n000\r\n\r\n", b"hello world"),
            (b"A  \r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
            (b"1\r\nx\r\n0\r\nX-Sum: abc\r\nX-Other:\r\n\r\n", b"x"),
            (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        ];
        for (body, data) in table {
            for step in 1..=body.len() {
                let more = [body, b"GET"].concat();
                assert_eq!(scan(&more, step), Ok((body.len(), data.to_vec(), true)), "{:?}", body.escape_ascii());
            }
        }
    }

    #[test]
    fn whatever_another_server_might_read_differently_is_refused() {
        let table: [&[u8]; 20] = [
            b"\r\n",
            b" 5\r\nhello",
            b"+5\r\nhello",
            b"-5\r\nhello",
            b"0x5\r\nhello",
            b"5\nhello\r\n",
            b"5\rhello\r\n",
            b"5;a\n",
            b"5;a\x00\r\n",
            b"5\r\nhelloX\r\n",
            b"5\r\nhello\n",
            b"5\r\nhello\r\r",
            b"ffffffffffffffff\r\n",
            b"1_0\r\n",
            b"g\r\n",
            b"0\r\n\n",
            b"0\r\n folded: x\r\n\r\n",
            b"0\r\nContent-Length: 5\r\n\r\n",
            b"0\r\nX : y\r\n\r\n",
            b"0\r\nX: a\nb\r\n\r\n",
        ];
        for body in table {
            assert_eq!(scan(body, body.len()), Err(BadChunk), "{:?}", body.escape_ascii());
            assert_eq!(scan(body, 1), Err(BadChunk), "{:?}", body.escape_ascii());
        }
        let endless = [b"5;".to_vec(), vec![b'a'; CHUNK_EXTENSION_MAX + 1]].concat();
        assert_eq!(scan(&endless, 7), Err(BadChunk));
        let endless = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(TRAILERS_SIZE_MAX / 6 + 1)].concat();
        assert_eq!(scan(&endless, 7), Err(BadChunk));
    }
}
