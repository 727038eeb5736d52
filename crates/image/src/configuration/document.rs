//! The configuration as JSON has it, read and written.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_model::image::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ExposedPort, Healthcheck, HistoryEntry, ImageConfiguration, RunConfiguration};

#[derive(Deserialize, Serialize)]
pub(crate) struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    pub architecture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    pub os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Run>,
    pub rootfs: Option<RootFileSystem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<History>>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct RootFileSystem {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub diff_ids: Option<Vec<Digest>>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Run {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposed_ports: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, Option<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<Check>,
}

/// Durations are nanoseconds; zero stands for Docker's own.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<i64>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct History {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_layer: Option<bool>,
}

impl From<Run> for RunConfiguration {
    fn from(run: Run) -> Self {
        let variable = |text: String| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (text, String::new()),
        };
        let stated = |text: Option<String>| text.filter(|text| !text.is_empty());
        let ports = run.exposed_ports.unwrap_or_default();
        let labels = run.labels.unwrap_or_default();
        RunConfiguration {
            entry_point: run.entrypoint.unwrap_or_default(),
            command: run.cmd.unwrap_or_default(),
            environment: run.env.unwrap_or_default().into_iter().map(variable).collect(),
            working_directory: stated(run.working_dir),
            user: stated(run.user),
            exposed_ports: ports.keys().filter_map(|port| ExposedPort::parse(port)).collect(),
            stop_signal: stated(run.stop_signal),
            labels: labels.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect(),
            healthcheck: run.healthcheck.map(Healthcheck::from),
        }
    }
}

impl From<Check> for Healthcheck {
    fn from(check: Check) -> Self {
        let duration = |nanoseconds: Option<i64>| {
            nanoseconds
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| *number > 0)
                .map(Duration::from_nanos)
        };
        Healthcheck {
            test: check.test.unwrap_or_default(),
            interval: duration(check.interval),
            timeout: duration(check.timeout),
            start_period: duration(check.start_period),
            start_interval: duration(check.start_interval),
            retries: check.retries.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0),
        }
    }
}

impl From<History> for HistoryEntry {
    fn from(history: History) -> Self {
        HistoryEntry {
            created: history.created,
            created_by: history.created_by,
            comment: history.comment,
            is_empty_layer: history.empty_layer.unwrap_or(false),
        }
    }
}

impl From<&ImageConfiguration> for Document {
    fn from(configuration: &ImageConfiguration) -> Self {
        let platform = &configuration.platform;
        let history: Vec<History> = configuration.history.iter().map(History::from).collect();
        Document {
            created: configuration.created.clone(),
            architecture: Some(platform.architecture.clone()),
            variant: platform.variant.clone(),
            os: Some(platform.os.clone()),
            config: Some(Run::from(&configuration.run)),
            rootfs: Some(RootFileSystem {
                kind: Some("layers".to_owned()),
                diff_ids: Some(configuration.diff_ids.clone()),
            }),
            history: some(history),
        }
    }
}

impl From<&RunConfiguration> for Run {
    fn from(run: &RunConfiguration) -> Self {
        let environment = run.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let empty_object = || Value::Object(serde_json::Map::new());
        let ports: Vec<(String, Value)> =
            run.exposed_ports.iter().map(|port| (port.to_string(), empty_object())).collect();
        let labels: Vec<(String, Option<String>)> =
            run.labels.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        Run {
            user: run.user.clone(),
            exposed_ports: some(ports).map(BTreeMap::from_iter),
            env: some(environment.collect()),
            entrypoint: some(run.entry_point.clone()),
            cmd: some(run.command.clone()),
            working_dir: run.working_directory.clone(),
            labels: some(labels).map(BTreeMap::from_iter),
            stop_signal: run.stop_signal.clone(),
            healthcheck: run.healthcheck.as_ref().map(Check::from),
        }
    }
}

impl From<&Healthcheck> for Check {
    fn from(check: &Healthcheck) -> Self {
        let nanoseconds = |duration: Option<Duration>| {
            duration.map(|duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
        };
        Check {
            test: some(check.test.clone()),
            interval: nanoseconds(check.interval),
            timeout: nanoseconds(check.timeout),
            start_period: nanoseconds(check.start_period),
            start_interval: nanoseconds(check.start_interval),
            retries: check.retries.map(i64::from),
        }
    }
}

impl From<&HistoryEntry> for History {
    fn from(entry: &HistoryEntry) -> Self {
        History {
            created: entry.created.clone(),
            created_by: entry.created_by.clone(),
            comment: entry.comment.clone(),
            empty_layer: entry.is_empty_layer.then_some(true),
        }
    }
}

/// Leaves an empty list out.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}
