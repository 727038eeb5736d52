//! Cuts the bytes of a pipe into lines of limited length.

use super::LINE_BYTES_MAX;

/// Holds the beginning of a line whose end has not been read.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    partial: Vec<u8>,
    /// Bytes of the current line beyond the limit.
    cut: usize,
}

impl LineSplitter {
    /// Passes every line that ends within `bytes` to `each`, without its end.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            if self.partial.is_empty() && self.cut == 0 && end <= LINE_BYTES_MAX {
                each(&rest[..end]);
            } else {
                self.keep(&rest[..end]);
                self.finish(&mut each);
            }
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// Passes on what is left when the pipe has been closed.
    pub fn end(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            self.finish(&mut each);
        }
    }

    /// Forgets the beginning of a line whose rest was not read.
    pub fn forget(&mut self) {
        *self = LineSplitter::default();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX - self.partial.len();
        let kept = bytes.len().min(room);
        self.partial.extend_from_slice(&bytes[..kept]);
        self.cut += bytes.len() - kept;
    }

    fn finish(&mut self, each: &mut impl FnMut(&[u8])) {
        if self.cut > 0 {
            self.partial.extend_from_slice(format!(" … ({} more bytes cut)", self.cut).as_bytes());
        }
        each(&self.partial);
        // The buffer of one long line is not worth keeping for a container's whole life.
        self.partial = Vec::new();
        self.cut = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut found = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |line| found.push(String::from_utf8_lossy(line).into_owned()));
        }
        splitter.end(|line| found.push(String::from_utf8_lossy(line).into_owned()));
        found
    }

    #[test]
    fn lines_are_found_wherever_the_chunks_were_cut() {
        assert_eq!(lines(&[b"one\ntw", b"o\n", b"\nthr", b"ee"]), ["one", "two", "", "three"]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_says_so() {
        let chunk = vec![b'x'; LINE_BYTES_MAX];
        let found = lines(&[&chunk, &chunk, b"\nnext\n"]);
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with(&format!("x … ({LINE_BYTES_MAX} more bytes cut)")));
        assert_eq!(found[1], "next");
    }

    #[test]
    fn a_long_line_in_one_chunk_is_cut_too() {
        let mut chunk = vec![b'x'; LINE_BYTES_MAX + 7];
        chunk.push(b'\n');
        assert!(lines(&[&chunk])[0].ends_with("x … (7 more bytes cut)"));
    }
}
