//! Removes containers: one, those of a task, those of tasks that are no more. What has not the home's label is never touched.

use std::collections::BTreeMap;

use seatrial_model::TaskId;
use serde::Deserialize;
use serde_json::json;

use super::client::escaped;
use super::volumes::remove_volumes;
use super::{Client, ContainerPlace, EngineError, HOME_LABEL, Method, RUN_LABEL, TASK_LABEL};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Listed {
    fn is_of(&self, task: &str) -> bool {
        self.labels.get(TASK_LABEL).is_some_and(|of| of == task)
    }
}

/// Kills and removes a container. One that is gone is as good.
///
/// Podman takes the removal by force for a stop, with the time that a stop has: nobody who is killed needs that.
pub(crate) async fn remove_container(client: &Client, name: &str) -> Result<(), EngineError> {
    match client.ask(Method::POST, &format!("/containers/{name}/kill?signal=SIGKILL"), None).await {
        Err(error) if !error.is_refusal() => return Err(error),
        Err(_) | Ok(_) => {}
    }
    match client.ask(Method::DELETE, &format!("/containers/{name}?force=1&v=1"), None).await {
        Ok(_) => Ok(()),
        // Somebody else is removing it.
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a run of a container, and nothing of a later one that has its name.
pub(crate) async fn remove_run(client: &Client, name: &str, run: u64) -> Result<(), EngineError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inspected {
        id: String,
        config: Config,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        #[serde(default)]
        labels: Option<BTreeMap<String, String>>,
    }
    let inspected: Inspected = match client.get(&format!("/containers/{name}/json")).await {
        Ok(answer) => answer.json()?,
        Err(error) if error.status() == Some(404) => return Ok(()),
        Err(error) => return Err(error),
    };
    let of = inspected.config.labels.and_then(|labels| labels.get(RUN_LABEL)?.parse().ok());
    if of.is_some_and(|of: u64| of > run) { Ok(()) } else { remove_container(client, &inspected.id).await }
}

/// Removes every container of a task, that of its network last, which the others live in, and then its volumes.
pub(crate) async fn remove_of_task(place: &ContainerPlace, task: &TaskId) -> Result<(), EngineError> {
    let is_wanted = |of: &str| of == task.as_str();
    remove(place, is_wanted).await?;
    remove_volumes(place, is_wanted).await
}

/// Removes the containers and volumes of a home's tasks that `is_over` says it of.
pub(crate) async fn remove_of_home(
    place: &ContainerPlace,
    is_over: impl Fn(&TaskId) -> bool,
) -> Result<(), EngineError> {
    let is_wanted = |task: &str| TaskId::parse(task).is_ok_and(|task| is_over(&task));
    remove(place, &is_wanted).await?;
    remove_volumes(place, is_wanted).await
}

async fn remove(place: &ContainerPlace, is_wanted: impl Fn(&str) -> bool) -> Result<(), EngineError> {
    remove_listed(place, |listed| listed.labels.get(TASK_LABEL).is_some_and(|task| is_wanted(task))).await
}

async fn remove_listed(place: &ContainerPlace, is_wanted: impl Fn(&Listed) -> bool) -> Result<(), EngineError> {
    let client = place.client();
    let filter = json!({ "label": [format!("{HOME_LABEL}={}", place.home)] }).to_string();
    let listed: Vec<Listed> =
        client.get(&format!("/containers/json?all=1&filters={}", escaped(&filter))).await?.json()?;
    let of_home = listed.into_iter().filter(|listed| listed.labels.get(HOME_LABEL) == Some(&place.home));
    let mut found: Vec<Listed> = of_home.filter(|listed| is_wanted(listed)).collect();
    found.sort_by_key(holds_network);
    let mut outcome = Ok(());
    for listed in found {
        let removed = remove_container(&client, &listed.id).await;
        outcome = outcome.and(removed);
    }
    outcome
}

/// Removes the containers that live in the network of a task, and not the one that holds it.
pub(crate) async fn remove_inhabitants(place: &ContainerPlace, task: &TaskId) -> Result<(), EngineError> {
    remove_listed(place, |listed| !holds_network(listed) && listed.is_of(task.as_str())).await
}

fn holds_network(listed: &Listed) -> bool {
    let Some(task) = listed.labels.get(TASK_LABEL) else { return false };
    listed.names.iter().any(|name| name.trim_start_matches('/') == format!("seatrial-{task}"))
}
