//! What the screen and the lines say alike. Pure.

use std::time::Duration;

use console::measure_text_width;
use seatrial_release::Verdict;
use seatrial_release::view::{
    AlarmState, AlarmView, DeploymentView, HookKind, HookView, PresentStage, Rates, RevisionView, Role, ServiceView,
    TargetView,
};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::show::steps::counts;
use crate::show::time::{length, moment};

/// `10:13:28Z`; with its date when that is another day than today.
pub fn clock(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    if at.date() != now.to_offset(time::UtcOffset::UTC).date() {
        return moment(Some(at));
    }
    at.format(format_description!("[hour]:[minute]:[second]Z")).unwrap_or_else(|_| "-".to_owned())
}

/// A length of time as it really passes, and what it stands for: `10.0 s (10 min 00 s at scale 60)`.
pub fn scaled(real: Duration, time_scale: u32) -> String {
    match time_scale {
        0 | 1 => length(real),
        scale => format!("{} ({} at scale {scale})", length(real), length(real.saturating_mul(scale))),
    }
}

/// The time from `start` to `end`; nothing when it is the other way round.
pub fn between(start: OffsetDateTime, end: OffsetDateTime) -> Duration {
    Duration::try_from(end - start).unwrap_or_default()
}

/// `20.1/s`.
pub fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") }
}

/// `0.5 % errors`; none without requests.
pub fn errors(rates: &Rates) -> Option<String> {
    rates.error_percent.map(|percent| format!("{percent:.1} %"))
}

/// `p50 1.2ms p95 3.4ms p99 12ms`, short enough for half a narrow screen.
pub fn latency(rates: &Rates) -> Option<String> {
    let each = [("p50", rates.p50_ms), ("p95", rates.p95_ms), ("p99", rates.p99_ms)];
    let told: Vec<String> =
        each.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", milliseconds(value?)))).collect();
    (!told.is_empty()).then(|| told.join(" "))
}

fn milliseconds(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.1}ms"),
        value if value < 1000.0 => format!("{value:.0}ms"),
        value => format!("{:.1}s", value / 1000.0),
    }
}

/// `12 %`, `0.5 %`.
pub fn share(percent: f64) -> String {
    format!("{percent} %")
}

/// The state of a service in a word: its deployment's, else its own.
pub fn state(service: &ServiceView) -> String {
    match (service.running(), &service.status) {
        (Some(deployment), _) => deployment.status.clone(),
        (None, Some(status)) => status.clone(),
        (None, None) => "not deployed".to_owned(),
    }
}

/// A sign for a service whose deployment is going on: `‖` paused, `▶` on its way, `◀` on its way back.
pub fn sign(service: &ServiceView) -> &'static str {
    match service.running() {
        None => "",
        Some(deployment) if deployment.is_rolling_back() => " ◀",
        Some(deployment) if deployment.open_pause().is_some() => " ‖",
        Some(_) => " ▶",
    }
}

/// Which version takes over from which: `hello-dev-web:1 → hello-dev-web:2`; on the way back the other way round.
pub fn course(service: &ServiceView) -> String {
    let name = |role| {
        service.revisions.iter().find(|revision| revision.role == role).and_then(|found| found.task_definition.clone())
    };
    let Some(deployment) = service.running() else {
        return name(Role::Serving).unwrap_or_default();
    };
    let arrow = if deployment.is_rolling_back() { "←" } else { "→" };
    match (name(Role::Old), name(Role::New)) {
        (Some(old), Some(new)) => format!("{old} {arrow} {new}"),
        (None, Some(new)) => new,
        (Some(old), None) => old,
        (None, None) => String::new(),
    }
}

/// Where a service answers, and where a new version does before it is given production traffic.
pub fn urls(service: &ServiceView) -> Option<String> {
    let tell = |url: &seatrial_release::ServiceUrl| match url.test.as_deref() {
        None => url.url.clone(),
        Some("") => format!("test {}", url.url),
        Some(header) => format!("test {} with {header}", url.url),
    };
    let told: Vec<String> = service.urls.iter().map(tell).collect();
    (!told.is_empty()).then(|| told.join("  "))
}

/// Breaks a text into lines of at most so many columns, at blanks where there are any.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        if !line.is_empty() && measure_text_width(&line) + 1 + measure_text_width(word) <= width {
            line.push(' ');
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // A word longer than a line is cut anywhere.
        while measure_text_width(word) > width {
            let (end, _) = word.char_indices().nth(width).unwrap_or((word.len(), ' '));
            lines.push(word[..end].to_owned());
            word = &word[end..];
        }
        line += word;
    }
    lines.push(line);
    lines
}

/// How the last deployment ended, for a service that has none going on.
pub fn last(service: &ServiceView, now: OffsetDateTime) -> Option<String> {
    let deployment = service.deployment.as_ref().filter(|deployment| deployment.verdict.is_some())?;
    let ended =
        deployment.since.map(|since| format!(" at {}", clock(since + deployment.elapsed, now))).unwrap_or_default();
    let why = deployment.reason.as_ref().filter(|_| deployment.verdict != Some(Verdict::Deployed));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    Some(format!(
        "the last deployment ({}) ended {}{ended} after {}{why}",
        deployment.strategy,
        deployment.status,
        length(deployment.elapsed)
    ))
}

/// How long the deployment has been in its stage, and until when it stays there at most.
pub fn stage(present: &PresentStage, time_scale: u32, now: OffsetDateTime) -> String {
    let since = between(present.since, now);
    let name = present.stage.as_str();
    let Some(limit) = &present.limit else { return format!("{name} for {}", scaled(since, time_scale)) };
    let (at, then) = (clock(limit.at, now), &limit.then);
    match limit.nominal {
        Some(nominal) => {
            let whole = scaled(nominal / time_scale.max(1), time_scale);
            format!("{name} for {} of {whole}, until {at}, then {then}", length(since))
        }
        None => format!("{name} for {}, until {at} at most, then {then}", scaled(since, time_scale)),
    }
}

/// `paused: waits for you until 10:58:07Z, then it is rolled back`; the stage is told elsewhere.
pub fn hook(hook: &HookView, now: OffsetDateTime) -> String {
    let name = match &hook.kind {
        HookKind::Pause => "pause",
        HookKind::Function(name) => name,
    };
    let Some(waits_for) = &hook.waits_for else { return format!("{name}: {}", hook.status) };
    let until = hook.expires_at.map(|at| format!(" until {}, then {}", clock(at, now), hook.after_timeout()));
    let what = match &hook.kind {
        HookKind::Pause => "paused",
        HookKind::Function(_) => "hook",
    };
    format!("{what}: waits for {waits_for}{}", until.unwrap_or_default())
}

/// `ALARM web-5xx since 10:13:20Z: Threshold Crossed …`.
pub fn alarm(alarm: &AlarmView, now: OffsetDateTime) -> String {
    let since = alarm.since.map(|at| format!(" since {}", clock(at, now))).unwrap_or_default();
    let reason = alarm.reason.as_ref().filter(|_| alarm.state == AlarmState::Alarm);
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{:<5} {}{since}{reason}", alarm_state(alarm.state), alarm.name)
}

/// CloudWatch's words, as short as they can be.
pub fn alarm_state(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Alarm => "ALARM",
        AlarmState::Ok => "OK",
        AlarmState::InsufficientData => "no data yet for",
        AlarmState::Missing => "there is no alarm",
    }
}

/// What a revision is called in its deployment.
pub fn role(role: Role, deployment: Option<&DeploymentView>) -> &'static str {
    let is_rolling_back = deployment.is_some_and(DeploymentView::is_rolling_back);
    match (role, is_rolling_back) {
        (Role::New, false) => "new",
        (Role::New, true) => "given up",
        (Role::Old, false) => "old",
        (Role::Old, true) => "restored",
        (Role::Serving, _) => "serving",
    }
}

/// A revision's name: `canary-dev-web:2 (v2)`.
pub fn revision(revision: &RevisionView) -> String {
    let version = revision.version.as_ref().map(|version| format!(" ({version})")).unwrap_or_default();
    format!("{}{version}", revision.task_definition.as_deref().unwrap_or(&revision.id))
}

/// Tasks of a revision: `2/2 healthy, 1 leaving`.
pub fn tasks(revision: &RevisionView) -> String {
    counts(&revision.tasks)
}

/// `2 healthy, 1 unhealthy`: targets by state, `healthy` first.
pub fn targets(revision: &RevisionView) -> Option<String> {
    let mut states: Vec<&str> = revision.targets.iter().map(|target| target.state.as_str()).collect();
    states.sort_by_key(|state| (*state != "healthy", *state));
    let mut told: Vec<String> = Vec::new();
    for of_state in states.chunk_by(|left, right| left == right) {
        told.push(format!("{} {}", of_state.len(), of_state[0]));
    }
    (!told.is_empty()).then(|| told.join(", "))
}

/// The targets that are not healthy, each with the reason. One that is leaving is as it should be.
pub fn ailing(revision: &RevisionView) -> Vec<String> {
    let tell = |target: &TargetView| {
        let why = target.description.as_ref().or(target.reason.as_ref()).map(|why| format!(": {why}"));
        format!("{} {}{}", target.address, target.state, why.unwrap_or_default())
    };
    let is_ailing = |target: &&TargetView| !matches!(target.state.as_str(), "healthy" | "draining");
    revision.targets.iter().filter(is_ailing).map(tell).collect()
}

/// What the circuit breaker has counted, once it has counted any.
pub fn breaker(deployment: &DeploymentView) -> Option<String> {
    let breaker = deployment.breaker.as_ref().filter(|breaker| breaker.failures > 0)?;
    Some(format!("{} of {} failed tasks that end it", breaker.failures, breaker.threshold))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn lengths_are_told_as_they_pass_and_as_they_are_meant() {
        assert_eq!(scaled(Duration::from_secs(10), 1), "10.0 s");
        assert_eq!(scaled(Duration::from_secs(10), 60), "10.0 s (10 min 00 s at scale 60)");
    }

    #[test]
    fn lines_are_broken_at_blanks_and_words_only_when_they_must_be() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn another_days_time_has_its_date() {
        let now = OffsetDateTime::from_unix_timestamp(1_763_700_312).expect("a time");
        assert_eq!(clock(now, now), "04:45:12Z");
        assert_eq!(clock(now + Duration::from_secs(86_400), now), "2025-11-22 04:45:12Z");
    }

    #[test]
    fn a_pause_tells_whom_it_waits_for_and_what_happens_otherwise() {
        let view = fixtures::paused();
        let deployment = view.services[0].running().expect("it is going on");
        let pause = deployment.open_pause().expect("it is paused");
        assert_eq!(hook(pause, view.at), "paused: waits for you until 10:58:07Z, then it is rolled back");
    }

    #[test]
    fn targets_are_counted_by_state_and_the_ailing_ones_told() {
        let view = fixtures::canary();
        let new = &view.services[0].revisions[0];
        assert_eq!(targets(new).as_deref(), Some("1 healthy, 1 unhealthy"));
        assert_eq!(ailing(new), ["127.0.0.1:31004 unhealthy: Health checks failed with these codes: [503]"]);
    }
}
