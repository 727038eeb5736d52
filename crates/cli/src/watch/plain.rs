//! Plain lines: each service event once, a block when something changed, and a sign of life while nothing does. Or the same as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use seatrial_release::Interrupt;
use seatrial_release::Verdict;
use seatrial_release::config::ServiceName;
use seatrial_release::view::{DeploymentView, RevisionView, ServiceView, WatchView};
use time::OffsetDateTime;

use super::feed::{Feed, Lost};
use super::words;
use crate::exit_code::ExitCode;
use crate::printer::{Output, Paint, Printer};

/// Longest silence: pipelines take a longer one for a hang.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// How long an endpoint may be silent before watching is given up. A restarted engine is back within seconds.
const CONTACT_PATIENCE: Duration = Duration::from_secs(60);

/// Shares of errors, in percent, between which a change is worth a block.
const ERROR_CLASSES: [f64; 3] = [0.0, 1.0, 5.0];

/// Writes lines until every deployment that was seen going on is over, or somebody interrupts.
pub async fn run(mut feed: Feed, mut interrupt: Interrupt, printer: &Printer) -> Result<ExitCode> {
    let mut teller = Teller::default();
    let mut is_lost = false;
    loop {
        tokio::select! {
            going_on = feed.changed() => anyhow::ensure!(going_on, "looking ended unexpectedly; please report this"),
            () = interrupt.raised() => return Ok(teller.interrupted()),
        }
        let news = feed.news();
        match (&news.lost, &news.view) {
            (Some(lost), seen) => {
                if (seen.is_none() && !lost.is_transient)
                    || words::between(lost.since, OffsetDateTime::now_utc()) >= CONTACT_PATIENCE
                {
                    anyhow::bail!("{}", lost.problem);
                }
                if !is_lost {
                    printer.remark(&words_of_loss(lost));
                }
                is_lost = true;
            }
            (None, Some(view)) => {
                if is_lost {
                    printer.remark("the endpoint answers again");
                }
                is_lost = false;
                let told = teller.tell(view, printer.results());
                match printer.output() {
                    Output::Table if !told.is_empty() => printer.text(&told)?,
                    Output::Json if !told.is_empty() => printer.text(&serde_json::to_string(&**view)?)?,
                    Output::Table | Output::Json | Output::Tsv => {}
                }
                if let Some(verdict) = teller.verdict() {
                    return Ok(verdict.into());
                }
            }
            (None, None) => {}
        }
    }
}

fn words_of_loss(lost: &Lost) -> String {
    let patience = CONTACT_PATIENCE.as_secs();
    format!("no answer ({}); what is deployed goes on, trying again for {patience} s", lost.problem)
}

/// What was told, so that only news are.
#[derive(Debug, Default)]
struct Teller {
    told: BTreeMap<ServiceName, Told>,
    /// Services whose deployment was seen going on, and how it ended.
    watched: BTreeMap<ServiceName, Option<Verdict>>,
}

#[derive(Debug)]
struct Told {
    key: String,
    at: Instant,
    events: BTreeSet<String>,
}

impl Teller {
    /// The news of a look; empty when there are none.
    fn tell(&mut self, view: &WatchView, paint: Paint) -> String {
        let mut text = String::new();
        for service in &view.services {
            self.note_end(service);
            text += &self.tell_service(service, view, paint);
        }
        text
    }

    fn tell_service(&mut self, service: &ServiceView, view: &WatchView, paint: Paint) -> String {
        let mut text = String::new();
        let told = self.told.get_mut(&service.service);
        let is_first = told.is_none();
        let events: BTreeSet<String> = service.events.iter().map(|event| event.id.clone()).collect();
        let key = key(service);
        // What happened before somebody watched is in `seatrial events`.
        if let Some(told) = &told {
            for event in service.events.iter().rev().filter(|event| !told.events.contains(&event.id)) {
                let at = event.at.map(|at| words::clock(at, view.at)).unwrap_or_default();
                text += &format!("{at} {} {}\n", paint.strong(&format!("{}:", service.service)), event.message);
            }
        }
        let is_due = told.as_ref().is_none_or(|told| told.key != key || told.at.elapsed() >= SIGN_OF_LIFE);
        if is_due {
            text += &block(service, view, paint);
        }
        match told {
            Some(told) => {
                told.events = events;
                if is_due {
                    (told.key, told.at) = (key, Instant::now());
                }
            }
            None => {
                self.told.insert(service.service.clone(), Told { key, at: Instant::now(), events });
            }
        }
        debug_assert!(!is_first || is_due, "the first look is always told");
        text
    }

    fn note_end(&mut self, service: &ServiceView) {
        let is_watched = self.watched.contains_key(&service.service);
        match &service.deployment {
            Some(deployment) if deployment.verdict.is_none() => {
                self.watched.insert(service.service.clone(), None);
            }
            Some(deployment) if is_watched => {
                self.watched.insert(service.service.clone(), deployment.verdict);
            }
            // Deleted while it was deployed.
            None if is_watched => {
                self.watched.insert(service.service.clone(), Some(Verdict::Failed));
            }
            Some(_) | None => {}
        }
    }

    /// The verdict on all deployments that were watched, once they are over.
    fn verdict(&self) -> Option<Verdict> {
        let verdicts: Option<Vec<Verdict>> = self.watched.values().copied().collect();
        verdicts.filter(|verdicts| !verdicts.is_empty()).map(Verdict::worst)
    }

    fn interrupted(&self) -> ExitCode {
        if self.watched.is_empty() { ExitCode::Done } else { ExitCode::Interrupted }
    }
}

/// What makes a block worth telling: everything but figures that always move.
fn key(service: &ServiceView) -> String {
    let mut parts = vec![words::state(service), words::course(service)];
    if let Some(deployment) = &service.deployment {
        parts.extend([deployment.id.clone(), deployment.status.clone()]);
        parts.extend(deployment.present.iter().map(|present| format!("{:?} {:?}", present.stage, present.limit)));
        parts.push(format!("{:?} {:?} {:?}", deployment.weights, deployment.breaker, deployment.hooks));
    }
    for revision in &service.revisions {
        parts.push(format!("{} {:?} {:?}", revision.id, revision.tasks, revision.targets));
        parts.extend(revision.rates.as_ref().map(liveliness));
    }
    parts.extend(service.shared_rates.as_ref().map(liveliness));
    parts.push(format!("{:?} {:?} {:?}", service.alarms, service.failures, service.remarks));
    parts.join("\n")
}

/// Whether there are requests at all, and how many of them fail, in classes.
fn liveliness(rates: &seatrial_release::view::Rates) -> String {
    let class = rates.error_percent.map(|percent| ERROR_CLASSES.iter().filter(|bound| percent > **bound).count());
    format!("{class:?}")
}

/// A service in a few lines.
fn block(service: &ServiceView, view: &WatchView, paint: Paint) -> String {
    let name = paint.strong(&format!("{}:", service.service));
    let mut head = format!("{} {name} {}", words::clock(view.at, view.at), words::state(service));
    if let Some(deployment) = service.running() {
        head += &format!(" {}", deployment.strategy);
    }
    let course = words::course(service);
    if !course.is_empty() {
        head += &format!(" {course}");
    }
    if let Some(deployment) = service.running() {
        head += &format!(", {}", words::scaled(deployment.elapsed, view.time_scale));
    }
    let mut lines: Vec<(&str, String)> = Vec::new();
    match service.running() {
        Some(deployment) => lines.extend(of_deployment(deployment, view)),
        None => lines.extend(words::last(service, view.at).map(|text| ("", text))),
    }
    for revision in &service.revisions {
        lines.push((words::role(revision.role, service.running()), of_revision(revision)));
        lines.extend(words::ailing(revision).into_iter().map(|text| ("target", text)));
    }
    lines.extend(service.shared_rates.as_ref().map(|rates| ("requests", rates_text(rates))));
    for alarm in &service.alarms {
        lines.push(("alarm", words::alarm(alarm, view.at)));
    }
    for failure in &service.failures {
        lines.push(("failed", format!("{}: {}", failure.task, failure.what)));
        lines.extend(failure.log.iter().map(|line| ("", format!("| {line}"))));
    }
    lines.extend(service.remarks.iter().map(|text| ("remark", text.clone())));
    let lines: String = lines.into_iter().map(|(label, text)| format!("  {label:<9} {text}\n")).collect();
    format!("{head}\n{lines}")
}

fn of_deployment(deployment: &DeploymentView, view: &WatchView) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(deployment.waiting_for.iter().map(|what| ("waiting", format!("for {what}"))));
    lines.extend(deployment.present.iter().map(|present| ("stage", words::stage(present, view.time_scale, view.at))));
    lines.extend(deployment.weights.map(|weights| {
        let (production, test) = (words::share(weights.production), words::share(weights.test));
        ("traffic", format!("the new version has {production} of production and {test} of test traffic"))
    }));
    for hook in deployment.hooks.iter().filter(|hook| hook.is_open()) {
        lines.push(("hook", words::hook(hook, view.at)));
    }
    lines.extend(words::breaker(deployment).map(|text| ("breaker", text)));
    let why = deployment.rollback.as_ref().and_then(|rollback| rollback.reason.clone());
    lines.extend(why.or_else(|| deployment.reason.clone()).map(|why| ("because", why)));
    lines
}

fn of_revision(revision: &RevisionView) -> String {
    let mut text = format!("{}: {}", words::revision(revision), words::tasks(revision));
    if let Some(rates) = &revision.rates {
        text += &format!("; {}", rates_text(rates));
    }
    text
}

fn rates_text(rates: &seatrial_release::view::Rates) -> String {
    let mut parts = vec![format!("{} requests", words::per_second(rates.requests_per_second))];
    parts.extend(words::errors(rates).map(|errors| format!("{errors} errors")));
    parts.extend(words::latency(rates));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn every_situation_has_its_block() {
        let views = [
            fixtures::canary(),
            fixtures::paused(),
            fixtures::rolling_back(),
            fixtures::steady(),
            fixtures::first(),
            fixtures::rolling(),
        ];
        let blocks: Vec<String> = views.iter().map(|view| block(&view.services[0], view, Paint::PLAIN)).collect();
        insta::assert_snapshot!(blocks.join("\n"));
    }

    #[test]
    fn only_news_are_told() {
        let mut teller = Teller::default();
        let first = fixtures::canary();
        assert!(teller.tell(&first, Paint::PLAIN).contains("PRODUCTION_TRAFFIC_SHIFT"));
        let mut later = first.clone();
        later.at += Duration::from_secs(1);
        let rates = later.services[0].revisions[0].rates.as_mut().expect("rates");
        rates.requests_per_second += 1.0;
        assert_eq!(teller.tell(&later, Paint::PLAIN), "", "figures that always move are no news");
        let mut event = later.services[0].events[0].clone();
        (event.id, event.message) = ("new".into(), "has done something.".into());
        later.services[0].events.insert(0, event);
        assert_eq!(teller.tell(&later, Paint::PLAIN), "10:13:20Z web: has done something.\n", "an event is one line");
        later.services[0].revisions[0].rates.as_mut().expect("rates").error_percent = Some(0.0);
        assert!(teller.tell(&later, Paint::PLAIN).contains("0.0 % errors"), "errors that end are news");
    }

    #[test]
    fn watching_ends_with_the_deployments_that_were_seen_going_on() {
        let mut teller = Teller::default();
        teller.tell(&fixtures::steady(), Paint::PLAIN);
        assert_eq!((teller.verdict(), teller.interrupted()), (None, ExitCode::Done), "nothing was going on");
        teller.tell(&fixtures::canary(), Paint::PLAIN);
        assert_eq!((teller.verdict(), teller.interrupted()), (None, ExitCode::Interrupted));
        teller.tell(&fixtures::steady(), Paint::PLAIN);
        assert_eq!(teller.verdict(), Some(Verdict::Deployed));
    }
}
