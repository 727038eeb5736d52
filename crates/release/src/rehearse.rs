//! What `deploy` would do, found out by walking through the same steps without carrying any of them out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::aws::Connection;
use crate::config::{AppName, EnvironmentName, ServiceName};
use crate::ensure::{DefinitionChoice, Ensuring, Force, Mode, ServicePreview};
use crate::error::ReleaseError;
use crate::firing::FiringAlarms;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::report::{Change, Event, Reporter, Resource};

/// What a deployment would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsal {
    pub app: AppName,
    pub environment: EnvironmentName,
    /// In the order in which they would be carried out.
    pub steps: Vec<Step>,
    /// In the order of their names.
    pub services: Vec<ServicePreview>,
    /// What else would be told.
    pub notes: Vec<String>,
}

/// A resource, and what would be done to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub resource: Resource,
    pub name: String,
    /// The service it is for, where it is for one alone.
    pub service: Option<ServiceName>,
    #[serde(flatten)]
    pub change: Change,
}

impl Rehearsal {
    /// Whether anything would be made, changed or deployed.
    pub fn changes_anything(&self) -> bool {
        self.steps.iter().any(|step| step.change != Change::Unchanged)
            || self.services.iter().any(|service| !service.starts_deployment.is_empty())
    }

    /// Whether an alarm that fires keeps the deployment from beginning.
    pub fn is_blocked(&self) -> bool {
        self.services.iter().any(|service| !service.blocked_by.is_empty())
    }
}

/// Walks through a deployment. Nothing is made, changed or waited for; only questions are asked.
pub async fn rehearse(
    connection: &Connection,
    plan: &Plan,
    force: Force,
    definition: DefinitionChoice,
    interrupt: Interrupt,
) -> Result<Rehearsal, ReleaseError> {
    let told = Arc::new(Mutex::new((Vec::new(), plan.remarks.clone())));
    let heard = Arc::clone(&told);
    let report = Reporter::new(move |event| {
        let (steps, notes) = &mut *heard.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Ensured { resource, name, service, change } => steps.push(Step { resource, name, service, change }),
            Event::Note(note) => notes.push(note),
            _ => {}
        }
    });
    let nobody = BTreeSet::new();
    let ensuring = Ensuring {
        mode: Mode::Rehearse,
        connection,
        plan,
        report: &report,
        interrupt: &interrupt,
        force,
        started: &nobody,
        firing_alarms: FiringAlarms::Refuse,
        definition,
    };
    let services = ensuring.rehearsed().await?;
    let (steps, notes) = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Rehearsal { app: plan.app.clone(), environment: plan.environment.name.clone(), steps, services, notes })
}
