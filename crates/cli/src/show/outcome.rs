//! The outcome of a deployment, a rollback or a change of scale as text.

use seatrial_release::{DeployReport, ServiceOutcome, ServiceUrl, TimelineEntry, Verdict};

use super::cause;
use super::time::length;
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
        text += &format!("  {}\n", paint.strong(&url.url));
    }
    if let Some(reason) = outcome.reason.as_ref().filter(|_| !outcome.verdict.is_success()) {
        text += &format!("  {} {reason}\n", paint.faint("ECS:"));
    }
    for cause in &outcome.causes {
        text += &cause::block(cause, paint);
    }
    text += &timeline(&outcome.timeline, paint);
    text
}

fn headline(outcome: &ServiceOutcome, paint: Paint) -> String {
    let ServiceOutcome { service, task_definition: wanted, running, .. } = outcome;
    let service = paint.strong(service.as_str());
    let took = length(outcome.duration);
    match outcome.verdict {
        Verdict::Deployed => format!("{} {service} runs {running}, after {took}", paint.good("✔")),
        Verdict::NothingToDo => format!("{} {service} runs {running} already; nothing to do", paint.good("✔")),
        Verdict::Started if outcome.deployment.is_none() => {
            format!("{} {service} is being changed; not waiting for it", paint.good("✔"))
        }
        Verdict::Started => format!("{} {service}: {wanted} is being deployed; not waiting for it", paint.good("✔")),
        Verdict::Interrupted => {
            format!("{} {service}: no longer watching; {wanted} goes on being deployed", paint.doubtful("…"))
        }
        Verdict::RolledBack => {
            format!("{} {service}: {wanted} failed and was rolled back after {took}; {running} serves", paint.bad("✘"))
        }
        Verdict::TimedOut => {
            format!("{} {service}: {wanted} was not deployed in time ({took}); {running} is in place", paint.bad("✘"))
        }
        Verdict::Failed => {
            format!("{} {service}: {wanted} failed after {took}; it was not rolled back", paint.bad("✘"))
        }
        Verdict::RollbackFailed => {
            format!("{} {service}: {wanted} failed after {took}, and so did the rollback", paint.bad("✘"))
        }
    }
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
pub fn farewell(flags: &str, outcomes: &[ServiceOutcome], paint: Paint) -> String {
    let open: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.verdict == Verdict::Interrupted)
        .map(|outcome| outcome.service.as_str())
        .collect();
    let names = open.join(" ");
    format!(
        "{} the deployment of {} goes on without this command.\n  watch it:  seatrial status --watch{flags}\n  undo it:   seatrial rollback {names}{flags}",
        paint.doubtful("interrupted:"),
        open.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use seatrial_release::CauseKind;

    use super::*;

    fn outcome(verdict: Verdict) -> ServiceOutcome {
        ServiceOutcome {
            service: "web".parse().expect("name"),
            verdict,
            task_definition: "hello-dev-web:4".into(),
            running: "hello-dev-web:3".into(),
            deployment: Some("ecs-svc/1234567890123456789".into()),
            reason: Some("Service deployment rolled back because the circuit breaker threshold was exceeded.".into()),
            causes: vec![],
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
            Verdict::Interrupted,
            Verdict::RolledBack,
            Verdict::TimedOut,
            Verdict::Failed,
            Verdict::RollbackFailed,
        ];
        let lines: Vec<String> = verdicts.iter().map(|verdict| headline(&outcome(*verdict), Paint::PLAIN)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_deployed_service_shows_its_address() {
        let url = ServiceUrl { service: "web".parse().expect("name"), url: "http://127.0.0.1:8080/".into() };
        let text = outcomes(&[outcome(Verdict::Deployed)], &[url], Paint::PLAIN);
        assert_eq!(text, "✔ web runs hello-dev-web:3, after 8.3 s\n  http://127.0.0.1:8080/\n");
    }

    #[test]
    fn an_interrupted_watcher_says_what_goes_on_and_how_to_stop_it() {
        insta::assert_snapshot!(farewell(" --env dev", &[outcome(Verdict::Interrupted)], Paint::PLAIN));
    }
}
