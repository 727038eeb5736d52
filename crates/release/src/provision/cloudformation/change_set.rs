//! A change set: what CloudFormation would do, worked out by itself, before it does it.

use std::time::Duration;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, Tag};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::super::change::ResourceChange;
use super::super::child::read;
use super::super::kind::LargeTemplate;
use super::super::uploads::{ObjectPlace, upload, upload_text};
use super::classify::classified;
use super::stack::{Stack, Standing};
use crate::aws::DoingExt;
use crate::error::ReleaseError;
use crate::infra::TEMPLATE_BODY_MAX;

/// How long CloudFormation may take to work out a change; it asks for every resource.
const WORKED_OUT_MAX: Duration = Duration::from_secs(30 * 60);

/// The largest template that CloudFormation takes at all, in bytes.
const TEMPLATE_FILE_MAX: u64 = 1 << 20;

/// How deep stacks may be nested: deeper than anybody nests them.
const NESTED_MAX: usize = 16;

/// What a change set without a change is said to have; the first is of templates, the second of resources.
const NO_CHANGES: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

/// A change set that was worked out and has something in it.
#[derive(Debug)]
pub(super) struct ChangeSet<'a> {
    pub stack: Stack<'a>,
    /// Its ARN.
    pub id: String,
    stack_id: String,
    standing: Standing,
}

impl<'a> ChangeSet<'a> {
    /// Makes one and waits until it is worked out; none where nothing would change.
    pub async fn make(stack: &Stack<'a>, standing: Standing) -> Result<Option<Self>, ReleaseError> {
        let plan = stack.plan;
        let name = format!("seatrial-{}", name());
        let kind = match standing {
            Standing::Present => ChangeSetType::Update,
            Standing::Absent | Standing::Reviewed => ChangeSetType::Create,
        };
        let parameter =
            |(name, value): (&String, &String)| Parameter::builder().parameter_key(name).parameter_value(value).build();
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let (body, url) = template(stack).await?;
        let request = stack
            .connection()
            .cloudformation
            .create_change_set()
            .stack_name(&plan.stack)
            .change_set_name(&name)
            .change_set_type(kind)
            .set_template_body(body)
            .set_template_url(url)
            .include_nested_stacks(true)
            .set_parameters(given(plan.parameters.iter().map(parameter)))
            .set_capabilities(given(plan.capabilities.iter().map(|one| Capability::from(one.as_str()))))
            .set_tags(given(plan.tags.iter().map(tag)))
            .set_role_arn(plan.role_arn.clone());
        let made = match request.send().await.doing(|| format!("working out a change of the stack {}", plan.stack)) {
            // Some endpoints refuse at once what AWS makes a failed change set of.
            Err(error) if NO_CHANGES.iter().any(|words| error.to_string().contains(words)) => return Ok(None),
            other => other?,
        };
        let id = made.id.ok_or(ReleaseError::Incomplete("the id of a change set"))?;
        let stack_id = made.stack_id.unwrap_or_else(|| plan.stack.clone());
        let made = ChangeSet { stack: *stack, id, stack_id, standing };
        match made.worked_out().await {
            Ok(Some(why)) => {
                made.discard(standing).await?;
                if NO_CHANGES.iter().any(|words| why.contains(words)) {
                    return Ok(None);
                }
                let what = format!("the change of the stack {} could not be worked out: {why}", plan.stack);
                Err(ReleaseError::not_possible(what, "correct the template or its parameters"))
            }
            Ok(None) => Ok(Some(made)),
            Err(error) => {
                // It is worth more why; what is left behind changes nothing.
                let _ = made.discard(standing).await;
                Err(error)
            }
        }
    }

    /// Waits; returns why it failed, if it did.
    async fn worked_out(&self) -> Result<Option<String>, ReleaseError> {
        let mut interrupt = self.stack.workshop.interrupt.clone();
        let deadline = Instant::now() + WORKED_OUT_MAX;
        loop {
            let found = self.describe(&self.id, None).await?;
            match found.status {
                Some(ChangeSetStatus::CreateComplete) => return Ok(None),
                Some(ChangeSetStatus::Failed) => return Ok(Some(found.status_reason.unwrap_or_default())),
                _ if Instant::now() >= deadline => {
                    let what = format!("the change of the stack {} to be worked out", self.stack.plan.stack);
                    return Err(ReleaseError::TookTooLong { what, limit: WORKED_OUT_MAX });
                }
                _ => {}
            }
            if interrupt.sleep(self.stack.connection().poll_interval()).await {
                let before = format!("the stack {} was touched", self.stack.plan.stack);
                return Err(ReleaseError::Interrupted { before });
            }
        }
    }

    /// What it would change, with what its nested stacks would.
    pub async fn resources(&self, prefix: String) -> Result<Vec<ResourceChange>, ReleaseError> {
        let mut resources = Vec::new();
        let mut open = vec![(self.id.clone(), prefix, 0)];
        while let Some((id, prefix, depth)) = open.pop() {
            let mut token = None;
            loop {
                let page = self.describe(&id, token).await?;
                for change in page.changes.unwrap_or_default().into_iter().filter_map(|one| one.resource_change) {
                    if let (Some(nested), true) = (&change.change_set_id, depth < NESTED_MAX) {
                        let prefix = format!("{prefix}{}/", change.logical_resource_id().unwrap_or_default());
                        open.push((nested.clone(), prefix, depth + 1));
                    }
                    resources.extend(classified(&change, &prefix));
                }
                token = page.next_token;
                if token.is_none() {
                    break;
                }
            }
        }
        resources.sort_by(|one, other| one.address.cmp(&other.address));
        Ok(resources)
    }

    async fn describe(&self, id: &str, token: Option<String>) -> Result<DescribeChangeSetOutput, ReleaseError> {
        let request = self.stack.connection().cloudformation.describe_change_set();
        let answer = request.change_set_name(id).stack_name(&self.stack_id).set_next_token(token).send().await;
        Ok(answer.doing(|| format!("looking at the change of the stack {}", self.stack.plan.stack))?)
    }

    /// Executes it.
    pub async fn execute(&self) -> Result<(), ReleaseError> {
        let request = self.stack.connection().cloudformation.execute_change_set().change_set_name(&self.id);
        let answer = request.stack_name(&self.stack_id).send().await;
        answer.doing(|| format!("changing the stack {}", self.stack.plan.stack))?;
        Ok(())
    }

    /// Whether CloudFormation has begun to execute it, as far as can be found out: then it is not to be taken away.
    pub async fn is_begun(&self) -> bool {
        match self.describe(&self.id, None).await {
            Ok(found) => found.execution_status != Some(ExecutionStatus::Available),
            Err(_) => true,
        }
    }

    /// Takes it away again, and the empty stack that there is only because of it.
    pub async fn discard(&self, standing: Standing) -> Result<(), ReleaseError> {
        let client = &self.stack.connection().cloudformation;
        let name = &self.stack.plan.stack;
        let request = client.delete_change_set().change_set_name(&self.id).stack_name(&self.stack_id);
        request.send().await.doing(|| format!("taking away a change of the stack {name}"))?;
        if standing == Standing::Absent {
            let deleted = client.delete_stack().stack_name(&self.stack_id).send().await;
            deleted.doing(|| format!("taking away the empty stack {name}"))?;
        }
        Ok(())
    }

    /// Whether the stack is made by it.
    pub fn is_creation(&self) -> bool {
        self.standing != Standing::Present
    }
}

/// A list, unless it is empty: an empty one of tags takes away those that a stack has.
fn given<T>(list: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let list: Vec<T> = list.collect();
    (!list.is_empty()).then_some(list)
}

/// The template's text, or its address where it is too large to travel with a request; what it refers to is uploaded before.
async fn template(stack: &Stack<'_>) -> Result<(Option<String>, Option<String>), ReleaseError> {
    let plan = stack.plan;
    for one in &plan.uploads {
        upload(stack.workshop, one).await?;
    }
    let content = read(&plan.template, TEMPLATE_FILE_MAX)?;
    let text = String::from_utf8(content).map_err(|_| {
        let what = format!("{} is not text", plan.template.display());
        ReleaseError::not_possible(what, "name a template in YAML or JSON")
    })?;
    if text.len() <= TEMPLATE_BODY_MAX {
        return Ok((Some(text), None));
    }
    let place = match &plan.large {
        LargeTemplate::Uploaded(place) => place.clone(),
        LargeTemplate::Bucket(bucket) => {
            let digest = hex::encode(Sha256::digest(&text));
            let place = ObjectPlace { bucket: bucket.clone(), key: format!("seatrial/{}/{digest}", plan.stack) };
            upload_text(stack.workshop, &place, &text).await?;
            place
        }
        LargeTemplate::Nowhere => {
            let path = plan.template.display();
            let what = format!(
                "{path} has more than {TEMPLATE_BODY_MAX} bytes, which CloudFormation takes from a bucket only"
            );
            let advice = "name a bucket of this account and region: `bucket`, below `infra.cloudformation`";
            return Err(ReleaseError::not_possible(what, advice));
        }
    };
    Ok((None, Some(place.url(stack.connection().region()))))
}

/// A name that no other change set has.
fn name() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_nanos(), std::process::id())
}
