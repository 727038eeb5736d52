//! The task definition of a service: built from short-hand, or an ECS document with the few settings laid over it that a
//! pipeline must be able to change (image, environment).

use std::collections::BTreeMap;
use std::path::Path;

use seatrial_model::task_definition::RUNTIME_LABEL;
use serde_json::{Map, Value as Json, json};

use super::document::{RuntimeEntry, ServiceEntry};
use super::ecs_document::{self, Kind};
use super::either::EcsDocumentEntry;
use super::error::{ConfigError, Fault};
use super::names::ServiceName;
use super::site::Site;
use crate::plan::{BuildPlan, TargetDefaults};

/// The smallest size Fargate offers, in CPU units and MiB.
const DEFAULT_CPU: &str = "256";
const DEFAULT_MEMORY: &str = "512";

/// Prefix of log stream names: `ecs/<container>/<task id>`.
const LOG_STREAM_PREFIX: &str = "ecs";

/// Docker label holding the `version` of a service.
pub(crate) const VERSION_LABEL: &str = "seatrial.version";

/// Short-hand keys that a `task_definition` states itself.
const TASK_KEYS: [&str; 9] =
    ["command", "working_directory", "user", "cpu", "memory", "stop_timeout", "version", "execution_role", "task_role"];

/// What a task definition is made of, beside the service's own entry.
pub(crate) struct Surroundings<'a> {
    pub file: &'a Path,
    pub directory: &'a Path,
    pub defaults: &'a TargetDefaults,
    pub family: String,
    pub log_group: String,
    pub execution_role: Option<&'a str>,
    pub task_role: Option<&'a str>,
    /// The configuration of the application.
    pub config: &'a BTreeMap<String, String>,
    /// The parameter that a name of configuration stands for.
    pub config_parameter: &'a dyn Fn(&str) -> String,
}

/// A finished task definition and what the rest of the plan needs to know of it.
pub(crate) struct Task {
    pub document: Map<String, Json>,
    pub family: String,
}

impl Task {
    /// The network mode; ECS's default is `bridge`.
    pub fn network_mode(&self) -> &str {
        self.document.get("networkMode").and_then(Json::as_str).unwrap_or("bridge")
    }

    /// The log groups named by `awslogs` log drivers, each once, in the order of the containers.
    pub fn log_groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for container in containers(&self.document) {
            let options = &container["logConfiguration"];
            if options["logDriver"] == "awslogs"
                && let Some(group) = options["options"]["awslogs-group"].as_str()
                && !groups.iter().any(|known| known == group)
            {
                groups.push(group.to_owned());
            }
        }
        groups
    }

    /// The container and port that requests go to: the one with `port`, or the only port there is.
    pub fn balanced_port(&self, port: Option<i32>, site: &Site<'_>) -> Result<(String, i32), Fault> {
        let mappings: Vec<(String, i32)> = containers(&self.document)
            .flat_map(|container| {
                let name = container["name"].as_str().unwrap_or_default().to_owned();
                let ports = container["portMappings"].as_array().cloned().unwrap_or_default();
                ports.into_iter().filter_map(move |mapping| {
                    let number = mapping["containerPort"].as_i64().and_then(|number| i32::try_from(number).ok())?;
                    Some((name.clone(), number))
                })
            })
            .collect();
        let mut fitting = mappings.iter().filter(|(_, number)| port.is_none_or(|port| port == *number));
        match (fitting.next(), fitting.next(), port) {
            (Some(found), None, _) => Ok(found.clone()),
            (Some(found), Some(_), Some(_)) => Ok(found.clone()),
            (Some(_), Some(_), None) => Err(site.fault("has several port mappings").instead("say which with `port:`")),
            (None, _, Some(port)) => {
                Err(site.below("port").fault(format_args!("is {port}, which no container of the task definition maps")))
            }
            (None, _, None) => {
                Err(site.fault("has a listener but no port").instead("add `port:`, the port the program listens on"))
            }
        }
    }
}

/// Builds the task definition of `name`.
pub(crate) fn task(
    name: &ServiceName,
    entry: &ServiceEntry,
    build: Option<&BuildPlan>,
    site: &Site<'_>,
    around: &Surroundings<'_>,
) -> Result<Task, ConfigError> {
    match &entry.task_definition {
        None => shorthand(name, entry, build, site, around).map_err(|fault| ConfigError::new(around.file, fault)),
        Some(source) => document(name, source, entry, build, site, around),
    }
}

fn shorthand(
    name: &ServiceName,
    entry: &ServiceEntry,
    build: Option<&BuildPlan>,
    site: &Site<'_>,
    around: &Surroundings<'_>,
) -> Result<Task, Fault> {
    let built = build.map(BuildPlan::placeholder);
    let given = entry.image.as_ref().or(built.as_ref());
    let is_process = given.is_none();
    let image = match (given, &around.defaults.process_image) {
        (Some(image), _) => image.clone(),
        (None, Some(process)) => process.clone(),
        (None, None) => {
            return Err(site
                .fault("lacks `image`, which every service on AWS needs")
                .instead("add `image:` or `build:`, or name a `task_definition:`"));
        }
    };
    if is_process && entry.command.is_none() {
        return Err(site
            .fault("lacks `command`")
            .instead("add `command: [program, argument]`, an `image:` or a `task_definition:`"));
    }
    let mut container = Map::new();
    container.insert("name".into(), json!(name.as_str()));
    container.insert("image".into(), json!(image));
    container.insert("essential".into(), json!(true));
    if let Some(command) = &entry.command {
        container.insert("command".into(), json!(command.words()));
    }
    if let Some(port) = entry.port {
        container.insert("portMappings".into(), json!([{ "containerPort": port.get(), "protocol": "tcp" }]));
    }
    let secrets = secrets(entry, site, around)?;
    let environment = environment(entry, is_process, around, &secrets);
    if !environment.is_empty() {
        container.insert("environment".into(), pairs(&environment));
    }
    if !secrets.is_empty() {
        container.insert("secrets".into(), sources(&secrets));
    }
    if let Some(directory) = working_directory(entry, is_process, around.directory) {
        container.insert("workingDirectory".into(), json!(directory));
    }
    if let Some(user) = &entry.user {
        container.insert("user".into(), json!(user));
    }
    if let Some(stop_timeout) = entry.stop_timeout {
        container.insert("stopTimeout".into(), json!(stop_timeout.get()));
    }
    if is_process && entry.runtime == Some(RuntimeEntry::Container) {
        return Err(site
            .below("runtime")
            .fault("is container, and there is no image to run in one")
            .instead("add `image:` or `build:`, or leave `runtime:` out"));
    }
    add_labels(&mut container, entry, around);
    container.insert(
        "logConfiguration".into(),
        json!({ "logDriver": "awslogs", "options": {
            "awslogs-group": around.log_group,
            "awslogs-region": around.defaults.region,
            "awslogs-stream-prefix": LOG_STREAM_PREFIX,
        }}),
    );
    let mut document = Map::new();
    document.insert("family".into(), json!(around.family));
    document.insert("networkMode".into(), json!("awsvpc"));
    document.insert("requiresCompatibilities".into(), json!(["FARGATE"]));
    document.insert("cpu".into(), json!(entry.cpu.as_deref().unwrap_or(DEFAULT_CPU)));
    document.insert("memory".into(), json!(entry.memory.as_deref().unwrap_or(DEFAULT_MEMORY)));
    if let Some(role) = entry.execution_role.as_deref().or(around.execution_role) {
        document.insert("executionRoleArn".into(), json!(role));
    }
    if let Some(role) = entry.task_role.as_deref().or(around.task_role) {
        document.insert("taskRoleArn".into(), json!(role));
    }
    document.insert("containerDefinitions".into(), json!([container]));
    Ok(Task { document, family: around.family.clone() })
}

/// Adds the labels that say what the short-hand says beyond ECS. What the engine runs tasks with is nobody else's business.
fn add_labels(container: &mut Map<String, Json>, entry: &ServiceEntry, around: &Surroundings<'_>) {
    let version = entry.version.as_deref().map(|version| (VERSION_LABEL, version));
    let is_engine = around.defaults.process_image.is_some();
    let runtime = entry.runtime.filter(|_| is_engine).map(|runtime| (RUNTIME_LABEL, runtime.as_str()));
    let labels: Vec<_> = version.into_iter().chain(runtime).collect();
    if labels.is_empty() {
        return;
    }
    if let Json::Object(known) = container.entry("dockerLabels").or_insert_with(|| json!({})) {
        known.extend(labels.into_iter().map(|(label, text)| (label.to_owned(), json!(text))));
    }
}

/// The variables of the container. A container listens where its image is told to; a process is given its `PORT` by the
/// engine when it starts.
fn environment(
    entry: &ServiceEntry,
    is_process: bool,
    around: &Surroundings<'_>,
    secrets: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut environment = variables(entry, around, secrets);
    if let (false, Some(port)) = (is_process, entry.port) {
        environment.entry("PORT".to_owned()).or_insert_with(|| port.get().to_string());
    }
    environment
}

/// The variables that are set: the application's, and the service's own over them. One that is a secret is nothing else.
fn variables(
    entry: &ServiceEntry,
    around: &Surroundings<'_>,
    secrets: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut variables = around.config.clone();
    variables.retain(|name, _| !secrets.contains_key(name));
    for (name, value) in entry.environment.iter().flatten() {
        match value {
            Some(value) => drop(variables.insert(name.clone(), value.clone())),
            None => drop(variables.remove(name)),
        }
    }
    variables
}

/// Where the values of secrets are, by variable.
fn secrets(
    entry: &ServiceEntry,
    site: &Site<'_>,
    around: &Surroundings<'_>,
) -> Result<BTreeMap<String, String>, Fault> {
    let written = entry.secrets.iter().flatten().filter_map(|(name, source)| Some((name, source.as_ref()?)));
    let mut secrets = BTreeMap::new();
    for (name, source) in written {
        if entry.environment.as_ref().is_some_and(|variables| variables.contains_key(name)) {
            return Err(site
                .below("secrets")
                .fault(format_args!("and `environment` both set {name}"))
                .instead("leave one of them out"));
        }
        let is_name = source.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let source = match source.as_str() {
            "" => {
                let fault = site.below("secrets").fault(format_args!("does not say where {name} comes from"));
                return Err(fault.instead("write the name of a value, the path of a parameter, or an ARN"));
            }
            source if is_name => (around.config_parameter)(source),
            source => source.to_owned(),
        };
        secrets.insert(name.clone(), source);
    }
    Ok(secrets)
}

fn sources(secrets: &BTreeMap<String, String>) -> Json {
    secrets.iter().map(|(name, source)| json!({ "name": name, "valueFrom": source })).collect()
}

/// A process starts beside its configuration file; in a container the path is the container's own.
fn working_directory(entry: &ServiceEntry, is_process: bool, directory: &Path) -> Option<String> {
    match (&entry.working_directory, is_process) {
        (Some(written), true) => Some(directory.join(written).to_string_lossy().into_owned()),
        (None, true) => Some(directory.to_string_lossy().into_owned()),
        (written, false) => written.clone(),
    }
}

fn document(
    name: &ServiceName,
    source: &EcsDocumentEntry,
    entry: &ServiceEntry,
    build: Option<&BuildPlan>,
    site: &Site<'_>,
    around: &Surroundings<'_>,
) -> Result<Task, ConfigError> {
    let here = |fault: Fault| ConfigError::new(around.file, fault);
    let at_home = site.below("task_definition");
    if let Some(key) = TASK_KEYS.into_iter().find(|key| site.node.get(key).is_some()) {
        let fault = site.below(key).fault("stands beside a `task_definition`, which says this itself");
        return Err(here(
            fault.instead(format!("move `{key}` into the task definition; only image, environment and port may stay")),
        ));
    }
    let mut document = match source {
        EcsDocumentEntry::File(file) => ecs_document::load(Kind::TaskDefinition, &around.directory.join(file))?,
        EcsDocumentEntry::Inline => ecs_document::normalise(Kind::TaskDefinition, at_home.node).map_err(here)?,
    };
    let family = match document.get("family").and_then(Json::as_str) {
        Some(family) => family.to_owned(),
        None => {
            document.insert("family".into(), json!(around.family));
            around.family.clone()
        }
    };
    let container = main_container(&mut document, name).ok_or_else(|| {
        here(at_home.fault("has no containers").instead("give it containerDefinitions with at least one name"))
    })?;
    if let Some(image) = entry.image.clone().or_else(|| build.map(BuildPlan::placeholder)) {
        container.insert("image".into(), json!(image));
    }
    add_labels(container, entry, around);
    let secrets = secrets(entry, site, around).map_err(here)?;
    lay_over(container, entry, around, secrets);
    Ok(Task { document, family })
}

fn containers(document: &Map<String, Json>) -> impl Iterator<Item = &Json> {
    document.get("containerDefinitions").and_then(Json::as_array).into_iter().flatten()
}

/// The container that `image` and `environment` mean: the one named like the service, else the first essential one.
fn main_container<'d>(document: &'d mut Map<String, Json>, name: &ServiceName) -> Option<&'d mut Map<String, Json>> {
    let containers = document.get_mut("containerDefinitions")?.as_array_mut()?;
    let index = containers
        .iter()
        .position(|container| container["name"] == name.as_str())
        .or_else(|| containers.iter().position(|container| container["essential"] != json!(false)))?;
    containers[index].as_object_mut()
}

/// Lays configuration, variables and secrets over a container's own: the application's configuration gives way to everything else, and a
/// name is in one list only.
fn lay_over(
    container: &mut Map<String, Json>,
    entry: &ServiceEntry,
    around: &Surroundings<'_>,
    secrets: BTreeMap<String, String>,
) {
    let listed = |container: &Map<String, Json>, list: &str, member: &str| -> BTreeMap<String, String> {
        let pairs = container.get(list).and_then(Json::as_array).into_iter().flatten();
        pairs
            .filter_map(|pair| {
                Some((pair["name"].as_str()?.to_owned(), pair[member].as_str().unwrap_or_default().to_owned()))
            })
            .collect()
    };
    let before = (listed(container, "environment", "value"), listed(container, "secrets", "valueFrom"));
    let mut sources_of = before.1.clone();
    let mut variables = around.config.clone();
    variables.extend(before.0.clone());
    sources_of.extend(secrets);
    variables.retain(|name, _| !sources_of.contains_key(name));
    for (name, value) in entry.environment.iter().flatten() {
        sources_of.remove(name);
        match value {
            Some(value) => drop(variables.insert(name.clone(), value.clone())),
            None => drop(variables.remove(name)),
        }
    }
    // What stays as it is keeps its order.
    if variables != before.0 {
        container.insert("environment".to_owned(), pairs(&variables));
    }
    if sources_of != before.1 {
        container.insert("secrets".to_owned(), sources(&sources_of));
    }
}

fn pairs(variables: &BTreeMap<String, String>) -> Json {
    variables.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}
