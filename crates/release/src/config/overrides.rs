//! What the command line changes for one deployment: image, tag, environment variables, rollback, and which services.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::deployment::StrategyWord;
use super::document::ServiceEntry;
use super::error::{Fault, Position};
use super::merge::merge;
use super::names::{EnvironmentName, ServiceName};
use super::nearest::nearest;
use super::node::{Key, Node, Value};

/// Changes to a configuration that last for one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The services meant; empty for all.
    pub services: Vec<ServiceName>,
    /// The image of the service meant.
    pub image: Option<String>,
    /// The images that have been built, by service.
    pub built: BTreeMap<ServiceName, String>,
    /// The images that stand in for those of services, where these are missing.
    pub stand_ins: BTreeMap<ServiceName, String>,
    /// The tag to put in the place of the one in each image.
    pub tag: Option<String>,
    /// Environment variables set in the services meant.
    pub environment: BTreeMap<String, String>,
    /// The strategy in the place of the configured one.
    pub strategy: Option<StrategyWord>,
    /// What a failed deployment does.
    pub rollback: RollbackOverride,
    /// Settings of the services meant, in the place of what the file says.
    pub settings: Vec<Setting>,
}

/// A setting of a service as the file would have it: its keys with dots between them, and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub key: String,
    pub value: String,
}

impl Setting {
    /// The setting as a tree that stands at a place of the file.
    fn node(&self, at: Position) -> Result<Node, Fault> {
        let keys: Vec<&str> = self.key.split('.').collect();
        if keys.iter().any(|key| key.is_empty()) {
            return Err(Fault::new(format!("`{}` is no key of a service", self.key))
                .instead("write it as in the file, with dots between the levels: health_check.interval=10s"));
        }
        let value = Node::parse(&self.value)
            .map_err(|_| Fault::new(format!("`{}` is no value of `{}`", self.value, self.key)))?;
        let place = |node: Node| Node { at, value: node.value };
        Ok(keys.into_iter().rev().fold(place(value), |inner, key| Node {
            at,
            value: Value::Map(vec![(Key { at, text: key.to_owned() }, inner)]),
        }))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// What a failed deployment does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackOverride {
    /// What the configuration says.
    #[default]
    AsConfigured,
    /// Nothing: it stays where it failed.
    Never,
}

impl Overrides {
    /// Whether a service is meant.
    pub fn include(&self, name: &ServiceName) -> bool {
        self.services.is_empty() || self.services.contains(name)
    }

    /// Lays the settings over the services meant.
    pub(crate) fn settle(&self, services: Node) -> Result<Node, Fault> {
        let Value::Map(entries) = services.value else { return Ok(services) };
        let is_meant =
            |key: &Key| self.services.is_empty() || self.services.iter().any(|name| name.as_str() == key.text);
        let settled = |(key, node): (Key, Node)| {
            let settings = self.settings.iter().filter(|_| is_meant(&key));
            let node = settings
                .map(|setting| setting.node(node.at))
                .collect::<Result<Vec<_>, _>>()?
                .iter()
                .fold(node, |node, over| merge(&node, over));
            Ok((key, node))
        };
        let entries = entries.into_iter().map(settled).collect::<Result<_, Fault>>()?;
        Ok(Node { at: services.at, value: Value::Map(entries) })
    }

    /// Refuses names of services that the configuration lacks.
    pub(crate) fn check(&self, known: &[ServiceName], environments: &[EnvironmentName]) -> Result<(), Fault> {
        for name in &self.services {
            if !known.contains(name) {
                let names: Vec<&str> = known.iter().map(ServiceName::as_str).collect();
                let is_environment = environments.iter().any(|environment| environment.as_str() == name.as_str());
                let advice = match nearest(name.as_str(), names.iter().copied()) {
                    _ if is_environment => format!("it is an environment: --env {name}"),
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the services are {}", names.join(", ")),
                };
                return Err(Fault::new(format!("there is no service `{name}`")).instead(advice));
            }
        }
        let meant = known.iter().filter(|name| self.include(name)).count();
        if self.image.is_some() && meant > 1 {
            return Err(Fault::new(format!("one image cannot be meant for {meant} services"))
                .instead("name the service: seatrial deploy SERVICE --image …"));
        }
        Ok(())
    }

    /// Changes the entry of a service that is meant.
    pub(crate) fn apply(&self, name: &ServiceName, entry: &mut ServiceEntry) -> Result<(), Fault> {
        if let Some(image) = self.image.as_ref().or_else(|| self.built.get(name)) {
            entry.image = Some(image.clone());
        }
        // The image that is built has its tag in the registry.
        if let Some(tag) = self.tag.as_ref().filter(|_| entry.build.is_none()) {
            let image = entry.image.as_deref().ok_or_else(|| {
                Fault::new(format!("service `{name}` has no image whose tag could be changed"))
                    .instead("give it an `image:` in the configuration, or use --image")
            })?;
            entry.image = Some(with_tag(image, tag));
        }
        if let Some(strategy) = self.strategy {
            entry.deployment.get_or_insert_default().switch_to(strategy);
            if let (Some(listener), false) = (&mut entry.listener, strategy.shifts_traffic()) {
                listener.stickiness = None;
            }
        }
        if !self.environment.is_empty() {
            let set = self.environment.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
            entry.environment.get_or_insert_default().extend(set);
        }
        Ok(())
    }
}

/// Puts a tag in the place of an image's tag and digest.
fn with_tag(image: &str, tag: &str) -> String {
    let without_digest = image.split('@').next().unwrap_or(image);
    let name_start = without_digest.rfind('/').map_or(0, |slash| slash + 1);
    let end = without_digest[name_start..].find(':').map_or(without_digest.len(), |colon| name_start + colon);
    format!("{}:{tag}", &without_digest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_takes_the_place_of_tag_and_digest_but_not_of_a_registry_port() {
        for (image, expected) in [
            ("app", "app:v2"),
            ("app:v1", "app:v2"),
            ("localhost:5000/team/app", "localhost:5000/team/app:v2"),
            ("localhost:5000/team/app:v1", "localhost:5000/team/app:v2"),
            ("app@sha256:0123", "app:v2"),
            ("app:v1@sha256:0123", "app:v2"),
        ] {
            assert_eq!(with_tag(image, "v2"), expected);
        }
    }
}
