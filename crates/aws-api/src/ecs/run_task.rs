//! RunTask, once per client token.

use seatrial_aws_wire::Input;
use seatrial_engine::state::{Document, Tags, TaskRecord};
use seatrial_engine::tasks::{self, RunTask};
use seatrial_engine::{Engine, Refusal, State, Transaction, clusters, propagated_tags, task_definitions};
use seatrial_model::ClusterName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::capacity_providers;
use super::documents;
use super::overrides::Overrides;
use super::request::{client_token, digest, one_of, required};
use super::service_request::LAUNCH_TYPES;
use super::show::{self, RUN_TASK_REQUEST};
use super::tags::{TagList, parse_tags};
use crate::operations::OperationError;

/// The most tasks one RunTask starts.
const RUN_AT_ONCE_MAX: i64 = 10;
/// The longest `clientToken` of RunTask.
const CLIENT_TOKEN_LENGTH_MAX: usize = 64;
/// The longest `startedBy`.
const STARTED_BY_LENGTH_MAX: usize = 128;
/// Members of the request that a task shows.
const SHOWN: [&str; 4] = ["overrides", "launchType", "platformVersion", "enableExecuteCommand"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunTaskRequest {
    cluster: Option<String>,
    task_definition: Option<String>,
    count: Option<i64>,
    group: Option<String>,
    started_by: Option<String>,
    client_token: Option<String>,
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Value,
    network_configuration: Option<Value>,
    propagate_tags: Option<String>,
    #[serde(default)]
    overrides: Overrides,
    #[serde(default)]
    tags: TagList,
}

pub(super) fn run(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: RunTaskRequest = input.read()?;
    input.check(&documents::RUN_TASK)?;
    let count = request.count.unwrap_or(1);
    if !(1..=RUN_AT_ONCE_MAX).contains(&count) {
        return Err(Refusal::invalid(format!("count must be between 1 and {RUN_AT_ONCE_MAX}.")).into());
    }
    capacity_providers::check_strategy(&request.capacity_provider_strategy)?;
    let provider = capacity_providers::first_choice(&request.capacity_provider_strategy);
    if provider.is_some() && request.launch_type.is_some() {
        return Err(
            Refusal::invalid("launchType and capacityProviderStrategy exclude each other: send one of them.").into()
        );
    }
    one_of(request.propagate_tags.as_deref(), "propagateTags", &propagated_tags::SOURCES)?;
    if request.propagate_tags.as_deref() == Some("SERVICE") {
        return Err(Refusal::invalid("propagateTags cannot be SERVICE for a task without a service.").into());
    }
    one_of(request.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
    if request.started_by.as_ref().is_some_and(|text| text.chars().count() > STARTED_BY_LENGTH_MAX) {
        return Err(Refusal::invalid(format!("startedBy can have at most {STARTED_BY_LENGTH_MAX} characters.")).into());
    }
    let task_definition = required(request.task_definition, "TaskDefinition")?;
    let token = client_token(request.client_token, CLIENT_TOKEN_LENGTH_MAX)?.map(|token| Token::new(token, input));
    let given = parse_tags(request.tags)?;
    let mut document: Document =
        SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), input.value().get(name)?.clone()))).collect();
    if let Some(provider) = provider {
        document.insert("capacityProviderName".to_owned(), json!(provider));
        document.insert("launchType".to_owned(), json!("FARGATE"));
    }
    if let Some(token) = &token {
        document.insert(RUN_TASK_REQUEST.to_owned(), token.record());
    }
    let propagate = request.propagate_tags.as_deref();
    let outcome = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, request.cluster.as_deref())?;
        if let Some(earlier) = token.as_ref().and_then(|token| token.tasks(tx.state, &cluster)) {
            return Ok(earlier);
        }
        let definition = &task_definitions::find_active(tx.state, &task_definition)?.definition;
        let order = RunTask {
            cluster,
            task_definition: task_definition.clone(),
            group: request.group.clone(),
            started_by: request.started_by.clone(),
            overridden: request.overrides.apply(definition, request.launch_type.as_deref())?,
            document,
            network_configuration: request.network_configuration.clone(),
        };
        (0..count).map(|_| start(tx, order.clone(), propagate, &given)).collect::<Result<_, _>>().map(Outcome::Tasks)
    })?;
    engine.read(|state| match outcome {
        Outcome::Tasks(tasks) => {
            let shown: Vec<Value> = tasks.iter().map(|task| show::task(state, task, show::Include::Tags)).collect();
            Ok(json!({ "tasks": shown, "failures": [] }))
        }
        Outcome::OfAnotherRequest(tasks) => Err(conflict(state, &tasks)),
    })
}

fn start(tx: &mut Transaction<'_>, order: RunTask, propagate: Option<&str>, own: &Tags) -> Result<TaskRecord, Refusal> {
    let task = tasks::run(tx, order)?;
    propagated_tags::tag_standalone_task(tx, &task, propagate, own)?;
    Ok(task)
}

/// A client token and the request it came with. Tasks keep both, so that a token holds as long as one of its tasks is known.
struct Token {
    token: String,
    request: String,
}

enum Outcome {
    /// Those this request started, now or when it was sent first.
    Tasks(Vec<TaskRecord>),
    OfAnotherRequest(Vec<TaskRecord>),
}

impl Token {
    fn new(token: String, input: &Input) -> Self {
        Token { token, request: digest(input) }
    }

    fn record(&self) -> Value {
        json!({ "clientToken": self.token, "request": self.request })
    }

    /// Finds the tasks an earlier request with this token started in the cluster.
    fn tasks(&self, state: &State, cluster: &ClusterName) -> Option<Outcome> {
        let has_token = |task: &&TaskRecord| {
            task.document.get(RUN_TASK_REQUEST).is_some_and(|record| record["clientToken"] == self.token.as_str())
        };
        let found: Vec<TaskRecord> = state.tasks_of(cluster).filter(has_token).cloned().collect();
        let first = found.first()?;
        let is_same = first.document.get(RUN_TASK_REQUEST) == Some(&self.record());
        Some(if is_same { Outcome::Tasks(found) } else { Outcome::OfAnotherRequest(found) })
    }
}

fn conflict(state: &State, tasks: &[TaskRecord]) -> OperationError {
    let arns: Vec<_> = tasks.iter().map(|task| state.scope.task(&task.cluster, &task.id)).collect();
    seatrial_aws_wire::ServiceError::sender(
        "ConflictException",
        "The clientToken is already in use with a different RunTask request.",
    )
    .with_member("resourceIds", json!(arns))
    .into()
}
