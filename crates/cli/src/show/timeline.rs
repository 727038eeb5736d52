//! Forecasts as text: what is waited for in turn, what it costs, and how long failures take.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatrial_release::forecast::{Advice, Ending, Failure, Forecast, Mishap, Platform, Range, Timeline, Wait};

use super::time::length;
use crate::commands::simulate::{Considered, Variant};
use crate::printer::{Paint, table};

/// A failure that is noticed this often is told as if it always were.
const ALWAYS: f64 = 0.985;

const FAILURE_HEADER: [&str; 4] = ["IF THE NEW VERSION", "GIVEN UP", "TRAFFIC BACK", "OVER"];

/// The width of the bars.
const BAR: f64 = 32.0;

/// All variants: each service as it is, then the others beside it.
pub fn text(variants: &[Variant], paint: Paint) -> String {
    let Some((base, others)) = variants.split_first() else { return String::new() };
    let mut text = String::new();
    for (index, timeline) in base.services.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text += &one(timeline, paint);
        let beside: Vec<(&str, &Timeline)> = others
            .iter()
            .filter_map(|variant| Some((variant.what_if.as_deref()?, variant.services.get(index)?)))
            .collect();
        if !beside.is_empty() {
            text.push('\n');
            text += &compared(timeline, &beside, paint);
        }
    }
    text
}

/// What a timeline is about.
pub fn title(timeline: &Timeline, what_if: Option<&str>) -> String {
    let Timeline { service, platform, success, .. } = timeline;
    let on = match platform {
        Platform::Embedded => "the embedded engine",
        Platform::Fargate => "Fargate",
    };
    let with = what_if.map(|what_if| format!(" with {what_if}")).unwrap_or_default();
    format!("{service} on {on}{with}: {}", total(success))
}

fn total(forecast: &Forecast) -> String {
    match forecast.total {
        Some(Range { low, median, high }) => {
            format!("{}, nine of ten between {} and {}", length(median), length(low), length(high))
        }
        None => "it never ends".to_owned(),
    }
}

fn one(timeline: &Timeline, paint: Paint) -> String {
    let Timeline { strategy, desired, success, failures, notes, .. } = timeline;
    let tasks = if *desired == 1 { "1 task".to_owned() } else { format!("{desired} tasks") };
    let mut text =
        format!("{} {}\n", paint.strong(&title(timeline, None)), paint.faint(&format!("({strategy}, {tasks})")));
    text += &phases(success, paint);
    text += &format!("  {}\n", capacity(timeline));
    if !failures.is_empty() {
        text.push('\n');
        text += &table(&FAILURE_HEADER, &failure_rows(failures), paint);
    }
    for note in notes {
        text += &format!("{}\n", paint.faint(note));
    }
    text
}

/// What would be better for each service.
pub fn advised(considered: &[Considered], paint: Paint) -> String {
    let one = |considered: &Considered| {
        format!("{}\n{}", paint.strong(&title(&considered.before, None)), advice(considered, paint))
    };
    considered.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Which settings to change, and what each saves and gives up.
pub fn advice(considered: &Considered, paint: Paint) -> String {
    let Considered { before, advised, .. } = considered;
    let mut text = String::new();
    for Advice { what, saves, gains, gives_up, settings } in &advised.advice {
        let saved = if saves.is_zero() { String::new() } else { format!(": {} less", length(*saves)) };
        text += &format!("  {what}{}\n", paint.good(&saved));
        for gain in gains {
            text += &format!("      {} {gain}\n", paint.good("+"));
        }
        for given_up in gives_up {
            text += &format!("      {} {given_up}\n", paint.doubtful("-"));
        }
        let written: Vec<String> =
            settings.iter().map(|setting| format!("{}: {}", setting.key, setting.value)).collect();
        text += &format!("      {}\n", paint.faint(&written.join(", ")));
    }
    text += &match advised.advice.is_empty() {
        true => format!("  {}\n", paint.faint("no setting is worth changing")),
        false => format!(
            "  with all of it: {} ({:.0} % less)\n",
            total(&advised.tuned.success),
            100.0 * advised.share_saved(before)
        ),
    };
    if let Some(hint) = hint(considered) {
        text += &format!("  {}\n", paint.faint(&hint));
    }
    text
}

/// What to say for more advice.
pub fn hint(considered: &Considered) -> Option<String> {
    let flags = considered.unknown.join(" and ");
    (!flags.is_empty()).then(|| format!("say {flags} for more advice: nothing is advised that rests on a guess"))
}

/// How long it takes and how long failures take, without the path in between.
pub fn brief(timeline: &Timeline, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.strong(&title(timeline, None)));
    text += &format!("  mostly: {}\n", mostly(&timeline.success));
    text += &format!("  {}\n", capacity(timeline));
    if !timeline.failures.is_empty() {
        text += &table(&FAILURE_HEADER, &failure_rows(&timeline.failures), paint);
    }
    text
}

/// The same for a comment on a pull request.
pub fn markdown(timeline: &Timeline) -> String {
    let mut text =
        format!("**{}**; mostly: {}; {}\n", title(timeline, None), mostly(&timeline.success), capacity(timeline));
    if timeline.failures.is_empty() {
        return text;
    }
    text += "\n| if the new version | given up | traffic back | over |\n|---|---|---|---|\n";
    for mut row in failure_rows(&timeline.failures) {
        row.resize(FAILURE_HEADER.len(), String::new());
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}

/// The three kinds of waiting that take longest.
fn mostly(forecast: &Forecast) -> String {
    let whole = forecast.phases.last().map_or(0.0, |phase| phase.end.as_secs_f64()).max(f64::EPSILON);
    let mut sums: BTreeMap<Wait, Duration> = BTreeMap::new();
    for phase in &forecast.phases {
        *sums.entry(phase.wait).or_default() += phase.took();
    }
    let mut sums: Vec<(Wait, Duration)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    let part = |(wait, took): &(Wait, Duration)| {
        format!("{} {} ({:.0} %)", words(*wait), length(*took), 100.0 * took.as_secs_f64() / whole)
    };
    sums.iter().take(3).map(part).collect::<Vec<_>>().join(", ")
}

/// The parts of the critical path with a bar each.
fn phases(forecast: &Forecast, paint: Paint) -> String {
    let whole = forecast.phases.last().map_or(Duration::ZERO, |phase| phase.end).as_secs_f64().max(f64::EPSILON);
    let mut text = String::new();
    for phase in &forecast.phases {
        let share = phase.took().as_secs_f64() / whole;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most the width of the bars
        let cell = |at: Duration| (at.as_secs_f64() / whole * BAR).round() as usize;
        let (from, to) = (cell(phase.begin), cell(phase.end).max(cell(phase.begin) + 1).min(BAR as usize));
        let bar = format!("{}{}", " ".repeat(from.min(to)), "█".repeat(to.saturating_sub(from)));
        text += &format!(
            "  {:>11} {:>4.0} %  {bar:<32}  {}\n",
            length(phase.took()),
            100.0 * share,
            paint.faint(words(phase.wait))
        );
    }
    text
}

fn capacity(timeline: &Timeline) -> String {
    let Forecast { fewest_healthy, most_tasks, task_seconds, extra_task_seconds, .. } = &timeline.success;
    format!(
        "at least {fewest_healthy} of {} healthy, at most {most_tasks} at once; {task_seconds:.0} task-seconds, {extra_task_seconds:.0} more than at rest",
        timeline.desired
    )
}

fn failure_rows(failures: &[Failure]) -> Vec<Vec<String>> {
    failures.iter().map(|Failure { mishap, forecast }| failure_row(*mishap, forecast)).collect()
}

fn failure_row(mishap: Mishap, forecast: &Forecast) -> Vec<String> {
    let what = mishap.in_words().to_owned();
    let median = |range: Option<Range>| range.map(|range| length(range.median)).unwrap_or_default();
    match (forecast.ending, forecast.given_up) {
        // It was taken for good.
        (Ending::Successful, None) => vec![what, "never: nothing notices it".to_owned()],
        (_, None) => vec![what, "never: it is tried for ever".to_owned()],
        (_, Some(given_up)) => {
            let back = match forecast.traffic_back {
                Some(range) if range.high.is_zero() => "met no request".to_owned(),
                Some(range) if range.median.is_zero() => format!("met no request, or {}", length(range.high)),
                range => median(range),
            };
            let over = match forecast.ending {
                Ending::RolledBack => median(forecast.total),
                Ending::Stopped => "stays as it is".to_owned(),
                Ending::RollbackFailed => "the rollback fails".to_owned(),
                Ending::Never | Ending::Successful => String::new(),
            };
            let seldom =
                (forecast.noticed < ALWAYS).then(|| format!(", in {:.0} % of cases", 100.0 * forecast.noticed));
            vec![what, format!("{}{}", length(given_up.median), seldom.unwrap_or_default()), back, over]
        }
    }
}

/// The variants beside the service as it is.
fn compared(base: &Timeline, beside: &[(&str, &Timeline)], paint: Paint) -> String {
    let all: Vec<&Timeline> = std::iter::once(base).chain(beside.iter().map(|(_, timeline)| *timeline)).collect();
    let header: Vec<&str> = ["", "AS IT IS"].into_iter().chain(beside.iter().map(|(name, _)| *name)).collect();
    let median = |forecast: &Forecast| forecast.total.map(|range| range.median);
    let row = |name: &str, cell: &dyn Fn(&Timeline) -> String| {
        std::iter::once(name.to_owned()).chain(all.iter().map(|timeline| cell(timeline))).collect::<Vec<_>>()
    };
    let mut rows = vec![row("over after", &|timeline| match (median(&timeline.success), median(&base.success)) {
        (Some(own), Some(before)) if own != before => format!("{} ({})", length(own), change(before, own)),
        (Some(own), _) => length(own),
        (None, _) => "never".to_owned(),
    })];
    let waits = all.iter().flat_map(|timeline| timeline.success.waits.keys().copied());
    for wait in waits.collect::<BTreeSet<Wait>>() {
        let cell = |timeline: &Timeline| {
            timeline.success.waits.get(&wait).map_or_else(|| "–".to_owned(), |range| length(range.median))
        };
        rows.push(row(&format!("  {}", words(wait)), &cell));
    }
    rows.push(row("fewest healthy tasks", &|timeline| timeline.success.fewest_healthy.to_string()));
    rows.push(row("most tasks", &|timeline| timeline.success.most_tasks.to_string()));
    rows.push(row("task-seconds", &|timeline| format!("{:.0}", timeline.success.task_seconds)));
    for Failure { mishap, .. } in &base.failures {
        let cell = |timeline: &Timeline| {
            let found = timeline.failures.iter().find(|failure| failure.mishap == *mishap);
            found.map_or_else(String::new, |failure| failure_row(*mishap, &failure.forecast)[1].clone())
        };
        rows.push(row(&format!("{}: given up", mishap.in_words()), &cell));
    }
    table(&header, &rows, paint)
}

/// By how much a duration changed.
fn change(before: Duration, after: Duration) -> String {
    if after < before { format!("−{}", length(before - after)) } else { format!("+{}", length(after - before)) }
}

/// What is waited for.
pub fn words(wait: Wait) -> &'static str {
    match wait {
        Wait::Scheduler => "the scheduler looks again",
        Wait::Provisioning => "a machine is found",
        Wait::Pull => "the image is pulled",
        Wait::Start => "the containers start",
        Wait::Boot => "the application boots",
        Wait::HealthCheck => "the health check passes",
        Wait::Notice => "ECS takes note of it",
        Wait::CountsAsHealthy => "it runs long enough to count as healthy",
        Wait::GracePeriod => "the grace period ends",
        Wait::StartThrottle => "the next start is allowed",
        Wait::Draining => "requests of leaving tasks end",
        Wait::Stop => "tasks stop",
        Wait::Deprovisioning => "stopped tasks are cleared away",
        Wait::Bake => "the new version is watched (bake)",
        Wait::Alarm => "an alarm fires",
        Wait::Crash => "a task runs until it crashes",
        Wait::Other => "something else",
    }
}
