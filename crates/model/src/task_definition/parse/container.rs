//! One entry of `containerDefinitions`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::ports::{RawPortMapping, parse_port_mapping};
use super::{InvalidTaskDefinition, rule, seconds, within};
use crate::id::ContainerName;
use crate::task_definition::{
    ContainerDefinition, Dependency, DependencyCondition, HealthCheck, HealthCheckCommand, LogConfiguration,
    RestartPolicy, STOP_TIMEOUT_DEFAULT, Ulimit,
};

/// The most exit codes a restart policy may ignore.
const IGNORED_EXIT_CODES_MAX: usize = 50;
/// The most environment files of a container.
const ENVIRONMENT_FILES_MAX: usize = 10;
/// Options without which the log driver does not know where to.
const AWSLOGS_OPTIONS: [&str; 2] = ["awslogs-region", "awslogs-group"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawContainer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    essential: Option<bool>,
    #[serde(default)]
    entry_point: Vec<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: Vec<RawVariable>,
    #[serde(default)]
    environment_files: Vec<RawEnvironmentFile>,
    #[serde(default)]
    secrets: Vec<RawSecret>,
    working_directory: Option<String>,
    readonly_root_filesystem: Option<bool>,
    user: Option<String>,
    #[serde(default)]
    port_mappings: Vec<RawPortMapping>,
    health_check: Option<RawHealthCheck>,
    restart_policy: Option<RawRestartPolicy>,
    #[serde(default)]
    depends_on: Vec<RawDependency>,
    start_timeout: Option<i64>,
    stop_timeout: Option<i64>,
    cpu: Option<i64>,
    memory: Option<i64>,
    memory_reservation: Option<i64>,
    log_configuration: Option<RawLogConfiguration>,
    #[serde(default)]
    docker_labels: BTreeMap<String, String>,
    #[serde(default)]
    ulimits: Vec<RawUlimit>,
}

#[derive(Deserialize)]
struct RawVariable {
    name: Option<String>,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct RawEnvironmentFile {
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSecret {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value_from: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHealthCheck {
    #[serde(default)]
    command: Vec<String>,
    interval: Option<i64>,
    timeout: Option<i64>,
    retries: Option<i64>,
    start_period: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRestartPolicy {
    enabled: Option<bool>,
    #[serde(default)]
    ignored_exit_codes: Vec<i64>,
    restart_attempt_period: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDependency {
    #[serde(default)]
    container_name: String,
    condition: Option<DependencyCondition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLogConfiguration {
    #[serde(default)]
    log_driver: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawUlimit {
    #[serde(default)]
    name: String,
    #[serde(default)]
    soft_limit: i64,
    #[serde(default)]
    hard_limit: i64,
}

/// Parses a container by itself; what it has to do with others is checked afterwards.
pub(super) fn parse_container(raw: RawContainer) -> Result<ContainerDefinition, InvalidTaskDefinition> {
    given("Container.name", &raw.name)?;
    given("Container.image", &raw.image)?;
    let name = ContainerName::parse(&raw.name)?;
    let environment = parse_environment(raw.environment)?;
    let secrets = parse_secrets(raw.secrets, &environment)?;
    if raw.environment_files.len() > ENVIRONMENT_FILES_MAX {
        return rule(format!("Container.environmentFiles may have at most {ENVIRONMENT_FILES_MAX} files."));
    }
    let cpu = within("cpu", raw.cpu.unwrap_or(0), 0, i64::from(u32::MAX))? as u32;
    let mebibytes = |member, value: Option<i64>, least| {
        value.map(|value| within(member, value, least, i64::from(u32::MAX)).map(|value| value as u32)).transpose()
    };
    Ok(ContainerDefinition {
        name,
        image: raw.image,
        essential: raw.essential.unwrap_or(true),
        entry_point: raw.entry_point,
        command: raw.command,
        environment,
        environment_files: raw.environment_files.into_iter().map(parse_environment_file).collect::<Result<_, _>>()?,
        secrets,
        working_directory: raw.working_directory,
        read_only_root: raw.readonly_root_filesystem.unwrap_or_default(),
        user: raw.user,
        port_mappings: raw.port_mappings.into_iter().map(parse_port_mapping).collect::<Result<_, _>>()?,
        health_check: raw.health_check.map(parse_health_check).transpose()?,
        restart_policy: raw.restart_policy.map(parse_restart_policy).transpose()?.flatten(),
        depends_on: raw.depends_on.into_iter().map(parse_dependency).collect::<Result<_, _>>()?,
        start_timeout: raw.start_timeout.map(|value| seconds("startTimeout", value, 0, 3600)).transpose()?,
        stop_timeout: match raw.stop_timeout {
            Some(value) => seconds("stopTimeout", value, 0, 3600)?,
            None => STOP_TIMEOUT_DEFAULT,
        },
        cpu,
        memory: mebibytes("memory", raw.memory, 4)?,
        memory_reservation: mebibytes("memoryReservation", raw.memory_reservation, 0)?.filter(|value| *value > 0),
        log_configuration: raw.log_configuration.map(parse_log_configuration).transpose()?,
        labels: raw.docker_labels,
        ulimits: raw.ulimits.into_iter().map(parse_ulimit).collect::<Result<_, _>>()?,
        // Volumes are the task's.
        mounts: Vec::new(),
    })
}

fn parse_environment(variables: Vec<RawVariable>) -> Result<BTreeMap<String, String>, InvalidTaskDefinition> {
    let parse = |variable: RawVariable| match variable.name {
        Some(name) if !name.is_empty() => Ok((name, variable.value)),
        Some(_) | None => rule("Container.environment name should not be null or empty."),
    };
    variables.into_iter().map(parse).collect()
}

fn parse_secrets(
    secrets: Vec<RawSecret>,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, InvalidTaskDefinition> {
    let mut parsed = BTreeMap::new();
    for RawSecret { name, value_from } in secrets {
        given("Container.secrets name", &name)?;
        given("Container.secrets valueFrom", &value_from)?;
        if environment.contains_key(&name) || parsed.contains_key(&name) {
            return rule(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on the \
                 container, such as '{name}'."
            ));
        }
        parsed.insert(name, value_from);
    }
    Ok(parsed)
}

fn parse_environment_file(file: RawEnvironmentFile) -> Result<String, InvalidTaskDefinition> {
    let is_object = file.value.starts_with("arn:") && file.value.contains(":s3:::") && file.value.ends_with(".env");
    match is_object {
        true => Ok(file.value),
        false => rule(format!(
            "Container.environmentFiles value must be the ARN of an S3 object that ends with .env, such as \
             arn:aws:s3:::bucket/app.env, got '{}'.",
            file.value
        )),
    }
}

fn parse_health_check(raw: RawHealthCheck) -> Result<HealthCheck, InvalidTaskDefinition> {
    let command = match raw.command.split_first() {
        Some((form, arguments)) if form == "CMD" && !arguments.is_empty() => {
            HealthCheckCommand::Cmd(arguments.to_vec())
        }
        Some((form, [script])) if form == "CMD-SHELL" => HealthCheckCommand::CmdShell(script.clone()),
        Some(_) | None => {
            return rule("Container.healthCheck command must be [\"CMD\", program, ...] or [\"CMD-SHELL\", script].");
        }
    };
    Ok(HealthCheck {
        command,
        interval: seconds("healthCheck.interval", raw.interval.unwrap_or(30), 5, 300)?,
        timeout: seconds("healthCheck.timeout", raw.timeout.unwrap_or(5), 2, 60)?,
        retries: within("healthCheck.retries", raw.retries.unwrap_or(3), 1, 10)? as u32,
        start_period: seconds("healthCheck.startPeriod", raw.start_period.unwrap_or(0), 0, 300)?,
    })
}

/// Returns the policy, if it is enabled.
fn parse_restart_policy(raw: RawRestartPolicy) -> Result<Option<RestartPolicy>, InvalidTaskDefinition> {
    let Some(enabled) = raw.enabled else {
        return rule("Container.restartPolicy enabled should not be null.");
    };
    if raw.ignored_exit_codes.len() > IGNORED_EXIT_CODES_MAX {
        return rule(format!(
            "Container.restartPolicy ignoredExitCodes may have at most {IGNORED_EXIT_CODES_MAX} codes."
        ));
    }
    let code = |code: i64| within("restartPolicy.ignoredExitCodes", code, 0, 255).map(|code| code as i32);
    let policy = RestartPolicy {
        ignored_exit_codes: raw.ignored_exit_codes.into_iter().map(code).collect::<Result<BTreeSet<_>, _>>()?,
        attempt_period: seconds(
            "restartPolicy.restartAttemptPeriod",
            raw.restart_attempt_period.unwrap_or(300),
            60,
            1800,
        )?,
    };
    Ok(enabled.then_some(policy))
}

fn parse_dependency(raw: RawDependency) -> Result<Dependency, InvalidTaskDefinition> {
    given("Container.dependsOn containerName", &raw.container_name)?;
    let Some(condition) = raw.condition else {
        return rule("Container.dependsOn condition should not be null or empty.");
    };
    Ok(Dependency { container: ContainerName::parse(&raw.container_name)?, condition })
}

fn parse_log_configuration(raw: RawLogConfiguration) -> Result<LogConfiguration, InvalidTaskDefinition> {
    given("Container.logConfiguration logDriver", &raw.log_driver)?;
    let is_given = |option: &&str| raw.options.get(*option).is_some_and(|value| !value.is_empty());
    if raw.log_driver == "awslogs" && !AWSLOGS_OPTIONS.iter().all(is_given) {
        return rule(format!("Log driver awslogs requires options: {}", AWSLOGS_OPTIONS.join(", ")));
    }
    Ok(LogConfiguration { log_driver: raw.log_driver, options: raw.options })
}

fn parse_ulimit(raw: RawUlimit) -> Result<Ulimit, InvalidTaskDefinition> {
    given("Container.ulimits name", &raw.name)?;
    // -1 is no limit at all.
    let is_within = raw.hard_limit < 0 || (0..=raw.hard_limit).contains(&raw.soft_limit);
    match is_within {
        true => Ok(Ulimit { name: raw.name, soft: raw.soft_limit, hard: raw.hard_limit }),
        false => rule(format!(
            "Container.ulimits {}: the softLimit {} is higher than the hardLimit {}.",
            raw.name, raw.soft_limit, raw.hard_limit
        )),
    }
}

fn given(member: &str, value: &str) -> Result<(), InvalidTaskDefinition> {
    if value.is_empty() { rule(format!("{member} should not be null or empty.")) } else { Ok(()) }
}
