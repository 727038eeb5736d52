//! The outcome of a deployment, a rollback or a change of scale as text.

use std::collections::BTreeMap;

use seatrial_release::{CauseKind, DeployReport, Purpose, ServiceOutcome, ServiceUrl, TimelineEntry, Verdict};

use super::cause;
use super::time::{length, moment};
use crate::printer::Paint;

/// The report on a deployment.
pub fn report(report: &DeployReport, paint: Paint) -> String {
    outcomes(&report.services, &report.urls, paint)
}

/// The outcomes of services, each with its address, causes and timeline.
pub fn outcomes(outcomes: &[ServiceOutcome], urls: &[ServiceUrl], paint: Paint) -> String {
    outcomes.iter().map(|outcome| service(outcome, urls, paint)).collect::<Vec<_>>().join("\n")
}

fn service(outcome: &ServiceOutcome, urls: &[ServiceUrl], paint: Paint) -> String {
    let mut text = format!("{}\n", headline(outcome, paint));
    for url in urls.iter().filter(|url| url.service == outcome.service) {
        let note = match url.test.as_deref() {
            None => String::new(),
            Some("") => paint.faint("  (test traffic)"),
            Some(header) => paint.faint(&format!("  (test traffic, with the header {header})")),
        };
        text += &format!("  {}{note}\n", paint.strong(&url.url));
    }
    let is_told = |reason: &String| outcome.causes.iter().any(|cause| cause.what == *reason);
    if let Some(reason) = outcome.reason.as_ref().filter(|reason| !outcome.verdict.is_success() && !is_told(reason)) {
        text += &format!("  {} {reason}\n", paint.faint("ECS:"));
    }
    for cause in &outcome.causes {
        text += &cause::block(cause, paint);
    }
    text += &timeline(&outcome.timeline, paint);
    text
}

fn headline(outcome: &ServiceOutcome, paint: Paint) -> String {
    let sign = match outcome.verdict {
        Verdict::Deployed | Verdict::NothingToDo | Verdict::Started | Verdict::Reached => paint.good("✔"),
        Verdict::Interrupted | Verdict::Paused => paint.doubtful("…"),
        Verdict::RolledBack | Verdict::TimedOut | Verdict::Failed | Verdict::RollbackFailed => paint.bad("✘"),
    };
    let service = paint.strong(outcome.service.as_str());
    let told = if outcome.deployment.is_some() { of_deployment(outcome) } else { of_service(outcome) };
    format!("{sign} {service}: {told}")
}

/// What became of a deployment.
fn of_deployment(outcome: &ServiceOutcome) -> String {
    let ServiceOutcome { task_definition: wanted, running, .. } = outcome;
    let took = length(outcome.duration);
    match outcome.verdict {
        Verdict::Deployed if outcome.purpose == Purpose::Undo => {
            format!("{running} serves again; {wanted} was undone after {took}")
        }
        Verdict::Deployed if wanted == running => format!("deployed {running} in {took}"),
        Verdict::Deployed => format!("deployed {wanted} in {took}; a newer deployment has brought {running} since"),
        Verdict::NothingToDo => format!("nothing to do; {running} is deployed already"),
        Verdict::Started if outcome.purpose == Purpose::Undo => {
            format!("{wanted} is being undone; not waiting for it")
        }
        Verdict::Started => format!("{wanted} is being deployed; not waiting for it"),
        Verdict::Reached => reached(outcome),
        Verdict::Interrupted if outcome.is_steered => {
            format!("no longer watching; {wanted} is taken to its next step by nobody now")
        }
        Verdict::Interrupted => format!("no longer watching; {wanted} goes on being deployed"),
        Verdict::Paused => paused(outcome),
        Verdict::RolledBack => format!("{wanted} failed and was rolled back after {took}; {running} serves"),
        Verdict::TimedOut if wanted == running => format!("{wanted} was not deployed in time; {}", serving(outcome)),
        Verdict::TimedOut => {
            format!("{wanted} was not deployed in time and was rolled back after {took}; {running} serves")
        }
        Verdict::Failed => format!("{wanted} failed after {took} and was not rolled back; {}", serving(outcome)),
        Verdict::RollbackFailed if has_nothing_before(outcome) => {
            format!("{wanted} failed after {took}; there is no earlier version to go back to; {}", serving(outcome))
        }
        Verdict::RollbackFailed => {
            format!("{wanted} failed after {took}, and so did the rollback; {}", serving(outcome))
        }
    }
}

/// Whether a rollback could not even begin: the first version of a service failed.
fn has_nothing_before(outcome: &ServiceOutcome) -> bool {
    outcome.causes.iter().any(|cause| cause.kind == CauseKind::NothingToRollBackTo)
}

/// What became of a service that needed no deployment.
fn of_service(outcome: &ServiceOutcome) -> String {
    let running = &outcome.running;
    let took = length(outcome.duration);
    match outcome.verdict {
        Verdict::NothingToDo if outcome.healthy_tasks.is_empty() => {
            format!("nothing to do; {running} is deployed already")
        }
        Verdict::NothingToDo => format!("nothing to do; {} already", serving(outcome)),
        Verdict::Deployed => format!("{}, after {took}", serving(outcome)),
        Verdict::Started => "the change is under way; not waiting for it".to_owned(),
        Verdict::Interrupted | Verdict::Paused | Verdict::Reached => {
            format!("no longer watching; the change goes on; {}", serving(outcome))
        }
        Verdict::TimedOut => format!("not all tasks were healthy after {took}; {}", serving(outcome)),
        Verdict::RolledBack | Verdict::Failed | Verdict::RollbackFailed => format!("failed; {}", serving(outcome)),
    }
}

/// How far a deployment has come that goes on.
fn reached(outcome: &ServiceOutcome) -> String {
    let (wanted, took) = (&outcome.task_definition, length(outcome.duration));
    match (outcome.bakes_until, &outcome.pause, &outcome.stage) {
        (Some(until), _, _) => format!(
            "{wanted} has all traffic after {took}; the old version stays for an instant rollback until {} at most",
            moment(Some(until))
        ),
        (None, Some(_), _) => paused(outcome),
        (None, None, Some(stage)) if outcome.is_steered => format!("{wanted} has come to {stage} after {took}"),
        (None, None, Some(stage)) => format!("{wanted} has come to {stage} after {took}; it goes on"),
        (None, None, None) => format!("{wanted} goes on being deployed after {took}"),
    }
}

/// Where a deployment waits, and what happens if nobody decides.
fn paused(outcome: &ServiceOutcome) -> String {
    let wanted = &outcome.task_definition;
    let Some(pause) = &outcome.pause else { return format!("{wanted} is paused") };
    let what = if pause.on_timeout == "CONTINUE" { "goes on by itself" } else { "is rolled back" };
    let until = pause.expires_at.map_or_else(String::new, |at| format!("; it {what} at {}", moment(Some(at))));
    format!("{wanted} is paused at {}{until}", pause.stage)
}

fn serving(outcome: &ServiceOutcome) -> String {
    healthy(&outcome.healthy_tasks)
}

/// `2 tasks of hello-dev-web:3 serve`, by task definition.
pub fn healthy(healthy_tasks: &BTreeMap<String, usize>) -> String {
    let tasks = |(definition, count): (&String, &usize)| {
        let noun = if *count == 1 { "task" } else { "tasks" };
        format!("{count} {noun} of {definition}")
    };
    let verb = if healthy_tasks.values().sum::<usize>() == 1 { "serves" } else { "serve" };
    if healthy_tasks.is_empty() {
        return "no task serves".to_owned();
    }
    format!("{} {verb}", healthy_tasks.iter().map(tasks).collect::<Vec<_>>().join(" and "))
}

fn timeline(entries: &[TimelineEntry], paint: Paint) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let lines = entries.iter().map(|entry| format!("  {:>7.1} s  {}\n", entry.offset.as_secs_f64(), entry.text));
    format!("  {}\n{}", paint.faint("what happened when:"), lines.collect::<String>())
}

/// What goes on without the watcher, and how to steer it.
///
/// `flags` are those that name the same configuration and environment again, such as ` --env dev`.
pub fn farewell(flags: &str, outcomes: &[ServiceOutcome], paint: Paint) -> Vec<String> {
    let those = |is_meant: &dyn Fn(&ServiceOutcome) -> bool| -> Vec<&str> {
        outcomes.iter().filter(|outcome| is_meant(outcome)).map(|outcome| outcome.service.as_str()).collect()
    };
    let is_open = |outcome: &ServiceOutcome| outcome.verdict == Verdict::Interrupted && !outcome.is_steered;
    let open = those(&|outcome| is_open(outcome) && outcome.deployment.is_some());
    let changing = those(&|outcome| is_open(outcome) && outcome.deployment.is_none());
    let is_left = |outcome: &ServiceOutcome| match outcome.verdict {
        Verdict::Interrupted | Verdict::Started => true,
        Verdict::Reached => outcome.bakes_until.is_none() && outcome.pause.is_none(),
        Verdict::TimedOut => outcome.stage.is_some(),
        Verdict::NothingToDo
        | Verdict::Deployed
        | Verdict::Paused
        | Verdict::RolledBack
        | Verdict::Failed
        | Verdict::RollbackFailed => false,
    };
    let abandoned = those(&|outcome| outcome.is_steered && is_left(outcome));
    let paused = those(&|outcome| outcome.verdict == Verdict::Paused);
    let going_on = (!open.is_empty()).then(|| {
        let names = open.join(" ");
        format!(
            "{} the deployment of {} goes on without this command.\n  watch it:  seatrial status --watch{flags}\n  undo it:   seatrial rollback {names}{flags}",
            paint.doubtful("interrupted:"),
            open.join(", "),
        )
    });
    let unsteered = (!abandoned.is_empty()).then(|| {
        let names = abandoned.join(" ");
        format!(
            "{} the deployment of {} stops before its next step or check, which only this program does, and is rolled back when that pause is over.\n  go on with it:  seatrial wait {names}{flags}\n  undo it:        seatrial rollback {names}{flags}",
            paint.doubtful("unattended:"),
            abandoned.join(", "),
        )
    });
    let starting = (!changing.is_empty()).then(|| {
        format!(
            "{} the change of {} goes on without this command.\n  watch it:  seatrial status --watch{flags}",
            paint.doubtful("interrupted:"),
            changing.join(", "),
        )
    });
    let waiting = (!paused.is_empty()).then(|| {
        let names = paused.join(" ");
        format!(
            "{} the deployment of {} waits for you.\n  let it go on:  seatrial promote {names}{flags}\n  undo it:       seatrial rollback {names}{flags}",
            paint.doubtful("paused:"),
            paused.join(", "),
        )
    });
    going_on.into_iter().chain(starting).chain(unsteered).chain(waiting).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(verdict: Verdict) -> ServiceOutcome {
        ServiceOutcome {
            service: "web".parse().expect("name"),
            verdict,
            purpose: Purpose::Deploy,
            task_definition: "hello-dev-web:4".into(),
            running: "hello-dev-web:3".into(),
            healthy_tasks: [("hello-dev-web:3".to_owned(), 2)].into(),
            deployment: Some("ecs-svc/1234567890123456789".into()),
            reason: Some("Service deployment rolled back because the circuit breaker threshold was exceeded.".into()),
            causes: vec![],
            pause: None,
            stage: Some("SCALE_UP".into()),
            bakes_until: None,
            is_steered: false,
            timeline: vec![],
            duration: Duration::from_millis(8_340),
        }
    }

    #[test]
    fn a_rolled_back_deployment_says_why_and_what_next() {
        let outcome = ServiceOutcome {
            causes: vec![seatrial_release::Cause {
                kind: CauseKind::ExitedAtStart,
                what: "container web of task 01234567 exited with code 1 after 0.2 s".into(),
                tasks: 3,
                task: Some("0123456789abcdef0123456789abcdef".into()),
                container: Some("web".into()),
                exit_code: Some(1),
                stopped_reason: Some("Essential container in task exited".into()),
                container_reason: None,
                health_answer: None,
                log: vec!["starting".into(), "no database: giving up".into()],
                next: "read the log lines above".into(),
            }],
            timeline: vec![
                TimelineEntry {
                    offset: Duration::from_millis(40),
                    text: "has started 1 tasks: (task 01234567).".into(),
                },
                TimelineEntry { offset: Duration::from_millis(8_300), text: "has reached a steady state.".into() },
            ],
            ..outcome(Verdict::RolledBack)
        };
        insta::assert_snapshot!(outcomes(&[outcome], &[], Paint::PLAIN));
    }

    #[test]
    fn every_verdict_has_its_headline() {
        let verdicts = [
            Verdict::Deployed,
            Verdict::NothingToDo,
            Verdict::Started,
            Verdict::Reached,
            Verdict::Interrupted,
            Verdict::RolledBack,
            Verdict::TimedOut,
            Verdict::Failed,
            Verdict::RollbackFailed,
        ];
        let deployment = |verdict: &Verdict| headline(&outcome(*verdict), Paint::PLAIN);
        let undone = ServiceOutcome { purpose: Purpose::Undo, ..outcome(Verdict::Deployed) };
        let service =
            |verdict: &Verdict| headline(&ServiceOutcome { deployment: None, ..outcome(*verdict) }, Paint::PLAIN);
        let mut of_deployments: Vec<String> = verdicts.iter().map(deployment).collect();
        of_deployments.push(headline(&undone, Paint::PLAIN));
        let of_services: Vec<String> = verdicts[..5].iter().chain(&verdicts[6..7]).map(service).collect();
        insta::assert_snapshot!(format!("{}\n\n{}", of_deployments.join("\n"), of_services.join("\n")));
    }

    #[test]
    fn a_deployed_service_shows_its_address() {
        let url =
            ServiceUrl { service: "web".parse().expect("name"), url: "http://127.0.0.1:8080/".into(), test: None };
        let deployed = ServiceOutcome { running: "hello-dev-web:4".into(), ..outcome(Verdict::Deployed) };
        let text = outcomes(&[deployed], &[url], Paint::PLAIN);
        assert_eq!(text, "✔ web: deployed hello-dev-web:4 in 8.3 s\n  http://127.0.0.1:8080/\n");
    }

    #[test]
    fn the_tasks_that_serve_are_told_by_what_they_run() {
        let told = |tasks: &[(&str, usize)]| {
            let healthy_tasks = tasks.iter().map(|(definition, count)| ((*definition).to_owned(), *count)).collect();
            serving(&ServiceOutcome { healthy_tasks, ..outcome(Verdict::Failed) })
        };
        assert_eq!(told(&[]), "no task serves");
        assert_eq!(told(&[("a:1", 1)]), "1 task of a:1 serves");
        assert_eq!(told(&[("a:1", 1), ("a:2", 2)]), "1 task of a:1 and 2 tasks of a:2 serve");
    }

    #[test]
    fn an_interrupted_watcher_says_what_goes_on_and_how_to_stop_it() {
        let told = farewell(" --env dev", &[outcome(Verdict::Interrupted)], Paint::PLAIN);
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn an_interrupted_change_of_scale_has_no_deployment_to_undo() {
        let scaling = ServiceOutcome { deployment: None, ..outcome(Verdict::Interrupted) };
        let told = farewell(" --env dev", &[scaling], Paint::PLAIN);
        assert_eq!(
            told,
            [
                "interrupted: the change of web goes on without this command.\n  watch it:  seatrial status --watch --env dev"
            ]
        );
    }

    #[test]
    fn a_first_version_that_failed_is_not_said_to_have_failed_to_roll_back() {
        let cause = seatrial_release::Cause {
            kind: CauseKind::NothingToRollBackTo,
            what: "there is no earlier completed deployment to return to".into(),
            tasks: 0,
            task: None,
            container: None,
            exit_code: None,
            stopped_reason: None,
            container_reason: None,
            health_answer: None,
            log: vec![],
            next: "repair the version and deploy again".into(),
        };
        let first =
            ServiceOutcome { causes: vec![cause], healthy_tasks: BTreeMap::new(), ..outcome(Verdict::RollbackFailed) };
        assert_eq!(
            headline(&first, Paint::PLAIN),
            "✘ web: hello-dev-web:4 failed after 8.3 s; there is no earlier version to go back to; no task serves"
        );
    }
}
