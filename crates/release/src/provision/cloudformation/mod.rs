//! Infrastructure by CloudFormation: a change set is made, looked at and executed, for one stack or several in their order.

mod change_set;
mod classify;
mod drifts;
mod progress;
mod stack;

use std::collections::BTreeSet;

use super::change::Preview;
use super::consent::Sacrifice;
use super::drift::Drift;
use super::kind::StackPlan;
use super::outputs::{Output, Outputs};
use super::stateful::guarded;
use super::{Applied, Workshop};
use crate::error::ReleaseError;
use change_set::ChangeSet;
use stack::{Stack, Standing};

/// Stacks that belong together.
pub(super) struct Stacks<'a> {
    pub workshop: &'a Workshop<'a>,
    pub stacks: Vec<StackPlan>,
    pub protect: &'a BTreeSet<String>,
}

impl Stacks<'_> {
    /// What they tell; nothing of one that is not there.
    pub async fn outputs(&self) -> Result<Outputs, ReleaseError> {
        let mut outputs = Outputs::default();
        for plan in &self.stacks {
            let Some(found) = self.stack(plan).find().await? else { continue };
            let told = found.outputs.unwrap_or_default().into_iter();
            let told = told.filter_map(|one| Some((one.output_key?, Output::Plain(one.output_value?.into()))));
            outputs.join(told.collect()).map_err(|name| {
                let what = format!("two stacks have an output `{name}`, with different values");
                ReleaseError::not_possible(
                    what,
                    "give them different names, or name the stacks that are meant (`stacks`)",
                )
            })?;
        }
        Ok(outputs)
    }

    /// What they would change; whatever has to be made to find that out is taken away again.
    pub async fn preview(&self) -> Result<Preview, ReleaseError> {
        let mut all = Preview::default();
        for plan in &self.stacks {
            let stack = self.stack(plan);
            let standing = stack.standing().await?;
            let made = ChangeSet::make(&stack, standing).await?;
            if let Some(made) = made {
                let preview = self.looked_at(&made).await;
                made.discard(standing).await?;
                join(&mut all, preview?);
            }
        }
        Ok(all)
    }

    /// Changes what the change sets say. What one of them would lose is found out before the first is executed, for every stack that
    /// there is; a new one has nothing to lose.
    pub async fn apply(&self, sacrifice: &Sacrifice) -> Result<Applied, ReleaseError> {
        let mut all = Preview::default();
        let mut made = Vec::new();
        for (number, plan) in self.stacks.iter().enumerate() {
            let stack = self.stack(plan);
            let standing = stack.standing().await?;
            if standing == Standing::Absent && number > 0 {
                made.push(None);
                continue;
            }
            match ChangeSet::make(&stack, standing).await {
                Ok(change_set) => made.push(Some((standing, change_set))),
                // It may need what a stack before it exports.
                Err(_) if number > 0 => made.push(None),
                Err(error) => return Err(error),
            }
        }
        let mut looked_at = Preview::default();
        for (_, change_set) in made.iter().flatten() {
            if let Some(change_set) = change_set {
                join(&mut looked_at, self.looked_at(change_set).await?);
            }
        }
        if let Err(error) = sacrifice.check(&looked_at).await {
            for (standing, change_set) in made.into_iter().flatten() {
                if let Some(change_set) = change_set {
                    change_set.discard(standing).await?;
                }
            }
            return Err(error);
        }
        for (plan, made) in self.stacks.iter().zip(made) {
            let stack = self.stack(plan);
            let change_set = match made {
                Some((_, change_set)) => change_set,
                None => {
                    let standing = stack.standing().await?;
                    let late = ChangeSet::make(&stack, standing).await?;
                    if let Some(change_set) = &late {
                        sacrifice.check(&self.looked_at(change_set).await?).await?;
                    }
                    late
                }
            };
            if let Some(change_set) = change_set {
                join(&mut all, self.looked_at(&change_set).await?);
                self.workshop.may_begin().await?;
                progress::execute(&stack, &change_set).await?;
            }
        }
        Ok(Applied { preview: all, outputs: self.outputs().await? })
    }

    /// What somebody has changed by hand.
    pub async fn drift(&self) -> Result<Drift, ReleaseError> {
        let mut all = Drift::default();
        for plan in &self.stacks {
            let stack = self.stack(plan);
            if stack.standing().await? != Standing::Present {
                continue;
            }
            let found = drifts::detect(&stack, self.prefix(plan)).await?;
            all.resources.extend(found.resources);
            all.unchecked.extend(found.unchecked);
        }
        Ok(all)
    }

    fn stack<'a>(&'a self, plan: &'a StackPlan) -> Stack<'a> {
        Stack { workshop: self.workshop, plan }
    }

    async fn looked_at(&self, change_set: &ChangeSet<'_>) -> Result<Preview, ReleaseError> {
        let resources = change_set.resources(self.prefix(change_set.stack.plan)).await?;
        Ok(Preview { guarded: guarded(&resources, self.protect), resources, outputs: Vec::new() })
    }

    /// What stands before logical ids where there is more than one stack.
    fn prefix(&self, plan: &StackPlan) -> String {
        if self.stacks.len() > 1 { format!("{}/", plan.stack) } else { String::new() }
    }
}

fn join(all: &mut Preview, one: Preview) {
    all.resources.extend(one.resources);
    all.outputs.extend(one.outputs);
    all.guarded.extend(one.guarded);
}
