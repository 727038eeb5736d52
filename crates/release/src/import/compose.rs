//! A docker-compose file.
//!
//! A service with a command becomes one that the embedded engine can run as it is. What Compose does on one machine and ECS does
//! otherwise (volumes, networks, the order of starting) is told in remarks.

mod checks;
mod environment;
mod ports;
mod service;

use std::collections::BTreeSet;
use std::path::Path;

use super::notes::Notes;
use super::yaml::{Entries, Yaml};
use super::{Files, Imported, Naming, read};
use crate::config::ConfigError;

/// Reads a docker-compose file.
pub fn import(path: &Path, text: &str, naming: Naming<'_>, files: Files<'_>) -> Result<Imported, ConfigError> {
    let root = read::document(path, text)?;
    let mut notes = Notes::default();
    let app = naming.settle(read::scalar_at(&root, "name"));
    let services = root.get("services").map(read::entries).unwrap_or_default();
    if services.is_empty() {
        let what = "the file has no service below `services:`";
        return Err(read::refused(path, what, "name a Compose file: seatrial import compose FILE"));
    }
    let mut written = Entries::new();
    let mut listeners = BTreeSet::new();
    for (key, node) in services {
        let name = read::name(&key.text, "service");
        if written.iter().any(|(other, _)| *other == name) {
            let what = format!("the services `{}` and another one would both be called `{name}`", key.text);
            return Err(read::refused(path, what, "rename one of them"));
        }
        if name != key.text {
            notes.add(format!("services.{}", key.text), format!("is called `{name}`, as ECS and Seatrial take it"));
        }
        let mut scene = service::Scene { app: &app, name: &name, key: &key.text, files, listeners: &mut listeners };
        written.push((name.clone(), Yaml::Map(service::entries(node, &mut scene, &mut notes))));
    }
    for (key, _) in read::entries(&root).iter().filter(|(key, _)| !key.text.starts_with("x-")) {
        if let Some(advice) = top_level(&key.text) {
            notes.add(&key.text, advice);
        }
    }
    notes.add(
        "environments",
        "only the embedded engine is written; docs/import.md shows what an environment on AWS needs",
    );
    let dev = vec![("target".into(), Yaml::text("embedded")), ("stage".into(), Yaml::text("dev"))];
    let document = vec![
        ("app".to_owned(), Yaml::text(&app)),
        ("services".to_owned(), Yaml::Map(written)),
        ("environments".to_owned(), Yaml::Map(vec![("dev".into(), Yaml::Map(dev))])),
    ];
    Ok(Imported { text: Yaml::document(&document), remarks: notes.into_remarks() })
}

fn top_level(key: &str) -> Option<&'static str> {
    Some(match key {
        "name" | "services" => return None,
        "version" => "is left out; Compose itself takes no notice of it",
        "volumes" => {
            "is left out; a task has no disk that outlasts it: use a database, S3, or EFS in a `task_definition`"
        }
        "networks" => "is left out; on AWS name subnets and security groups in the environment's `network`",
        "secrets" | "configs" => {
            "is left out; put them into Secrets Manager or Parameter Store and name them in `secrets` of a `task_definition`"
        }
        "include" => "is left out; import the included files, too, and put the services together",
        _ => "has no counterpart and is left out",
    })
}

#[cfg(test)]
mod tests;
