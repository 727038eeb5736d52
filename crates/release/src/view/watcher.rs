//! Fetches what a [`WatchView`] shows, look by look. What never changes is asked for once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{Service, ServiceDeployment};
use futures_util::future::try_join_all;
use time::OffsetDateTime;

use super::alarms::{alarms, names};
use super::failures::{self, failures};
use super::metrics::{Group, Resolution, rates_of};
use super::rates::Rates;
use super::revisions::{Known, group, revision_arn};
use super::service::{Seen, going_on, not_deployed, view};
use super::stages::{Entered, entered};
use super::{ServiceView, WatchView, deployment};
use crate::aws::{CallError, Connection, DoingExt, MISSING_SERVICE};
use crate::definitions;
use crate::ensure::load_balancer;
use crate::ensure::service::{describe, primary_id};
use crate::error::ReleaseError;
use crate::plan::{Plan, ServicePlan};
use crate::urls::{ServiceUrl, urls};
use crate::watch::locate::latest;
use crate::watch::look::{self, Look};
use crate::watch::names::ids as named_ids;
use crate::watch::traffic::traffic;

/// Most service revisions ECS describes in one call.
const REVISIONS_PER_CALL: usize = 20;

/// Most revisions of a service that are remembered beside those that are shown: events name earlier ones.
const REVISIONS_MAX: usize = 50;

/// Looks at an environment again and again.
#[derive(Debug)]
pub struct Watcher {
    connection: Connection,
    plan: Plan,
    /// Where services answer; none before the load balancer has been found.
    urls: Option<Vec<ServiceUrl>>,
    memories: Vec<Memory>,
}

/// What is remembered of a service from look to look.
#[derive(Debug, Default)]
struct Memory {
    /// The last deployment known.
    deployment: Option<ServiceDeployment>,
    /// The newest entry of the service when ECS was asked for the last deployment of a service that has none going on.
    asked_for_last_at: Option<String>,
    revisions: BTreeMap<String, Known>,
    /// Load balancers by the target groups behind them.
    balancers: BTreeMap<String, String>,
    entered: Option<Entered>,
    /// The new revision's share of production traffic.
    share: Option<f64>,
    rates: BTreeMap<String, Rates>,
    resolution: Resolution,
    rates_read: Option<Instant>,
    failures: failures::Read,
}

impl Watcher {
    /// A watcher of the services of a plan.
    pub fn new(connection: Connection, plan: Plan) -> Self {
        let memories = plan.services.iter().map(|_| Memory::default()).collect();
        Self { connection, plan, urls: None, memories }
    }

    /// How much longer a look may take because services wait for each other, so that AWS's limits are kept.
    pub fn spread(&self) -> Duration {
        self.connection.looks.spread(self.plan.services.len())
    }

    /// Looks once at everything.
    pub async fn look(&mut self) -> Result<WatchView, ReleaseError> {
        if self.urls.is_none() {
            self.urls = find_urls(&self.connection, &self.plan).await?;
        }
        let now = OffsetDateTime::now_utc();
        let (connection, all_urls) = (&self.connection, self.urls.as_deref().unwrap_or_default());
        let services = self.plan.services.iter().zip(&mut self.memories).map(|(service, memory)| {
            let urls = all_urls.iter().filter(|url| url.service == service.name).cloned().collect();
            service_view(connection, service, urls, memory, now)
        });
        let services = try_join_all(services).await?;
        Ok(WatchView {
            app: self.plan.app.clone(),
            environment: self.plan.environment.name.clone(),
            at: now,
            time_scale: connection.time_scale(),
            services,
        })
    }
}

/// None while there is no load balancer.
async fn find_urls(connection: &Connection, plan: &Plan) -> Result<Option<Vec<ServiceUrl>>, ReleaseError> {
    let Some(balancer) = &plan.load_balancer else { return Ok(Some(Vec::new())) };
    let found = load_balancer::find(connection, &balancer.name).await?;
    Ok(found.and_then(|found| found.dns_name.map(|host| urls(plan, &host))))
}

async fn service_view(
    connection: &Connection,
    plan: &ServicePlan,
    urls: Vec<ServiceUrl>,
    memory: &mut Memory,
    now: OffsetDateTime,
) -> Result<ServiceView, ReleaseError> {
    connection.looks.turn().await;
    let Some((service, _)) = describe(connection, &plan.cluster, &plan.service_name).await? else {
        *memory = Memory::default();
        return Ok(not_deployed(&plan.name));
    };
    memory.look_at_deployment(connection, plan, &service).await?;
    let tasks = look::tasks(connection, &plan.cluster, &plan.service_name).await?;
    let facts = look::health_facts(connection, &plan.cluster, &service, &tasks).await?;
    let deployment = memory.deployment.clone();
    memory.entered = deployment.as_ref().and_then(|deployment| memory.stage(deployment, &service, now));
    let mut seen = Seen {
        name: plan.name.clone(),
        steering: plan.steering.clone(),
        urls,
        deployment,
        tasks,
        facts,
        revisions: BTreeMap::new(),
        rates: BTreeMap::new(),
        entered: memory.entered,
        alarms: Vec::new(),
        failures: Vec::new(),
        remarks: Vec::new(),
        service,
    };
    memory.learn_revisions(connection, &seen).await?;
    seen.revisions.clone_from(&memory.revisions);
    // Rights to read metrics and alarms may be missing where those to read services are there.
    let rates = memory.read_rates(connection, &seen, now).await;
    seen.rates = or_remark(rates, &mut seen.remarks)?;
    let alarms = alarms(connection, &names(&seen.service, seen.going_on())).await;
    seen.alarms = or_remark(alarms, &mut seen.remarks)?;
    if let Some(deployment) = &seen.deployment {
        let look = Look {
            deployment: deployment.clone(),
            service: seen.service.clone(),
            tasks: Vec::new(),
            facts: seen.facts.clone(),
        };
        let id = deployment::id(&look);
        seen.failures = failures(connection, &seen.service, &seen.tasks, &id, &mut memory.failures).await;
    }
    Ok(view(seen, connection.time_scale(), now))
}

/// What could be read; what was refused is a remark. An endpoint that does not answer is an error all the same.
fn or_remark<T: Default>(read: Result<T, CallError>, remarks: &mut Vec<String>) -> Result<T, CallError> {
    match read {
        Err(error) if !error.is_transient() => {
            remarks.push(error.to_string());
            Ok(T::default())
        }
        other => other,
    }
}

impl Memory {
    /// Looks at the deployment going on; once it is over, at how it ended.
    async fn look_at_deployment(
        &mut self,
        connection: &Connection,
        plan: &ServicePlan,
        service: &Service,
    ) -> Result<(), CallError> {
        let current = service.current_service_deployment().map(ToOwned::to_owned);
        let unfinished = || going_on(self.deployment.as_ref())?.service_deployment_arn().map(ToOwned::to_owned);
        let newest = primary_id(service).map(ToOwned::to_owned);
        let arn = match current.or_else(unfinished) {
            Some(arn) => Some(arn),
            // Nothing has begun since.
            None if self.asked_for_last_at == newest => None,
            None => {
                let latest = latest(connection, plan).await?;
                latest.and_then(|brief| brief.service_deployment_arn().map(ToOwned::to_owned))
            }
        };
        self.asked_for_last_at = newest;
        if let Some(arn) = arn
            && let Some(found) = look::deployment(connection, &arn).await?
        {
            self.deployment = Some(found);
        }
        Ok(())
    }

    /// The stage a deployment is in. Without an event that tells since when, it is since it was first seen.
    fn stage(&mut self, deployment: &ServiceDeployment, service: &Service, now: OffsetDateTime) -> Option<Entered> {
        let (stage, event) = entered(deployment, service)?;
        // Each step of a shift begins the stage anew.
        let share = traffic(deployment).map(|traffic| traffic.production);
        let seen_before = self.entered.filter(|before| before.stage == stage && self.share == share);
        self.share = share;
        event.or(seen_before).or(Some(Entered { stage, at: now }))
    }

    /// Asks for the revisions that are shown and not known yet, or whose target group was not.
    async fn learn_revisions(&mut self, connection: &Connection, seen: &Seen) -> Result<(), CallError> {
        let ids = seen.ids();
        if self.revisions.len() > REVISIONS_MAX {
            self.revisions.retain(|known, _| ids.iter().any(|(id, _)| id == known));
        }
        let has_pair = seen.service.load_balancers().iter().any(|balancer| balancer.advanced_configuration().is_some());
        // Which target group a revision has may be told later than what it is.
        let is_known = |id: &str| self.revisions.get(id).is_some_and(|known| !has_pair || known.group.is_some());
        let shown = ids.iter().map(|(id, _)| id.as_str()).filter(|id| !is_known(id));
        let messages = seen.service.events().iter().filter_map(|event| event.message());
        let named = messages.flat_map(named_ids).filter(|id| !self.revisions.contains_key(*id));
        let unknown: BTreeSet<&str> = shown.chain(named).take(REVISIONS_PER_CALL).collect();
        let arns: Vec<String> = unknown.iter().filter_map(|id| revision_arn(&seen.service, id)).collect();
        // What ECS does not know is not asked for again.
        let absent: Vec<String> = unknown.into_iter().map(ToOwned::to_owned).collect();
        if arns.is_empty() {
            return Ok(());
        }
        let described = connection
            .ecs
            .describe_service_revisions()
            .set_service_revision_arns(Some(arns))
            .send()
            .await
            .doing(|| format!("reading the revisions of service {}", seen.name));
        let described = match described {
            Ok(described) => described,
            // The service was deleted since.
            Err(error) if error.has_code(MISSING_SERVICE) => return Ok(()),
            Err(error) => return Err(error),
        };
        for id in absent {
            self.revisions.entry(id).or_default();
        }
        for revision in described.service_revisions() {
            let mut known = Known::of(revision);
            if let Some(definition) = &known.task_definition {
                known.version = definitions::facts(connection, definition).await?.and_then(|facts| facts.version);
            }
            if let Some(id) = revision.service_revision_arn().and_then(super::revisions::id_of) {
                self.revisions.insert(id, known);
            }
        }
        Ok(())
    }

    /// The rates of the target groups that are shown; the last ones while it is too early to ask again.
    async fn read_rates(
        &mut self,
        connection: &Connection,
        seen: &Seen,
        now: OffsetDateTime,
    ) -> Result<BTreeMap<String, Rates>, CallError> {
        let ids = seen.ids();
        let arns = ids.iter().filter_map(|(id, _)| group(&seen.service, self.revisions.get(id)));
        let groups = self.behind_balancers(connection, arns.map(ToOwned::to_owned).collect()).await?;
        let is_early = self.rates_read.is_some_and(|at| at.elapsed() < self.resolution.interval(connection));
        let has_all = groups.iter().all(|group| self.rates.contains_key(&group.group));
        if groups.is_empty() || (is_early && has_all) {
            return Ok(self.rates.clone());
        }
        self.rates_read = Some(Instant::now());
        let (rates, resolution) = rates_of(connection, &groups, self.resolution, connection.time_scale(), now).await?;
        self.resolution = resolution;
        self.rates = rates;
        Ok(self.rates.clone())
    }

    /// These target groups with their load balancers; those that no listener leads to are left out.
    async fn behind_balancers(
        &mut self,
        connection: &Connection,
        mut arns: Vec<String>,
    ) -> Result<Vec<Group>, CallError> {
        arns.sort();
        arns.dedup();
        let unknown: Vec<String> = arns.iter().filter(|arn| !self.balancers.contains_key(*arn)).cloned().collect();
        if !unknown.is_empty() {
            let described = connection
                .elb
                .describe_target_groups()
                .set_target_group_arns(Some(unknown))
                .send()
                .await
                .doing(|| "reading target groups".into())?;
            let pair = |group: &aws_sdk_elasticloadbalancingv2::types::TargetGroup| {
                Some((group.target_group_arn()?.to_owned(), group.load_balancer_arns().first()?.clone()))
            };
            self.balancers.extend(described.target_groups().iter().filter_map(pair));
        }
        let with_balancer = |group: String| {
            let balancer = self.balancers.get(&group)?.clone();
            Some(Group { group, balancer })
        };
        Ok(arns.into_iter().filter_map(with_balancer).collect())
    }
}
