//! Policies of advanced parameters. They are read, kept and shown; nothing here expires a parameter or notifies anybody.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::refused::{Refused, quoted};

/// The most policies of a parameter.
const POLICIES_MAX: usize = 10;
/// The longest text of all policies.
const TEXT_LENGTH_MAX: usize = 4096;
/// The only version of policies.
const VERSION: &str = "1.0";
/// The policies there are, with the attributes each needs.
const TYPES: [(&str, &[&str]); 3] = [
    ("Expiration", &["Timestamp"]),
    ("ExpirationNotification", &["Before", "Unit"]),
    ("NoChangeNotification", &["After", "Unit"]),
];

/// A policy as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// `Expiration`, `ExpirationNotification` or `NoChangeNotification`.
    pub kind: String,
    /// The policy's JSON.
    pub text: String,
}

/// Reads `Policies`, a JSON array in a text; an empty array or text is none.
pub fn parse(text: &str) -> Result<Vec<Policy>, Refused> {
    if text.len() > TEXT_LENGTH_MAX {
        return Err(Refused::validation(format!("Policies may have {TEXT_LENGTH_MAX} characters.")));
    }
    if text.is_empty() || text == "{}" {
        return Ok(Vec::new());
    }
    let list: Vec<Value> = serde_json::from_str(text)
        .map_err(|_| Refused::new("InvalidPolicyTypeException", "Policies must be a JSON array of policies."))?;
    if list.len() > POLICIES_MAX {
        return Err(Refused::new(
            "PoliciesLimitExceededException",
            format!("A parameter may have at most {POLICIES_MAX} policies."),
        ));
    }
    let policies = list.iter().map(policy).collect::<Result<Vec<_>, _>>()?;
    let expirations = policies.iter().filter(|policy| policy.kind == "Expiration").count();
    let notified = policies.iter().any(|policy| policy.kind == "ExpirationNotification");
    if expirations > 1 || (notified && expirations == 0) {
        return Err(Refused::new(
            "IncompatiblePolicyException",
            "There may be one Expiration policy, and ExpirationNotification needs it.",
        ));
    }
    Ok(policies)
}

fn policy(document: &Value) -> Result<Policy, Refused> {
    let given = document["Type"].as_str().unwrap_or_default();
    let Some((kind, attributes)) = TYPES.into_iter().find(|(kind, _)| *kind == given) else {
        return Err(Refused::new(
            "InvalidPolicyTypeException",
            format!(
                "The policy type {:?} isn't supported; it is one of {}.",
                quoted(given),
                TYPES.map(|(kind, _)| kind).join(", ")
            ),
        ));
    };
    let has = |attribute: &&str| document["Attributes"][*attribute].as_str().is_some_and(|text| !text.is_empty());
    if let Some(missing) = attributes.iter().find(|attribute| !has(attribute)) {
        return Err(Refused::new(
            "InvalidPolicyAttributeException",
            format!("The policy {kind} needs the attribute {missing}."),
        ));
    }
    if document["Version"] != VERSION {
        return Err(Refused::new(
            "InvalidPolicyAttributeException",
            format!("The policy {kind} needs the Version {VERSION:?}."),
        ));
    }
    Ok(Policy { kind: kind.to_owned(), text: document.to_string() })
}
