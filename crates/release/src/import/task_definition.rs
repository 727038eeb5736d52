//! An ECS task definition that stands alone: the file is named as it is, and what only a service says is written around it.

use std::path::Path;

use super::notes::Notes;
use super::text::Text;
use super::yaml::{Entries, Yaml};
use super::{Imported, Naming, read};
use crate::config::ConfigError;
use crate::config::node::{Node, Value};

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The file.
    pub path: &'a Path,
    /// From the directory of `seatrial.yml` to the file.
    pub named: &'a Path,
}

/// Whether a file is a task definition, as far as its beginning tells.
pub fn is_one(text: &str) -> bool {
    Node::parse(text).is_ok_and(|root| {
        unwrapped(&root).get("containerDefinitions").is_some_and(|containers| !read::items(containers).is_empty())
    })
}

/// Reads a task definition, as it is registered or as `describe-task-definition` prints it.
pub fn import(place: Place<'_>, text: &str, naming: Naming<'_>) -> Result<Imported, ConfigError> {
    let root = read::document(place.path, text)?;
    let document = unwrapped(&root);
    let containers = document.get("containerDefinitions").map(read::items).unwrap_or_default();
    let Some(main) = containers.iter().find(|one| port(one).is_some()).or(containers.first()) else {
        let advice = "name a file of `aws ecs register-task-definition` or `describe-task-definition`";
        return Err(read::refused(place.path, "has no `containerDefinitions`", advice));
    };
    let mut notes = Notes::default();
    remarks(document, &mut notes);
    let app = naming.settle(read::scalar_at(document, "family"));
    let service = read::name(read::scalar_at(main, "name").unwrap_or("web"), "web");
    let mut entries = vec![("task_definition".to_owned(), Yaml::text(&place.named.to_string_lossy()))];
    match port(main) {
        Some(port) => {
            let path = check_path(main);
            let why = if path.is_some() { "asks what the container's own check asks" } else { "asks `/`" };
            notes.add("health_check", format!("{why}; name the path that answers 200 once the service can take requests"));
            let path = ("path".to_owned(), Yaml::text(path.as_deref().unwrap_or("/")));
            let listener = ("port".to_owned(), Yaml::plain(port));
            entries.insert(0, ("port".to_owned(), Yaml::plain(port)));
            entries.push(("health_check".to_owned(), Yaml::Map(vec![path])));
            entries.push(("listener".to_owned(), Yaml::Map(vec![listener])));
        }
        None => notes.add("portMappings", "names no port, so the service has no load balancer; give it `port` and `listener` if clients connect to it"),
    }
    let services = Yaml::Map(vec![(service, Yaml::Map(entries))]);
    let text = Yaml::document(&vec![
        ("app".to_owned(), Yaml::text(&app)),
        ("services".to_owned(), services),
        ("environments".to_owned(), Yaml::Map(environments())),
    ]);
    Ok(Imported { text, remarks: notes.into_remarks() })
}

/// The definition inside what `describe` prints.
fn unwrapped(root: &Node) -> &Node {
    root.get("taskDefinition").filter(|inner| matches!(inner.value, Value::Map(_))).unwrap_or(root)
}

fn port(container: &Node) -> Option<u16> {
    let mappings = container.get("portMappings").map(read::items).unwrap_or_default();
    mappings.iter().find_map(|mapping| read::scalar_at(mapping, "containerPort")?.parse().ok())
}

/// The path that a container's own check asks for over HTTP.
fn check_path(container: &Node) -> Option<String> {
    let command = container.get("healthCheck")?.get("command")?;
    let words = read::scalars(command).join(" ");
    let (_, address) = words.split_once("http://")?;
    let address = address.split(|c: char| c.is_whitespace() || "'\"|;&".contains(c)).next()?;
    address.split_once('/').map(|(_, path)| format!("/{path}"))
}

fn environments() -> Entries {
    let variable = |name: &str| Yaml::Text(Text::variable(name, None));
    let network = vec![
        ("subnets".to_owned(), Yaml::List(vec![variable("SUBNET_A"), variable("SUBNET_B")])),
        ("security_groups".to_owned(), Yaml::List(vec![variable("SECURITY_GROUP")])),
    ];
    let region = ("region".to_owned(), variable("AWS_REGION"));
    let on_aws = vec![
        ("target".to_owned(), Yaml::Map(vec![region])),
        ("stage".to_owned(), Yaml::text("prod")),
        ("network".to_owned(), Yaml::Map(network)),
    ];
    let here = vec![("target".to_owned(), Yaml::text("embedded")), ("stage".to_owned(), Yaml::text("dev"))];
    vec![("dev".to_owned(), Yaml::Map(here)), ("prod".to_owned(), Yaml::Map(on_aws))]
}

fn remarks(document: &Node, notes: &mut Notes) {
    if let Some(mode) = read::scalar_at(document, "networkMode").filter(|mode| *mode != "awsvpc") {
        notes.add(
            "networkMode",
            format!("is `{mode}`; services here have `awsvpc`, where each task has an address of its own"),
        );
    }
    let containers = document.get("containerDefinitions").map(read::items).unwrap_or_default();
    for container in containers {
        if let Some(image) = read::scalar_at(container, "image") {
            notes.add(
                "image",
                format!("`{image}` runs on the embedded engine once it is in the engine's registry; until then `seatrial deploy --use-fallback-image` lets something stand in"),
            );
        }
        if container.get("secrets").is_some_and(|secrets| !read::items(secrets).is_empty()) {
            notes.add(
                "secrets",
                "stay as they are; on the embedded engine, put parameters of the same names there first",
            );
        }
    }
    if document.get("volumes").is_some_and(|volumes| !read::items(volumes).is_empty()) {
        notes.add(
            "volumes",
            "stay as they are; on the embedded engine those of EFS, FSx and drivers are empty ones of the task's own",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = r#"{"taskDefinition": {"taskDefinitionArn": "arn:x", "revision": 4, "family": "Shop_Web", "networkMode": "bridge",
        "containerDefinitions": [
            {"name": "sidecar", "image": "envoy"},
            {"name": "web", "image": "registry/shop:1", "portMappings": [{"containerPort": 3000}], "secrets": [{"name": "A", "valueFrom": "b"}],
             "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:3000/ready || exit 1"]}}]}}"#;

    fn imported(text: &str) -> Result<Imported, ConfigError> {
        let (path, named) = (Path::new("/shop/task.json"), Path::new("task.json"));
        import(Place { path, named }, text, Naming { wanted: None, fallback: "directory" })
    }

    #[test]
    fn a_described_definition_gets_a_service_around_it() {
        assert!(is_one(DESCRIBED));
        let imported = imported(DESCRIBED).expect("it is one");
        insta::assert_snapshot!(format!(
            "{}\n{}",
            imported.text,
            imported.remarks.iter().map(|remark| format!("{remark}\n")).collect::<String>()
        ));
    }

    #[test]
    fn what_is_no_task_definition_is_refused() {
        for text in ["{}", "{\"containerDefinitions\": []}", "[1]", "{", "containerDefinitions: x"] {
            assert!(!is_one(text), "{text}");
            assert!(imported(text).is_err(), "{text}");
        }
    }
}
