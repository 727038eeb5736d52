//! Infrastructure that somebody has written down as code, made before the services are deployed: Terraform, CloudFormation, the AWS CDK.
//!
//! [`outputs`] asks what there is, [`preview`] what would change, [`apply`] changes exactly what was previewed, and [`drift`] tells what
//! somebody has changed by hand. Nothing that holds data is replaced or destroyed without somebody's word ([`Sacrifice`]). What makes the
//! template that an environment needs is `infra`, not this.

mod cdk;
mod change;
mod child;
mod cloudformation;
mod consent;
mod drift;
mod kind;
mod outputs;
mod scratch;
mod sources;
mod stateful;
mod terraform;
mod uploads;

use std::collections::BTreeSet;

pub use change::{Action, Fate, Preview, ResourceChange};
pub use consent::{Question, Sacrifice};
pub use drift::{Drift, DriftedResource};
pub use kind::{CdkApp, CdkPlan, InfraPlan, LargeTemplate, Script, StackPlan, TerraformBinary, TerraformPlan};
pub use outputs::{Output, Outputs, SENSITIVE};

use cdk::Assembly;
use cloudformation::Stacks;
use terraform::Terraform;

use crate::aws::Connection;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::lock::HeldLock;
use crate::report::Reporter;

/// What infrastructure is made with.
#[derive(Debug)]
pub struct Workshop<'a> {
    connection: &'a Connection,
    infra: &'a InfraPlan,
    report: &'a Reporter,
    interrupt: Interrupt,
    /// Has to be held still when something is about to be changed.
    lock: Option<&'a HeldLock>,
}

/// What was made, and what it tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    pub preview: Preview,
    pub outputs: Outputs,
}

impl<'a> Workshop<'a> {
    /// A workshop that is not bound to a lock.
    pub fn new(connection: &'a Connection, infra: &'a InfraPlan, report: &'a Reporter, interrupt: Interrupt) -> Self {
        Self { connection, infra, report, interrupt, lock: None }
    }

    /// The same, which changes nothing once somebody else has the lock.
    pub(crate) fn under(self, lock: &'a HeldLock) -> Self {
        Self { lock: Some(lock), ..self }
    }

    /// Asks what the infrastructure tells of itself now: nothing where it has not been made.
    pub async fn outputs(&self) -> Result<Outputs, ReleaseError> {
        match self.infra {
            InfraPlan::None => Ok(Outputs::default()),
            InfraPlan::Terraform(plan) => Terraform::open(self, plan).await?.outputs().await,
            InfraPlan::CloudFormation(stack) => self.stacks(vec![stack.clone()], &stack.protect).outputs().await,
            InfraPlan::Cdk(plan) => {
                let assembly = Assembly::of(self, plan).await?;
                self.stacks(assembly.stacks, &plan.protect).outputs().await
            }
        }
    }

    /// Finds out what would change.
    pub async fn preview(&self) -> Result<Preview, ReleaseError> {
        self.infra.refuse_unseen_sources()?;
        match self.infra {
            InfraPlan::None => Ok(Preview::default()),
            InfraPlan::Terraform(plan) => Terraform::open(self, plan).await?.preview().await,
            InfraPlan::CloudFormation(stack) => self.stacks(vec![stack.clone()], &stack.protect).preview().await,
            InfraPlan::Cdk(plan) => {
                let assembly = Assembly::of(self, plan).await?;
                self.stacks(assembly.stacks, &plan.protect).preview().await
            }
        }
    }

    /// Makes it: what is changed is what was previewed, and nothing is lost that nobody has agreed to lose.
    pub async fn apply(&self, sacrifice: &Sacrifice) -> Result<Applied, ReleaseError> {
        self.infra.refuse_unseen_sources()?;
        match self.infra {
            InfraPlan::None => Ok(Applied::default()),
            InfraPlan::Terraform(plan) => Terraform::open(self, plan).await?.apply(sacrifice).await,
            InfraPlan::CloudFormation(stack) => self.stacks(vec![stack.clone()], &stack.protect).apply(sacrifice).await,
            InfraPlan::Cdk(plan) => {
                let assembly = Assembly::of(self, plan).await?;
                self.stacks(assembly.stacks, &plan.protect).apply(sacrifice).await
            }
        }
    }

    /// Finds out what somebody has changed by hand.
    pub async fn drift(&self) -> Result<Drift, ReleaseError> {
        match self.infra {
            InfraPlan::None => Ok(Drift::default()),
            InfraPlan::Terraform(plan) => Terraform::open(self, plan).await?.drift().await,
            InfraPlan::CloudFormation(stack) => self.stacks(vec![stack.clone()], &stack.protect).drift().await,
            InfraPlan::Cdk(plan) => {
                let assembly = Assembly::of(self, plan).await?;
                self.stacks(assembly.stacks, &plan.protect).drift().await
            }
        }
    }

    fn stacks<'s>(&'s self, stacks: Vec<StackPlan>, protect: &'s BTreeSet<String>) -> Stacks<'s> {
        Stacks { workshop: self, stacks, protect }
    }

    /// Refuses to touch anything where somebody has asked to stop, or has the lock.
    async fn may_begin(&self) -> Result<(), ReleaseError> {
        if self.interrupt.is_raised() {
            return Err(ReleaseError::Interrupted { before: "the infrastructure was touched".to_owned() });
        }
        match self.lock {
            Some(lock) => lock.ensure().await,
            None => Ok(()),
        }
    }
}
