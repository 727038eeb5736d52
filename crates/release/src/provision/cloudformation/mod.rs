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

/// What CloudFormation says of an import or a parameter that is not there.
const NEEDS_ANOTHER: [&str; 2] = ["No export named", "Unable to fetch parameters"];

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
    /// there is; a new one has nothing to lose. What was not executed is taken away again.
    pub async fn apply(&self, sacrifice: &Sacrifice) -> Result<Applied, ReleaseError> {
        let mut open = Vec::new();
        let applied = self.executed(sacrifice, &mut open).await;
        for (standing, change_set) in open.into_iter().filter_map(Made::into_change_set) {
            // Why it was not executed is worth more; what is left behind changes nothing.
            if let Err(error) = change_set.discard(standing).await {
                tracing::warn!(%error, "a change set could not be taken away");
            }
        }
        Ok(Applied { preview: applied?, outputs: self.outputs().await? })
    }

    /// Makes the change sets and executes them; those that were not are in `open`.
    async fn executed<'s>(&'s self, sacrifice: &Sacrifice, open: &mut Vec<Made<'s>>) -> Result<Preview, ReleaseError> {
        for (number, plan) in self.stacks.iter().enumerate() {
            open.push(self.early(number, plan).await?);
        }
        let mut looked_at = Preview::default();
        for made in open.iter() {
            if let Made::ChangeSet(_, change_set) = made {
                join(&mut looked_at, self.looked_at(change_set).await?);
            }
        }
        sacrifice.check(&looked_at).await?;
        let mut all = Preview::default();
        for (number, plan) in self.stacks.iter().enumerate() {
            let stack = self.stack(plan);
            if let Made::Later = open[number] {
                let standing = stack.standing().await?;
                open[number] = Made::of(standing, ChangeSet::make(&stack, standing).await?);
                if let Made::ChangeSet(_, change_set) = &open[number] {
                    sacrifice.check(&self.looked_at(change_set).await?).await?;
                }
            }
            if let Made::ChangeSet(_, change_set) = &open[number] {
                join(&mut all, self.looked_at(change_set).await?);
                self.workshop.may_begin().await?;
                let executed = progress::execute(&stack, change_set).await;
                // One whose execution was not even begun is still to be taken away.
                if executed.is_ok() || change_set.is_begun().await {
                    open[number] = Made::Nothing;
                }
                executed?;
            }
        }
        Ok(all)
    }

    /// A change set before any is executed, where that can be.
    async fn early<'s>(&'s self, number: usize, plan: &'s StackPlan) -> Result<Made<'s>, ReleaseError> {
        let stack = self.stack(plan);
        let standing = stack.standing().await?;
        if standing == Standing::Absent && number > 0 {
            return Ok(Made::Later);
        }
        match ChangeSet::make(&stack, standing).await {
            Ok(made) => Ok(Made::of(standing, made)),
            Err(error) if number > 0 && needs_another(&error.to_string()) => Ok(Made::Later),
            Err(error) => Err(error),
        }
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

/// What there is of a stack's change.
enum Made<'a> {
    ChangeSet(Standing, ChangeSet<'a>),
    /// Nothing is to be changed, or nothing any more.
    Nothing,
    /// It can be worked out only once a stack before it is there.
    Later,
}

impl<'a> Made<'a> {
    fn of(standing: Standing, change_set: Option<ChangeSet<'a>>) -> Self {
        change_set.map_or(Made::Nothing, |change_set| Made::ChangeSet(standing, change_set))
    }

    fn into_change_set(self) -> Option<(Standing, ChangeSet<'a>)> {
        match self {
            Made::ChangeSet(standing, change_set) => Some((standing, change_set)),
            Made::Nothing | Made::Later => None,
        }
    }
}

/// Whether a change could not be worked out because it needs what another stack is going to have: an export, or a parameter of the
/// Parameter Store.
fn needs_another(why: &str) -> bool {
    NEEDS_ANOTHER.iter().any(|words| why.contains(words))
}

fn join(all: &mut Preview, one: Preview) {
    all.resources.extend(one.resources);
    all.outputs.extend(one.outputs);
    all.guarded.extend(one.guarded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_another_stack_waits_for_it() {
        assert!(needs_another("the change of the stack web could not be worked out: No export named shop-vpc found."));
        assert!(needs_another("Unable to fetch parameters [/shop/vpc] from parameter store for this account."));
        for error in
            ["Template format error: unsupported structure", "AccessDenied", "Requires capabilities : [CAPABILITY_IAM]"]
        {
            assert!(!needs_another(error), "{error}");
        }
    }
}
