//! What DescribeSecret and ListSecrets both show of a secret.

use std::collections::BTreeMap;

use seatrial_parameters::secret::{Secret, Stage};
use serde_json::{Value, json};

/// Shows a secret but for its versions and its deletion, which the two operations call by different names.
pub(super) fn secret(secret: &Secret) -> Value {
    let tags: Vec<Value> = secret.tags().iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    let mut shown = json!({
        "ARN": secret.arn(),
        "Name": secret.name().as_str(),
        "CreatedDate": secret.created_at().as_epoch_seconds(),
        "LastChangedDate": secret.changed_at().as_epoch_seconds(),
    });
    for (member, text) in [("Description", secret.description()), ("KmsKeyId", secret.key_id())] {
        if let Some(text) = text {
            shown[member] = text.into();
        }
    }
    if !tags.is_empty() {
        shown["Tags"] = tags.into();
    }
    shown
}

/// Shows which version has which stages; versions without any are left out.
pub(super) fn stages(secret: &Secret) -> Value {
    let staged = secret.versions().filter(|version| !version.stages.is_empty());
    let shown: BTreeMap<&str, Vec<&str>> =
        staged.map(|version| (version.id.as_str(), version.stages.iter().map(Stage::as_str).collect())).collect();
    json!(shown)
}
