//! `verify`: what a new version has to pass before it is given production traffic.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::deployment::DeploymentEntry;
use super::error::Fault;
use super::numbers::{Bounded, Span};
use super::site::Site;
use super::words::Command;
use crate::verify::{
    ANSWER_LIMIT, COMMAND_LIMIT, Check, CommandCheck, Expectation, HttpCheck, JsonPath, PATIENCE, StatusRange,
};

/// Longest that all checks may take together: ECS's limit for a stage is a day, and nobody waits that long for a check.
const TOGETHER_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// A request and what its answer has to be, or a command that has to end with exit code 0.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckEntry {
    /// A path of the new version. It is asked where `test` says.
    pub path: Option<String>,
    /// A whole address instead.
    pub url: Option<String>,
    /// `GET` when left out.
    pub method: Option<String>,
    /// Headers of the request.
    pub headers: Option<BTreeMap<String, String>>,
    /// The body of the request.
    pub body: Option<String>,
    /// The wanted status: `200`, `2xx`, or a list of such; a success (2xx) when left out.
    pub status: Option<StatusList>,
    /// A text that the answer has to contain.
    pub contains: Option<String>,
    /// Values in a JSON answer: `{ $.version: v2 }`, each by its JSON path (RFC 9535).
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub json: Option<BTreeMap<String, serde_json::Value>>,
    /// How long an answer may take.
    pub within: Option<Span>,
    /// How many requests have to pass, one after the other; 1 when left out.
    pub times: Option<Bounded<1, 1000>>,
    /// How long a request is tried again until it passes; 30s when left out.
    pub patience: Option<Span>,
    /// A command to run instead, beside this file; it finds the address in SEATRIAL_TEST_URL.
    pub command: Option<Command>,
    /// How long the command may run; 5m when left out.
    pub timeout: Option<Span>,
}

/// Statuses as written: one or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusList(Vec<String>);

impl<'de> Deserialize<'de> for StatusList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StatusVisitor;
        impl<'de> Visitor<'de> for StatusVisitor {
            type Value = StatusList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as 200 or 2xx, or a list of such")
            }

            fn visit_u64<E: de::Error>(self, status: u64) -> Result<StatusList, E> {
                Ok(StatusList(vec![status.to_string()]))
            }

            fn visit_str<E: de::Error>(self, status: &str) -> Result<StatusList, E> {
                Ok(StatusList(vec![status.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<StatusList, A::Error> {
                let mut list = Vec::new();
                while let Some(status) = items.next_element::<String>()? {
                    list.push(status);
                }
                if list.is_empty() { Err(de::Error::custom("is an empty list")) } else { Ok(StatusList(list)) }
            }
        }
        deserializer.deserialize_any(StatusVisitor)
    }
}

impl JsonSchema for StatusList {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let status =
            serde_json::json!({ "type": ["integer", "string"], "pattern": "^[1-5]([0-9]{2}|xx)(-[1-5][0-9]{2})?$" });
        json_schema!({ "oneOf": [status, { "type": "array", "items": status, "minItems": 1 }] })
    }
}

/// The checks of a deployment.
pub(crate) fn checks(entry: &DeploymentEntry, site: &Site<'_>) -> Result<Vec<Check>, Fault> {
    let entries = entry.verify.iter().flatten();
    let checks: Vec<Check> = entries.map(|entry| check(entry, site)).collect::<Result<_, _>>()?;
    let asks_new_version = |check: &Check| matches!(check, Check::Http(check) if check.place.starts_with('/'));
    if entry.test.is_none() && checks.iter().any(asks_new_version) {
        let fault = site.fault("asks the new version, which nobody can reach before it has production traffic");
        return Err(fault.instead("add `test: { port: … }` or `test: { header: \"X-Canary: yes\" }`"));
    }
    let together: Duration = checks.iter().map(Check::longest).sum();
    if together > TOGETHER_MAX {
        let what =
            format!("may take {} h in all; {} h is the most", together.as_secs() / 3600, TOGETHER_MAX.as_secs() / 3600);
        return Err(site.fault(what).instead("shorten `patience` or `timeout`"));
    }
    Ok(checks)
}

fn check(entry: &CheckEntry, site: &Site<'_>) -> Result<Check, Fault> {
    match (&entry.command, &entry.path, &entry.url) {
        (Some(words), None, None) => command(entry, words, site),
        (None, Some(path), None) if path.starts_with('/') => request(entry, path, site),
        (None, Some(path), None) => {
            let fault = site.fault(format_args!("has the path `{path}`, but a path begins with `/`"));
            Err(fault.instead(format!("write `/{path}`, or `url:` for a whole address")))
        }
        (None, None, Some(url)) if url.starts_with("http://") || url.starts_with("https://") => {
            request(entry, url, site)
        }
        (None, None, Some(url)) => {
            let fault = site.fault(format_args!("has the address `{url}`"));
            Err(fault.instead("begin it with http:// or https://"))
        }
        (_, _, _) => {
            Err(site.fault("has a check that is not one of `path`, `url` and `command`").instead("write one of them"))
        }
    }
}

fn command(entry: &CheckEntry, words: &Command, site: &Site<'_>) -> Result<Check, Fault> {
    let of_requests = [
        ("method", entry.method.is_some()),
        ("headers", entry.headers.is_some()),
        ("body", entry.body.is_some()),
        ("status", entry.status.is_some()),
        ("contains", entry.contains.is_some()),
        ("json", entry.json.is_some()),
        ("within", entry.within.is_some()),
        ("times", entry.times.is_some()),
        ("patience", entry.patience.is_some()),
    ];
    refuse_idle(&of_requests, "a command", site)?;
    let timeout = entry.timeout.map_or(COMMAND_LIMIT, Span::get);
    // Its directory is that of the file, which only the plan knows.
    Ok(Check::Command(CommandCheck { words: words.words().to_vec(), directory: PathBuf::new(), timeout }))
}

fn request(entry: &CheckEntry, place: &str, site: &Site<'_>) -> Result<Check, Fault> {
    refuse_idle(&[("timeout", entry.timeout.is_some())], "a request; `within` is how long its answer may take", site)?;
    let method = entry.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    if hyper::Method::from_bytes(method.as_bytes()).is_err() {
        return Err(site.fault(format_args!("has the method `{method}`")).instead("write GET, POST or the like"));
    }
    for (name, value) in entry.headers.iter().flatten() {
        let is_name = hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !is_name || hyper::header::HeaderValue::from_str(value).is_err() {
            return Err(site.fault(format_args!("has the header `{name}: {value}`, which HTTP does not allow")));
        }
    }
    let status = entry.status.iter().flat_map(|list| &list.0);
    let status: Vec<StatusRange> = status.map(|text| status_range(text, site)).collect::<Result<_, _>>()?;
    let json = entry.json.iter().flatten();
    let json = json.map(|(path, value)| Ok((json_path(path, site)?, value.clone()))).collect::<Result<_, Fault>>()?;
    let within = entry.within.map(Span::get);
    if let Some(within) = within.filter(|within| *within > 6 * ANSWER_LIMIT) {
        let what = format!("allows an answer {} s; a minute is the most", within.as_secs());
        return Err(site.fault(what).instead("ask for something that is answered sooner, or run a `command`"));
    }
    Ok(Check::Http(HttpCheck {
        place: place.to_owned(),
        method,
        headers: entry.headers.clone().unwrap_or_default(),
        body: entry.body.clone(),
        expectation: Expectation { status, contains: entry.contains.clone(), json, within },
        times: entry.times.map_or(1, |times| times.get().unsigned_abs()),
        patience: entry.patience.map_or(PATIENCE, Span::get),
    }))
}

fn refuse_idle(keys: &[(&str, bool)], what: &str, site: &Site<'_>) -> Result<(), Fault> {
    match keys.iter().find(|(_, is_written)| *is_written) {
        None => Ok(()),
        Some((key, _)) => {
            Err(site.fault(format_args!("has `{key}`, which means nothing for {what}")).instead("remove it"))
        }
    }
}

/// `200`, `2xx` or `200-204`.
fn status_range(text: &str, site: &Site<'_>) -> Result<StatusRange, Fault> {
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    let range = match (text.strip_suffix("xx"), text.split_once('-')) {
        (Some(class), _) => number(&format!("{class}00")).map(|from| (from, from + 99)),
        (None, Some((from, to))) => number(from).zip(number(to)).filter(|(from, to)| from <= to),
        (None, None) => number(text).map(|status| (status, status)),
    };
    let (from, to) = range.ok_or_else(|| {
        site.fault(format_args!("wants the status `{text}`")).instead("write 200, 2xx, 200-204 or a list of such")
    })?;
    Ok(StatusRange { from, to })
}

fn json_path(text: &str, site: &Site<'_>) -> Result<JsonPath, Fault> {
    JsonPath::parse(text).map_err(|error| {
        let fault = site.fault(format_args!("has the JSON path `{text}`: {error}"));
        fault.instead("write a path such as $.version or $.parts[0].state")
    })
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::super::node::Node;
    use super::*;

    fn read(yaml: &str) -> Result<Vec<Check>, String> {
        let node = Node::parse(yaml).expect("it is YAML");
        let entry: DeploymentEntry = decode(&node, "deployment").map_err(|fault| fault.what)?;
        checks(&entry, &Site::new(&node, "services.web.deployment.verify")).map_err(|fault| fault.what)
    }

    #[test]
    fn a_check_is_a_request_or_a_command() {
        let yaml = r#"
test: { port: 8091 }
verify:
  - path: /health
  - { path: /version, status: [200, 3xx], json: { $.version: v2 }, within: 500ms, times: 20, patience: 5s }
  - { url: "https://example.com/", method: post, headers: { accept: "*/*" }, body: x, contains: ok, status: 200-204 }
  - { command: [./smoke.sh, --fast], timeout: 1m }
"#;
        let checks = read(yaml).expect("valid");
        insta::assert_json_snapshot!(checks);
    }

    #[test]
    fn checks_that_make_no_sense_say_why() {
        for (yaml, told) in [
            ("verify: [{ path: /x }]", "which nobody can reach before"),
            ("test: { port: 1 }\nverify: [{ path: x }]", "a path begins with `/`"),
            ("verify: [{ url: example.com }]", "has the address `example.com`"),
            ("verify: [{ status: 200 }]", "not one of `path`, `url` and `command`"),
            ("verify: [{ path: /x, command: y }]", "not one of `path`, `url` and `command`"),
            ("verify: [{ command: y, status: 200 }]", "has `status`, which means nothing for a command"),
            ("verify: [{ url: 'http://x/', timeout: 1m }]", "has `timeout`, which means nothing for a request"),
            ("verify: [{ url: 'http://x/', status: 99 }]", "wants the status `99`"),
            ("verify: [{ url: 'http://x/', status: 204-200 }]", "wants the status `204-200`"),
            ("verify: [{ url: 'http://x/', json: { version: 1 } }]", "has the JSON path `version`"),
            ("verify: [{ url: 'http://x/', method: 'G T' }]", "has the method `G T`"),
            ("verify: [{ url: 'http://x/', headers: { 'a b': c } }]", "has the header `a b: c`"),
            ("verify: [{ url: 'http://x/', within: 2m }]", "allows an answer 120 s"),
            ("verify: [{ command: y, timeout: 13h }]", "may take 13 h in all"),
        ] {
            let fault = read(yaml).expect_err(yaml);
            assert!(fault.contains(told), "{yaml}: {fault}");
        }
    }
}
