//! The service itself: created when missing, updated in exactly what differs. Either may start a service deployment; which
//! one is told to the watcher, who waits for that one and no other.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_ecs::types::{Service, ServiceField, Tag};
use serde_json::{Map, Value as Json, json};

use super::alarm::ServiceAlarms;
use super::compare::covers;
use super::definition_choice::chosen;
use super::listener::{Rules, ServiceGroups};
use super::preview::{ServicePreview, TaskPreview};
use super::service_changes::{differences, last_attempt_failed, refuse_fixed, starts_deployment, take_back, told};
use super::tags::{extensions, for_ecs, tags};
use super::task_definition::short;
use super::{Balanced, Ensuring};
use crate::aws::raw::{Answer, body};
use crate::aws::{Connection, DoingExt};
use crate::difference::{Difference, settings};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::{DesiredCount, RulePurpose, ServicePlan};
use crate::report::{Change, Event, Resource};

/// Longest wait for a deleted service of the same name to be gone: its tasks drain for up to five minutes by default.
const DRAINING_LIMIT: Duration = Duration::from_secs(600);

/// Whether a deployment is started even when nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Only when something changed, or the last attempt failed.
    WhenNeeded,
    /// In any case: new tasks of the same version.
    Always,
}

/// What became of the service.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// It was right already, and nothing is going on.
    None,
    /// It was changed in a way that starts no deployment.
    Adjusted,
    /// A deployment started, or one that was going on already is the wanted one.
    Deploying(Box<Service>),
}

/// The service of this name unless it is gone.
pub(crate) async fn describe(
    connection: &Connection,
    cluster: &str,
    name: &str,
) -> Result<Option<(Service, Json)>, ReleaseError> {
    let answer = Answer::default();
    let described = connection
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(name)
        .include(ServiceField::Tags)
        .customize()
        .interceptor(answer.clone())
        .send()
        .await;
    let output = match described.doing(|| format!("reading service {name}")) {
        Ok(output) => output,
        Err(error) if error.has_code("ClusterNotFoundException") => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let found = output.services().first().filter(|service| service.status() != Some("INACTIVE")).cloned();
    Ok(found.map(|service| (service, answer.json()["services"][0].clone())))
}

/// A service as it is and as it shall be.
pub(super) struct Step<'a> {
    ensuring: &'a Ensuring<'a>,
    plan: &'a ServicePlan,
    pub task_definition: String,
    alarms: ServiceAlarms<'a>,
    wanted: Map<String, Json>,
    /// None when it is new.
    existing: Option<Existing>,
}

/// A service that is there.
struct Existing {
    service: Service,
    document: Json,
    update: Update,
}

/// What has to change of a service.
struct Update {
    members: Map<String, Json>,
    differences: Vec<Difference>,
    tags: Vec<(&'static str, Option<String>)>,
    /// The last deployment failed, and the same version is tried again.
    retry: bool,
    /// Only a forced deployment brings the version.
    forced: bool,
}

impl Update {
    fn starts_deployment(&self) -> bool {
        self.forced || self.members.keys().any(|member| starts_deployment(member))
    }
}

/// Finds out what has to be done to a service. Its alarms are set right already.
pub(super) async fn compare<'a>(
    ensuring: &'a Ensuring<'a>,
    plan: &'a ServicePlan,
    balanced: &Balanced,
) -> Result<Step<'a>, ReleaseError> {
    let task_definition = chosen(ensuring, plan).await?;
    let existing = match describe(ensuring.connection, &plan.cluster, &plan.service_name).await? {
        Some((service, _)) if service.status() == Some("DRAINING") => {
            await_gone(ensuring, plan).await?;
            None
        }
        other => other,
    };
    let document = existing.as_ref().map_or(&Json::Null, |(_, document)| document);
    let alarms = ServiceAlarms::ensure(ensuring, plan, balanced, document).await?;
    let mut wanted = Json::Object(wanted(plan, balanced.groups.get(&plan.name), &balanced.rules));
    alarms.name(&mut wanted);
    let Json::Object(mut wanted) = wanted else { return Err(ReleaseError::Incomplete("the service's document")) };
    let existing = match existing {
        None => None,
        Some((service, document)) => {
            refuse_fixed(plan, &wanted, &document)?;
            take_back(&mut wanted, &document);
            let seen = alarms.on_this_side(&document);
            let update = update(ensuring, plan, &service, &seen, &wanted, &task_definition);
            Some(Existing { service, document, update })
        }
    };
    Ok(Step { ensuring, plan, task_definition, alarms, wanted, existing })
}

/// What has to change of a service; `document` is how ECS describes it.
fn update(
    ensuring: &Ensuring<'_>,
    plan: &ServicePlan,
    existing: &Service,
    document: &Json,
    wanted: &Map<String, Json>,
    task_definition: &str,
) -> Update {
    let mut members = differences(wanted, document);
    let mut told = told(&members, document);
    let before = in_place(existing).unwrap_or_default();
    if before != task_definition {
        told.push(Difference::new("taskDefinition", short(before), short(task_definition)));
        members.insert("taskDefinition".into(), json!(task_definition));
    }
    if let DesiredCount::Configured(count) = plan.desired_count
        && existing.desired_count() != count
    {
        told.push(Difference::new("desiredCount", existing.desired_count(), count));
        members.insert("desiredCount".into(), json!(count));
    }
    let retry = !members.contains_key("taskDefinition") && last_attempt_failed(existing);
    // A service may still name the version it was rolled back from: to ECS that version is no change then.
    let named_already = before != task_definition && existing.task_definition() == Some(task_definition);
    let forced = retry || named_already || ensuring.forces(&plan.name);
    if forced && before == task_definition {
        told.push(Difference::new("forceNewDeployment", Json::Null, true));
    }
    let tag = |key: &str| existing.tags().iter().find(|tag| tag.key() == Some(key)).and_then(Tag::value);
    let tags: Vec<_> = extensions(plan).into_iter().filter(|(key, wanted)| tag(key) != wanted.as_deref()).collect();
    told.extend(tags.iter().map(|(key, wanted)| Difference::new(format!("tags[{key}]"), tag(key), wanted.clone())));
    Update { members, differences: told, tags, retry, forced }
}

impl Step<'_> {
    /// Creates or updates the service.
    pub async fn carry_out(mut self) -> Result<Effect, ReleaseError> {
        match self.existing.take() {
            None => self.create().await,
            Some(existing) => self.update(existing).await,
        }
    }

    /// Tells what [`Step::carry_out`] would do.
    pub async fn foresee(&self) -> Result<ServicePreview, ReleaseError> {
        let Step { plan, existing, .. } = self;
        self.report(self.change());
        let (starts, running, desired) = match existing {
            None => (vec!["the service is new".to_owned()], 0, plan.desired_count.at_creation()),
            Some(Existing { service, update, .. }) => {
                let desired = match plan.desired_count {
                    DesiredCount::Configured(count) => count,
                    DesiredCount::AtCreation(_) => {
                        let count = service.desired_count();
                        plan.auto_scaling.plan().map_or(count, |scaling| count.clamp(scaling.min, scaling.max))
                    }
                };
                (self.reasons(update), service.running_count(), desired)
            }
        };
        // Names of no alarm are refused whether or not something begins.
        let firing = self.alarms.firing().await?;
        let blocked_by = if starts.is_empty() { Vec::new() } else { firing };
        let service = plan.name.clone();
        let tasks = TaskPreview::of(plan, running, desired, !starts.is_empty());
        Ok(ServicePreview { service, starts_deployment: starts, tasks, blocked_by })
    }

    fn reasons(&self, update: &Update) -> Vec<String> {
        if !update.starts_deployment() {
            return Vec::new();
        }
        let members = update.members.keys().filter(|member| starts_deployment(member));
        let mut reasons: Vec<String> = members.map(|member| format!("{member} changes")).collect();
        if update.retry {
            reasons.push("the last deployment failed, and the same version is tried again".to_owned());
        } else if self.ensuring.forces(&self.plan.name) {
            reasons.push("it is forced".to_owned());
        }
        reasons
    }

    fn change(&self) -> Change {
        match &self.existing {
            None => {
                let mut document = Json::Object(self.wanted.clone());
                document["taskDefinition"] = json!(short(&self.task_definition));
                if document["schedulingStrategy"] != "DAEMON" {
                    document["desiredCount"] = json!(self.plan.desired_count.at_creation());
                }
                Change::Created(settings(&document))
            }
            Some(Existing { update, .. }) if update.differences.is_empty() => Change::Unchanged,
            Some(Existing { update, .. }) => Change::Updated(update.differences.clone()),
        }
    }

    fn report(&self, change: Change) {
        self.ensuring.report.ensured(Resource::Service, &self.plan.service_name, Some(&self.plan.name), change);
    }

    async fn create(self) -> Result<Effect, ReleaseError> {
        let Step { ensuring, plan, .. } = &self;
        self.alarms.ready().await?;
        let mut wanted = self.wanted.clone();
        wanted.insert("taskDefinition".into(), json!(self.task_definition));
        if wanted.get("schedulingStrategy") != Some(&json!("DAEMON")) {
            wanted.insert("desiredCount".into(), json!(plan.desired_count.at_creation()));
        }
        wanted.insert("tags".into(), tags_at_creation(ensuring, plan, wanted.get("tags")));
        wanted.insert("clientToken".into(), json!(client_token()));
        let created = ensuring
            .connection
            .ecs
            .create_service()
            .service_name(&plan.service_name)
            .customize()
            .mutate_request(body(&Json::Object(wanted)))
            .send()
            .await
            .doing(|| format!("creating service {}", plan.service_name))?;
        self.report(self.change());
        let service = created.service().cloned().ok_or(ReleaseError::Incomplete("the new service"))?;
        Ok(Effect::Deploying(Box::new(service)))
    }

    async fn update(&self, existing: Existing) -> Result<Effect, ReleaseError> {
        let Step { ensuring, plan, .. } = self;
        let Existing { service, document, update } = existing;
        let mut members = update.members.clone();
        if update.starts_deployment() {
            self.alarms.ready().await?;
            name_alarms(&mut members, &self.wanted, &document);
        }
        // Before the service is updated, since the engine reads them when a deployment begins.
        for (key, value) in update.tags {
            set_tag(ensuring.connection, &plan.service_name, &service, key, value).await?;
        }
        if update.retry {
            let note = format!("the last deployment of service {} failed; trying the same version again", plan.name);
            ensuring.report.send(Event::Note(note));
        }
        let change =
            if update.differences.is_empty() { Change::Unchanged } else { Change::Updated(update.differences) };
        if members.is_empty() && !update.forced {
            self.report(change);
            let going_on = service.current_service_deployment().is_some();
            return Ok(if going_on { Effect::Deploying(Box::new(service)) } else { Effect::None });
        }
        let updated =
            send_update(ensuring.connection, &plan.cluster, &plan.service_name, members, update.forced).await?;
        self.report(change);
        let is_new = primary_id(&updated) != primary_id(&service);
        let goes_on = updated.current_service_deployment().is_some();
        Ok(if is_new || goes_on { Effect::Deploying(Box::new(updated)) } else { Effect::Adjusted })
    }
}

fn wanted(plan: &ServicePlan, groups: Option<&ServiceGroups>, rules: &Rules) -> Map<String, Json> {
    let mut wanted = plan.service.as_object().cloned().unwrap_or_default();
    let (Some(balancing), Some(groups)) = (&plan.balancing, groups) else { return wanted };
    let mut attachment = json!({
        "targetGroupArn": groups.own,
        "containerName": balancing.container,
        "containerPort": balancing.container_port,
    });
    let rule = |purpose| rules.get(&(plan.name.clone(), purpose));
    if let (Some(pair), Some(alternate), Some(production)) =
        (&balancing.pair, &groups.alternate, rule(RulePurpose::Production))
    {
        let mut advanced = json!({ "alternateTargetGroupArn": alternate, "productionListenerRule": production });
        if let Some(test) = rule(RulePurpose::Test) {
            advanced["testListenerRule"] = json!(test);
        }
        if let Some(role) = &pair.infrastructure_role {
            advanced["roleArn"] = json!(role);
        }
        attachment["advancedConfiguration"] = advanced;
    }
    wanted.insert("loadBalancers".into(), json!([attachment]));
    wanted
}

async fn await_gone(ensuring: &Ensuring<'_>, plan: &ServicePlan) -> Result<(), ReleaseError> {
    let waits = if ensuring.carries_out() { "waiting until it is gone" } else { "a deployment waits until it is gone" };
    ensuring.report.send(Event::Note(format!("service {} is being deleted; {waits}", plan.service_name)));
    if !ensuring.carries_out() {
        return Ok(());
    }
    gone(ensuring.connection, &plan.cluster, &plan.service_name, &mut ensuring.interrupt.clone()).await
}

/// Waits until a deleted service is gone.
pub(crate) async fn gone(
    connection: &Connection,
    cluster: &str,
    name: &str,
    interrupt: &mut Interrupt,
) -> Result<(), ReleaseError> {
    let deadline = Instant::now() + DRAINING_LIMIT;
    while describe(connection, cluster, name).await?.is_some() {
        if Instant::now() >= deadline {
            let what = format!("service {name} to be gone");
            return Err(ReleaseError::TookTooLong { what, limit: DRAINING_LIMIT });
        }
        if interrupt.sleep(connection.poll_interval()).await {
            return Err(ReleaseError::Interrupted { before: format!("service {name} was gone") });
        }
    }
    Ok(())
}

/// The tags of the document, then Seatrial's.
fn tags_at_creation(ensuring: &Ensuring<'_>, plan: &ServicePlan, documented: Option<&Json>) -> Json {
    let mut list = documented.and_then(Json::as_array).cloned().unwrap_or_default();
    let own = tags(ensuring.plan, Some(&plan.name));
    let extensions = extensions(plan).into_iter().filter_map(|(key, value)| Some((key, value?)));
    list.extend(own.into_iter().chain(extensions).map(|(key, value)| json!({ "key": key, "value": value })));
    Json::Array(list)
}

/// A token that differs at every call, so that only the SDK's own retries count as the same request.
fn client_token() -> String {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("seatrial-{nanoseconds:x}")
}

/// A deployment watches the alarms on its own target group, which is another one each time: no change of its own, but sent with one.
fn name_alarms(changes: &mut Map<String, Json>, wanted: &Map<String, Json>, existing: &Json) {
    let member = "deploymentConfiguration";
    if let Some(configuration) = wanted.get(member)
        && !covers(&existing[member], configuration)
    {
        changes.insert(member.to_owned(), configuration.clone());
    }
}

/// Sends an UpdateService with exactly these members.
pub(crate) async fn send_update(
    connection: &Connection,
    cluster: &str,
    service: &str,
    mut changes: Map<String, Json>,
    force_new_deployment: bool,
) -> Result<Service, ReleaseError> {
    changes.insert("cluster".into(), json!(cluster));
    changes.insert("service".into(), json!(service));
    if force_new_deployment {
        changes.insert("forceNewDeployment".into(), json!(true));
    }
    let updated = connection
        .ecs
        .update_service()
        .service(service)
        .customize()
        .mutate_request(body(&Json::Object(changes)))
        .send()
        .await
        .doing(|| format!("updating service {service}"))?;
    updated.service().cloned().ok_or(ReleaseError::Incomplete("the updated service"))
}

/// The id (`ecs-svc/…`) of a service's newest deployment.
pub(crate) fn primary_id(service: &Service) -> Option<&str> {
    service
        .deployments()
        .iter()
        .find(|deployment| deployment.status() == Some("PRIMARY"))
        .and_then(|deployment| deployment.id())
}

/// The task definition in place: that of a service's newest deployment. After a rollback the service itself may still name the
/// one that failed.
pub(crate) fn in_place(service: &Service) -> Option<&str> {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    primary.and_then(|deployment| deployment.task_definition()).or(service.task_definition())
}

/// Sets a tag of a service, or removes it.
pub(crate) async fn set_tag(
    connection: &Connection,
    name: &str,
    service: &Service,
    key: &'static str,
    value: Option<String>,
) -> Result<(), ReleaseError> {
    let arn = service.service_arn().ok_or(ReleaseError::Incomplete("the service's ARN"))?;
    let doing = || format!("setting the tags of service {name}");
    match value {
        Some(value) => {
            let tags = for_ecs(vec![(key, value)]);
            connection.ecs.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await.doing(doing)?;
        }
        None => {
            connection.ecs.untag_resource().resource_arn(arn).tag_keys(key).send().await.doing(doing)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_rollback_the_version_in_place_is_the_newest_deployments_and_not_the_one_the_service_names() {
        let deployment = |status: &str, definition: &str| {
            aws_sdk_ecs::types::Deployment::builder().status(status).task_definition(definition).build()
        };
        let rolled_back = Service::builder()
            .task_definition("web:3")
            .deployments(deployment("ACTIVE", "web:3"))
            .deployments(deployment("PRIMARY", "web:2"))
            .build();
        assert_eq!(in_place(&rolled_back), Some("web:2"));
        assert_eq!(
            in_place(&Service::builder().task_definition("web:3").build()),
            Some("web:3"),
            "nothing else is known"
        );
    }

    #[test]
    fn client_tokens_keep_to_ecs_limit() {
        assert!(client_token().len() <= 36);
    }
}
