//! `Parameter`, `ParameterMetadata` and `ParameterHistory`.

use seatrial_engine::{Engine, Refusal};
use seatrial_model::arn::Scope;
use seatrial_parameters::parameter::{ParameterVersion, Policy};
use seatrial_parameters::{Parameter, StoredValue};
use serde_json::{Map, Value, json};

/// Whether a SecureString is shown as it is, or as what sealing made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decryption {
    Wanted,
    NotWanted,
}

impl Decryption {
    pub fn of(with_decryption: bool) -> Self {
        if with_decryption { Decryption::Wanted } else { Decryption::NotWanted }
    }
}

/// Shows a version with its value; `suffix` is how it was chosen.
pub(super) fn parameter(
    engine: &Engine,
    parameter: &Parameter,
    version: &ParameterVersion,
    suffix: Option<&str>,
    decryption: Decryption,
) -> Result<Value, Refusal> {
    let scope: &Scope = &engine.settings().scope;
    let mut shown = json!({
        "Name": parameter.name().as_str(),
        "Type": version.kind.as_str(),
        "Value": value(engine, parameter, version, decryption)?,
        "Version": version.number,
        "LastModifiedDate": version.modified_at.as_epoch_seconds(),
        "ARN": parameter.name().arn(scope),
        "DataType": version.data_type.as_str(),
    });
    if let Some(suffix) = suffix {
        shown["Selector"] = suffix.into();
    }
    Ok(shown)
}

/// Shows what is known of a parameter but its value.
pub(super) fn metadata(engine: &Engine, parameter: &Parameter) -> Value {
    let mut shown = described(parameter, parameter.latest());
    shown.insert("ARN".to_owned(), parameter.name().arn(&engine.settings().scope).into());
    Value::Object(shown)
}

/// Shows a version with all that is known of it.
pub(super) fn history(
    engine: &Engine,
    parameter: &Parameter,
    version: &ParameterVersion,
    decryption: Decryption,
) -> Result<Value, Refusal> {
    let mut shown = described(parameter, version);
    shown.insert("Value".to_owned(), value(engine, parameter, version, decryption)?.into());
    shown.insert("Labels".to_owned(), parameter.labels_of(version.number).into());
    Ok(Value::Object(shown))
}

fn described(parameter: &Parameter, version: &ParameterVersion) -> Map<String, Value> {
    let mut shown = Map::from_iter([
        ("Name".to_owned(), parameter.name().as_str().into()),
        ("Type".to_owned(), version.kind.as_str().into()),
        ("Version".to_owned(), version.number.into()),
        ("LastModifiedDate".to_owned(), version.modified_at.as_epoch_seconds().into()),
        ("LastModifiedUser".to_owned(), version.modified_by.clone().into()),
        ("Tier".to_owned(), version.tier.as_str().into()),
        ("DataType".to_owned(), version.data_type.as_str().into()),
        ("Policies".to_owned(), version.policies.iter().map(policy).collect()),
    ]);
    let optional = [
        ("KeyId", &version.key_id),
        ("Description", &version.description),
        ("AllowedPattern", &version.allowed_pattern),
    ];
    shown.extend(optional.into_iter().filter_map(|(member, text)| Some((member.to_owned(), text.clone()?.into()))));
    shown
}

/// Shows a policy. Nothing here carries it out, so it stays pending.
fn policy(policy: &Policy) -> Value {
    json!({ "PolicyText": policy.text, "PolicyType": policy.kind, "PolicyStatus": "Pending" })
}

fn value(
    engine: &Engine,
    parameter: &Parameter,
    version: &ParameterVersion,
    decryption: Decryption,
) -> Result<String, Refusal> {
    match (&version.value, decryption) {
        (StoredValue::Plain(text), _) | (StoredValue::Sealed(text), Decryption::NotWanted) => Ok(text.clone()),
        (StoredValue::Sealed(_), Decryption::Wanted) => {
            Ok(engine.parameter_value(parameter, version)?.expose().to_owned())
        }
    }
}
