//! The load balancer of the environment. On AWS a new one takes minutes; tasks behind one that is not ready would fail
//! their checks, so its readiness is awaited here.

use std::time::{Duration, Instant};

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer, LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum,
};
use serde_json::Value as Json;

use super::tags::{for_elb, tags};
use super::{Age, Ensuring, to_come};
use crate::aws::{CallError, Connection, DoingExt};
use crate::config::Scheme;
use crate::difference::Difference;
use crate::error::ReleaseError;
use crate::plan::LoadBalancerPlan;
use crate::report::{Change, Event, Resource};

/// Longest wait for a new load balancer: AWS takes two to five minutes; its own waiter gives up after ten.
const READY_LIMIT: Duration = Duration::from_secs(600);

/// Code of the answer to a name that nobody has.
pub(crate) const MISSING: &str = "LoadBalancerNotFound";

/// What later steps need of the load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    pub arn: String,
    pub age: Age,
    pub dns_name: String,
    pub vpc: Option<String>,
}

impl Balancer {
    /// One that a rehearsal did not make.
    fn to_come(wanted: &LoadBalancerPlan) -> Self {
        Self { arn: to_come(Resource::LoadBalancer, &wanted.name), age: Age::New, dns_name: String::new(), vpc: None }
    }
}

/// What a new load balancer is made with.
fn settings(wanted: &LoadBalancerPlan) -> Vec<Difference> {
    let network = &wanted.network;
    let scheme = match network.scheme {
        Scheme::InternetFacing => "internet-facing",
        Scheme::Internal => "internal",
    };
    let mut settings = vec![
        Difference::new("scheme", Json::Null, scheme),
        Difference::new("subnets", Json::Null, network.subnets.clone()),
    ];
    if !network.security_groups.is_empty() {
        settings.push(Difference::new("securityGroups", Json::Null, network.security_groups.clone()));
    }
    settings
}

/// Finds the load balancer of this name.
pub(crate) async fn find(connection: &Connection, name: &str) -> Result<Option<LoadBalancer>, CallError> {
    let described = connection.elb.describe_load_balancers().names(name).send().await;
    match described.doing(|| format!("looking for load balancer {name}")) {
        Ok(output) => Ok(output.load_balancers().first().cloned()),
        Err(error) if error.has_code(MISSING) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the load balancer unless it exists, and waits until it is active.
pub(super) async fn load_balancer(
    ensuring: &Ensuring<'_>,
    wanted: &LoadBalancerPlan,
) -> Result<Balancer, ReleaseError> {
    let (mut found, change) = match find(ensuring.connection, &wanted.name).await? {
        Some(found) => (found, Change::Unchanged),
        None => {
            let change = Change::Created(settings(wanted));
            if !ensuring.carries_out() {
                ensuring.report.ensured(Resource::LoadBalancer, &wanted.name, None, change);
                return Ok(Balancer::to_come(wanted));
            }
            (create(ensuring, wanted).await?, change)
        }
    };
    let age = if change == Change::Unchanged { Age::Known } else { Age::New };
    ensuring.report.ensured(Resource::LoadBalancer, &wanted.name, None, change);
    let deadline = Instant::now() + READY_LIMIT;
    let mut interrupt = ensuring.interrupt.clone();
    let mut told = false;
    while ensuring.carries_out() && !is_active(&found) {
        if Instant::now() >= deadline {
            let what = format!("load balancer {} to become active", wanted.name);
            return Err(ReleaseError::TookTooLong { what, limit: READY_LIMIT });
        }
        if !std::mem::replace(&mut told, true) {
            let note =
                format!("waiting for load balancer {} to become active; a new one takes AWS some minutes", wanted.name);
            ensuring.report.send(Event::Note(note));
        }
        if interrupt.sleep(ensuring.connection.poll_interval()).await {
            return Err(ReleaseError::Interrupted { before: "the load balancer was active".into() });
        }
        found =
            find(ensuring.connection, &wanted.name).await?.ok_or(ReleaseError::Incomplete("the new load balancer"))?;
    }
    Ok(Balancer {
        arn: found.load_balancer_arn().ok_or(ReleaseError::Incomplete("the load balancer's ARN"))?.to_owned(),
        age,
        dns_name: found.dns_name().unwrap_or_default().to_owned(),
        vpc: found.vpc_id().map(ToOwned::to_owned),
    })
}

async fn create(ensuring: &Ensuring<'_>, wanted: &LoadBalancerPlan) -> Result<LoadBalancer, ReleaseError> {
    let scheme = match wanted.network.scheme {
        Scheme::InternetFacing => LoadBalancerSchemeEnum::InternetFacing,
        Scheme::Internal => LoadBalancerSchemeEnum::Internal,
    };
    let groups = (!wanted.network.security_groups.is_empty()).then(|| wanted.network.security_groups.clone());
    let created = ensuring
        .connection
        .elb
        .create_load_balancer()
        .name(&wanted.name)
        .r#type(LoadBalancerTypeEnum::Application)
        .scheme(scheme)
        .set_subnets(Some(wanted.network.subnets.clone()))
        .set_security_groups(groups)
        .set_tags(Some(for_elb(tags(ensuring.plan, None))))
        .send()
        .await
        .doing(|| format!("creating load balancer {}", wanted.name))?;
    created.load_balancers().first().cloned().ok_or(ReleaseError::Incomplete("the new load balancer"))
}

/// An endpoint that reports no state has no start-up to wait for.
fn is_active(balancer: &LoadBalancer) -> bool {
    match balancer.state().and_then(|state| state.code()) {
        Some(code) => *code != LoadBalancerStateEnum::Provisioning,
        None => true,
    }
}
