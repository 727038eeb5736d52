//! A plan in a file: what somebody has looked at, so that just that is deployed, later and elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use seatrial_release::config::{AppName, EnvironmentName, ServiceName};
use seatrial_release::plan::Plan;
use seatrial_release::releases::fingerprint;
use seatrial_release::{DefinitionChoice, Force};
use serde::{Deserialize, Serialize};

use crate::exit_code::UsageError;

/// The most bytes of such a file that are read.
const FILE_MAX: u64 = 1 << 20;

/// What identifies a plan. It has no values: those are where they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    pub app: AppName,
    pub environment: EnvironmentName,
    pub services: Vec<ServiceName>,
    /// The images that were built or found for it, by digest.
    #[serde(default)]
    pub images: BTreeMap<ServiceName, String>,
    /// Of everything that would be deployed.
    pub plan: String,
}

impl SavedPlan {
    pub fn of(plan: &Plan, images: &BTreeMap<ServiceName, String>, force: Force, definition: DefinitionChoice) -> Self {
        SavedPlan {
            app: plan.app.clone(),
            environment: plan.environment.name.clone(),
            services: plan.services.iter().map(|service| service.name.clone()).collect(),
            images: images.clone(),
            plan: fingerprint(plan, force, definition),
        }
    }

    /// Writes it; a file that is there is replaced, as by whatever made it before.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).map_err(|error| {
            let what = format!("the plan cannot be written to {}: {error}", path.display());
            UsageError { what, instead: "name a file in a directory that is there".to_owned() }.into()
        })
    }

    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let length = std::fs::metadata(path).with_context(|| format!("the plan {shown} cannot be read"))?.len();
        let text = if length > FILE_MAX { None } else { std::fs::read_to_string(path).ok() };
        let saved: Option<SavedPlan> = text.and_then(|text| serde_json::from_str(&text).ok());
        saved.ok_or_else(|| {
            let instead = "write one with `seatrial plan --out FILE`".to_owned();
            UsageError { what: format!("{shown} is no plan"), instead }.into()
        })
    }

    /// Refuses to deploy anything else.
    pub fn check(&self, path: &Path, now: &SavedPlan) -> Result<()> {
        let saved = self;
        if saved.plan == now.plan {
            return Ok(());
        }
        let why = if (&saved.app, &saved.environment) != (&now.app, &now.environment) {
            format!("it is for {} in {}", saved.app, saved.environment)
        } else if saved.services != now.services {
            let names: Vec<&str> = saved.services.iter().map(ServiceName::as_str).collect();
            format!("it is for {}", names.join(", "))
        } else {
            "configuration, images or flags have changed since".to_owned()
        };
        let what = format!("what would be deployed is not what was planned in {}: {why}", path.display());
        let instead = "look at it anew: `seatrial plan --out FILE`, with the same flags as this command".to_owned();
        Err(UsageError { what, instead }.into())
    }
}
