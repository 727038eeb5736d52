//! The state of an environment as text.

use seatrial_release::report::Traffic;
use seatrial_release::{
    EnvironmentStatus, EventLine, ExplainedWait, Mirrored, RunningDeployment, ScalingStatus, ServiceStatus,
};

use super::outcome::healthy;
use super::steps::{both, counts};
use super::time::moment;
use crate::printer::{Paint, table};

/// A table of services, and below it what is going on.
pub fn status(status: &EnvironmentStatus, paint: Paint) -> String {
    let rows: Vec<Vec<String>> = status.services.iter().map(|service| row(service, paint)).collect();
    let mut text = table(&["SERVICE", "STATE", "TASK DEFINITION", "VERSION", "TASKS", "URL"], &rows, paint);
    if let Some(held) = &status.locked {
        text += &format!("\n{} {held}\n", paint.doubtful("locked by"));
    }
    if let Some(until) = &status.frozen {
        text += &format!("\n{} {until}\n", paint.doubtful("nothing is released"));
    }
    for service in &status.services {
        if let Some(scaling) = &service.scaling {
            let name = paint.strong(&format!("{}:", service.service));
            text += &format!("\n{name} scaled automatically: {}\n", scaled(scaling));
        }
        if let Some(reason) = &service.failed {
            let definition = service.task_definition.as_deref().unwrap_or("the newest version");
            let (what, next) = match &service.back_to {
                Some(earlier) => (
                    "failed and was not rolled back",
                    format!("deploy a repaired version, or return to {earlier}: seatrial rollback {}", service.service),
                ),
                None => ("failed", "deploy a repaired version; there is no earlier one to go back to".to_owned()),
            };
            text += &format!(
                "\n{} {}\n  {}\n  next: {next}\n",
                paint.strong(&format!("{}:", service.service)),
                paint.bad(&format!("{definition} {what} ({reason})")),
                healthy(&service.healthy_tasks),
            );
        }
        if let Some(deployment) = &service.deployment {
            text += &format!(
                "\n{} {} {} since {}\n  {}\n  waiting for {}\n",
                paint.strong(&format!("{}:", service.service)),
                deployment.status,
                paint.faint(&deployment.id),
                moment(deployment.since),
                both(&deployment.new, &deployment.old).join("; "),
                deployment.waiting_for
            );
            text += &progress(deployment, service.service.as_str());
        }
        text += &explained(&service.waits, paint);
    }
    text
}

/// What the engine itself says, in the words of its controller.
fn explained(waits: &[ExplainedWait], paint: Paint) -> String {
    let line = |wait: &ExplainedWait| {
        let until = wait.until.map_or_else(String::new, |until| format!(", until {} at most", moment(Some(until))));
        let since = moment(wait.since);
        format!("  {} {}, because {}; since {since}{until}\n", paint.faint("the engine waits for"), wait.what, wait.why)
    };
    waits.iter().map(line).collect()
}

/// Between how many tasks, how many there are, and what does not happen by itself.
fn scaled(scaling: &ScalingStatus) -> String {
    let ScalingStatus { min, max, desired, scale_in_suspended, scale_out_suspended } = scaling;
    let suspended = match (scale_in_suspended, scale_out_suspended) {
        (false, false) => "",
        (true, false) => " (scaling in is suspended)",
        (false, true) => " (scaling out is suspended)",
        (true, true) => " (suspended)",
    };
    format!("{min}–{max} tasks, now {desired}{suspended}")
}

/// How far traffic has come, and what somebody has to decide.
fn progress(deployment: &RunningDeployment, service: &str) -> String {
    let traffic = deployment.traffic.as_ref().map(|traffic| {
        let Traffic { stage, production, test } = traffic;
        format!("  at {stage}; the new version has {production} % of production and {test} % of test traffic\n")
    });
    let pause = deployment.pause.as_ref().map(|pause| {
        let what = if pause.on_timeout == "CONTINUE" { "goes on by itself" } else { "is rolled back" };
        format!(
            "  let it go on: seatrial promote {service}; undo it: seatrial rollback {service}; it {what} at {}\n",
            moment(pause.expires_at)
        )
    });
    traffic.into_iter().chain(deployment.mirrored.as_ref().map(copies)).chain(pause).collect()
}

/// What copies of requests have told of the new version.
fn copies(mirrored: &Mirrored) -> String {
    let Mirrored { requests, mismatches, p95_difference } = mirrored;
    let latency = p95_difference.map(|difference| format!(", p95 {difference:+.1} ms")).unwrap_or_default();
    format!("  mirrored {requests} requests: {mismatches} answered with another status{latency}\n")
}

fn row(service: &ServiceStatus, paint: Paint) -> Vec<String> {
    let Some(state) = &service.status else {
        return vec![service.service.to_string(), paint.faint("not deployed")];
    };
    let tasks = counts(&service.tasks);
    let tasks =
        if service.tasks.healthy >= service.tasks.desired { paint.good(&tasks) } else { paint.doubtful(&tasks) };
    vec![
        service.service.to_string(),
        state.clone(),
        service.task_definition.clone().unwrap_or_else(|| "-".to_owned()),
        service.version.clone().unwrap_or_else(|| "-".to_owned()),
        tasks,
        service.url.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// One line per event, the newest last.
pub fn events(lines: &[EventLine], paint: Paint) -> String {
    let line = |event: &EventLine| {
        let service = paint.strong(&format!("{}:", event.service));
        format!("{}  {service} {}\n", paint.faint(&moment(event.at)), event.message)
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use seatrial_release::report::TaskCounts;
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn the_state_of_every_service_is_told() {
        let running = TaskCounts { desired: 2, pending: 0, running: 2, healthy: 1, leaving: 0 };
        let web = ServiceStatus {
            service: "web".parse().expect("name"),
            status: Some("ACTIVE".into()),
            task_definition: Some("hello-dev-web:4".into()),
            version: Some("v2".into()),
            tasks: running,
            scaling: Some(ScalingStatus {
                min: 2,
                max: 10,
                desired: 2,
                scale_in_suspended: true,
                scale_out_suspended: false,
            }),
            healthy_tasks: [("hello-dev-web:4".to_owned(), 1)].into(),
            failed: None,
            back_to: None,
            url: Some("http://127.0.0.1:8080/".into()),
            deployment: Some(RunningDeployment {
                id: "ecs-svc/1".into(),
                status: "IN_PROGRESS".into(),
                new: TaskCounts { desired: 1, ..running },
                old: TaskCounts::default(),
                traffic: Some(Traffic { stage: "POST_TEST_TRAFFIC_SHIFT".into(), production: 0.0, test: 100.0 }),
                pause: None,
                mirrored: Some(Mirrored { requests: 1204, mismatches: 3, p95_difference: Some(12.04) }),
                waiting_for: "1 task to become healthy".into(),
                since: None,
            }),
            waits: vec![ExplainedWait {
                what: "a task of ecs-svc/2 to become healthy".into(),
                why: "its target is unhealthy".into(),
                since: Some(OffsetDateTime::UNIX_EPOCH),
                until: Some(OffsetDateTime::UNIX_EPOCH + std::time::Duration::from_secs(60)),
            }],
            last_event: None,
        };
        let job = ServiceStatus {
            service: "job".parse().expect("name"),
            status: None,
            task_definition: None,
            version: None,
            tasks: TaskCounts::default(),
            scaling: None,
            healthy_tasks: std::collections::BTreeMap::new(),
            failed: None,
            back_to: None,
            url: None,
            deployment: None,
            waits: vec![],
            last_event: None,
        };
        let failed = ServiceStatus {
            service: "api".parse().expect("name"),
            scaling: None,
            task_definition: Some("hello-dev-api:9".into()),
            healthy_tasks: [("hello-dev-api:7".to_owned(), 2)].into(),
            failed: Some("ECS deployment circuit breaker: tasks failed to start.".into()),
            deployment: None,
            ..web.clone()
        };
        let failed = ServiceStatus { back_to: Some("hello-dev-api:7".into()), ..failed };
        let first = ServiceStatus {
            service: "first".parse().expect("name"),
            healthy_tasks: std::collections::BTreeMap::new(),
            back_to: None,
            ..failed.clone()
        };
        let environment = EnvironmentStatus {
            app: "hello".parse().expect("name"),
            environment: "dev".parse().expect("name"),
            locked: None,
            frozen: None,
            services: vec![failed, first, job, web],
        };
        insta::assert_snapshot!(status(&environment, Paint::PLAIN));
    }
}
