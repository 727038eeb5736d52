//! Services that depend on each other, deployed wave by wave. What belongs together stands or falls together: if one of a group fails, those
//! of the group that this release has deployed already go back, the last one first.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::aws::Connection;
use crate::config::{RollbackOverride, ServiceName};
use crate::deploy::{DeployOptions, DeployReport, Waiting, deploy, outcome_in_words, step_began, step_ended};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::lock::HeldLock;
use crate::order::{Dependencies, dependencies, group, waves};
use crate::plan::Plan;
use crate::report::{Event, Reporter};
use crate::rollback::{RollbackOptions, rollback};
use crate::watch::outcome::ServiceOutcome;
use crate::watch::verdict::Verdict;

/// What is to be deployed.
pub(super) struct InOrder<'a> {
    pub connection: &'a Connection,
    pub plan: &'a Plan,
    pub options: &'a DeployOptions,
    pub held: &'a HeldLock,
    /// Services that an earlier attempt of this release has deployed.
    pub touched: BTreeSet<ServiceName>,
}

/// Deploys a plan in the order of its dependencies.
pub(super) async fn deploy_in_order(
    order: &InOrder<'_>,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<DeployReport, ReleaseError> {
    let InOrder { connection, plan, options, held, .. } = *order;
    let dependencies = dependencies(&plan.services);
    let waves = waves(&dependencies).unwrap_or_else(|_| vec![dependencies.keys().cloned().collect()]);
    if waves.len() <= 1 || options.waiting == Waiting::Not {
        if waves.len() > 1 {
            let note = "services that depend on others are started together with them, since nothing is waited for";
            report.send(Event::Note(note.to_owned()));
        }
        return deploy(connection, plan, options, report, interrupt).await;
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
    if let Some(done) = &mut done {
        let outcomes = done.services.iter().filter(|one| has_failed(one.verdict));
        failed.extend(outcomes.map(|one| one.service.clone()));
        let together = failed.iter().flat_map(|name| group(&dependencies, name)).collect();
        if options.rollback == RollbackOverride::AsConfigured {
            take_back(order, report, &interrupt, &together, &mut done.services).await;
        }
    }
    match (stopped, done) {
        (Some(error), _) => Err(error),
        (None, Some(mut done)) => {
            done.services.sort_by(|one, other| one.service.cmp(&other.service));
            done.urls.sort_by(|one, other| one.service.cmp(&other.service));
            done.verdict = Verdict::worst(done.services.iter().map(|outcome| outcome.verdict));
            done.duration = started.elapsed();
            Ok(done)
        }
        (None, None) => unreachable!("the first wave depends on nothing, so it is deployed or has failed"),
    }
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

/// Rolls back what this release has deployed of a group, the last one first.
async fn take_back(
    order: &InOrder<'_>,
    report: &Reporter,
    interrupt: &Interrupt,
    together: &BTreeSet<ServiceName>,
    all: &mut [ServiceOutcome],
) {
    let InOrder { connection, plan, options, held, touched } = order;
    let stands = |one: &&mut ServiceOutcome| match one.verdict {
        Verdict::Deployed => one.deployment.is_some() || touched.contains(&one.service),
        Verdict::NothingToDo => touched.contains(&one.service),
        _ => false,
    };
    for outcome in all.iter_mut().rev().filter(stands) {
        let Some(service) = plan.service(&outcome.service).filter(|service| together.contains(&service.name)) else {
            continue;
        };
        report
            .send(Event::Note(format!("{} goes back as well: what it belongs together with has failed", service.name)));
        let step = format!("take back {}", service.name);
        report.send(step_began(&step));
        let back = RollbackOptions { to_revision: None, waiting: Waiting::ToTheEnd, timeout: options.timeout };
        let gone_back = match held.ensure().await {
            Ok(()) => rollback(connection, service, &back, report, interrupt.clone()).await,
            Err(error) => Err(error),
        };
        report.send(step_ended(&step, &gone_back, outcome_in_words));
        match gone_back {
            Ok(ended) => {
                outcome.verdict =
                    if ended.verdict.is_success() { Verdict::RolledBack } else { Verdict::RollbackFailed };
                outcome.running = ended.running;
                outcome.healthy_tasks = ended.healthy_tasks;
                outcome.reason = Some("what it belongs together with has failed".to_owned());
            }
            // A service that is new has nothing to go back to.
            Err(ReleaseError::NotPossible { what, .. }) => {
                report.send(Event::Note(format!("{} stays: {what}", service.name)));
            }
            // The others have their outcomes all the same.
            Err(error) => {
                report.send(Event::Note(format!("{} could not go back: {error}", service.name)));
                outcome.verdict = Verdict::RollbackFailed;
            }
        }
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
