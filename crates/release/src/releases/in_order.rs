//! Services that depend on each other, deployed wave by wave. What belongs together stands or falls together: if one of a group fails, those
//! of the group that this release has deployed already go back, the last one first.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::aws::Connection;
use crate::config::ServiceName;
use crate::deploy::{DeployOptions, DeployReport, Waiting, deploy, outcome_in_words, step_began, step_ended};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::order::{dependencies, group, waves};
use crate::plan::Plan;
use crate::report::{Event, Reporter};
use crate::rollback::{RollbackOptions, rollback};
use crate::watch::outcome::ServiceOutcome;
use crate::watch::verdict::Verdict;

/// Deploys a plan in the order of its dependencies.
pub(super) async fn deploy_in_order(
    connection: &Connection,
    plan: &Plan,
    options: &DeployOptions,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<DeployReport, ReleaseError> {
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
    let mut all: Vec<ServiceOutcome> = Vec::new();
    let mut last: Option<DeployReport> = None;
    for (number, wave) in waves.iter().enumerate() {
        let (mut ready, held): (Vec<_>, Vec<_>) =
            wave.iter().partition(|name| dependencies[*name].iter().all(|need| is_well(&all, need)));
        for name in held {
            let needs: Vec<&str> =
                dependencies[name].iter().filter(|need| !is_well(&all, need)).map(ServiceName::as_str).collect();
            let why = format!("{name} is not deployed: it depends on {}", needs.join(" and "));
            report.send(Event::Note(why));
        }
        if ready.is_empty() {
            continue;
        }
        ready.sort();
        let services = plan.services.iter().filter(|service| ready.contains(&&service.name)).cloned().collect();
        let remarks = if number == 0 { plan.remarks.clone() } else { Vec::new() };
        let part = Plan { services, remarks, ..plan.clone() };
        let done = deploy(connection, &part, options, report, interrupt.clone()).await?;
        all.extend(done.services.clone());
        last = Some(done);
    }
    let failed: Vec<ServiceName> =
        all.iter().filter(|one| has_failed(one.verdict)).map(|one| one.service.clone()).collect();
    let together: BTreeSet<ServiceName> = failed.iter().flat_map(|name| group(&dependencies, name)).collect();
    take_back(connection, plan, options, report, &interrupt, &together, &mut all).await?;
    all.sort_by(|one, other| one.service.cmp(&other.service));
    let last = last.expect("the first wave depends on nothing");
    Ok(DeployReport {
        verdict: Verdict::worst(all.iter().map(|outcome| outcome.verdict)),
        services: all,
        duration: started.elapsed(),
        ..last
    })
}

/// Rolls back what this release has deployed of a group, the last one first.
async fn take_back(
    connection: &Connection,
    plan: &Plan,
    options: &DeployOptions,
    report: &Reporter,
    interrupt: &Interrupt,
    together: &BTreeSet<ServiceName>,
    all: &mut [ServiceOutcome],
) -> Result<(), ReleaseError> {
    let stands = |one: &&mut ServiceOutcome| one.verdict == Verdict::Deployed && one.deployment.is_some();
    for outcome in all.iter_mut().rev().filter(stands) {
        let Some(service) = plan.service(&outcome.service).filter(|service| together.contains(&service.name)) else {
            continue;
        };
        report
            .send(Event::Note(format!("{} goes back as well: what it belongs together with has failed", service.name)));
        let step = format!("take back {}", service.name);
        report.send(step_began(&step));
        let back = RollbackOptions { to_revision: None, waiting: Waiting::ToTheEnd, timeout: options.timeout };
        let gone_back = rollback(connection, service, &back, report, interrupt.clone()).await;
        report.send(step_ended(&step, &gone_back, outcome_in_words));
        match gone_back {
            Ok(ended) => {
                let verdict = if ended.verdict.is_success() { Verdict::RolledBack } else { Verdict::RollbackFailed };
                outcome.running.clone_from(&ended.running);
                outcome.healthy_tasks = ended.healthy_tasks;
                outcome.verdict = verdict;
                outcome.reason = Some("what it belongs together with has failed".to_owned());
            }
            // A service that is new has nothing to go back to.
            Err(ReleaseError::NotPossible { what, .. }) => {
                report.send(Event::Note(format!("{} stays: {what}", service.name)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
