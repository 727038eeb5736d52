//! Services that depend on each other, deployed wave by wave. What belongs together stands or falls together: if one of a group fails, those
//! of the group that this release has deployed already go back, the last one first.

use std::collections::BTreeSet;
use std::time::Instant;

use time::OffsetDateTime;

use crate::aws::Connection;
use crate::config::{RollbackOverride, ServiceName};
use crate::deploy::{DeployOptions, DeployReport, Waiting, deploy, outcome_in_words, step_began, step_ended};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::lock::HeldLock;
use crate::order::{Dependencies, dependencies, group, waves};
use crate::plan::{Plan, ServicePlan};
use crate::report::{Event, Reporter};
use crate::rollback::{BackTo, RollbackOptions, Then, at, rollback};
use crate::watch::outcome::ServiceOutcome;
use crate::watch::verdict::Verdict;

/// What is to be deployed.
pub(super) struct InOrder<'a> {
    pub connection: &'a Connection,
    pub plan: &'a Plan,
    pub options: &'a DeployOptions,
    pub held: &'a HeldLock,
    /// When the release began, with its first attempt.
    pub began_at: OffsetDateTime,
}

/// What came of a deployment in order.
pub(super) struct InOrderReport {
    pub outcome: Result<DeployReport, ReleaseError>,
    /// Services that this release had deployed are what they were before.
    pub has_gone_back: bool,
}

/// Deploys a plan in the order of its dependencies.
pub(super) async fn deploy_in_order(order: &InOrder<'_>, report: &Reporter, interrupt: Interrupt) -> InOrderReport {
    let InOrder { connection, plan, options, held, .. } = *order;
    let dependencies = dependencies(&plan.services);
    let waves = waves(&dependencies).unwrap_or_else(|_| vec![dependencies.keys().cloned().collect()]);
    if waves.len() <= 1 || options.waiting == Waiting::Not {
        if waves.len() > 1 {
            let note = "services that depend on others are started together with them, since nothing is waited for";
            report.send(Event::Note(note.to_owned()));
        }
        let outcome = deploy(connection, plan, options, report, interrupt).await;
        return InOrderReport { outcome, has_gone_back: false };
    }
    let started = Instant::now();
    let mut done: Option<DeployReport> = None;
    let mut failed = BTreeSet::new();
    let mut stopped = None;
    for (number, wave) in waves.iter().enumerate() {
        let all = done.as_ref().map_or(&[][..], |done| &done.services);
        let ready: Vec<&ServiceName> =
            wave.iter().filter(|name| is_held_back(&dependencies, all, name, report).is_none()).collect();
        if ready.is_empty() {
            continue;
        }
        let services = plan.services.iter().filter(|service| ready.contains(&&service.name)).cloned().collect();
        let remarks = if number == 0 { plan.remarks.clone() } else { Vec::new() };
        let part = Plan { services, remarks, ..plan.clone() };
        let ended = match held.ensure().await {
            Ok(()) => deploy(connection, &part, options, report, interrupt.clone()).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(ended) => done = Some(joined(done, ended)),
            Err(error) => {
                // What an interrupted release has begun, another attempt goes on with.
                if !matches!(error, ReleaseError::Interrupted { .. } | ReleaseError::Locked { .. }) {
                    failed.extend(ready.into_iter().cloned());
                }
                stopped = Some(error);
                break;
            }
        }
    }
    let all = done.as_mut().map_or(&mut [][..], |done| &mut done.services);
    failed.extend(all.iter().filter(|one| has_failed(one.verdict)).map(|one| one.service.clone()));
    let together: BTreeSet<_> = failed.iter().flat_map(|name| group(&dependencies, name)).collect();
    let mut has_gone_back = false;
    if options.rollback == RollbackOverride::AsConfigured && !together.is_empty() {
        has_gone_back = take_back(order, report, &interrupt, &together, &waves, all).await;
    }
    let outcome = match (stopped, done) {
        (Some(error), _) => Err(error),
        (None, Some(mut done)) => {
            done.services.sort_by(|one, other| one.service.cmp(&other.service));
            done.urls.sort_by(|one, other| one.service.cmp(&other.service));
            done.verdict = Verdict::worst(done.services.iter().map(|outcome| outcome.verdict));
            done.duration = started.elapsed();
            Ok(done)
        }
        (None, None) => unreachable!("the first wave depends on nothing, so it is deployed or has failed"),
    };
    InOrderReport { outcome, has_gone_back }
}

/// Two waves as one report.
fn joined(before: Option<DeployReport>, ended: DeployReport) -> DeployReport {
    match before {
        None => ended,
        Some(mut before) => {
            before.services.extend(ended.services);
            before.urls.extend(ended.urls);
            before
        }
    }
}

/// Says on whom a service waits in vain, if it does.
fn is_held_back(
    dependencies: &Dependencies,
    all: &[ServiceOutcome],
    name: &ServiceName,
    report: &Reporter,
) -> Option<String> {
    let needs: Vec<&str> =
        dependencies[name].iter().filter(|need| !is_well(all, need)).map(ServiceName::as_str).collect();
    if needs.is_empty() {
        return None;
    }
    let why = format!("{name} is not deployed: it depends on {}", needs.join(" and "));
    report.send(Event::Note(why.clone()));
    Some(why)
}

/// Rolls back what this release has deployed of a group, the last one first; returns whether there was anything. What it has deployed is
/// what is another version now than at its beginning, whichever attempt did that and whatever is known of its end.
async fn take_back(
    order: &InOrder<'_>,
    report: &Reporter,
    interrupt: &Interrupt,
    together: &BTreeSet<ServiceName>,
    waves: &[Vec<ServiceName>],
    all: &mut [ServiceOutcome],
) -> bool {
    let mut has_gone_back = false;
    for name in waves.iter().rev().flatten().filter(|name| together.contains(*name)) {
        let Some(service) = order.plan.service(name) else { continue };
        let outcome = all.iter_mut().find(|one| one.service == *name);
        let is_settled = outcome.as_ref().is_some_and(|one| !stands(one.verdict));
        if is_settled {
            continue;
        }
        match go_back(order, report, interrupt, service).await {
            GoneBack::Needless => {}
            GoneBack::Stays(why) => report.send(Event::Note(format!("{name} stays: {why}"))),
            GoneBack::Ended(ended) => {
                has_gone_back = true;
                let Some(outcome) = outcome else { continue };
                outcome.verdict =
                    if ended.verdict.is_success() { Verdict::RolledBack } else { Verdict::RollbackFailed };
                outcome.running = ended.running;
                outcome.healthy_tasks = ended.healthy_tasks;
                outcome.reason = Some("what it belongs together with has failed".to_owned());
            }
            // The others have their outcomes all the same.
            GoneBack::Failed(why) => {
                report.send(Event::Note(format!("{name} could not go back: {why}")));
                if let Some(outcome) = outcome {
                    outcome.verdict = Verdict::RollbackFailed;
                }
            }
        }
    }
    has_gone_back
}

/// What came of a service that was to go back.
enum GoneBack {
    /// It has not been deployed.
    Needless,
    Stays(String),
    Ended(Box<ServiceOutcome>),
    Failed(String),
}

async fn go_back(order: &InOrder<'_>, report: &Reporter, interrupt: &Interrupt, service: &ServicePlan) -> GoneBack {
    let InOrder { connection, options, held, began_at, .. } = order;
    let to = match at(connection, service, *began_at).await {
        Ok(Then::Same) => return GoneBack::Needless,
        Ok(Then::Other(before)) => BackTo::TaskDefinition(before),
        // What is new has nothing to go back to, and of what has not changed for very long nothing is known.
        Ok(Then::Unknown) => return GoneBack::Stays("nothing is known of a version before this one".to_owned()),
        Err(ReleaseError::NotPossible { .. }) => return GoneBack::Needless,
        Err(error) => return GoneBack::Failed(error.to_string()),
    };
    report.send(Event::Note(format!("{} goes back as well: what it belongs together with has failed", service.name)));
    let step = format!("take back {}", service.name);
    report.send(step_began(&step));
    let back = RollbackOptions { to, waiting: Waiting::ToTheEnd, timeout: options.timeout };
    let gone_back = match held.ensure().await {
        Ok(()) => rollback(connection, service, &back, report, interrupt.clone()).await,
        Err(error) => Err(error),
    };
    report.send(step_ended(&step, &gone_back, outcome_in_words));
    match gone_back {
        Ok(ended) => GoneBack::Ended(Box::new(ended)),
        Err(error) => GoneBack::Failed(error.to_string()),
    }
}

/// Whether a service with this verdict is where this release wants it, so that only its group can take it back.
fn stands(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Deployed | Verdict::NothingToDo | Verdict::Reached => true,
        Verdict::RolledBack | Verdict::TimedOut | Verdict::Failed | Verdict::RollbackFailed => false,
        // Somebody decides about these.
        Verdict::Started | Verdict::Interrupted | Verdict::Paused => false,
    }
}

/// Whether whoever depends on it may be deployed.
fn is_well(all: &[ServiceOutcome], name: &ServiceName) -> bool {
    all.iter().any(|one| one.service == *name && one.verdict.is_success())
}

fn has_failed(verdict: Verdict) -> bool {
    match verdict {
        Verdict::RolledBack | Verdict::TimedOut | Verdict::Failed | Verdict::RollbackFailed => true,
        Verdict::NothingToDo | Verdict::Deployed | Verdict::Started | Verdict::Reached => false,
        // Somebody decides about these.
        Verdict::Interrupted | Verdict::Paused => false,
    }
}
