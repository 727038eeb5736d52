//! The configuration of an environment as text.

use std::collections::BTreeMap;

use seatrial_release::configuration::{Secrecy, Value};
use serde::Serialize;

use super::time::moment;
use crate::printer::{Paint, table};

/// What stands for the value of a secret.
const HIDDEN: &str = "(secret)";

/// What the file says and what is there, where they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub name: String,
    pub file: Option<String>,
    pub environment: Option<String>,
}

/// One row for each value.
pub fn list(values: &[Value], paint: Paint) -> String {
    if values.is_empty() {
        return "no configuration; put some with `seatrial config set NAME`, or under `config` in the file\n"
            .to_owned();
    }
    let row =
        |value: &Value| vec![value.name.clone(), shown(value), value.version.to_string(), moment(value.changed_at)];
    table(&["NAME", "VALUE", "VERSION", "CHANGED"], &values.iter().map(row).collect::<Vec<_>>(), paint)
}

/// One row for each version.
pub fn history(versions: &[Value], paint: Paint) -> String {
    let row = |value: &Value| {
        let by = value.changed_by.clone().unwrap_or_else(|| "-".to_owned());
        vec![value.version.to_string(), shown(value), moment(value.changed_at), by]
    };
    table(&["VERSION", "VALUE", "CHANGED", "BY"], &versions.iter().map(row).collect::<Vec<_>>(), paint)
}

/// Compares what the file says with what is there; what only the environment has is its own business.
pub fn differences(file: &BTreeMap<String, String>, there: &[Value]) -> Vec<Difference> {
    let difference = |(name, wanted): (&String, &String)| {
        let found = there.iter().find(|value| value.name == *name);
        if found.is_some_and(|value| value.value.as_ref() == Some(wanted)) {
            return None;
        }
        Some(Difference { name: name.clone(), file: Some(wanted.clone()), environment: found.map(shown) })
    };
    file.iter().filter_map(difference).collect()
}

/// One row for each difference.
pub fn diff(differences: &[Difference], paint: Paint) -> String {
    if differences.is_empty() {
        return "what the file says is there\n".to_owned();
    }
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |one: &Difference| vec![one.name.clone(), or_dash(&one.environment), or_dash(&one.file)];
    table(&["NAME", "THERE", "IN THE FILE"], &differences.iter().map(row).collect::<Vec<_>>(), paint)
}

fn shown(value: &Value) -> String {
    match value.secrecy {
        Secrecy::Secret => HIDDEN.to_owned(),
        Secrecy::Plain => value.value.clone().unwrap_or_default(),
    }
}
