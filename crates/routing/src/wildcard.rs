//! Owns the matching of one wildcard pattern: `*` is any run of characters, `?` exactly one.
//!
//! Works on bytes, since that is what arrives; a pattern is compiled once per configuration. Matching takes at most
//! `pattern × text` steps and no memory, whatever a client sends.

/// Whether two letters that differ in case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Sensitive,
    /// ASCII letters only, as host and header names compare.
    Insensitive,
}

/// Whether a backslash takes the special meaning from the `*`, `?` or `\` behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// A backslash is a character like any other.
    None,
    /// As in ELB's `query-string` conditions.
    Backslash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    AnyOne,
    AnyRun,
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    case: Case,
}

impl Pattern {
    /// Compiles a pattern; every text is one.
    pub fn new(text: &str, case: Case, escape: Escape) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        let mut bytes = text.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let piece = match byte {
                b'\\' if escape == Escape::Backslash && matches!(bytes.peek(), Some(b'*' | b'?' | b'\\')) => {
                    Piece::Byte(bytes.next().expect("peeked a byte"))
                }
                b'*' => Piece::AnyRun,
                b'?' => Piece::AnyOne,
                byte => Piece::Byte(fold(byte, case)),
            };
            if piece != Piece::AnyRun || pieces.last() != Some(&Piece::AnyRun) {
                pieces.push(piece);
            }
        }
        Pattern { pieces, case }
    }

    /// Tells whether the whole text fits the pattern.
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut piece, mut at) = (0, 0);
        // Where to go on when a guess about the length of the last `*` proves wrong: one byte longer.
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.pieces.get(piece) {
                Some(Piece::AnyRun) => {
                    piece += 1;
                    retry = Some((piece, at));
                    continue;
                }
                Some(Piece::AnyOne) => {
                    (piece, at) = (piece + 1, at + 1);
                    continue;
                }
                Some(Piece::Byte(byte)) if *byte == fold(text[at], self.case) => {
                    (piece, at) = (piece + 1, at + 1);
                    continue;
                }
                Some(Piece::Byte(_)) | None => {}
            }
            let Some((after_run, from)) = retry else { return false };
            retry = Some((after_run, from + 1));
            (piece, at) = (after_run, from + 1);
        }
        self.pieces[piece..].iter().all(|piece| *piece == Piece::AnyRun)
    }
}

fn fold(byte: u8, case: Case) -> u8 {
    match case {
        Case::Sensitive => byte,
        Case::Insensitive => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, by recursion.
    fn reference(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| reference(rest, &text[skip..])),
            Some((b'?', rest)) => !text.is_empty() && reference(rest, &text[1..]),
            Some((byte, rest)) => text.first() == Some(byte) && reference(rest, &text[1..]),
        }
    }

    #[test]
    fn documented_patterns_match() {
        let table = [
            ("/img/*", "/img/a/b.png", true),
            ("/img/*", "/img", false),
            ("/img/*/pics", "/img/a/b/pics", true),
            ("*.example.com", "test.example.com", true),
            ("*.example.com", "example.com", false),
            ("?.example.com", "a.example.com", true),
            ("?.example.com", "ab.example.com", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "A1", false),
        ];
        for (pattern, text, expected) in table {
            let compiled = Pattern::new(pattern, Case::Sensitive, Escape::None);
            assert_eq!(compiled.matches(text.as_bytes()), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn case_is_folded_only_where_asked_and_a_backslash_escapes_only_where_asked() {
        assert!(Pattern::new("EXAMPLE.com", Case::Insensitive, Escape::None).matches(b"example.COM"));
        assert!(Pattern::new(r"a\*", Case::Sensitive, Escape::Backslash).matches(b"a*"));
        assert!(!Pattern::new(r"a\*", Case::Sensitive, Escape::Backslash).matches(b"ab"));
        assert!(Pattern::new(r"a\*", Case::Sensitive, Escape::None).matches(br"a\b"));
    }

    #[test]
    fn a_hostile_text_costs_at_most_pattern_times_text() {
        let pattern = Pattern::new(&"*a".repeat(64), Case::Sensitive, Escape::None);
        assert!(!pattern.matches(&b"a".repeat(16 * 1024).iter().chain(b"b").copied().collect::<Vec<_>>()));
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_its_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let compiled = Pattern::new(&pattern, Case::Sensitive, Escape::None);
            prop_assert_eq!(compiled.matches(text.as_bytes()), reference(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
