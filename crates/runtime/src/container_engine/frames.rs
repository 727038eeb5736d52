//! The output of a container as it comes over an attachment: frames of eight bytes of head and so many of content.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::EngineError;
use crate::log::Stream;

const HEAD_BYTES: usize = 8;

/// A part of what a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub stream: Stream,
    pub bytes: Bytes,
}

/// Reads frames; what is in one may come in several parts, so that a large one needs no memory of its size.
#[derive(Debug)]
pub(crate) struct FrameReader {
    body: Incoming,
    parser: Parser,
}

impl FrameReader {
    pub fn new(body: Incoming) -> Self {
        FrameReader { body, parser: Parser::default() }
    }

    /// Returns the next part; none at the end.
    pub async fn next(&mut self) -> Result<Option<Frame>, EngineError> {
        loop {
            if let Some(frame) = self.parser.frames.pop_front() {
                return Ok(Some(frame));
            }
            let Some(data) = self.body.frame().await else { return Ok(None) };
            if let Ok(data) = data?.into_data() {
                self.parser.feed(data)?;
            }
        }
    }
}

#[derive(Debug, Default)]
struct Parser {
    head: Vec<u8>,
    /// What is left of the frame that is being read, and where it goes.
    open: Option<(Stream, usize)>,
    frames: VecDeque<Frame>,
}

impl Parser {
    fn feed(&mut self, mut data: Bytes) -> Result<(), EngineError> {
        while !data.is_empty() {
            if let Some((stream, left)) = self.open.take() {
                let bytes = data.split_to(left.min(data.len()));
                let left = left - bytes.len();
                self.open = (left > 0).then_some((stream, left));
                self.frames.push_back(Frame { stream, bytes });
                continue;
            }
            let missing = (HEAD_BYTES - self.head.len()).min(data.len());
            self.head.extend_from_slice(&data[..missing]);
            data.advance(missing);
            if let [stream, 0, 0, 0, a, b, c, d] = self.head[..] {
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                let stream = match stream {
                    0 | 1 => Stream::Output,
                    2 => Stream::Error,
                    other => return Err(EngineError::Garbled(format!("output of a stream {other}"))),
                };
                self.open = (length > 0).then_some((stream, length));
                self.head.clear();
            } else if self.head.len() == HEAD_BYTES {
                return Err(EngineError::Garbled("output without frames".to_owned()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parts: &[&[u8]]) -> Result<Vec<(Stream, Vec<u8>)>, EngineError> {
        let mut parser = Parser::default();
        for part in parts {
            parser.feed(Bytes::copy_from_slice(part))?;
        }
        Ok(parser.frames.into_iter().map(|frame| (frame.stream, frame.bytes.to_vec())).collect())
    }

    #[test]
    fn frames_are_told_apart_wherever_they_are_cut() {
        let bytes = b"\x01\0\0\0\0\0\0\x03hi\n\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x02er";
        for cut in 0..bytes.len() {
            let parsed = parse(&[&bytes[..cut], &bytes[cut..]]).expect("frames");
            let text = |wanted: Stream| -> Vec<u8> {
                parsed.iter().filter(|(stream, _)| *stream == wanted).flat_map(|(_, bytes)| bytes.clone()).collect()
            };
            assert_eq!((text(Stream::Output), text(Stream::Error)), (b"hi\n".to_vec(), b"er".to_vec()), "{cut}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert!(parse(&[b"hello, I am a terminal"]).is_err());
        assert!(parse(&[b"\x07\0\0\0\0\0\0\x01x"]).is_err());
        assert_eq!(parse(&[b"\x01\0\0"]).expect("nothing yet"), []);
    }
}
