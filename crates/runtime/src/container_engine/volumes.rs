//! The volumes of a task: made before its containers, and gone with them.

use std::collections::BTreeMap;

use seatrial_model::TaskId;
use serde::Deserialize;
use serde_json::json;

use super::client::escaped;
use super::{ContainerPlace, EngineError, HOME_LABEL, Method, TASK_LABEL, labels, volume_name};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// Makes a volume, unless it is there.
pub(crate) async fn ensure_volume(place: &ContainerPlace, task: &TaskId, volume: &str) -> Result<(), EngineError> {
    let name = volume_name(task, volume);
    let client = place.client();
    match client.get(&format!("/volumes/{}", escaped(&name))).await {
        Ok(_) => return Ok(()),
        Err(error) if error.status() == Some(404) => {}
        Err(error) => return Err(error),
    }
    let request = json!({ "Name": name, "Driver": "local", "Labels": labels(place, task, None) });
    client.ask(Method::POST, "/volumes/create", Some(&request)).await.map(drop)
}

/// Removes the volumes of those of a home's tasks that `is_wanted` says it of; one that a container still has stays, and is an error.
pub(super) async fn remove_volumes(
    place: &ContainerPlace,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(), EngineError> {
    let client = place.client();
    let filter = json!({ "label": [format!("{HOME_LABEL}={}", place.home)] }).to_string();
    let listed: Listed = client.get(&format!("/volumes?filters={}", escaped(&filter))).await?.json()?;
    let mut outcome = Ok(());
    for volume in listed.volumes.unwrap_or_default() {
        let labels = volume.labels.unwrap_or_default();
        let is_of_home = labels.get(HOME_LABEL) == Some(&place.home);
        if is_of_home && labels.get(TASK_LABEL).is_some_and(|task| is_wanted(task)) {
            let removed = client.ask(Method::DELETE, &format!("/volumes/{}", escaped(&volume.name)), None).await;
            match removed {
                Err(error) if error.status() != Some(404) => outcome = outcome.and(Err(error)),
                Ok(_) | Err(_) => {}
            }
        }
    }
    outcome
}
