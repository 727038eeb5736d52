//! Manifests of AWS Copilot: load balanced web services, backend services and worker services.
//!
//! An environment of Copilot's becomes one on AWS, with what its manifests say differently there. What Copilot itself made around them
//! (network, load balancer, roles) is named by environment variables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::copilot_manifest::{Manifest, manifest};
use super::notes::Notes;
use super::text::Text;
use super::yaml::{Entries, Yaml};
use super::{Imported, Naming, read};
use crate::config::ConfigError;
use crate::config::merge::merge;
use crate::config::node::Node;

/// Where the embedded engine's listeners begin; ports below 1024 are root's.
const EMBEDDED_PORT: u16 = 8080;

/// Copilot's own listener.
const HTTP: u16 = 80;

/// The files of an application.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// `copilot/.workspace`, if there is one.
    pub settings: Option<String>,
    /// The manifests of services, with their paths.
    pub manifests: Vec<(PathBuf, String)>,
    /// Names of the environments that Copilot has manifests of.
    pub environments: Vec<String>,
}

struct Service {
    name: String,
    node: Node,
    base: Manifest,
}

/// Reads the manifests of an application.
pub fn import(path: &Path, workspace: &Workspace, naming: Naming<'_>) -> Result<Imported, ConfigError> {
    let mut notes = Notes::default();
    let settings = workspace.settings.as_deref().map(|text| read::document(path, text)).transpose()?;
    let app = naming.settle(settings.as_ref().and_then(|settings| read::scalar_at(settings, "application")));
    let mut services: Vec<Service> = Vec::new();
    for (file, text) in &workspace.manifests {
        let node = read::document(file, text)?;
        let kind = read::scalar_at(&node, "type").unwrap_or_default().to_owned();
        if !["Load Balanced Web Service", "Backend Service", "Worker Service"].contains(&kind.as_str()) {
            let what = format!("a `{kind}` is no service that Seatrial deploys; it is left out");
            notes.add(file.display().to_string(), what);
            continue;
        }
        let directory = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let written = read::scalar_at(&node, "name").unwrap_or(&directory);
        let name = read::name(written, "service");
        if services.iter().any(|service| service.name == name) {
            return Err(read::refused(file, format!("a second service is called `{name}`"), "rename one of them"));
        }
        let base = manifest(&node, &app, &name, &mut notes);
        services.push(Service { name, node, base });
    }
    if services.is_empty() {
        let advice = "name a manifest, or the directory with `copilot/`: seatrial import copilot PATH";
        return Err(read::refused(path, "there is no manifest of a service here", advice));
    }
    settle_listeners(&mut services, &mut notes);
    let environments = environments(workspace, &services, &app, &mut notes);
    let written = services.into_iter().map(|service| (service.name, Yaml::Map(service.base.entries))).collect();
    let document = vec![
        ("app".to_owned(), Yaml::text(&app)),
        ("services".to_owned(), Yaml::Map(written)),
        ("environments".to_owned(), Yaml::Map(environments)),
    ];
    Ok(Imported { text: Yaml::document(&document), remarks: notes.into_remarks() })
}

/// Gives every service a place on a listener; only one of a port may have neither host nor path.
fn settle_listeners(services: &mut [Service], notes: &mut Notes) {
    let (mut taken, mut port) = (BTreeSet::new(), EMBEDDED_PORT);
    for service in services {
        let Some(Yaml::Map(listener)) = entry(&mut service.base.entries, "listener") else { continue };
        let conditions = Yaml::document(listener);
        let own = if taken.insert(conditions) {
            EMBEDDED_PORT
        } else {
            port += 1;
            let advice = "another service has the same host and path: it gets a listener of its own, also on AWS";
            notes.add(format!("{}.http.path", service.name), advice);
            port
        };
        listener.insert(0, ("port".to_owned(), Yaml::plain(own)));
    }
}

fn entry<'e>(entries: &'e mut Entries, key: &str) -> Option<&'e mut Yaml> {
    entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn environments(workspace: &Workspace, services: &[Service], app: &str, notes: &mut Notes) -> Entries {
    let mut names: Vec<String> = Vec::new();
    let overriding = services.iter().flat_map(|service| service.node.get("environments").map(read::entries));
    let written = overriding.flatten().map(|(key, _)| key.text.clone());
    for name in workspace.environments.iter().cloned().chain(written) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let named: Vec<(String, String)> =
        names.into_iter().map(|written| (read::name(&written, "environment"), written)).collect();
    let embedded = if named.iter().any(|(name, _)| name == "dev") { "local" } else { "dev" };
    let here = vec![("target".into(), Yaml::text("embedded")), ("stage".into(), Yaml::text("dev"))];
    let mut entries = vec![(embedded.to_owned(), Yaml::Map(here))];
    for (name, written) in &named {
        if entries.iter().any(|(other, _)| other == name) {
            notes.add(format!("environments.{written}"), format!("is left out, for there is another `{name}`"));
            continue;
        }
        entries.push((name.clone(), Yaml::Map(environment(written, services, app, notes))));
    }
    if !named.is_empty() {
        let advice = "set AWS_REGION, SUBNET_A, SUBNET_B, SECURITY_GROUP and EXECUTION_ROLE_ARN when you deploy there; \
                      `copilot env show --resources` tells what Copilot made";
        notes.add("environments", advice);
    }
    entries
}

fn environment(name: &str, services: &[Service], app: &str, notes: &mut Notes) -> Entries {
    let variable = |name: &str| Yaml::Text(Text::variable(name, None));
    let network = vec![
        ("subnets".to_owned(), Yaml::List(vec![variable("SUBNET_A"), variable("SUBNET_B")])),
        ("security_groups".to_owned(), Yaml::List(vec![variable("SECURITY_GROUP")])),
        ("assign_public_ip".to_owned(), Yaml::plain(true)),
    ];
    let overridden: Entries = services
        .iter()
        .filter_map(|service| {
            let differing = differing(name, service, app, notes);
            (!differing.is_empty()).then(|| (service.name.clone(), Yaml::Map(differing)))
        })
        .collect();
    let mut entries = vec![
        ("target".to_owned(), Yaml::Map(vec![("region".into(), variable("AWS_REGION"))])),
        ("stage".to_owned(), Yaml::text("prod")),
        ("execution_role".to_owned(), variable("EXECUTION_ROLE_ARN")),
        ("network".to_owned(), Yaml::Map(network)),
    ];
    if !overridden.is_empty() {
        entries.push(("services".to_owned(), Yaml::Map(overridden)));
    }
    entries
}

/// What a service has in an environment of AWS, and not in general.
fn differing(environment: &str, service: &Service, app: &str, notes: &mut Notes) -> Entries {
    let over = service.node.get("environments").and_then(|all| all.get(environment)).filter(|node| !node.is_null());
    let merged = over.map_or_else(|| service.node.clone(), |over| merge(&service.node, over));
    let mut there = manifest(&merged, app, &service.name, notes).entries;
    let general = &service.base.entries;
    let port = general.iter().find(|(key, _)| key == "listener").map(|(_, listener)| listener);
    if let Some(Yaml::Map(listener)) = entry(&mut there, "listener") {
        let own = match port {
            Some(Yaml::Map(general)) => general.first().map(|(_, port)| port.clone()),
            Some(_) | None => None,
        };
        let own = own.filter(|port| *port != Yaml::plain(EMBEDDED_PORT)).unwrap_or(Yaml::plain(HTTP));
        listener.insert(0, ("port".to_owned(), own));
    }
    if let Some(Yaml::Map(document)) = entry(&mut there, "task_definition") {
        document.push(("executionRoleArn".to_owned(), Yaml::Text(Text::variable("EXECUTION_ROLE_ARN", None))));
    }
    let gone = general.iter().filter(|(key, _)| there.iter().all(|(other, _)| other != key));
    let gone: Entries = gone.map(|(key, _)| (key.clone(), Yaml::plain("null"))).collect();
    let other = there.into_iter().filter_map(|(key, value)| {
        match general.iter().find(|(other, _)| *other == key).map(|(_, value)| value) {
            None => Some((key, value)),
            Some(before) => Some((key, difference(before, value)?)),
        }
    });
    other.chain(gone).collect()
}

/// The part of a value that is not as before; of a map only the keys that changed, for overrides are merged key by key.
fn difference(before: &Yaml, after: Yaml) -> Option<Yaml> {
    let (Yaml::Map(known), Yaml::Map(entries)) = (before, &after) else {
        return (*before != after).then_some(after);
    };
    let gone = known.iter().filter(|(key, _)| entries.iter().all(|(other, _)| other != key));
    let mut changed: Entries = gone.map(|(key, _)| (key.clone(), Yaml::plain("null"))).collect();
    for (key, value) in entries {
        match known.iter().find(|(other, _)| other == key) {
            None => changed.push((key.clone(), value.clone())),
            Some((_, before)) => changed.extend(difference(before, value.clone()).map(|value| (key.clone(), value))),
        }
    }
    (!changed.is_empty()).then_some(Yaml::Map(changed))
}

#[cfg(test)]
mod tests;
