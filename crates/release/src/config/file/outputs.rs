//! The outputs of the infrastructure that a file uses: filled in where they are known, held open where they may still come.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::super::error::{ConfigError, Fault};
use super::super::json;
use super::super::names::EnvironmentName;
use super::super::node::{Node, Value};
use super::super::overrides::Overrides;
use super::super::template;
use super::{ConfigFile, Lacking, merged};
use crate::provision::Outputs;

impl ConfigFile {
    /// A part of the file as it is used: variables that are not set are refused, and so are outputs that the infrastructure does not have. While
    /// nobody has asked it, they stand as `<infra.NAME>`, and their names are collected.
    pub(super) fn settled(&self, node: &Node, pending: &mut BTreeSet<String>) -> Result<Node, Fault> {
        let value = match &node.value {
            Value::Scalar { text, quoted } => {
                let text = template::replace_outputs(text, |name| match (&self.outputs, self.lacking) {
                    (Some(outputs), Lacking::Refused) => Err(outputs.lack(name).at(node.at)),
                    (Some(_), Lacking::Pending) | (None, _) => {
                        pending.insert(name.to_owned());
                        Ok(placeholder(name))
                    }
                })?;
                if let Some(fault) = template::find_missing(&text) {
                    return Err(fault.at(node.at));
                }
                Value::Scalar { text, quoted: *quoted }
            }
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.settled(item, pending)).collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, node)| Ok((key.clone(), self.settled(node, pending)?)))
                    .collect::<Result<_, Fault>>()?,
            ),
        };
        Ok(Node { at: node.at, value })
    }

    /// The outputs that the file asks for anywhere, and that may still come.
    pub(super) fn lacking_outputs(&self) -> BTreeSet<String> {
        if self.lacking == Lacking::Refused {
            return BTreeSet::new();
        }
        let known = self.outputs.as_ref().map(Outputs::plain).unwrap_or_default();
        let rendered = template::render_with_outputs(&self.text, &self.variables.with_outputs(known.clone()));
        let asked_for = rendered.map(|rendered| rendered.outputs).unwrap_or_default();
        asked_for.into_iter().filter(|name| !known.contains_key(name)).collect()
    }

    /// The output whose place is held where an error is.
    pub(super) fn stands_on_output(&self, services: &Node, error: &ConfigError) -> Option<String> {
        if self.lacking == Lacking::Refused || error.file() != self.path {
            return None;
        }
        let found = |at, text: &str| {
            let (_, rest) = text.split_once("<infra.").filter(|_| Some(at) == error.position())?;
            Some(rest.split_once('>')?.0.to_owned())
        };
        services.each_scalar(&mut |at, text| found(at, text).map_or(Ok(()), Err)).err()
    }

    /// What the plan is made from, where it uses outputs: a digest that stays the same whatever their values are.
    pub(super) fn source(&self, name: &EnvironmentName, overrides: &Overrides) -> Option<String> {
        let root = self.symbolic.as_ref()?;
        let mut digest = Sha256::new();
        for key in ["services", "config"] {
            digest.update(format!("{:?}", merged(root, name, key).map(|node| json::to_json(&node))));
        }
        let environment = root.get("environments").and_then(|environments| environments.get(name.as_str()));
        digest.update(format!("{:?} {overrides:?}", environment.map(json::to_json)));
        if let Some(Value::Map(services)) = merged(root, name, "services").map(|node| node.value) {
            let keys = ["task_definition", "service_definition"];
            let sources = services.iter().flat_map(|(_, service)| keys.into_iter().filter_map(|key| service.get(key)));
            for source in sources {
                if let Value::Scalar { text, .. } = &source.value {
                    // A file that cannot be read is told when the plan is made.
                    digest.update(std::fs::read(self.directory.join(text)).unwrap_or_default());
                }
            }
        }
        Some(hex::encode(digest.finalize()))
    }
}

/// Stands for an output until it is known.
fn placeholder(name: &str) -> String {
    format!("<infra.{name}>")
}
