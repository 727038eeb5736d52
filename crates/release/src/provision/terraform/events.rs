//! What Terraform tells while it works: a JSON document per line, of kinds that grow with its versions. What is not known is passed over.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::report::{Deed, InfraEvent};

/// Something that was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Event(InfraEvent),
    Warning(String),
    Error(String),
}

/// The errors that were told, in their order.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    pub fn in_words(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "@message", default)]
    message: String,
    #[serde(default)]
    hook: Json,
    #[serde(default)]
    diagnostic: Json,
}

/// Understands a line.
pub(super) fn heard(line: &str) -> Option<Heard> {
    let line: Line = serde_json::from_str(line).ok()?;
    let address = || line.hook["resource"]["addr"].as_str().map(ToOwned::to_owned);
    let deed = || deed(line.hook["action"].as_str()?);
    Some(match line.kind.as_str() {
        "apply_start" => Heard::Event(InfraEvent::Began { address: address()?, deed: deed()? }),
        "apply_complete" => Heard::Event(InfraEvent::Done { address: address()?, deed: deed()? }),
        "apply_errored" => {
            Heard::Event(InfraEvent::Failed { address: address()?, why: format!("{} failed", deed()?.going_on()) })
        }
        "apply_progress" => Heard::Event(InfraEvent::Waiting(line.message)),
        "diagnostic" if line.diagnostic["severity"] == "error" => Heard::Error(diagnosis(&line.diagnostic)?),
        "diagnostic" => Heard::Warning(diagnosis(&line.diagnostic)?),
        _ => return None,
    })
}

/// The first error of a list of diagnostics.
pub(super) fn first_error(diagnostics: &Json) -> Option<String> {
    diagnostics.as_array()?.iter().find(|one| one["severity"] == "error").and_then(diagnosis)
}

/// Reading is no deed: nothing changes by it.
fn deed(action: &str) -> Option<Deed> {
    match action {
        "create" => Some(Deed::Create),
        "update" => Some(Deed::Change),
        "delete" => Some(Deed::Destroy),
        _ => None,
    }
}

fn diagnosis(diagnostic: &Json) -> Option<String> {
    let summary = diagnostic["summary"].as_str()?;
    let detail = diagnostic["detail"].as_str().unwrap_or_default();
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    let place = match (diagnostic["address"].as_str(), &diagnostic["range"]) {
        (Some(address), _) => format!(" ({address})"),
        (None, range) => match (range["filename"].as_str(), range["start"]["line"].as_u64()) {
            (Some(file), Some(line)) => format!(" ({file}:{line})"),
            _ => String::new(),
        },
    };
    let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
    Some(format!("{summary}{place}{detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: &str = r#"{"@level":"info","@message":"a.b: Creating...","type":"apply_start","hook":{"resource":{"addr":"a.b"},"action":"create"}}"#;

    #[test]
    fn lines_are_understood_by_their_kind() {
        let began = InfraEvent::Began { address: "a.b".into(), deed: Deed::Create };
        assert_eq!(heard(STARTED), Some(Heard::Event(began)));
        let done = STARTED.replace("apply_start", "apply_complete").replace("create", "delete");
        let done_event = InfraEvent::Done { address: "a.b".into(), deed: Deed::Destroy };
        assert_eq!(heard(&done), Some(Heard::Event(done_event)));
        let error = r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"No","detail":"a\n  b","range":{"filename":"main.tf","start":{"line":3}}}}"#;
        assert_eq!(heard(error), Some(Heard::Error("No (main.tf:3): a b".into())));
        assert_eq!(
            heard(&error.replace("\"error\"", "\"warning\"")),
            Some(Heard::Warning("No (main.tf:3): a b".into()))
        );
    }

    #[test]
    fn what_is_cut_off_or_odd_is_passed_over() {
        for length in 0..STARTED.len() {
            assert_eq!(heard(&STARTED[..length]), None, "{length}");
        }
        for odd in [
            "",
            "null",
            "[]",
            "7",
            "Error: not JSON",
            "{\"type\":3}",
            "{\"type\":\"apply_start\"}",
            "{\"type\":\"apply_start\",\"hook\":[1]}",
            "{\"type\":\"apply_start\",\"hook\":{\"resource\":{\"addr\":4},\"action\":\"create\"}}",
            "{\"type\":\"apply_start\",\"hook\":{\"resource\":{\"addr\":\"a\"},\"action\":\"read\"}}",
            "{\"type\":\"diagnostic\"}",
            "{\"type\":\"diagnostic\",\"diagnostic\":\"x\"}",
            "{\"type\":\"of tomorrow\",\"hook\":{}}",
            "\u{0}\u{1}{",
        ] {
            assert_eq!(heard(odd), None, "{odd}");
        }
    }
}
