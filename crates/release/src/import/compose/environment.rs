//! Variables of a service: `environment`, and the files of `env_file` below it.

use super::super::notes::Notes;
use super::super::read;
use super::super::read::Form;
use super::super::text::{Text, copies_secret};
use super::service::Scene;
use crate::config::node::{Node, Value};
use crate::difference::{is_secret_name, password};

/// Reads the variables; `environment` wins over the files, and a later file over an earlier one.
pub(super) fn environment(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Vec<(String, Text)> {
    let mut found: Vec<(String, Text)> = Vec::new();
    let mut set = |name: &str, value: Text| match found.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => found.push((name.to_owned(), value)),
    };
    for file in files(node) {
        let key = scene.at("env_file");
        match (scene.files)(file) {
            Err(why) => notes.add(&key, format!("{file} cannot be read ({why}); its variables are left out")),
            Ok(text) => {
                let mut values: Vec<&str> = Vec::new();
                for line in text.lines() {
                    match assignment(line) {
                        Some((name, value)) => {
                            values.push(name);
                            let (value, key) = (variable(name, &value, &format!("{key} {file}: {name}"), notes), name);
                            set(key, value);
                        }
                        None if line.trim().is_empty() || line.trim_start().starts_with('#') => {}
                        None => notes.add(&key, format!("{file} has a line that is no assignment; it is left out")),
                    }
                }
                notes.add(
                    &key,
                    format!("{} variables of {file} are copied; later changes of it change nothing", values.len()),
                );
            }
        }
    }
    let Some(written) = node.get("environment") else { return found };
    let is_odd = |value: &Node| !read::has_form(value, Form::Scalar);
    let has_odd = match &written.value {
        Value::Map(entries) => entries.iter().any(|(_, value)| is_odd(value)),
        Value::List(items) => items.iter().any(is_odd),
        Value::Scalar { .. } => false,
    };
    let mut assigned = |name: &str, value: Option<&str>| {
        let key = scene.at(&format!("environment.{name}"));
        let value = match value {
            // Compose takes it from the shell, where it may be missing.
            None if is_secret_name(name) => Text::variable(name, None),
            None => Text::variable(name, Some("")),
            Some(value) => variable(name, &Assigned::Filled(value.to_owned()), &key, notes),
        };
        set(name, value);
    };
    match &written.value {
        Value::Map(entries) => entries.iter().for_each(|(key, node)| assigned(&key.text, read::scalar(node))),
        Value::List(items) => {
            items.iter().filter_map(read::scalar).for_each(|item| match item.split_once('=') {
                Some((name, value)) => assigned(name, Some(value)),
                None => assigned(item, None),
            });
        }
        Value::Scalar { .. } => notes.odd(scene.at("environment")),
    }
    if has_odd {
        notes.odd(scene.at("environment"));
    }
    // What no variable can be called came from a slip of the pen.
    found.retain(|(name, _)| {
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if !is_name {
            notes.odd(scene.at("environment"));
        }
        is_name
    });
    found
}

fn files(node: &Node) -> Vec<&str> {
    match node.get("env_file").map(|node| (node, &node.value)) {
        Some((_, Value::List(items))) => {
            items.iter().filter_map(|item| read::scalar(item).or_else(|| read::scalar_at(item, "path"))).collect()
        }
        Some((node, _)) => read::scalar(node).or_else(|| read::scalar_at(node, "path")).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A value, in which variables are filled in or not.
enum Assigned {
    Filled(String),
    AsItIs(String),
}

/// The value of a variable; one that looks secret is asked for instead of copied.
fn variable(name: &str, value: &Assigned, key: &str, notes: &mut Notes) -> Text {
    let looks_secret = match value {
        Assigned::Filled(text) => copies_secret(name, text),
        // A dollar sign is one.
        Assigned::AsItIs(text) => (is_secret_name(name) && !text.is_empty()) || password(text).is_some(),
    };
    if looks_secret {
        let advice =
            "looks secret and is not copied: set it when you deploy, or name it in `secrets` of a `task_definition`";
        notes.add(key, advice);
        return Text::variable(name, None);
    }
    match value {
        Assigned::Filled(text) => read::filled(text, key, notes),
        Assigned::AsItIs(text) => Text::literal(text),
    }
}

/// A line of an environment file.
fn assignment(line: &str) -> Option<(&str, Assigned)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let inside =
        |quote: char| value.strip_prefix(quote).and_then(|rest| rest.rsplit_once(quote)).map(|(inner, _)| inner);
    let value = match (inside('\''), inside('"')) {
        (Some(inner), _) => Assigned::AsItIs(inner.to_owned()),
        (None, Some(inner)) => Assigned::Filled(inner.replace("\\n", "\n").replace("\\\"", "\"")),
        (None, None) => Assigned::Filled(value.split(" #").next().unwrap_or_default().trim_end().to_owned()),
    };
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some((name, value))
}
