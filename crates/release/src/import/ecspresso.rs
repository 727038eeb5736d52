//! An `ecspresso.yml`, and the task and service definition it names.
//!
//! Definitions without templates are named as they are. Seatrial fills in templates in `seatrial.yml` only, so a definition with templates
//! is written into it, with the functions `env` and `must_env` in Seatrial's form and every other one as a variable that has to be set.

mod template;

use std::path::Path;

use self::template::Templates;
use super::notes::Notes;
use super::text::Text;
use super::yaml::{Entries, Yaml};
use super::{Files, Imported, Naming, read};
use crate::config::ConfigError;
use crate::config::json;
use crate::config::node::{Node, Value};

/// The environment that is written: where ecspresso deployed to.
const ENVIRONMENT: &str = "prod";

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The `ecspresso.yml`.
    pub path: &'a Path,
    /// From the directory of `seatrial.yml` to that of `ecspresso.yml`; empty when they are the same.
    pub prefix: &'a Path,
}

/// Reads an `ecspresso.yml`; `files` are asked for by the paths written in it.
pub fn import(place: Place<'_>, text: &str, naming: Naming<'_>, files: Files<'_>) -> Result<Imported, ConfigError> {
    refuse_jsonnet(place.path, &place.path.to_string_lossy())?;
    let mut notes = Notes::default();
    let mut templates = Templates::default();
    let root = read::document(place.path, &templates.take_out(text, "ecspresso.yml", &mut notes))?;
    let value = |key: &str| read::scalar_at(&root, key).map(|text| templates.put_in(text));
    let service = value("service").as_ref().and_then(Text::as_literal).map(ToOwned::to_owned);
    let app = naming.settle(service.as_deref());
    let name = read::name(service.as_deref().unwrap_or(&app), "service");
    if service.is_none() {
        notes.add(
            "service",
            format!(
                "is filled in by a template; the service is called `{name}` here, and in ECS as its definition says"
            ),
        );
    }
    let named_otherwise = value("service").filter(|written| written.as_literal() != Some(&name));
    let task = definition(&root, "task_definition", None, place, files, &mut notes)?;
    let deployed = definition(&root, "service_definition", named_otherwise, place, files, &mut notes)?;
    let region = value("region").unwrap_or_else(|| Text::variable("AWS_REGION", None));
    let mut environment: Entries = vec![
        ("target".into(), Yaml::Map(vec![("region".into(), Yaml::Text(region))])),
        ("stage".into(), Yaml::text("prod")),
    ];
    environment.push(("cluster".into(), Yaml::Text(value("cluster").unwrap_or_else(|| Text::literal("default")))));
    remarks(&root, &mut notes);
    let service = vec![("task_definition".to_owned(), task), ("service_definition".to_owned(), deployed)];
    let document = vec![
        ("app".to_owned(), Yaml::text(&app)),
        ("services".to_owned(), Yaml::Map(vec![(name, Yaml::Map(service))])),
        ("environments".to_owned(), Yaml::Map(vec![(ENVIRONMENT.to_owned(), Yaml::Map(environment))])),
    ];
    Ok(Imported { text: Yaml::document(&document), remarks: notes.into_remarks() })
}

fn refuse_jsonnet(at: &Path, file: &str) -> Result<(), ConfigError> {
    if file.ends_with(".jsonnet") || file.ends_with(".libsonnet") {
        let what = format!("{file} is Jsonnet, which is not evaluated here");
        let advice = "evaluate it (`ecspresso render config|taskdef|servicedef`) and name the JSON that comes out";
        return Err(read::refused(at, what, advice));
    }
    Ok(())
}

/// A definition: the name of its file, or, where something has to be changed in it, the definition itself.
fn definition(
    root: &Node,
    key: &str,
    service_name: Option<Text>,
    place: Place<'_>,
    files: Files<'_>,
    notes: &mut Notes,
) -> Result<Yaml, ConfigError> {
    let Some(file) = read::scalar_at(root, key) else {
        let advice = "Seatrial deploys services: name the definitions of a task and a service";
        return Err(read::refused(place.path, format!("lacks `{key}`"), advice));
    };
    refuse_jsonnet(place.path, file)?;
    let text = files(file).map_err(|why| {
        read::refused(place.path, format!("{file} of `{key}` cannot be read: {why}"), "import where its files are")
    })?;
    let mut templates = Templates::default();
    let at = place.prefix.join(file);
    let node = read::document(&at, &templates.take_out(&text, file, notes))?;
    if key == "service_definition" {
        service_remarks(&node, file, notes);
    }
    if templates.are_none() && service_name.is_none() {
        return Ok(Yaml::text(&at.to_string_lossy()));
    }
    let why = if templates.are_none() { "to add its name" } else { "since it has templates" };
    notes.add(key, format!("{file} is written into seatrial.yml, {why}; the file is not read any more"));
    let mut document = written(unwrapped(&node, key), &templates);
    if let (Yaml::Map(entries), Some(name)) = (&mut document, service_name)
        && entries.iter().all(|(key, _)| key != "serviceName")
    {
        entries.insert(0, ("serviceName".to_owned(), Yaml::Text(name)));
    }
    Ok(document)
}

/// The definition inside what `describe` prints.
fn unwrapped<'n>(node: &'n Node, key: &str) -> &'n Node {
    match key {
        "task_definition" => {
            node.get("taskDefinition").filter(|inner| matches!(inner.value, Value::Map(_))).unwrap_or(node)
        }
        _ => node.get("service").unwrap_or(node),
    }
}

fn written(node: &Node, templates: &Templates) -> Yaml {
    match &node.value {
        Value::Scalar { text, quoted: true } => Yaml::Text(templates.put_in(text)),
        Value::Scalar { text, quoted: false } => {
            let filled = templates.put_in(text);
            match filled.as_literal() {
                Some(literal) if matches!(json::plain(literal), serde_json::Value::String(_)) => Yaml::text(literal),
                Some("") => Yaml::plain("null"),
                Some(literal) => Yaml::plain(literal),
                None => Yaml::Plain(filled.unquoted()),
            }
        }
        Value::List(items) => Yaml::List(items.iter().map(|item| written(item, templates)).collect()),
        Value::Map(entries) => {
            Yaml::Map(entries.iter().map(|(key, value)| (key.text.clone(), written(value, templates))).collect())
        }
    }
}

fn service_remarks(node: &Node, file: &str, notes: &mut Notes) {
    let node = unwrapped(node, "service_definition");
    let controller = node.get("deploymentController").and_then(|controller| read::scalar_at(controller, "type"));
    if let Some(kind @ ("CODE_DEPLOY" | "EXTERNAL")) = controller {
        let advice = format!(
            "is {kind}, which Seatrial does not deploy with: make the service anew with ECS's own strategies (`deployment`)"
        );
        notes.add(format!("{file}: deploymentController"), advice);
    }
    if node.get("loadBalancers").is_some_and(|balancers| !read::items(balancers).is_empty()) {
        let advice = "stay as they are, so they name what exists on AWS; to rehearse on the embedded engine write a `listener` instead";
        notes.add(format!("{file}: loadBalancers"), advice);
    }
}

fn remarks(root: &Node, notes: &mut Notes) {
    for (key, _) in read::entries(root) {
        let advice = match key.text.as_str() {
            "region" | "cluster" | "service" | "task_definition" | "service_definition" => continue,
            "timeout" => "is left out; say it with `seatrial deploy --timeout`",
            "plugins" => "are left out; what they looked up is a variable now, as other remarks say",
            "appspec" | "codedeploy" => {
                "is left out; CodeDeploy is not used, see `deployment` for ECS's own strategies"
            }
            "ignore" => "is left out; nothing of a definition is ignored",
            "required_version" => "is left out; it is about ecspresso",
            "filter_command" => "is left out; nothing is chosen from lists here",
            _ => "has no counterpart and is left out",
        };
        notes.add(&key.text, advice);
    }
}

#[cfg(test)]
mod tests;
