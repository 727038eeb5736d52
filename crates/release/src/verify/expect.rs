//! What the answer to a check has to be. Pure.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;
use serde_json_path::{JsonPath as Parsed, ParseError};

/// Longest part of an answer that is shown.
const SHOWN_MAX: usize = 120;

/// What an answer has to be: everything that is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Expectation {
    /// One of these; a success (200 to 299) when there is none.
    pub status: Vec<StatusRange>,
    /// A text that the body contains.
    pub contains: Option<String>,
    /// Values in a JSON body. A path has to lead to one value at least, and all it leads to have to be equal to the one wanted.
    pub json: Vec<(JsonPath, Json)>,
    /// How long the answer may take.
    pub within: Option<Duration>,
}

/// Statuses from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StatusRange {
    pub from: u16,
    pub to: u16,
}

impl StatusRange {
    /// A success.
    pub const SUCCESS: StatusRange = StatusRange { from: 200, to: 299 };
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{} to {}", self.from, self.to) }
    }
}

/// A place in a JSON document (RFC 9535), such as `$.version`.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Parsed);

impl JsonPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Parsed::parse(text).map(JsonPath)
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for JsonPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An answer.
pub(super) struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
    pub took: Duration,
}

impl Expectation {
    /// Judges an answer; an error says what it was and what it should have been.
    pub(super) fn judge(&self, answer: &Answer<'_>) -> Result<(), String> {
        let ranges = if self.status.is_empty() { &[StatusRange::SUCCESS][..] } else { &self.status };
        if !ranges.iter().any(|range| (range.from..=range.to).contains(&answer.status)) {
            let wanted: Vec<String> = ranges.iter().map(ToString::to_string).collect();
            let body = shown(answer.body);
            let said = if body.is_empty() { String::new() } else { format!(" ({body})") };
            return Err(format!("was answered with {}{said}, wanted {}", answer.status, wanted.join(" or ")));
        }
        if let Some(text) = &self.contains
            && !String::from_utf8_lossy(answer.body).contains(text.as_str())
        {
            return Err(format!("was answered `{}`, which does not contain `{text}`", shown(answer.body)));
        }
        if !self.json.is_empty() {
            self.judge_json(answer.body)?;
        }
        match self.within {
            Some(within) if answer.took > within => Err(format!(
                "was answered after {} ms, wanted within {} ms",
                answer.took.as_millis(),
                within.as_millis()
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn judge_json(&self, body: &[u8]) -> Result<(), String> {
        let document: Json = serde_json::from_slice(body)
            .map_err(|error| format!("was answered `{}`, which is not JSON: {error}", shown(body)))?;
        for (path, wanted) in &self.json {
            let found = path.0.query(&document).all();
            if found.is_empty() {
                return Err(format!("was answered `{}`, in which there is no {path}", shown(body)));
            }
            if let Some(other) = found.iter().find(|value| **value != wanted) {
                return Err(format!("was answered with {other} at {path}, wanted {wanted}"));
            }
        }
        Ok(())
    }
}

/// The beginning of a body on one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_MAX)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_MAX {
        return line;
    }
    line.chars().take(SHOWN_MAX).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(expectation: &Expectation, status: u16, body: &str, milliseconds: u64) -> String {
        let answer = Answer { status, body: body.as_bytes(), took: Duration::from_millis(milliseconds) };
        expectation.judge(&answer).map_or_else(|why| why, |()| "passed".into())
    }

    #[test]
    fn an_answer_is_judged_by_everything_that_is_wanted() {
        let path = |text| JsonPath::parse(text).expect("a path");
        let any = Expectation::default();
        let teapot = Expectation { status: vec![StatusRange { from: 418, to: 418 }], ..any.clone() };
        let hello = Expectation { contains: Some("hello".into()), ..any.clone() };
        let quick = Expectation { within: Some(Duration::from_millis(50)), ..any.clone() };
        let version = Expectation { json: vec![(path("$.version"), json!("v2"))], ..any.clone() };
        let each = Expectation { json: vec![(path("$.parts[*].ok"), json!(true))], ..any.clone() };
        let cases = [
            (&any, 204, "", 1, "passed"),
            (&any, 500, "no  database\n", 1, "was answered with 500 (no database), wanted 200 to 299"),
            (&any, 302, "", 1, "was answered with 302, wanted 200 to 299"),
            (&teapot, 418, "", 1, "passed"),
            (&teapot, 200, "", 1, "was answered with 200, wanted 418"),
            (&hello, 200, "oh, hello", 1, "passed"),
            (&hello, 200, "bye", 1, "was answered `bye`, which does not contain `hello`"),
            (&quick, 200, "", 50, "passed"),
            (&quick, 200, "", 51, "was answered after 51 ms, wanted within 50 ms"),
            (&version, 200, r#"{"version":"v2"}"#, 1, "passed"),
            (&version, 200, r#"{"version":"v1"}"#, 1, r#"was answered with "v1" at $.version, wanted "v2""#),
            (&version, 200, "{}", 1, "was answered `{}`, in which there is no $.version"),
            (&version, 200, "<html>", 1, "was answered `<html>`, which is not JSON: expected value at line 1 column 1"),
            (&each, 200, r#"{"parts":[{"ok":true},{"ok":true}]}"#, 1, "passed"),
            (
                &each,
                200,
                r#"{"parts":[{"ok":true},{"ok":false}]}"#,
                1,
                "was answered with false at $.parts[*].ok, wanted true",
            ),
        ];
        for (expectation, status, body, took, expected) in cases {
            let told = judged(expectation, status, body, took)
                .replace("['parts']", ".parts")
                .replace("['version']", ".version")
                .replace("['ok']", ".ok");
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_long_answer_is_cut_short() {
        let told = judged(&Expectation::default(), 500, &"x".repeat(1000), 1);
        assert!(told.len() < 200 && told.contains("x…"), "{told}");
    }
}
