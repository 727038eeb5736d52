//! What a deployment would do, for people: in colours at a terminal, and as Markdown where people review changes.

use seatrial_release::preflight::Finding;
use seatrial_release::report::{Change, Resource};
use seatrial_release::{Difference, Rehearsal, ServicePreview, Step, TaskPreview};
use serde_json::Value as Json;

use super::{infra, timeline};
use crate::commands::plan::Planned;
use crate::printer::Paint;

/// Widest name of a setting that still has its value in the column beside it.
const SETTING_WIDTH_MAX: usize = 72;

/// What would become of the infrastructure, where that is known, then what would change, then what that would start.
pub fn text(planned: &Planned, paint: Paint) -> String {
    let infra = planned.infra.as_ref().map(|preview| {
        format!("{}\n{}\n", paint.strong("infrastructure, before the services:"), infra::preview(preview, paint))
    });
    infra.unwrap_or_default() + &services(planned, paint)
}

fn services(planned: &Planned, paint: Paint) -> String {
    let rehearsal = &planned.rehearsal;
    let mut text = String::new();
    for note in &rehearsal.notes {
        text += &format!("{}\n", paint.doubtful(note));
    }
    for step in rehearsal.steps.iter().filter(|step| step.change != Change::Unchanged) {
        let sign = sign(&step.change);
        let colour = |text: &str| match step.change {
            Change::Created(_) => paint.good(text),
            Change::Updated(_) => paint.doubtful(text),
            Change::Deleted => paint.bad(text),
            Change::Unchanged => text.to_owned(),
        };
        text += &format!("{} {}\n", colour(sign), paint.strong(&title(step)));
        let differences = step.change.differences();
        let width = width(differences);
        for difference in differences {
            let change = match (&difference.before, &difference.after) {
                (Json::Null, after) => value(after),
                (before, Json::Null) => format!("{} → {}", value(before), paint.faint("none")),
                (before, after) => format!("{} → {}", value(before), value(after)),
            };
            text += &format!("    {:<width$}  {change}\n", difference.setting);
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text += &format!("{}\n", summary(rehearsal));
    for service in &rehearsal.services {
        let (what, blocked) = (effect(service), blocked(service));
        text += &format!("{} {what}\n", paint.strong(&format!("{}:", service.service)));
        for line in blocked {
            text += &format!("{} {line}\n", paint.bad("✘"));
        }
    }
    for Finding { service, what, instead } in &planned.findings {
        text += &format!("{} {service}: {what}\n  {instead}\n", paint.doubtful("!"));
    }
    for timeline in &planned.timelines {
        text += &format!("\n{}", timeline::brief(timeline, paint));
    }
    for considered in &planned.advice {
        let service = &considered.before.service;
        if !considered.advised.advice.is_empty() {
            let what = format!("worth changing for {service} (`seatrial plan --tune` writes it):");
            text += &format!("\n{}\n{}", paint.strong(&what), timeline::advice(considered, paint));
        } else if let Some(hint) = timeline::hint(considered) {
            text += &format!("\n{}\n", paint.faint(&format!("{service}: {hint}")));
        }
    }
    text
}

/// The same for a comment on a pull request.
pub fn markdown(planned: &Planned) -> String {
    let rehearsal = &planned.rehearsal;
    let mut text =
        format!("### Plan: `{}` in `{}`\n\n{}\n\n", rehearsal.app, rehearsal.environment, summary(rehearsal));
    for service in &rehearsal.services {
        text += &format!("- **{}**: {}\n", service.service, effect(service));
        for line in blocked(service) {
            text += &format!("  - ⚠ {line}\n");
        }
    }
    if let Some(preview) = &planned.infra {
        text += &format!("- **infrastructure**, before the services: {}\n", preview.in_words());
        for address in &preview.guarded {
            text += &format!("  - ⚠ `{address}` holds data that would be lost\n");
        }
    }
    for note in &rehearsal.notes {
        text += &format!("- {note}\n");
    }
    for Finding { service, what, instead } in &planned.findings {
        text += &format!("- ⚠ **{service}**: {what}; {instead}\n");
    }
    for timeline in &planned.timelines {
        text += &format!("\n{}", timeline::markdown(timeline));
    }
    for considered in planned.advice.iter().filter(|considered| !considered.advised.advice.is_empty()) {
        text += &format!(
            "\nWorth changing for **{}**:\n\n```\n{}```\n",
            considered.before.service,
            timeline::advice(considered, Paint::PLAIN)
        );
    }
    let changes: Vec<&Step> = rehearsal.steps.iter().filter(|step| step.change != Change::Unchanged).collect();
    if changes.is_empty() {
        return text;
    }
    let mut lines = Vec::new();
    for step in changes {
        lines.push(format!("{} {}", if sign(&step.change) == "~" { "!" } else { sign(&step.change) }, title(step)));
        for Difference { setting, before, after } in step.change.differences() {
            lines.extend((!before.is_null()).then(|| format!("-   {setting}: {}", value(before))));
            lines.extend((!after.is_null()).then(|| format!("+   {setting}: {}", value(after))));
        }
    }
    // The fence has to be longer than any in the values.
    let longest = lines.iter().map(|line| longest_run(line, '`')).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    text +=
        &format!("\n<details><summary>Changes</summary>\n\n{fence}diff\n{}\n{fence}\n\n</details>\n", lines.join("\n"));
    text
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|other| other != of).map(str::len).max().unwrap_or(0)
}

fn sign(change: &Change) -> &'static str {
    match change {
        Change::Created(_) => "+",
        Change::Updated(_) => "~",
        Change::Deleted => "-",
        Change::Unchanged => "=",
    }
}

fn title(step: &Step) -> String {
    let Step { resource, name, change, .. } = step;
    match (resource, change) {
        (Resource::TaskDefinition, Change::Created(_)) => format!("task definition {name}, a new revision"),
        (_, _) => format!("{resource} {name}"),
    }
}

fn width(differences: &[Difference]) -> usize {
    let widths = differences.iter().map(|difference| difference.setting.chars().count());
    widths.filter(|width| *width <= SETTING_WIDTH_MAX).max().unwrap_or(0)
}

/// A value on one line.
fn value(value: &Json) -> String {
    match value {
        Json::String(text) => text.replace('\n', "⏎"),
        other => other.to_string(),
    }
}

fn summary(rehearsal: &Rehearsal) -> String {
    let count = |is: fn(&Change) -> bool| rehearsal.steps.iter().filter(|step| is(&step.change)).count();
    let made = count(|change| matches!(change, Change::Created(_)));
    let changed = count(|change| matches!(change, Change::Updated(_)));
    let right = count(|change| matches!(change, Change::Unchanged));
    if rehearsal.changes_anything() {
        format!("{made} to make, {changed} to change, {right} as they should be")
    } else {
        format!("nothing to change: {right} as they should be")
    }
}

/// What a deployment would start, and the tasks it takes.
fn effect(service: &ServicePreview) -> String {
    let TaskPreview { running, desired, fewest_healthy, most } = service.tasks;
    if service.starts_deployment.is_empty() {
        return if running == desired {
            "no deployment would start".to_owned()
        } else {
            format!("no deployment would start; from {running} to {}", tasks(desired))
        };
    }
    let why = service.starts_deployment.join(", ");
    let meanwhile = match (running, fewest_healthy) {
        (0, _) => format!("{} where there is none", tasks(desired)),
        (_, fewest) => {
            format!(
                "from {running} to {}, meanwhile at least {fewest} healthy and at most {most} in all",
                tasks(desired)
            )
        }
    };
    format!("a deployment would start ({why}); {meanwhile}")
}

fn tasks(count: i32) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

fn blocked(service: &ServicePreview) -> Vec<String> {
    let line = |alarm: &seatrial_release::FiringAlarm| {
        format!("the deployment would be refused: alarm {} is firing: {}", alarm.alarm, alarm.reason)
    };
    service.blocked_by.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rehearsal() -> Rehearsal {
        let difference =
            |setting: &str, before: Json, after: Json| Difference { setting: setting.into(), before, after };
        let step = |resource, name: &str, change| Step { resource, name: name.into(), service: None, change };
        Rehearsal {
            app: "hello".parse().expect("name"),
            environment: "dev".parse().expect("name"),
            steps: vec![
                step(Resource::Cluster, "hello-dev", Change::Unchanged),
                step(
                    Resource::TaskDefinition,
                    "hello-dev-web",
                    Change::Created(vec![
                        difference("containerDefinitions[web].image", json!("web:1"), json!("web:2")),
                        difference("containerDefinitions[web].environment[NOTE]", Json::Null, json!("two\nlines ```")),
                        difference("memory", json!(512), Json::Null),
                    ]),
                ),
                step(
                    Resource::Service,
                    "web",
                    Change::Updated(vec![difference("taskDefinition", json!("hello-dev-web:1"), json!("(new)"))]),
                ),
            ],
            services: vec![ServicePreview {
                service: "web".parse().expect("name"),
                starts_deployment: vec!["taskDefinition changes".into()],
                tasks: TaskPreview { running: 2, desired: 2, fewest_healthy: 2, most: 4 },
                blocked_by: vec![],
            }],
            notes: vec!["a note".into()],
        }
    }

    fn planned(rehearsal: Rehearsal) -> Planned {
        Planned { rehearsal, infra: None, timelines: Vec::new(), findings: Vec::new(), advice: Vec::new(), saved: None }
    }

    #[test]
    fn a_plan_names_every_setting_and_what_it_starts() {
        insta::assert_snapshot!(text(&planned(rehearsal()), Paint::PLAIN));
    }

    #[test]
    fn a_plan_in_markdown_stays_in_its_fence() {
        insta::assert_snapshot!(markdown(&planned(rehearsal())));
    }

    #[test]
    fn a_plan_of_nothing_says_so() {
        let mut nothing = rehearsal();
        nothing.steps.truncate(1);
        nothing.services[0].starts_deployment.clear();
        nothing.notes.clear();
        assert_eq!(
            text(&planned(nothing), Paint::PLAIN),
            "nothing to change: 1 as they should be\nweb: no deployment would start\n"
        );
    }
}
