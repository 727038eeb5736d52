//! Steps and progress as one line each.

use seatrial_release::report::{Activity, Change, Deed, Event, InfraEvent, Progress, Resource, TaskCounts};

use super::time::length;
use crate::printer::Paint;

/// Most differences named in the line of one step; `seatrial plan` names all.
const DIFFERENCES_TOLD: usize = 4;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What changes.
    Changes,
    /// Also what stays as it is, and every service event.
    Everything,
}

/// The line of an event; none when it has none at this detail, or is progress, which is shown otherwise.
pub fn line(event: &Event, detail: Detail, paint: Paint) -> Option<String> {
    match event {
        Event::Ensured { resource, name, change, .. } => step(*resource, name, change, detail, paint),
        Event::Watching { service, deployment, task_definition } => Some(format!(
            "{} deploying {task_definition} {}",
            subject(service.as_str(), paint),
            paint.faint(&format!("({deployment})"))
        )),
        Event::Progress(_) => None,
        Event::ServiceEvent { service, message, .. } => (detail == Detail::Everything)
            .then(|| format!("{} {}", subject(service.as_str(), paint), paint.faint(message))),
        Event::TaskStopped { service, why, .. } => {
            Some(format!("{} {}", subject(service.as_str(), paint), paint.bad(why)))
        }
        Event::ContactLost { problem, patience } => {
            let patience = length(*patience);
            Some(paint.doubtful(&format!("no answer ({problem}); the deployment goes on, trying again for {patience}")))
        }
        Event::ContactRegained => Some(paint.good("the endpoint answers again")),
        Event::TimedOut { service, limit } => {
            let text = format!("not over after {}: rolling back", length(*limit));
            Some(format!("{} {}", subject(service.as_str(), paint), paint.bad(&text)))
        }
        Event::Infra(event) => Some(infra(event, paint)),
        // Whoever watches sees what a step does; that it is one is for the record.
        Event::Step(_) => None,
        Event::Output { source, line } => Some(format!("{} {line}", paint.faint(&format!("{source} |")))),
        Event::Note(text) => Some(paint.doubtful(text)),
    }
}

fn infra(event: &InfraEvent, paint: Paint) -> String {
    match event {
        InfraEvent::Began { address, deed } => paint.faint(&format!("… {address} {}", deed.going_on())),
        InfraEvent::Done { address, deed } => {
            let sign = match deed {
                Deed::Create => paint.good("+"),
                Deed::Change => paint.doubtful("~"),
                Deed::Destroy => paint.bad("-"),
            };
            format!("{sign} {address} {}", deed.done())
        }
        InfraEvent::Failed { address, why } => paint.bad(&format!("! {address} {why}")),
        InfraEvent::Waiting(what) => paint.faint(&format!("… {what}")),
    }
}

fn subject(service: &str, paint: Paint) -> String {
    paint.strong(&format!("{service}:"))
}

fn step(resource: Resource, name: &str, change: &Change, detail: Detail, paint: Paint) -> Option<String> {
    let what = format!("{:<15} {name}", resource.to_string());
    match change {
        Change::Created(_) => Some(format!("{} {what}", paint.good("+"))),
        Change::Updated(differences) => {
            let mut told: Vec<String> = differences.iter().take(DIFFERENCES_TOLD).map(ToString::to_string).collect();
            if differences.len() > DIFFERENCES_TOLD {
                told.push(format!("{} more", differences.len() - DIFFERENCES_TOLD));
            }
            Some(format!("{} {what} {}", paint.doubtful("~"), paint.faint(&format!("({})", told.join(", ")))))
        }
        Change::Deleted => Some(format!("{} {what}", paint.bad("-"))),
        Change::Unchanged => (detail == Detail::Everything).then(|| paint.faint(&format!("= {what}"))),
    }
}

/// Progress without its time, so that equal states give equal text.
pub fn progress(progress: &Progress) -> String {
    let tasks = tasks(progress);
    let (first, second) = match &progress.activity {
        Activity::WaitingFor(_) => (tasks, activity(progress)),
        Activity::Over { .. } => (activity(progress), tasks),
    };
    if first.is_empty() || second.is_empty() { first + &second } else { format!("{first}, {second}") }
}

/// The tasks of both versions, and the failures counted so far.
pub fn tasks(progress: &Progress) -> String {
    let mut parts = match (&progress.activity, progress.new == TaskCounts::default()) {
        // In the end there is but one version, whichever it is.
        (Activity::Over { .. }, true) => both(&progress.old, &progress.new),
        (Activity::Over { .. } | Activity::WaitingFor(_), _) => both(&progress.new, &progress.old),
    };
    if let Some(traffic) = progress.traffic.as_ref().filter(|traffic| traffic.production > 0.0) {
        parts.push(format!("{} % of traffic on the new", traffic.production));
    }
    if let Some((count, threshold)) = progress.failures.filter(|(count, _)| *count > 0) {
        parts.push(format!("failures {count}/{threshold}"));
    }
    parts.join(", ")
}

/// What is waited for, or what was done.
pub fn activity(progress: &Progress) -> String {
    match &progress.activity {
        Activity::WaitingFor(what) => format!("waiting for {what}"),
        Activity::Over { what, after } => format!("{what} after {}", length(*after)),
    }
}

/// The tasks of both versions; a version without any is left out, and `new` need not be said where there is no other.
pub fn both(new: &TaskCounts, old: &TaskCounts) -> Vec<String> {
    let none = TaskCounts::default();
    match (*new == none, *old == none) {
        (true, true) => vec![],
        (false, true) => vec![counts(new)],
        (true, false) => vec![format!("old {}", counts(old))],
        (false, false) => vec![format!("new {}", counts(new)), format!("old {}", counts(old))],
    }
}

/// `1/2 healthy`, and what else there is.
pub fn counts(counts: &TaskCounts) -> String {
    let mut text = format!("{}/{} healthy", counts.healthy, counts.desired);
    let unhealthy = counts.running.saturating_sub(counts.healthy);
    for (count, word) in [(unhealthy, "not yet healthy"), (counts.pending, "starting"), (counts.leaving, "leaving")] {
        if count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use seatrial_release::Difference;

    use super::*;

    #[test]
    fn steps_that_change_nothing_are_told_on_demand_only() {
        let event = |change| Event::Ensured { resource: Resource::Cluster, name: "c".into(), service: None, change };
        let differences = |count| {
            let difference = Difference { setting: "a".into(), before: 1.into(), after: 2.into() };
            vec![difference; count]
        };
        let told = |change, detail| line(&event(change), detail, Paint::PLAIN);
        assert_eq!(told(Change::Created(vec![]), Detail::Changes).as_deref(), Some("+ cluster         c"));
        assert_eq!(
            told(Change::Updated(differences(1)), Detail::Changes).as_deref(),
            Some("~ cluster         c (a 1 → 2)")
        );
        assert_eq!(
            told(Change::Updated(differences(6)), Detail::Changes).as_deref(),
            Some("~ cluster         c (a 1 → 2, a 1 → 2, a 1 → 2, a 1 → 2, 2 more)")
        );
        assert_eq!(told(Change::Unchanged, Detail::Changes), None);
        assert_eq!(told(Change::Unchanged, Detail::Everything).as_deref(), Some("= cluster         c"));
    }

    #[test]
    fn progress_tells_both_versions_and_what_it_waits_for() {
        let state = |new, old, failures, activity| Progress {
            service: "web".parse().expect("name"),
            status: "IN_PROGRESS".into(),
            traffic: None,
            new,
            old,
            failures,
            activity,
            elapsed: std::time::Duration::ZERO,
        };
        let new = TaskCounts { desired: 2, pending: 1, running: 1, healthy: 0, leaving: 0 };
        let old = TaskCounts { desired: 1, pending: 0, running: 1, healthy: 1, leaving: 1 };
        let none = TaskCounts::default();
        let waiting = || Activity::WaitingFor("1 task to start".into());
        let after = std::time::Duration::from_millis(1730);
        let over = Activity::Over { what: "rolled back to hello-dev-web:2".into(), after };
        let told = [
            state(new, old, Some((1, 3)), waiting()),
            state(new, none, Some((0, 3)), waiting()),
            state(none, none, None, waiting()),
            state(none, old, Some((3, 3)), over),
        ];
        assert_eq!(
            told.iter().map(progress).collect::<Vec<_>>(),
            [
                "new 0/2 healthy, 1 not yet healthy, 1 starting, old 1/1 healthy, 1 leaving, failures 1/3, waiting for 1 task to start",
                "0/2 healthy, 1 not yet healthy, 1 starting, waiting for 1 task to start",
                "waiting for 1 task to start",
                "rolled back to hello-dev-web:2 after 1.7 s, 1/1 healthy, 1 leaving, failures 3/3",
            ]
        );
    }
}
