//! What differs between two documents, setting by setting, for people and programs to read.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;

/// What stands for a value that nobody may read.
const HIDDEN: &str = "(hidden)";

/// The members that tell the items of a list apart, the first that all of them have.
const KEYS: [&str; 7] = ["name", "key", "containerName", "containerPort", "targetGroupArn", "Id", "Name"];

/// Parts of the names of environment variables whose values are not shown.
const SECRET_WORDS: [&str; 9] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "APIKEY", "ACCESS_KEY"];

/// One setting as it is and as it shall be; `null` where it has no value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Its place in ECS's words, such as `containerDefinitions[web].image`.
    pub setting: String,
    pub before: Json,
    pub after: Json,
}

/// Which members count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    /// Those of either document.
    All,
    /// Those that are wanted; others are left alone.
    Wanted,
}

impl Difference {
    pub(crate) fn new(setting: impl Into<String>, before: impl Into<Json>, after: impl Into<Json>) -> Self {
        let setting = setting.into();
        let hidden = is_secret(&setting);
        let shown = |value: Json| if hidden && !value.is_null() { HIDDEN.into() } else { without_secrets(value) };
        Self { before: shown(before.into()), after: shown(after.into()), setting }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, before, after } = self;
        match (before, after) {
            (Json::Null, after) => write!(f, "{setting} {}", in_words(after)),
            (before, Json::Null) => write!(f, "{setting} {} → none", in_words(before)),
            (before, after) => write!(f, "{setting} {} → {}", in_words(before), in_words(after)),
        }
    }
}

/// A value as people read it.
fn in_words(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The settings of something that is new.
pub(crate) fn settings(document: &Json) -> Vec<Difference> {
    let all = differences(&Json::Null, document, Members::All);
    all.into_iter().filter(|setting| setting.after != Json::Array(Vec::new())).collect()
}

/// What has to change for `before` to become `after`.
pub(crate) fn differences(before: &Json, after: &Json, members: Members) -> Vec<Difference> {
    differences_in("", before, after, members)
}

/// The same below a place.
pub(crate) fn differences_in(place: &str, before: &Json, after: &Json, members: Members) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(place, before, after, members, &mut found);
    found
}

fn walk(place: &str, before: &Json, after: &Json, members: Members, found: &mut Vec<Difference>) {
    if before == after || members == Members::Wanted && crate::ensure::compare::covers(before, after) {
        return;
    }
    let known = found.len();
    match (before, after) {
        (Json::Object(_) | Json::Null, Json::Object(wanted)) => {
            for (name, value) in wanted {
                let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                walk(&inner, &before[name], value, members, found);
            }
            let others = before.as_object().into_iter().flatten().filter(|(name, _)| !wanted.contains_key(*name));
            for (name, value) in others.filter(|_| members == Members::All) {
                let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                found.push(Difference::new(inner, value.clone(), Json::Null));
            }
        }
        (Json::Array(_) | Json::Null, Json::Array(wanted)) => {
            let existing = before.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(key) = common_key(existing, wanted) {
                let item_of = |list: &[Json], name: &Json| {
                    list.iter().find(|item| item[key] == *name).map(|item| content(item, key))
                };
                for item in wanted {
                    let inner = format!("{place}[{}]", in_words(&item[key]));
                    walk(
                        &inner,
                        &item_of(existing, &item[key]).unwrap_or_default(),
                        &content(item, key),
                        members,
                        found,
                    );
                }
                let gone = existing.iter().filter(|item| item_of(wanted, &item[key]).is_none());
                found.extend(gone.map(|item| {
                    Difference::new(format!("{place}[{}]", in_words(&item[key])), content(item, key), Json::Null)
                }));
            }
        }
        (_, _) => {}
    }
    if found.len() == known {
        found.push(Difference::new(place, before.clone(), after.clone()));
    }
}

/// The member by which the items of both lists can be told apart.
fn common_key(existing: &[Json], wanted: &[Json]) -> Option<&'static str> {
    let tells_apart = |list: &[Json], key: &str| {
        let names: BTreeSet<String> =
            list.iter().filter(|item| !item[key].is_null()).map(|item| item[key].to_string()).collect();
        names.len() == list.len()
    };
    (!wanted.is_empty() || !existing.is_empty())
        .then(|| KEYS.into_iter().find(|key| tells_apart(existing, key) && tells_apart(wanted, key)))?
}

/// An item without the member that names it; of a name and a value, the value.
fn content(item: &Json, key: &str) -> Json {
    let Json::Object(members) = item else { return item.clone() };
    let mut members = members.clone();
    members.remove(key);
    match (members.len(), ["value", "valueFrom", "Value"].into_iter().find_map(|member| members.get(member))) {
        (1, Some(value)) => value.clone(),
        _ => Json::Object(members),
    }
}

/// Whether a setting is an environment variable whose name says that its value is nobody's business.
fn is_secret(setting: &str) -> bool {
    setting.rsplit_once("environment[").is_some_and(|(_, name)| is_secret_name(name.trim_end_matches(']')))
}

pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) || name == "KEY" || name.ends_with("_KEY") || name == "AUTH"
}

/// A value that keeps its secrets to itself: passwords in addresses, and variables whose names speak of secrets.
fn without_secrets(value: Json) -> Json {
    match value {
        Json::String(text) => match password(&text) {
            Some(range) => {
                without_secrets(Json::String(format!("{}{HIDDEN}{}", &text[..range.start], &text[range.end..])))
            }
            None => Json::String(text),
        },
        Json::Array(items) => items.into_iter().map(without_secrets).collect(),
        Json::Object(mut members) => {
            let names_secret = members.get("name").and_then(Json::as_str).is_some_and(is_secret_name);
            if let Some(value) = members.get_mut("value").filter(|_| names_secret) {
                *value = HIDDEN.into();
            }
            members.into_iter().map(|(name, value)| (name, without_secrets(value))).collect()
        }
        other => other,
    }
}

/// Where the first password of an address `scheme://user:password@host` stands that is not hidden yet.
pub(crate) fn password(text: &str) -> Option<std::ops::Range<usize>> {
    let mut from = 0;
    while let Some(scheme) = text[from..].find("://") {
        let begin = from + scheme + 3;
        let end = text[begin..].find(['/', '?', '#', ' ']).map_or(text.len(), |length| begin + length);
        if let Some(at) = text[begin..end].rfind('@')
            && let Some(colon) = text[begin..begin + at].find(':')
            && text[begin + colon + 1..begin + at] != *HIDDEN
        {
            return Some(begin + colon + 1..begin + at);
        }
        from = begin;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: Json, after: Json, members: Members) -> Vec<String> {
        differences(&before, &after, members).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn settings_are_named_by_their_place() {
        let before = json!({"cpu": "256", "containerDefinitions": [
            {"name": "web", "image": "web:1", "command": ["a"], "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "old", "image": "x"}]});
        let after = json!({"cpu": "256", "memory": "512", "containerDefinitions": [
            {"name": "web", "image": "web:2", "command": ["a", "b"], "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]});
        assert_eq!(
            told(before, after, Members::All),
            [
                "containerDefinitions[web].command [\"a\"] → [\"a\",\"b\"]",
                "containerDefinitions[web].environment[B] 2 → 3",
                "containerDefinitions[web].environment[C] 4",
                "containerDefinitions[web].environment[A] 1 → none",
                "containerDefinitions[web].image web:1 → web:2",
                "containerDefinitions[old] {\"image\":\"x\"} → none",
                "memory 512",
            ]
        );
    }

    #[test]
    fn what_nobody_asks_for_is_left_alone_where_only_wishes_count() {
        let before = json!({"a": {"b": 1, "c": 2}, "d": [1, 2], "e": true});
        let after = json!({"a": {"b": 1.0, "c": 3}, "d": [2, 1], "off": false});
        assert_eq!(told(before, after, Members::Wanted), ["a.c 2 → 3"]);
    }

    #[test]
    fn every_difference_is_told_somewhere() {
        for (before, after) in [
            (json!(1), json!("1")),
            (json!([1, 2]), json!([2, 1])),
            (json!([{"name": "a"}, {"name": "a"}]), json!([{"name": "a"}])),
            (json!({"a": []}), json!({"a": {}})),
            (json!({"a": 1}), json!({})),
            (json!([{"name": "a", "x": 1}]), json!([])),
        ] {
            assert!(!differences(&before, &after, Members::All).is_empty(), "{before} {after}");
            assert_eq!(differences(&after, &after, Members::All), [], "{after}");
        }
    }

    #[test]
    fn secrets_are_told_to_change_and_not_what_they_are() {
        let environment = |values: [&str; 3]| {
            let names = ["DB_PASSWORD", "DATABASE_URL", "MONKEYS"];
            let list: Vec<Json> =
                names.iter().zip(values).map(|(name, value)| json!({"name": name, "value": value})).collect();
            json!({ "environment": list })
        };
        let before = environment(["old", "postgres://me:old@db/x?y=z://u:p@h", "1"]);
        let after = environment(["new", "postgres://me:new@db/x", "2"]);
        assert_eq!(
            told(before, after, Members::All),
            [
                "environment[DB_PASSWORD] (hidden) → (hidden)",
                "environment[DATABASE_URL] postgres://me:(hidden)@db/x?y=z://u:(hidden)@h → postgres://me:(hidden)@db/x",
                "environment[MONKEYS] 1 → 2",
            ]
        );
        let container = json!({ "name": "old", "environment": [{ "name": "API_TOKEN", "value": "s3cret" }] });
        let list = json!({ "containerDefinitions": [container] });
        let gone = told(list.clone(), json!({ "containerDefinitions": [] }), Members::All);
        assert!(gone.len() == 1 && gone[0].contains("API_TOKEN") && !gone[0].contains("s3cret"), "{gone:?}");
        let twice = json!({ "environment": [{ "name": "API_TOKEN", "value": "s3cret" }, { "name": "API_TOKEN", "value": "x" }] });
        let told_of_twice = told(Json::Null, twice, Members::All);
        assert!(!told_of_twice.concat().contains("s3cret"), "{told_of_twice:?}");
    }
}
