//! What is refused of a file as a whole, before any of its environments is chosen.

use super::super::error::Fault;
use super::super::merge::without_nulls;
use super::super::names::EnvironmentName;
use super::super::nearest::nearest;
use super::super::node::{Node, Value};
use super::super::template;
use super::IMPLICIT_ENVIRONMENT;

/// The file with the nulls of its environments left out, by which overrides take settings away.
pub(super) fn with_checkable_overrides(root: &Node) -> Node {
    let mut root = root.clone();
    if let Value::Map(entries) = &mut root.value {
        for (_, node) in entries.iter_mut().filter(|(key, _)| key.text == "environments") {
            *node = without_nulls(node);
        }
    }
    root
}

pub(super) fn environment_names(root: &Node) -> Result<Vec<EnvironmentName>, Fault> {
    let names = match root.get("environments").map(|node| &node.value) {
        Some(Value::Map(entries)) => {
            entries.iter().filter_map(|(key, _)| key.text.parse().ok()).collect() // decoding has refused bad names
        }
        Some(Value::Scalar { .. } | Value::List(_)) | None => {
            vec![IMPLICIT_ENVIRONMENT.parse().expect("the constant is a name")]
        }
    };
    if names.is_empty() {
        return Err(
            Fault::new("`environments` is empty").instead("remove it, or add `dev: { target: embedded, stage: dev }`")
        );
    }
    Ok(names)
}

/// An override of a service that does not exist is a slip of the pen.
pub(super) fn refuse_unknown_services(root: &Node) -> Result<(), Fault> {
    let keys = |node: Option<&Node>| match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().map(|(key, _)| key.clone()).collect(),
        Some(Value::Scalar { .. } | Value::List(_)) | None => Vec::new(),
    };
    let services = keys(root.get("services"));
    if services.is_empty() {
        return Err(Fault::new("the file has no service").instead("add one below `services:`"));
    }
    let Some(environments) = root.get("environments") else { return Ok(()) };
    for environment in keys(Some(environments)) {
        let overrides = environments.get(&environment.text).and_then(|node| node.get("services"));
        for key in keys(overrides) {
            if services.iter().all(|service| service.text != key.text) {
                let names = services.iter().map(|service| service.text.as_str());
                let advice = match nearest(&key.text, names) {
                    Some(near) => format!("write `{near}`"),
                    None => "describe the service below the top-level `services` first".to_owned(),
                };
                let what = format!(
                    "`environments.{}.services` overrides `{}`, which is no service",
                    environment.text, key.text
                );
                return Err(Fault::new(what).at(key.at).instead(advice));
            }
        }
    }
    Ok(())
}

pub(super) fn refuse_unset_variables(node: &Node) -> Result<(), Fault> {
    node.each_scalar(&mut |at, text| template::find_missing(text).map_or(Ok(()), |fault| Err(fault.at(at))))
}

/// Whether a fault only says that an unset variable has no proper value; that is no fault before its environment is used.
pub(super) fn stands_on_unset_variable(root: &Node, fault: &Fault) -> bool {
    root.each_scalar(&mut |at, text| {
        if Some(at) == fault.at && template::find_missing(text).is_some() { Err(()) } else { Ok(()) }
    })
    .is_err()
}
