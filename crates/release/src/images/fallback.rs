//! What stands in for a service whose image is missing: a server that passes the health check and says that the service is not there yet.

use seatrial_fallback::{HEALTH_PATH_VARIABLE, SERVER, SERVICE_VARIABLE};
use seatrial_image::Platform;
use seatrial_image::layout::LayoutWriter;
use seatrial_image::pack::{Entry, ImageBuilder, PackError, PackOptions};
use seatrial_model::task_definition::RUNTIME_LABEL;
use serde_json::{Map, Value as Json, json};

use crate::build::{Built, Found, Origin, Purpose, Shelf};
use crate::config::{AppName, ServiceName, VERSION_LABEL};
use crate::error::ReleaseError;
use crate::plan::{BUILD_TIMEOUT_DEFAULT, BuildKind, BuildPlan, FilesBuild, ServicePlan};

/// The Docker label that marks a task definition as one that only stands in.
pub(crate) const FALLBACK_LABEL: &str = "seatrial.fallback";

/// What a stand-in has no use for, or must not have: the service's own program and what it is given.
const TAKEN: [&str; 10] = [
    "command",
    "entryPoint",
    "workingDirectory",
    "user",
    "secrets",
    "environmentFiles",
    "healthCheck",
    "dependsOn",
    "mountPoints",
    "volumesFrom",
];

/// What status and history call its version.
pub(crate) const STAND_IN_VERSION: &str = "stand-in";

/// Where the server is in its image.
const PROGRAM: &str = "/server";

/// Makes the built-in stand-in, to be pushed into a repository.
pub(crate) fn image(
    shelf: &Shelf,
    app: &AppName,
    service: &ServiceName,
    repository: &str,
) -> Result<Built, ReleaseError> {
    let Some(server) = SERVER else {
        let what = "this program has no stand-in to offer: it was not built for Linux";
        return Err(ReleaseError::not_possible(
            what,
            "name an image of your own: `fallback_image:` of the environment",
        ));
    };
    let place = shelf.place(app, service, &format!("fallback-{}", env!("CARGO_PKG_VERSION")));
    let fresh = place.fresh()?;
    let packed = pack(server, &fresh.path()).and_then(|()| Ok(Found::of(&fresh.path())?));
    let found = packed.map_err(|error| {
        ReleaseError::not_possible(format!("the stand-in cannot be packed: {error}"), "look whether the disk is full")
    })?;
    let plan = BuildPlan {
        repository: repository.to_owned(),
        // It goes wherever the service's own image would.
        is_named: true,
        before: Vec::new(),
        test: Vec::new(),
        timeout: BUILD_TIMEOUT_DEFAULT,
        kind: BuildKind::Files(FilesBuild::default()),
    };
    Ok(Built {
        service: service.clone(),
        plan,
        digest: found.digest,
        layout: fresh.keep()?,
        size: found.size,
        referrers: Vec::new(),
        origin: Origin::Made,
        purpose: Purpose::StandIn,
    })
}

fn pack(server: &'static [u8], layout: &std::path::Path) -> Result<(), PackError> {
    let entry = Entry::from_bytes(server, PROGRAM).with_mode(0o755);
    ImageBuilder::from_scratch(Platform::of_this_machine())
        .layer(vec![entry], PackOptions::default())
        .entry_point(vec![PROGRAM.to_owned()])
        .label(FALLBACK_LABEL, "true")
        .build(&LayoutWriter::create(layout)?, None)?;
    Ok(())
}

/// Returns the service with a stand-in for its program; other containers are left out.
pub(crate) fn stand_in(service: &ServicePlan, image: &str) -> ServicePlan {
    let mut plan = service.clone();
    let health_path =
        service.balancing.as_ref().map_or("/", |balancing| balancing.target_group.health_check_path.as_str());
    let balanced = service.balancing.as_ref().map(|balancing| balancing.container.clone());
    let Some(containers) = plan.task_definition["containerDefinitions"].as_array_mut() else { return plan };
    let named = balanced.as_deref().unwrap_or(service.name.as_str());
    let place = containers.iter().position(|container| container["name"] == named).unwrap_or(0);
    if place >= containers.len() {
        return plan;
    }
    let mut container = containers.swap_remove(place);
    if let Json::Object(container) = &mut container {
        replace(container, image, service.name.as_str(), health_path);
    }
    *containers = vec![container];
    plan
}

fn replace(container: &mut Map<String, Json>, image: &str, service: &str, health_path: &str) {
    for member in TAKEN {
        container.remove(member);
    }
    let port = container.get("portMappings").and_then(|ports| ports[0]["containerPort"].as_i64());
    let mut environment = vec![
        json!({ "name": HEALTH_PATH_VARIABLE, "value": health_path }),
        json!({ "name": SERVICE_VARIABLE, "value": service }),
    ];
    environment.extend(port.map(|port| json!({ "name": "PORT", "value": port.to_string() })));
    container.insert("image".to_owned(), json!(image));
    container.insert("essential".to_owned(), json!(true));
    container.insert("environment".to_owned(), Json::Array(environment));
    let runtime = container.get("dockerLabels").and_then(|labels| labels.get(RUNTIME_LABEL)).cloned();
    let own = [(FALLBACK_LABEL, json!("true")), (VERSION_LABEL, json!(STAND_IN_VERSION))];
    let labels = own.into_iter().chain(runtime.map(|runtime| (RUNTIME_LABEL, runtime)));
    let labels = labels.map(|(label, text)| (label.to_owned(), text)).collect();
    container.insert("dockerLabels".to_owned(), Json::Object(labels));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_has_nothing_of_the_service_but_its_port_and_its_log() {
        let mut container = json!({
            "name": "web", "image": "real", "command": ["x"], "user": "web", "essential": false,
            "environment": [{ "name": "TOKEN", "value": "hush" }],
            "secrets": [{ "name": "PASSWORD", "valueFrom": "/p" }],
            "healthCheck": { "command": ["CMD", "x"] }, "dependsOn": [{ "containerName": "other", "condition": "START" }],
            "portMappings": [{ "containerPort": 3000 }], "logConfiguration": { "logDriver": "awslogs" },
        });
        let Json::Object(members) = &mut container else { unreachable!("it is an object") };
        replace(members, "stand-in@sha256:0", "web", "/health");
        let expected = json!({
            "name": "web", "image": "stand-in@sha256:0", "essential": true,
            "environment": [
                { "name": HEALTH_PATH_VARIABLE, "value": "/health" },
                { "name": SERVICE_VARIABLE, "value": "web" },
                { "name": "PORT", "value": "3000" },
            ],
            "dockerLabels": { FALLBACK_LABEL: "true", VERSION_LABEL: STAND_IN_VERSION },
            "portMappings": [{ "containerPort": 3000 }], "logConfiguration": { "logDriver": "awslogs" },
        });
        assert_eq!(container, expected);
    }
}
