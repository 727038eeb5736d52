//! Owns finding the end of a body, however it is delimited.

use crate::http1::chunked::{BadChunk, ChunkScanner, Piece};
use crate::http1::fields::Framing;

/// Where in a body a reader is.
#[derive(Clone, Debug)]
pub(crate) enum BodyScanner {
    Length(u64),
    Chunked(ChunkScanner),
    UntilClose,
}

impl BodyScanner {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None => BodyScanner::Length(0),
            Framing::Length(length) => BodyScanner::Length(length),
            Framing::Chunked => BodyScanner::Chunked(ChunkScanner::new()),
            Framing::UntilClose => BodyScanner::UntilClose,
        }
    }

    /// Returns how many bytes of `input` belong to the body.
    pub fn advance(&mut self, input: &[u8]) -> Result<usize, BadChunk> {
        match self {
            BodyScanner::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= length as u64;
                Ok(length)
            }
            BodyScanner::Chunked(scanner) => scanner.advance(input),
            BodyScanner::UntilClose => Ok(input.len()),
        }
    }

    /// Tells what the first bytes of `input` are; nothing of an empty input or once the body has ended.
    pub fn next(&mut self, input: &[u8]) -> Result<Option<Piece>, BadChunk> {
        match self {
            BodyScanner::Chunked(scanner) => scanner.next(input),
            BodyScanner::Length(_) | BodyScanner::UntilClose => {
                let length = self.advance(input)?;
                Ok((length > 0).then_some(Piece::Data(length)))
            }
        }
    }

    pub fn is_done(&self) -> bool {
        match self {
            BodyScanner::Length(left) => *left == 0,
            BodyScanner::Chunked(scanner) => scanner.is_done(),
            BodyScanner::UntilClose => false,
        }
    }
}
