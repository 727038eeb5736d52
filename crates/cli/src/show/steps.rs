//! Steps and progress as one line each.

use seatrial_release::report::{Change, Event, Progress, Resource, TaskCounts};

use super::time::length;
use crate::printer::Paint;

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
        Event::Note(text) => Some(paint.doubtful(text)),
    }
}

fn subject(service: &str, paint: Paint) -> String {
    paint.strong(&format!("{service}:"))
}

fn step(resource: Resource, name: &str, change: &Change, detail: Detail, paint: Paint) -> Option<String> {
    let what = format!("{:<15} {name}", resource.to_string());
    match change {
        Change::Created => Some(format!("{} {what}", paint.good("+"))),
        Change::Updated(settings) => {
            Some(format!("{} {what} {}", paint.doubtful("~"), paint.faint(&format!("({})", settings.join(", ")))))
        }
        Change::Deleted => Some(format!("{} {what}", paint.bad("-"))),
        Change::Unchanged => (detail == Detail::Everything).then(|| paint.faint(&format!("= {what}"))),
    }
}

/// Progress without its time, so that equal states give equal text.
pub fn progress(progress: &Progress) -> String {
    let mut parts = vec![format!("new {}", counts(&progress.new))];
    if progress.old != TaskCounts::default() {
        parts.push(format!("old {}", counts(&progress.old)));
    }
    if let Some((count, threshold)) = progress.failures.filter(|(count, _)| *count > 0) {
        parts.push(format!("failures {count}/{threshold}"));
    }
    format!("{}, waiting for {}", parts.join(", "), progress.waiting_for)
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
    use super::*;

    #[test]
    fn steps_that_change_nothing_are_told_on_demand_only() {
        let event = |change| Event::Ensured { resource: Resource::Cluster, name: "c".into(), service: None, change };
        let told = |change, detail| line(&event(change), detail, Paint::PLAIN);
        assert_eq!(told(Change::Created, Detail::Changes).as_deref(), Some("+ cluster         c"));
        assert_eq!(
            told(Change::Updated(vec!["a".into()]), Detail::Changes).as_deref(),
            Some("~ cluster         c (a)")
        );
        assert_eq!(told(Change::Unchanged, Detail::Changes), None);
        assert_eq!(told(Change::Unchanged, Detail::Everything).as_deref(), Some("= cluster         c"));
    }

    #[test]
    fn progress_tells_both_versions_and_what_it_waits_for() {
        let state = Progress {
            service: "web".parse().expect("name"),
            status: "IN_PROGRESS".into(),
            new: TaskCounts { desired: 2, pending: 1, running: 1, healthy: 0, leaving: 0 },
            old: TaskCounts { desired: 1, pending: 0, running: 1, healthy: 1, leaving: 1 },
            failures: Some((1, 3)),
            waiting_for: "1 task to start".into(),
            elapsed: std::time::Duration::ZERO,
        };
        assert_eq!(
            progress(&state),
            "new 0/2 healthy, 1 not yet healthy, 1 starting, old 1/1 healthy, 1 leaving, failures 1/3, waiting for 1 task to start"
        );
    }
}
