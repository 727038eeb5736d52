//! Commands on services: create, update, delete.

mod deployment_configuration;
mod lifecycle_hooks;
pub(crate) mod routes;
mod strategy;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use seatrial_controller::{
    Command, Controller, FailFast, Input, Lifecycle, NewDeployment, Policy, Revision, Route, Seed, Settings,
    TargetGroupAttachment, Update,
};
use seatrial_model::{
    Arn, ClusterName, DeploymentConfiguration, ReturnSteps, RevisionId, SHIFT_BACK_TAG, ServiceDeploymentId,
    ServiceName, Strategy, TargetGroupArn, TimeScale,
};

use crate::auto_scaling::targets;
use crate::balancer_config::is_in_use;
use crate::cloudwatch::watching;
use crate::effects::feed;
use crate::load_balancing::targets::deregistration_delay;
use crate::mirroring;
use crate::network_configuration;
use crate::refusal::Refusal;
use crate::state::{
    Document, RegisteredTaskDefinition, ServiceLoadBalancer, ServiceRecord, ServiceRevisionRecord, State, Tags,
    revision_key, service_key,
};
use crate::task_definitions;
use crate::transaction::Transaction;

/// The tag that turns failing fast on for a service. An engine extension; AWS keeps the tag and ignores it.
pub const FAIL_FAST_TAG: &str = "seatrial:fail-fast";

/// Members of UpdateService that start a deployment when they change.
pub(crate) const DEPLOYING_MEMBERS: [&str; 6] = [
    "networkConfiguration",
    "platformVersion",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// Whether a deployment starts even if nothing has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForceNewDeployment {
    #[default]
    No,
    Yes,
}

/// The members of CreateService and UpdateService, those absent left as they are.
#[derive(Clone, Debug, Default)]
pub struct ServiceChange {
    /// `family`, `family:revision` or ARN.
    pub task_definition: Option<String>,
    pub desired_count: Option<u32>,
    pub deployment_configuration: Option<Document>,
    pub health_check_grace_period: Option<Duration>,
    pub load_balancers: Option<Vec<ServiceLoadBalancer>>,
    pub force_new_deployment: ForceNewDeployment,
    /// Every other member.
    pub document: Document,
}

/// Reads a service's name out of a name or ARN.
pub fn parse(reference: &str) -> Result<ServiceName, Refusal> {
    let arn = Arn::new(reference);
    let name = match arn.resource() {
        Some(resource) => resource.rsplit('/').next().unwrap_or_default(),
        None => reference,
    };
    ServiceName::parse(name).map_err(|_| Refusal::invalid("Invalid service identifier."))
}

/// What makes a CreateService with a client token idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub client_token: String,
    /// A digest of the whole request.
    pub request: String,
}

impl Idempotency {
    /// Tells whether a service was created by this very request.
    fn created(&self, service: &ServiceRecord) -> bool {
        let is_same = service.creation.as_ref().is_none_or(|creation| *creation == self.request);
        service.client_token.as_ref() == Some(&self.client_token) && is_same
    }

    /// Tells whether another service has the token.
    fn is_taken(&self, state: &State, key: &str) -> bool {
        let has_token = |(other, service): (&String, &ServiceRecord)| {
            other != key
                && service.client_token.as_ref() == Some(&self.client_token)
                && service.controller.lifecycle() != Lifecycle::Inactive
        };
        state.services.iter().any(has_token)
    }
}

/// Creates a service and starts its first deployment. Sent again with its token, the same request returns the same service.
pub fn create(
    tx: &mut Transaction<'_>,
    cluster: &ClusterName,
    name: &ServiceName,
    change: ServiceChange,
    idempotency: Option<Idempotency>,
    tags: Tags,
) -> Result<(), Refusal> {
    let key = service_key(cluster, name);
    let not_idempotent = || Refusal::invalid("Creation of service was not idempotent.");
    if let Some(existing) = tx.state.services.get(&key) {
        match existing.controller.lifecycle() {
            Lifecycle::Active if idempotency.as_ref().is_some_and(|same| same.created(existing)) => return Ok(()),
            Lifecycle::Active => return Err(not_idempotent()),
            Lifecycle::Draining => return Err(Refusal::invalid("Unable to Start a service that is still Draining.")),
            Lifecycle::Inactive => forget(tx, cluster, name),
        }
    }
    if idempotency.as_ref().is_some_and(|given| given.is_taken(tx.state, &key)) {
        return Err(not_idempotent());
    }
    let Some(reference) = &change.task_definition else {
        return Err(Refusal::invalid("Task definition can not be blank."));
    };
    let registered = task_definitions::find_active(tx.state, reference)?.clone();
    let load_balancers = change.load_balancers.unwrap_or_default();
    check_load_balancers(tx.state, &registered, &load_balancers)?;
    network_configuration::check(&registered, change.document.get("networkConfiguration"))?;
    let deployment_document = change.deployment_configuration.unwrap_or_default();
    let deployment_configuration = deployment_configuration::parse(
        &DeploymentConfiguration::default(),
        &deployment_document,
        &deployment_document,
    )?;
    routes::check(tx.state, &load_balancers, deployment_configuration.strategy)?;
    check_tags(&tags)?;
    mirroring::check(&tags)?;
    if !tags.is_empty() {
        tx.state.tags.insert(tx.state.scope.service(cluster, name).as_str().to_owned(), tags);
    }
    let (client_token, creation) = idempotency.map(|given| (given.client_token, given.request)).unzip();
    let record = ServiceRecord {
        cluster: cluster.clone(),
        name: name.clone(),
        created_at: tx.now,
        task_definition: registered.id.clone(),
        desired_count: change.desired_count.unwrap_or(1),
        deployment_configuration,
        deployment_document,
        health_check_grace_period: change.health_check_grace_period,
        load_balancers,
        document: change.document,
        client_token,
        creation,
        events: VecDeque::new(),
        controller: Controller::new(
            name.clone(),
            Seed::from_bits(tx.draw_bits()),
            Policy::engine().scaled(tx.scale),
            Settings {
                desired_count: 0,
                deployment: DeploymentConfiguration::default(),
                health_check_grace_period: Duration::ZERO,
                fail_fast: FailFast::Off,
                shift_back: None,
            },
        ),
        handled_at: tx.now,
    };
    tx.state.services.insert(key.clone(), record);
    deploy(tx, &key, &registered);
    Ok(())
}

/// Updates a service; starts a deployment if the change asks for one.
pub fn update(
    tx: &mut Transaction<'_>,
    cluster: &ClusterName,
    name: &ServiceName,
    change: ServiceChange,
) -> Result<(), Refusal> {
    let key = service_key(cluster, name);
    let service = tx.state.services.get(&key).ok_or_else(Refusal::service_not_found)?;
    if service.controller.lifecycle() != Lifecycle::Active {
        return Err(Refusal::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let registered = match &change.task_definition {
        Some(reference) => task_definitions::find_active(tx.state, reference)?.clone(),
        None => task_definitions::find(tx.state, &service.task_definition.to_string())?.clone(),
    };
    let load_balancers = change.load_balancers.clone().unwrap_or_else(|| service.load_balancers.clone());
    check_load_balancers(tx.state, &registered, &load_balancers)?;
    let network = change.document.get("networkConfiguration");
    if change.task_definition.is_some() || network.is_some() {
        network_configuration::check(&registered, network.or(service.document.get("networkConfiguration")))?;
    }
    let mut deployment_document = service.deployment_document.clone();
    deployment_document.extend(change.deployment_configuration.clone().unwrap_or_default());
    let deployment_configuration = deployment_configuration::parse(
        &service.deployment_configuration,
        &change.deployment_configuration.unwrap_or_default(),
        &deployment_document,
    )?;
    routes::check(tx.state, &load_balancers, deployment_configuration.strategy)?;
    let changes_member = |member: &&str| {
        change
            .document
            .get(*member)
            .is_some_and(|value| !value.is_null() && service.document.get(*member) != Some(value))
    };
    let deploys = change.force_new_deployment == ForceNewDeployment::Yes
        || registered.id != service.task_definition
        || load_balancers != service.load_balancers
        || DEPLOYING_MEMBERS.iter().any(changes_member);
    let service = tx.state.services.get_mut(&key).expect("the service was just read");
    service.task_definition = registered.id.clone();
    service.desired_count = change.desired_count.unwrap_or(service.desired_count);
    service.deployment_configuration = deployment_configuration;
    service.deployment_document = deployment_document;
    service.health_check_grace_period = change.health_check_grace_period.or(service.health_check_grace_period);
    service.load_balancers = load_balancers;
    service.document.extend(change.document);
    if deploys {
        deploy(tx, &key, &registered);
    } else {
        refresh_settings(tx, &key);
    }
    Ok(())
}

/// Deletes a service: it drains, then is INACTIVE.
pub fn delete(
    tx: &mut Transaction<'_>,
    cluster: &ClusterName,
    name: &ServiceName,
    force: ForceDelete,
) -> Result<(), Refusal> {
    let key = service_key(cluster, name);
    let service = tx.state.services.get_mut(&key).ok_or_else(Refusal::service_not_found)?;
    if service.controller.lifecycle() == Lifecycle::Inactive {
        return Err(Refusal::service_not_found());
    }
    if force == ForceDelete::No && service.desired_count > 0 {
        return Err(Refusal::invalid("The service cannot be stopped while it is scaled above 0."));
    }
    service.desired_count = 0;
    targets::forget_service(tx, cluster, name);
    feed(tx, &key, Input::Command(Command::Delete));
    Ok(())
}

/// `force` of DeleteService.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForceDelete {
    No,
    Yes,
}

/// Changes how many tasks a service wants, and nothing else.
pub(crate) fn set_desired_count(tx: &mut Transaction<'_>, key: &str, count: u32) {
    let Some(service) = tx.state.services.get_mut(key) else { return };
    service.desired_count = count;
    refresh_settings(tx, key);
}

/// Tells the controller the settings as they now are, without starting a deployment.
pub(crate) fn refresh_settings(tx: &mut Transaction<'_>, key: &str) {
    let Some(service) = tx.state.services.get(key) else { return };
    let settings = settings(tx.state, service, tx.scale);
    feed(tx, key, Input::Command(Command::Update(Update { settings, deploy: None })));
}

/// Tells the controllers concerned that a target group's deregistration delay was changed.
pub(crate) fn refresh_deregistration_delay(tx: &mut Transaction<'_>, target_group: &TargetGroupArn) {
    let Some(group) = tx.state.target_groups.get(target_group.as_str()) else { return };
    let delay = tx.scale.apply(deregistration_delay(group));
    let keys: Vec<String> = tx.state.services.keys().cloned().collect();
    for key in keys {
        let target_group = target_group.clone();
        feed(tx, &key, Input::Command(Command::SetDeregistrationDelay { target_group, delay }));
    }
}

fn deploy(tx: &mut Transaction<'_>, key: &str, registered: &RegisteredTaskDefinition) {
    let service = tx.state.services.get(key).expect("the caller has just written the service");
    let id = RevisionId::from_bits(tx.draw_bits() as u64);
    let revision = Revision {
        id,
        task_definition: registered.id.clone(),
        target_groups: service
            .load_balancers
            .iter()
            .map(|attachment| attach(tx.state, tx.scale, service, attachment))
            .collect(),
        has_health_check: registered.definition.has_essential_health_check(),
    };
    let record = ServiceRevisionRecord {
        cluster: service.cluster.clone(),
        service: service.name.clone(),
        id,
        task_definition: registered.id.clone(),
        load_balancers: service.load_balancers.clone(),
        resolved: revision.target_groups.clone(),
        document: service.document.clone(),
        images: BTreeMap::new(),
        created_at: tx.now,
    };
    let settings = settings(tx.state, service, tx.scale);
    let named = revision.target_groups.iter().filter_map(|group| group.route.as_ref());
    let named = named.flat_map(|route| [Some(&route.production_rule), route.test_rule.as_ref()]).flatten();
    let rules = named.map(|rule| (rule.clone(), routes::live(tx.state, rule))).collect();
    tx.state.service_revisions.insert(revision_key(&record.cluster, &record.service, id), record);
    let deployment = ServiceDeploymentId::from_bits(tx.draw_bits());
    let firing_alarms = watching::firing(tx.state, &service.deployment_configuration.alarms.names);
    let new = NewDeployment { id: deployment, revision, rules, firing_alarms };
    let update = Update { settings, deploy: Some(Box::new(new)) };
    feed(tx, key, Input::Command(Command::Update(update)));
}

/// Attaches a revision to a target group: of a pair that share traffic, to the one that serves less of it when the deployment shifts
/// traffic, else to the one that serves.
fn attach(
    state: &State,
    scale: TimeScale,
    service: &ServiceRecord,
    attachment: &ServiceLoadBalancer,
) -> TargetGroupAttachment {
    let delay = |arn: &TargetGroupArn| {
        let group = state.target_groups.get(arn.as_str());
        group.map_or(Duration::ZERO, |group| scale.apply(deregistration_delay(group)))
    };
    let given = &attachment.target_group;
    let Some(route) = routes::route(attachment) else {
        return TargetGroupAttachment { arn: given.clone(), deregistration_delay: delay(given), route: None };
    };
    let production = routes::live(state, &route.production_rule);
    let vacant = service.controller.vacant_target_group(given, &route.alternate, &production);
    let serving = if vacant == given { &route.alternate } else { given };
    let (arn, alternate) = match service.deployment_configuration.strategy.shifts_traffic() {
        true => (vacant.clone(), serving.clone()),
        false => (serving.clone(), vacant.clone()),
    };
    let deregistration_delay = delay(&arn);
    TargetGroupAttachment { arn, deregistration_delay, route: Some(Route { alternate, ..route }) }
}

fn settings(state: &State, service: &ServiceRecord, scale: TimeScale) -> Settings {
    let arn = state.scope.service(&service.cluster, &service.name);
    let tag = |key: &str| state.tags.get(arn.as_str()).and_then(|tags| tags.get(key));
    let shift_back = tag(SHIFT_BACK_TAG).and_then(|value| value.parse::<ReturnSteps>().ok());
    Settings {
        desired_count: service.desired_count,
        deployment: with_bake_time(state, service).map_times(|time| scale.apply(time)),
        // Programs take the time they take to boot, whatever the scale.
        health_check_grace_period: service.health_check_grace_period.unwrap_or_default(),
        fail_fast: if tag(FAIL_FAST_TAG).is_some_and(|value| value == "true") { FailFast::On } else { FailFast::Off },
        shift_back: shift_back.map(|steps| steps.scaled(scale)),
    }
}

/// Refuses a value that a tag of a service cannot have, because the engine could not do what it says.
pub(crate) fn check_tags(tags: &Tags) -> Result<(), Refusal> {
    let wrong = tags.get(SHIFT_BACK_TAG).and_then(|value| value.parse::<ReturnSteps>().err());
    wrong.map_or(Ok(()), |error| Err(Refusal::invalid(format!("The tag {SHIFT_BACK_TAG} is wrong: {error}."))))
}

/// Returns the deployment configuration with the bake time that is computed where none was ever given.
fn with_bake_time(state: &State, service: &ServiceRecord) -> DeploymentConfiguration {
    let mut configuration = service.deployment_configuration.clone();
    let is_given = service.deployment_document.get("bakeTimeInMinutes").is_some_and(|minutes| !minutes.is_null());
    if configuration.strategy == Strategy::Rolling && configuration.alarms.enable && !is_given {
        configuration.bake_time = watching::computed_bake_time(state, &configuration.alarms.names);
    }
    configuration
}

fn check_load_balancers(
    state: &State,
    registered: &RegisteredTaskDefinition,
    load_balancers: &[ServiceLoadBalancer],
) -> Result<(), Refusal> {
    for attachment in load_balancers {
        let group = attachment.target_group.as_str();
        if !state.target_groups.contains(group) {
            return Err(Refusal::invalid(format!("The target group with targetGroupArn {group} does not exist.")));
        }
        if !is_in_use(state, group) {
            let message =
                format!("The target group with targetGroupArn {group} does not have an associated load balancer.");
            return Err(Refusal::invalid(message));
        }
        let (name, port) = (&attachment.container_name, attachment.container_port);
        let Some(container) = registered.definition.container(name) else {
            return Err(Refusal::invalid(format!("The container {name} does not exist in the task definition.")));
        };
        if !container.port_mappings.iter().any(|mapping| mapping.container_port == port) {
            let message = format!("The container {name} did not have a container port {port} defined.");
            return Err(Refusal::invalid(message));
        }
    }
    Ok(())
}

/// Removes what is left of an INACTIVE service, so that one of the same name can be created.
fn forget(tx: &mut Transaction<'_>, cluster: &ClusterName, name: &ServiceName) {
    let key = service_key(cluster, name);
    tx.state.services.remove(&key);
    let prefix = format!("{key}/");
    let revisions: Vec<String> =
        tx.state.service_revisions.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
    revisions.iter().for_each(|key| {
        tx.state.service_revisions.remove(key);
    });
    let deployments: Vec<String> = tx
        .state
        .service_deployments
        .iter()
        .filter(|(_, record)| record.cluster == *cluster && record.service == *name)
        .map(|(id, _)| id.clone())
        .collect();
    deployments.iter().for_each(|id| {
        tx.state.service_deployments.remove(id);
    });
}
