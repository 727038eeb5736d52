//! A CloudFormation template as a value: sections in a fixed order, resources in the order they were added.
//!
//! Invariant: the text is the same for the same plan, whatever order a JSON library keeps its members in.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::yaml;

/// A finished template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    description: String,
    parameters: Vec<(String, Tree)>,
    conditions: Vec<(String, Tree)>,
    resources: Vec<(String, Tree)>,
    outputs: Vec<(String, Tree)>,
}

/// A value whose members have an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Map(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Scalar(Json),
}

/// A resource that is about to be added.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    kind: &'static str,
    condition: Option<String>,
    depends_on: Vec<String>,
    removal: Removal,
    properties: Json,
}

/// What becomes of a resource when it leaves the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    Delete,
    Retain,
    Snapshot,
}

impl Template {
    pub(super) fn new(description: String) -> Self {
        Self { description, ..Self::default() }
    }

    pub(super) fn parameter(&mut self, id: &str, properties: Json) {
        if !self.parameters.iter().any(|(known, _)| known == id) {
            self.parameters.push((id.to_owned(), properties.into()));
        }
    }

    pub(super) fn condition(&mut self, id: &str, test: Json) {
        if !self.conditions.iter().any(|(known, _)| known == id) {
            self.conditions.push((id.to_owned(), test.into()));
        }
    }

    /// Adds a resource and returns its logical id, which no other has.
    pub(super) fn resource(&mut self, id: impl Into<String>, resource: Resource) -> String {
        let id = id.into();
        assert!(!self.has(&id), "two resources are called {id}");
        self.resources.push((id.clone(), resource.into()));
        id
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.resources.iter().any(|(known, _)| known == id)
    }

    pub(super) fn output(&mut self, id: &str, description: &str, value: Json) {
        self.outputs.push((id.to_owned(), json!({ "Description": description, "Value": value }).into()));
    }

    pub(super) fn conditional_output(&mut self, id: &str, description: &str, value: Json, condition: &str) {
        let output = json!({ "Condition": condition, "Description": description, "Value": value });
        self.outputs.push((id.to_owned(), output.into()));
    }

    /// The parameters without a default.
    pub fn parameters_to_give(&self) -> Vec<&str> {
        let lacks_default = |tree: &Tree| match tree {
            Tree::Map(members) => !members.iter().any(|(key, _)| key == "Default"),
            Tree::List(_) | Tree::Scalar(_) => false,
        };
        self.parameters.iter().filter(|(_, tree)| lacks_default(tree)).map(|(id, _)| id.as_str()).collect()
    }

    /// Whether it makes a resource of this type.
    pub fn makes(&self, kind: &str) -> bool {
        let is_kind = |tree: &Tree| match tree {
            Tree::Map(members) => members.contains(&("Type".to_owned(), Tree::Scalar(json!(kind)))),
            Tree::List(_) | Tree::Scalar(_) => false,
        };
        self.resources.iter().any(|(_, tree)| is_kind(tree))
    }

    /// The template as YAML.
    pub fn to_yaml(&self) -> String {
        yaml::text(&self.tree())
    }

    /// The template as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&self.tree())
    }

    fn tree(&self) -> Tree {
        let mut sections = vec![
            ("AWSTemplateFormatVersion".to_owned(), Tree::Scalar(json!("2010-09-09"))),
            ("Description".to_owned(), Tree::Scalar(json!(self.description))),
        ];
        let others = [
            ("Parameters", &self.parameters),
            ("Conditions", &self.conditions),
            ("Resources", &self.resources),
            ("Outputs", &self.outputs),
        ];
        let filled = others.into_iter().filter(|(_, members)| !members.is_empty());
        sections.extend(filled.map(|(name, members)| (name.to_owned(), Tree::Map(members.clone()))));
        Tree::Map(sections)
    }
}

impl Resource {
    pub fn new(kind: &'static str, properties: Json) -> Self {
        Self { kind, condition: None, depends_on: Vec::new(), removal: Removal::Delete, properties }
    }

    pub fn only_if(mut self, condition: &str) -> Self {
        self.condition = Some(condition.to_owned());
        self
    }

    pub fn after(mut self, ids: Vec<String>) -> Self {
        self.depends_on = ids;
        self
    }

    /// It stays when the stack goes.
    pub fn retained(mut self) -> Self {
        self.removal = Removal::Retain;
        self
    }

    /// A snapshot of it stays when the stack goes.
    pub fn snapshotted(mut self) -> Self {
        self.removal = Removal::Snapshot;
        self
    }
}

impl From<Resource> for Tree {
    fn from(resource: Resource) -> Self {
        let Resource { kind, condition, depends_on, removal, properties } = resource;
        let mut members = vec![("Type".to_owned(), Tree::Scalar(json!(kind)))];
        members.extend(condition.map(|condition| ("Condition".to_owned(), Tree::Scalar(json!(condition)))));
        if !depends_on.is_empty() {
            members.push(("DependsOn".to_owned(), json!(depends_on).into()));
        }
        let policy = match removal {
            Removal::Delete => None,
            Removal::Retain => Some("Retain"),
            Removal::Snapshot => Some("Snapshot"),
        };
        for key in ["DeletionPolicy", "UpdateReplacePolicy"] {
            members.extend(policy.map(|policy| (key.to_owned(), Tree::Scalar(json!(policy)))));
        }
        if properties.as_object().is_some_and(|properties| !properties.is_empty()) {
            members.push(("Properties".to_owned(), properties.into()));
        }
        Tree::Map(members)
    }
}

impl From<Json> for Tree {
    fn from(value: Json) -> Self {
        match value {
            Json::Object(members) => {
                let mut members: Vec<(String, Tree)> =
                    members.into_iter().map(|(key, value)| (key, value.into())).collect();
                members.sort_by(|(left, _), (right, _)| left.cmp(right));
                Tree::Map(members)
            }
            Json::Array(items) => Tree::List(items.into_iter().map(Tree::from).collect()),
            scalar @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => Tree::Scalar(scalar),
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Tree::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Tree::Scalar(value) => value.serialize(serializer),
        }
    }
}

/// The value of a parameter, or what a resource is referred to by.
pub(super) fn reference(id: &str) -> Json {
    json!({ "Ref": id })
}

/// An attribute of a resource.
pub(super) fn attribute(id: &str, name: &str) -> Json {
    json!({ "Fn::GetAtt": [id, name] })
}

/// Text with `${…}` filled in.
pub(super) fn substituted(text: impl Into<String>) -> Json {
    json!({ "Fn::Sub": text.into() })
}

/// A list in a document that AWS takes as text only: a line for each item, members in a fixed order.
pub(super) fn list_text(key: &str, items: Vec<Json>) -> String {
    let line = |item| serde_json::to_string(&Tree::from(item)).expect("maps with text for keys can be written");
    let lines: Vec<String> = items.into_iter().map(|item| format!("  {}", line(item))).collect();
    format!("{{\"{key}\": [\n{}\n]}}", lines.join(",\n"))
}

/// A name as part of a logical id: letters and digits only, and two names never the same.
pub(super) fn logical(name: &str) -> String {
    let mut id = String::new();
    for word in name.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        match letters.next() {
            // `web-1` must not be `web1`, nor `web-dash1` either of them.
            Some(digit) if digit.is_ascii_digit() && !id.is_empty() => id.extend(["Dash", word]),
            Some(_) if word.starts_with("dash") && !id.is_empty() => id.extend(["DashD", &word[1..]]),
            Some(first) => {
                id.push(first.to_ascii_uppercase());
                id.push_str(letters.as_str());
            }
            None => {}
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids_that_stay_apart() {
        for (name, id) in [
            ("web", "Web"),
            ("web-api", "WebApi"),
            ("web1", "Web1"),
            ("web-1", "WebDash1"),
            ("web-dash1", "WebDashDash1"),
        ] {
            assert_eq!(logical(name), id);
        }
    }

    #[test]
    fn members_are_sorted_and_sections_in_cloudformations_order() {
        let mut template = Template::new("d".into());
        template.output("B", "b", json!(1));
        let bucket = Resource::new("AWS::S3::Bucket", json!({ "z": 1, "a": 2 })).retained();
        template.resource("A", bucket);
        let text = template.to_json().expect("it can be written");
        let places = ["Description", "Resources", "Type", "DeletionPolicy", "Properties", "\"a\"", "\"z\"", "Outputs"];
        let found: Vec<usize> = places.iter().map(|place| text.find(place).expect(place)).collect();
        assert!(found.is_sorted(), "{text}");
        assert!(template.makes("AWS::S3::Bucket") && !template.makes("AWS::S3::BucketPolicy"));
    }
}
