//! Filter patterns for plain text: terms and quoted phrases that must, may or must not occur.
//!
//! A term is found wherever its characters are, also inside a longer word. Patterns for JSON (`{…}`), for columns (`[…]`) and regular
//! expressions (`%…%`) are not implemented.

use seatrial_engine::Refusal;

use super::answer::invalid;

/// The longest pattern, in characters.
const LENGTH_MAX: usize = 1024;

/// A filter pattern; the empty one lets every line through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Every one of these.
    required: Vec<String>,
    /// At least one of these, when nothing is required.
    optional: Vec<String>,
    /// None of these.
    excluded: Vec<String>,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.chars().count() > LENGTH_MAX {
            return Err(invalid(format!("A filter pattern can have at most {LENGTH_MAX} characters.")));
        }
        let text = text.trim();
        if let Some(first) = text.chars().next().filter(|first| "{[%".contains(*first)) {
            return Err(invalid(format!(
                "A filter pattern that begins with '{first}' is not implemented by this engine; use terms and \"quoted phrases\"."
            )));
        }
        let mut pattern = Pattern::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (list, after) = match first {
                '?' => (&mut pattern.optional, &rest[1..]),
                '-' => (&mut pattern.excluded, &rest[1..]),
                _ => (&mut pattern.required, rest),
            };
            let (term, after) = term(after)?;
            if term.is_empty() {
                return Err(invalid("Invalid filter pattern: a term is empty."));
            }
            list.push(term);
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    pub fn matches(&self, line: &str) -> bool {
        let contains = |term: &String| line.contains(term.as_str());
        let alternatives = !self.required.is_empty() || self.optional.is_empty() || self.optional.iter().any(contains);
        self.required.iter().all(contains) && alternatives && !self.excluded.iter().any(contains)
    }
}

/// Takes one term or quoted phrase off the text.
fn term(text: &str) -> Result<(String, &str), Refusal> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut phrase = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((phrase, &quoted[at + 1..])),
            '\\' => phrase.extend(characters.next().map(|(_, escaped)| escaped)),
            other => phrase.push(other),
        }
    }
    Err(invalid("Invalid filter pattern: a quotation mark is not closed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_phrases_alternatives_and_exclusions_match_as_in_cloudwatch() {
        let lines = ["ERROR 500 internal error", "WARN 500 slow", "INFO GET /health 200", "ERROR \"quoted\" GET"];
        let matching = |pattern: &str| {
            let pattern = Pattern::parse(pattern).expect(pattern);
            lines.map(|line| u8::from(pattern.matches(line)))
        };
        assert_eq!(matching(""), [1, 1, 1, 1]);
        assert_eq!(matching("ERROR"), [1, 0, 0, 1]);
        assert_eq!(matching("error"), [1, 0, 0, 0]);
        assert_eq!(matching("  500   ERROR "), [1, 0, 0, 0]);
        assert_eq!(matching("\"internal error\""), [1, 0, 0, 0]);
        assert_eq!(matching("?WARN ?INFO"), [0, 1, 1, 0]);
        assert_eq!(matching("ERROR -GET"), [1, 0, 0, 0]);
        assert_eq!(matching("-500"), [0, 0, 1, 1]);
        assert_eq!(matching("-\"GET /health\" -ERROR"), [0, 1, 0, 0]);
        assert_eq!(matching("ERROR ?WARN"), [1, 0, 0, 1], "alternatives do not count beside required terms");
        assert_eq!(matching("\"\\\"quoted\\\"\""), [0, 0, 0, 1]);
    }

    #[test]
    fn patterns_that_cannot_be_or_are_missing_here_are_refused() {
        for bad in ["\"open", "?", "-", "\"\"", "{ $.level = \"error\" }", "[ip, user]", "%[0-9]%", &"x".repeat(1025)] {
            assert_eq!(Pattern::parse(bad).map_err(|refusal| refusal.code), Err("InvalidParameterException"), "{bad}");
        }
    }
}
