//! One manifest of AWS Copilot as a service of `seatrial.yml`.

use super::container::{Check, Container};
use super::notes::Notes;
use super::read::Form;
use super::text::{Text, copies_secret};
use super::yaml::{Entries, Yaml};
use super::{amounts, read};
use crate::config::node::{Node, Value};

/// The port of a web service that says nothing about it.
const PORT: u16 = 80;

/// The keys of a service; its `listener` has no port yet.
pub(super) struct Manifest {
    pub entries: Entries,
}

struct Scene<'a> {
    app: &'a str,
    name: &'a str,
}

impl Scene<'_> {
    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// Reads a manifest, in which an environment's overrides may have been laid.
pub(super) fn manifest(node: &Node, app: &str, name: &str, notes: &mut Notes) -> Manifest {
    let scene = Scene { app, name };
    let http = http(node);
    let words = |key: &str, notes: &mut Notes| {
        node.get(key).map(|node| read::words(node, &scene.at(key), notes)).unwrap_or_default()
    };
    let container = Container {
        name: name.to_owned(),
        image: Some(image(node, &scene, notes)),
        entry_point: words("entrypoint", notes),
        command: words("command", notes),
        port: port(node, &scene, notes),
        environment: variables(node, &scene, notes),
        secrets: secrets(node, &scene, notes),
        size: size(node, &scene, notes),
        check: container_check(node, &scene, notes),
        ..Container::default()
    };
    if container.command.is_empty() && container.entry_point.is_empty() {
        let advice =
            "there is none: the image's own runs on AWS; the embedded engine, which runs no images, needs a `command`";
        notes.add(scene.at("command"), advice);
    }
    let mut entries = container.entries(app);
    entries.push(("desired_count".into(), Yaml::plain(count(node, &scene, notes))));
    if let Some(http) = http {
        let (listener, check) = (listener(http, &scene, notes), health_check(http, &scene, notes));
        if !check.is_empty() {
            entries.push(("health_check".into(), Yaml::Map(check)));
        }
        if let Some(delay) = read::scalar_at(http, "deregistration_delay")
            .and_then(|text| amounts::seconds_within(text, (0, 3600), &scene.at("http.deregistration_delay"), notes))
        {
            entries.push(("deregistration_delay".into(), Yaml::plain(format!("{delay}s"))));
        }
        entries.push(("listener".into(), Yaml::Map(listener)));
    }
    entries.extend(rolling(node, &scene, notes));
    remarks(node, &scene, notes);
    Manifest { entries }
}

/// The `http` block of a service behind a load balancer.
fn http(node: &Node) -> Option<&Node> {
    node.get("http").filter(|http| matches!(http.value, Value::Map(_)))
}

fn image(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Text {
    let location = node.get("image").and_then(|image| read::scalar_at(image, "location"));
    if let Some(location) = location {
        return read::filled(location, &scene.at("image.location"), notes);
    }
    let variable = format!("{}_IMAGE", scene.name.to_ascii_uppercase().replace('-', "_"));
    let advice = format!("Seatrial builds no images: build and push it in the pipeline, and name it in {variable}");
    notes.add(scene.at("image.build"), advice);
    Text::variable(&variable, Some(&format!("{}:latest", scene.name)))
}

fn port(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Option<u16> {
    match node.get("image").and_then(|image| read::scalar_at(image, "port")) {
        Some(text) => {
            let port = text.parse().ok().filter(|port| *port > 0);
            if port.is_none() {
                notes.odd(scene.at("image.port"));
            }
            port
        }
        None => http(node).map(|_| PORT),
    }
}

fn size(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Option<(u32, u32)> {
    let mut number = |key: &str| {
        let text = read::scalar_at(node, key)?;
        let number = text.parse().ok();
        if number.is_none() {
            notes.odd(scene.at(key));
        }
        number
    };
    let (cpu, memory) = (number("cpu"), number("memory"));
    if cpu.is_none() && memory.is_none() {
        return None;
    }
    let size = amounts::fargate(cpu, memory);
    match size {
        None => notes.add(scene.at("cpu"), "is more than Fargate has; write `cpu` and `memory` yourself"),
        Some((units, mebibytes)) if cpu.unwrap_or(units) != units || memory.unwrap_or(mebibytes) != mebibytes => {
            notes.add(scene.at("cpu"), format!("{units} CPU units and {mebibytes} MiB are the next size of Fargate"));
        }
        Some(_) => {}
    }
    size
}

/// The number of tasks; Copilot's own default is one.
fn count(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> u32 {
    let Some(count) = node.get("count") else { return 1 };
    if let Some(text) = read::scalar(count) {
        return text.parse().map(|count| amounts::within(count, (0, 5000), &scene.at("count"), notes)).unwrap_or_else(
            |_| {
                notes.odd(scene.at("count"));
                1
            },
        );
    }
    let range = count.get("range");
    let least = range.and_then(|range| match read::scalar(range) {
        Some(text) => text.split('-').next().and_then(|least| least.trim().parse().ok()),
        None => read::scalar_at(range, "min").and_then(|least| least.parse().ok()),
    });
    let least = least.map(|least| amounts::within(least, (0, 5000), &scene.at("count.range"), notes));
    let written = least.unwrap_or(1);
    let advice = format!(
        "{written} is written, the least of it, and does not change by itself; to have it scaled, add `auto_scaling: {{ min: …, max: …, cpu: … }}`"
    );
    notes.add(scene.at("count.range"), advice);
    for (key, _) in read::entries(count).iter().filter(|(key, _)| key.text != "range") {
        let advice = match key.text.as_str() {
            "spot" => "Fargate Spot takes a `service_definition` with `capacityProviderStrategy`",
            "cpu_percentage" => "is `cpu` of `auto_scaling`",
            "memory_percentage" => "is `memory` of `auto_scaling`",
            "requests" => "is `requests_per_target` of `auto_scaling`",
            "cooldown" => "is `scale_in_cooldown` and `scale_out_cooldown` of `auto_scaling`",
            _ => "is nothing that `auto_scaling` goes by; do it with Application Auto Scaling yourself",
        };
        notes.add(scene.at(&format!("count.{}", key.text)), advice);
    }
    written
}

fn variables(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Vec<(String, Text)> {
    let mut found = Vec::new();
    for (key, value) in node.get("variables").map(read::entries).unwrap_or_default() {
        let at = scene.at(&format!("variables.{}", key.text));
        let Some(text) = read::scalar(value) else {
            if value.get("from_cfn").is_some() {
                notes.add(at, "comes from CloudFormation's exports, which Seatrial does not read: write the value, or {{ env(\"NAME\") }}");
            } else if !value.is_null() {
                notes.odd(at);
            }
            continue;
        };
        let is_name = key.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_name && copies_secret(&key.text, text) {
            notes.add(at, "looks secret and is not copied: set it when you deploy, or move it to `secrets`");
            found.push((key.text.clone(), Text::variable(&key.text, None)));
        } else {
            found.push((key.text.clone(), filled(text, &at, scene, notes)));
        }
    }
    found
}

/// Text with its variables; the application's name is known.
fn filled(text: &str, key: &str, scene: &Scene<'_>, notes: &mut Notes) -> Text {
    read::filled(&text.replace("${COPILOT_APPLICATION_NAME}", scene.app), key, notes)
}

fn secrets(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Vec<(String, Text)> {
    let mut found = Vec::new();
    for (key, value) in node.get("secrets").map(read::entries).unwrap_or_default() {
        let at = scene.at(&format!("secrets.{}", key.text));
        if let Some(name) = read::scalar(value) {
            found.push((key.text.clone(), filled(name, &at, scene, notes)));
        } else if let Some(name) = read::scalar_at(value, "secretsmanager") {
            notes.add(&at, "is written as an ARN with AWS_REGION and AWS_ACCOUNT_ID, which name where the secret is");
            found.push((key.text.clone(), secret_arn(&filled(name, &at, scene, notes))));
        } else {
            notes.add(
                at,
                "comes from CloudFormation's exports, which Seatrial does not read: name the parameter or the secret",
            );
        }
    }
    found
}

fn secret_arn(name: &Text) -> Text {
    let mut arn = Text::literal("arn:aws:secretsmanager:");
    arn.push_variable("AWS_REGION", Some("us-east-1"));
    arn.push_literal(":");
    arn.push_variable("AWS_ACCOUNT_ID", Some("000000000000"));
    arn.push_literal(":secret:");
    arn.extend(name);
    arn
}

fn container_check(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Option<Check> {
    let check = node.get("image")?.get("healthcheck")?;
    let mut command = check.get("command").map(read::scalars).unwrap_or_default();
    if command.is_empty() {
        notes.odd(scene.at("image.healthcheck.command"));
        return None;
    }
    if command.len() == 1 {
        command.insert(0, "CMD-SHELL");
    }
    let key = |key: &str| scene.at(&format!("image.healthcheck.{key}"));
    let command = command.into_iter().map(|word| filled(word, &key("command"), scene, notes)).collect();
    let mut seconds = |name: &str, bounds: (u32, u32)| {
        read::scalar_at(check, name).and_then(|text| amounts::seconds_within(text, bounds, &key(name), notes))
    };
    let (interval, timeout) = (seconds("interval", (5, 300)), seconds("timeout", (2, 60)));
    let start_period = seconds("start_period", (0, 300));
    let retries = read::scalar_at(check, "retries").and_then(|text| text.parse().ok());
    let retries = retries.map(|retries| amounts::within(retries, (1, 10), &key("retries"), notes));
    Some(Check { command, interval, timeout, retries, start_period })
}

fn listener(http: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Entries {
    let mut entries = Entries::new();
    let hosts = http.get("alias").map(read::scalars).unwrap_or_default();
    if !hosts.is_empty() {
        entries.push(("host".to_owned(), Yaml::List(hosts.into_iter().map(Yaml::text).collect())));
        let advice = "the host is kept; HTTPS takes `certificate` in the `listener`, and the name has to lead to the load balancer";
        notes.add(scene.at("http.alias"), advice);
    } else if http.get("alias").is_some() {
        notes.odd(scene.at("http.alias"));
    }
    if let Some(path) = read::scalar_at(http, "path").map(|path| path.trim_matches('/')).filter(|path| !path.is_empty())
    {
        let paths = [format!("/{path}"), format!("/{path}/*")];
        entries.push(("path".to_owned(), Yaml::List(paths.iter().map(|path| Yaml::text(path)).collect())));
    }
    if read::scalar_at(http, "stickiness") == Some("true") {
        notes.add(
            scene.at("http.stickiness"),
            "is left out; `stickiness` of a `listener` keeps a client with a version, not with a task",
        );
    }
    for (key, _) in read::entries(http) {
        let known = ["path", "alias", "stickiness", "healthcheck", "deregistration_delay"];
        if !known.contains(&key.text.as_str()) {
            notes.add(scene.at(&format!("http.{}", key.text)), "has no counterpart and is left out");
        }
    }
    entries
}

fn health_check(http: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Entries {
    let Some(check) = http.get("healthcheck") else { return Entries::new() };
    if let Some(path) = read::scalar(check) {
        return vec![("path".to_owned(), Yaml::text(&rooted(path)))];
    }
    let at = |key: &str| scene.at(&format!("http.healthcheck.{key}"));
    let mut entries = Entries::new();
    for (key, value) in read::entries(check) {
        let Some(text) = read::scalar(value) else {
            notes.odd(at(&key.text));
            continue;
        };
        let mut seconds = |bounds| amounts::seconds_within(text, bounds, &at(&key.text), notes);
        let written = match key.text.as_str() {
            "path" => Some(("path", Yaml::text(&rooted(text)))),
            "success_codes" => Some(("matcher", Yaml::text(text))),
            "interval" => seconds((5, 300)).map(|it| ("interval", Yaml::plain(format!("{it}s")))),
            "timeout" => seconds((2, 120)).map(|it| ("timeout", Yaml::plain(format!("{it}s")))),
            "grace_period" => seconds((0, 604_800)).map(|it| ("grace_period", Yaml::plain(format!("{it}s")))),
            "healthy_threshold" => threshold(text, &at(&key.text), notes).map(|it| ("healthy_threshold", it)),
            "unhealthy_threshold" => threshold(text, &at(&key.text), notes).map(|it| ("unhealthy_threshold", it)),
            _ => {
                notes.add(at(&key.text), "has no counterpart and is left out: tasks are checked on their own port");
                None
            }
        };
        entries.extend(written.map(|(key, value)| (key.to_owned(), value)));
    }
    entries
}

fn threshold(text: &str, key: &str, notes: &mut Notes) -> Option<Yaml> {
    match text.parse() {
        Ok(count) => Some(Yaml::plain(amounts::within(count, (2, 10), key, notes))),
        Err(_) => {
            notes.odd(key);
            None
        }
    }
}

fn rooted(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// `deployment.rolling`: `recreate` may stop the old tasks first.
fn rolling(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Entries {
    let Some(deployment) = node.get("deployment") else { return Entries::new() };
    for (key, _) in read::entries(deployment).iter().filter(|(key, _)| key.text != "rolling") {
        let advice = match key.text.as_str() {
            "rollback_alarms" => "is left out; write `alarms` below `deployment`",
            _ => "has no counterpart and is left out",
        };
        notes.add(scene.at(&format!("deployment.{}", key.text)), advice);
    }
    match read::scalar_at(deployment, "rolling") {
        Some("recreate") => vec![
            ("minimum_healthy_percent".to_owned(), Yaml::plain(0)),
            ("maximum_percent".to_owned(), Yaml::plain(100)),
        ],
        Some("default") | None => Entries::new(),
        Some(_) => {
            notes.odd(scene.at("deployment.rolling"));
            Entries::new()
        }
    }
}

/// The form that a key which is read must have.
fn form(key: &str) -> Option<Form> {
    Some(match key {
        "name" | "type" | "cpu" | "memory" => Form::Scalar,
        "command" | "entrypoint" => Form::Scalars,
        "image" | "variables" | "secrets" | "environments" | "deployment" => Form::Map,
        _ => return None,
    })
}

/// Tells of every key that became nothing.
fn remarks(node: &Node, scene: &Scene<'_>, notes: &mut Notes) {
    for (key, value) in read::entries(node) {
        if form(&key.text).is_some_and(|form| !read::has_form(value, form)) {
            notes.odd(scene.at(&key.text));
        }
        let advice = match key.text.as_str() {
            "name" | "type" | "cpu" | "memory" | "count" | "variables" | "secrets" | "environments" | "command"
            | "entrypoint" | "deployment" => continue,
            "http" if matches!(value.value, Value::Map(_)) || read::scalar(value) == Some("false") => continue,
            "image" => {
                for (key, _) in read::entries(value) {
                    if !["location", "build", "port", "healthcheck"].contains(&key.text.as_str()) {
                        notes.add(scene.at(&format!("image.{}", key.text)), "has no counterpart and is left out");
                    }
                }
                continue;
            }
            "exec" => "is left out; ECS Exec takes `enableExecuteCommand` in a `service_definition`",
            "network" => {
                "subnets and security groups stand in the environment's `network`; services do not find each other by name"
            }
            "storage" => "is left out; EFS and the size of the disk take a `task_definition`",
            "sidecars" => "is left out; more containers take a `task_definition`",
            "publish" | "subscribe" => "is left out; make topics and queues yourself and name them in `environment`",
            "env_file" => "is left out; write the variables in `environment`",
            "logging" => "logs go to CloudWatch Logs; for others write a `task_definition`",
            "observability" => "is left out; tracing takes a container of its own in a `task_definition`",
            "platform" => "tasks run on Linux/X86_64: for others write `runtimePlatform` in a `task_definition`",
            "taskdef_overrides" => "is left out; write a `task_definition`",
            "nlb" => "is left out; Seatrial's load balancer speaks HTTP",
            _ => "has no counterpart and is left out",
        };
        notes.add(scene.at(&key.text), advice);
    }
}
