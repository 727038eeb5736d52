//! Checks that a streamed answer is whole: lines `chunk K/N TEXT` with K from 1
//! to N and the same text throughout, then `end chunks=N bytes=B`, then nothing.

/// Longest line: the lines of a valid answer are far shorter.
const MAX_LINE: usize = 4096;

/// The state of one answer's check.
#[derive(Debug, Default)]
pub(crate) struct StreamCheck {
    line: Vec<u8>,
    chunks: u64,
    bytes: u64,
    /// The total and the text the first line named.
    named: Option<(u64, String)>,
    ended: bool,
}

impl StreamCheck {
    /// Takes the next piece of the answer; an error says what is wrong with it.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.len() > MAX_LINE {
                return Err(format!("a line longer than {MAX_LINE} bytes after chunk {}", self.chunks));
            }
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.check(&line)?;
            }
        }
        Ok(())
    }

    /// Tells whether the end line came; an error says where the answer ended instead.
    pub(crate) fn end(&self) -> Result<(), String> {
        if self.ended && self.line.is_empty() {
            return Ok(());
        }
        let total = self.named.as_ref().map_or_else(|| "?".to_owned(), |(total, _)| total.to_string());
        Err(format!("the answer ended after chunk {} of {total}", self.chunks))
    }

    fn check(&mut self, line: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(line);
        let unexpected = |this: &Self| format!("unexpected line {text:?} after chunk {}", this.chunks);
        if self.ended {
            return Err(unexpected(self));
        }
        if let Some(end) = text.strip_prefix("end ") {
            let total = self.named.as_ref().map_or(0, |(total, _)| *total);
            if self.chunks != total || end != format!("chunks={} bytes={}\n", self.chunks, self.bytes) {
                return Err(unexpected(self));
            }
            self.ended = true;
            return Ok(());
        }
        let (number, total, rest) = parse_chunk(&text).ok_or_else(|| unexpected(self))?;
        let (first_total, first_rest) = self.named.get_or_insert_with(|| (total, rest.to_owned()));
        if number != self.chunks + 1 || total != *first_total || rest != first_rest {
            return Err(unexpected(self));
        }
        self.chunks = number;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

fn parse_chunk(line: &str) -> Option<(u64, u64, &str)> {
    let (count, rest) = line.strip_prefix("chunk ")?.split_once(' ')?;
    let (number, total) = count.split_once('/')?;
    Some((number.parse().ok()?, total.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "chunk 1/2 v1\nchunk 2/2 v1\nend chunks=2 bytes=26\n";

    fn check(pieces: &[&str]) -> Result<(), String> {
        let mut check = StreamCheck::default();
        for piece in pieces {
            check.take(piece.as_bytes())?;
        }
        check.end()
    }

    #[test]
    fn whole_answer_passes_however_it_is_cut_into_pieces() {
        for cut in 0..WHOLE.len() {
            assert_eq!(check(&[&WHOLE[..cut], &WHOLE[cut..]]), Ok(()), "cut at {cut}");
        }
        assert_eq!(check(&["end chunks=0 bytes=0\n"]), Ok(()));
    }

    #[test]
    fn every_truncation_is_found() {
        for end in 0..WHOLE.len() {
            assert!(check(&[&WHOLE[..end]]).is_err(), "cut off at {end}");
        }
    }

    #[test]
    fn wrong_answers_are_named() {
        for (wrong, why) in [
            ("chunk 2/2 v1\n", "unexpected line \"chunk 2/2 v1\\n\" after chunk 0"),
            ("chunk 1/3 v1\nchunk 2/3 v2\n", "unexpected line \"chunk 2/3 v2\\n\" after chunk 1"),
            ("chunk 1/3 v1\nchunk 2/4 v1\n", "after chunk 1"),
            ("chunk 1/2 v1\nend chunks=1 bytes=13\n", "after chunk 1"),
            ("chunk 1/1 v1\nend chunks=1 bytes=12\n", "unexpected line \"end"),
            ("chunk 1/1 v1\nend chunks=1 bytes=13\nmore\n", "unexpected line \"more"),
            ("<html>\n", "unexpected line \"<html>"),
            ("chunk 1/2 v1\n", "the answer ended after chunk 1 of 2"),
            ("", "the answer ended after chunk 0 of ?"),
        ] {
            let error = check(&[wrong]).expect_err(wrong);
            assert!(error.contains(why), "{error}");
        }
        assert!(check(&[&"x".repeat(MAX_LINE + 1)]).is_err());
    }
}
