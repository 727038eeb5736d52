//! Releases, and what was done beside them, as text.

use seatrial_release::audit::Audit;
use seatrial_release::releases::{Head, Release, State, StepRecord};
use time::OffsetDateTime;

use super::time::{length, moment};
use crate::printer::{Paint, table};

/// One row for each thing that was done, newest first.
pub fn audit(audit: &Audit, paint: Paint) -> String {
    let releases = audit.releases.iter().map(|one| {
        let services: Vec<&str> = one.head.services.iter().map(|service| service.as_str()).collect();
        let what = format!("released {}: {} {}", one.id, services.join(", "), state(&one.head, paint));
        (one.head.began_at, &one.head.who.name, what)
    });
    let entries = audit.entries.iter().map(|entry| (entry.at, &entry.who.name, entry.deed.in_words()));
    let mut all: Vec<(OffsetDateTime, &String, String)> = releases.chain(entries).collect();
    if all.is_empty() {
        return "nothing has been done here yet\n".to_owned();
    }
    all.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let rows: Vec<Vec<String>> =
        all.into_iter().map(|(at, who, what)| vec![moment(Some(at)), who.clone(), what]).collect();
    table(&["WHEN", "WHO", "WHAT"], &rows, paint)
}

/// A release and its steps.
pub fn release(release: &Release, paint: Paint) -> String {
    let Head { who, began_at, commit, services, asked, approved_by, resumed, .. } = &release.head;
    let mut text = format!("release {} {}\n", paint.strong(release.id.as_str()), state(&release.head, paint));
    let run = who.run.as_ref().map(|run| format!(", {run}")).unwrap_or_default();
    text += &format!("  by        {}{run}, begun {}\n", who.name, moment(Some(*began_at)));
    let names: Vec<&str> = services.iter().map(|service| service.as_str()).collect();
    text += &format!("  services  {}\n", names.join(", "));
    for (what, value) in [("commit", commit), ("image", &asked.image), ("tag", &asked.tag)] {
        if let Some(value) = value {
            text += &format!("  {what:<9} {value}\n");
        }
    }
    if !asked.set.is_empty() {
        text += &format!("  set       {}\n", asked.set.join(", "));
    }
    if let Some(who) = approved_by {
        text += &format!("  approved  by {}\n", who.name);
    }
    if *resumed > 0 {
        text += &format!("  resumed   {resumed} times\n");
    }
    for step in &release.steps {
        text += &format!("\n{}", lines(step, paint));
    }
    text
}

fn lines(step: &StepRecord, paint: Paint) -> String {
    let outcome = match step.outcome.as_deref() {
        Some(good @ ("done" | "unchanged" | "deployed" | "nothing_to_do" | "started" | "reached")) => paint.good(good),
        Some(other) => paint.bad(other),
        None => paint.doubtful("not over"),
    };
    let took = step.ended_at.map(|end| end - step.began_at).and_then(|took| took.try_into().ok());
    let took = took.map(|took| format!(" after {}", length(took))).unwrap_or_default();
    let mut text = format!("{} {outcome}{took}\n", paint.strong(&format!("{}:", step.name)));
    for detail in &step.details {
        text += &format!("  {}\n", paint.faint(detail));
    }
    text
}

fn state(head: &Head, paint: Paint) -> String {
    match &head.state {
        State::Running => paint.doubtful("goes on, or its process ended"),
        State::Ended { verdict, at } => {
            let word = serde_json::to_value(verdict).ok();
            let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().replace('_', " ");
            let word = if verdict.is_success() { paint.good(&word) } else { paint.bad(&word) };
            let took = (*at - head.began_at).try_into().map(|took| format!(" after {}", length(took)));
            format!("{word}{}", took.unwrap_or_default())
        }
        State::Stopped { why, .. } => paint.bad(&format!("stopped: {why}")),
        State::NotBegun { why, .. } => paint.bad(&format!("not begun: {why}")),
    }
}
