//! `terraform show -json` of a plan: what would change, and what has changed by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::change::{Action, Fate, Preview, ResourceChange};
use super::super::drift::{Drift, DriftedResource};
use super::super::stateful::guarded;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    resource_changes: Vec<Resource>,
    #[serde(default)]
    resource_drift: Vec<Resource>,
    #[serde(default)]
    output_changes: BTreeMap<String, Change>,
    /// Every plan has it: without it this is something else.
    #[expect(dead_code, reason = "its presence is what is checked")]
    format_version: String,
}

#[derive(Deserialize)]
struct Resource {
    address: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    mode: String,
    /// Where it is moved from.
    previous_address: Option<String>,
    change: Change,
}

#[derive(Deserialize)]
struct Change {
    actions: Vec<String>,
    #[serde(default)]
    before: Json,
    #[serde(default)]
    after: Json,
    #[serde(default)]
    importing: Json,
}

/// What a plan would change.
pub(super) fn preview(document: &[u8], protect: &BTreeSet<String>) -> Result<Preview, serde_json::Error> {
    let document: Document = serde_json::from_slice(document)?;
    let managed = document.resource_changes.into_iter().filter(|resource| resource.mode != "data");
    let mut resources: Vec<ResourceChange> = managed.filter_map(changed).collect();
    resources.sort_by(|one, other| one.address.cmp(&other.address));
    let outputs = document.output_changes.into_iter().filter(|(_, change)| change.actions != ["no-op"]);
    Ok(Preview { guarded: guarded(&resources, protect), resources, outputs: outputs.map(|(name, _)| name).collect() })
}

fn changed(resource: Resource) -> Option<ResourceChange> {
    let actions: Vec<&str> = resource.change.actions.iter().map(String::as_str).collect();
    let is_imported = !resource.change.importing.is_null();
    let is_moved = resource.previous_address.as_ref().is_some_and(|previous| *previous != resource.address);
    let (action, fate) = match actions.as_slice() {
        ["no-op"] if is_imported => (Action::Import, Fate::Stays),
        ["no-op"] if is_moved => (Action::Move, Fate::Stays),
        ["no-op"] | ["read"] => return None,
        ["create"] => (Action::Create, Fate::Stays),
        ["update"] => (Action::Update, Fate::Stays),
        ["delete"] => (Action::Delete, Fate::Lost),
        ["forget"] => (Action::Forget, Fate::Stays),
        ["delete", "create"] | ["create", "delete"] => (Action::Replace, Fate::Lost),
        ["create", "forget"] | ["forget", "create"] => (Action::Replace, Fate::Stays),
        // Something that is not known yet could do anything.
        _ => (Action::PerhapsReplace, Fate::Lost),
    };
    Some(ResourceChange { address: resource.address, kind: resource.kind, action, fate })
}

/// What has changed by hand, by a plan that only refreshes.
pub(super) fn drift(document: &[u8]) -> Result<Drift, serde_json::Error> {
    let document: Document = serde_json::from_slice(document)?;
    let drifted = document.resource_drift.into_iter().filter(|resource| resource.change.actions != ["no-op"]);
    let mut resources: Vec<DriftedResource> = drifted
        .map(|resource| DriftedResource {
            settings: differing(&resource.change),
            what: if resource.change.after.is_null() { "gone" } else { "changed" },
            address: resource.address,
            kind: resource.kind,
        })
        .collect();
    resources.sort_by(|one, other| one.address.cmp(&other.address));
    Ok(Drift { resources, unchecked: Vec::new() })
}

/// Names of the settings that differ; their values may be secret.
fn differing(change: &Change) -> Vec<String> {
    match (&change.before, &change.after) {
        (Json::Object(before), Json::Object(after)) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(kind: &str, actions: &[&str]) -> Json {
        json!({ "format_version": "1.2", "resource_changes": [
            { "address": format!("{kind}.x"), "type": kind, "mode": "managed", "change": { "actions": actions, "before": {} } },
            { "address": "data.a.b", "type": "a", "mode": "data", "change": { "actions": ["read"] } },
        ]})
    }

    fn previewed(document: &Json) -> Preview {
        preview(document.to_string().as_bytes(), &BTreeSet::new()).expect("valid")
    }

    #[test]
    fn actions_are_classified() {
        let cases = [
            (&["no-op"][..], None),
            (&["read"], None),
            (&["create"], Some((Action::Create, Fate::Stays))),
            (&["update"], Some((Action::Update, Fate::Stays))),
            (&["delete"], Some((Action::Delete, Fate::Lost))),
            (&["forget"], Some((Action::Forget, Fate::Stays))),
            (&["delete", "create"], Some((Action::Replace, Fate::Lost))),
            (&["create", "delete"], Some((Action::Replace, Fate::Lost))),
            (&["create", "forget"], Some((Action::Replace, Fate::Stays))),
            (&["forget", "create"], Some((Action::Replace, Fate::Stays))),
            (&["of", "tomorrow"], Some((Action::PerhapsReplace, Fate::Lost))),
            (&[], Some((Action::PerhapsReplace, Fate::Lost))),
        ];
        for (actions, expected) in cases {
            let found = previewed(&plan("aws_db_instance", actions));
            assert_eq!(found.resources.first().map(|one| (one.action, one.fate)), expected, "{actions:?}");
            let is_lost = expected.is_some_and(|(_, fate)| fate == Fate::Lost);
            assert_eq!(found.guarded.len(), usize::from(is_lost), "{actions:?}");
        }
        assert!(previewed(&plan("aws_lb", &["delete"])).guarded.is_empty(), "a balancer holds nothing");
        let mut imported = plan("aws_s3_bucket", &["no-op"]);
        imported["resource_changes"][0]["change"]["importing"] = json!({ "id": "b" });
        assert_eq!(previewed(&imported).resources[0].action, Action::Import);
        let mut moved = plan("aws_s3_bucket", &["no-op"]);
        moved["resource_changes"][0]["previous_address"] = json!("aws_s3_bucket.before");
        assert_eq!(previewed(&moved).resources[0].action, Action::Move);
        assert!(previewed(&moved).changes_anything() && previewed(&moved).guarded.is_empty());
    }

    #[test]
    fn outputs_that_change_are_named() {
        let document = json!({ "format_version": "1.2", "output_changes": {
            "a": { "actions": ["no-op"] }, "b": { "actions": ["update"] }, "c": { "actions": ["create"], "after_sensitive": true },
        }});
        assert_eq!(previewed(&document).outputs, ["b", "c"]);
    }

    #[test]
    fn drift_names_settings_and_no_values() {
        let document = json!({ "format_version": "1.2", "resource_drift": [
            { "address": "b.x", "type": "b", "change": { "actions": ["update"], "before": { "p": "hush", "q": 1 }, "after": { "p": "h", "q": 1, "r": 2 } } },
            { "address": "a.x", "type": "a", "change": { "actions": ["delete"], "before": { "p": 1 }, "after": null } },
        ]});
        let found = drift(document.to_string().as_bytes()).expect("valid");
        let told: Vec<_> =
            found.resources.iter().map(|one| (one.address.as_str(), one.what, one.settings.join(","))).collect();
        assert_eq!(told, [("a.x", "gone", String::new()), ("b.x", "changed", "p,r".to_owned())]);
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let text = plan("aws_s3_bucket", &["create"]).to_string();
        for length in 0..text.len() {
            assert!(preview(&text.as_bytes()[..length], &BTreeSet::new()).is_err(), "cut off after {length}");
        }
        for odd in ["{}", "[]", "null", r#"{"format_version":1}"#, r#"{"format_version":"1","resource_changes":[{}]}"#]
        {
            assert!(preview(odd.as_bytes(), &BTreeSet::new()).is_err(), "{odd}");
            assert!(drift(odd.as_bytes()).is_err() || odd.contains("resource_changes"), "{odd}");
        }
    }
}
