//! Volumes, and what of them is mounted in which container.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{ContainerDefinition, Mount, MountSource};
use super::{InvalidTaskDefinition, items, rule};

/// Gives the containers what is mounted in them. Refuses volumes without a name or with the same one, and mounts of volumes and containers
/// that are not there.
pub(super) fn mounted(
    document: &Value,
    mut containers: Vec<ContainerDefinition>,
) -> Result<Vec<ContainerDefinition>, InvalidTaskDefinition> {
    check(document)?;
    let sources: BTreeMap<&str, MountSource> = items(&document["volumes"]).filter_map(source).collect();
    let documents: Vec<&Value> = items(&document["containerDefinitions"]).collect();
    let own = |container: &Value| -> Vec<Mount> {
        items(&container["mountPoints"]).filter_map(|mount| mount_of(mount, &sources)).collect()
    };
    let by_name: BTreeMap<&str, Vec<Mount>> =
        documents.iter().filter_map(|container| Some((container["name"].as_str()?, own(container)))).collect();
    for (container, document) in containers.iter_mut().zip(&documents) {
        container.mounts = own(document);
        for from in items(&document["volumesFrom"]) {
            let is_read_only = from["readOnly"].as_bool().unwrap_or_default();
            let theirs = from["sourceContainer"].as_str().and_then(|name| by_name.get(name)).into_iter().flatten();
            for mount in theirs {
                if !container.mounts.iter().any(|own| own.path == mount.path) {
                    container.mounts.push(Mount { read_only: mount.read_only || is_read_only, ..mount.clone() });
                }
            }
        }
    }
    Ok(containers)
}

/// A volume of another kind (a file system of EFS or FSx, one that a driver makes) is one of the task's own here.
fn source(volume: &Value) -> Option<(&str, MountSource)> {
    let name = volume["name"].as_str()?;
    let source = match volume["host"]["sourcePath"].as_str() {
        Some(path) => MountSource::Machine(path.to_owned()),
        None => MountSource::Task(name.to_owned()),
    };
    Some((name, source))
}

fn mount_of(mount: &Value, sources: &BTreeMap<&str, MountSource>) -> Option<Mount> {
    let source = sources.get(mount["sourceVolume"].as_str()?)?.clone();
    let path = mount["containerPath"].as_str()?.to_owned();
    Some(Mount { source, path, read_only: mount["readOnly"].as_bool().unwrap_or_default() })
}

fn check(document: &Value) -> Result<(), InvalidTaskDefinition> {
    let mut volumes = BTreeSet::new();
    for volume in items(&document["volumes"]) {
        match volume["name"].as_str().unwrap_or_default() {
            "" => return rule("Volume.name should not be null or empty."),
            name if !volumes.insert(name) => {
                return rule(format!("Volume names must be unique: {name} appears twice."));
            }
            _ => {}
        }
    }
    let containers = items(&document["containerDefinitions"]);
    let names: BTreeSet<_> = containers.clone().filter_map(|container| container["name"].as_str()).collect();
    for container in containers {
        let own = container["name"].as_str().unwrap_or_default();
        let mounts = items(&container["mountPoints"]).filter_map(|mount| mount["sourceVolume"].as_str());
        if let Some(unknown) = mounts.into_iter().find(|name| !volumes.contains(name)) {
            return rule(format!("Unknown volume '{unknown}'. Name it in volumes, or correct mountPoints of {own}."));
        }
        let sources = items(&container["volumesFrom"]).filter_map(|source| source["sourceContainer"].as_str());
        if let Some(unknown) = sources.into_iter().find(|name| *name == own || !names.contains(name)) {
            return rule(format!("Container {own} takes volumesFrom {unknown}, which is no other container."));
        }
    }
    Ok(())
}
