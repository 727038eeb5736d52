//! Puts file, environment, stage preset and command line together into a [`Plan`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value as Json, json};

use super::alarm_plans;
use super::auto_scaling;
use super::balancing::{self, Wish};
use super::build;
use super::decode::decode;
use super::deployment::{self, StrategyWord};
use super::document::{EnvironmentEntry, NetworkEntry, Scheme, ServiceEntry};
use super::ecs_document::{self, Kind};
use super::either::EcsDocumentEntry;
use super::error::{ConfigError, Fault};
use super::names::{AppName, EnvironmentName, ServiceName};
use super::nearest::nearest;
use super::node::{Node, Value};
use super::overrides::{Overrides, RollbackOverride};
use super::service;
use super::share::Share;
use super::site::Site;
use super::stickiness;
use super::task::{self, Surroundings, Task};
use crate::config_schema::ConfigSchema;
use crate::naming;
use crate::order;
use crate::plan::{
    Balancing, DesiredCount, Environment, Extensions, LoadBalancerPlan, Network, Pair, Plan, PublicAddress,
    RETURNS_AT_ONCE, ServicePlan, Target, TargetDefaults, TargetGroupPlan, TargetType,
};
use crate::provision::InfraPlan;
use crate::steering::{Steering, TestAddress};
use crate::urls::{ServiceUrl, urls};

/// Everything a plan is made from.
pub(crate) struct Scene<'a> {
    pub file: &'a Path,
    pub directory: &'a Path,
    pub app: &'a AppName,
    /// All that the file names.
    pub environments: &'a [EnvironmentName],
    pub environment: &'a Environment,
    pub entry: &'a EnvironmentEntry,
    pub infra: &'a InfraPlan,
    /// Outputs of the infrastructure that are not known yet.
    pub pending: &'a BTreeSet<String>,
    /// What the plan is made from, where it uses outputs.
    pub source: Option<String>,
    /// The configuration of the application here.
    pub config: &'a BTreeMap<String, String>,
    pub config_schema: Option<ConfigSchema>,
    /// The services with the environment's overrides merged in.
    pub services: &'a Node,
    pub defaults: &'a TargetDefaults,
    pub overrides: &'a Overrides,
}

/// Makes the plan.
pub(crate) fn plan(scene: &Scene<'_>) -> Result<Plan, ConfigError> {
    let here = |fault: Fault| ConfigError::new(scene.file, fault);
    let described = described_services(scene).map_err(here)?;
    let names: Vec<ServiceName> = described.iter().map(|(name, _)| name.clone()).collect();
    scene.overrides.check(&names, scene.environments).map_err(here)?;
    let network = scene.entry.network.as_ref().map(network).or_else(|| scene.defaults.network.clone());
    let (mut services, mut remarks) = (Vec::new(), Vec::new());
    let mut wishes = Vec::new();
    for (name, site) in described {
        let mut entry: ServiceEntry = decode(site.node, &site.path).map_err(here)?;
        if scene.overrides.include(&name) {
            scene.overrides.apply(&name, &mut entry).map_err(here)?;
            remarks.extend(left_out(scene, &name, &entry));
            remarks.extend(returns_at_once(scene, &name, &entry));
            remarks.extend(stickiness::remark(&scene.environment.target, &name, &entry));
        }
        let (service, wished) = service_plan(scene, &name, &entry, &site, network.as_ref())?;
        if scene.overrides.include(&name) {
            remarks.extend(alarm_plans::remarks(&entry, &service, scene.environment.target.extensions()));
        }
        services.push(service);
        wishes.extend(wished);
    }
    let load_balancer = match (wishes.is_empty(), network) {
        (true, _) => None,
        (false, Some(network)) => {
            let listeners = balancing::listeners(wishes).map_err(here)?;
            Some(LoadBalancerPlan {
                name: naming::load_balancer(scene.app, &scene.environment.name),
                network,
                listeners,
            })
        }
        (false, None) => return Err(here(lacks_network(scene))),
    };
    refuse_impossible_order(&services).map_err(here)?;
    services.retain(|service| scene.overrides.include(&service.name));
    let mut plan = Plan {
        app: scene.app.clone(),
        environment: scene.environment.clone(),
        infra: scene.infra.clone(),
        pending_outputs: scene.pending.clone(),
        source: scene.source.clone(),
        config: scene.config.clone(),
        config_schema: scene.config_schema.clone(),
        load_balancer,
        services,
        remarks,
    };
    let addresses = urls(&plan, TestAddress::HOST);
    for service in &mut plan.services {
        service.steering.test_address = test_address(&addresses, plan.load_balancer.as_ref(), &service.name);
    }
    Ok(plan)
}

/// Refuses dependencies on services that are not there, and on themselves.
fn refuse_impossible_order(services: &[ServicePlan]) -> Result<(), Fault> {
    for service in services {
        let is_there = |name: &ServiceName| services.iter().any(|other| other.name == *name);
        if let Some(unknown) = service.depends_on.iter().find(|name| !is_there(name)) {
            let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
            let fault = Fault::new(format!("`services.{}.depends_on`: there is no service `{unknown}`", service.name));
            return Err(fault.instead(match nearest(unknown.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the services are {}", names.join(", ")),
            }));
        }
    }
    match order::circle_in_words(&order::dependencies(services)) {
        None => Ok(()),
        Some(circle) => Err(Fault::new(format!("services depend on each other in a circle: {circle}"))
            .instead("take one `depends_on` away")),
    }
}

/// Where the new version of a service can be asked before it has production traffic.
fn test_address(
    addresses: &[ServiceUrl],
    balancer: Option<&LoadBalancerPlan>,
    service: &ServiceName,
) -> Option<TestAddress> {
    let address = addresses.iter().find(|address| address.service == *service && address.test.is_some())?;
    let header = address.test.as_deref().and_then(|header| header.split_once(": "));
    Some(TestAddress {
        load_balancer: balancer?.name.clone(),
        pattern: address.url.clone(),
        header: header.map(|(name, value)| (name.to_owned(), value.to_owned())),
    })
}

/// Tells which settings of a service are extensions that its target lacks.
fn left_out(scene: &Scene<'_>, name: &ServiceName, entry: &ServiceEntry) -> Option<String> {
    let mirror = entry.deployment.as_ref().and_then(|deployment| deployment.mirror);
    let extensions = [
        ("settle_time", entry.settle_time.is_some()),
        ("fail_fast", entry.fail_fast == Some(true)),
        ("mirror", mirror.is_some()),
    ];
    let written: Vec<&str> = extensions.into_iter().filter(|(_, written)| *written).map(|(key, _)| key).collect();
    let what = match (scene.environment.target.extensions(), written.as_slice()) {
        (Extensions::Available, _) | (_, []) => return None,
        (Extensions::Missing, [key]) => format!("{key} is left out"),
        (Extensions::Missing, keys) => format!("{} are left out", keys.join(" and ")),
    };
    Some(format!("service {name}: {what}, which only the embedded engine can do"))
}

/// Tells that a way back in steps is none where ECS itself moves the traffic.
fn returns_at_once(scene: &Scene<'_>, name: &ServiceName, entry: &ServiceEntry) -> Option<String> {
    let is_written = entry.deployment.as_ref().is_some_and(|deployment| deployment.shift_back.is_some());
    match scene.environment.target.extensions() {
        Extensions::Missing if is_written => Some(format!("service {name}: {RETURNS_AT_ONCE}")),
        Extensions::Missing | Extensions::Available => None,
    }
}

fn described_services<'n>(scene: &Scene<'n>) -> Result<Vec<(ServiceName, Site<'n>)>, Fault> {
    let Value::Map(entries) = &scene.services.value else {
        return Err(Fault::new("`services` must be a map of services").at(scene.services.at));
    };
    let mut described = Vec::new();
    for (key, node) in entries {
        let name: ServiceName = key.text.parse().map_err(|error| Fault::new(format!("{error}")).at(key.at))?;
        let path = format!("services.{name}");
        described.push((name, Site::new(node, path)));
    }
    described.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(described)
}

fn service_plan<'n>(
    scene: &Scene<'_>,
    name: &ServiceName,
    entry: &ServiceEntry,
    site: &Site<'n>,
    network: Option<&Network>,
) -> Result<(ServicePlan, Vec<Wish<'n>>), ConfigError> {
    let here = |fault: Fault| ConfigError::new(scene.file, fault);
    let environment = &scene.environment.name;
    let preset = scene.environment.stage.preset();
    let around = Surroundings {
        file: scene.file,
        directory: scene.directory,
        defaults: scene.defaults,
        family: naming::family(scene.app, environment, name),
        log_group: naming::log_group(scene.app, environment, name),
        execution_role: scene.entry.execution_role.as_deref(),
        task_role: scene.entry.task_role.as_deref(),
        config: scene.config,
        config_parameter: &|name: &str| naming::config_parameter(scene.app, environment, name),
    };
    let build = build::build(scene.app, name, entry, site).map_err(here)?.filter(|_| entry.image.is_none());
    let task = task::task(name, entry, build.as_ref(), site, &around)?;
    let (mut document, mut steering) = match &entry.service_definition {
        None => service::shorthand(entry, &preset, site).map_err(here)?,
        Some(source) => {
            refuse_doubled_keys(site).map_err(here)?;
            let inline = site.below("service_definition").node;
            let document = match source {
                EcsDocumentEntry::File(file) => ecs_document::load(Kind::Service, &scene.directory.join(file))?,
                EcsDocumentEntry::Inline => ecs_document::normalise(Kind::Service, inline).map_err(here)?,
            };
            (document, Steering::default())
        }
    };
    steering.run_commands_in(scene.directory);
    let auto_scaling =
        auto_scaling::auto_scaling(entry, scene.environment.stage, &around.family, site).map_err(here)?;
    let desired_count = service::desired_count(entry, &preset, &document);
    let desired_count = auto_scaling::desired_count(desired_count, &auto_scaling, site).map_err(here)?;
    document.remove("desiredCount");
    let cluster = text(&document, "cluster").unwrap_or_else(|| scene.environment.cluster.clone());
    let service_name = text(&document, "serviceName").unwrap_or_else(|| name.to_string());
    document.insert("cluster".into(), json!(cluster));
    document.insert("serviceName".into(), json!(service_name));
    if task.network_mode() == "awsvpc" && !document.contains_key("networkConfiguration") {
        let network = network.ok_or_else(|| here(lacks_network(scene)))?;
        document.insert("networkConfiguration".into(), service::network_configuration(network));
    }
    if scene.overrides.rollback == RollbackOverride::Never {
        switch_rollback_off(&mut document);
    }
    let (balancing, wishes) = match balancing(scene, name, entry, site, &task).map_err(here)? {
        Some((balancing, wishes)) => (Some(balancing), wishes),
        None => (None, Vec::new()),
    };
    let named = |what: &str| naming::alarm(scene.app, environment, name, what);
    let extensions = scene.environment.target.extensions();
    let alarms = alarm_plans::alarms(name, entry, extensions, named, site).map_err(here)?;
    let plan = ServicePlan {
        name: name.clone(),
        depends_on: entry.depends_on.clone().unwrap_or_default(),
        cluster,
        service_name,
        log_groups: task.log_groups(),
        family: task.family,
        task_definition: Json::Object(task.document),
        service: Json::Object(document),
        build,
        desired_count,
        auto_scaling,
        balancing,
        alarms,
        fail_fast: service::fail_fast(entry, &preset),
        steering,
        shift_back: deployment::shift_back(entry.deployment.as_ref(), site)
            .map_err(here)?
            .filter(|_| scene.environment.target.extensions() == Extensions::Available),
        mirror: mirror(scene, entry),
    };
    refuse_daemon_count(&plan, site).map_err(here)?;
    Ok((plan, wishes))
}

fn balancing<'n>(
    scene: &Scene<'_>,
    name: &ServiceName,
    entry: &ServiceEntry,
    site: &Site<'n>,
    task: &Task,
) -> Result<Option<(Balancing, Vec<Wish<'n>>)>, Fault> {
    let Some(listener) = &entry.listener else {
        for key in ["health_check", "deregistration_delay", "slow_start", "settle_time"] {
            if site.node.get(key).is_some() {
                let advice = "add `listener: { port: … }`, or write a container healthCheck in a task_definition";
                return Err(site
                    .below(key)
                    .fault("is the load balancer's, but the service has no `listener`")
                    .instead(advice));
            }
        }
        refuse_shift_without_listener(entry, site)?;
        refuse_mirror_without_listener(entry, site)?;
        return Ok(None);
    };
    let wishes = balancing::wishes(name, listener, entry.deployment.as_ref(), site)?;
    let (container, container_port) = task.balanced_port(entry.port.map(|port| port.get()), site)?;
    let extensions = scene.environment.target.extensions();
    // Every task of the engine listens on an address of its own machine, whatever its network mode is called.
    let target_type = match (&scene.environment.target, task.network_mode()) {
        (Target::Embedded, _) | (Target::Aws { .. }, "awsvpc") => TargetType::Ip,
        (Target::Aws { .. }, _) => TargetType::Instance,
    };
    let group = naming::target_group(scene.app, &scene.environment.name, name);
    let preset = scene.environment.stage.preset();
    let target_group = balancing::target_group(group, container_port, (target_type, extensions), entry, &preset, site)?;
    let shifts_traffic = deployment::strategy(entry.deployment.as_ref()).shifts_traffic();
    let pair = shifts_traffic.then(|| Pair {
        alternate: TargetGroupPlan {
            name: naming::alternate_target_group(scene.app, &scene.environment.name, name),
            ..target_group.clone()
        },
        infrastructure_role: scene
            .entry
            .infrastructure_role
            .clone()
            .or_else(|| scene.defaults.infrastructure_role.clone()),
    });
    if let (Some(Pair { infrastructure_role: None, .. }), Target::Aws { .. }) = (&pair, &scene.environment.target) {
        let what = "moves traffic, for which ECS needs a role on AWS";
        let advice = "add `infrastructure_role: arn:aws:iam::…` to the environment";
        return Err(site.below("deployment").fault(what).instead(advice));
    }
    // The first wish is production's.
    let listener_port = wishes[0].port;
    Ok(Some((Balancing { target_group, listener_port, container, container_port, pair }, wishes)))
}

/// A canary or a linear shift without a load balancer has no traffic to move.
fn refuse_shift_without_listener(entry: &ServiceEntry, site: &Site<'_>) -> Result<(), Fault> {
    match deployment::strategy(entry.deployment.as_ref()) {
        StrategyWord::Rolling | StrategyWord::BlueGreen => Ok(()),
        StrategyWord::Canary | StrategyWord::Linear => Err(site
            .below("deployment")
            .fault("moves traffic in steps, but the service has no `listener`")
            .instead("add `listener: { port: … }`, or use `strategy: blue_green`")),
    }
}

/// Without a load balancer there are no requests to copy.
fn refuse_mirror_without_listener(entry: &ServiceEntry, site: &Site<'_>) -> Result<(), Fault> {
    match entry.deployment.as_ref().and_then(|deployment| deployment.mirror) {
        None => Ok(()),
        Some(_) => Err(site
            .below("deployment")
            .below("mirror")
            .fault("copies the load balancer's requests, but the service has no `listener`")
            .instead("add `listener: { port: … }`, or remove `mirror`")),
    }
}

/// The share to be mirrored, where the target can.
fn mirror(scene: &Scene<'_>, entry: &ServiceEntry) -> Option<Share> {
    match scene.environment.target.extensions() {
        Extensions::Available => entry.deployment.as_ref().and_then(|deployment| deployment.mirror),
        Extensions::Missing => None,
    }
}

fn refuse_doubled_keys(site: &Site<'_>) -> Result<(), Fault> {
    match service::SERVICE_KEYS.into_iter().find(|key| site.node.get(key).is_some()) {
        None => Ok(()),
        Some(key) => {
            let fault = site.below(key).fault("stands beside a `service_definition`, which says this itself");
            Err(fault.instead(format!(
                "move `{key}` into the service definition; only desired_count, auto_scaling and fail_fast may stay"
            )))
        }
    }
}

fn refuse_daemon_count(plan: &ServicePlan, site: &Site<'_>) -> Result<(), Fault> {
    if plan.service["schedulingStrategy"] != "DAEMON" {
        return Ok(());
    }
    match (plan.desired_count, plan.auto_scaling.plan()) {
        (_, Some(_)) => Err(site.fault("is a DAEMON service, which cannot be scaled").instead("remove `auto_scaling`")),
        (DesiredCount::Configured(_), None) => {
            Err(site.fault("is a DAEMON service, which has no desired count").instead("remove the desired count"))
        }
        (DesiredCount::AtCreation(_), None) => Ok(()),
    }
}

fn switch_rollback_off(document: &mut serde_json::Map<String, Json>) {
    let mechanisms = ["deploymentCircuitBreaker", "alarms"];
    if let Some(Json::Object(configuration)) = document.get_mut("deploymentConfiguration") {
        for mechanism in mechanisms {
            if let Some(Json::Object(settings)) = configuration.get_mut(mechanism) {
                settings.insert("rollback".into(), json!(false));
            }
        }
    }
}

fn lacks_network(scene: &Scene<'_>) -> Fault {
    Fault::new(format!("environment `{}` has no `network`, which AWS needs", scene.environment.name))
        .instead("add `network: { subnets: [subnet-…, subnet-…], security_groups: [sg-…] }` to the environment")
}

fn network(entry: &NetworkEntry) -> Network {
    Network {
        subnets: entry.subnets.values().to_vec(),
        security_groups: entry.security_groups.as_ref().map(|groups| groups.values().to_vec()).unwrap_or_default(),
        public_address: if entry.assign_public_ip.unwrap_or(false) {
            PublicAddress::Assigned
        } else {
            PublicAddress::None
        },
        scheme: entry.scheme.unwrap_or(Scheme::InternetFacing),
    }
}

fn text(document: &serde_json::Map<String, Json>, member: &str) -> Option<String> {
    document.get(member).and_then(Json::as_str).map(ToOwned::to_owned)
}
